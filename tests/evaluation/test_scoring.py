"""Metrics of predictions are added to a record one by one; an undefined one is the error of its own checks only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import sklearn.metrics

from pytest_modelqa.errors import OutputError
from pytest_modelqa.evaluation.plan import MetricUse
from pytest_modelqa.evaluation.scoring import score_predictions
from pytest_modelqa.judging.measured import Measured, values
from pytest_modelqa.records.columns import column_name
from pytest_modelqa.records.digests import digest, group_of
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.store import Record, Store
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models: {candidate: {build: model:Net, checkpoint: candidate.safetensors}}
datasets: {test: {load: data:load, files: [data.npz], role: test}}
evaluations:
  labels: {task: classification, model: candidate, dataset: test, checks: [CHECK]}
"""
METRICS = catalogue().metrics
LABEL = np.array([0] * 20 + [1] * 20 + [2] * 20)


def record_of(
    folder: Path,
    columns: Mapping[str, np.ndarray],
    sample_arrays: Mapping[str, np.ndarray] = {},
    set_arrays: Mapping[str, np.ndarray] = {},
) -> Record:
    key = digest({name: values.tolist() for name, values in columns.items()})
    manifest = Manifest(
        key=key,
        key_parts={},
        created="2026-01-31T12:00:00.000000+00:00",
        device=Device("cpu", "cpu"),
        code=(),
        distributions={},
        inputs={},
        samples=len(LABEL),
        complete=True,
        measured={},
    )
    with Store(folder / "store").begin(key) as draft:
        draft.write_samples([f"sample-{number}" for number in range(len(LABEL))], columns)
        for name, values in sample_arrays.items():
            draft.write_sample_array(name, values)
        for name, values in set_arrays.items():
            draft.write_set_array(name, values)
        return draft.commit(manifest)


def use_of(metric: str, *slices: str) -> MetricUse:
    declaration = METRICS[metric]
    args = declaration.args().model_dump()
    return MetricUse(metric, args, column_name(metric, declaration.version, args), tuple(slices))


def judged(folder: Path, record: Record, text: str) -> dict[str, float]:
    path = folder / "a.modelspec.yaml"
    path.write_text(SPEC.replace("CHECK", text), encoding="utf-8")
    check = read_spec(path, catalogue()).evaluations["labels"].checks[0]
    side = Measured("candidate", record, "test", has_model=True)
    return {name: value.number for name, value in values(side, check, METRICS[check.metric]).items()}


@pytest.fixture
def never_two(tmp_path: Path) -> Record:
    """A model that never says class 2."""
    prediction = np.where(LABEL == 2, 1, LABEL)
    return record_of(tmp_path, {"label": LABEL, "prediction": prediction, "confidence": np.full(60, 0.9)})


def test_an_undefined_metric_leaves_the_others_alone(tmp_path: Path, never_two: Record) -> None:
    for metric in ("precision", "recall"):
        score_predictions(never_two, use_of(metric), METRICS[metric], None)
    assert judged(tmp_path, never_two, "{metric: recall, min: 0.1}") == {"": pytest.approx(2 / 3)}
    with pytest.raises(OutputError) as caught:
        judged(tmp_path, never_two, "{metric: precision, min: 0.1}")
    assert "precision" in caught.value.what


def test_an_undefined_class_is_the_error_of_the_checks_that_want_it(
    tmp_path: Path, never_two: Record
) -> None:
    score_predictions(never_two, use_of("precision", "label"), METRICS["precision"], None)
    some = judged(tmp_path, never_two, "{metric: precision, min: 0.1, slices: {label: [0, 1]}}")
    assert some == {"label=0": 1.0, "label=1": 0.5}
    for wanted in ("label", "{label: [2]}"):
        with pytest.raises(OutputError):
            judged(tmp_path, never_two, f"{{metric: precision, min: 0.1, slices: {wanted}}}")


@pytest.mark.parametrize("field", ["label", "digit"])
def test_a_slice_by_the_target_is_one_class_against_the_rest_whatever_the_field_is_called(
    tmp_path: Path, field: str
) -> None:
    rng = np.random.default_rng(0)
    prediction = np.where(rng.random(60) < 0.7, LABEL, (LABEL + 1) % 3)
    columns = {"label": LABEL, field: LABEL, "prediction": prediction, "confidence": np.full(60, 0.9)}
    record = record_of(tmp_path, columns)
    score_predictions(record, use_of("precision", field), METRICS["precision"], None)
    found = judged(tmp_path, record, f"{{metric: precision, min: 0.1, slices: {field}}}")
    expected = sklearn.metrics.precision_score(LABEL, prediction, average=None)
    assert list(found.values()) == pytest.approx(expected.tolist())


def test_the_twenty_values_leave_out_one_group_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    prediction = np.where(rng.random(60) < 0.8, LABEL, (LABEL + 1) % 3)
    record = record_of(tmp_path, {"label": LABEL, "prediction": prediction, "confidence": np.full(60, 0.9)})
    use = use_of("f1")
    score_predictions(record, use, METRICS["f1"], None)
    stored = record.set_values(use.column, "")[""]
    groups = _groups([f"sample-{number}" for number in range(60)])
    for group, value in enumerate(stored.left_out):
        kept = groups != group
        expected: Any = sklearn.metrics.f1_score(LABEL[kept], prediction[kept], average="macro")
        assert value == pytest.approx(expected)


def _groups(ids: Sequence[str]) -> np.ndarray:
    return np.array([group_of(sample) for sample in ids])


@pytest.fixture
def with_features(tmp_path: Path) -> tuple[Record, np.ndarray, np.ndarray]:
    """As many reference features as samples: they must not be told apart by their number."""
    rng = np.random.default_rng(2)
    features, reference = rng.normal(size=(60, 3)), rng.normal(1, 2, size=(60, 3))
    arrays = {"features": features, "raw_pixels/features": features + 5}
    record = record_of(tmp_path, {"label": LABEL}, arrays, {"reference_features": reference})
    return record, features, reference


def test_slices_and_groups_take_rows_of_samples_and_leave_the_reference_whole(
    with_features: tuple[Record, np.ndarray, np.ndarray],
) -> None:
    record, features, reference = with_features
    use = use_of("frechet_distance", "label")
    score_predictions(record, use, METRICS["frechet_distance"], None)
    whole = record.set_values(use.column, "")[""]
    assert whole.value == pytest.approx(_frechet(features, reference))
    groups = _groups([f"sample-{number}" for number in range(60)])
    for group, value in enumerate(whole.left_out):
        assert value == pytest.approx(_frechet(features[groups != group], reference))
    for label, value in record.set_values(use.column, "label").items():
        assert value.value == pytest.approx(_frechet(features[str(label) == LABEL.astype(str)], reference))


def test_a_baseline_is_measured_by_its_own_features(
    with_features: tuple[Record, np.ndarray, np.ndarray],
) -> None:
    record, features, reference = with_features
    use = use_of("frechet_distance")
    score_predictions(record, use, METRICS["frechet_distance"], "raw_pixels")
    value = record.set_values(f"raw_pixels/{use.column}", "")[""].value
    assert value == pytest.approx(_frechet(features + 5, reference))


def test_features_that_nobody_kept_are_the_error_of_the_checks_that_need_them(
    with_features: tuple[Record, np.ndarray, np.ndarray],
) -> None:
    record, _, _ = with_features
    for metric, baseline in (("codebook_perplexity", None), ("vendi_score", "random_encoder")):
        declaration = METRICS[metric]
        use = use_of(metric)
        score_predictions(record, use, declaration, baseline)
        column = f"{baseline}/{use.column}" if baseline else use.column
        assert declaration.columns[0] in record.failures(column, "")[""]["what"]


def _frechet(features: np.ndarray, reference: np.ndarray) -> float:
    """By the root of the product of the covariances, which the metric itself does not take."""
    ours, theirs = np.cov(features.T), np.cov(reference.T)
    shift = np.sum((features.mean(0) - reference.mean(0)) ** 2)
    root = scipy.linalg.sqrtm(ours @ theirs)
    return float(shift + np.trace(ours + theirs - 2 * root.real))


def test_a_metric_that_is_no_number_without_a_group_of_samples_has_none_there(
    tmp_path: Path, never_two: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a package of somebody else, say, that gives NaN where it should raise: the whole set has a value."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "nan_without_all.py").write_text(
        "def value(columns, **args):\n    return 0.5 if len(columns['label']) == 60 else float('nan')\n"
    )
    declaration = replace(METRICS["recall"], function="nan_without_all:value")
    score_predictions(never_two, use_of("recall"), declaration, None)
    (whole,) = never_two.set_values(use_of("recall").column, "").values()
    # A group that holds no sample changes nothing.
    assert (whole.value, set(whole.left_out)) == (0.5, {0.5, None})
