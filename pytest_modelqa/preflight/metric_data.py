"""Whether the data that metrics need beside the records are here: their arguments tell, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import MissingDependencyError
from ..metrics import nltk_data
from .findings import Finding


def metric_data_findings(arguments: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """What is missing, each once.

    Args:
        arguments: Those of each metric.
    """
    found = []
    for resource in dict.fromkeys(name for args in arguments for name in nltk_data.needed(args)):
        try:
            nltk_data.demand(resource)
        except MissingDependencyError as error:
            found.append(Finding.of_error("resources", "", error))
    return tuple(found)
