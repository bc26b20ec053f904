"""Facts of datasets, and what they say of counts, numbers and leaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.datasets.loaded import from_fields
from pytest_modelqa.preflight.data_facts import facts_of
from pytest_modelqa.preflight.dataset import content_findings, file_findings, overlap_findings
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.tasks.registry import catalogue

Read = Callable[[str], Spec]

TEXT = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: a.safetensors}}
datasets:
  train: {path: train.npz, role: train}
  test: {path: test.npz, role: test}
evaluations:
  e: {task: classification, model: net, dataset: test, checks: [CHECK]}
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def make(check: str = "{metric: accuracy, min: 0.5}") -> Spec:
        path = tmp_path / "a.modelspec.yaml"
        path.write_text(TEXT.replace("CHECK", check))
        return read_spec(path, catalogue())

    return make


def fields(images: np.ndarray, **others: Any) -> dict[str, Any]:
    return facts_of(from_fields({"image": images, **others}, "d"))


RANDOM = np.random.default_rng(0).random((200, 1, 4, 4), dtype=np.float32)


def test_facts_count_labels_and_tell_contents_apart() -> None:
    labels = np.array([0, 1] * 100)
    facts = fields(RANDOM, label=labels, site=["a"] * 50 + ["b"] * 150)
    assert facts["n"] == facts["available"] == 200
    assert facts["labels"] == {"label": {"0": 100, "1": 100}, "site": {"a": 50, "b": 150}}
    assert len(set(facts["content"])) == 200


def test_the_label_is_not_part_of_a_sample_s_content() -> None:
    assert (
        fields(RANDOM, label=np.zeros(200, int))["content"]
        == fields(RANDOM, label=np.ones(200, int))["content"]
    )
    # Where there is nothing else, it is.
    texts = facts_of(from_fields({"text": ["a", "b"], "label": [0, 1]}, "d"))["content"]
    assert len(set(texts)) == 2


def test_reading_stops_when_the_time_is_over_and_says_so(read: Read) -> None:
    many = np.random.default_rng(0).random((1000, 4), dtype=np.float32)
    facts = facts_of(from_fields({"x": many}, "d"), seconds=-1.0)
    assert len(facts["content"]) == 256
    spec = read()
    (note,) = content_findings(spec.datasets["test"], spec, facts)
    assert (note.severity, note.what) == (
        "note",
        "the contents of 256 of 1,000 samples were read; the run reads all",
    )


@pytest.mark.parametrize(
    ("shared", "severity"), [(0, None), (1, "warning"), (2, "warning"), (3, "error"), (200, "error")]
)
def test_a_leak_is_an_error_and_a_few_twins_a_warning(read: Read, shared: int, severity: str | None) -> None:
    spec = read()
    other = np.random.default_rng(1).random((200, 1, 4, 4), dtype=np.float32)
    mixed = np.concatenate([RANDOM[:shared], other[shared:]])
    train, test = spec.datasets["train"], spec.datasets["test"]
    found = overlap_findings(train, test, fields(RANDOM), fields(mixed))
    assert [each.severity for each in found] == ([severity] if severity else [])
    if found:
        assert found[0].what == f"{shared} of 200 samples of test are in train, byte for byte"


def test_where_only_a_part_was_compared_the_datasets_are_not_known_to_be_apart(read: Read) -> None:
    train, test = read().datasets["train"], read().datasets["test"]
    whole, other = fields(RANDOM), fields(RANDOM + 1)
    part = {**other, "content": other["content"][:50]}
    (finding,) = overlap_findings(train, test, whole, part)
    assert finding.severity == "warning"
    assert finding.what == "only 200 of 200 samples of train and 50 of 200 of test were compared"
    assert [each.severity for each in overlap_findings(train, test, part, whole)] == ["warning"]
    leaked = overlap_findings(train, test, other, part)
    assert [each.severity for each in leaked] == ["error", "warning"]


def test_another_type_of_numbers_is_another_content() -> None:
    assert not set(fields(RANDOM)["content"]) & set(fields(RANDOM.astype(np.float64))["content"])


@pytest.mark.parametrize(
    ("check", "what"),
    [
        (
            "{metric: accuracy, min: 0.5, min_samples: 201}",
            "e::accuracy-min asks for 201 samples, test has 200",
        ),
        (
            "{metric: accuracy, min: 0.5, slices: site, min_samples: 60}",
            "e::accuracy-min-by-site asks for 60 samples in each slice, 1 of 2 have fewer",
        ),
        (
            "{metric: accuracy, min: 0.5, slices: {site: [a, c]}}",
            "e::accuracy-min-by-site asks for 1 samples in each slice, 1 of 2 have fewer",
        ),
        ("{metric: accuracy, min: 0.5, slices: site, min_samples: 50}", None),
        ("{metric: accuracy, min: 0.5, slices: made_by_the_task}", None),
    ],
)
def test_checks_that_ask_for_more_samples_than_there_are(read: Read, check: str, what: str | None) -> None:
    spec = read(check)
    facts = fields(RANDOM, site=["a"] * 50 + ["b"] * 150)
    found = content_findings(spec.datasets["test"], spec, facts)
    assert [each.what for each in found] == ([what] if what else [])
    assert {each.severity for each in found} <= {"error"}


def test_numbers_that_are_none_are_named(read: Read) -> None:
    spec = read()
    broken = RANDOM.copy()
    broken[7, 0, 1, 1] = np.nan
    broken[9] = np.inf
    (found,) = content_findings(spec.datasets["test"], spec, fields(broken, id=[f"i{n}" for n in range(200)]))
    assert found.what == "NaN or Inf in the field 'image' of 2 samples of test"
    assert found.found == "first in sample 'i7'"


def test_files_that_are_missing_or_placeholders_are_found_without_reading_data(
    read: Read, tmp_path: Path
) -> None:
    spec = read()
    (missing,) = file_findings(spec.datasets["test"], tmp_path, tmp_path / "memory")
    assert (missing.kind, missing.what) == ("DatasetError", "data file is missing: test.npz")
    (tmp_path / "test.npz").write_text("<!DOCTYPE html><html>log in</html>")
    (page,) = file_findings(spec.datasets["test"], tmp_path, tmp_path / "memory")
    assert page.what == "data file is an HTML page: test.npz"
