"""Gaffke's bound against independent ways to compute it, and its error rates by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln, xlogy

from pytest_modelqa.statistics.dirichlet import MOST_VALUES, lower_bound


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 3000), st.sampled_from([0.2, 0.05, 0.01, 0.001]))
def test_of_0_1_scores_it_is_clopper_and_pearson(successes: int, failures: int, alpha: float) -> None:
    ours = lower_bound(np.array([0.0, 1.0]), np.array([failures, successes], float), 0.0, alpha)
    test = stats.binomtest(successes, successes + failures, alternative="greater")
    assert ours == pytest.approx(test.proportion_ci(1 - alpha, method="exact").low, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 500), st.sampled_from([0.2, 0.05, 0.01]))
def test_of_wins_and_losses_it_excludes_0_exactly_when_mcnemar_does(
    wins: int, losses: int, ties: int, alpha: float
) -> None:
    if wins + losses + ties == 0:
        return
    lower = lower_bound(np.array([1.0, 0.0, -1.0]), np.array([wins, ties, losses], float), -1.0, alpha)
    p_value = stats.binomtest(wins, wins + losses, alternative="greater").pvalue if wins + losses else 1.0
    assert (lower > 0) == (p_value < alpha)


def test_of_equal_scores_it_is_what_n_samples_cannot_exclude() -> None:
    # A share q of scores at the limit stays unseen in n samples with probability (1 − q)ⁿ.
    assert lower_bound(np.full(50, 0.9), np.ones(50), 0.3, 0.05) == pytest.approx(
        0.3 + 0.6 * 0.05 ** (1 / 50)
    )


@pytest.mark.parametrize("n", [8, 60, 200])
def test_it_is_the_quantile_of_the_dirichlet_weighted_mean(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = rng.beta(8, 2, n)
    weights = rng.exponential(size=(20_000, n + 1))
    means = weights @ np.append(scores, -0.5) / weights.sum(axis=1)
    expected = np.quantile(means, [0.045, 0.055])
    assert expected[0] < lower_bound(scores, np.ones(n), -0.5, 0.05) < expected[1]


def test_many_distinct_scores_cost_little_and_stay_on_the_safe_side(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(1).beta(20, 1, 3000)
    gathered = lower_bound(scores, np.ones(3000), 0.0, 0.05)
    monkeypatch.setattr("pytest_modelqa.statistics.dirichlet.MOST_VALUES", 3000)
    exact = lower_bound(scores, np.ones(3000), 0.0, 0.05)
    assert MOST_VALUES < 3000
    standard_error = scores.std() / np.sqrt(3000)
    assert exact - 0.01 * standard_error < gathered <= exact


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.4), st.floats(-2, 0))
def test_it_lies_between_the_limit_and_the_mean_and_moves_with_the_scale(
    scores: list[float], alpha: float, limit: float
) -> None:
    values, ones = np.array(scores), np.ones(len(scores))
    bound = lower_bound(values, ones, limit, alpha)
    assert limit <= bound <= values.mean() + 1e-12
    assert lower_bound(5 * values - 3, ones, 5 * limit - 3, alpha) == pytest.approx(5 * bound - 3, abs=1e-8)
    assert lower_bound(values, ones, limit, alpha / 2) <= bound + 1e-10


@pytest.mark.parametrize("n", [12, 20])
def test_wins_and_losses_are_never_bounded_too_high_by_enumeration(n: int) -> None:
    wins, losses = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    wins, losses = wins[wins + losses <= n], losses[wins + losses <= n]
    ties = n - wins - losses
    counts = np.stack([wins, ties, losses], axis=1).astype(float)
    lower = np.array([lower_bound(np.array([1.0, 0.0, -1.0]), count, -1.0, 0.05) for count in counts])
    log_choose = gammaln(n + 1) - gammaln(wins + 1) - gammaln(losses + 1) - gammaln(ties + 1)
    worst = 0.0
    for differing in (0.02, 0.1, 0.3, 0.6, 0.95):
        for difference in np.linspace(-differing, differing, 9):
            win, loss = max((differing + difference) / 2, 0.0), max((differing - difference) / 2, 0.0)
            chance = np.exp(log_choose + xlogy(wins, win) + xlogy(losses, loss) + xlogy(ties, 1 - differing))
            worst = max(worst, float(chance[lower > difference + 1e-9].sum()))
    assert 0.02 < worst <= 0.05


def test_scores_below_the_limit_are_refused() -> None:
    with pytest.raises(ValueError, match="none of them below the limit"):
        lower_bound(np.array([0.1, -0.1]), np.ones(2), 0.0, 0.05)


@pytest.mark.parametrize("reach", [30.0, 48.0, 54.0, 60.0, 63.0, 90.0])
def test_many_scores_far_from_the_limit_are_bounded_as_drawn_weights_say(reach: float) -> None:
    """Paired differences of psnr: thousands of scores within 0.1 dB, and a limit of 60 dB.

    The integral once ran along a path on which it rises: bounds of −0.027 in place of −0.036 (reach 48), and −0.108
    in place of −0.045 (reach 60).
    """
    rng = np.random.default_rng(4)
    values = rng.normal(0, 0.1, 4000)
    bound = lower_bound(values, np.ones(4000), -reach, 0.05)

    scores = np.append(values, -reach)
    weights = rng.exponential(size=(4000, 4001))
    below = ((weights @ scores) / weights.sum(axis=1) <= bound).mean()
    assert abs(below - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_limit_that_is_further_away_never_raises_the_bound() -> None:
    rng = np.random.default_rng(5)
    for spread in (0.01, 0.3, 2.0):
        values = rng.normal(0, spread, 1500)
        bounds = [lower_bound(values, np.ones(1500), -reach, 0.05) for reach in np.arange(10.0, 100.0, 3.0)]
        # The grid that the scores are shared out to changes with the limit, by less than this.
        assert (np.diff(bounds) < 1e-3).all()
