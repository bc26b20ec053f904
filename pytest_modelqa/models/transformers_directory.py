"""A directory that transformers wrote, as a model: weights, configuration and tokenizer of one place.

Nothing is fetched, no code of the directory is run, and no pickle is read. What transformers only logs (parameters
that the checkpoint lacks and that are then random, parameters that it has and the model has not) is an error here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..errors import CheckpointError, MissingDependencyError
from .finite import check_finite

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Before it, a directory's config.json could fetch code from the Hub and run it: CVE-2026-4372, CVE-2026-5241.
_OLDEST = (5, 6)


class TextModel(nn.Module):
    """A network of transformers with its tokenizer; called with texts it gives their embeddings.

    Attributes:
        network: As the class that ``architectures`` in config.json names.
        tokenizer: Of the same directory.
    """

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__()
        # Its type does not say that it can generate.
        self.network: Any = network
        self.tokenizer = tokenizer

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """The mean of the last hidden states of each text's tokens, shape (texts, width).

        Texts are cut at the most tokens that the tokenizer names.
        """
        device = next(self.network.parameters()).device
        # On the right, whatever the tokenizer does: padding before a text would move its positions.
        encoded = self.tokenizer(
            list(texts), padding=True, padding_side="right", truncation=True, return_tensors="pt"
        ).to(device)
        hidden = self.network(**encoded, output_hidden_states=True).hidden_states[-1]
        mask = encoded["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean: torch.Tensor = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        return mean


def load_directory(path: Path, name: str, precision: torch.dtype) -> TextModel:
    """The network and tokenizer of a directory, on the CPU.

    Args:
        path: Absolute; see ``files.checkpoint_files`` for what belongs to it.
        name: The model's in the spec, for messages.
        precision: What the weights are cast to.

    Raises:
        MissingDependencyError: transformers is not installed, or too old to be safe.
        CheckpointError: The directory names a class that transformers does not have, has no tokenizer, does not fit,
            or holds NaN or Inf.
    """
    network_class, tokenizer_class = classes_of(path, name)
    # ValueError and OSError: of a file that is missing or damaged. RuntimeError: of shapes that do not fit.
    try:
        network, found = network_class.from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            dtype=precision,
        )
        tokenizer = tokenizer_class.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise CheckpointError(
            f"transformers cannot load the model {name!r}",
            where=str(path),
            found=f"{type(error).__name__}: {str(error).strip()[:500]}",
            todo="save it anew with model.save_pretrained(…) and tokenizer.save_pretrained(…)",
        ) from error
    _demand_all(found, path, name)
    weights = dict(network.named_parameters())
    try:
        check_finite(weights, weights, set(weights), path)
    except CheckpointError as error:
        if precision == torch.float16:
            # What transformers has cast cannot be told from what the file holds.
            error.todo = (
                "choose a wider `precision`; if the file itself holds them, take an earlier checkpoint"
            )
        raise
    return TextModel(network, tokenizer)


def classes_of(path: Path, name: str) -> tuple[Any, Any]:
    """The network's class, as the directory's ``config.json`` names it, and that of tokenizers.

    Raises:
        MissingDependencyError: transformers is not installed, or too old to be safe.
        CheckpointError: The directory names a class that transformers does not have.
    """
    architecture = _architecture(path, name)
    # Read when the library is imported; local_files_only alone leaves some look-ups to the Hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "a transformers directory needs the package transformers, which is not installed",
            where=str(path),
            todo="pip install 'pytest-modelqa[text]'",
        ) from error
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    if version < _OLDEST:
        raise MissingDependencyError(
            f"transformers {transformers.__version__} makes a tokenizer where a directory has none, and before 5.5 "
            "can be made to run code by a config.json (CVE-2026-4372)",
            expected="at least 5.6",
            todo="pip install -U 'pytest-modelqa[text]'",
        )
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    found = getattr(transformers, architecture, None)
    if not (isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)):
        raise CheckpointError(
            f"transformers {transformers.__version__} has no class {architecture}, which the model {name!r} is of",
            where=str(path / "config.json"),
            expected="an architecture of transformers itself; code in the directory is never run",
            todo="install a transformers that has it, or write build: with a class of your own",
        )
    return found, transformers.AutoTokenizer


def _architecture(path: Path, name: str) -> str:
    try:
        config = json.loads((path / "config.json").read_bytes())
        (architecture,) = config["architectures"]
        return str(architecture)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"the configuration of the model {name!r} does not say what it is",
            where=str(path / "config.json"),
            expected='JSON with "architectures": ["…ForCausalLM"]',
            found=f"{type(error).__name__}: {error}",
            todo="save it anew with model.save_pretrained(…)",
        ) from error


def _demand_all(found: Mapping[str, Any], path: Path, name: str) -> None:
    """Every parameter comes from the checkpoint, and every tensor of the checkpoint is used."""
    wrong = [
        (what, sorted(map(str, found.get(key) or ())))
        for what, key in (
            ("missing, and random where it was loaded", "missing_keys"),
            ("unexpected", "unexpected_keys"),
            ("of another shape", "mismatched_keys"),
            ("not readable", "error_msgs"),
        )
    ]
    told = [
        f"{len(names)} {what}: {', '.join(names[:3])}{' …' * (len(names) > 3)}"
        for what, names in wrong
        if names
    ]
    if told:
        raise CheckpointError(
            f"the weights of {name!r} do not fit its config.json",
            where=str(path),
            expected="every parameter of the model in the checkpoint, and no other",
            found="\n".join(told),
            todo="restore the config.json that the model was trained with, or save both anew",
        )
