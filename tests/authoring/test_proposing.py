"""Bounds from measured values: on the right side, and failed as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_modelqa.authoring.proposing import FALSE_ALARM, _threshold, rounded
from pytest_modelqa.judging.measured import Value
from pytest_modelqa.metrics.registry import metrics


def value(scores: np.ndarray) -> Value:
    return Value(float(scores.mean()), len(scores), scores=scores)


def test_the_same_model_fails_on_other_data_about_as_often_as_was_said() -> None:
    random = np.random.default_rng(0)
    psnr = metrics()["psnr"]
    failed, said = 0, []
    for _ in range(150):
        proposal = _threshold(psnr, True, [value(random.normal(25, 3, 200))])
        assert proposal is not None
        assert proposal.false_alarm is not None
        said.append(proposal.false_alarm)
        # Around the quality that was measured, which is what the comment speaks of.
        failed += random.normal(proposal.value, 3, 200).mean() < proposal.bound
    assert failed / 150 == pytest.approx(np.mean(said), abs=0.02)
    assert max(said) <= FALSE_ALARM + 1e-3


def test_a_metric_of_which_less_is_better_is_bounded_from_above() -> None:
    log_loss = metrics()["log_loss"]
    found = value(np.random.default_rng(0).uniform(0, 0.2, 300))
    proposal = _threshold(log_loss, False, [found])
    assert proposal is not None
    assert proposal.bound > proposal.value == found.number


def test_the_worst_slice_decides() -> None:
    random = np.random.default_rng(0)
    slices = [value(random.normal(mean, 1, 100)) for mean in (30, 24, 27)]
    proposal = _threshold(metrics()["psnr"], True, slices)
    assert proposal is not None
    assert proposal.value == slices[1].number


def test_where_nothing_is_known_of_the_noise_it_says_so() -> None:
    proposal = _threshold(metrics()["f1"], True, [Value(0.9, 30, left_out=(None,) * 20)])
    assert proposal is not None
    assert proposal.false_alarm is None
    assert 0.85 <= proposal.bound < 0.9


@pytest.mark.parametrize("down", [True, False])
def test_rounding_goes_away_from_the_value_and_by_less_than_a_fifth_of_the_noise(down: bool) -> None:
    random = np.random.default_rng(1)
    for end, noise in zip(random.uniform(-50, 50, 200), 10 ** random.uniform(-5, 1, 200), strict=True):
        found = rounded(float(end), float(noise), down=down)
        away = end - found if down else found - end
        assert -1e-9 <= away <= noise / 5 + 1e-9
