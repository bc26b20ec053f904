"""A small catalogue, and specs written into a folder of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pytest_modelqa.spec import SpecError, read_spec
from pytest_modelqa.spec.catalogue import Catalogue, MetricDeclaration, NamesEntry, NoArgs, TaskDeclaration
from pytest_modelqa.spec.resolved import Spec


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TopKArgs(_Args):
    k: int = Field(default=5, ge=1, description="The label must be among the k largest.")


class SsimArgs(_Args):
    window: int = Field(default=11, description="Side of the window.")

    @field_validator("window")
    @classmethod
    def _is_odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError("a window has a centre, so its side is odd")
        return window

    @model_validator(mode="after")
    def _is_not_too_large(self) -> SsimArgs:
        if self.window > 99:
            raise ValueError("a window of this side fits into no image")
        return self


class ClassificationArgs(_Args):
    input: str = Field(default="image", description="The field that the model is given.")
    output: str | int | None = Field(default=None, description="Which tensor to take.")
    outputs: Literal["logits", "probabilities"] = Field(default="logits", description="What it returns.")
    class_names: tuple[str, ...] | None = Field(default=None, description="The classes' names.")


class ProbeArgs(_Args):
    train: Annotated[str, NamesEntry("dataset", other=True)] = Field(
        description="What the probe is fitted on."
    )
    judges: Annotated[tuple[str, ...], NamesEntry("model")] = Field(default=(), description="Other models.")


def _metric(
    name: str,
    unit: str,
    lower: float,
    upper: float,
    higher_is_better: bool | None,
    args: type[BaseModel] = NoArgs,
) -> MetricDeclaration:
    return MetricDeclaration(
        name=name,
        summary=f"the {name}",
        unit=unit,
        lower=lower,
        upper=upper,
        higher_is_better=higher_is_better,
        version=1,
        level="sample",
        needs="outputs",
        scores="unbounded",
        function=f"metrics:{name}",
        args=args,
    )


def _task(
    name: str, metrics: tuple[str, ...], args: type[BaseModel] = NoArgs, **rest: Any
) -> TaskDeclaration:
    return TaskDeclaration(
        name=name,
        summary=f"the {name}",
        metrics=metrics,
        baselines=rest.pop("baselines", ("constant",)),
        implementation=f"tasks:{name}",
        version=1,
        args=args,
        **rest,
    )


_METRICS = (
    _metric("accuracy", "fraction", 0, 1, True),
    _metric("top_k_accuracy", "fraction", 0, 1, True, TopKArgs),
    _metric("log_loss", "nats", 0, math.inf, False),
    _metric("psnr", "dB", -math.inf, math.inf, True),
    _metric("bleu", "points", 0, 100, True),
    _metric("ssim", "", -1, 1, True, SsimArgs),
    _metric("brightness", "", 0, 255, None),
)
_TASKS = (
    _task(
        "classification",
        ("accuracy", "top_k_accuracy", "log_loss", "bleu", "brightness"),
        ClassificationArgs,
        baselines=("constant", "raw_pixels"),
    ),
    _task("reconstruction", ("psnr", "ssim")),
    _task("linear_probe", ("accuracy",), ProbeArgs),
    _task("training_log", ("log_loss",), baselines=(), needs_model=False, needs_dataset=False),
)
CATALOGUE = Catalogue({metric.name: metric for metric in _METRICS}, {task.name: task for task in _TASKS})


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return CATALOGUE


@dataclass(frozen=True)
class Reader:
    """Reads specs from texts; messages name the file ``a.modelspec.yaml``."""

    def __call__(
        self,
        text: str | bytes,
        overrides: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        not_supported_yet: frozenset[str] = frozenset(),
        catalogue: Catalogue = CATALOGUE,
    ) -> Spec:
        path = Path("a.modelspec.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_spec(path, catalogue, overrides, environment or {}, not_supported_yet=not_supported_yet)

    def error(self, text: str | bytes, *args: Any, **kwargs: Any) -> SpecError:
        with pytest.raises(SpecError) as caught:
            self(text, *args, **kwargs)
        return caught.value

    def codes(self, text: str | bytes, *args: Any, **kwargs: Any) -> list[str]:
        return [problem.code for problem in self.error(text, *args, **kwargs).problems]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.chdir(tmp_path)
    return Reader()


_SPEC = """\
modelqa: 1
models:
  candidate: {build: model:Net, checkpoint: best.safetensors}
datasets:
  test: {load: data:test, files: [test.npz], role: test}
evaluations:
  digits:
    task: classification
    model: candidate
    dataset: test
    checks:
      - {metric: accuracy, min: 0.9}
"""


@pytest.fixture(scope="session")
def spec_text() -> Callable[..., str]:
    """The text of a good spec, with some pieces replaced by others."""

    def changed(*pairs: tuple[str, str]) -> str:
        text = _SPEC
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        return text

    return changed
