"""Language models as transformers saved them, and the texts that they can be measured on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..datasets.csv_file import read_csv
from ..datasets.jsonl_file import read_jsonl
from ..datasets.parquet_file import read_parquet
from ..errors import CheckpointError, EvaluationError, ModelQAError
from ..models.files import TRANSFORMERS, checkpoint_files, recognise
from ..user_code import explained
from .draft import DraftCheck, DraftEvaluation

_READERS: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
# Larger tables are read by the run, not by a look at what there is.
_LARGEST_TABLE = 64 * 1024 * 1024
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt")
# What the fields of texts are called, the likeliest first.
_TEXTS = ("text", "content", "document", "sentence")
_PROMPTS = ("prompt", "question", "instruction", "input")
_REFERENCES = ("reference", "answer", "completion", "target", "response", "output")
_MAX_NEW_TOKENS = 32
# How configurations call the tokens that a model takes.
_CONTEXTS = ("max_position_embeddings", "n_positions", "n_ctx")


@dataclass(frozen=True)
class TextTable:
    """A table with texts.

    Attributes:
        fields: Those that hold a text in every row.
    """

    path: Path
    fields: frozenset[str]


def directories_among(documents: Mapping[Path, Any], notes: list[str]) -> Iterator[Path]:
    """The folders that transformers saved a model and its tokenizer to, told by their ``config.json``."""
    for path, content in documents.items():
        if path.name != "config.json" or not isinstance(content, dict) or "architectures" not in content:
            continue
        folder = path.parent
        try:
            if recognise(folder.absolute()) != TRANSFORMERS:
                continue
            checkpoint_files(folder.absolute())
        except CheckpointError as error:
            notes.append(f"passed over {folder.name}: {error.what}")
            continue
        if any((folder / name).is_file() for name in _TOKENIZERS):
            yield folder
        else:
            notes.append(f"passed over {folder.name}: a model of transformers without its tokenizer")


def text_tables(paths: Iterable[Path]) -> Iterator[TextTable]:
    """The tables that hold texts, each with the fields that do."""
    for path in paths:
        read = _READERS.get(path.suffix)
        if read is None or path.stat().st_size > _LARGEST_TABLE:
            continue
        try:
            content = read(path)
        # Of another form, or damaged: it is of no use here.
        except ModelQAError:
            continue
        texts = {name for name, values in content.items() if _are_texts(values)}
        if texts:
            yield TextTable(path, frozenset(texts))


def evaluations_on(table: TextTable, folder: Path) -> Iterator[DraftEvaluation]:
    """What a language model can be asked with these fields: to go on, to say how probable a text is.

    Args:
        folder: The model's, whose ``config.json`` says how many tokens it takes.
    """
    prompt = _first(_PROMPTS, table)
    if prompt is not None:
        prompts = [str(value) for value in _READERS[table.path.suffix](table.path)[prompt]]
        yield _generation(prompt, _first(_REFERENCES, table), _new_tokens(prompts, folder))
    text = _first(_TEXTS, table)
    if text is not None:
        args = {} if text == "text" else {"text": text}
        checks = (DraftCheck("perplexity", "max"), DraftCheck("bits_per_byte", "max"))
        yield DraftEvaluation("language", "language_modeling", "", "", args, checks)


def _new_tokens(prompts: Sequence[str], folder: Path) -> int:
    """How many tokens fit behind the longest prompt, at most ``_MAX_NEW_TOKENS``."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    context: int | None = next((config[key] for key in _CONTEXTS if isinstance(config.get(key), int)), None)
    # No tokenizer makes more tokens than bytes, but for the signs at the beginning and the end.
    longest = max(len(prompt.encode()) for prompt in prompts) + 2
    if context is None or longest + _MAX_NEW_TOKENS <= context:
        return _MAX_NEW_TOKENS
    return max(1, min(_MAX_NEW_TOKENS, context - _longest(prompts, folder, longest)))


def _longest(prompts: Sequence[str], folder: Path, at_most: int) -> int:
    """Tokens of the longest prompt; ``at_most`` where tokenizers cannot read the file."""
    path = folder / "tokenizer.json"
    if not path.is_file() or find_spec("tokenizers") is None:
        return at_most
    from tokenizers import Tokenizer

    try:
        # tokenizers raises Exception itself: for a pointer of Git LFS, or a later form of the file.
        with explained("tokenizer.json cannot be read", folder):
            tokenizer = Tokenizer.from_file(str(path))
    # What the draft is measured with says so.
    except EvaluationError:
        return at_most
    # What the file was saved with, not what the task does.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return max(len(encoding.ids) for encoding in tokenizer.encode_batch(list(prompts)))


def _generation(prompt: str, reference: str | None, new_tokens: int) -> DraftEvaluation:
    """Greedy, so that a draft measures the model and not the dice."""
    args: dict[str, Any] = {} if prompt == "prompt" else {"prompt": prompt}
    checks = [DraftCheck("distinct_2", "min"), DraftCheck("repetition", "max")]
    if reference is not None:
        args["reference"] = reference
        checks = [DraftCheck("chrf", "min"), DraftCheck("exact_match", "min"), *checks]
    args |= {"temperature": 0.0, "max_new_tokens": new_tokens}
    return DraftEvaluation("generation", "text_generation", "", "", args, tuple(checks))


def _first(names: Iterable[str], table: TextTable) -> str | None:
    return next((name for name in names if name in table.fields), None)


def _are_texts(values: Any) -> bool:
    listed = list(values)
    return bool(listed) and all(isinstance(value, str) for value in listed)
