"""Which module may import which: downwards only, and nothing heavy in the pytest process."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pytest_modelqa"

# From the bottom. A part imports what is below it, and nothing beside it.
LEVELS = (
    ("errors",),
    # Each of these knows nothing of the rest.
    ("spec", "records", "statistics", "placeholders", "strict_json", "user_code", "configuration"),
    ("models", "datasets", "metrics", "checkers", "logs", "results", "stopping"),
    ("tasks",),
    ("preflight", "evaluation", "judging", "report", "controls"),
    ("verification", "differences"),
    ("baselines",),
    ("gate",),
    ("known", "rehearsal"),
    ("readiness",),
    ("items",),
    ("finding_items",),
    ("preflight_items", "control_items"),
    ("collection", "calibration", "authoring"),
    ("plugin", "cli"),
)
# A report shows verdicts, and preflight rehearses evaluations; nothing else on a level knows of its neighbours.
BESIDE = {("report", "judging"), ("preflight", "evaluation")}

# What only the process that runs models may import.
OF_THE_WORKER = {"torch", "torchvision", "safetensors", "PIL", "sklearn", "skimage", "transformers"}
# What the plugin, which is loaded in every pytest session of an environment, may not.
HEAVY = OF_THE_WORKER | {"yaml", "pydantic", "numpy", "scipy", "pyarrow", "rich", "filelock"}

LONGEST = 350
# Longer, and why: nothing may join without a reason.
LONGER: dict[str, str] = {}


@dataclass(frozen=True)
class Import:
    """One imported module, and how."""

    module: str
    line: int
    on_import: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> tuple[Import, ...]:
    """What a module imports, in functions too; not what only the type checker sees."""
    path = modules()[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return tuple(_imports(tree, package, on_import=True))


def _imports(node: ast.AST, package: str, *, on_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, on_import) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (Import(name, child.lineno, on_import) for name in _names(child, package))
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for rest in child.orelse:
                yield from _imports(rest, package, on_import=on_import)
        else:
            later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, package, on_import=on_import and not later)


def _names(node: ast.ImportFrom, package: str) -> list[str]:
    """``from ..spec import paths`` imports the module ``spec.paths`` if there is one, else ``spec``."""
    base = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
    source = ".".join([*base, *([node.module] if node.module else [])])
    inner = [f"{source}.{alias.name}" for alias in node.names]
    return sorted({name if name in modules() else source for name in inner})


def part(module: str) -> str:
    """The part of the package that a module belongs to: ``spec``, ``plugin``."""
    return module.split(".")[1] if "." in module else ""


def level(name: str) -> int:
    found = [number for number, names in enumerate(LEVELS) if name in names]
    assert found, f"{name} has no level: say in LEVELS who may import it"
    return found[0]


def ours(module: str) -> list[Import]:
    return [each for each in imports(module) if each.module.split(".")[0] == PACKAGE.name]


def on_import(start: list[str]) -> dict[str, str]:
    """Every module of the package that importing these imports, each with the one that asked for it."""
    reached = dict.fromkeys(start, "")
    queue = list(start)
    while queue:
        module = queue.pop()
        for each in imports(module):
            if each.on_import:
                for name in (each.module, each.module.rpartition(".")[0]):
                    if name in modules() and name not in reached:
                        reached[name] = module
                        queue.append(name)
    return reached


def test_every_part_of_the_package_has_a_level() -> None:
    for module in modules():
        if part(module):
            level(part(module))


def test_imports_run_downwards() -> None:
    wrong = []
    for module, path in modules().items():
        for each in ours(module):
            importer, imported = part(module), part(each.module)
            if importer in ("", imported) or (importer, imported) in BESIDE:
                continue
            if imported and level(imported) >= level(importer):
                wrong.append(f"{path}:{each.line} imports {each.module}")
    assert not wrong


def test_judging_and_evaluation_do_not_know_each_other() -> None:
    for name in modules():
        if part(name) in ("judging", "evaluation"):
            parts = {part(each) for each in on_import([name])} | {part(each.module) for each in ours(name)}
            assert not {"judging", "evaluation"} <= parts, name


@pytest.mark.parametrize(
    "name", ["spec", "records", "statistics", "placeholders", "strict_json", "user_code"]
)
def test_the_lowest_parts_import_nothing_of_the_package_but_errors(name: str) -> None:
    imported = {part(each.module) for module in modules() if part(module) == name for each in ours(module)}
    assert imported <= {name, "errors"}


def test_modules_of_the_package_are_imported_relatively() -> None:
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                named = [str(node.module)]
            assert not [name for name in named if name.split(".")[0] == PACKAGE.name], module


def test_no_two_modules_import_each_other() -> None:
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above, module))
        if module not in done:
            for each in ours(module):
                if each.on_import and each.module in modules() and each.module != module:
                    visit(each.module, (*above, module))
            done.add(module)

    for module in modules():
        visit(module, ())


def test_nothing_that_the_pytest_process_imports_imports_what_belongs_to_the_worker() -> None:
    start = [module for module in modules() if part(module) and level(part(module)) >= level("baselines")]
    for module, because in on_import(start).items():
        found = {each.module.split(".")[0] for each in imports(module) if each.on_import}
        assert not found & OF_THE_WORKER, f"{module}, imported by {because}"


def test_scipy_is_used_for_its_special_functions_only() -> None:
    # scipy.stats takes half a second to import and gives NaN where a verdict needs a number.
    for module in modules():
        for each in imports(module):
            assert each.module.split(".")[0] != "scipy" or each.module == "scipy.special", module


def test_what_is_imported_is_declared_as_a_dependency() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {requirement.split(">")[0].split("[")[0].strip().lower() for requirement in declared}
    # Each in the one version that fits: pydantic_core comes with pydantic, tokenizers with transformers.
    called = {
        "yaml": "pyyaml",
        "mlflow": "mlflow-skinny",
        "PIL": "pillow",
        "sklearn": "scikit-learn",
        "hydra": "hydra-core",
        "pydantic_core": "pydantic",
        "tokenizers": "transformers",
    }
    for module in modules():
        for each in imports(module):
            top = each.module.split(".")[0]
            if top not in sys.stdlib_module_names and top != PACKAGE.name:
                assert called.get(top, top).replace("_", "-").lower() in names, f"{module} imports {top}"


def test_a_module_says_first_what_it_does() -> None:
    for module, path in modules().items():
        text = path.read_text(encoding="utf-8")
        if text.strip():
            assert text.startswith('"""'), module
            assert ast.get_docstring(ast.parse(text)), module


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    lengths = {
        module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in modules().items()
    }
    assert {module for module, length in lengths.items() if length > LONGEST} == set(LONGER)


def imported_by(statement: str) -> set[str]:
    """The top names of all modules that are loaded after a statement, in a process of its own."""
    code = f"{statement}; import sys; print('\\n'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in answer.stdout.split()}


def test_the_plugin_imports_nothing_heavy() -> None:
    assert not imported_by("import pytest_modelqa.plugin") & HEAVY


def test_collecting_and_judging_specs_imports_nothing_of_the_worker() -> None:
    loaded = imported_by(
        "import pytest_modelqa.collection, pytest_modelqa.gate, pytest_modelqa.cli, pytest_modelqa.verification;"
        "from pytest_modelqa.tasks.registry import catalogue; catalogue();"
        "import pytest_modelqa.report.terminal, pytest_modelqa.report.run_record"
    )
    assert "pytest_modelqa" in loaded
    assert not loaded & OF_THE_WORKER


def test_how_long_the_plugin_takes_to_import() -> None:
    """Printed, not asserted: a busy machine takes as long as it likes."""
    code = "import pytest; import pytest_modelqa.plugin"
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    taken = [line for line in answer.stderr.splitlines() if line.endswith(" pytest_modelqa.plugin")]
    assert len(taken) == 1
    print(f"importing the plugin, pytest being there: {int(taken[0].split('|')[1]) / 1000:.1f} ms")
