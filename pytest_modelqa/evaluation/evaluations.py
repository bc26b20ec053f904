"""The evaluations of one session: each is made once, or found in the store, and waited for by the checks."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelQAError, StoreError
from ..metrics.registry import metrics
from ..records.digests import FileDigest
from ..records.manifest import minute
from ..records.store import Record, Store
from ..spec.catalogue import Catalogue
from .additions import is_complete, seals
from .devices import device_for
from .early import is_decided
from .engine import Engine, Progress, Report, WorkOrder, run_was_ended
from .keys import Key, key_of
from .plan import Job
from .reuse import reusable


@dataclass(frozen=True)
class Evaluated:
    """Records that a check may be judged on.

    Attributes:
        reused: They were measured by an earlier run.
        note: What a reader should know of how they came about, or an empty text.
        additions: What was added to the records, by column, with the seal of what says who computed it.
        inputs: The files that the evaluation names now, by what they are; records of an earlier run may have been
            made of the same bytes elsewhere.
    """

    record: Record
    reused: bool
    note: str
    additions: Mapping[str, str]
    inputs: Mapping[str, tuple[FileDigest, ...]]


@dataclass
class Pending:
    """An evaluation that was started."""

    future: Future[Evaluated]
    progress: Progress


class Evaluations:
    """Starts evaluations on all device slots and hands out their records."""

    def __init__(
        self,
        engine: Engine,
        catalogue: Catalogue,
        folder: Path,
        run_id: str,
        *,
        gate: bool,
        demand: Callable[[Job], None],
    ) -> None:
        """Takes ``demand``, which raises for a job that preflight knows to fail: it is not started."""
        self._demand = demand
        self._engine = engine
        self._catalogue = catalogue
        self._store = Store(folder / "store")
        self._memory = folder / "digests"
        self._run_id = run_id
        self._gate = gate
        self._by_identity: dict[str, Pending] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._pool = ThreadPoolExecutor(max(1, engine.slots), thread_name_prefix="modelqa")

    def start(self, job: Job) -> None:
        """Queues an evaluation unless it is queued already; an inline engine runs it only when it is waited for."""
        if self._engine.slots:
            self._queued(job)

    def wait(self, job: Job, waiting: Report, every: float) -> Evaluated:
        """The records of a job, as soon as there are any.

        Args:
            waiting: Called about every ``every`` seconds with the progress so far.

        Raises:
            EvaluationError: The evaluation could not be made; the same error for each check that needs it.
        """
        pending = self._queued(job)
        while True:
            try:
                return pending.future.result(timeout=every)
            except FutureTimeoutError:
                if pending.future.done():
                    raise
                waiting(pending.progress)
            except CancelledError:
                raise run_was_ended() from None

    def forget(self, jobs: Iterable[Job]) -> None:
        """Forgets what jobs gave, so that it is looked for again: another session may have changed it."""
        with self._lock:
            for job in jobs:
                self._by_identity.pop(job.to_json(), None)

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Damaged records that were found and not used, and what is wrong with each."""
        return tuple(self._store.problems)

    def close(self) -> None:
        """Ends what still runs."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._engine.close()
        self._pool.shutdown(wait=True)

    def _queued(self, job: Job) -> Pending:
        identity = job.to_json()
        with self._lock:
            pending = self._by_identity.get(identity)
            if pending is None:
                pending = Pending(Future(), Progress("queued"))
                self._by_identity[identity] = pending
                self._submit(job, pending)
            return pending

    def _submit(self, job: Job, pending: Pending) -> None:
        def report(progress: Progress) -> None:
            pending.progress = progress

        make = functools.partial(self._evaluate, job, report)
        if self._engine.slots:
            pending.future = self._pool.submit(make)
        else:
            pending.future = _done(make)

    def _evaluate(self, job: Job, report: Report) -> Evaluated:
        try:
            return self._made_or_found(job, report)
        except ModelQAError as error:
            # A check names its own evaluation; a baseline, or one checkpoint of many, has to be named.
            if job.title != job.evaluation.name and not error.what.startswith(job.title):
                error.what = f"{job.title}: {error.what}"
            raise

    def _made_or_found(self, job: Job, report: Report) -> Evaluated:
        self._demand(job)
        device = self._device(job)
        planned = time.time()
        key = key_of(job, self._catalogue, self._run_id, self._memory)
        # What it is compared with must be known before it can be decided early.
        against = [
            self._made_or_found(early.baseline, report) if early.baseline else None for early in job.early
        ]
        baselines = tuple(evaluated.record if evaluated else None for evaluated in against)
        found = self._find(job, key, device, baselines)
        ready = self._ready(job, found, key)
        if ready is not None:
            return ready

        def waiting(_seconds: float) -> None:
            # The other process may take hours, and this session end before.
            if self._closed:
                raise run_was_ended()
            report(Progress("waiting for another process"))

        with self._store.lock(key.value, waiting):
            # Another process may have made it while this one waited for the lock.
            found = self._find(job, key, device, baselines)
            ready = self._ready(job, found, key)
            if ready is not None:
                return ready
            order = WorkOrder(
                job=job,
                key=key.value,
                key_parts=key.parts,
                inputs=key.inputs,
                store=self._store.root,
                device=device,
                planned=planned,
                record=found.folder if found else None,
                begun=self._begun(job, key, device) if not found else None,
                baselines=tuple(record.folder if record else None for record in baselines),
            )
            folder = self._engine.run(order, report)
            # Still with the lock: nobody adds anything in between.
            record = next((record for record in self._store.find(key.value) if record.folder == folder), None)
            if record is None:
                raise StoreError("the record that was just written cannot be read", where=str(folder))
            additions = seals(record, job)
        chose = self._catalogue.tasks[job.evaluation.task].accelerator
        note = _note(key, device, job) if chose else ""
        return Evaluated(record, found is not None, note, additions, key.inputs)

    def _device(self, job: Job) -> str:
        task = self._catalogue.tasks[job.evaluation.task]
        return device_for(job.evaluation.device, gate=self._gate) if task.accelerator else "cpu"

    def _find(self, job: Job, key: Key, device: str, baselines: Sequence[Record | None]) -> Record | None:
        """Records of all samples; where the evaluation may stop early, also of so many that all is decided."""
        whole = self._reusable(job, key, device, whole=True)
        if whole is not None or not job.early:
            return whole
        part = self._reusable(job, key, device, whole=False)
        return part if part is not None and is_decided(part, job, baselines) else None

    def _begun(self, job: Job, key: Key, device: str) -> Path | None:
        part = self._reusable(job, key, device, whole=False) if job.early else None
        return part.folder if part else None

    def _reusable(self, job: Job, key: Key, device: str, *, whole: bool) -> Record | None:
        return reusable(
            self._store,
            key.value,
            job.folder,
            wanted=job.evaluation.device,
            device=device,
            memory=self._memory,
            whole=whole,
        )

    def _ready(self, job: Job, record: Record | None, key: Key) -> Evaluated | None:
        """The records if they hold all that the job computes, as it would be computed now."""
        if record is None:
            return None
        # Before they are looked at: what replaces them later has other seals.
        additions = seals(record, job)
        declarations = metrics()
        complete = all(
            is_complete(record, use, declarations[use.metric], baseline, job.folder, self._memory)
            for use in job.metrics
            for baseline in (None, *job.baselines)
        )
        return Evaluated(record, True, _origin(record), additions, key.inputs) if complete else None


def _done(make: Callable[[], Evaluated]) -> Future[Evaluated]:
    """Runs it now, in this thread. Whatever it raises is raised again for each check that needs it."""
    future: Future[Evaluated] = Future()
    try:
        future.set_result(make())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - raised where it is waited for
        future.set_exception(error)
    return future


def _origin(record: Record) -> str:
    return f"measured {minute(record.manifest.created)} on {record.manifest.device.name}"


def _note(key: Key, device: str, job: Job) -> str:
    notes = []
    if key.undeclared_data:
        notes.append("the loader declares neither files: nor sha256:, so these records serve this run only")
    if key.timed:
        notes.append("time and memory are measured anew in every run, so these records serve this run only")
    if device == "cpu" and job.evaluation.device == "auto":
        notes.append("no accelerator: ran on the CPU")
    return "; ".join(notes)
