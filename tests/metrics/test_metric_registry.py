"""The registry finds metrics of this and other packages, says who is wrong, and stays light."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_modelqa
from pytest_modelqa.errors import MissingDependencyError, UsageError
from pytest_modelqa.metrics.declarations import METRICS
from pytest_modelqa.metrics.registry import by_name, imported, load, metrics
from pytest_modelqa.spec.catalogue import MetricDeclaration
from pytest_modelqa.tasks.registry import tasks

GROUP = "pytest_modelqa.metrics"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry_point: str, code: str = "") -> None:
    """A package of someone else, as pip would leave it."""
    module = folder / f"other_{folder.name.replace('-', '_')}.py"
    module.write_text(code)
    info = folder / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry_point.format(module=module.stem)}\n")
    monkeypatch.syspath_prepend(folder)


DECLARATION = """
from pytest_modelqa.spec.catalogue import MetricDeclaration
metric = MetricDeclaration(name="{name}", summary="", unit="", lower=0, upper=1, higher_is_better=True, version=1,
                           level="sample", needs="outputs", scores="bounded", function="math:floor")
"""


@pytest.mark.parametrize("declaration", METRICS, ids=lambda declaration: declaration.name)
def test_every_declared_metric_has_the_function_that_its_declaration_describes(
    declaration: MetricDeclaration,
) -> None:
    function = load(declaration)
    parameters = inspect.signature(function).parameters
    keywords = {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY} - {"class_value"}

    assert keywords == {*declaration.args.model_fields, *declaration.task_args}
    assert ("class_value" in parameters) == declaration.class_slices
    assert declaration.class_slices or declaration.class_share is None
    assert bool(declaration.columns) == (declaration.needs == "predictions")
    assert (declaration.level == "set") == (declaration.scores == "set")
    for name, field in declaration.args.model_fields.items():
        assert parameters[name].default == (inspect.Parameter.empty if field.is_required() else field.default)
        assert field.description
    assert function.__doc__
    assert ">>> " in function.__doc__


@pytest.mark.parametrize("declaration", METRICS, ids=lambda declaration: declaration.name)
def test_every_metric_takes_the_arguments_of_a_task_that_has_them(declaration: MetricDeclaration) -> None:
    for task in tasks().values():
        if declaration.name in task.metrics:
            assert set(declaration.task_args) <= set(task.args.model_fields)


def test_a_metric_of_another_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "sharpness = {module}:metric", DECLARATION.format(name="sharpness"))

    found = by_name(MetricDeclaration, METRICS, GROUP)

    assert load(found["sharpness"])(1.5) == 1
    assert len(found) == len(METRICS) + 1


def test_a_name_that_is_taken_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "mine = {module}:metric", DECLARATION.format(name="psnr"))

    with pytest.raises(UsageError, match="two packages declare psnr") as error:
        by_name(MetricDeclaration, METRICS, GROUP)

    assert error.value.found == "psnr is declared by pytest-modelqa already"
    assert "entry point mine = other_" in (error.value.where or "")


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        (
            "gone = no_such_module:metric",
            "entry point gone cannot be imported: No module named 'no_such_module'",
        ),
        ("lost = {module}:nothing", "entry point lost cannot be imported: .*has no attribute 'nothing'"),
        ("other = math:floor", "entry point other is not a MetricDeclaration"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_named(
    entry_point: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, entry_point)

    with pytest.raises(UsageError, match=message):
        by_name(MetricDeclaration, METRICS, GROUP)


def test_a_package_that_is_not_installed_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_more.py").write_text("import package_that_nobody_has")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(MissingDependencyError, match="metric psnr needs the package package_that_nobody_has"):
        imported("needs_more:anything", "metric psnr")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module:x", "there is no module no_such_module"),
        ("pytest_modelqa.metrics.no_such:x", "there is no module pytest_modelqa.metrics.no_such"),
        ("math:no_such", "math has no no_such"),
    ],
)
def test_code_that_does_not_exist_is_named(path: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        imported(path, "metric x")


def test_reading_the_catalogue_imports_neither_numpy_nor_torch() -> None:
    code = (
        "import sys; from pytest_modelqa.tasks.registry import catalogue; catalogue();"
        "print([name for name in ('numpy', 'torch', 'scipy', 'PIL', 'sklearn', 'pyarrow') if name in sys.modules])"
    )
    root = Path(pytest_modelqa.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_names_are_unique() -> None:
    assert len(metrics()) >= len({declaration.name for declaration in METRICS}) == len(METRICS)
