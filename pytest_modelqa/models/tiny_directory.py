"""A transformers directory cut down to what runs in a second: its class and tokenizer, with random weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from .transformers_directory import TextModel, classes_of

# The names that configurations of transformers give to depth, width and number of experts.
_DEPTH = (
    "num_hidden_layers",
    "n_layer",
    "num_layers",
    "num_decoder_layers",
    "encoder_layers",
    "decoder_layers",
)
_SMALL: Mapping[str, int] = {
    **dict.fromkeys(_DEPTH, 2),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model"), 32),
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "num_key_value_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("head_dim", "d_kv"), 16),
    **dict.fromkeys(("intermediate_size", "n_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok"), 2),
    "moe_intermediate_size": 32,
}


def tiny_of_directory(path: Path, name: str, seed: int = 0) -> TextModel:
    """A network of the directory's class, with its vocabulary and tokenizer, of two narrow layers.

    Where the class does not take a narrow configuration only its depth is cut.

    Args:
        path: Absolute.
        name: The model's in the spec, for messages.
        seed: Of its random weights.

    Raises:
        MissingDependencyError: transformers is not installed, or too old to be safe.
        CheckpointError: The directory names no class of transformers, or has no configuration or tokenizer.
    """
    network_class, tokenizer_class = classes_of(path, name)
    try:
        config = network_class.config_class.from_pretrained(path, local_files_only=True)
        tokenizer = tokenizer_class.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise CheckpointError(
            f"transformers cannot read the configuration or the tokenizer of {name!r}",
            where=str(path),
            found=f"{type(error).__name__}: {str(error).strip()[:500]}",
            todo="save them anew with config.save_pretrained(…) and tokenizer.save_pretrained(…)",
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = network_class(_cut(config, _SMALL))
        # Of sizes that do not fit together: each class checks its own.
        except (RuntimeError, ValueError, TypeError, AssertionError, ZeroDivisionError, AttributeError):
            network = network_class(_cut(config, dict.fromkeys(_DEPTH, 2)))
    return TextModel(network, tokenizer)


def _cut(config: Any, sizes: Mapping[str, int]) -> Any:
    """A copy with these sizes, where it names them and they are larger."""
    small = copy.deepcopy(config)
    for key, size in sizes.items():
        value = getattr(small, key, None)
        if isinstance(value, int) and not isinstance(value, bool) and value > size:
            setattr(small, key, size)
    kinds = getattr(small, "layer_types", None)
    if isinstance(kinds, list):
        small.layer_types = kinds[:2]
    return small
