"""The documentation says what the code is: every metric, task, option and key, and specs that can be read."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pytest_modelqa.baselines.file import BaselineFile, MetricFile
from pytest_modelqa.baselines.reading import read_baseline
from pytest_modelqa.checkers.declarations import CHECKERS, CheckerArgs
from pytest_modelqa.configuration import KEYS
from pytest_modelqa.datasets.files import COCO_SUFFIX
from pytest_modelqa.datasets.loading import TABLES
from pytest_modelqa.metrics.log_declarations import LOG_METRICS
from pytest_modelqa.metrics.registry import metrics
from pytest_modelqa.plugin import MARKS, pytest_addoption
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.catalogue import MetricDeclaration, NoArgs
from pytest_modelqa.spec.resolved import Position, RecordedBaseline
from pytest_modelqa.spec.schema import (
    SECTIONS,
    BaselineEntry,
    CheckEntry,
    ConfigEntry,
    ControlEntry,
    DatasetEntry,
    EvaluationEntry,
    Header,
    ModelEntry,
)
from pytest_modelqa.spec.support import NOT_SUPPORTED_YET
from pytest_modelqa.tasks.registry import catalogue, tasks

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING"))]
_INTERVALS = {
    "binary": "Clopper–Pearson",
    "bounded": "t, bounded",
    "unbounded": "t",
    "set": "jackknife",
}
# Of numbers that others measured, little or nothing is known of the noise.
_OF_FILES = {f"pytest_modelqa.logs.measures:{metric.name}": "—" for metric in LOG_METRICS}
_OF_FILES |= {"pytest_modelqa.results.selection:value": "standard error"}


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def tables(text: str) -> Iterator[list[dict[str, str]]]:
    """Each table as rows by column; a bar in a cell is written ``\\|``."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        heads, _, *rows = [_cells(line) for line in block.splitlines()]
        yield [dict(zip(heads, row, strict=True)) for row in rows]


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of its level."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found[2]


def keys_of(text: str, title: str) -> dict[str, str]:
    """The first table under a heading: its first column, without backticks, to its default."""
    rows = next(tables(section(text, title)))
    first = next(iter(rows[0]))
    return {row[first].strip("`"): row.get("default", "") for row in rows}


def installed_here() -> set[str]:
    """The metrics of this package: another package in the environment may bring more."""
    return {name for name, metric in metrics().items() if metric.function.startswith("pytest_modelqa.")}


def _number(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:g}".replace("-", "−")


_WORDS = ((PydanticUndefined, "required"), (None, "none"), (False, "false"), (True, "true"))


def _arguments(schema: type[BaseModel]) -> str:
    shown = []
    for name, field in schema.model_fields.items():
        default = field.get_default()
        # By identity: 0.0 is equal to False.
        words = [word for value, word in _WORDS if default is value]
        shown.append(f"`{name}` ({words[0] if words else default})")
    return ", ".join(shown) or "—"


def _better(metric: MetricDeclaration) -> str:
    if metric.described_by is not None:
        return "as stated"
    return {True: "higher", False: "lower", None: "—"}[metric.higher_is_better]


def _row(metric: MetricDeclaration) -> dict[str, str]:
    return {
        "metric": f"`{metric.name}`",
        "unit": metric.unit or "—",
        "range": f"{_number(metric.lower)} … {_number(metric.upper)}",
        "better": _better(metric),
        "arguments": _arguments(metric.args),
        "interval": _INTERVALS[metric.scores]
        if metric.function not in _OF_FILES
        else _OF_FILES[metric.function],
    }


def test_every_metric_stands_in_its_table_as_it_is_declared() -> None:
    documented = [row for table in tables(page("metrics")) for row in table if "metric" in row]
    assert {row["metric"].strip("`") for row in documented} == installed_here()
    assert documented == [_row(metrics()[row["metric"].strip("`")]) for row in documented]


def test_the_declaration_in_the_guide_to_a_new_metric_is_one() -> None:
    guide = section((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), "A metric")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names = {"MetricDeclaration": MetricDeclaration, "math": math}
    metric = eval(textwrap.dedent(code).strip().removesuffix(","), names)
    own = metrics()["mae"]
    # Of the family of mae in every respect but what it computes.
    of_its_own = {"name": metric.name, "summary": metric.summary, "function": metric.function, "version": 1}
    alike = replace(own, args=NoArgs, **of_its_own)  # type: ignore[arg-type]
    assert metric == alike
    assert metric.function.split(":")[0] == own.function.split(":")[0]


def test_every_metric_is_explained_beside_its_table() -> None:
    prose = "\n".join(line for line in page("metrics").splitlines() if not line.startswith("|"))
    bare = {name for name in installed_here() if f"`{name}`" not in prose}
    # Those of sizes are explained together.
    assert bare == {f"{kind}_{size}" for kind in ("ap", "ar") for size in ("small", "medium", "large")}


def test_every_task_is_documented_with_its_arguments_and_baselines() -> None:
    text = section(page("metrics"), "Tasks")
    overview, *arguments = tables(text)
    own = [task for task in tasks().values() if task.implementation.startswith("pytest_modelqa.")]
    assert [row["task"].strip("`") for row in overview] == [task.name for task in own]
    for row, task, table in zip(overview, own, arguments, strict=True):
        assert row["trivial baselines"] == (", ".join(f"`{name}`" for name in task.baselines) or "—")
        fields = task.args.model_fields
        assert [line["argument"].strip("`") for line in table] == list(fields)
        for line in table:
            default = fields[line["argument"].strip("`")].get_default()
            special = {
                "None": "null",
                "PydanticUndefined": "(required)",
                "True": "true",
                "False": "false",
                "()": "[]",
            }
            word = special.get(str(default), str(default))
            assert line["default"].strip("`") == word


def test_every_checker_is_documented_with_its_arguments() -> None:
    shared, *own = tables(page("checkers"))
    union, _ = get_args(CheckerArgs)
    schemas = {get_args(each.model_fields["kind"].annotation)[0]: each for each in get_args(union)}
    assert list(schemas) == list(CHECKERS)
    common = set.intersection(*(set(each.model_fields) for each in schemas.values())) - {"kind"}
    assert {row["argument"].strip("`") for row in shared} == common
    for (kind, schema), table in zip(schemas.items(), own, strict=True):
        assert f"**`{kind}`**" in page("checkers")
        fields = {name: field for name, field in schema.model_fields.items() if name not in {*common, "kind"}}
        assert [row["argument"].strip("`") for row in table] == list(fields)
        for row in table:
            default = fields[row["argument"].strip("`")].get_default()
            special = {PydanticUndefined: "required", None: "null"}
            word = special.get(default, str(default)).replace("False", "false")
            assert row["default"].strip("`") == word.replace("\n", "\\n")


def test_every_metric_can_be_measured_by_some_task() -> None:
    offered = {name for task in tasks().values() for name in task.metrics}
    assert installed_here() <= offered


_ENTRIES: dict[str, type[BaseModel]] = {
    "Model": ModelEntry,
    "Config": ConfigEntry,
    "Dataset": DatasetEntry,
    "Recorded baseline": BaselineEntry,
    "Control": ControlEntry,
    "Evaluation": EvaluationEntry,
}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default in (None, ""):
        return "—"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize("title", _ENTRIES)
def test_every_key_is_documented_with_its_default(title: str) -> None:
    fields = _ENTRIES[title].model_fields
    assert keys_of(page("spec"), title) == {name: _default(field) for name, field in fields.items()}


def test_every_key_of_a_check_is_documented_with_its_default() -> None:
    fields = {
        name: _default(field)
        for name, field in CheckEntry.model_fields.items()
        if name not in CheckEntry.BOUND_KEYS
    }
    assert keys_of(page("spec"), "Check") == fields
    assert list(keys_of(page("spec"), "Bounds")) == list(CheckEntry.BOUND_KEYS)


def test_every_section_of_a_spec_is_documented() -> None:
    fields = {name: _default(field) for name, field in Header.model_fields.items()}
    sections = dict.fromkeys(SECTIONS, "—")
    written = {"modelqa": "required", "evaluations": "required"}
    assert keys_of(page("spec"), "The file") == fields | sections | written


def test_every_key_of_a_recorded_baseline_is_documented() -> None:
    _, rows = tables(section(page("spec"), "Recorded baseline"))
    fields = {name: _default(field) for name, field in BaselineFile.model_fields.items()}
    assert {row["key"].strip("`"): row["default"] for row in rows} == fields
    (metric_keys,) = [row["type"] for row in rows if row["key"] == "`metrics`"]
    assert re.findall(r"`(\w+)`", metric_keys) == list(MetricFile.model_fields)


def test_every_format_of_data_is_documented() -> None:
    rows = next(tables(section(page("spec"), "Data formats")))
    assert [row["`path`"].strip("`") for row in rows] == [*TABLES, COCO_SUFFIX, "a folder"]


def test_what_is_not_supported_yet_is_marked_where_the_key_stands_and_listed() -> None:
    text = page("spec")
    marked = set()
    for title, kind in {
        "The file": "spec",
        "Model": "model",
        "Dataset": "dataset",
        "Evaluation": "evaluation",
        "Check": "check",
    }.items():
        rows = next(tables(section(text, title)))
        marked |= {f"{kind}.{row['key'].strip('`')}" for row in rows if "not supported yet" in row["meaning"]}
    assert marked == NOT_SUPPORTED_YET
    listed = re.findall(r"`(\w+)`", section(text, "Not supported yet"))
    assert sorted(listed) == sorted(key.partition(".")[2] for key in NOT_SUPPORTED_YET)


def test_the_recorded_baseline_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```json\n(.*?)^```", page("spec"), re.MULTILINE | re.DOTALL)
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    read = read_baseline(RecordedBaseline("a", "a.json", Position(1, 1)), tmp_path, catalogue())
    assert read.metrics["ap_small"].value == pytest.approx(0.1728)


def specs() -> list[tuple[str, str]]:
    found = []
    for path in PAGES:
        blocks = re.findall(
            r"^```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        whole = [block for block in blocks if re.search(r"^modelqa: 1$", block, re.MULTILINE)]
        found += [(f"{path.name}-{number}", block) for number, block in enumerate(whole, start=1)]
    return found


@pytest.mark.parametrize("text", [text for _, text in specs()], ids=[name for name, _ in specs()])
def test_a_whole_spec_in_the_documentation_can_be_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.modelspec.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_spec(path, catalogue(), environment={}).evaluations


def test_every_option_configuration_key_mark_and_command_is_documented(pytestconfig: pytest.Config) -> None:
    text = page("running")
    options, keys, commands = tables(section(text, "Options"))
    given = {name for name in vars(pytestconfig.option) if name.startswith("modelqa_")}
    documented = {row["option"].strip("`").removeprefix("--").replace("-", "_") for row in options}
    assert documented == given
    assert [row["configuration key"].strip("`") for row in keys] == list(KEYS)
    for row in keys:
        assert row["default"].strip("`") == _shipped_default(row["configuration key"].strip("`"))
    marks = next(tables(section(text, "Marks")))
    assert [row["mark"].strip("`") for row in marks] == [mark.partition(":")[0] for mark in MARKS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest_modelqa.cli", "--help"], capture_output=True, text=True, check=True
    )
    there = re.findall(r"^    (\w+)\b", done.stdout, re.MULTILINE)
    assert [row["command"].strip("`").removeprefix("modelqa ") for row in commands] == there


def _shipped_default(key: str) -> str:
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    return str(parser._inidict[key][2])


def test_links_between_pages_lead_somewhere() -> None:
    for path in [*PAGES, ROOT / "CHANGELOG.md"]:
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = target.partition("#")
            if "://" in target:
                continue
            there = (path.parent / file).resolve() if file else path
            assert there.exists(), f"{path.name}: {target}"
            if anchor:
                assert anchor in _anchors(there), f"{path.name}: {target}"


def _anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
