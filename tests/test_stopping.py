"""Which checks may be decided on a part of the samples, and that none is decided on less than it demands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from pytest_modelqa.records.columns import column_name
from pytest_modelqa.spec.resolved import Bound, Check, Position
from pytest_modelqa.stopping import EarlyCheck, Populations, Rates, Watch
from pytest_modelqa.tasks.registry import catalogue

ACCURACY = catalogue().metrics["accuracy"]
SAMPLES = 2000
RARE = 50


def check(slices: Mapping[str, tuple[str, ...] | None], min_samples: int = 1) -> Check:
    return Check(
        id="accuracy-min",
        metric="accuracy",
        args={},
        bound=Bound("min", minimum=0.5),
        unit="fraction",
        baseline=None,
        paired=True,
        slices=slices,
        at={},
        along=None,
        over=None,
        tolerance=None,
        confidence=None,
        on_inconclusive="fail",
        cluster=None,
        min_samples=min_samples,
        severity="error",
        marks=(),
        sentence="accuracy of candidate ≥ 0.5",
        position=Position(1, 1),
    )


def watch_of_perfect_scores(made: Check, seen: int) -> Watch:
    """A watch that has seen the first samples, all of them right; the first ``RARE`` of them are rare."""
    kind = np.where(np.arange(SAMPLES) < RARE, "rare", "common")
    columns = {"kind": kind, column_name("accuracy", ACCURACY.version, {}): np.ones(SAMPLES)}
    populations = Populations(SAMPLES, {"kind": {"rare": RARE, "common": SAMPLES - RARE}})
    watch = Watch(EarlyCheck(made, ACCURACY, None), populations, Rates(0.01, 0.05), checks_in_all=1)
    watch.update([f"sample-{number}" for number in range(seen)], lambda name: columns[name][:seen])
    return watch


def test_a_check_is_decided_once_its_slices_are() -> None:
    assert watch_of_perfect_scores(check({"kind": None}), 400).decided
    assert watch_of_perfect_scores(check({"kind": ("rare", "common")}, min_samples=RARE), 400).decided


def test_a_slice_with_fewer_samples_than_demanded_is_never_decided() -> None:
    made = check({"kind": None}, min_samples=RARE + 1)
    assert not watch_of_perfect_scores(made, 400).decided
    assert not watch_of_perfect_scores(made, SAMPLES).decided


@pytest.mark.parametrize(
    "slices",
    [{"kind": ("common", "absent")}, {"kind": ("absent",)}, {"no_field": None}],
    ids=["one_of_two_slices_is_empty", "the_slice_is_empty", "there_is_no_such_field"],
)
def test_a_slice_without_samples_is_left_to_the_judge_of_all(
    slices: Mapping[str, tuple[str, ...] | None],
) -> None:
    watch = watch_of_perfect_scores(check(slices), 400)
    assert not watch.decided
    assert watch.standings == ()
