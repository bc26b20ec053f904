"""Charts and samples follow from what the records hold."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.report.html.budget import Budget
from pytest_modelqa.report.html.figures import Figure, figures_of
from pytest_modelqa.report.html.measured import sides_of
from pytest_modelqa.report.html.pictures import pictures_of
from pytest_modelqa.report.html.samples import Score, samples_of

PSNR = Score("psnr", "psnr.v2", "dB", True, 24.0, True)


def drawn(runs: Any, *results: Any) -> dict[str, Figure]:
    """The figures of an evaluation by title."""
    return {
        each.title: each for each in figures_of([r.verdict for r in results], sides_of(results, runs.store))
    }


def heights(figure: Figure) -> list[list[float]]:
    """Of each curve, how high it is at each point, from above."""
    paths = re.findall(r'd="M([^"]*)" class="curve', figure.drawing)
    return [[float(y) for y in re.findall(r" (-?[\d.]+)", path)] for path in paths]


def test_scores_of_samples_are_a_distribution_beside_the_baselines(make: Any, runs: Any) -> None:
    rng = np.random.default_rng(0)
    ours = runs.record(
        "candidate", {"psnr.v2": rng.normal(25, 2, 100), "accuracy.v1": rng.integers(0, 2, 100)}
    )
    theirs = runs.record("older", {"psnr.v2": rng.normal(23, 2, 100)})
    evidence = {"candidate": runs.evidence(ours, "new"), "baseline": runs.evidence(theirs, "older")}
    psnr = make.result("psnr-min", evidence=evidence)
    accuracy = make.result("accuracy-min", metric="accuracy", column="accuracy.v1", evidence=evidence)
    found = drawn(runs, psnr, accuracy)
    assert list(found) == ["How psnr is distributed"]
    assert found["How psnr is distributed"].legend == (("new", "bar"), ("older", "outline"))


def test_records_that_are_elsewhere_leave_the_verdicts_charts(make: Any, runs: Any) -> None:
    record = runs.record("candidate", {"psnr.v2": np.arange(30.0)})
    gone = {**runs.evidence(record, "new"), "key": "0" * 64}
    lines = [make.line(25.0, slice="label=0"), make.line(20.0, slice="label=1")]
    result = make.result("psnr-min-by-label", *lines, evidence={"candidate": gone})
    assert list(drawn(runs, result)) == ["psnr by label"]
    (side,) = sides_of([result], runs.store)
    assert side.record is None


def test_quality_over_checkpoints_has_a_curve_for_each_seed(make: Any, runs: Any) -> None:
    evidence = {}
    for seed in (0, 1):
        for step, value in ((1000, 20.0), (3000, 26.0), (10_000, 23.0)):
            scores = np.linspace(value - 1, value + 1, 50)
            record = runs.record(f"{seed} {step}", {"psnr.v2": scores}, sets={"fid.v1": 1.0})
            evidence[f"candidate (step={step}, seed={seed})"] = runs.evidence(
                record, "m", step=step, seed=seed
            )
    found = drawn(runs, make.result("psnr-trend", bound="trend", evidence=evidence))
    figure = found["psnr over checkpoints"]
    assert [name for name, _ in figure.legend] == ["seed=0", "seed=1"]
    for low, high, last in heights(figure):
        assert high < last < low
    # Each point with its interval, which is narrow beside the steps.
    assert figure.drawing.count('class="error') == 6


def test_diversity_is_shown_against_quality(make: Any, runs: Any) -> None:
    evidence = {}
    for weight, (diverse, good) in {0.0: (0.2, 0.9), 1.0: (0.6, 0.85), 2.0: (0.9, 0.3)}.items():
        columns = {"accuracy.v1": np.arange(100) < 100 * good}
        record = runs.record(f"{weight}", columns, sets={"vendi_score.v1": 1 + diverse})
        evidence[f"candidate (weight={weight})"] = runs.evidence(record, "m", weight=weight)
    quality = make.result("accuracy-min", metric="accuracy", column="accuracy.v1", evidence=evidence)
    diversity = make.result("vendi-min", metric="vendi_score", column="vendi_score.v1", evidence=evidence)
    figure = drawn(runs, quality, diversity)["vendi_score against accuracy"]
    for weight in (0.0, 1.0, 2.0):
        assert f"m (weight={weight})" in figure.drawing


def test_a_metric_along_its_numbered_argument_is_a_curve_beside_the_trivial_baseline(
    make: Any, runs: Any
) -> None:
    columns = {f"psnr.v2.cap=60.0,frame={step}": np.full(40, 30.0 - step) for step in range(1, 7)}
    columns |= {
        f"persistence/psnr.v2.cap=60.0,frame={step}": np.full(40, 20.0 - step) for step in range(1, 7)
    }
    record = runs.record("candidate", columns)
    found = drawn(runs, make.result("psnr-min", evidence={"candidate": runs.evidence(record, "forecaster")}))
    figure = found["psnr by frame"]
    assert [name for name, _ in figure.legend] == ["forecaster", "persistence"]
    ours, theirs = heights(figure)
    assert ours == sorted(ours)
    assert max(ours) < min(theirs)


def test_scores_of_several_positions_and_logged_losses_are_curves(make: Any, runs: Any) -> None:
    log = {
        "series": np.array(["train_loss"] * 5 + ["learning_rate"] * 5 + ["val_loss"] * 2),
        "step": np.array([*range(5), *range(5), 2, 4], dtype=float),
        "value": np.array([3, 2, np.nan, 1, 0.5, *[1e-3] * 5, 2, 1]),
    }
    record = runs.record(
        "candidate", {"error": np.random.default_rng(0).random((40, 6))}, tables={"log": log}
    )
    found = drawn(runs, make.result("final", evidence={"candidate": runs.evidence(record, "m")}))
    assert set(found) == {"error by position", "losses in training", "learning_rate in training"}
    # What is no number is left out.
    assert [len(curve) for curve in heights(found["losses in training"])] == [4, 2]


def test_the_worst_samples_stand_first_and_the_rest_is_spread_over_the_others(runs: Any) -> None:
    columns = {"psnr.v2": np.arange(1000.0)[::-1], "label": np.arange(1000) % 11}
    found = samples_of(runs.record("candidate", columns), [PSNR], ["label", "step"], 90)
    assert found is not None
    values = [float(row.scores[0].removesuffix(" dB")) for row in found.rows]
    assert values[:60] == [float(at) for at in range(60)]
    assert values[60:] == sorted(values[60:])
    assert (len(values), values[-1]) == (90, 999.0)
    assert found.total == 1000
    assert found.judgement is not None
    assert found.judgement.said == (
        "taken singly 24 of 1,000 miss psnr ≥ 24 dB, which is a bound on all of them together"
    )
    assert [row.meets for row in found.rows[:30]] == [False] * 24 + [True] * 6
    assert list(found.filters) == ["label"]
    assert found.filters["label"][-2:] == ("9", "10")


def test_of_a_loss_the_highest_is_the_worst(runs: Any) -> None:
    loss = Score("mse", "mse.v1", "", False, 0.5, False)
    found = samples_of(runs.record("candidate", {"mse.v1": np.linspace(0, 1, 30)}), [loss], [])
    assert found is not None
    assert (found.rows[0].id, found.rows[-1].id) == ("image-29", "image-0")
    assert (found.rows[0].meets, found.rows[-1].meets) == (False, True)
    assert samples_of(runs.record("other", {"x": np.ones(3)}), [loss], []) is None


@pytest.mark.parametrize(
    ("higher", "wrong"), [(True, "3 of 10 wrong by hit"), (False, "7 of 10 wrong by hit")]
)
def test_what_is_right_or_wrong_is_not_held_against_the_bound_of_a_mean(
    runs: Any, higher: bool, wrong: str
) -> None:
    values = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0, 1])
    hit = Score("hit", "hit.v1", "percent", higher, 0.5, higher)
    loss = Score("loss", "loss.v1", "", False, 0.0, False)
    columns = {"hit.v1": values, "loss.v1": np.ones(10)}
    found = samples_of(runs.record("candidate", columns), [hit, loss], [])
    assert found is not None
    assert found.judgement is not None
    assert (found.judgement.said, found.judgement.words) == (wrong, ("right", "wrong"))
    good = "100.0 %" if higher else "0.0 %"
    assert {(row.scores[0], row.meets) for row in found.rows} == {
        (text, text == good) for text in ("0.0 %", "100.0 %")
    }


def test_every_record_gets_its_first_picture_before_any_gets_its_second(runs: Any) -> None:
    images = {f"worst_{number}.png": bytes([number]) * 900 for number in range(5)}
    records = [runs.record(f"m{number}", {"x": np.ones(3)}, pictures=images) for number in range(4)]
    shown = pictures_of(records, Budget(6 * 1400))
    assert [len(each.pictures) for each in shown] == [2, 2, 1, 1]
    assert [each.left_out for each in shown] == [3, 3, 4, 4]
    assert shown[0].pictures[0].caption == "worst 0"


def test_a_picture_that_was_changed_is_not_shown(runs: Any) -> None:
    record = runs.record("m", {"x": np.ones(3)}, pictures={"a.svg": b"<svg/>", "b.svg": b"<svg/>"})
    (record.folder / "pictures" / "a.svg").write_bytes(b"<svg onload='x'/>")
    (shown,) = pictures_of([record], Budget(10_000))
    assert [each.caption for each in shown.pictures] == ["b"]


def test_a_table_without_a_drawing_is_shown_by_its_first_rows(runs: Any) -> None:
    confusions = "label,prediction,count\n" + "".join(f"{row},b,3\n" for row in range(40))
    files = {"confusions.csv": confusions.encode(), "matrix.csv": b"a,b\n1,2\n", "matrix.svg": b"<svg/>"}
    (shown,) = pictures_of([runs.record("m", {"x": np.ones(3)}, pictures=files)], Budget(10_000))
    (table,) = shown.tables
    assert table.head == ("label", "prediction", "count")
    assert (len(table.rows), table.more) == (12, 28)


@pytest.mark.parametrize("values", [np.full(30, np.nan), np.array(["a"] * 30), np.ones((30, 2))])
def test_what_is_no_row_of_numbers_is_no_score(runs: Any, values: np.ndarray) -> None:
    assert samples_of(runs.record("candidate", {"psnr.v2": values}), [PSNR], []) is None


def test_images_of_a_detection_are_ranked_by_what_was_missed(runs: Any) -> None:
    columns = {"found": np.array([3, 1, 2]), "missed": np.array([0, 4, 1]), "site": np.array(["a", "b", "b"])}
    found = samples_of(runs.record("candidate", columns), [], ["site"])
    assert found is not None
    assert [row.id for row in found.rows] == ["image-1", "image-2", "image-0"]
    assert (found.order, found.scores, found.fields) == ("most missed first", (), ("site", "missed", "found"))
    assert found.rows[0].meets is None


def test_texts_are_browsed_too(runs: Any) -> None:
    columns = {
        "psnr.v2": np.arange(3.0),
        "rendered_prompt": np.array(["a", "b" * 500, "c"]),
        "generations": np.array([["x", "y"], ["long " * 100, "y"], ["z", "y"]]),
    }
    found = samples_of(runs.record("candidate", columns), [PSNR], [])
    assert found is not None
    assert found.fields == ("rendered_prompt", "generations")
    assert found.rows[0].fields == ("a", "x (and 1 more)")
    assert all(len(text) <= 160 for row in found.rows for text in row.fields)
    assert found.rows[1].fields[1].endswith("… (and 1 more)")


def test_a_metric_with_several_arguments_is_called_by_them(make: Any, runs: Any) -> None:
    rng = np.random.default_rng(0)
    columns = {f"psnr.v2.cap=60.0,frame={frame}": rng.normal(25, 2, 50) for frame in (1, 6)}
    evidence = {"candidate": runs.evidence(runs.record("candidate", columns), "m")}
    found = drawn(
        runs, *(make.result(f"c{at}", column=name, evidence=evidence) for at, name in enumerate(columns))
    )
    titles = {title for title in found if "distributed" in title}
    assert titles == {f"How psnr (cap=60.0, frame={frame}) is distributed" for frame in (1, 6)}


def test_checkpoints_stand_in_the_order_of_their_coordinates(make: Any, runs: Any) -> None:
    evidence = {}
    for step in (10_000, 3000, 900):
        record = runs.record(f"{step}", {"psnr.v2": np.full(30, float(step))})
        evidence[f"candidate (step={step})"] = runs.evidence(record, "m", step=step)
    older = runs.record("older", {"psnr.v2": np.ones(30)})
    sides = sides_of(
        [make.result(evidence={"baseline": runs.evidence(older, "older"), **evidence})], runs.store
    )
    assert [side.name for side in sides] == ["m (step=900)", "m (step=3000)", "m (step=10000)", "older"]
