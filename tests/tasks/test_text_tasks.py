"""text_generation and language_modeling with a real, tiny language model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GenerationConfig

from pytest_modelqa.datasets.loaded import LoadedSamples, from_fields
from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.models.transformers_directory import TextModel, load_directory
from pytest_modelqa.tasks.forward import to_device
from pytest_modelqa.tasks.language_modeling import LanguageModeling, windows
from pytest_modelqa.tasks.text_declarations import LanguageModelingArgs, TextGenerationArgs
from pytest_modelqa.tasks.text_generation import TextGeneration

CPU = torch.device("cpu")
PROMPTS = ["a", "the cat", "why", "it was a dark and stormy night", "zz top"]
IDS = [f"p{number}" for number in range(len(PROMPTS))]


@pytest.fixture(scope="module")
def lm(write_language_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    return load_directory(
        write_language_model(tmp_path_factory.mktemp("lm") / "lm"), "lm", torch.float32
    ).eval()


def data(**fields: Sequence[Any]) -> LoadedSamples:
    return from_fields({"id": IDS, "prompt": PROMPTS, "reference": PROMPTS, **fields}, "prompts")


class Running:
    """A task as the worker runs it."""

    def __init__(
        self, task: Any, model: torch.nn.Module, dataset: LoadedSamples, seed: int = 0, **models: Any
    ) -> None:
        self.task, self.model = task, model
        self.samples = task.make_samples(dataset, seed)
        task.prepare(self.samples)
        task.fit(SimpleNamespace(model=model, models=models, samples=self.samples, device=CPU, seed=seed))

    def columns(self, rows: Sequence[int] | None = None) -> Mapping[str, np.ndarray]:
        batch = to_device(self.samples.batch(range(len(self.samples)) if rows is None else rows), CPU)
        with torch.inference_mode():
            outputs, targets = self.task.infer(self.model, batch), self.task.targets(batch)
            arrays = self.task.sample_arrays(outputs, targets) if hasattr(self.task, "sample_arrays") else {}
            return {**self.task.predictions(outputs, targets), **arrays}


def generate(
    model: torch.nn.Module, dataset: LoadedSamples | None = None, seed: int = 0, **written: Any
) -> Running:
    models = {"embed": written.pop("embed")} if "embed" in written else {}
    args = TextGenerationArgs.model_validate_json(json.dumps({"max_new_tokens": 12, **written}))
    return Running(TextGeneration(args), model, dataset or data(), seed, **models)


def test_what_is_generated_depends_neither_on_the_batch_nor_on_the_order(lm: TextModel) -> None:
    running = generate(lm, generations=3, temperature=0.8)
    together = running.columns()["generations"]
    assert together.shape == (5, 3)
    assert len(set(together.ravel().tolist())) > 10
    for rows in ([0], [3, 1], [4, 3, 2, 1, 0]):
        assert running.columns(rows)["generations"].tolist() == together[rows].tolist()
    again = generate(lm, generations=3, temperature=0.8).columns()["generations"]
    other = generate(lm, generations=3, temperature=0.8, seed=1).columns()["generations"]
    assert again.tolist() == together.tolist() != other.tolist()


def test_without_temperature_it_is_what_transformers_generates(lm: TextModel) -> None:
    found = generate(lm, temperature=0).columns()["generations"][:, 0].tolist()
    config = GenerationConfig(max_new_tokens=12, do_sample=False, eos_token_id=0, pad_token_id=0)
    for prompt, text in zip(PROMPTS, found, strict=True):
        tokens = lm.tokenizer(prompt, return_tensors="pt")["input_ids"]
        full = lm.network.generate(tokens, attention_mask=torch.ones_like(tokens), generation_config=config)
        assert text == lm.tokenizer.decode(full[0, tokens.shape[1] :], skip_special_tokens=True)


def test_settings_that_the_directory_brings_are_not_used(lm: TextModel) -> None:
    plain = generate(lm, temperature=0).columns()["generations"].tolist()
    lm.network.generation_config = GenerationConfig(
        repetition_penalty=9.0, do_sample=True, temperature=5.0, max_new_tokens=3, eos_token_id=0
    )
    assert generate(lm, temperature=0).columns()["generations"].tolist() == plain


def test_texts_end_at_the_end_sign_at_a_stop_and_not_too_early(lm: TextModel) -> None:
    free = generate(lm, generations=8).columns()
    assert free["generated_tokens"].min() < 12
    texts, counts = free["generations"].ravel().tolist(), free["generated_tokens"].ravel().tolist()
    # A character a token, but for the end sign.
    assert all(len(text) in (count, count - 1) for text, count in zip(texts, counts, strict=True))
    assert generate(lm, generations=8, min_new_tokens=12).columns()["generated_tokens"].min() == 12
    stopped = generate(lm, generations=8, stop=["a", "e"]).columns()["generations"].ravel().tolist()
    cut = [text.partition("a")[0].partition("e")[0] for text in texts]
    assert stopped == cut != texts
    longest = max(texts, key=len)
    first, second = longest[3:5], longest[2:4]
    overlapping = generate(lm, generations=8, stop=[first, second]).columns()["generations"].ravel().tolist()
    assert overlapping == [text[: min(_place(text, stop) for stop in (first, second))] for text in texts]


def _place(text: str, stop: str) -> int:
    return text.find(stop) if stop in text else len(text)


def test_the_records_hold_the_exact_prompt_and_the_reference(lm: TextModel) -> None:
    columns = generate(lm, data(prompt=["a\n", "b", "c", "d", "e"]), reference="reference").columns()
    assert columns["rendered_prompt"].tolist() == ["a\n", "b", "c", "d", "e"]
    assert columns["reference"].tolist() == PROMPTS
    lists = generate(lm, data(answers=[["x", "y"]] * 5), reference="answers").columns()
    assert lists["reference"].shape == (5, 2)


def test_a_chat_template_is_used_where_there_is_one(
    write_language_model: Callable[..., Path], tmp_path: Path, lm: TextModel
) -> None:
    template = "{% for m in messages %}{{ m.role }} {{ m.content }}.{% endfor %}"
    template += "{% if add_generation_prompt %}ai {% endif %}"
    chat = load_directory(
        write_language_model(tmp_path / "chat", chat_template=template), "chat", torch.float32
    )
    assert generate(chat).columns()["rendered_prompt"][1] == "user the cat.ai "
    assert generate(chat, chat_template=False).columns()["rendered_prompt"][1] == "the cat"
    messages = data(prompt=[[{"role": "system", "content": "be"}, {"role": "user", "content": "hi"}]] * 5)
    assert generate(chat, messages).columns()["rendered_prompt"][0] == "system be.user hi.ai "
    with pytest.raises(EvaluationError, match="the tokenizer has no chat template"):
        generate(lm, chat_template=True)
    with pytest.raises(
        EvaluationError, match="the prompts are messages, and the tokenizer has no chat template"
    ):
        generate(lm, messages)


def test_a_checker_decides_what_passes(lm: TextModel) -> None:
    checker = {"kind": "regex", "pattern": "^[ .?]"}
    columns = generate(lm, data(prompt=["xy"] * 5), generations=6, checker=checker).columns()
    by_hand = [[text[:1] in set(" .?") for text in row] for row in columns["generations"]]
    assert columns["passes"].tolist() == by_hand
    assert 0 < columns["passes"].mean() < 1
    with pytest.raises(EvaluationError, match="too lenient: it accepts the prompt echoed"):
        generate(lm, checker={"kind": "regex", "pattern": "."})


class Unusable(torch.nn.Module):
    def forward(self, texts: list[str]) -> torch.Tensor:
        return torch.zeros(1, 3)


class Lengths(torch.nn.Module):
    def forward(self, texts: list[str]) -> torch.Tensor:
        return torch.tensor([[len(text), 1.0] for text in texts])


def test_an_embedding_model_gives_a_vector_for_each_generation(lm: TextModel) -> None:
    columns = generate(lm, generations=2, embedding_model="embed", embed=Lengths()).columns()
    assert columns["features"].shape == (5, 2, 2)
    assert columns["features"][..., 0].tolist() == [
        [len(text) for text in row] for row in columns["generations"]
    ]
    with pytest.raises(OutputError, match="gives no vector for each text"):
        generate(lm, embedding_model="embed", embed=Unusable()).columns()


@pytest.mark.parametrize(
    ("dataset", "written", "told"),
    [
        ({}, {"prompt": "question"}, "the field question cannot be used as prompt"),
        ({"prompt": ["a", "", "b", "c", "d"]}, {}, "the field prompt cannot be used as prompt"),
        ({}, {"reference": "answer"}, "the field answer cannot be used as reference"),
        ({"reference": [["a"], ["b", "c"], ["d"], ["e"], ["f"]]}, {"reference": "reference"}, "as reference"),
        ({"prompt": ["a" * 64] * 5}, {}, "the prompt of sample 'p0' is too long for the model"),
    ],
)
def test_prompts_that_cannot_be_used_are_errors(
    lm: TextModel, dataset: dict[str, Any], written: dict[str, Any], told: str
) -> None:
    with pytest.raises(EvaluationError, match=told):
        generate(lm, data(**dataset), **written)


def test_too_many_new_tokens_are_told_apart_from_a_prompt_that_is_too_long(lm: TextModel) -> None:
    room = lm.network.config.max_position_embeddings
    with pytest.raises(
        EvaluationError, match=f"3 tokens of prompt and {room} new ones, the model takes"
    ) as told:
        generate(lm, data(prompt=["a", "aaa", "aa", "a", "a"]), max_new_tokens=room)
    fitting = room - 3
    assert told.value.what.startswith("sample 'p1' does not fit the model: 3 tokens")
    assert (
        told.value.todo == f"write max_new_tokens: {fitting} (every prompt then fits), or shorten the prompts"
    )
    generate(lm, data(prompt=["a", "aaa", "aa", "a", "a"]), max_new_tokens=fitting)


def test_another_model_than_a_language_model_is_refused(
    lm: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EvaluationError, match="no language model that can generate"):
        generate(torch.nn.Linear(1, 1))
    # What it generates would be cut as if the prompt stood before it.
    monkeypatch.setattr(lm.network.config, "is_encoder_decoder", True)
    with pytest.raises(EvaluationError, match="no language model that can generate"):
        generate(lm)


@pytest.mark.parametrize(
    "written", [{"temperature": 0, "generations": 2}, {"min_new_tokens": 13}, {"stop": [""]}, {"top_p": 0}]
)
def test_arguments_that_make_no_sense_are_refused(written: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        TextGenerationArgs.model_validate_json(json.dumps({"max_new_tokens": 12, **written}))


@given(st.integers(2, 300), st.integers(2, 40), st.integers(1, 39))
def test_windows_score_each_token_once_with_enough_before_it(length: int, context: int, stride: int) -> None:
    stride = min(stride, context - 1)
    found = list(windows(length, context, stride))
    assert [at for window in found for at in range(window.first, window.stop)] == list(range(1, length))
    for window in found:
        assert window.stop - window.start <= context
        assert window.first - window.start >= (1 if window.start == 0 else context - stride)


TEXTS = ["a", "the cat sat. " * 9, "why?", "it was a dark and stormy night. " * 3, "zz"]


def model_texts(model: torch.nn.Module, texts: Sequence[str] = TEXTS, **written: Any) -> Running:
    args = LanguageModelingArgs.model_validate_json(json.dumps(written))
    return Running(
        LanguageModeling(args), model, from_fields({"id": IDS[: len(texts)], "text": list(texts)}, "texts")
    )


def direct(lm: TextModel, text: str, context: int, stride: int) -> float:
    """−ln p of the text, one token and one forward pass at a time."""
    tokens = [1, *lm.tokenizer(text, add_special_tokens=False)["input_ids"]]
    total = 0.0
    for at in range(1, len(tokens)):
        # The window in which this token is scored.
        stop = (
            context
            if at < context
            else min(len(tokens), context + stride * math.ceil((at + 1 - context) / stride))
        )
        start = max(0, min(stop, len(tokens)) - context)
        logits = lm.network(torch.tensor([tokens[start:at]])).logits[0, -1]
        total -= float(logits.double().log_softmax(0)[tokens[at]])
    return total


@pytest.mark.parametrize(("context", "stride"), [(64, 32), (20, 7), (8, 1)])
def test_likelihood_is_the_sum_over_tokens_in_their_windows(lm: TextModel, context: int, stride: int) -> None:
    with torch.inference_mode():
        expected = [direct(lm, text, context, stride) for text in TEXTS]
    columns = model_texts(lm, context=context, stride=stride).columns()
    np.testing.assert_allclose(columns["nll"], expected, rtol=1e-5)
    assert columns["tokens"].tolist() == [len(text) for text in TEXTS] == columns["bytes"].tolist()


def test_likelihood_does_not_depend_on_the_batch(lm: TextModel) -> None:
    running = model_texts(lm)
    alone = np.concatenate([running.columns([row])["nll"] for row in range(5)])
    np.testing.assert_allclose(alone, running.columns()["nll"], rtol=1e-6)


def test_tokens_that_the_network_rules_out_do_not_matter_where_nothing_is_scored(lm: TextModel) -> None:
    expected = model_texts(lm).columns()["nll"]
    # Token 0 fills up the shorter texts of a batch, and stands in none.
    ruled_out = torch.zeros(lm.network.config.vocab_size)
    ruled_out[0] = -torch.inf
    hook = lm.network.lm_head.register_forward_hook(lambda _module, _given, logits: logits + ruled_out)
    try:
        found = model_texts(lm).columns()["nll"]
    finally:
        hook.remove()
    assert np.isfinite(found).all()
    assert (found < expected).all()


def test_without_a_first_sign_the_first_token_is_not_predicted(lm: TextModel) -> None:
    kept = lm.tokenizer.bos_token, lm.tokenizer.eos_token
    try:
        lm.tokenizer.bos_token = lm.tokenizer.eos_token = None
        columns = model_texts(lm, ["ab", "abc"]).columns()
        assert columns["tokens"].tolist() == columns["bytes"].tolist() == [1, 2]
        with pytest.raises(EvaluationError, match="'p0' has no token that could be predicted"):
            model_texts(lm, ["a"])
    finally:
        lm.tokenizer.bos_token, lm.tokenizer.eos_token = kept


def test_texts_and_windows_that_cannot_be_are_errors(lm: TextModel) -> None:
    with pytest.raises(DatasetError, match="the field text cannot be used as text"):
        model_texts(lm, ["a", ""])
    with pytest.raises(EvaluationError, match="context: 65 is more than the model can take"):
        model_texts(lm, context=65)
    with pytest.raises(ValueError, match="stride must be less than context"):
        LanguageModelingArgs(context=8, stride=8)
