"""What a language model is asked with the texts that lie beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.authoring.language_models import evaluations_on, text_tables


def drafted(
    folder: Path, rows: list[dict[str, str]], config: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """The arguments of each evaluation by its task."""
    path = folder / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "config.json").write_text(json.dumps(config))
    (table,) = text_tables([path])
    return {each.task: each.args for each in evaluations_on(table, folder)}


def words(folder: Path) -> None:
    """A tokenizer of a token a word, which was saved to cut what is longer than two."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(2)
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.mark.parametrize(
    ("prompt", "config", "new"),
    [
        ("the big cat", {"n_positions": 1024}, 32),
        ("the big cat", {}, 32),
        ("the big cat", {"n_positions": 32}, 29),
        ("the big cat", {"max_position_embeddings": 32, "n_positions": 1024}, 29),
        ("somewhat longer words " * 10, {"n_positions": 64}, 32),
        ("word " * 40, {"n_positions": 32}, 1),
    ],
)
def test_what_is_to_be_generated_fits_behind_the_longest_prompt(
    tmp_path: Path, prompt: str, config: dict[str, int], new: int
) -> None:
    words(tmp_path)
    found = drafted(tmp_path, [{"prompt": "a"}, {"prompt": prompt}], config)
    assert found == {"text_generation": {"temperature": 0.0, "max_new_tokens": new}}


def test_without_a_tokenizer_that_can_be_read_a_byte_counts_as_a_token(tmp_path: Path) -> None:
    found = drafted(tmp_path, [{"prompt": "the big cat"}], {"n_positions": 32})
    assert found["text_generation"]["max_new_tokens"] == 32 - 11 - 2


@pytest.mark.parametrize("damaged", ["version https://git-lfs.github.com/spec/v1\n", "{}"])
def test_a_tokenizer_that_is_damaged_is_none(tmp_path: Path, damaged: str) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "tokenizer.json").write_text(damaged)
    found = drafted(tmp_path, [{"prompt": "the big cat"}], {"n_positions": 32})
    assert found["text_generation"]["max_new_tokens"] == 32 - 11 - 2


def test_texts_beside_prompts_are_measured_too(tmp_path: Path) -> None:
    rows = [{"text": "the big cat sat", "prompt": "the big", "reference": "cat sat"}]
    found = drafted(tmp_path, rows, {"n_positions": 1024})
    assert set(found) == {"text_generation", "language_modeling"}
    assert found["text_generation"]["reference"] == "reference"
