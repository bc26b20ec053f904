"""The file of a recorded baseline, ``baselines/NAME.json``: what stands in it, and reading it with suspicion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .. import strict_json
from ..errors import BaselineError

Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    # Strict: true is no 1.0, and "0.9" is text.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MetricFile(_Strict):
    """One metric of a recorded baseline."""

    value: Number
    unit: str
    standard_error: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    version: Annotated[int, Field(ge=1)] | None = None


class BaselineFile(_Strict):
    """The content of a recorded baseline."""

    modelqa_baseline: Literal[1]
    name: str
    task: str
    dataset: str | None = None
    split: str | None = None
    n: Annotated[int, Field(gt=0)] | None = None
    source: Literal["validation", "test", "training"]
    metrics: Annotated[dict[str, MetricFile], Field(min_length=1)]
    records: str | None = None
    made_by: dict[str, Any] = {}
    reason: str = ""


def parse(path: Path) -> BaselineFile:
    """The content of a file.

    Raises:
        BaselineError: It is missing, or is not of the form that is expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        others = sorted(other.name for other in path.parent.glob("*.json"))
        raise BaselineError(
            "a recorded baseline is missing",
            where=str(path),
            found=f"beside it: {', '.join(others[:5])}" if others else "no baseline beside it",
            todo="correct recorded:, or promote a run",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(
            "a recorded baseline cannot be read",
            where=str(path),
            found=str(error),
            todo="correct recorded:, or make the file readable",
        ) from error
    try:
        content = strict_json.loads(text)
        return BaselineFile.model_validate(content)
    except json.JSONDecodeError as error:
        raise BaselineError(
            "a recorded baseline is no JSON",
            where=f"{path}:{error.lineno}:{error.colno}",
            found=error.msg,
            todo="correct the file",
        ) from error
    except ValidationError as error:
        raise BaselineError(
            "a recorded baseline is not of the form that was expected",
            where=str(path),
            expected="modelqa_baseline: 1, name, task, source, metrics: {NAME: {value, unit}}",
            found="; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]),
            todo="correct the file",
        ) from error
    # A key twice, NaN, a number of thousands of digits, brackets without end.
    except (ValueError, RecursionError) as error:
        raise BaselineError(
            "a recorded baseline cannot be read", where=str(path), found=str(error), todo="correct the file"
        ) from error
