"""What was added to a record serves as long as the code and the packages that computed it are as they were."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pytest_modelqa.evaluation.additions import forget_outdated, is_complete, keep_provenance
from pytest_modelqa.evaluation.fingerprint import used_distributions
from pytest_modelqa.evaluation.plan import MetricUse
from pytest_modelqa.metrics.registry import metrics
from pytest_modelqa.records.digests import digest
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.provenance import Provenance, read_provenance, write_provenance
from pytest_modelqa.records.store import Record, SetValue, Store

F1 = MetricUse("f1", {}, "f1.v1", ("label",))
EXACT = MetricUse("exact_match", {}, "exact_match.v1")
VALUE = {"": SetValue(0.75, (None, *([0.5] * 19)), 3)}
NAME = "code_of_a_metric"


@pytest.fixture
def record(tmp_path: Path) -> Record:
    key = digest("an evaluation")
    manifest = Manifest(
        key=key,
        key_parts={},
        created="2026-01-31T12:00:00.000000+00:00",
        device=Device("cpu", "cpu"),
        code=(),
        distributions=used_distributions(),
        inputs={},
        samples=3,
        complete=True,
        measured={},
    )
    with Store(tmp_path / "store").begin(key) as draft:
        draft.write_samples(["a", "b", "c"], {"label": np.array([0, 1, 1])})
        return draft.commit(manifest)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a spec, with the code of a metric beside it."""
    (tmp_path / f"{NAME}.py").write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop(NAME, None)


@pytest.fixture
def add(record: Record, folder: Path) -> Callable[[MetricUse], None]:
    """Adds a metric as the worker does: the values, then what computed them."""

    def added(use: MetricUse) -> None:
        # Later than every file of now, for a file system that counts in ticks of 10 ms.
        time.sleep(0.05)
        since = time.time()
        importlib.import_module(NAME)
        if use is F1:
            record.add_set(use.column, "", VALUE)
            record.add_set(use.column, "label", VALUE)
        else:
            record.add_scores(use.column, np.ones(3))
        keep_provenance(record, [use.column], folder, since)

    return added


def complete(record: Record, use: MetricUse, folder: Path) -> bool:
    return is_complete(record, use, metrics()[use.metric], None, folder)


@pytest.mark.parametrize("use", [F1, EXACT], ids=lambda use: use.metric)
def test_an_addition_is_computed_again_once_its_code_changed(
    record: Record, folder: Path, add: Callable[[MetricUse], None], use: MetricUse
) -> None:
    assert not complete(record, use, folder)
    add(use)
    assert complete(record, use, folder)
    (folder / f"{NAME}.py").write_text("FACTOR = 2\n")
    assert not complete(record, use, folder)
    forget_outdated(record, use.column, folder)
    del sys.modules[NAME]
    add(use)
    assert complete(record, use, folder)


@pytest.mark.parametrize("version", ["0.0.1", None], ids=["another", "gone"])
def test_an_addition_is_computed_again_once_a_package_of_it_changed(
    record: Record, folder: Path, add: Callable[[MetricUse], None], version: str | None
) -> None:
    add(F1)
    made = read_provenance(record, F1.column)
    assert made is not None
    package = "numpy" if version else "a-package-that-nobody-has"
    write_provenance(record, F1.column, Provenance(made.code, {package: version or "1.0"}))
    assert not complete(record, F1, folder)


def test_a_field_of_the_data_is_no_addition(tmp_path: Path, record: Record, folder: Path) -> None:
    fields = {EXACT.column: np.ones(3)}
    with Store(tmp_path / "another").begin(record.manifest.key) as draft:
        draft.write_samples(["a", "b", "c"], fields)
        assert not complete(draft.commit(record.manifest), EXACT, folder)


def test_values_that_nothing_is_known_of_are_not_believed(record: Record, folder: Path) -> None:
    """A killed run leaves such; so do records of a version that did not write down what computed them."""
    record.add_set(F1.column, "", VALUE)
    record.add_set(F1.column, "label", VALUE)
    assert not complete(record, F1, folder)
    forget_outdated(record, F1.column, folder)
    assert not record.has_set(F1.column, "")


def test_a_slice_that_is_added_later_keeps_what_computed_the_others(
    record: Record, folder: Path, add: Callable[[MetricUse], None]
) -> None:
    add(F1)
    del sys.modules[NAME]
    forget_outdated(record, F1.column, folder)
    assert record.has_set(F1.column, "label")
    keep_provenance(record, [F1.column], folder, time.time())
    (folder / f"{NAME}.py").write_text("FACTOR = 2\n")
    assert not complete(record, F1, folder)


def test_what_the_manifest_says_is_not_said_again(
    record: Record, folder: Path, add: Callable[[MetricUse], None]
) -> None:
    add(F1)
    made = read_provenance(record, F1.column)
    assert made is not None
    assert dict(made.distributions) == {}
    assert f"./{NAME}.py" in [file.path for file in made.code]
