"""The runs before a run, and degradation that creeps from baseline to baseline."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.judging.verdict import Side
from pytest_modelqa.report import history as module
from pytest_modelqa.report.history import History, history
from pytest_modelqa.report.run_record import RunRecord, write


def release(
    make: Any, number: int, value: float, baseline: float | None, name: str = "v1", **fields: Any
) -> RunRecord:
    """A run whose only check allows 0.5 dB less than the baseline."""
    recorded = fields.pop("recorded", True)
    side = Side(name, baseline, 600) if baseline is not None else None
    limit = baseline - 0.5 if baseline is not None else 24.0
    bound = "max_degradation" if side else "min"
    kind = f"psnr-max-degradation-vs-{name}" if side else "psnr-min"
    evidence = (
        {"baseline": {"name": name, "recorded": f"{name}.json", "made_by": {}}} if side and recorded else {}
    )
    check = make.result(kind, make.line(value, limit, baseline=side), bound=bound, evidence=evidence)
    return make.run(
        check, id=f"2026010{number}-120000-abcdef", started=f"2026-01-0{number}T12:00:00+00:00", **fields
    )


def seen(tmp_path: Path, *runs: RunRecord) -> History:
    """The history of the last of these runs."""
    for run in runs:
        write(run, tmp_path)
    return history(runs[-1], tmp_path)


def test_a_check_is_followed_over_the_runs_of_its_spec(make: Any, tmp_path: Path) -> None:
    runs = [release(make, number, 25.0 + number, None) for number in (1, 2, 3)]
    other = dataclasses.replace(runs[0].specs[0], path="another.modelspec.yaml")
    elsewhere = dataclasses.replace(release(make, 2, 1.0, None), id="20260102-130000-abcdef", specs=(other,))
    later = release(make, 9, 99.0, None)
    write(later, tmp_path)
    found = seen(tmp_path, elsewhere, *runs)
    (series,) = found.series
    assert [point.value for point in series.points] == [26.0, 27.0, 28.0]
    assert [past.id for past in found.runs] == [run.id for run in runs]
    assert {past.word for past in found.runs} == {"GO"}


def test_runs_of_other_inputs_are_left_aside(make: Any, tmp_path: Path) -> None:
    overridden = release(make, 1, 20.0, None, options={"set": ["a=b"], "limit": None})
    limited = release(make, 2, 20.0, None, options={"set": [], "limit": 5})
    killed = release(make, 3, 20.0, None, complete=False)
    (series,) = seen(tmp_path, overridden, limited, killed, release(make, 4, 25.0, None)).series
    assert len(series.points) == 1


def test_a_damaged_record_is_named_and_the_others_are_read(make: Any, tmp_path: Path) -> None:
    path = write(release(make, 1, 25.0, None), tmp_path)
    path.write_text(path.read_text().replace("25.0", "35.0", 1))
    found = seen(tmp_path, release(make, 2, 26.0, None), release(make, 3, 27.0, None))
    assert found.unreadable == ("20260101-120000-abcdef: the run record was changed after the run",)
    assert len(found.series[0].points) == 2


def test_steps_that_each_were_allowed_and_add_up_are_called_out(make: Any, tmp_path: Path) -> None:
    runs = [
        release(make, 1, 29.6, 30.0, "v1"),
        release(make, 2, 29.2, 29.6, "v2"),
        release(make, 3, 28.8, 29.2, "v3"),
    ]
    assert [run.conclusion.word for run in runs] == ["GO"] * 3
    (sentence,) = seen(tmp_path, *runs).creeping
    assert sentence == (
        "psnr of images creeps: 30.00 dB (baseline v1, 2026-01-01), now 28.80 dB: worse by 1.20 dB, though each step "
        "stayed within 0.50 dB"
    )
    # After the first step alone nothing has added up.
    assert history(runs[0], tmp_path).creeping == ()


@pytest.mark.parametrize(
    ("steps", "creeps"),
    [
        # Down and up again; exactly what one step allows; better.
        ([(29.6, 30.0), (29.9, 29.6)], False),
        ([(29.6, 30.0), (29.5, 29.6)], False),
        ([(30.5, 30.0), (31.0, 30.5)], False),
        ([(29.6, 30.0), (29.4, 29.6)], True),
    ],
)
def test_only_what_is_lost_in_all_counts(
    make: Any, tmp_path: Path, steps: list[tuple[float, float]], creeps: bool
) -> None:
    runs = [release(make, number + 1, *step, f"v{number}") for number, step in enumerate(steps)]
    assert bool(seen(tmp_path, *runs).creeping) == creeps


def test_without_a_promoted_baseline_the_oldest_run_is_the_measure(make: Any, tmp_path: Path) -> None:
    steps = [(29.6, 30.0), (29.3, 29.6), (28.9, 29.3)]
    runs = [release(make, number + 1, *step, "older", recorded=False) for number, step in enumerate(steps)]
    (sentence,) = seen(tmp_path, *runs).creeping
    assert "29.60 dB (the oldest run, 2026-01-01), now 28.90 dB: worse by 0.70 dB" in sentence


def test_lower_is_worse_the_other_way_round(make: Any, tmp_path: Path) -> None:
    def run(number: int, value: float, baseline: float) -> RunRecord:
        line = make.line(value, baseline + 0.5, at_least=False, baseline=Side("older", baseline, 600))
        check = make.result("loss-max-degradation-vs-older", line, bound="max_degradation")
        return make.run(check, id=f"2026010{number}-120000-abcdef")  # type: ignore[no-any-return]

    assert seen(tmp_path, run(1, 1.4, 1.0), run(2, 1.8, 1.4), run(3, 2.2, 1.8)).creeping
    assert not seen(tmp_path / "b", run(1, 1.4, 1.0), run(2, 1.0, 1.4), run(3, 0.6, 1.0)).creeping


def test_of_many_runs_the_oldest_and_the_newest_are_read(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_RUNS", 4)
    runs = [
        dataclasses.replace(release(make, 1, 25.0 + number, None), id=f"2026{number:04}-x")
        for number in range(10)
    ]
    found = seen(tmp_path, *runs)
    values = [point.value for point in found.series[0].points]
    assert (values[0], values[-2:]) == (25.0, [33.0, 34.0])
    assert len(values) == 5
    assert found.left_out == 5
    # So is it when they are few and large.
    monkeypatch.setattr(module, "_MOST_RUNS", 60)
    monkeypatch.setattr(module, "_MOST_BYTES", 10)
    assert [point.value for point in history(runs[-1], tmp_path).series[0].points] == [25.0, 33.0, 34.0]


def test_two_baselines_at_once_are_two_series(make: Any, tmp_path: Path) -> None:
    def run(number: int, *baselines: str) -> RunRecord:
        checks = [
            make.result(f"psnr-min-improvement-vs-{name}-by-label", make.line(25.0)) for name in baselines
        ]
        return make.run(*checks, id=f"2026010{number}-120000-abcdef")  # type: ignore[no-any-return]

    found = seen(tmp_path, run(1, "a", "b"), run(2, "a", "b"))
    assert [(series.nodeid.rpartition("-vs-")[2], len(series.points)) for series in found.series] == [
        ("a-by-label", 2), ("b-by-label", 2),
    ]  # fmt: skip
    (after,) = seen(tmp_path / "after", run(1, "a"), run(2, "b")).series
    assert len(after.points) == 2


def test_what_was_promoted_counts_and_not_what_was_compared_with_before(make: Any, tmp_path: Path) -> None:
    runs = [
        release(make, 1, 29.7, 30.0, "older", recorded=False),
        release(make, 2, 29.3, 29.6, "v1"),
        release(make, 3, 28.9, 29.3, "v2"),
    ]
    (sentence,) = seen(tmp_path, *runs).creeping
    assert "29.60 dB (baseline v1, 2026-01-02), now 28.90 dB: worse by 0.70 dB" in sentence


def test_a_number_of_another_unit_or_of_other_arguments_is_not_compared_with(
    make: Any, tmp_path: Path
) -> None:
    """0.92 read as a fraction and then as a percentage is no loss of 0.91."""

    def run(number: int, value: float, baseline: float, column: str) -> RunRecord:
        line = make.line(value, baseline - 0.01, baseline=Side("before", baseline, 600))
        check = make.result("accuracy", line, bound="max_degradation", unit="fraction", column=column)
        return make.run(check, id=f"2026010{number}-120000-abcdef")  # type: ignore[no-any-return]

    fraction, percent = "recorded_value.v1.unit=fraction", "recorded_value.v1.unit=percent"
    found = seen(tmp_path, run(1, 0.92, 0.92, fraction), run(2, 0.0092, 0.0092, percent))
    assert found.creeping == ()
    assert [point.value for point in found.series[0].points] == [0.0092]
    assert seen(tmp_path / "b", run(1, 0.92, 0.92, fraction), run(2, 0.009, 0.009, fraction)).creeping
