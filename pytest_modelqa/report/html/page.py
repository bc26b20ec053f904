"""From a run record, its records and the runs before it to what the page shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from ..conclusion import BAD, GOOD, Planned, Result
from ..history import History
from ..run_record import ReadEvaluation, ReadSpec, RunRecord
from .budget import Budget
from .checks import ORDER, CheckView, SideView, check_view, ordered, side_view
from .figures import Figure, figures_of
from .measured import Side, libraries_of, sides_of
from .pictures import Pictures, pictures_of
from .samples import Samples, Score, samples_of
from .trends import HistoryView, history_view

# How a conclusion is coloured.
WORD_CLASS: Mapping[str, str] = {**dict.fromkeys(GOOD, "pass"), **dict.fromkeys(BAD, "fail")}

# With many evaluations each shows fewer of its samples, so that the page stays below 5 MB.
_SAMPLE_ROWS = 2_000
_ROW_BYTES = 300
_MOST_RECORDS_WITH_PICTURES = 3
_MOST_CARDS = 60
_NAMED_OF_A_CASE = 5
# Of items, as the last line ends with them: ``: classification::accuracy-min, classification::f1-min and 2 more``.
_NAMES = re.compile(r": [^:;]+::[^;]*")


@dataclass(frozen=True)
class EvaluationView:
    """An evaluation, or the goals or another case of a spec, with its checks and what its records show."""

    name: str
    about: str
    checks: tuple[CheckView, ...]
    sides: tuple[SideView, ...]
    figures: tuple[Figure, ...]
    figures_left_out: int
    pictures: tuple[tuple[str, Pictures], ...]
    samples: Samples | None
    samples_of: str
    missing_records: bool


@dataclass(frozen=True)
class SpecView:
    """A spec with its evaluations."""

    spec: ReadSpec
    evaluations: tuple[EvaluationView, ...]


@dataclass(frozen=True)
class Page:
    """All that the page shows.

    Attributes:
        word: Of the conclusion, such as GO.
        counts: How many of the selected items ended how, worst first.
        blocking: What stops the release, to be read first; of items with the same error only the first one.
        alike: Those others, by the anchor of the first.
        more_blocking: How many do not stand there for want of room.
        measured_with: The libraries of the candidates' records and their versions.
        not_run: What was planned and did not run, and why.
        notices: What a reader must know before believing the verdict.
    """

    run: RunRecord
    word: str
    word_class: str
    line: str
    counts: tuple[tuple[str, int, str], ...]
    blocking: tuple[CheckView, ...]
    alike: Mapping[str, tuple[CheckView, ...]]
    more_blocking: int
    specs: tuple[SpecView, ...]
    not_run: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    history: HistoryView
    duration: str
    total: int
    measured_with: Mapping[str, tuple[str, ...]]


def page_of(run: RunRecord, store: Path, history: History) -> Page:
    """What the page of a run shows.

    Args:
        store: The folder of the records; what is not there is left out, and said.
    """
    results = {result.nodeid: result for result in run.results}
    shown = [item for item in run.planned if item.selected or item.nodeid in results]
    budget = Budget.beside(len(shown))
    views = {
        item.nodeid: check_view(item, results.get(item.nodeid), number, budget)
        for number, item in enumerate(shown)
    }
    cases = len({(item.spec, item.case) for item in shown})
    rows = max(10, min(120, _SAMPLE_ROWS // max(cases, 1)))
    word, _, line = (
        run.conclusion.line if run.conclusion else "INCOMPLETE: the run did not come to its end"
    ).partition(": ")
    specs = [
        (
            spec,
            _cases(
                spec, [item for item in shown if item.spec == spec.path], views, results, store, budget, rows
            ),
        )
        for spec in run.specs
    ]
    groups = _by_reason(ordered([view for view in views.values() if view.blocks]))
    counts = Counter((view.status, view.status_class) for view in views.values())
    return Page(
        run=run,
        word=word,
        word_class=WORD_CLASS.get(word, "warn"),
        # The names stand below, and so does what the run was overridden with.
        line=_NAMES.sub("", line.partition("; with --modelqa-set ")[0]),
        counts=tuple(
            (status, counts[status, class_], class_)
            for status, class_ in sorted(counts, key=lambda each: ORDER.index(each[0]))
        ),
        blocking=tuple(group[0] for group in groups[:_MOST_CARDS]),
        alike={group[0].anchor: tuple(group[1:]) for group in groups},
        more_blocking=sum(map(len, groups[_MOST_CARDS:])),
        specs=_with_pictures(specs, Budget(Budget.beside(len(shown)).left + budget.left)),
        not_run=tuple(_not_run(run, results)),
        notices=tuple(_notices(run, history)),
        history=history_view(history),
        duration=_duration(run),
        total=len(shown),
        measured_with=libraries_of(side for _, made in specs for case in made for side in case.candidates),
    )


def _by_reason(blocking: Sequence[CheckView]) -> list[list[CheckView]]:
    """Items that an error of one evaluation stops, together; each of the others by itself."""
    found: dict[object, list[CheckView]] = {}
    for view in blocking:
        error = view.error or {}
        reason = (
            (view.spec, error.get("what"), error.get("found"), error.get("details")) if error else view.anchor
        )
        found.setdefault(reason, []).append(view)
    return list(found.values())


@dataclass(frozen=True)
class _Case:
    """An evaluation on its way to a view; its pictures are chosen when all evaluations are known."""

    view: EvaluationView
    candidates: tuple[Side, ...]
    pictured: tuple[Side, ...]


def _cases(
    spec: ReadSpec,
    items: Sequence[Planned],
    views: Mapping[str, CheckView],
    results: Mapping[str, Result],
    store: Path,
    budget: Budget,
    rows: int,
) -> list[_Case]:
    evaluations = {evaluation.name: evaluation for evaluation in spec.evaluations}
    # The page may be made elsewhere than the run; a photograph is shown only if it is the one that was measured.
    folders = tuple(root / Path(spec.path).parent for root in (Path.cwd(), store.absolute().parent.parent))
    made = []
    for case, members in groupby(items, key=lambda item: item.case):
        of_case = list(members)
        checks = [views[item.nodeid] for item in of_case]
        found = [results[item.nodeid] for item in of_case if item.nodeid in results]
        made.append(_case(case, evaluations.get(case), checks, found, store, folders, budget, rows))
    return made


def _case(
    name: str,
    evaluation: ReadEvaluation | None,
    checks: Sequence[CheckView],
    results: Sequence[Result],
    store: Path,
    folders: Sequence[Path],
    budget: Budget,
    rows: int,
) -> _Case:
    verdicts = [result.verdict for result in results if result.verdict and result.verdict.get("lines")]
    sides = sides_of(results, store)
    candidates = [side for side in sides if side.is_candidate and side.record is not None]
    last = candidates[-1] if candidates else None
    figures = figures_of(verdicts, sides, folders)
    drawn = tuple(figure for figure in figures if budget.takes(len(figure.drawing)))
    browser = (
        samples_of(last.record, _scores(verdicts), _slices(verdicts), rows) if last and last.record else None
    )
    view = EvaluationView(
        name=name,
        about=_about(evaluation),
        checks=tuple(ordered(checks)),
        sides=tuple(_sides(sides, results)),
        figures=drawn,
        figures_left_out=len(figures) - len(drawn),
        pictures=(),
        samples=browser if browser and budget.takes(len(browser.rows) * _ROW_BYTES) else None,
        samples_of=last.name if last else "",
        missing_records=any(side.record is None and "recorded" not in side.evidence for side in sides),
    )
    pictured = (
        side for side in candidates[-_MOST_RECORDS_WITH_PICTURES:] if side.record and side.record.pictures
    )
    return _Case(view, tuple(candidates), tuple(pictured))


def _with_pictures(specs: Sequence[tuple[ReadSpec, Sequence[_Case]]], budget: Budget) -> tuple[SpecView, ...]:
    """Shares what is left of the budget among all evaluations; those that something stops choose first."""
    cases = [case for _, of_spec in specs for case in of_spec]
    order = sorted(range(len(cases)), key=lambda at: not any(check.blocks for check in cases[at].view.checks))
    sides = [(at, side) for at in order for side in cases[at].pictured]
    found: dict[int, list[tuple[str, Pictures]]] = {}
    pictures = pictures_of([side.record for _, side in sides if side.record is not None], budget)
    for (at, side), each in zip(sides, pictures, strict=True):
        found.setdefault(at, []).append((side.name, each))
    views = iter([replace(case.view, pictures=tuple(found.get(at, ()))) for at, case in enumerate(cases)])
    return tuple(SpecView(spec, tuple(next(views) for _ in of_spec)) for spec, of_spec in specs)


def _about(evaluation: ReadEvaluation | None) -> str:
    if evaluation is None:
        return ""
    role = f" ({evaluation.role} data)" if evaluation.role else ""
    parts = [
        evaluation.task,
        evaluation.model or "",
        f"{evaluation.dataset}{role}" if evaluation.dataset else "",
    ]
    return " · ".join(part for part in parts if part)


def _sides(sides: Sequence[Side], results: Sequence[Result]) -> list[SideView]:
    """The models, and the recorded baselines that have no records."""
    measured = [side_view("candidate" if side.is_candidate else "baseline", side.evidence) for side in sides]
    recorded = {
        str(side["recorded"]): side_view("baseline", side)
        for result in results
        for side in ((result.verdict or {}).get("evidence") or {}).values()
        if "recorded" in side and "key" not in side
    }
    return [*measured, *recorded.values()]


def _scores(verdicts: Sequence[Mapping[str, Any]]) -> list[Score]:
    """The metrics that were checked, each once, with the bound of a check of the value itself where there is one."""
    found: dict[str, Score] = {}
    for verdict in verdicts:
        worst = verdict["worst"]
        bound = worst["limit"] if verdict["bound"] in ("min", "max") and not worst["slice"] else None
        score = Score(
            verdict["metric"],
            verdict.get("column", ""),
            verdict["unit"],
            verdict.get("higher_is_better"),
            bound,
            worst["at_least"],
        )
        if score.column not in found or (found[score.column].limit is None and bound is not None):
            found[score.column] = score
    return list(found.values())


def _slices(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields that checks slice by: ``label`` of ``step=3, label=7``; coordinates are no columns and drop out."""
    names = [
        part.partition("=")[0]
        for verdict in verdicts
        for line in verdict["lines"]
        for part in line["slice"].split(", ")
        if "=" in part
    ]
    return list(dict.fromkeys(names))


def _not_run(run: RunRecord, results: Mapping[str, Result]) -> list[tuple[str, str]]:
    found = [
        (spec.path, f"could not be read: {spec.problem.splitlines()[0]}")
        for spec in run.specs
        if spec.problem
    ]
    found += [(spec.path, "left out by pytest, never read") for spec in run.specs if spec.left_out]
    cases: dict[tuple[str, str, str], list[str]] = {}
    for item in run.planned:
        result = results.get(item.nodeid)
        if not item.selected:
            why = "not selected"
        elif result is None:
            why = "not run"
        elif result.status in ("SKIPPED", "XFAILED", "RERUN", "NOT RUN"):
            why = result.status.lower()
        else:
            continue
        cases.setdefault((item.spec, item.case, why), []).append(item.nodeid)
    for (spec, case, why), nodeids in cases.items():
        if len(nodeids) > _NAMED_OF_A_CASE:
            found.append((f"{spec}::{case}", f"{len(nodeids)} items {why}"))
        else:
            found += [(nodeid, why) for nodeid in nodeids]
    return found


def _notices(run: RunRecord, history: History) -> list[str]:
    notices = list(history.creeping)
    if not run.complete:
        notices.append("The run did not come to its end: this is its plan.")
    if run.options.get("set"):
        notices.append(
            f"Judged with --modelqa-set {', '.join(run.options['set'])}: not the specs as they are."
        )
    if run.options.get("limit") is not None:
        notices.append(f"Measured on the first {run.options['limit']} samples of each dataset only.")
    notices += [f"A damaged record was passed over: {problem}" for problem in run.passed_over]
    return notices


def _duration(run: RunRecord) -> str:
    if run.finished is None:
        return ""
    seconds = int(
        (datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)).total_seconds()
    )
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
