"""What a spec needs of the machine: packages, variables, language data, disk space, memory, time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import DeviceError
from ..evaluation.batches import FIRST
from ..evaluation.devices import accelerators
from ..metrics import nltk_data
from ..spec.resolved import Evaluation, Model, Spec
from .code_needs import Need, is_importable, needs_of
from .findings import Finding, Severity

# Records are a few numbers a sample; a run that finds less than this free is about to fail anyway.
LEAST_FREE_BYTES = 200_000_000
# The names under which packages are installed that are imported under another.
_INSTALLED_AS = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
    "dateutil": "python-dateutil",
    "Levenshtein": "levenshtein",
}
_UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def code_findings(
    references: Mapping[str, str], folder: Path, severity: Severity = "error"
) -> tuple[Finding, ...]:
    """What the code of models and loaders needs and this machine lacks.

    Args:
        references: What is named in the spec, to its ``module:attribute``.
    """
    needs = needs_of(references.values(), folder)
    return tuple(finding for need in needs for finding in _lacking(need, severity))


def space_findings(folder: Path) -> tuple[Finding, ...]:
    """Whether there is room for records."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free >= LEAST_FREE_BYTES:
        return ()
    return (
        Finding(
            "resources",
            "",
            "error",
            f"the disk is full: {free / 1e6:,.0f} MB are free",
            where=str(place),
            expected=f"at least {LEAST_FREE_BYTES / 1e6:,.0f} MB for records",
            todo="free some space, or set modelqa_dir in pytest's configuration",
            kind="InfrastructureError",
        ),
    )


def device_findings(spec: Spec) -> tuple[Finding, ...]:
    """Whether the devices that the evaluations name are there; on a machine without any this is only a note."""
    try:
        present = accelerators()
    except DeviceError as error:
        return (Finding.of_error("resources", "", error),)
    found = []
    for evaluation in spec.evaluations.values():
        kind, _, index = evaluation.device.partition(":")
        if kind != "cuda" or int(index or 0) < len(present):
            continue
        what = f"{evaluation.name} needs {evaluation.device}, and {len(present)} GPUs are visible here"
        severity: Severity = "error" if present else "note"
        found.append(
            Finding(
                "resources",
                "",
                severity,
                what if present else f"{what}: run it where there is one",
                where=f"{spec.path}:{evaluation.position.line}",
                todo="correct device:, or CUDA_VISIBLE_DEVICES" if present else None,
                kind="DeviceError",
            )
        )
    return tuple(found)


def memory_findings(
    spec: Spec, evaluation: Evaluation, model: Model, memory: Mapping[str, float] | None
) -> tuple[Finding, ...]:
    """Whether the smallest batch that will be tried fits into the memory of the device.

    Args:
        memory: ``weights``, ``fixed`` and ``per_sample`` in bytes, or None where it could not be measured.
    """
    if memory is None:
        return ()
    # `auto` backs off down to one sample before it gives up.
    least = 1 if evaluation.batch_size == "auto" else evaluation.batch_size
    size = FIRST if evaluation.batch_size == "auto" else evaluation.batch_size

    def need(batch: int) -> float:
        return memory["weights"] + memory["fixed"] + memory["per_sample"] * batch

    about = (
        f"{evaluation.name} needs about {_bytes(need(size))} for a batch of {size} "
        f"({_bytes(memory['weights'])} weights, {_bytes(memory['per_sample'])} a sample)"
    )
    if not memory["fixed"] and not memory["per_sample"]:
        about = f"the weights of {evaluation.name} need {_bytes(memory['weights'])}; what a batch adds, the run shows"
    found = [Finding("memory", evaluation.name, "note", about)]
    for have, whose in _available(model, evaluation):
        if need(least) > have:
            largest = int(max(have - memory["weights"] - memory["fixed"], 0) // max(memory["per_sample"], 1))
            found.append(
                Finding(
                    "memory",
                    evaluation.name,
                    "error",
                    f"{evaluation.name} does not fit into {_bytes(have)} ({whose})",
                    where=f"{spec.path}:{evaluation.position.line}",
                    expected=f"about {_bytes(need(least))} for a batch of {least}",
                    found=_bytes(have),
                    todo=f"write batch_size: {largest} or auto"
                    if largest
                    else "take a larger device, or precision: bfloat16",
                    kind="InfrastructureError",
                )
            )
    return tuple(found)


def duration_findings(
    spec: Spec, evaluation: Evaluation, n: int, samples_per_second: float | None, whence: str
) -> tuple[Finding, ...]:
    """Whether an evaluation ends within its deadline, as far as its speed is known.

    Args:
        whence: Where the speed was measured, in words.
    """
    if evaluation.deadline is None:
        return ()
    if samples_per_second is None:
        what = f"whether {evaluation.name} ends within its deadline of {evaluation.deadline:g} s is not known yet"
        return (Finding("memory", evaluation.name, "note", what),)
    seconds = n * evaluation.repeats / samples_per_second
    # A margin for loading and scoring would be a guess: what is clearly too long is an error.
    severity: Severity = "error" if seconds > evaluation.deadline else "note"
    return (
        Finding(
            "memory",
            evaluation.name,
            severity,
            f"{evaluation.name} takes about {seconds:,.0f} s for {n:,} samples",
            where=f"{spec.path}:{evaluation.position.line}" if severity == "error" else None,
            expected=f"an end within {evaluation.deadline:g} s, its deadline",
            found=f"{samples_per_second:,.1f} samples/s ({whence})",
            todo="raise deadline:, or evaluate fewer samples" if severity == "error" else None,
            kind="InfrastructureError",
        ),
    )


def memory_in_bytes(text: str) -> float:
    """An amount as ``gpu_memory`` is written.

    >>> memory_in_bytes("16 GB"), memory_in_bytes("1.5GiB")
    (16000000000.0, 1610612736.0)
    """
    number, unit = re.fullmatch(r"([0-9.]+) ?(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def _lacking(need: Need, severity: Severity) -> Iterator[Finding]:
    """What is not here; of what may never be needed this is a warning."""
    own: Severity = "warning" if need.optional and severity == "error" else severity
    if need.kind == "package" and need.name not in sys.stdlib_module_names and not is_importable(need.name):
        yield Finding(
            "resources",
            "",
            own,
            f"the package {need.name!r} is not installed",
            where=need.where,
            todo=f"pip install {_INSTALLED_AS.get(need.name, need.name)}",
            kind="MissingDependencyError",
        )
    elif need.kind == "variable" and need.name not in os.environ:
        yield Finding(
            "resources",
            "",
            own,
            f"the environment variable {need.name} is not set",
            where=need.where,
            todo=f"export {need.name}=…",
        )
    elif need.kind == "language data" and not _has_nltk_data(need.name):
        yield Finding(
            "resources",
            "",
            own,
            f"nltk's data {need.name!r} are not here",
            where=need.where,
            expected=f"{need.name} in one of: {', '.join(map(str, nltk_data.folders()[:3]))} …",
            todo=f"python -m nltk.downloader {need.name.rpartition('/')[2]}",
            kind="MissingDependencyError",
        )
    elif need.kind == "pretrained" and not _has_pretrained(
        need.name, Path(need.where.rpartition(":")[0]).parent
    ):
        yield Finding(
            "resources",
            "",
            own,
            f"{need.name!r} is not in the cache of the model hub, and workers run offline",
            where=need.where,
            expected=f"a folder {need.name}, or a copy in {_hub()}",
            todo=f"download it first: hf download {need.name}",
            kind="MissingDependencyError",
        )


def _has_nltk_data(name: str) -> bool:
    return any(
        (folder / name).exists() or (folder / f"{name}.zip").exists() for folder in nltk_data.folders()
    )


def _hub() -> Path:
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _has_pretrained(name: str, beside: Path) -> bool:
    snapshots = _hub() / f"models--{name.replace('/', '--')}" / "snapshots"
    return (beside / name).exists() or Path(name).exists() or snapshots.is_dir()


def _available(model: Model, evaluation: Evaluation) -> Iterator[tuple[float, str]]:
    if model.gpu_memory is not None and evaluation.device != "cpu":
        yield memory_in_bytes(model.gpu_memory), f"gpu_memory of {model.name}"
    if evaluation.device == "cpu":
        yield _free_of_machine(), "free on this machine"
    else:
        yield from ((free, "free on the GPU that is visible here") for free in _free_of_gpus()[:1])


def _free_of_machine() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").exists() else ():
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    return float("inf")


def _free_of_gpus() -> list[float]:
    """Largest first; none where there is none."""
    command = shutil.which("nvidia-smi")
    try:
        if command is None or not accelerators():
            return []
        query = [command, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    except (DeviceError, OSError, subprocess.TimeoutExpired):
        # That the driver does not answer is said under `resources`.
        return []
    numbers = [line.strip() for line in answer.stdout.splitlines()]
    return sorted((float(number) * 2**20 for number in numbers if number.isdigit()), reverse=True)


def _bytes(size: float) -> str:
    """An amount of memory for people.

    >>> _bytes(16.2e9), _bytes(3.4e6), _bytes(812.0)
    ('16.2 GB', '3.4 MB', '812 bytes')
    """
    for unit in ("TB", "GB", "MB", "KB"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.1f} {unit}"
    return f"{size:.0f} bytes"


def references_of(spec: Spec) -> dict[str, str]:
    """The ``module:attribute`` of each model and dataset of a spec, by name."""
    builds = {name: model.build for name, model in spec.models.items()}
    return builds | {name: each.load for name, each in spec.datasets.items() if each.load is not None}
