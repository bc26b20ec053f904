"""Builds a model with a config that notes what is read of it, in a process of its own; needs torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from ..errors import EvaluationError, ModelQAError
from ..evaluation.local import worker_environment
from ..models.checkpoint import read_header
from ..models.files import checkpoint_path
from ..models.header import Header, TensorInfo
from ..spec.grid import members
from ..spec.resolved import Model
from .composed import Composed, KeyPath, shown
from .composing import Stored, compose_here, omegaconf_of
from .config import QUESTION, config_name, missing_key
from .config_recorder import Recorder
from .contradictions import Candidate, candidates, misfits
from .findings import Finding
from .key_reads.reading import stored_nodes

if TYPE_CHECKING:
    from torch import nn

_DEADLINE_S = 120
# Each is built on the meta device, which takes milliseconds.
_MOST_BUILDS = 40


def recorded_config_findings(model: Model, folder: Path) -> tuple[Finding, ...]:
    """What building the model shows of its config: a key that is not there, a value that the checkpoint contradicts.

    Args:
        folder: The spec's folder.
    """
    if model.config is None:
        return ()
    order = json.dumps({"model": TypeAdapter(Model).dump_python(model, mode="json"), "folder": str(folder)})
    read, write = os.pipe()
    try:
        with os.fdopen(read, "r", encoding="utf-8") as answers:
            try:
                # What the user's code prints is nobody's answer.
                done = subprocess.run(
                    [sys.executable, "-P", "-m", __name__, str(write)],
                    input=order,
                    capture_output=True,
                    text=True,
                    timeout=_DEADLINE_S,
                    pass_fds=(write,),
                    env=worker_environment(os.environ, "cpu"),
                    cwd=folder,
                    check=False,
                )
            finally:
                os.close(write)
            answer = answers.read()
    except subprocess.TimeoutExpired:
        return (_note(model, f"{model.build} did not end within {_DEADLINE_S} s"),)
    if not answer:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return (_note(model, f"{model.build} ended its process: {last[0]}"),)
    return tuple(Finding.from_json(each) for each in json.loads(answer))


def record(model: Model, folder: Path) -> tuple[Finding, ...]:
    """As ``recorded_config_findings``, in this process, whose loaders of configs are replaced meanwhile."""
    assert model.config is not None
    composed = compose_here(model.config, folder, _stored(model, folder))
    recorder = _recorder(model, folder, composed)
    try:
        with recorder.in_place():
            expected = _tensors(_built(model, folder))
    except ModelQAError as error:
        for miss in recorder.log.misses.values():
            # One that was caught is not what ended the build.
            if _ended_by(error, miss.path[-1]):
                return (missing_key(folder, model, composed, miss),)
        return (_note(model, f"{model.build} could not be built: {error.what}"),)
    if not recorder.handed:
        return (
            _note(model, f"{model.build} does not load {config_name(model.config)}: nothing was recorded"),
        )
    return tuple(_contradictions(model, folder, composed, expected))


def _ended_by(error: BaseException | None, key: str) -> bool:
    """Whether an error was raised, or raised in the handling of another, for lack of a key."""
    from omegaconf.errors import OmegaConfBaseException

    while error is not None:
        if isinstance(error, (LookupError, AttributeError, OmegaConfBaseException)) and key in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _recorder(model: Model, folder: Path, composed: Composed) -> Recorder:
    from omegaconf import OmegaConf

    assert model.config is not None
    file = folder / model.config.file if model.config.file else None
    if file is not None and file.suffix.lower() in (".json", ".toml"):
        return Recorder(composed.tree, file, folder)
    config = omegaconf_of(model.config, folder, _stored(model, folder))
    if file is not None:
        # As OmegaConf.load gives it; hydra's are in struct mode.
        OmegaConf.set_struct(config, False)
    return Recorder(config, file, folder)


def _stored(model: Model, folder: Path) -> Sequence[Stored]:
    config = model.config
    if config is None or config.hydra_dir is None:
        return ()
    return stored_nodes(folder, [folder / name for name in config.read_by])


def _built(model: Model, folder: Path) -> nn.Module:
    import torch

    from ..models.building import build_random
    from ..user_code import import_attribute

    # Not on the meta device: a module imported there would keep its constants without values.
    import_attribute(model.build, folder)
    try:
        with torch.device("meta"):
            return build_random(model, folder)
    except EvaluationError:
        # Not every constructor works without values; one that is wrong raises again.
        return build_random(model, folder)


def _tensors(module: nn.Module) -> dict[str, TensorInfo]:
    return {
        name: TensorInfo(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in module.state_dict().items()
    }


def _contradictions(
    model: Model, folder: Path, composed: Composed, expected: dict[str, TensorInfo]
) -> Iterator[Finding]:
    header = _header(model, folder)
    if header is None:
        return
    tried: dict[tuple[KeyPath, int], Candidate] = {}
    for candidate in candidates(composed, expected, header):
        tried.setdefault((candidate.path, candidate.held), candidate)
    before = misfits(expected, header)
    better: list[Candidate] = []
    for candidate in list(tried.values())[:_MOST_BUILDS]:
        left = _misfits_of(model, folder, candidate, header)
        if left == 0:
            # It explains everything, so what explains a part of it has nothing left to explain.
            yield _contradiction(model, folder, candidate)
            return
        if left is not None and left < before:
            better.append(candidate)
    yield from (_contradiction(model, folder, candidate) for candidate in better)
    if len(tried) > _MOST_BUILDS:
        yield _note(model, f"which other values the checkpoint contradicts: {_MOST_BUILDS} were tried")


def _misfits_of(model: Model, folder: Path, candidate: Candidate, header: Header) -> int | None:
    """What is left to explain once the model is built with the other value; None if it cannot be."""
    assert model.config is not None
    override = f"{shown(candidate.path)}={candidate.held}"
    changed = replace(model.config, overrides=(*model.config.overrides, override))
    try:
        recorder = _recorder(
            replace(model, config=changed), folder, compose_here(changed, folder, _stored(model, folder))
        )
        with recorder.in_place():
            return misfits(_tensors(_built(model, folder)), header)
    except ModelQAError:
        return None


def _header(model: Model, folder: Path) -> Header | None:
    """Of the first checkpoint; one that cannot be read is told where checkpoints are asked about."""
    try:
        path = checkpoint_path(model, folder, next(iter(members(model.coordinates, {}))))
        return read_header(path, model.state_dict_key, model.allow_globals, model.format) if path else None
    except ModelQAError:
        return None


def _contradiction(model: Model, folder: Path, candidate: Candidate) -> Finding:
    assert model.config is not None
    key = shown(candidate.path)
    return Finding(
        QUESTION,
        model.name,
        "error",
        f"{key} of the config is {candidate.value}, and the checkpoint was made with {candidate.held}",
        where=str(folder / (model.config.file or f"{model.config.hydra_dir}/{model.config.name}")),
        expected=f"{key}: {candidate.held}, with which the checkpoint fits better",
        found=f"{candidate.tensor}: {candidate.built} of the config, {candidate.found} in the checkpoint",
        todo=f"write {key}: {candidate.held}, or correct the checkpoint",
        kind="CheckpointError",
    )


def _note(model: Model, what: str) -> Finding:
    return Finding(QUESTION, model.name, "note", f"not known: {what}")


def main() -> None:
    """Entry point: an order as JSON on standard input, findings as JSON on a pipe of its own."""
    order = json.load(sys.stdin)
    model = TypeAdapter(Model).validate_python(order["model"])
    folder = Path(order["folder"])
    # Modules beside the spec come first, as they do in the worker, but not before what torch and hydra import.
    with suppress(ModuleNotFoundError):
        import hydra  # noqa: F401
        import torch  # noqa: F401
    sys.path.insert(0, str(folder))
    try:
        findings = record(model, folder)
    except ModelQAError as error:
        findings = (Finding.of_error(QUESTION, model.name, error),)
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as answers:
        json.dump([finding.to_json() for finding in findings], answers)


if __name__ == "__main__":
    main()
