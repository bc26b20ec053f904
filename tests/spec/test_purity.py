"""A spec is read the same way every time, and reading it opens and imports nothing that it names."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Reader

READER = """
import dataclasses, json, sys
from pathlib import Path
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

known = catalogue()
read_spec(Path(sys.argv[1]), known)
opened, spec = [], Path(sys.argv[1])
def audit(event, args):
    if event in ("open", "import", "subprocess.Popen", "socket.connect", "os.listdir", "os.scandir", "exec"):
        opened.append((event, str(args[0])))
sys.addaudithook(audit)
resolved = read_spec(spec, known, ["evaluations.digits.seed=3"], {"RUNS": "/runs"})
seen = list(opened)
print(json.dumps([seen, dataclasses.asdict(resolved)], default=str))
"""


def run(path: Path, hash_seed: str) -> list[object]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    child = subprocess.run(
        [sys.executable, "-c", READER, str(path)], capture_output=True, text=True, check=True, env=environment
    )
    answer: list[object] = json.loads(child.stdout)
    return answer


def test_reading_opens_the_spec_alone_and_gives_the_same_in_every_process(
    tmp_path: Path, spec_text: Callable[..., str]
) -> None:
    path = tmp_path / "a.modelspec.yaml"
    path.write_text(
        spec_text(
            ("best.safetensors", '"${env:RUNS:-runs}/best.safetensors"'),
            ("model:Net", "model:Net, args: {b: 1, a: 2}, allow_globals: [os.system]"),
            ("accuracy, min: 0.9", "accuracy, min: 0.9, slices: {site: null, label: [b, a]}"),
        )
    )
    (tmp_path / "model.py").write_text("raise RuntimeError('a spec ran code')")

    opened, one = run(path, "1")
    _, other = run(path, "2")

    assert opened == [["open", str(path)]]
    assert one == other


def test_reading_twice_gives_equal_specs(read: Reader, spec_text: Callable[..., str]) -> None:
    one, other = read(spec_text()), read(spec_text())

    assert one == other
    assert json.dumps(dataclasses.asdict(one), default=str) == json.dumps(
        dataclasses.asdict(other), default=str
    )


def test_the_text_of_a_spec_does_not_leak_into_another(read: Reader, spec_text: Callable[..., str]) -> None:
    """Arguments are validated once for each text; what one reader does to them must not reach the next."""
    text = spec_text(("model: candidate", "model: candidate\n    args: {class_names: [a, b]}"))
    args = read(text).evaluations["digits"].args
    args["class_names"].append("c")  # type: ignore[index]
    args["input"] = "changed"  # type: ignore[index]

    assert read(text).evaluations["digits"].args["class_names"] == ["a", "b"]
    assert read(text).evaluations["digits"].args["input"] == "image"
