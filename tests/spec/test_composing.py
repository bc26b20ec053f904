"""The tree of a YAML text, against JSON, against PyYAML's pure loader, and against the tables of YAML 1.2."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modelqa.spec import composing
from pytest_modelqa.spec.composing import MOST_NODES, compose
from pytest_modelqa.spec.nodes import Node, RefusedError, lookup, plain

TEXT = st.text(st.characters(max_codepoint=0xD7FF, exclude_categories=["Cc", "Zl", "Zp"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
# Keys that PyYAML's writer, which knows YAML 1.1 alone, puts in quotes where YAML 1.2 needs them.
WORDS = st.from_regex(r"[a-z]{1,9}:?[a-z ]{0,9}x", fullmatch=True)


def values(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=20,
    )


def tree(text: str) -> Node:
    def refuse(code: str, what: str, at: Node, **labels: str) -> None:
        raise RefusedError(code, what, at, **labels)

    root = compose(text, refuse)
    assert root is not None
    return root


@given(values(TEXT.filter(lambda key: len(key) < 200)), st.sampled_from([None, 2]))
def test_json_is_read_as_json(value: Any, indent: int | None) -> None:
    assert plain(tree(json.dumps(value, indent=indent, ensure_ascii=False))) == value


def raw(node: Node) -> Any:
    """The tree with every scalar as it is written."""
    if isinstance(node.value, dict):
        return {key: raw(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [raw(item) for item in node.value]
    return node.text


PIECES = st.sampled_from(
    ["a", "b:", ": ", "- ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", '"', "'", "#", " ", "1e3", "no", "|",
     ">", "&x ", "*x", "?", "!", "\t", "%", "...", "---", "~", "\\n", "é", "👾"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
@settings(max_examples=400)
def test_whatever_is_accepted_has_the_structure_that_the_pure_loader_sees(text: str) -> None:
    try:
        root = tree(text)
    except (RefusedError, AssertionError):
        return

    try:
        other = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError:
        return  # The pure loader takes no tabs between tokens.

    assert raw(root) == other


@given(st.dictionaries(WORDS, values(WORDS), max_size=5))
def test_every_scalar_stands_where_its_node_says(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, width=10_000)
    lines = text.split("\n")

    def check(node: Node) -> None:
        if isinstance(node.value, dict):
            for entry in node.value.values():
                check(entry.key)
                check(entry.node)
        elif isinstance(node.value, list):
            for item in node.value:
                check(item)
        elif not node.quoted:
            at = node.column - 1
            assert lines[node.line - 1][at : at + len(node.text)] == node.text
            assert node.width == max(1, len(node.text))
        else:
            assert lines[node.line - 1][node.column - 1] in "'\""

    check(tree(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # https://yaml.org/spec/1.2.2/#103-core-schema
        *[(text, None) for text in ("null", "Null", "NULL", "~", "")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        ("0o7", 7),
        ("0x3A", 58),
        ("-19", -19),
        ("+12", 12),
        ("017", 17),
        ("0.", 0.0),
        ("-0.0", -0.0),
        (".5", 0.5),
        ("+12e03", 12000.0),
        ("-2E+05", -200000.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("+.INF", math.inf),
        # What YAML 1.1 makes something else of
        *[(text, text) for text in ("no", "Yes", "on", "OFF", "y", "n", "NULl", "tRUE")],
        *[(text, text) for text in ("12:30:45", "2024-01-01", "1_000", "0b11", "90%", "=", "<<", "1e", "e5")],
        *[(text, text) for text in ("0o8", "0xG", ".", "+", "-.", "1.2.3", "inf", "nan", "-0x1", "1 000")],
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    read = plain(tree(f"key: {text}\n"))["key"]

    assert read == value
    assert type(read) is type(value)


def test_nan_is_read() -> None:
    assert all(math.isnan(value) for value in plain(tree("[.nan, .NaN, .NAN]")))


def test_a_quoted_scalar_is_always_text() -> None:
    assert plain(tree("['1', \"true\", '', 'null']")) == ["1", "true", "", "null"]
    assert plain(tree("a: |\n  1\n")) == {"a": "1\n"}


def test_an_alias_stands_where_its_anchor_stands() -> None:
    root = tree("first: &a {x: 1}\nsecond: *a\n")

    assert plain(root) == {"first": {"x": 1}, "second": {"x": 1}}
    assert lookup(root, ("second", "x"))[1:3] == (1, 15)


def test_an_anchor_may_be_given_anew() -> None:
    assert plain(tree("[&a 1, *a, &a 2, *a]")) == [1, 1, 2, 2]


def test_aliases_count_as_what_they_stand_for() -> None:
    line = f"[{'1, ' * 999}1]"
    fitting = MOST_NODES // 1001 - 1
    text = f"- &a {line}\n" + "- *a\n" * (fitting - 1)

    assert len(plain(tree(text))) == fitting
    with pytest.raises(RefusedError, match="too many values"):
        tree(text + "- *a\n" * 2)


def test_lookup_gives_the_nearest_node_above_a_path_that_ends() -> None:
    root = tree("a:\n  b: [1, 2]\n")

    assert lookup(root, ("a", "b", 1)).value == 2
    assert lookup(root, ("a", "b", 7, "c")) == lookup(root, ("a", "b"))
    assert lookup(root, ("x",)) is root


@pytest.mark.parametrize("parser", [yaml.SafeLoader, yaml.CSafeLoader])
def test_either_parser_gives_the_same_tree(monkeypatch: pytest.MonkeyPatch, parser: type) -> None:
    monkeypatch.setattr(composing, "_Parser", parser)
    text = "# é\na: {b: [1, 'no', &x 1e-3], c: *x}\nd: |\n  text\n"

    root = tree(text)

    assert plain(root) == {"a": {"b": [1, "no", 0.001], "c": 0.001}, "d": "text\n"}
    assert lookup(root, ("a", "b", 2))[1:5] == (2, 18, 7, "1e-3")
