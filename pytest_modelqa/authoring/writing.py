"""The text of a drafted spec, and the files that lie beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..spec.catalogue import Catalogue, MetricDeclaration
from ..spec.numbers import format_value
from .draft import Draft, DraftCheck, DraftEvaluation, Proposal

Proposals = Mapping[tuple[str, int], Proposal]
"""By the evaluation's name and the number of the check."""

# What is copied; larger files are linked.
_LARGEST_COPY = 20_000_000
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./*-]*")
SCHEMA_FILE = "modelspec.schema.json"


def spec_text(draft: Draft, proposals: Proposals, catalogue: Catalogue) -> str:
    """The whole file; a check without a proposal has a number that only serves to be read."""
    return "\n".join(_lines(draft, proposals, catalogue)) + "\n"


def _lines(draft: Draft, proposals: Proposals, catalogue: Catalogue) -> Iterator[str]:
    yield f"# yaml-language-server: $schema=../{SCHEMA_FILE}"
    yield "modelqa: 1"
    yield f"name: {draft.name}"
    yield f"description: {_scalar(f'Drafted from {draft.origin}; say here what the experiment was.')}"
    first = draft.evaluations[0].name
    yield "# What did the experiment set out to show? Name it, and the evaluation that shows it:"
    yield f"# goals: {{WHAT_IT_SHOULD_SHOW: {first}}}"
    for section, entries in (("models", draft.models), ("datasets", draft.datasets)):
        if entries:
            yield ""
            yield f"{section}:"
            for name, entry in entries.items():
                comment = f"   # {draft.comments[name]}" if name in draft.comments else ""
                yield f"  {name}: {flow(entry)}{comment}"
    yield ""
    yield "# The bounds are what the model itself reached, less the noise of that measurement. Move each to what you"
    yield "# need, and take its comment away: until then the last line of a run says that it is no evidence."
    yield "evaluations:"
    for evaluation in draft.evaluations:
        yield from _evaluation(evaluation, draft, proposals, catalogue)


def _evaluation(
    evaluation: DraftEvaluation, draft: Draft, proposals: Proposals, catalogue: Catalogue
) -> Iterator[str]:
    comment = draft.comments.get(evaluation.name)
    yield f"  {evaluation.name}:"
    yield f"    task: {evaluation.task}"
    if evaluation.model:
        yield f"    model: {evaluation.model}"
    if evaluation.dataset:
        yield f"    dataset: {evaluation.dataset}"
    if evaluation.args:
        yield f"    args: {flow(evaluation.args)}" + (f"   # {comment}" if comment else "")
    yield "    checks:"
    for number, check in enumerate(evaluation.checks):
        declaration = described(check, catalogue)
        proposal = proposals.get((evaluation.name, number))
        yield f"      - {_check(check, proposal, declaration)}" + _comment(
            proposal, declaration, draft.origin
        )


def described(check: DraftCheck, catalogue: Catalogue) -> MetricDeclaration:
    """The metric with what its arguments say of it."""
    declaration = catalogue.metrics[check.metric]
    return declaration.limited(declaration.args(**check.args).model_dump())


def _check(check: DraftCheck, proposal: Proposal | None, declaration: MetricDeclaration) -> str:
    bound = proposal.bound if proposal else placeholder(check, declaration)
    entry: dict[str, Any] = {"metric": check.metric}
    if check.baseline:
        entry["baseline"] = check.baseline
    if check.args:
        entry["args"] = dict(check.args)
    entry[check.kind] = bound
    if declaration.unit not in ("", "fraction") and declaration.described_by is None:
        entry["unit"] = declaration.unit
    if check.slices:
        entry["slices"] = check.slices
    return flow(entry)


def _comment(proposal: Proposal | None, declaration: MetricDeclaration, origin: str) -> str:
    if proposal is None:
        return ""
    alarm = "noise unknown" if proposal.false_alarm is None else f"false alarm {proposal.false_alarm:.1%}"
    value = format_value(proposal.value, declaration.unit)
    return f"   # proposed from {origin}: {value}, n {proposal.n}, {alarm}"


def placeholder(check: DraftCheck, declaration: MetricDeclaration) -> float:
    """A legal bound that some values meet and others do not.

    >>> from ..metrics.registry import metrics
    >>> placeholder(DraftCheck("accuracy", "min"), metrics()["accuracy"])
    0.5
    """
    if check.bound is not None:
        return check.bound
    if check.kind == "min_improvement":
        return 1e-6
    low, high = declaration.lower, declaration.upper
    if low > float("-inf") and high < float("inf"):
        return (low + high) / 2
    return low + 1 if low > float("-inf") else 0.0


def flow(entry: Mapping[str, Any]) -> str:
    """A mapping in one line of YAML.

    >>> flow({"load": "data:digits", "args": {"split": "test"}, "files": ["data/*.npz"], "min": 0.5})
    '{load: data:digits, args: {split: test}, files: [data/*.npz], min: 0.5}'
    """
    return "{" + ", ".join(f"{name}: {_value(value)}" for name, value in entry.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return flow(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float):
        return f"{value:.12g}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Text without quotes where it can only be read as text."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*", value) or _PLAIN.fullmatch(value)
    reserved = value.lower() in ("true", "false", "null", "yes", "no", "on", "off", ".nan", ".inf")
    return value if plain and not reserved else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Placed:
    """Files that were laid beside the spec.

    Attributes:
        files: Those that were made here.
        notes: What was linked and not copied.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def place_files(files: Sequence[Path], root: Path, folder: Path) -> Placed:
    """Lays the files beside the spec as they lay in the experiment: small ones copied, large ones linked.

    Raises:
        UsageError: Another file is in the place of one.
    """
    sources = sorted({inner for file in files for inner in _all(file)})
    pairs = [(source, folder / source.relative_to(root)) for source in sources]
    new = [(source, target) for source, target in pairs if not target.exists()]
    for source, target in pairs:
        if target.exists() and not target.samefile(source) and target.read_bytes() != source.read_bytes():
            raise UsageError(
                "another file is in the place of one of the experiment",
                where=str(target),
                expected=f"nothing, or the content of {source}",
                todo="choose another name, or remove it: nothing is overwritten",
            )
    linked = []
    for source, target in new:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.stat().st_size <= _LARGEST_COPY:
            shutil.copyfile(source, target)
        else:
            target.symlink_to(os.path.relpath(source.resolve(), target.parent.resolve()))
            linked.append(f"{target} is a link to {source}: {source.stat().st_size / 1e6:.0f} MB")
    return Placed(tuple(target for _, target in new), tuple(linked))


def take_away(placed: Placed) -> None:
    """Removes what was laid there, so that another attempt does not meet an old checkpoint."""
    for path in placed.files:
        path.unlink(missing_ok=True)


def _all(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (
            inner for inner in path.rglob("*") if inner.is_file() and "__pycache__" not in inner.parts
        )
    else:
        yield path
