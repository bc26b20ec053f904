"""``repeats: k``: the dataset k times, each time under other ids, with all else that is known of it."""

from __future__ import annotations

import dataclasses

import numpy as np

from pytest_modelqa.datasets.loaded import from_fields
from pytest_modelqa.datasets.repeated import Repeated
from pytest_modelqa.records.columns import REPEAT_OF

SAMPLES = from_fields({"id": ["a", "b"], "x": np.array([1.0, 2.0])}, "test")


def test_each_round_has_ids_of_its_own_and_names_the_samples_it_repeats() -> None:
    repeated = Repeated(SAMPLES, 3)
    assert repeated.ids == ("a", "b", "a#1", "b#1", "a#2", "b#2")
    assert len(repeated) == 6
    assert repeated.scalars["x"].tolist() == [1.0, 2.0] * 3
    assert repeated.scalars[REPEAT_OF].tolist() == ["a", "b"] * 3
    assert repeated.batch([1, 2, 5])["x"].tolist() == [2.0, 1.0, 2.0]


def test_the_categories_of_the_dataset_are_those_of_its_repeats() -> None:
    about = {"categories": {1: "tree"}, "image_ids": frozenset({7, 8})}
    assert Repeated(dataclasses.replace(SAMPLES, about=about), 2).about == about
    assert Repeated(SAMPLES, 2).about == {}
