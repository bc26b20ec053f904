"""Tasks know their metrics, and their arguments refuse what they do not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pytest_modelqa.spec import SpecError, read_spec
from pytest_modelqa.tasks.classification import Classification
from pytest_modelqa.tasks.declarations import TASKS, ClassificationArgs, ReconstructionArgs
from pytest_modelqa.tasks.reconstruction import Reconstruction
from pytest_modelqa.tasks.registry import catalogue, load, tasks


def test_the_catalogue_holds_each_metric_that_a_task_offers() -> None:
    known = catalogue()

    assert set(known.tasks) >= {"reconstruction", "classification"}
    for task in known.tasks.values():
        assert task.metrics
        assert set(task.metrics) <= set(known.metrics)
    assert {"psnr", "ssim", "mse", "mae"} <= set(known.tasks["reconstruction"].metrics)
    assert "psnr" not in known.tasks["classification"].metrics


def test_a_declaration_loads_its_task() -> None:
    declared = tasks()["reconstruction"]
    assert type(load(declared)(declared.args())) is Reconstruction
    assert load(tasks()["classification"]) is Classification


@pytest.mark.parametrize("declaration", TASKS, ids=lambda declaration: declaration.name)
def test_every_argument_is_described_and_extra_ones_are_refused(declaration: object) -> None:
    schema = declaration.args.model_json_schema()  # type: ignore[attr-defined]

    assert schema["additionalProperties"] is False
    assert all(field.get("description") for field in schema["properties"].values())
    needed = set(schema.get("required", ()))
    fields = declaration.args.model_fields  # type: ignore[attr-defined]
    assert needed == {name for name, field in fields.items() if field.is_required()}


@pytest.mark.parametrize(
    "args",
    [{"data_range": 0}, {"data_range": float("nan")}, {"data_range": "1"}, {"images": "x"}, {"output": 1.5}],
)
def test_arguments_that_make_no_sense_are_refused(args: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReconstructionArgs.model_validate(args)


def test_class_names_may_be_a_list_as_yaml_gives_it() -> None:
    assert ClassificationArgs.model_validate({"class_names": ["a", "b"]}).class_names == ("a", "b")
    with pytest.raises(ValidationError):
        ClassificationArgs.model_validate({"class_names": [1, 2]})


def test_a_metric_of_training_data_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "a.modelspec.yaml"
    path.write_text(
        "modelqa: 1\n"
        "models: {generator: {build: a:B}, judge: {build: a:B}}\n"
        "datasets: {test: {path: a.npz, role: test}}\n"
        "evaluations:\n"
        "  drawn:\n"
        "    {task: sampling, model: generator, dataset: test, args: {judge: judge, noise: [4]},\n"
        "     checks: [{metric: nearest_training_distance, min: 0.1}]}\n"
    )

    with pytest.raises(
        SpecError, match="nearest_training_distance needs the argument train of the task sampling"
    ):
        read_spec(path, catalogue())
