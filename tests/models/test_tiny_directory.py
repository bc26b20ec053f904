"""A transformers directory is rehearsed with a network of its own class that runs in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.models.tiny_directory import tiny_of_directory

transformers = pytest.importorskip("transformers")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A tokenizer of three words; the configuration comes with each test, and no weights at all."""
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "a": 1, "b": 2}, unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", pad_token="<unk>")
    fast.save_pretrained(tmp_path)
    return tmp_path


WIDE: dict[str, Any] = {
    "vocab_size": 3,
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("LlamaForCausalLM", transformers.LlamaConfig(**WIDE, num_key_value_heads=4)),
        ("GPT2LMHeadModel", transformers.GPT2Config(vocab_size=3)),
        ("BertModel", transformers.BertConfig(**WIDE)),
        ("MixtralForCausalLM", transformers.MixtralConfig(**WIDE, num_key_value_heads=4)),
    ],
)
def test_the_network_is_of_its_class_and_small_and_computes(directory: Path, name: str, config: Any) -> None:
    config.architectures = [name]
    config.save_pretrained(directory)
    tiny = tiny_of_directory(directory, "candidate")
    assert type(tiny.network).__name__ == name
    assert sum(parameter.numel() for parameter in tiny.network.parameters()) < 100_000
    with torch.inference_mode():
        assert torch.isfinite(tiny(["a b", "b"])).all()


def test_two_models_of_one_directory_differ_by_their_seed(directory: Path) -> None:
    config = transformers.LlamaConfig(**WIDE)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(directory)
    one, same, other = [tiny_of_directory(directory, "candidate", seed) for seed in (1, 1, 2)]
    assert torch.equal(one(["a"]), same(["a"]))
    assert not torch.equal(one(["a"]), other(["a"]))


def test_a_directory_without_a_tokenizer_is_told_so(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(**WIDE)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(tmp_path)
    with pytest.raises(
        CheckpointError, match="cannot read the configuration or the tokenizer of 'candidate'"
    ):
        tiny_of_directory(tmp_path, "candidate")
