"""Language models from a spec to the verdict: one run with everything that can go wrong beside what is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

SPEC = """modelqa: 1
models:
  lm: {checkpoint: lm, format: transformers}
  other: {checkpoint: other, format: transformers}
  other_tokens: {checkpoint: other_tokens, format: transformers}
  lengths: {build: "model:Lengths"}
datasets:
  prompts: {path: prompts.jsonl, role: test}
defaults: {seed: 3, batch_size: 4}
evaluations:
  generation:
    task: text_generation
    model: lm
    dataset: prompts
    args:
      generations: 4
      max_new_tokens: 10
      min_new_tokens: 2
      reference: answer
      embedding_model: lengths
      checker: {kind: regex, pattern: '^[a-z]{0,2}[ .?]'}
    checks:
      - {metric: distinct_1, args: {tokens: characters}, min: 0.001}
      - {metric: distinct_1_per_prompt, baseline: other, max_difference: 0.3, args: {tokens: characters}}
      - {metric: self_bleu_per_prompt, args: {tokens: characters}, max: 0.999}
      - {metric: semantic_diversity, min: 0.0001}
      - {metric: vendi_score, min: 1.0001}
      - {metric: pass_at_k, args: {k: 4}, min: 0.0001}
      - {metric: pass_at_k, args: {k: 5}, min: 0.0001}
      - {metric: chrf, max: 0.999}
      - {metric: length, args: {tokens: characters}, min: 0.1, slices: kind}
  language:
    task: language_modeling
    model: lm
    dataset: prompts
    args: {text: prompt}
    checks:
      - {metric: perplexity, max: 1e6}
      - {metric: perplexity, baseline: other, max_difference: 1e6}
      - {metric: perplexity, baseline: other_tokens, max_difference: 1e6}
      - {metric: bits_per_byte, baseline: other_tokens, max_difference: 1e6}
"""
MODEL = """import torch
class Lengths(torch.nn.Module):
    def forward(self, texts):
        return torch.tensor([[len(text), text.count(" "), 1.0] for text in texts])
"""


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    write_language_model: Callable[..., Path],
    run_pytest: Callable[..., Any],
) -> Any:
    folder = tmp_path_factory.mktemp("language")
    write_language_model(folder / "lm")
    write_language_model(folder / "other", seed=1)
    write_language_model(folder / "other_tokens", vocabulary=["th", *"abcdefghijklmnopqrstuvwxyz "])
    (folder / "a.modelspec.yaml").write_text(SPEC)
    (folder / "model.py").write_text(MODEL)
    prompts = [
        f"the {word}" for word in ("cat", "dog", "cow", "pig", "hen", "fox", "owl", "bee", "ant", "elk")
    ]
    lines = [
        {"id": f"p{at}", "prompt": prompt, "answer": prompt[::-1], "kind": "ab"[at % 2]}
        for at, prompt in enumerate(prompts)
    ]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run_pytest(folder, "-q")


def test_everything_is_measured_but_what_cannot_be(run: Any) -> None:
    statuses = run.statuses
    broken = {
        "generation::pass_at_k-k-5-min",
        "language::perplexity-max-difference-vs-other_tokens",
    }
    assert {name for name, status in statuses.items() if status != "PASS"} == broken
    assert {statuses[name] for name in broken} == {"ERROR"}


def test_more_tries_than_generations_are_told(run: Any) -> None:
    error = run.error("generation::pass_at_k-k-5-min")
    assert error["what"] == "pass_at_k with k = 5 needs at least 5 generations of each prompt"
    assert "args: {generations: 5}" in error["todo"]


def test_perplexity_of_other_tokens_is_not_compared(run: Any) -> None:
    error = run.error("language::perplexity-max-difference-vs-other_tokens")
    assert error["what"] == "perplexity of lm and other_tokens do not compare: their tokens differ"
    assert "bits_per_byte" in error["todo"]


def test_the_records_hold_the_texts(run: Any) -> None:
    (samples,) = [
        path
        for path in run.folder.glob(".modelqa/store/*/*/*/samples.parquet")
        if "generations" in pq.read_schema(path).names
        and "reference" in pq.read_schema(path).names
        and pq.read_table(path)["generations"][0].as_py() is not None
    ][:1]
    table = pq.read_table(samples)
    assert table["rendered_prompt"].to_pylist()[0] == "the cat"
    assert table["reference"].to_pylist()[0] == "tac eht"
    assert [len(row) for row in table["generations"].to_pylist()] == [4] * 10
    assert {"passes", "generated_tokens", "kind"} <= set(table.column_names)


NEEDS_NLTK = """modelqa: 1
models: {lm: {checkpoint: lm, format: transformers}}
datasets: {prompts: {path: prompts.jsonl, role: test}}
evaluations:
  generation:
    task: text_generation
    model: lm
    dataset: prompts
    checks: [{metric: distinct_1, args: {tokens: nltk}, min: 0.1}]
"""


@pytest.mark.parametrize("mark", ["gpu", "preflight and not after_training"])
def test_missing_data_of_nltk_are_told_before_anything_is_generated(
    tmp_path: Path, write_language_model: Callable[..., Path], run_pytest: Callable[..., Any], mark: str
) -> None:
    write_language_model(tmp_path / "lm")
    (tmp_path / "a.modelspec.yaml").write_text(NEEDS_NLTK)
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "a"}\n')
    # A home of its own: this machine may have the data.
    environment = {"HOME": str(tmp_path), "NLTK_DATA": str(tmp_path / "nltk_data")}
    run = run_pytest(tmp_path, "-q", "-m", mark, environment=environment)
    assert run.exit_code == 1
    assert "the NLTK data punkt_tab are missing, which tokens: nltk needs" in run.text
    assert "modelqa fetch nltk, or write tokens: words" in run.text
    assert not list(tmp_path.glob(".modelqa/store/*/*/*/samples.parquet"))
