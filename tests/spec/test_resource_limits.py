"""Hostile specs: refused within a second of processor time and 200 MB each, under limits that the system enforces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

resource = pytest.importorskip("resource")

# Reads every file under limits: one more second of processor time and 200 MB more of address space than before.
READER = """
import json, resource, sys
from pathlib import Path
from pytest_modelqa.spec import SpecError, read_spec
from pytest_modelqa.spec.catalogue import Catalogue, MetricDeclaration, TaskDeclaration

metric = MetricDeclaration("accuracy", "", "fraction", 0, 1, True, 1, "sample", "outputs", "binary", "m:f")
task = TaskDeclaration("classification", "", ("accuracy",), (), "t:f", 1)
catalogue = Catalogue({"accuracy": metric}, {"classification": task})

def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

# What the first reading loads once does not count.
try:
    read_spec(Path(sys.argv[1]), catalogue)
except SpecError as error:
    str(error)
codes = {}
for name in sys.argv[2:]:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(spent.ru_utime + spent.ru_stime) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + 200_000_000, resource.RLIM_INFINITY))
    try:
        read_spec(Path(name), catalogue)
    except SpecError as error:
        codes[Path(name).stem] = [sorted({problem.code for problem in error.problems}), len(str(error))]
print(json.dumps(codes))
"""
SPEC = """\
modelqa: 1
models: {m: {build: a:b}}
datasets: {d: {load: a:b, role: test}}
evaluations:
  e: {task: classification, model: m, dataset: d, checks: [{metric: accuracy, min: 0.9}]}
"""
EVALUATION = (
    "  e{n}: {{task: classification, model: m{n}, dataset: d, checks: [{{metric: accuracy, min: 0.9}}]}}\n"
)


def _chain(links: str, first: str, length: int = 40) -> str:
    """Each line refers to the one before it."""
    lines = [f"k0: &k0 {first}"]
    lines += [f"k{n}: &k{n} {links.format(before=f'*k{n - 1}')}" for n in range(1, length)]
    return "\n".join(lines)


BOMBS: dict[str, tuple[str, str]] = {
    "flow sequences": ("[" * 1_400_000, "too-deep"),
    "flow mappings": ("{a: " * 350_000, "too-deep"),
    "block sequences": ("- " * 700_000, "too-deep"),
    "complex keys": ("? " * 700_000, "too-deep"),
    "keys that are flow mappings": ("{? " * 450_000, "too-deep"),
    "laughs": (_chain("[{before}, {before}, {before}]", "[x, x]"), "too-many-values"),
    "merges": (_chain("{{<<: [{before}, {before}]}}", "{x: 1}"), "too-many-values"),
    "a chain of aliases": (_chain("[{before}]", "[x]", 400), "too-deep"),
    "cycle": ("a: &a [*a]", "alias-cycle"),
    "many aliases": ("a: &a x\nb: [" + "*a, " * 300_000 + "]", "too-many-values"),
    "many anchors": ("[" + "&a x, " * 240_000 + "]", "too-many-values"),
    "many values": ("[" + "1," * 700_000 + "]", "too-many-values"),
    "long number": ("a: " + "9" * 1_400_000, "number-too-long"),
    "nearly a number": ("a: " + "9" * 1_400_000 + "x", "unknown-key"),
    "tag directives": ("".join(f"%TAG !{n}! tag:x\n" for n in range(70_000)) + "---\na", "directive"),
    "one long key": ("x" * 1_000 + ": 1", "unknown-key"),
    "one long text": ("description: '" + "x" * 1_400_000, "yaml-syntax"),
    "spaces": ("a:" + " " * 1_400_000 + "1", "unknown-key"),
    "comments": ("#\n" * 700_000, "empty"),
    "documents": ("--- a\n" * 230_000, "second-document"),
    "unknown keys": ("".join(f"unknown{n}: 1\n" for n in range(45_000)), "unknown-key"),
    "unknown keys of an entry": (
        SPEC.replace("build: a:b", ", ".join(f"builds{n}: 1" for n in range(45_000))),
        "unknown-key",
    ),
    "variables": (
        SPEC.replace("a:b}}\nd", "a:b, checkpoint: '" + "${env:A" * 150_000 + "'}}\nd"),
        "shell-syntax",
    ),
    "unknown names": (
        SPEC + "".join(EVALUATION.format(n=n) for n in range(4_000)),
        "unknown-name",
    ),
    "equal checks": (
        SPEC.replace("checks: [", "checks: [" + "{metric: accuracy, min: 0.9}, " * 5_000),
        "id-taken",
    ),
    "wrong checks": (
        SPEC.replace("checks: [", "checks: [" + "{metric: accurcy, min: x}, " * 10_000),
        "not-a-number",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the address space from /proc")
def test_hostile_specs_are_refused_within_their_limits(tmp_path: Path) -> None:
    good = tmp_path / "good.modelspec.yaml"
    good.write_text(SPEC.replace("0.9", "x"))
    files = [good]
    for name, (text, _) in BOMBS.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        files.append(path)

    child = subprocess.run(
        [sys.executable, "-c", READER, *map(str, files)], capture_output=True, text=True, check=False
    )

    assert child.returncode == 0, child.stderr[-2000:]
    answers = json.loads(child.stdout)
    assert set(answers) == set(BOMBS)
    for name, (_, code) in BOMBS.items():
        codes, length = answers[name]
        assert code in codes, name
        assert length < 60_000, name
