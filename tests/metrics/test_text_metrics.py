"""Scores of texts against NLTK, plain Python and known values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics import embeddings, features, likelihood, references, text
from pytest_modelqa.metrics.ngrams import grams
from pytest_modelqa.metrics.pass_at_k import chances, pass_at_k
from pytest_modelqa.metrics.self_bleu import self_bleu_scores
from pytest_modelqa.metrics.tokens import tokenised

PLAIN: dict[str, Any] = {"tokens": "words", "lowercase": False, "empty": "error"}
SENTENCES = [
    ["The cat sat on the mat.", "The cat sat on the mat.", "A dog ran over the hill at noon."],
    ["It rains in the plain of Spain.", "the the the the", "In Spain it rains, mainly in the plain."],
]
# Few different tokens and short texts: many ties, repeats, and texts too short for 4-grams.
TEXTS = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9), min_size=2, max_size=9)


def columns(texts: Sequence[Sequence[str]] = SENTENCES, **more: Any) -> dict[str, np.ndarray]:
    return {"generations": np.array(texts, dtype=object), **{k: np.array(v) for k, v in more.items()}}


def nltk_loop(texts: Sequence[Sequence[str]]) -> list[float]:
    smoothing = SmoothingFunction().method1
    return [
        sentence_bleu([*texts[:at], *texts[at + 1 :]], one, smoothing_function=smoothing)
        for at, one in enumerate(texts)
    ]


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_self_bleu_is_nltks_to_the_last_bit(texts: list[list[str]]) -> None:
    assert self_bleu_scores(texts).tolist() == nltk_loop(texts)


def test_self_bleu_of_longer_texts_is_nltks_to_the_last_bit() -> None:
    random = np.random.default_rng(0)
    # Zipf's law: some words in every text, most in one.
    words = random.zipf(1.3, size=(60, 40)) % 300
    texts = [[str(word) for word in row[: 5 + at % 30]] for at, row in enumerate(words)]
    assert self_bleu_scores(texts).tolist() == nltk_loop(texts)


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_self_bleu_of_two_sets_at_once_is_that_of_each(
    first: list[list[str]], second: list[list[str]]
) -> None:
    sets = np.array([0] * len(first) + [1] * len(second))
    both = self_bleu_scores([*first, *second], sets)
    assert both.tolist() == [*self_bleu_scores(first), *self_bleu_scores(second)]


def test_self_bleu_of_all_and_of_each_prompt() -> None:
    split = [tokenised(row, "words") for row in SENTENCES]
    assert text.self_bleu(columns(), **PLAIN) == pytest.approx(
        np.mean(nltk_loop([*split[0], *split[1]])), rel=1e-15
    )
    np.testing.assert_allclose(
        text.self_bleu_per_prompt(columns(), **PLAIN), [np.mean(nltk_loop(row)) for row in split], rtol=1e-15
    )


def plain_distinct(texts: Sequence[Sequence[str]], n: int) -> Fraction:
    every = [tuple(one[at : at + n]) for one in texts for at in range(len(one) - n + 1)]
    return Fraction(len(set(every)), len(every))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_distinct_counts_n_grams_as_sets_do(n: int) -> None:
    split = [tokenised(row, "words") for row in SENTENCES]
    whole, each = (getattr(text, f"distinct_{n}{kind}") for kind in ("", "_per_prompt"))
    assert whole(columns(), **PLAIN) == float(plain_distinct([*split[0], *split[1]], n))
    assert each(columns(), **PLAIN).tolist() == [float(plain_distinct(row, n)) for row in split]


@given(TEXTS, st.integers(1, 5))
def test_n_grams_are_numbered_as_they_differ(texts: list[list[str]], n: int) -> None:
    found = grams(texts, n)[-1]
    every = [(at, tuple(one[i : i + n])) for at, one in enumerate(texts) for i in range(len(one) - n + 1)]
    assert found.text.tolist() == [at for at, _ in every]
    assert found.kinds == len({gram for _, gram in every})
    assert len({(int(g), gram) for g, (_, gram) in zip(found.gram, every, strict=True)}) == found.kinds


def test_repetition_is_the_share_of_n_grams_that_come_again() -> None:
    # 1-grams: (4 − 1) / 4 and 0; a text of one token repeats nothing of length 2.
    values = text.repetition(columns([["no no no no", "yes"]]), n=1, **PLAIN)
    assert values.tolist() == [0.375]
    assert text.repetition(columns([["yes", "yes"]]), n=2, **PLAIN).tolist() == [0.0]


def test_an_empty_generation_is_an_error_unless_it_is_left_out() -> None:
    with_empty = columns([["a b c d", "", "a b c d"]])
    for metric in (text.distinct_1, text.distinct_1_per_prompt, text.self_bleu, text.self_bleu_per_prompt):
        with pytest.raises(OutputError, match="1 of 3 generations are empty"):
            metric(with_empty, **PLAIN)
    assert text.self_bleu(with_empty, **{**PLAIN, "empty": "skip"}) == 1.0
    assert text.distinct_1_per_prompt(with_empty, **{**PLAIN, "empty": "skip"}).tolist() == [0.5]


def test_what_cannot_be_compared_is_an_error_and_not_zero() -> None:
    with pytest.raises(OutputError, match="no generation has 3 tokens"):
        text.distinct_3(columns([["a b"]]), **PLAIN)
    with pytest.raises(OutputError, match="1 of 2 prompts have no generation of 2 tokens"):
        text.distinct_2_per_prompt(columns([["a b"], ["a"]]), **PLAIN)
    with pytest.raises(OutputError, match="1 of 1 prompts have fewer than 2 generations"):
        text.self_bleu_per_prompt(columns([["a b"]]), **PLAIN)
    with pytest.raises(OutputError, match="there is only one"):
        text.self_bleu(columns([["a b"]]), **PLAIN)


def test_tokens_are_what_the_argument_says() -> None:
    sentence = "Mr. O'Neil's cat, at 3.5 kg!"
    assert tokenised([sentence], "whitespace") == [("Mr.", "O'Neil's", "cat,", "at", "3.5", "kg!")]
    assert tokenised(["Ab c"], "characters", lowercase=True) == [("a", "b", " ", "c")]
    assert tokenised([sentence], "13a")[0] == ("Mr", ".", "O'Neil's", "cat", ",", "at", "3.5", "kg", "!")
    assert text.length(columns([["a b", ""]]), tokens="whitespace").tolist() == [1.0]


@pytest.mark.parametrize("generations", [1, 7, 200])
def test_pass_at_k_is_the_share_of_draws_with_a_passing_one(generations: int) -> None:
    for k in {1, 2, generations} & set(range(1, generations + 1)):
        exact = [1 - Fraction(comb(generations - c, k), comb(generations, k)) for c in range(generations + 1)]
        np.testing.assert_allclose(
            chances(generations, k), [float(share) for share in exact], rtol=0, atol=1e-15
        )


def test_pass_at_k_by_counting_draws() -> None:
    passes = np.array([[True, False, False, True, False]])
    draws = list(combinations(passes[0], 3))
    assert pass_at_k({"passes": passes}, k=3)[0] == pytest.approx(sum(map(any, draws)) / len(draws))
    with pytest.raises(OutputError, match="k = 6 needs at least 6 generations"):
        pass_at_k({"passes": passes}, k=6)


def vectors(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def mean_distance(rows: np.ndarray) -> float:
    unit = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return float(np.mean([1 - unit[a] @ unit[b] for a, b in combinations(range(len(unit)), 2)]))


def test_semantic_diversity_is_the_mean_over_all_pairs() -> None:
    made = {"features": vectors(30, 4, 8)}
    assert embeddings.semantic_diversity(made) == pytest.approx(
        mean_distance(made["features"].reshape(-1, 8))
    )
    np.testing.assert_allclose(
        embeddings.semantic_diversity_per_prompt(made), [mean_distance(rows) for rows in made["features"]]
    )


def test_semantic_diversity_of_identical_texts_is_zero_without_a_sign() -> None:
    same = {"features": np.tile(vectors(1, 1, 384), (9, 5, 1))}
    for value in (embeddings.semantic_diversity(same), *embeddings.semantic_diversity_per_prompt(same)):
        assert 0 <= value < 1e-12
        assert math.copysign(1, value) == 1


@pytest.mark.parametrize("width", [3, 40])
def test_vendi_score_of_each_prompt_is_that_of_its_generations(width: int) -> None:
    made = vectors(6, 10, width)
    each = [features.vendi_score({"features": rows}) for rows in made]
    np.testing.assert_allclose(embeddings.vendi_score_per_prompt({"features": made}), each)
    whole = features.vendi_score({"features": made})
    assert whole == pytest.approx(features.vendi_score({"features": made.reshape(-1, width)}))


def test_a_text_without_an_embedding_is_an_error() -> None:
    for wrong in (0.0, np.nan, np.inf):
        made = vectors(3, 4, 5)
        made[1, 2] = wrong
        for metric in (embeddings.semantic_diversity, embeddings.vendi_score_per_prompt):
            with pytest.raises(OutputError, match="1 of 12 texts have no embedding"):
                metric({"features": made})


REFERENCES = ["The cat sat on a mat.", "It rains in Spain."]


def test_bleu_and_chrf_are_sacrebleus() -> None:
    texts = [one for row in SENTENCES for one in row]
    targets = [[one for one in REFERENCES for _ in range(3)]]
    made = columns(reference=REFERENCES)
    bleu = sacrebleu.corpus_bleu(texts, targets, lowercase=True).score
    assert references.bleu(made, tokenize="13a", lowercase=True) == bleu / 100
    for order in (0, 2):
        chrf = sacrebleu.corpus_chrf(texts, targets, word_order=order).score
        assert references.chrf(made, word_order=order, lowercase=False) == chrf / 100


def test_several_references_are_all_used() -> None:
    made = columns([["a cat sat here now"]], reference=[["a dog", "a cat sat here now"]])
    assert references.bleu(made, tokenize="13a", lowercase=False) == pytest.approx(1)
    assert references.exact_match(made, strip=True, lowercase=False).tolist() == [1.0]


def test_exact_match_is_a_share_of_the_generations() -> None:
    made = columns([["Yes ", "yes", "no", "YES"]], reference=["yes"])
    assert references.exact_match(made, strip=True, lowercase=True).tolist() == [0.75]
    assert references.exact_match(made, strip=False, lowercase=False).tolist() == [0.25]


def test_perplexity_weighs_tokens_and_not_texts() -> None:
    made = {"nll": np.array([10.0, 2.0]), "tokens": np.array([9, 1]), "bytes": np.array([40, 8])}
    assert likelihood.perplexity(made) == pytest.approx(math.exp(1.2))
    assert likelihood.bits_per_byte(made) == pytest.approx(12 / math.log(2) / 48)
    for tokens, nll in ((0, 1.0), (1, 1e4), (1, math.nan)):
        with pytest.raises(OutputError, match="perplexity has no value"):
            likelihood.perplexity({"nll": np.array([nll]), "tokens": np.array([tokens])})
