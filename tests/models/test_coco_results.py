"""A results file answers for the images that it names, and is refused where it cannot be meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.errors import CheckpointError, ModelQAError, OutputError
from pytest_modelqa.models.coco_results import BUILD, CocoResults, recorded_answers
from pytest_modelqa.models.files import checkpoint_files, recognise
from pytest_modelqa.records.digests import file_sha256
from pytest_modelqa.spec.resolved import Model, Position

ENTRIES = [
    {"image_id": 3, "category_id": 5, "bbox": [1, 2, 3, 4], "score": 0.5},
    {"image_id": 7, "category_id": 2, "bbox": [0, 0, 9, 9], "score": 0.25},
    {"image_id": 3, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.75},
]


def model(build: str = BUILD, sha256: str | None = None) -> Model:
    unset = dict.fromkeys(
        ("format", "state_dict_key", "trust", "config", "reference_output", "tiny", "gpu_memory")
    )
    return Model(
        name="recorded",
        build=build,
        args={},
        checkpoint="results.json",
        coordinates={},
        sha256=sha256,
        allow_globals=(),
        gpus=1,
        position=Position(1, 1),
        **unset,
    )


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., CocoResults]:
    def run(entries: Any, **changes: Any) -> CocoResults:
        path = tmp_path / "results.json"
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
        return recorded_answers(model(**changes), path, {})

    return run


def test_it_answers_with_the_detections_of_each_image(read: Callable[..., CocoResults]) -> None:
    first, none, last = read(ENTRIES).answers([3, 4, 7], known={3, 4, 7})

    assert first["boxes"].tolist() == [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert (first["scores"].tolist(), first["labels"].tolist()) == ([0.5, 0.75], [5, 2])
    assert none["boxes"].shape == (0, 4)
    assert last["scores"].tolist() == [0.25]


def test_an_empty_list_is_no_detections(read: Callable[..., CocoResults]) -> None:
    (answer,) = read([]).answers([3], known={3})

    assert len(answer["scores"]) == 0


def test_images_that_the_dataset_does_not_have_are_an_error(read: Callable[..., CocoResults]) -> None:
    with pytest.raises(OutputError, match="detections for 1 images that the dataset does not have") as caught:
        read(ENTRIES).answers([3], known={3, 4})
    assert caught.value.found == "first image_id 7"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{**ENTRIES[0], "image_id": "3"}], "detection 0 of results.json has no whole number as image_id"),
        (
            [ENTRIES[0], {**ENTRIES[1], "category_id": 2.5}],
            "detection 1 of .* no whole number as category_id",
        ),
        (
            [{"image_id": 3, "category_id": 5, "bbox": [1, 2, 3, 4]}],
            "detection 0 of results.json has no score",
        ),
        ([{**ENTRIES[0], "bbox": [1, 2, 3]}], "has no finite box and score"),
        ('[{"image_id": 3, "category_id": 5, "bbox": [NaN, 2, 3, 4], "score": 1}]', "has no finite box"),
        ([{**ENTRIES[0], "score": "0.5"}], "has no finite box and score"),
        ([*ENTRIES, ENTRIES[1]], "detection 3 of results.json stands twice"),
        ([1], "detection 0 of results.json has no image_id"),
        ("[", "results.json is no JSON"),
    ],
)
def test_what_cannot_be_detections_is_named(
    read: Callable[..., CocoResults], entries: Any, message: str
) -> None:
    with pytest.raises(OutputError, match=message):
        read(entries)


def test_a_results_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(" [ ]")

    assert recognise(path) == "coco_results"
    assert checkpoint_files(path) == [path]


def test_a_results_file_is_no_checkpoint_of_a_network(read: Callable[..., CocoResults]) -> None:
    with pytest.raises(CheckpointError, match="holds no weights") as caught:
        read(ENTRIES, build="model:Detector")
    assert caught.value.expected == f"build: {BUILD}"


def test_the_pinned_digest_is_compared(read: Callable[..., CocoResults], tmp_path: Path) -> None:
    read(ENTRIES)
    right = file_sha256(tmp_path / "results.json")

    read(ENTRIES, sha256=right)
    with pytest.raises(ModelQAError, match=re.escape("sha256 differs")):
        read(ENTRIES[:1], sha256=right)
