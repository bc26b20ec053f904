"""Three-way decisions, of one claim and of several."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pytest_modelqa.statistics import intervals
from pytest_modelqa.statistics.decision import decide, decide_all
from pytest_modelqa.statistics.intervals import Interval

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (0.0, 0.0, "pass"),
        (0.1, INFINITE, "pass"),
        (-1e-12, 0.0, "inconclusive"),
        (-INFINITE, INFINITE, "inconclusive"),
        (-INFINITE, -1e-12, "fail"),
    ],
)
def test_a_claim_passes_when_its_near_end_clears_and_fails_when_its_far_end_does_not(
    lower: float, upper: float, outcome: str
) -> None:
    assert decide(lower, upper) == outcome


@pytest.mark.parametrize(("lower", "upper"), [(float("nan"), 1), (0, float("nan")), (0.2, 0.1)])
def test_bounds_that_are_no_bounds_decide_nothing(lower: float, upper: float) -> None:
    with pytest.raises(ValueError, match=r"NaN|exceeds"):
        decide(lower, upper)


def gaussian(estimate: float, confidence: float) -> Interval:
    """The margin of a claim with standard error 1."""
    return intervals.from_standard_error(estimate, 1.0, confidence, 100)


@pytest.mark.parametrize(
    ("margins", "outcome", "refuted", "unproven"),
    [
        ([1.7, 1.7], "pass", (), ()),
        ([1.7, 1.6], "inconclusive", (), (1,)),
        # −1.7 is beyond 1.645 alone, not beyond the 1.96 that two claims share.
        ([1.7, -1.7], "inconclusive", (), (1,)),
        ([1.7, -2.0], "fail", (1,), ()),
        # After −3 is refuted, the rest have the whole rate: Holm, not Bonferroni.
        ([-3.0, -1.7], "fail", (0, 1), ()),
        ([-1.7], "fail", (0,), ()),
        ([-3.0, -1.7, 0.0], "fail", (0,), (1, 2)),
    ],
)
def test_to_pass_each_claim_has_the_whole_rate_and_to_fail_they_share_it(
    margins: list[float], outcome: str, refuted: tuple[int, ...], unproven: tuple[int, ...]
) -> None:
    decision = decide_all([partial(gaussian, margin) for margin in margins], 0.95)
    assert (decision.outcome, decision.refuted, decision.unproven) == (outcome, refuted, unproven)
    assert [margin.estimate for margin in decision.margins] == margins
    assert all(margin.confidence == 0.95 for margin in decision.margins)


def test_twenty_slices_that_hold_fail_no_more_often_than_one() -> None:
    rng, failed, passed_wrongly = np.random.default_rng(0), 0, 0
    for _ in range(2000):
        at_the_bound = rng.normal(0, 1, 20)
        failed += decide_all([partial(gaussian, m) for m in at_the_bound], 0.95).outcome == "fail"
        one_is_wrong = np.append(at_the_bound[:1], 9.0)
        passed_wrongly += decide_all([partial(gaussian, m) for m in one_is_wrong], 0.95).outcome == "pass"
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert 0.03 < failed / 2000 <= allowed
    assert 0.03 < passed_wrongly / 2000 <= allowed


def test_both_ends_of_a_range_are_two_claims() -> None:
    def outcome(scores: np.ndarray) -> str:
        value = partial(intervals.mean, scores)
        claims = [lambda c: value(c).above(0.4), lambda c: value(c).below(0.6)]
        return decide_all(claims, 0.95).outcome

    noise = np.random.default_rng(1).normal(0, 0.1, 400)
    noise -= noise.mean()
    assert outcome(0.5 + noise) == "pass"
    assert outcome(0.6 + noise) == "inconclusive"
    assert outcome(0.7 + noise) == outcome(0.3 + noise) == "fail"


def test_no_claims_are_no_pass() -> None:
    with pytest.raises(ValueError, match="no claim"):
        decide_all([], 0.95)
