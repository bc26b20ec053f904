"""What one pytest session knows of its specs: the plan, the evaluations under way, the results, the conclusion."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .baselines.reading import baseline_of
from .baselines.room import warned_of_saturation
from .errors import BaselineError, ModelQAError, RunRecordError, StoreError, UsageError
from .evaluation.engine import Engine, Progress
from .evaluation.evaluations import Evaluations
from .evaluation.inline import InlineEngine
from .evaluation.local import Limits, LocalEngine
from .evaluation.plan import Job, Needs, needs, role_of
from .judging.judge import judge
from .judging.measured import Measured, Member
from .judging.verdict import Verdict
from .preflight.static import StaticQuestions
from .records.digests import digest
from .report import run_record
from .report.conclusion import Conclusion, Planned, Result, conclude, shown_as
from .report.goals import with_goals
from .report.publishing import publish
from .report.run_record import ReadEvaluation, ReadSpec, RunRecord
from .spec import read_spec
from .spec.catalogue import Catalogue
from .spec.overrides import entries_of, without_place
from .spec.resolved import Check, Evaluation, Spec
from .tasks.registry import catalogue


@dataclass(frozen=True)
class Options:
    """What the command line and the configuration say.

    Attributes:
        root: pytest's root folder; paths in the run record are relative to it.
        folder: Where records and run records are kept: ``.modelqa``.
        run_id: Given by the controller under xdist, so that all processes write one record.
        overrides: ``--modelqa-set`` assignments.
        gate: ``--modelqa-gate``: an accelerator is required, overrides are refused.
        engine: ``local`` or ``inline``.
        debugging: ``--pdb``: an exception of user code must come out as it is.
        limit: ``--modelqa-limit``: only the first so many samples of each dataset.
        stall_seconds: A worker that says nothing for so long is given up.
        starts_early: Queue all selected evaluations at once; not under xdist, where each process starts only
            what its own items need.
    """

    root: Path
    folder: Path
    run_id: str
    overrides: tuple[str, ...] = ()
    gate: bool = False
    engine: str = "local"
    debugging: bool = False
    limit: int | None = None
    stall_seconds: float = 900.0
    starts_early: bool = True

    @property
    def digest_memory(self) -> Path:
        """The folder that remembers digests of large files."""
        return self.folder / "digests"

    def to_json(self) -> dict[str, Any]:
        """What of them bears on the verdict."""
        return {"set": list(self.overrides), "gate": self.gate, "limit": self.limit, "engine": self.engine}


@dataclass
class Gate:
    """The state of a session. One for each process that collects specs."""

    options: Options
    started: str = field(default_factory=run_record.now)
    catalogue: Catalogue = field(default_factory=catalogue)
    specs: dict[Path, ReadSpec] = field(default_factory=dict)
    planned: dict[str, Planned] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    refusal: ModelQAError | None = None
    passed_over: set[str] = field(default_factory=set)
    _entries: set[str] = field(default_factory=set)
    _told: dict[str, str] = field(default_factory=dict)
    _evaluations: Evaluations | None = None
    _static: StaticQuestions = field(default_factory=StaticQuestions)

    def read(self, path: Path) -> Spec:
        """Reads a spec.

        Raises:
            SpecError: The spec is wrong; the message holds all of its problems.
        """
        spec = warned_of_saturation(read_spec(path, self.catalogue, self.options.overrides), self.catalogue)
        self._entries.update(entries_of(spec))
        self.specs[path] = ReadSpec(
            path=self._relative(path),
            sha256=spec.sha256,
            overrides=spec.overrides,
            problem=None,
            name=spec.name,
            description=spec.description,
            evaluations=tuple(
                _read_evaluation(spec, each, self.catalogue) for each in spec.evaluations.values()
            ),
            proposed=spec.proposed,
        )
        return spec if self.options.limit is None else spec.limited(self.options.limit)

    def found(self, path: Path) -> None:
        """Remembers a spec file from the moment that it is seen: pytest may leave it out (``--lf``)."""
        self.specs.setdefault(path, ReadSpec(self._relative(path), None, (), None))

    def forget_unasked(self, asked: Callable[[Path], bool]) -> None:
        """Forgets the specs beside the one that was asked for: pytest shows every file of its folder."""
        self.specs = {path: spec for path, spec in self.specs.items() if not spec.left_out or asked(path)}

    def cannot_read(self, path: Path, problem: str) -> None:
        """Remembers that a spec is wrong, so that the run cannot be called complete."""
        self.specs[path] = ReadSpec(self._relative(path), None, (), problem)

    def plan(self, item: Planned) -> None:
        """Adds an item of a spec to the plan."""
        self.planned[item.nodeid] = item

    def unused_override(self) -> UsageError | None:
        """Says that no spec has a place for a ``--modelqa-set`` assignment; None where each has one."""
        used = {override for spec in self.specs.values() for override in spec.overrides}
        unused = [override for override in self.options.overrides if override not in used]
        if not unused or any(spec.sha256 is None for spec in self.specs.values()):
            return None
        return without_place(unused[0], self._entries)

    def add_result(self, nodeid: str, fields: Mapping[str, Any]) -> None:
        """Takes what a report says of an item. A retry is never forgotten, and an error in teardown counts."""
        before = self.results.get(nodeid)
        if before is None or (before.status != "RERUN" and not before.blocks):
            self.results[nodeid] = Result(nodeid=nodeid, **fields)

    def adopt_plan(self) -> ModelQAError | None:
        """Takes over the plan that xdist's workers wrote, where this process collected nothing itself.

        Without it the run is incomplete; gives back why there is none.
        """
        if self.planned or self.specs or not self.results:
            return None
        try:
            plan = run_record.read(self.options.folder / "runs" / self.options.run_id)
        except RunRecordError as error:
            return error
        self.planned = {item.nodeid: item for item in plan.planned}
        self.specs = {self.options.root / spec.path: spec for spec in plan.specs}
        return None

    def write(self, *, complete: bool) -> StoreError | None:
        """Writes the run record; gives back what hindered it, because the verdicts are right all the same."""
        try:
            run_record.write(self.record(complete=complete), self.options.folder / "runs")
        except StoreError as error:
            return error
        return None

    def publish(self, line: str) -> list[str]:
        """Writes the reports of a run that ended with this line; gives back what is said of them."""
        run, options = self.record(complete=True), self.options
        run = replace(run, conclusion=shown_as(run.conclusion, line))
        return publish(run, options.folder, options.root, os.environ)

    @property
    def record_path(self) -> Path:
        """Where the run record is."""
        return self.options.folder / "runs" / self.options.run_id / "run.json"

    def select(self, nodeids: set[str]) -> None:
        """Says which items of the plan will run."""
        self.planned = {
            nodeid: replace(item, selected=nodeid in nodeids) for nodeid, item in self.planned.items()
        }

    def start(self, spec: Spec, evaluation: Evaluation, check: Check) -> None:
        """Queues what a check needs."""
        for job in self._jobs(spec, evaluation, check):
            self.evaluations.start(job)

    def judge(
        self,
        spec: Spec,
        evaluation: Evaluation,
        check: Check,
        waiting: Callable[[str, Progress], None],
        every: float,
    ) -> Verdict:
        """Waits for exactly the evaluations that a check needs, and judges it.

        Raises:
            ModelQAError: An evaluation could not be made, or the check cannot be judged on what it gave.
        """
        if self.refusal is not None:
            raise self.refusal
        declaration = self.catalogue.metrics[check.metric].limited(check.args)
        attempts = 3
        while True:
            members = self.members(spec, evaluation, check, waiting, every)
            attempts -= 1
            try:
                return judge(check, evaluation, declaration, members)
            except StoreError:
                # Damaged since it was found, or computed anew by another session: it is looked for again.
                if not attempts:
                    raise
                self.evaluations.forget(self._jobs(spec, evaluation, check))

    def members(
        self,
        spec: Spec,
        evaluation: Evaluation,
        check: Check,
        waiting: Callable[[str, Progress], None],
        every: float,
    ) -> tuple[Member, ...]:
        """What a check is judged on: the records of each checkpoint that it speaks of.

        Raises:
            ModelQAError: As ``judge``.
        """
        return tuple(
            self._member(spec, evaluation, check, wanted, waiting, every)
            for wanted in needs(spec, evaluation, check, self.catalogue)
        )

    def _jobs(self, spec: Spec, evaluation: Evaluation, check: Check) -> list[Job]:
        """What to start early; a check whose baselines do not fit says so itself, when it is judged."""
        try:
            baseline_of(spec, evaluation, check, self.catalogue)
            wanted = needs(spec, evaluation, check, self.catalogue)
        except BaselineError:
            return []
        return [job for each in wanted for job in (each.candidate, each.baseline) if job is not None]

    def _member(
        self,
        spec: Spec,
        evaluation: Evaluation,
        check: Check,
        wanted: Needs,
        waiting: Callable[[str, Progress], None],
        every: float,
    ) -> Member:
        # First, as nobody has to wait for it.
        baseline = baseline_of(spec, evaluation, check, self.catalogue)
        candidate = self._measured(wanted.candidate, evaluation.model or evaluation.name, waiting, every)
        if wanted.baseline is not None:
            baseline = self._measured(wanted.baseline, str(check.baseline), waiting, every)
        elif check.baseline is not None and baseline is None:
            baseline = replace(candidate, name=check.baseline, trivial=check.baseline, note="")
        return Member(wanted.candidate.coordinates, candidate, baseline, len(wanted.candidate.early))

    @property
    def evaluations(self) -> Evaluations:
        """The evaluations of this session."""
        if self._evaluations is None:
            options = self.options
            limits = Limits(stall_seconds=options.stall_seconds)
            inline = options.engine == "inline"
            engine: Engine = InlineEngine(debugging=options.debugging) if inline else LocalEngine(limits)
            self._evaluations = Evaluations(
                engine,
                self.catalogue,
                options.folder,
                options.run_id,
                gate=options.gate,
                demand=functools.partial(self._static.demand, memory=options.digest_memory),
            )
        return self._evaluations

    def told_by(self, error: ModelQAError, nodeid: str) -> str:
        """The item that says an error in full: the first that met it, as checks share evaluations."""
        return self._told.setdefault(digest(error.to_json()), nodeid)

    def close(self) -> None:
        """Ends what still runs."""
        if self._evaluations is not None:
            self._evaluations.close()
            self.passed_over.update(self._evaluations.passed_over)

    def record(self, *, complete: bool) -> RunRecord:
        """The run record as it stands."""
        options = self.options
        specs = tuple(self.specs[path] for path in sorted(self.specs))
        return RunRecord(
            id=options.run_id,
            started=self.started,
            command=run_record.command_line(),
            environment=run_record.environment(options.root),
            options=options.to_json(),
            specs=specs,
            planned=tuple(self.planned.values()),
            results=tuple(with_goals(self.planned.values(), self.results.values()).values()),
            conclusion=self.conclusion() if complete else None,
            finished=run_record.now() if complete else None,
            complete=complete,
            passed_over=tuple(sorted(self.passed_over)),
        )

    def conclusion(self) -> Conclusion | None:
        """What the results so far amount to."""
        if self.results and not self.planned:
            return Conclusion("INCOMPLETE", "INCOMPLETE: the plan of this run was lost", 1)
        return conclude(
            tuple(self.planned.values()),
            with_goals(self.planned.values(), self.results.values()).values(),
            unreadable_specs=[spec.path for spec in self.specs.values() if spec.problem],
            unread_specs=[spec.path for spec in self.specs.values() if spec.left_out],
            limited=self.options.limit is not None,
            gate=self.options.gate,
            overrides=self.options.overrides,
            proposed=sum(spec.proposed for spec in self.specs.values()),
        )

    def _measured(
        self, job: Job, name: str, waiting: Callable[[str, Progress], None], every: float
    ) -> Measured:
        evaluated = self.evaluations.wait(job, lambda progress: waiting(job.title, progress), every)
        stated = role_of(job.evaluation, self.catalogue)
        return Measured(
            name=name,
            record=evaluated.record,
            role=job.dataset.role if job.dataset else stated,
            has_model=job.model is not None or stated is not None,
            reused=evaluated.reused,
            note=evaluated.note,
            additions=evaluated.additions,
            inputs=evaluated.inputs,
        )

    def _relative(self, path: Path) -> str:
        root = self.options.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _read_evaluation(spec: Spec, evaluation: Evaluation, catalogue: Catalogue) -> ReadEvaluation:
    dataset = spec.datasets.get(evaluation.dataset or "")
    role = dataset.role if dataset else role_of(evaluation, catalogue)
    return ReadEvaluation(evaluation.name, evaluation.task, evaluation.model, evaluation.dataset, role)
