"""The engine ``local``: evaluations run in worker processes, so that one bad model costs one model."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EvaluationError, InfrastructureError, ModelQAError
from . import watchdog
from .devices import accelerators
from .engine import Progress, Report, WorkOrder, run_was_ended
from .log_tail import LogTail
from .slots import slot_of

# An event is a line of some hundred bytes; an error with its log, of some hundred KiB.
EVENT_BYTES = 16 * 1024 * 1024
POLL_SECONDS = 0.5
# What a dying process may take.
DYING_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """When a worker is given up.

    Attributes:
        stall_seconds: It said nothing for so long: a hang, even one that holds the interpreter's lock. Loading a
            large model may take minutes without a word, so the default is generous.
    """

    stall_seconds: float = 900.0


class LocalEngine:
    """Worker processes: one for each thread that calls ``run``, serving one spec folder and device at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # One slot for each GPU, and one for the evaluations that run on the CPU beside them.
        self.slots = len(accelerators()) + 1
        self._workers: dict[int, Worker] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._watchdog = Watchdog()

    def run(self, order: WorkOrder, report: Report) -> Path:
        """Runs one order in this thread's worker."""

        def waiting() -> None:
            # Another session may hold the device for hours, and this one end before.
            if self._closed:
                raise run_was_ended()
            report(Progress(f"waiting for {order.device}"))

        with slot_of(order, waiting) as slot:
            report(Progress("starting"))
            worker = self._worker(order, slot)
            try:
                return worker.run(order, report, self._limits)
            except EvaluationError as error:
                # A dead worker, and a GPU that may be poisoned: an error on the device fails all that follows.
                if slot != "cpu" or isinstance(error, InfrastructureError):
                    self._discard(worker)
                raise

    def close(self) -> None:
        """Kills every worker."""
        with self._lock:
            self._closed = True
            workers = list(self._workers.values())
            self._workers.clear()
        for worker in workers:
            self._end(worker)
        self._watchdog.close()

    def _worker(self, order: WorkOrder, slot: str) -> Worker:
        """This thread's worker if it serves the order's folder and device, else a new one."""
        thread = threading.get_ident()
        with self._lock:
            if self._closed:
                raise run_was_ended()
            worker = self._workers.get(thread)
            if worker is not None and worker.serves(order.job.folder, slot):
                return worker
            if worker is not None:
                self._end(worker)
            self._workers[thread] = Worker(order.job.folder, slot)
            self._watchdog.guard(self._workers[thread])
            return self._workers[thread]

    def _discard(self, worker: Worker) -> None:
        with self._lock:
            self._workers = {thread: other for thread, other in self._workers.items() if other is not worker}
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        worker.kill()
        self._watchdog.release(worker)


class Watchdog:
    """A process that outlives this one by a moment, to end what its workers started; see ``watchdog``."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def guard(self, worker: Worker) -> None:
        """Adds a worker."""
        if self._process is None:
            script = Path(__file__).with_name("watchdog.py")
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", script], stdin=subprocess.PIPE, text=True, start_new_session=True
            )
        self._say(f"+{worker.pid} {worker.mark}")

    def release(self, worker: Worker) -> None:
        """Forgets one that has ended; the number of its group may soon be another's."""
        self._say(f"-{worker.pid} {worker.mark}")

    def close(self) -> None:
        """Ends the watchdog; nothing is left to guard."""
        if self._process is not None and self._process.stdin is not None:
            # pytest takes a BrokenPipeError for a closed terminal and ends without a word.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _say(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            # Someone may have killed it; the workers still die with their parent.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()


class Worker:
    """One worker process, as its parent sees it."""

    def __init__(self, folder: Path, slot: str) -> None:
        self._folder = folder
        self._slot = slot
        self.mark = secrets.token_hex(8)
        read_end, write_end = os.pipe()
        command = [sys.executable, "-P", "-m", "pytest_modelqa.evaluation.worker"]
        self._process = subprocess.Popen(
            # -P keeps the current directory off the module path: the worker puts the spec's folder there.
            [*command, str(write_end), str(os.getpid()), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[write_end],
            env={**worker_environment(os.environ, slot), watchdog.MARK: self.mark},
            start_new_session=True,
        )
        os.close(write_end)
        self._events = read_end
        self._log = LogTail(self._process.stdout)
        self._pending = b""

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._process.pid

    def serves(self, folder: Path, slot: str) -> bool:
        """Whether it may run an order of this folder (each has its own ``model.py``) on this device."""
        return self._process.poll() is None and (self._folder, self._slot) == (folder, slot)

    def run(self, order: WorkOrder, report: Report, limits: Limits) -> Path:
        """Sends one order and follows its events to the end.

        Raises:
            EvaluationError: What the worker said went wrong.
            InfrastructureError: It died, stalled, or ran past its deadline; it is of no use any more.
        """
        self._log.clear()
        self._send(order)
        started = heard = time.monotonic()
        deadline = order.job.evaluation.deadline or math.inf
        last = Progress("starting")
        while True:
            event = self._next_event(order)
            now = time.monotonic()
            if event:
                heard = now
            match event.get("event"):
                case "progress":
                    last = Progress(str(event["stage"]), int(event["done"]), int(event["total"]))
                    report(last)
                case "done":
                    return Path(event["record"])
                case "failed":
                    raise self._failed(event["error"])
            if now - started > deadline:
                expected, raise_what = f"an end within {deadline:g} s", "deadline: in the spec"
                raise self._given_up(order, "ran past its deadline", expected, raise_what, last)
            if now - heard > limits.stall_seconds:
                expected = f"a batch at least every {limits.stall_seconds:g} s"
                raise_what = "modelqa_stall_seconds in pytest's configuration"
                raise self._given_up(order, "made no progress", expected, raise_what, last)

    def kill(self) -> None:
        """Ends the process and whatever it started."""
        watchdog.end(self._process.pid, self.mark)
        self._process.wait()
        if self._events >= 0:
            os.close(self._events)
            self._events = -1

    def _send(self, order: WorkOrder) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(order.to_json().encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise self._died(order) from None

    def _next_event(self, order: WorkOrder) -> Mapping[str, Any]:
        """The next event, or an empty one when none came for a moment."""
        while b"\n" not in self._pending:
            with selectors.DefaultSelector() as selector:
                selector.register(self._events, selectors.EVENT_READ)
                readable = selector.select(POLL_SECONDS)
            # A child of user code may hold the pipe open after the worker itself is dead.
            if not readable:
                if self._process.poll() is None:
                    return {}
                raise self._died(order)
            chunk = os.read(self._events, 65536)
            if not chunk:
                raise self._died(order)
            self._pending += chunk
            if len(self._pending) > EVENT_BYTES:
                raise self._not_understood(order, self._pending)
        line, self._pending = self._pending.split(b"\n", 1)
        event = _event(line)
        if event is None:
            raise self._not_understood(order, line)
        return event

    def _failed(self, fields: dict[str, Any]) -> ModelQAError:
        error = ModelQAError.from_json(fields)
        log = self._log.text()
        if log and isinstance(error, EvaluationError):
            error.details = f"{error.details}\n\n{log}" if error.details else log
        return error

    def _given_up(
        self, order: WorkOrder, what: str, expected: str, raise_what: str, last: Progress
    ) -> InfrastructureError:
        self.kill()
        return InfrastructureError(
            f"{order.job.title} {what} and was stopped",
            expected=expected,
            found=f"it was {_at(last)}",
            todo=f"look at what it was doing; raise {raise_what} if it was only slow",
            details=self._log.text() or None,
        )

    def _not_understood(self, order: WorkOrder, said: bytes) -> InfrastructureError:
        return InfrastructureError(
            f"{order.job.title}: the worker process said what is no result",
            expected="lines of JSON on the pipe that the worker was given",
            found=repr(said[:80]) + (f" … ({len(said):,} bytes)" if len(said) > 80 else ""),
            todo="look for code that writes to file descriptors which it did not open",
            details=self._log.text() or None,
        )

    def _died(self, order: WorkOrder) -> InfrastructureError:
        try:
            how = f"the worker process died ({_cause(self._process.wait(DYING_SECONDS))})"
        except subprocess.TimeoutExpired:
            how = "the worker process closed the pipe that results come through"
        self._log.settle()
        log = self._log.text()
        return InfrastructureError(
            f"{order.job.title}: {how}",
            expected="a record, or an error",
            found="neither; its last output is below" if log else "neither, and no output",
            todo="run again, with a smaller batch_size if memory ran out; --modelqa-engine=inline --pdb runs it in"
            " pytest's own process",
            details=log or None,
        )


def worker_environment(environment: Mapping[str, str], slot: str) -> dict[str, str]:
    """The environment of a worker; all of this must stand before torch is loaded.

    Args:
        environment: Of the caller, whose own settings of threads and the like win.
        slot: ``cpu`` or the UUID of a GPU: the worker sees this device and no other.

    >>> worker_environment({"CUDA_VISIBLE_DEVICES": "0,1"}, "cpu")["CUDA_VISIBLE_DEVICES"]
    ''
    """
    defaults = {
        # torch's threads spin by default: with one busy neighbour, steps of 1 ms took 34 times longer (measured).
        "OMP_WAIT_POLICY": "passive",
        # Without it cuBLAS is not deterministic (CUDA documentation, "Results reproducibility").
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        # Nothing is fetched behind the user's back.
        "HF_HUB_OFFLINE": "1",
    }
    # PYTHONUNBUFFERED: what user code printed just before it crashed must be in the log.
    own = {"CUDA_VISIBLE_DEVICES": "" if slot == "cpu" else slot, "PYTHONUNBUFFERED": "1"}
    return {**defaults, **environment, **own}


def _event(line: bytes) -> Mapping[str, Any] | None:
    """The event that a line says, or None: user code can write to any descriptor of its process."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    fields = {"progress": ("stage", "done", "total"), "done": ("record",), "failed": ("error",)}
    known = fields.get(str(event.get("event"))) if isinstance(event, dict) else None
    return event if known and all(name in event for name in known) else None


def _cause(code: int) -> str:
    if code == -signal.SIGKILL:
        return "signal 9, SIGKILL: maybe out of memory"
    if code < 0:
        return f"signal {-code}, {signal.Signals(-code).name}"
    return f"exit code {code}"


def _at(progress: Progress) -> str:
    return f"{progress.stage} {progress.done}/{progress.total}" if progress.total else progress.stage
