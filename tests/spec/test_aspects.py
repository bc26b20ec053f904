"""A gain in diversity alone is a warning; with quality watched on the same model it is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """modelqa: 1
models:
  hot: {checkpoint: hot, format: transformers}
  cold: {checkpoint: cold, format: transformers}
datasets: {prompts: {path: prompts.jsonl, role: test}}
evaluations:
  generation:
    task: text_generation
    model: hot
    dataset: prompts
    args: {generations: 4, checker: {kind: regex, pattern: x}}
    checks:
      - {metric: length, min: 3}
      - {metric: distinct_2, baseline: cold, min_improvement_percent: 12}
"""
PERPLEXITY = """  language:
    task: language_modeling
    model: %s
    dataset: prompts
    checks: [{metric: perplexity, max: 30%s}]
"""


@pytest.fixture
def warnings(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        path = tmp_path / "a.modelspec.yaml"
        path.write_text(text)
        return read_spec(path, catalogue(), ()).warnings

    return read


def test_a_gain_in_diversity_alone_is_told_with_its_reason(
    warnings: Callable[[str], tuple[str, ...]],
) -> None:
    (told,) = warnings(SPEC)
    assert told.endswith(
        "a.modelspec.yaml:14:9: distinct_2 is to improve, and no check watches the quality of hot: "
        "a model grows more diverse by writing nonsense; add a check of pass_at_k, exact_match, bleu, chrf, "
        "perplexity, bits_per_byte, on the same model [diversity-alone]"
    )


def test_the_check_that_is_told_is_found_among_several_of_a_line(
    warnings: Callable[[str], tuple[str, ...]],
) -> None:
    one_line = (
        "checks: [{metric: length, min: 3}, {metric: distinct_2, baseline: cold, min_improvement: 0.1}]"
    )
    (told,) = warnings(SPEC[: SPEC.index("checks:")] + one_line + "\n")
    assert (
        f"a.modelspec.yaml:12:{one_line.index('{metric: distinct_2') + 5}: distinct_2 is to improve" in told
    )


def test_quality_that_is_watched_on_the_same_model_is_enough(
    warnings: Callable[[str], tuple[str, ...]],
) -> None:
    assert warnings(SPEC + "      - {metric: pass_at_k, baseline: cold, max_degradation: 0.02}\n") == ()
    assert warnings(SPEC + PERPLEXITY % ("hot", "")) == ()


def test_quality_of_another_model_or_one_that_cannot_fail_the_gate_is_not(
    warnings: Callable[[str], tuple[str, ...]],
) -> None:
    assert len(warnings(SPEC + PERPLEXITY % ("cold", ""))) == 1
    assert len(warnings(SPEC + PERPLEXITY % ("hot", ", severity: warn"))) == 1


def test_what_demands_no_gain_is_no_reason_to_warn(warnings: Callable[[str], tuple[str, ...]]) -> None:
    assert warnings(SPEC.replace("min_improvement_percent: 12", "max_degradation_percent: 12")) == ()


@pytest.mark.parametrize(
    ("check", "argument"),
    [
        ("{metric: semantic_diversity, min: 0.1}", "embedding_model"),
        ("{metric: bleu, min: 0.1}", "reference"),
    ],
)
def test_a_metric_names_the_argument_that_it_needs(
    warnings: Callable[[str], tuple[str, ...]], check: str, argument: str
) -> None:
    with pytest.raises(Exception, match=f"needs the argument {argument} of the task text_generation"):
        warnings(SPEC + f"      - {check}\n")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("{checkpoint: hot}", "the model 'hot' has no 'build'"),
        ("{format: transformers}", "the model 'hot' has no 'checkpoint'"),
        ("{checkpoint: hot, format: transformers, build: a:b}", "build of the model 'hot' has no effect"),
        ("{checkpoint: hot, format: transformers, args: {a: 1}}", "args of the model 'hot' has no effect"),
    ],
)
def test_a_model_says_in_one_place_what_it_is(
    warnings: Callable[[str], tuple[str, ...]], model: str, told: str
) -> None:
    with pytest.raises(Exception, match=told):
        warnings(SPEC.replace("{checkpoint: hot, format: transformers}", model))
