"""The sequential audit: exact error rates by enumeration of all orders, and what no verdict may depend on."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modelqa.statistics import sequential
from pytest_modelqa.statistics.betting import Bets
from pytest_modelqa.statistics.sequential import Audit, Claim, OutOfRange, anytime_interval


def run(scores: np.ndarray, audit: Audit, batch: int, members: np.ndarray | None = None) -> Audit:
    for start in range(0, len(scores), batch):
        part = slice(start, start + batch)
        audit.update(scores[part], None if members is None else members[part])
    return audit


def all_orders(successes: int, size: int) -> np.ndarray:
    """Every arrangement of so many ones among zeros, a column each: shape (size, arrangements)."""
    places = list(itertools.combinations(range(size), successes))
    orders = np.zeros((size, len(places)))
    for column, ones in enumerate(places):
        orders[list(ones), column] = 1.0
    return orders


@pytest.mark.parametrize("scores", [[0, 0, 1, 1, 1, 1, 0], [0.1, 0.5, 0.5, 0.9, 0.2, 1.0, 0.3]])
def test_wealth_against_a_true_hypothesis_neither_grows_nor_shrinks_on_average(scores: list[float]) -> None:
    orders = np.array(list(itertools.permutations(scores))).T
    size, columns = orders.shape
    bets = Bets(np.full(columns, size), np.full(columns, np.mean(scores)), 0.05)
    for seen in range(size - 1):
        bets.update(orders[seen : seen + 1], np.ones((1, columns), bool))
        wealth = bets._wealth.sum(axis=0)
        assert wealth.mean() == pytest.approx(1.0, abs=1e-9)
        assert wealth.std() > 0.01
        assert wealth.min() >= 0


def test_wealth_is_that_of_the_formula_written_out() -> None:
    size, null, alpha = 60, 0.55, 0.05
    y = np.random.default_rng(8).permutation(np.linspace(0, 1, size) ** 0.8)
    smallest = 0.7 * math.sqrt(2 * math.log(1 / alpha) / size)
    effects = [smallest * (0.8 / smallest) ** (k / 7) for k in range(8)]
    wealth, total, squares = [1 / 8] * 8, 0.0, 2 * null * (1 - null)
    bets = Bets(np.array([size]), np.array([null]), alpha)
    for seen, score in enumerate(y[:50]):
        rest = size - seen
        mean_of_rest = (size * null - total) / rest
        deviation = math.sqrt(squares / (seen + 2))
        for k, effect in enumerate(effects):
            bet = min(effect * size / rest / deviation, 0.9 / mean_of_rest)
            wealth[k] *= 1 + bet * (score - mean_of_rest)
        total += score
        squares += (score - (null + total) / (seen + 2)) ** 2
        bets.update(np.array([[score]]), np.ones((1, 1), bool))
        assert bets._wealth[:, 0] == pytest.approx(wealth, rel=1e-12)
    assert max(wealth) > 2 / 8 or min(wealth) < 0.5 / 8


@pytest.mark.parametrize(("successes", "least"), [(6, 7), (10, 11)])
def test_over_all_orders_no_more_pass_wrongly_than_declared(successes: int, least: int) -> None:
    orders = all_orders(successes, 14)
    claims = [Claim(14, least / 14, 0, 1, step=1)] * orders.shape[1]
    audit = run(orders, Audit(claims, 0.2, 0), batch=3)
    wrong = np.mean([standing.outcome == "pass" for standing in audit.standings])
    assert 0.01 < wrong <= 0.2


@pytest.mark.parametrize("successes", [6, 10])
def test_over_all_orders_no_more_fail_wrongly_than_declared(successes: int) -> None:
    orders = all_orders(successes, 14)
    failed = []
    for order in orders.T[::5]:
        audit = run(order[:, None], Audit([Claim(14, successes / 14, 0, 1, step=1)], 0, 0.2), batch=14)
        failed.append(audit.standings[0].outcome == "fail")
    assert 0.01 < np.mean(failed) <= 0.2 + 3 * np.sqrt(0.2 * 0.8 / len(failed))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 1), min_size=1, max_size=40),
    st.integers(-200, 1200).map(lambda thousandths: thousandths / 1000),
    st.integers(1, 9),
)
def test_certainty_is_never_wrong_and_waits_no_longer_than_it_must(
    scores: list[int], threshold: float, batch: int
) -> None:
    size, total = len(scores), np.cumsum([0, *scores])
    audit = run(np.array(scores, float)[:, None], Audit([Claim(size, threshold, 0, 1, step=1)], 0, 0), batch)
    standing = audit.standings[0]
    assert standing.outcome == ("pass" if sum(scores) / size >= threshold else "fail")
    needed = min(k for k in range(size + 2) if k / size >= threshold or k > size)
    decided = [k for k in range(size + 1) if total[k] >= needed or total[k] + size - k < needed]
    assert (standing.reason, standing.samples) == ("certain", decided[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 5), min_size=1, max_size=40), st.floats(-3.5, 5.5), st.booleans())
def test_at_the_end_every_claim_is_decided_as_the_full_run_decides(
    scores: list[float], threshold: float, bets: bool
) -> None:
    if abs(np.mean(scores) - threshold) < 1e-6:
        return
    values = np.array(scores)[:, None]
    rates = (1e-9, 1e-9) if bets else (0, 0)
    for limits in ((-3, 5), (-np.inf, np.inf), (-3, np.inf), (-np.inf, 5)):
        audit = run(values, Audit([Claim(len(scores), threshold, *limits)], *rates), batch=7)
        assert audit.standings[0].outcome == ("pass" if np.mean(scores) >= threshold else "fail")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_how_the_samples_are_cut_into_batches_changes_nothing(seed: int, batches: list[int]) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random((120, 4)) ** 0.5
    members = rng.random((120, 4)) < np.array([1.0, 0.5, 0.2, 0.9])
    claims = [
        Claim(int(size), threshold, 0, 1)
        for size, threshold in zip(members.sum(0), (0.6, 0.7, 0.55, 0.64), strict=True)
    ]
    one = run(scores, Audit(claims, 0.05, 0.1), 1, members)
    cut, start = Audit(claims, 0.05, 0.1), 0
    for size in itertools.cycle(batches):
        if start >= 120:
            break
        cut.update(scores[start : start + size], members[start : start + size])
        start += size
    assert cut.standings == one.standings
    assert all(standing.outcome for standing in one.standings)


@pytest.mark.parametrize(("successes", "rates"), [(12, (0.2, 0)), (4, (0, 0.2))])
def test_knowing_the_possible_sums_decides_earlier(successes: int, rates: tuple[float, float]) -> None:
    orders = all_orders(successes, 14)[:, ::7]
    samples = dict.fromkeys((None, 1), 0)
    for order in orders.T:
        for step in samples:
            audit = run(order[:, None], Audit([Claim(14, 8.5 / 14, 0, 1, step)], *rates), 14)
            samples[step] += audit.standings[0].samples
    assert samples[1] < samples[None]


def test_a_mean_that_equals_the_threshold_up_to_rounding_passes() -> None:
    scores = np.repeat([0.0, 1.0], [7, 3])[:, None]
    for step in (1, None):
        audit = run(scores, Audit([Claim(10, 0.1 + 0.2, 0, 1, step)], 0, 0), 10)
        assert audit.standings[0].outcome == "pass"
        audit = run(scores, Audit([Claim(10, 0.3 + 1e-9, 0, 1, step)], 0, 0), 10)
        assert audit.standings[0].outcome == "fail"


def test_a_slice_sees_only_its_own_samples_and_a_decided_claim_none() -> None:
    rng = np.random.default_rng(0)
    scores = (rng.random(2000) < 0.9).astype(float)[:, None].repeat(3, axis=1)
    members = np.stack([np.ones(2000, bool), np.arange(2000) % 4 == 0, np.arange(2000) % 4 == 1], axis=1)
    claims = [Claim(int(size), 0.8, 0, 1, step=1) for size in members.sum(axis=0)]
    together = run(scores, Audit(claims, 0.05, 0), 32, members)
    for column in (1, 2):
        alone = Audit([claims[column]], 0.05, 0)
        run(scores[members[:, column], :1], alone, 32)
        assert together.standings[column] == alone.standings[0]
    assert not together.undecided.any()
    together.update(np.full((5, 3), 99.0))  # nobody looks any more


def test_wrong_fail_is_shared_by_the_claims_and_wrong_pass_is_not() -> None:
    rng = np.random.default_rng(1)
    scores = (rng.random(3000) < 0.9).astype(float)[:, None]
    for threshold, outcome in ((0.93, "fail"), (0.87, "pass")):
        claim = Claim(3000, threshold, 0, 1, step=1)
        alone = run(scores, Audit([claim], 0.05, 0.1), 3000).standings[0]
        among = run(scores.repeat(20, axis=1), Audit([claim] * 20, 0.05, 0.1), 3000).standings[0]
        stricter = run(scores, Audit([claim], 0.05, 0.1 / 20), 3000).standings[0]
        assert alone.outcome == among.outcome == outcome
        assert among == (stricter if outcome == "fail" else alone)
        assert (among.samples > alone.samples) == (outcome == "fail")


def test_relative_gains_and_maxima_are_claims_like_any_other() -> None:
    rng = np.random.default_rng(2)
    baseline = rng.beta(4, 8, 4000)
    candidate = np.clip(baseline * 1.25 + rng.normal(0, 0.02, 4000), 0, 1)
    gain = candidate - 1.12 * baseline  # +12 % of the baseline
    loss = -candidate  # at most 0.6
    claims = [Claim(4000, 0.0, -1.12, 1.0), Claim(4000, -0.6, -1.0, 0.0)]
    audit = run(np.stack([gain, loss], axis=1), Audit(claims, 0.01, 0.05), 32)
    assert [standing.outcome for standing in audit.standings] == ["pass", "pass"]
    assert max(standing.samples for standing in audit.standings) < 1500


def test_one_missing_limit_leaves_the_other_verdict_possible() -> None:
    scores = np.random.default_rng(3).normal(29.5, 2, 4000).clip(0)[:, None]
    claims = [Claim(4000, 28, 0, np.inf), Claim(4000, 31, 0, np.inf), Claim(4000, 31, -np.inf, 60)]
    audit = Audit(claims, 0.05, 0.05)
    run(scores[:3000].repeat(3, axis=1), audit, 32)
    assert [standing.outcome for standing in audit.standings] == ["pass", None, "fail"]


def test_what_needs_no_sample_is_decided_before_the_first() -> None:
    claims = [Claim(10, -0.1, 0, 1), Claim(10, 1.1, 0, 1), Claim(10, 0.0, 0, 1, step=1), Claim(10, 0.5, 0, 1)]
    audit = Audit(claims, 0.05, 0.05)
    assert [standing.outcome for standing in audit.standings] == ["pass", "fail", "pass", None]
    assert [standing.samples for standing in audit.standings] == [0, 0, 0, 0]


@pytest.mark.parametrize("bad", [1.5, -0.1, float("nan"), float("inf")])
def test_a_score_outside_the_limits_ends_early_stopping(bad: float) -> None:
    audit = Audit([Claim(10, 0.5, 0, 1)] * 2, 0.05, 0.05)
    with pytest.raises(OutOfRange, match="claim 1"):
        audit.update([[0.5, bad]])
    audit.update([[0.5, bad]], [[True, False]])


def test_more_samples_than_the_population_has_are_refused() -> None:
    audit = Audit([Claim(3, 0.5, 0, 1)], 0.0, 0.0)
    with pytest.raises(ValueError, match="more samples than its population"):
        audit.update(np.full((4, 1), 0.5))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Claim(0, 0.5, 0, 1),
        lambda: Claim(10, 0.5, 1, 0),
        lambda: Claim(10, float("nan"), 0, 1),
        lambda: Claim(10, 0.5, -np.inf, 1, step=1),
        lambda: Audit([], 0.05, 0.05),
        lambda: Audit([Claim(10, 0.5, 0, 1)], 0.6, 0.05),
        lambda: Audit([Claim(10, 0.5, 0, 1)], 0.05, -0.1),
        lambda: Audit([Claim(10, 0.5, 0, 1)], 0.05, 0.05).update([0.5]),
    ],
)
def test_what_is_no_claim_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"claim|error rate|shape|steps"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("size", "distance", "expected"), [(500, 0.2, 0.27), (2000, 0.05, 0.51), (2000, 0.2, 0.094)]
)
def test_it_stops_as_early_as_the_prototype_did(size: int, distance: float, expected: float) -> None:
    # Mean share used on accuracy 0.90 at α = 0.05 in batches of 32, of 2,000 runs per direction.
    scores, rng, used = np.repeat([1.0, 0.0], [9 * size // 10, size // 10]), np.random.default_rng(4), []
    for sign in (1, -1):
        claims = [Claim(size, 0.9 - sign * distance * 0.3, 0, 1, step=1)] * 150
        orders = np.stack([rng.permutation(scores) for _ in claims], axis=1)
        audit = Audit(claims, 0.05, 0.05)
        audit._fail_side = sequential._fail_side(claims, 0.05)  # each claim is a run of its own here
        run(orders, audit, 32)
        wrong = sum((standing.outcome == "pass") != (sign > 0) for standing in audit.standings)
        assert wrong <= 0.05 * 150 + 3 * np.sqrt(150 * 0.05 * 0.95)
        used += [min(size, -(-standing.samples // 32) * 32) / size for standing in audit.standings]
    assert np.mean(used) == pytest.approx(expected, rel=0.15)


def test_the_anytime_interval_holds_the_mean_of_the_full_run() -> None:
    scores, rng = np.repeat([1.0, 0.0], [720, 80]), np.random.default_rng(5)
    covered, widths = [], []
    for _ in range(40):
        order = rng.permutation(scores)
        audit = Audit([Claim(800, 0.86, 0, 1, step=1)], 0.05, 0.05)
        seen = 0
        while audit.undecided.any():
            audit.update(order[seen : seen + 32, None])
            seen += 32
        interval = anytime_interval(order[:seen], 800, 0.975, 0, 1)
        covered.append(interval.lower <= 0.9 <= interval.upper)
        assert interval.lower <= interval.estimate <= interval.upper
        widths.append(interval.upper - interval.lower)
    assert np.mean(covered) >= 0.95
    assert 0.02 < np.mean(widths) < 0.15


def test_the_anytime_interval_is_what_the_gate_would_have_passed() -> None:
    scores = np.random.default_rng(7).permutation(np.repeat([1.0, 0.0], [1800, 200]))[:500, None]
    interval = anytime_interval(scores[:, 0], 2000, 0.95, 0, 1)
    for threshold, outcome in ((interval.lower - 0.001, "pass"), (interval.lower + 0.001, None)):
        assert (
            run(scores, Audit([Claim(2000, threshold, 0, 1)], 0.05, 0), 500).standings[0].outcome == outcome
        )
    for threshold, outcome in ((interval.upper + 0.001, "fail"), (interval.upper - 0.001, None)):
        assert (
            run(scores, Audit([Claim(2000, threshold, 0, 1)], 0, 0.05), 500).standings[0].outcome == outcome
        )


def test_the_anytime_interval_closes_at_the_end_and_opens_at_the_beginning() -> None:
    scores = np.random.default_rng(6).random(50) * 40 + 10
    end = anytime_interval(scores, 50, 0.95, 0, 60)
    assert (end.lower, end.upper) == pytest.approx((scores.mean(), scores.mean()))
    start = anytime_interval(scores[:1], 50, 0.95, 0, 60)
    assert (start.lower, start.upper) == pytest.approx((scores[0] / 50, 60 - (60 - scores[0]) / 50), abs=0.02)
    with pytest.raises(ValueError, match="finite limits"):
        anytime_interval(scores, 50, 0.95, 0, np.inf)
    with pytest.raises(ValueError, match="at most 40"):
        anytime_interval(scores, 40, 0.95, 0, 60)
    with pytest.raises(OutOfRange):
        anytime_interval(scores, 50, 0.95, 20, 60)
