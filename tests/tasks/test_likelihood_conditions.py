"""A likelihood is of all of a text, and of a network that does not see what it predicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    BertConfig,
    BertLMHeadModel,
    GPT2Config,
    GPT2LMHeadModel,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedTokenizerFast,
)

from pytest_modelqa.datasets.loaded import from_fields
from pytest_modelqa.errors import EvaluationError
from pytest_modelqa.models.transformers_directory import TextModel, load_directory
from pytest_modelqa.tasks.language_modeling import LanguageModeling
from pytest_modelqa.tasks.likelihood_conditions import Encoded, demand_known, demand_no_look_ahead, encoded
from pytest_modelqa.tasks.text_declarations import LanguageModelingArgs

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
NETWORKS: dict[str, tuple[Any, Any]] = {
    "masked": (BertLMHeadModel, BertConfig(**SIZES)),
    "decoder": (BertLMHeadModel, BertConfig(**SIZES, is_decoder=True)),
    "experts": (MixtralForCausalLM, MixtralConfig(**SIZES, num_key_value_heads=2)),
    "gpt2": (GPT2LMHeadModel, GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2)),
}


def network(name: str) -> Any:
    kind, config = NETWORKS[name]
    torch.manual_seed(0)
    return kind(config).eval()


@pytest.mark.parametrize("length", [2, 4, 40])
def test_a_network_that_looks_ahead_is_refused(length: int) -> None:
    with pytest.raises(EvaluationError, match="looks ahead") as caught:
        demand_no_look_ahead(network("masked"), list(range(3, 3 + length)), torch.device("cpu"))
    assert "BertLMHeadModel" in str(caught.value.found)


@pytest.mark.parametrize("tokens", [[5, 6], [7, 7], [3, 9, 12, 30, 4, 4, 8]])
@pytest.mark.parametrize("name", ["decoder", "experts", "gpt2"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_causal_networks_are_not(name: str, tokens: list[int], precision: torch.dtype) -> None:
    demand_no_look_ahead(network(name).to(precision), tokens, torch.device("cpu"))


def tokenizer(model: Any, normalizer: Any = None, **signs: str) -> PreTrainedTokenizerFast:
    made = Tokenizer(model)
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.Fuse()
    if normalizer is not None:
        made.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=made, **signs)


def cut(tokenizer: Any, text: str) -> Encoded:
    (found,) = encoded(tokenizer, [text])
    return found


WORDS = {"[UNK]": 0, "the": 1, "cat": 2, ".": 3}


@pytest.mark.parametrize("signs", [{}, {"unk_token": "[UNK]"}])
def test_unknown_words_are_found_also_where_only_the_tokenizer_beneath_names_their_sign(
    signs: dict[str, str],
) -> None:
    words = tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"), **signs)
    assert cut(words, "the cat.").unknown == ()
    found = cut(words, "the dog the cow.")
    assert (found.tokens, found.unknown, found.dropped) == ([1, 0, 1, 0, 3], ("dog", "cow"), ())


def test_unknown_pieces_of_unigrams_are_found() -> None:
    unigrams = tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -2.0)], 0))
    assert cut(unigrams, "abxxa").unknown == ("xx",)


def test_a_sign_that_the_text_itself_holds_is_known() -> None:
    words = tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"), unk_token="[UNK]")
    assert cut(words, "the [UNK] cat").unknown == ()


def test_characters_that_are_left_out_are_found() -> None:
    pairs = tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    found = cut(pairs, "ab Xb a\u00fc")
    assert (found.tokens, found.unknown, found.dropped) == ([2, 1, 0], (), ("x", "u"))


def test_wrong_places_alone_are_no_loss() -> None:
    class Misplaced(PreTrainedTokenizerFast):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return {**super().__call__(*args, **kwargs), "offset_mapping": [(0, 0), (0, 0)]}

    made = Tokenizer(models.WordLevel({"a": 0, "B": 1}, unk_token="a"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    assert cut(Misplaced(tokenizer_object=made), "B B").dropped == ()


def test_what_a_normalizer_changes_is_neither_unknown_nor_left_out() -> None:
    normal = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    pairs = tokenizer(models.BPE({"a": 0, "b": 1}, []), normal)
    found = cut(pairs, "A b\u00e4 a\u0308\u200b\n")
    assert (found.unknown, found.dropped) == ((), ())


def test_a_tokenizer_without_places_is_counted_by_its_sign() -> None:
    class Slow:
        is_fast, unk_token, unk_token_id = False, "<unk>", 0

        def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
            return {"input_ids": [WORDS.get(word, 0) for word in text.split()]}

    assert len(cut(Slow(), "the dog <unk> cow").unknown) == 2
    assert cut(Slow(), "the <unk> cat").unknown == ()


def test_how_much_is_unknown_is_told() -> None:
    words = tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    texts = encoded(words, ["the cat.", "the dog.", "a cow"])
    demand_known(["a", "b", "c"][:1], texts[:1])
    with pytest.raises(EvaluationError, match="does not know all that stands in the texts") as caught:
        demand_known(["a", "b", "c"], texts)
    assert (
        caught.value.found == "3 of 8 tokens stand for what is unknown, first 'dog' in the text of sample 'b'"
    )


def fit(model: TextModel, text: str) -> None:
    task = LanguageModeling(LanguageModelingArgs())
    task.prepare(from_fields({"id": ["t"], "text": [text]}, "texts"))
    setting: Any = SimpleNamespace(model=model, device=torch.device("cpu"))
    task.fit(setting)


def test_language_modeling_refuses_both(write_language_model: Callable[..., Path], tmp_path: Path) -> None:
    small = load_directory(
        write_language_model(tmp_path / "lm", vocabulary=["?", "a", " "]), "lm", torch.float32
    ).eval()
    fit(small, "a a?")
    with pytest.raises(EvaluationError, match="the tokenizer does not know"):
        fit(small, "a quick fox")
    with pytest.raises(EvaluationError, match="looks ahead"):
        fit(TextModel(network("masked"), small.tokenizer), "a a?")
