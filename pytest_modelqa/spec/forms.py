"""The forms that values of a spec take: names, digests, amounts, bounds, and what messages call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints, WithJsonSchema

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
ATTRIBUTE_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
DIGEST_PATTERN = r"^(sha256:)?[0-9a-fA-F]{64}$"
DEVICE_PATTERN = r"^(auto|cpu|cuda(:[0-9]+)?)$"
MARK_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
MEMORY_PATTERN = r"^[0-9]+(\.[0-9]+)? ?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"

# What a text of each pattern is called in messages.
EXPECTED_FORMS: Mapping[str, str] = {
    NAME_PATTERN: "a name of letters, digits, '_', '.' and '-'",
    ATTRIBUTE_PATTERN: "module:attribute, such as model:Classifier or package.module:function",
    DIGEST_PATTERN: "a sha256: 64 hexadecimal digits",
    DEVICE_PATTERN: "auto, cpu, cuda or cuda:N",
    MARK_PATTERN: "a pytest mark: letters, digits and '_'",
    MEMORY_PATTERN: "an amount of memory, such as 16 GB or 40 GiB",
}

Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Attribute = Annotated[str, StringConstraints(pattern=ATTRIBUTE_PATTERN)]
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
Mark = Annotated[str, StringConstraints(pattern=MARK_PATTERN)]
# A bound without a value is refused with a message of its own, so that null is no legal way to leave it out.
Limit = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | None,
    WithJsonSchema({"type": "number"}),
]
Difference = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | None,
    WithJsonSchema({"type": "number", "minimum": 0}),
]
Improvement = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | None,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
]
Count = Annotated[int, Field(ge=1)]
_TRENDS = Literal["non_decreasing", "increasing", "best_is_last"]
Trend = Annotated[_TRENDS | None, WithJsonSchema({"enum": list(get_args(_TRENDS))})]
Scalar = str | int | float | bool
Confidence = Annotated[float, Field(gt=0.5, lt=1, allow_inf_nan=False)]
Probability = Annotated[float, Field(gt=0, lt=0.5, allow_inf_nan=False)]
