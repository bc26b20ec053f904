"""How a score column is called, so that the worker that writes it and the judge that reads it agree."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

REPEAT_OF = "repeat_of"
"""The column that names the sample a row repeats; what is repeated is clustered by it, never taken for new data."""


def column_name(metric: str, version: int, args: Mapping[str, Any], baseline: str | None = None) -> str:
    """The name of the column (or of the set-level value) of one metric with these arguments.

    A metric of another version or with other arguments is another column, so nothing is ever read as what it
    is not. An argument that is None, which is one that nobody gave, is left out: a metric that gains an optional
    argument keeps its columns. ``baseline`` names a trivial baseline that the task computed on the same samples.

    >>> column_name("psnr", 1, {})
    'psnr.v1'
    >>> column_name("top_k_accuracy", 1, {"k": 5})
    'top_k_accuracy.v1.k=5'
    >>> column_name("mse", 2, {"frame": None})
    'mse.v2'
    >>> column_name("psnr", 1, {}, baseline="constant")
    'constant/psnr.v1'
    """
    parts = [metric, f"v{version}"]
    given = {name: value for name, value in args.items() if value is not None}
    if given:
        text = ",".join(f"{name}={_plain(value)}" for name, value in sorted(given.items()))
        parts.append(text if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()[:16])
    name = ".".join(parts)
    return f"{baseline}/{name}" if baseline else name


def is_score(name: str) -> bool:
    """Whether a column is the scores of a metric, as ``column_name`` calls them, and no field of the data.

    >>> is_score("constant/psnr.v1"), is_score("top_k_accuracy.v1.k=5"), is_score("label"), is_score("a.vw")
    (True, True, False, False)
    """
    return re.fullmatch(r"([\w-]+/)?\w+\.v[0-9]+(\..+)?", name) is not None


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
