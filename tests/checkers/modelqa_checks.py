"""Checks of a user's, for the checker ``function``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def names_the_capital(text: str, sample: Mapping[str, Any]) -> bool:
    return str(sample["capital"]) in text


def forgets_to_decide(text: str, sample: Mapping[str, Any]) -> str:
    return text
