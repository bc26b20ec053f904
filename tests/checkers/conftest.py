"""What the tests of checkers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from pytest_modelqa.checkers.checker import Checker, make
from pytest_modelqa.checkers.declarations import CheckerArgs


@pytest.fixture
def checker() -> Callable[..., Checker]:
    """A checker from what a spec says."""
    schema: TypeAdapter[CheckerArgs] = TypeAdapter(CheckerArgs)

    def made(**written: Any) -> Checker:
        return make(schema.validate_python(dict[str, Any](written)))

    return made


@pytest.fixture
def passes(checker: Callable[..., Checker]) -> Callable[..., bool]:
    """Whether one text passes."""

    def one(text: str, sample: Mapping[str, Any], **written: Any) -> bool:
        (passed,) = checker(**written).passes([text], sample)
        return passed

    return one
