"""Which files of a transformers directory decide what the model gives. Imports no torch."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import CheckpointError

# Configuration, tokenizer (VOCAB_FILES_NAMES in transformers; bpe.codes is PhoBERT's), chat templates.
_SUFFIXES = frozenset({".json", ".txt", ".model", ".jinja", ".spm", ".tiktoken", ".codes", ".tokenizer"})
# And what training left beside them.
_OF_TRAINING = re.compile(r"(trainer_state|(all|train|eval)_results)\.json")


def directory_weights(path: Path) -> Path:
    """The safetensors file of a transformers directory, or the index of its shards.

    Raises:
        CheckpointError: There is neither, or an adapter.
    """
    if (path / "adapter_config.json").is_file():
        # Where peft is installed, transformers reads the weights from where this file says, which nobody hashed.
        raise CheckpointError(
            f"the directory holds an adapter, whose base model lies elsewhere: {path.name}",
            where=str(path / "adapter_config.json"),
            expected="all weights in one directory",
            todo="merge them and save the whole: model.merge_and_unload().save_pretrained(…); if it is the whole"
            " already, remove adapter_config.json",
        )
    for name in ("model.safetensors", "model.safetensors.index.json"):
        if (path / name).is_file():
            return path / name
    pickles = sorted(file.name for file in path.glob("*.bin"))
    raise CheckpointError(
        f"the directory has no safetensors weights: {path.name}",
        where=str(path),
        expected="model.safetensors, or model.safetensors.index.json with its shards",
        found=f"a pickle, which can run code when it is read: {', '.join(pickles[:3])}"
        if pickles
        else ", ".join(sorted(file.name for file in path.iterdir())[:8]) or "nothing",
        todo="load it where it was made, and save it with model.save_pretrained(…)",
    )


def files_beside_weights(path: Path) -> list[Path]:
    """The files of a directory that belong to its model, beside the weights."""
    inside = [*path.iterdir(), *path.glob("additional_chat_templates/*.jinja")]
    return [file for file in inside if file.suffix in _SUFFIXES and not _OF_TRAINING.fullmatch(file.name)]
