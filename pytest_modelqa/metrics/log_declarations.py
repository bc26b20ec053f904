"""What the metrics of training logs and of other tools' results are called, measure and take.

Of a series of a log, or a number of another tool, this package knows neither direction nor unit nor range: the spec
states them among the arguments, and nothing is guessed from a name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..spec.catalogue import MetricDeclaration


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_SERIES = Field(min_length=1, description="The name of the series in the log.")
_BETTER = Field(description="Whether more of it is better: true for an accuracy, false for a loss.")


class SeriesArgs(_Args):
    """The arguments of reduction."""

    series: str = _SERIES


class FinalArgs(_Args):
    """The arguments of final."""

    series: str = _SERIES
    higher_is_better: bool | None = Field(
        None, description="Its direction, where the check compares with a baseline or is a trend."
    )


class BestArgs(_Args):
    """The arguments of best and best_step."""

    series: str = _SERIES
    higher_is_better: bool = _BETTER


class PlateauArgs(BestArgs):
    """The arguments of plateau."""

    min_delta: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="By how much a value must beat the best one to count."
    )


class FiniteArgs(_Args):
    """The arguments of finite."""

    series: str | None = Field(None, description="The name of the series; without it, all of the log.")


class GapArgs(_Args):
    """The arguments of gap."""

    train: str = Field(min_length=1, description="The series of the training data.")
    val: str = Field(min_length=1, description="The series of the validation data.")
    higher_is_better: bool = _BETTER


class ShareArgs(_Args):
    """The arguments of share."""

    term: str = Field(min_length=1, description="The series of the term of the loss, without its weight.")
    total: str = Field(min_length=1, description="The series that it is a share of.")
    weight: float = Field(1.0, allow_inf_nan=False, description="What the term is multiplied by in the loss.")
    points: int | None = Field(None, ge=1, description="Only the first so many steps; without it, all.")


class _ForeignArgs(_Args):
    name: str = Field(min_length=1, description="As the source calls it.")
    unit: str = Field(
        description="The source's unit: fraction (0 to 1), percent (0 to 100), or any other word."
    )
    higher_is_better: bool | None = Field(description="Whether more is better; null: neither is.")
    lower: float | None = Field(None, allow_inf_nan=False, description="The least legal value, in its unit.")
    upper: float | None = Field(
        None, allow_inf_nan=False, description="The greatest legal value, in its unit."
    )

    @field_validator("unit")
    @classmethod
    def _unit_is_known_by_its_word(cls, unit: str) -> str:
        # As any other word, "%" would leave the range open, and min: 0.9 would ask for 0.9 %.
        meant = "percent" if unit in ("%", "percentage", "percents", "pct") else unit.lower()
        if unit != meant and meant in ("percent", "fraction"):
            raise ValueError(f"the unit {unit} is written {meant}")
        return unit

    @model_validator(mode="after")
    def _range_is_one(self) -> _ForeignArgs:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("lower must be below upper")
        return self


class RecordedScoreArgs(_ForeignArgs):
    """The arguments of recorded_score."""

    binary: bool = Field(False, description="Every score is 0 or 1, so that the interval is exact; checked.")


class RecordedValueArgs(_ForeignArgs):
    """The arguments of recorded_value."""

    n: int | None = Field(
        None, ge=1, description="Samples it was measured on, where the source does not say."
    )
    standard_error: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Its standard error, where the source does not say."
    )


def directed(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the arguments say of a value of a series."""
    return {"higher_is_better": args["higher_is_better"]}


def foreign(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the arguments say of a number of another tool; a percentage is kept as a fraction.

    >>> stated = foreign({"unit": "percent", "higher_is_better": True, "lower": None, "upper": None})
    >>> stated["unit"], stated["lower"], stated["upper"]
    ('fraction', 0.0, 1.0)
    """
    share = args["unit"] in ("fraction", "percent")
    scale = 0.01 if args["unit"] == "percent" else 1.0
    lower = args["lower"] * scale if args["lower"] is not None else 0.0 if share else -math.inf
    upper = args["upper"] * scale if args["upper"] is not None else 1.0 if share else math.inf
    stated = {
        "unit": "fraction" if share else args["unit"],
        "lower": lower,
        "upper": upper,
        "higher_is_better": args["higher_is_better"],
    }
    if "binary" in args:
        bounded = math.isfinite(lower) and math.isfinite(upper)
        stated["scores"] = "binary" if args["binary"] else "bounded" if bounded else "unbounded"
    return stated


_LOG: dict[str, Any] = {
    "unit": "",
    "lower": -math.inf,
    "upper": math.inf,
    "version": 1,
    "level": "set",
    "needs": "outputs",
    "scores": "set",
    "tasks": ("training_log",),
    "named_by": ("series", "train", "val", "term", "total"),
}
_SHARE: dict[str, Any] = {**_LOG, "unit": "fraction", "lower": 0.0}
_FOREIGN: dict[str, Any] = {
    "unit": "",
    "lower": -math.inf,
    "upper": math.inf,
    "higher_is_better": None,
    "version": 1,
    "needs": "outputs",
    "tasks": ("recorded",),
    "described_by": foreign,
    "named_by": ("name",),
}


def _of_log(name: str, summary: str, args: type[BaseModel], **others: Any) -> MetricDeclaration:
    function = f"pytest_modelqa.logs.measures:{name}"
    given = {**_LOG, "higher_is_better": None, **others}
    return MetricDeclaration(name=name, summary=summary, args=args, function=function, **given)


LOG_METRICS: tuple[MetricDeclaration, ...] = (
    _of_log("final", "the last value of a series of a training log", FinalArgs, described_by=directed),
    _of_log("best", "the best value of a series of a training log", BestArgs, described_by=directed),
    _of_log("best_step", "the step of the best value of a series", BestArgs),
    _of_log(
        "reduction",
        "by which share of its first value a series fell",
        SeriesArgs,
        unit="fraction",
        higher_is_better=True,
    ),
    _of_log(
        "plateau",
        "the share of the steps since the best value was last beaten",
        PlateauArgs,
        **{**_SHARE, "upper": 1.0},
    ),
    _of_log(
        "finite",
        "the share of the logged values that are numbers",
        FiniteArgs,
        **{**_SHARE, "upper": 1.0, "higher_is_better": True},
    ),
    _of_log("gap", "how much worse the validation is than the training", GapArgs, higher_is_better=False),
    _of_log(
        "share", "how large a weighted term of a loss is, as a share of another series", ShareArgs, **_SHARE
    ),
    MetricDeclaration(
        name="recorded_score",
        summary="the mean of a score that another tool gave each sample",
        level="sample",
        scores="unbounded",
        args=RecordedScoreArgs,
        function="pytest_modelqa.results.selection:score",
        **_FOREIGN,
    ),
    MetricDeclaration(
        name="recorded_value",
        summary="a number of the whole set that another tool measured",
        level="set",
        scores="set",
        args=RecordedValueArgs,
        function="pytest_modelqa.results.selection:value",
        **_FOREIGN,
    ),
)
