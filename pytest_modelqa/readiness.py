"""The preflight of one pytest session: asks the questions of its specs, and hands out the answers."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .baselines.findings import baseline_findings
from .baselines.reading import read_baseline
from .errors import BaselineError, InfrastructureError
from .evaluation.engine import Progress
from .evaluation.plan import job_of
from .gate import Gate
from .known import earlier_speed, earlier_values
from .preflight.checkpoint import checkpoint_findings, same_steps_findings, same_weights_findings
from .preflight.checks import check_findings, guessing_findings
from .preflight.config import config_findings
from .preflight.config_recording import recorded_config_findings
from .preflight.dataset import content_findings, file_findings, overlap_findings
from .preflight.findings import Finding
from .preflight.inspection import Answer, Ask, Inspector
from .preflight.metric_data import metric_data_findings
from .preflight.power import power_findings
from .preflight.questions import Question, is_results_file, run_of
from .preflight.reference_output import never_run_finding
from .preflight.resources import (
    code_findings,
    device_findings,
    duration_findings,
    memory_findings,
    references_of,
    space_findings,
)
from .rehearsal import rehearse
from .spec.resolved import Spec

Waiting = Callable[[str, Progress], None]
# "In seconds" is meant; a machine that is busy, or data that are large, shall not make it fail.
INSPECTION_SECONDS = 300.0


@dataclass
class _OfSpec:
    """The questions that were asked of one spec, and the answers on their way."""

    spec: Spec
    wanted: list[Question] = field(default_factory=list)
    inspected: Future[dict[str, Answer]] | None = None
    rehearsed: dict[str, Future[tuple[Finding, ...]]] = field(default_factory=dict)
    configs: dict[str, Future[tuple[Finding, ...]]] = field(default_factory=dict)


class Readiness:
    """Answers questions; what needs a process of its own is started once for all of a spec's questions."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._specs: dict[Path, _OfSpec] = {}
        self._inspector = Inspector()
        # One thread follows the inspecting process, the other the tiny runs.
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="modelqa-preflight")
        self._rehearsal: Gate | None = None
        self._store: Path | None = None
        self._lock = threading.Lock()

    def want(self, spec: Spec, question: Question) -> None:
        """Says that an answer will be asked for, so that it can be found together with others."""
        self._specs.setdefault(spec.path, _OfSpec(spec)).wanted.append(question)

    def start(self) -> None:
        """Starts to look for all answers that are wanted."""
        for of_spec in self._specs.values():
            self._inspected(of_spec)
            for question in of_spec.wanted:
                if question.name == "tiny-run":
                    self._rehearsed(of_spec, question)
                elif question.name == "config":
                    self._recorded(of_spec, question)

    def findings(self, spec: Spec, question: Question, waiting: Waiting, every: float) -> tuple[Finding, ...]:
        """What a question found; nothing at all is the best answer."""
        of_spec = self._specs.setdefault(spec.path, _OfSpec(spec))
        if question not in of_spec.wanted:
            of_spec.wanted.append(question)

        def answer(kind: str, asset: str) -> Answer:
            pending = self._inspected(of_spec)
            answers: dict[str, Answer] = _waited(pending, f"preflight of {spec.name}", waiting, every)
            name = f"{kind} of {asset}"
            return answers[name] if name in answers else Answer(name, (_unanswered(kind, asset),))

        if question.name == "tiny-run":
            rehearsing = self._rehearsed(of_spec, question)
            rehearsed: tuple[Finding, ...] = _waited(
                rehearsing, f"tiny run of {question.asset}", waiting, every
            )
            return rehearsed
        found = self._static(spec, question)
        if question.name == "config":
            recording = self._recorded(of_spec, question)
            recorded: tuple[Finding, ...] = _waited(
                recording, f"configuration of {question.asset}", waiting, every
            )
            # What the code was seen to read, and is known to lack anyway, is said once.
            known = {finding.what for finding in found}
            return (*found, *(finding for finding in recorded if finding.what not in known))
        return (*found, *self._asked(spec, question, answer, found))

    def close(self) -> None:
        """Ends what still runs, and throws the records of tiny runs away."""
        self._inspector.close()
        if self._rehearsal is not None:
            self._rehearsal.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._store is not None:
            shutil.rmtree(self._store, ignore_errors=True)

    def _static(self, spec: Spec, question: Question) -> tuple[Finding, ...]:
        """What can be known in this process."""
        memory = self._gate.options.digest_memory
        match question.name:
            case "resources":
                return (
                    *code_findings(references_of(spec), spec.folder),
                    *metric_data_findings(
                        check.args for each in spec.evaluations.values() for check in each.checks
                    ),
                    *space_findings(self._gate.options.folder),
                    *device_findings(spec),
                )
            case "config":
                return config_findings(spec.models[question.asset], spec.folder)
            case "checkpoint":
                model = spec.models[question.asset]
                return (
                    *checkpoint_findings(model, spec.folder, memory),
                    *same_weights_findings(spec, model, memory),
                    *same_steps_findings(model, spec.folder, memory),
                )
            case "data":
                return file_findings(spec.datasets[question.asset], spec.folder, memory)
            case "checks":
                return check_findings(spec, spec.evaluations[question.asset], self._gate.catalogue)
            case "baseline":
                return baseline_findings(spec, question.asset, self._gate.catalogue)
        return ()

    def _asked(
        self,
        spec: Spec,
        question: Question,
        answer: Callable[[str, str], Answer],
        static: tuple[Finding, ...],
    ) -> tuple[Finding, ...]:
        """What a process had to find out, in the question's words."""
        asset = question.asset
        match question.name:
            case "build":
                return answer("build", asset).findings
            case "checkpoint" if not _wrong(static) and not is_results_file(spec.models[asset]):
                return answer("weights", asset).findings
            case "reference-output":
                if run_of(spec, asset) is None:
                    return (never_run_finding(spec, asset),)
                return answer("reference", asset).findings
            case "data" if not _wrong(static):
                said = answer("data", asset)
                dataset = spec.datasets[asset]
                return said.findings + (content_findings(dataset, spec, said.facts) if said.facts else ())
            case "overlap":
                first, second = [answer("data", name) for name in question.assets]
                if not first.facts or not second.facts:
                    return (_not_known(question, "a dataset cannot be read"),)
                both = [spec.datasets[name] for name in question.assets]
                return overlap_findings(both[0], both[1], first.facts, second.facts)
            case "inputs":
                return tuple(f for f in answer("inputs", asset).findings if f.question != "memory")
            case "memory":
                return self._memory(spec, asset, answer("inputs", asset))
            case "power":
                return self._power(spec, question, answer)
            case "checks":
                evaluation = spec.evaluations[asset]
                if evaluation.task == "classification" and evaluation.dataset is not None:
                    facts = answer("data", evaluation.dataset).facts
                    if not facts:
                        return (_not_known(question, f"{evaluation.dataset} cannot be read"),)
                    return guessing_findings(spec, evaluation, facts["labels"])
        return ()

    def _memory(self, spec: Spec, name: str, said: Answer) -> tuple[Finding, ...]:
        evaluation = spec.evaluations[name]
        if _wrong(said.findings):
            return (_not_known_of("memory", name, f"see inputs-of-{name}"),)
        speed, whence = earlier_speed(self._gate, spec, evaluation)
        return (
            *(finding for finding in said.findings if finding.question == "memory"),
            *memory_findings(spec, evaluation, spec.models[evaluation.model or ""], said.facts.get("memory")),
            *duration_findings(spec, evaluation, said.facts.get("n", 0), speed, whence),
        )

    def _power(
        self, spec: Spec, question: Question, answer: Callable[[str, str], Answer]
    ) -> tuple[Finding, ...]:
        evaluation = spec.evaluations[question.asset]
        facts = answer("data", evaluation.dataset or "").facts
        if not facts:
            return (_not_known(question, f"{evaluation.dataset} cannot be read"),)
        recorded: dict[str, dict[str, float]] = {}
        for name in spec.baselines:
            try:
                read = read_baseline(spec.baselines[name], spec.folder, self._gate.catalogue)
            except BaselineError:
                # Said by the baseline's own item.
                continue
            recorded[name] = {metric: each.value for metric, each in read.metrics.items()}
        known = earlier_values(self._gate, spec, evaluation)
        return power_findings(spec, evaluation, self._gate.catalogue, facts, known, recorded)

    def _inspected(self, of_spec: _OfSpec) -> Future[dict[str, Answer]]:
        with self._lock:
            if of_spec.inspected is None:
                asks = self._asks(of_spec.spec, of_spec.wanted)
                folder = of_spec.spec.folder
                of_spec.inspected = self._pool.submit(
                    self._inspector.inspect, folder, asks, INSPECTION_SECONDS
                )
            return of_spec.inspected

    def _asks(self, spec: Spec, wanted: list[Question]) -> list[Ask]:
        """What the questions need, each once; models before what runs them."""
        asked: dict[str, Ask] = {}

        def add(ask: Ask) -> None:
            asked.setdefault(ask.name, ask)

        def data_of(name: str | None) -> None:
            if name is not None:
                add(Ask("data", name, dataset=spec.datasets[name]))

        for question in wanted:
            asset = question.asset
            match question.name:
                case "data":
                    data_of(asset)
                case "overlap":
                    for name in question.assets:
                        data_of(name)
                case "power" | "checks":
                    data_of(spec.evaluations[asset].dataset)
                case "build":
                    add(Ask("build", asset, model=spec.models[asset]))
                case "checkpoint":
                    self._ask_for_weights(spec, asset, add)
                case "inputs" | "memory":
                    job = job_of(spec, spec.evaluations[asset], self._gate.catalogue)
                    add(Ask("inputs", asset, job=job))
                case "reference-output":
                    self._ask_for_reference(spec, asset, add)
        order = ("data", "build", "weights", "inputs", "reference")
        return sorted(asked.values(), key=lambda ask: order.index(ask.kind))

    def _ask_for_weights(self, spec: Spec, name: str, add: Callable[[Ask], None]) -> None:
        model = spec.models[name]
        static = checkpoint_findings(model, spec.folder, self._gate.options.digest_memory)
        if not _wrong(static) and not is_results_file(model):
            add(Ask("weights", name, model=model))

    def _ask_for_reference(self, spec: Spec, name: str, add: Callable[[Ask], None]) -> None:
        model, run = spec.models[name], run_of(spec, name)
        assert model.reference_output is not None
        if run is not None:
            path = spec.folder.absolute() / model.reference_output
            add(Ask("reference", name, job=job_of(spec, run, self._gate.catalogue), path=path))

    def _recorded(self, of_spec: _OfSpec, question: Question) -> Future[tuple[Finding, ...]]:
        with self._lock:
            if question.asset not in of_spec.configs:
                model = of_spec.spec.models[question.asset]
                of_spec.configs[question.asset] = self._pool.submit(
                    recorded_config_findings, model, of_spec.spec.folder
                )
            return of_spec.configs[question.asset]

    def _rehearsed(self, of_spec: _OfSpec, question: Question) -> Future[tuple[Finding, ...]]:
        with self._lock:
            if question.asset not in of_spec.rehearsed:
                of_spec.rehearsed[question.asset] = self._pool.submit(
                    rehearse, self._stage(), of_spec.spec, of_spec.spec.evaluations[question.asset]
                )
            return of_spec.rehearsed[question.asset]

    def _stage(self) -> Gate:
        """A gate with a store of its own, thrown away at the end: nothing of a rehearsal is evidence."""
        if self._rehearsal is None:
            self._store = Path(tempfile.mkdtemp(prefix="modelqa-rehearsal-"))
            options = replace(self._gate.options, folder=self._store, gate=False, limit=None, debugging=False)
            self._rehearsal = Gate(options, catalogue=self._gate.catalogue)
            # Made here, under the lock: two threads would each make their own.
            _ = self._rehearsal.evaluations
        return self._rehearsal


def _waited(pending: Future[Any], title: str, waiting: Waiting, every: float) -> Any:
    while True:
        try:
            return pending.result(timeout=every)
        except FutureTimeoutError:
            if pending.done():
                raise
            waiting(title, Progress("asking"))
        except CancelledError:
            raise InfrastructureError(f"the run was ended before the {title}", todo="run it again") from None


def _wrong(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _unanswered(kind: str, asset: str) -> Finding:
    """Nothing wrong was found where nobody looked; that is no pass."""
    what = f"nobody looked at {asset} ({kind}), so nothing is known"
    todo = "run the preflight again; if it stays so, this is a fault of pytest-modelqa"
    return Finding(kind, asset, "error", what, expected="an answer", todo=todo, kind="InfrastructureError")


def _not_known(question: Question, why: str) -> Finding:
    return _not_known_of(question.name, question.asset, why)


def _not_known_of(name: str, asset: str, why: str) -> Finding:
    return Finding(name, asset, "warning", f"not known: {why}")
