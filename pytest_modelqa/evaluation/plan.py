"""Which evaluations the checks of a spec need, and what each of them computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..errors import BaselineError
from ..records.columns import column_name
from ..spec.catalogue import Catalogue, named_entries
from ..spec.grid import members, named
from ..spec.resolved import Check, Dataset, Evaluation, Model, Role, Spec
from ..stopping import hindrance


@dataclass(frozen=True)
class MetricUse:
    """A metric with its arguments, as one evaluation computes it.

    Attributes:
        column: The name of its score column, or of its set-level value.
        slices: For a set-level metric, the slice columns whose every value it is computed for as well.
    """

    metric: str
    args: Mapping[str, Any]
    column: str
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Early:
    """A check that decides when an evaluation with ``stop_early`` stops.

    Attributes:
        baseline: The job whose records it compares with, or None.
        trivial: The task's own baseline that it compares with, or an empty text.
    """

    check: Check
    baseline: Job | None
    trivial: str


@dataclass(frozen=True)
class Companions:
    """The other models and datasets that a task's arguments name (``judge: digit_classifier``), by their names."""

    models: Mapping[str, Model] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One model on one dataset by one task: what a worker runs. Travels as JSON.

    Attributes:
        name: ``reconstruction``, or ``reconstruction of three_scale`` where a baseline takes the model's place.
        spec_path: The spec file, absolute; its folder is where user modules and relative paths start.
        metrics: The metrics of all checks of the evaluation, whatever was selected, so that the selection never
            changes what is measured.
        baselines: The trivial baselines that the task computes on the same samples.
        coordinates: Which checkpoint of a grid; empty for any other model.
        companions: See ``Companions``.
        early: The checks of an evaluation that may stop early, all of them; empty: it visits every sample.
        rehearsal: Preflight's tiny run: a model without a checkpoint has random weights.
    """

    name: str
    spec_path: Path
    evaluation: Evaluation
    model: Model | None
    dataset: Dataset | None
    metrics: tuple[MetricUse, ...]
    baselines: tuple[str, ...]
    coordinates: Mapping[str, Any] = field(default_factory=dict)
    companions: Companions = field(default_factory=Companions)
    early: tuple[Early, ...] = ()
    rehearsal: bool = False

    @property
    def title(self) -> str:
        """The name, with the coordinates of a member of a grid."""
        at = named(self.coordinates.items())
        return f"{self.name} ({at})" if at else self.name

    @property
    def grid(self) -> Mapping[str, tuple[Any, ...]]:
        """The coordinates of its model, or of the files that its task reads."""
        return self.model.coordinates if self.model else self.evaluation.coordinates

    @property
    def folder(self) -> Path:
        """The spec's folder."""
        return self.spec_path.parent

    def to_json(self) -> str:
        """For the wire between pytest and a worker."""
        return _WIRE.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> Job:
        """The job that ``to_json`` wrote."""
        return _WIRE.validate_json(text)


_WIRE = TypeAdapter(Job)


@dataclass(frozen=True)
class Needs:
    """The jobs whose records a check is judged on.

    Attributes:
        candidate: One checkpoint of the check's own evaluation.
        baseline: The job of a baseline that is a model or an evaluation, else None.
    """

    candidate: Job
    baseline: Job | None


def needs(spec: Spec, evaluation: Evaluation, check: Check, catalogue: Catalogue) -> tuple[Needs, ...]:
    """The jobs that one check needs: those and no others have to run before it can be judged.

    One entry for a model without coordinates, else one for each checkpoint that the check speaks of.

    Raises:
        BaselineError: Candidate and baseline are grids of different coordinates.
    """
    candidate = job_of(spec, evaluation, catalogue)
    baseline = _baseline_job(spec, candidate, check, catalogue)
    grid = members(candidate.grid, check.at)
    return tuple(
        Needs(
            replace(
                candidate, coordinates=member, early=_early(spec, evaluation, candidate, member, catalogue)
            ),
            _baseline_member(baseline, member, check),
        )
        for member in grid
    )


def _early(
    spec: Spec, evaluation: Evaluation, candidate: Job, member: Mapping[str, Any], catalogue: Catalogue
) -> tuple[Early, ...]:
    """The checks that speak of one checkpoint, if each of them can be decided on a part of the samples."""
    checks = [check for check in evaluation.checks if _speaks_of(check, candidate, member)]
    recorded = any(check.baseline in spec.baselines for check in checks)
    measured = [(check, catalogue.metrics[check.metric].limited(check.args)) for check in checks]
    if evaluation.stop_early is None or evaluation.repeats > 1 or recorded or hindrance(measured) is not None:
        return ()
    offered = catalogue.tasks[evaluation.task].baselines
    return tuple(
        Early(
            check=check,
            baseline=_baseline_member(_baseline_job(spec, candidate, check, catalogue), member, check),
            trivial=check.baseline if check.baseline in offered else "",
        )
        for check in checks
    )


def _speaks_of(check: Check, candidate: Job, member: Mapping[str, Any]) -> bool:
    return member in members(candidate.grid, check.at)


def _baseline_job(spec: Spec, candidate: Job, check: Check, catalogue: Catalogue) -> Job | None:
    baseline = check.baseline
    if baseline is not None and baseline in spec.models:
        return _of_other_model(candidate, spec.models[baseline])
    if baseline is not None and baseline in spec.evaluations:
        return job_of(spec, spec.evaluations[baseline], catalogue)
    return None


def _baseline_member(baseline: Job | None, member: Mapping[str, Any], check: Check) -> Job | None:
    """The baseline of one checkpoint: the checkpoint of the same coordinates where the baseline is a grid too."""
    if baseline is None or not baseline.grid:
        return baseline
    declared = baseline.grid
    if set(declared) != set(member) or any(member[name] not in declared[name] for name in declared):
        raise BaselineError(
            f"the baseline {check.baseline} has no checkpoint for "
            + (named(member.items()) or "a model without coordinates"),
            expected="the candidate's coordinates",
            found=f"coordinates {{{', '.join(f'{name}: {list(values)}' for name, values in declared.items())}}}",
            todo="give both the same coordinates, or pick one checkpoint with a model of its own",
        )
    return replace(baseline, coordinates=member)


def job_of(spec: Spec, evaluation: Evaluation, catalogue: Catalogue) -> Job:
    """The job of one evaluation of a spec."""
    return Job(
        name=evaluation.name,
        spec_path=spec.path,
        evaluation=_without_checks(evaluation),
        model=spec.models[evaluation.model] if evaluation.model else None,
        dataset=spec.datasets[evaluation.dataset] if evaluation.dataset else None,
        metrics=_metrics(_checks_measured_by(spec, evaluation), catalogue),
        baselines=_task_baselines(evaluation, catalogue),
        companions=_companions(spec, evaluation, catalogue),
        rehearsal=spec.rehearsal,
    )


def _companions(spec: Spec, evaluation: Evaluation, catalogue: Catalogue) -> Companions:
    entries = list(named_entries(catalogue.tasks[evaluation.task].args, evaluation.args))
    return Companions(
        models={entry.name: spec.models[entry.name] for entry in entries if entry.kind == "model"},
        datasets={entry.name: spec.datasets[entry.name] for entry in entries if entry.kind == "dataset"},
    )


def role_of(evaluation: Evaluation, catalogue: Catalogue) -> Role | None:
    """On which data another tool measured a model, as the arguments of a task say that reads its results."""
    name = catalogue.tasks[evaluation.task].role_argument
    roles: Mapping[str, Role] = {"training": "train", "validation": "validation", "test": "test"}
    return roles[evaluation.args[name]] if name else None


def _of_other_model(candidate: Job, model: Model) -> Job:
    name = f"{candidate.name} of {model.name}"
    return replace(candidate, name=name, model=model, baselines=())


def _without_checks(evaluation: Evaluation) -> Evaluation:
    """Checks stay behind: the worker must not know bounds, so that a bound can never change what it measures."""
    return replace(evaluation, checks=())


def _checks_measured_by(spec: Spec, evaluation: Evaluation) -> Iterable[Check]:
    """The checks of an evaluation, and those of others that use it as their baseline."""
    yield from evaluation.checks
    for other in spec.evaluations.values():
        if other.name != evaluation.name:
            yield from (check for check in other.checks if check.baseline == evaluation.name)


def _metrics(checks: Iterable[Check], catalogue: Catalogue) -> tuple[MetricUse, ...]:
    uses: dict[str, MetricUse] = {}
    for check in checks:
        declaration = catalogue.metrics[check.metric]
        column = column_name(check.metric, declaration.version, check.args)
        slices = tuple(check.slices) if declaration.level == "set" else ()
        known = uses.get(column)
        together = tuple(sorted({*(known.slices if known else ()), *slices}))
        uses[column] = MetricUse(check.metric, dict(check.args), column, together)
    return tuple(uses[column] for column in sorted(uses))


def _task_baselines(evaluation: Evaluation, catalogue: Catalogue) -> tuple[str, ...]:
    offered = catalogue.tasks[evaluation.task].baselines
    return tuple(sorted({check.baseline for check in evaluation.checks if check.baseline in offered}))
