"""Where the numbers of a verdict came from, and what a reader should know of it besides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..records.columns import column_name
from ..records.digests import NOT_THERE, FileDigest
from ..spec.catalogue import MetricDeclaration
from ..spec.grid import named
from ..spec.numbers import format_value
from ..spec.resolved import Check
from ..spec.spelling import listed
from .comparable import same_model
from .compared import every_value_meets_it
from .measured import Measured, Member, spread
from .recorded import Recorded
from .verdict import WHENEVER_STOPPED, Line


def evidence(members: Sequence[Member]) -> dict[str, Any]:
    """Each side as JSON, under ``candidate`` and ``baseline``, the members of a grid with their coordinates."""
    sides: dict[str, Any] = {}
    baselines = {member.baseline.record.folder for member in members if isinstance(member.baseline, Measured)}
    for member in members:
        at = f" ({named(member.coordinates.items())})" if member.coordinates else ""
        sides[f"candidate{at}"] = _measured(member.candidate, member.coordinates)
        if isinstance(member.baseline, Recorded):
            sides["baseline"] = _recorded(member.baseline)
        elif member.baseline is not None and member.baseline.trivial is None:
            # One baseline for all members is no member of a grid itself.
            coordinates = member.coordinates if len(baselines) > 1 else {}
            sides[f"baseline{at}"] = _measured(member.baseline, coordinates)
    return sides


def notes(
    check: Check, declaration: MetricDeclaration, members: Sequence[Member], lines: Sequence[Line]
) -> tuple[str, ...]:
    """What a reader should know besides, each thing once."""
    repeated = _of_repeats(check, declaration, members)
    biased = check.confidence is not None and not check.bound.compares and bool(declaration.bias)
    bias = (declaration.bias,) if biased else ()
    return tuple(
        dict.fromkeys(
            (
                *bias,
                *_out_of_reach(check, declaration, lines),
                *_never_missed(check, declaration, lines),
                *_fractions_called_percent(check, lines),
                *_of_lines(check, lines),
                *repeated,
                *_of_members(members),
            )
        )
    )


def _out_of_reach(check: Check, declaration: MetricDeclaration, lines: Sequence[Line]) -> Iterator[str]:
    """A gain over a baseline that leaves no room: pass@10 of 0.998 cannot rise by 25 % (issue 8)."""
    name = check.args.get("name", check.metric)
    for line in lines:
        if line.baseline is None or not check.bound.kind.startswith("min_improvement"):
            continue
        # The few samples that decided say little of the baseline.
        if line.method == WHENEVER_STOPPED:
            continue
        best = declaration.upper if line.at_least else declaration.lower
        if line.limit > best if line.at_least else line.limit < best:
            room = abs(best - line.baseline.value)
            share = f" ({room / abs(line.baseline.value):.1%} of it)" if line.baseline.value else ""
            yield (
                f"no value of {name} reaches this: the baseline {format_value(line.baseline.value, check.unit)}"
                f" leaves room for {format_value(room, check.unit)}{share.replace('%', ' %')}"
            )


def _never_missed(check: Check, declaration: MetricDeclaration, lines: Sequence[Line]) -> Iterator[str]:
    """Lines that no value fails and are no error: some of several, no loss of the worst, drops from low steps."""
    if check.bound.kind == "trend":
        worst = [line for line in lines if _is_at_the_end(declaration, line)]
        if len(worst) < len(lines) or check.bound.trend == "increasing":
            return
    else:
        worst = [line for line in lines if _cannot_fail(check, declaration, line)]
    if not worst:
        return
    name = check.args.get("name", check.metric)
    yield (
        f"shows nothing{_for_slices(worst)}: every value of {name} meets a bound of"
        f" {format_value(worst[0].limit, check.unit)}"
    )


def _for_slices(lines: Sequence[Line]) -> str:
    slices = [line.slice for line in lines if line.slice]
    return f" for {listed(slices, 3)}" if slices else ""


def _is_at_the_end(declaration: MetricDeclaration, line: Line) -> bool:
    return line.limit <= declaration.lower if line.at_least else line.limit >= declaration.upper


def _cannot_fail(check: Check, declaration: MetricDeclaration, line: Line) -> bool:
    if line.baseline is None or not check.bound.compares or line.method == WHENEVER_STOPPED:
        return False
    return every_value_meets_it(declaration, line.baseline.value, check.bound)


def _fractions_called_percent(check: Check, lines: Sequence[Line]) -> Iterator[str]:
    """Of another tool's number nothing is known but what the spec states of it, and 0.92 of 1 is not 0.92 %."""
    if check.args.get("unit") != "percent":
        return
    sides = [side for line in lines for side in (line.candidate, line.baseline) if side is not None]
    if sides and all(0 <= side.value <= 0.01 for side in sides) and any(side.value for side in sides):
        shown = " and ".join(dict.fromkeys(f"{side.value * 100:.4g}" for side in sides[:2]))
        yield (
            f"{shown} percent of {check.args.get('name', check.metric)}: if the source counts from 0 to 1,"
            " write unit: fraction in the check's args"
        )


def _of_repeats(check: Check, declaration: MetricDeclaration, members: Sequence[Member]) -> Iterator[str]:
    if declaration.level != "sample":
        return
    column = column_name(check.metric, declaration.version, check.args)
    for member in members:
        found = spread(member.candidate.record, column)
        if found is not None:
            within, between = (format_value(one, check.unit) for one in found)
            yield (
                f"{member.candidate.name}: measured several times on each sample; standard deviation {within}"
                f" within a sample, {between} between samples"
            )


def _of_lines(check: Check, lines: Sequence[Line]) -> Iterator[str]:
    undecided = [line for line in lines if line.outcome == "inconclusive"]
    near = [line for line in lines if line.within_noise]
    if undecided:
        yield _undecided(undecided)
        yield from _passing_now(check, undecided)
    elif check.confidence is None and near:
        yield (
            f"within noise{_for_slices(near)}: the bound lies inside the 95 % interval,"
            " so other data like this may decide otherwise"
        )
    if check.confidence is not None and len(lines) > 1:
        what = "slices" if check.slices else "checkpoints"
        what = "pairs of checkpoints" if check.bound.kind == "trend" else what
        yield (
            f"several {what}: to pass, each is shown with {check.confidence:.0%} confidence;"
            " to fail, they share the error rate (Holm)"
        )
    alike = len({line.note for line in lines}) == 1
    for line in lines:
        if line.note:
            yield line.note if alike else f"{_of_what(check, line)}{line.note}"


def _of_what(check: Check, line: Line) -> str:
    """What a note of one of several lines speaks of: a slice, or a checkpoint and the earlier one."""
    if check.bound.kind == "trend" and line.baseline is not None:
        return f"{line.slice} after {line.baseline.name}: "
    return f"{line.slice}: " if line.slice else ""


def _undecided(lines: Sequence[Line]) -> str:
    needed = [line.samples_needed for line in lines if line.samples_needed is not None]
    # On the bound (a margin of 0) a note is not the reason.
    if any(line.note and line.margin for line in lines if line.samples_needed is None):
        # Which is the reason, and stands beside it.
        return f"how many {lines[0].needed_unit} would decide it cannot be told"
    if len(needed) < len(lines):
        return f"no number of {lines[0].needed_unit} like these would decide it"
    unit = lines[0].needed_unit
    return f"about {max(needed):,.0f} {unit} would decide it, if the values stay what they are"


def _passing_now(check: Check, lines: Sequence[Line]) -> Iterator[str]:
    """The bound that these samples would meet. It is no advice: chosen after the data were seen it shows nothing."""
    shortfalls = [
        -line.margin_interval[0] for line in lines if line.margin_interval and line.margin_interval[0]
    ]
    if len(shortfalls) < len(lines) or check.bound.kind == "range":
        return
    short = max(shortfalls)
    bound = check.bound
    if bound.kind == "trend":
        key, value = "tolerance", (check.tolerance or 0.0) + short
    elif bound.kind.startswith("min"):
        key, value = bound.kind, (bound.minimum if bound.minimum is not None else bound.amount or 0.0) - short
    else:
        key, value = bound.kind, (bound.maximum if bound.maximum is not None else bound.amount or 0.0) + short
    if bound.compares and value <= 0 and bound.kind.startswith("min"):
        key, value = bound.kind.replace("min_improvement", "max_degradation"), -value
    shown = f"{value:.3g} %" if bound.kind.endswith("_percent") else format_value(value, check.unit)
    yield f"these samples show {key}: {shown} and no more"


def _of_members(members: Sequence[Member]) -> Iterator[str]:
    for member in members:
        if isinstance(member.baseline, Recorded):
            yield "numbers only: the baseline has no records to pair with"
        elif member.baseline and member.baseline.recorded and same_model(member.candidate, member.baseline):
            yield f"{member.baseline.name} was promoted from this very model: the comparison shows nothing new"
        for side in (member.candidate, member.baseline):
            if isinstance(side, Measured) and side.trivial is None:
                yield from _of_side(side)


def _of_side(side: Measured) -> Iterator[str]:
    if side.note:
        yield f"{side.name}: {side.note}"
    for note in side.record.manifest.measured.get("notes", ()):
        yield f"{side.name}: {note}"


def _recorded(baseline: Recorded) -> dict[str, Any]:
    return {"name": baseline.name, "recorded": baseline.where, "made_by": dict(baseline.made_by)}


def _measured(side: Measured, coordinates: Mapping[str, Any]) -> Mapping[str, Any]:
    manifest = side.record.manifest
    return {
        "name": side.name,
        "coordinates": dict(coordinates),
        "measures_a_model": side.measures_a_model,
        "role": side.role,
        "key": manifest.key,
        "record": side.record.folder.name,
        "reused": side.reused,
        "measured": manifest.created,
        "device": dataclasses.asdict(manifest.device),
        "samples": manifest.samples,
        "inputs": {
            name: [dataclasses.asdict(file) for file in _where_they_lie_now(files, side.inputs.get(name, ()))]
            for name, files in manifest.inputs.items()
        },
        **({"recorded": side.recorded} if side.recorded else {}),
        # What lies beside the spec; the rest is named by versions, and lies elsewhere on another machine.
        "code": [
            dataclasses.asdict(file)
            for file in manifest.code
            if file.path.startswith("./") and file.sha256 != NOT_THERE
        ],
        "how": dict(manifest.measured),
    }


def _where_they_lie_now(files: Sequence[FileDigest], named: Sequence[FileDigest]) -> Sequence[FileDigest]:
    """Reused records may have been made of the same bytes under other paths than the spec has."""
    alike = [file.sha256 for file in files] == [file.sha256 for file in named]
    return named if alike else files
