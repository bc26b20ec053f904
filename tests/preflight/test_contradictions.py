"""Values of a config that the shapes of a checkpoint may contradict."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_modelqa.models.header import Header, TensorInfo
from pytest_modelqa.preflight.composed import Composed
from pytest_modelqa.preflight.contradictions import candidates


def tensors(**shapes: tuple[int, ...]) -> dict[str, TensorInfo]:
    return {name.replace("__", "."): TensorInfo(shape, "float32") for name, shape in shapes.items()}


def named(
    tree: dict[str, Any], built: dict[str, TensorInfo], held: dict[str, TensorInfo]
) -> set[tuple[str, int]]:
    composed = Composed(tree, frozenset(), {}, {})
    return {(".".join(each.path), each.held) for each in candidates(composed, built, Header(held))}


@pytest.mark.parametrize(
    ("tree", "built", "held", "expected"),
    [
        # A head: the number of classes itself.
        ({"classes": 8, "lr": 2}, {"head__weight": (8, 4)}, {"head__weight": (5, 4)}, {("classes", 5)}),
        # With the background as one more.
        ({"classes": 80}, {"head__bias": (81,)}, {"head__bias": (21,)}, {("classes", 20)}),
        # Four gates of an LSTM.
        ({"m": {"hidden": 16}}, {"cell__w": (64, 7)}, {"cell__w": (32, 7)}, {("m.hidden", 8)}),
        # Layers are counted by their numbers.
        (
            {"depth": 3},
            {f"blocks__{i}__w": (7,) for i in range(3)},
            {f"blocks__{i}__w": (7,) for i in range(2)},
            {("depth", 2)},
        ),
        # An item of a list; booleans are no numbers.
        ({"widths": [16, 32], "flag": True}, {"w": (32,)}, {"w": (24,)}, {("widths.1", 24)}),
        # What fits is not asked about.
        ({"classes": 8}, {"head__weight": (8, 4)}, {"head__weight": (8, 4)}, set()),
        # A size that nothing in the config leads to.
        ({"classes": 7}, {"stem__weight": (64, 3)}, {"stem__weight": (32, 3)}, set()),
    ],
)
def test_values_are_named_that_explain_a_size(tree: Any, built: Any, held: Any, expected: Any) -> None:
    assert named(tree, tensors(**built), tensors(**held)) >= expected
    assert bool(named(tree, tensors(**built), tensors(**held))) == bool(expected)


def test_what_is_computed_of_another_value_is_not_named_in_its_place() -> None:
    composed = Composed({"a": 8, "b": 8}, frozenset(), {}, {("b",): "${a}"})
    found = candidates(composed, tensors(w=(8,)), Header(tensors(w=(5,))))
    assert [each.path for each in found] == [("a",)]
