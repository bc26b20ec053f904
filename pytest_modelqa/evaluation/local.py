"""The engine ``local``: evaluations run in worker processes, so that one bad model costs one model."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import EvaluationError, InfrastructureError, ModelQAError
from .engine import Progress, WorkOrder
from .slots import device_slot

Report = Callable[[Progress], None]

LOG_BYTES = 64 * 1024
POLL_SECONDS = 0.5


class LocalEngine:
    """Worker processes, one for each device slot and spec folder at a time."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        # One worker for each thread that calls run(); it ends when the next order is of another folder.
        self._workers: dict[int, Worker] = {}
        self._lock = threading.Lock()
        self._closed = False

    def run(self, order: WorkOrder, report: Report) -> Path:
        """Runs one order in this thread's worker."""
        with device_slot(order.device, lambda _: report(Progress(f"waiting for {order.device}"))):
            report(Progress("starting"))
            worker = self._worker(order)
            try:
                return worker.run(order, report)
            except InfrastructureError:
                # What a dead or killed worker leaves behind is not used again.
                self._discard(worker)
                raise

    def close(self) -> None:
        """Kills every worker."""
        with self._lock:
            self._closed = True
            workers = list(self._workers.values())
            self._workers.clear()
        for worker in workers:
            worker.kill()

    def _worker(self, order: WorkOrder) -> Worker:
        """This thread's worker if it serves the order's folder and device, else a new one."""
        thread = threading.get_ident()
        with self._lock:
            if self._closed:
                raise InfrastructureError("the run was ended before this evaluation began")
            worker = self._workers.get(thread)
            if worker is not None and worker.serves(order):
                return worker
            if worker is not None:
                worker.kill()
            self._workers[thread] = Worker(order.job.folder, order.device)
            return self._workers[thread]

    def _discard(self, worker: Worker) -> None:
        with self._lock:
            self._workers = {thread: other for thread, other in self._workers.items() if other is not worker}
        worker.kill()


class Worker:
    """One worker process, as its parent sees it."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.device = device
        read_end, write_end = os.pipe()
        self._process = subprocess.Popen(
            # -P keeps the current directory off the module path: the worker puts the spec's folder there.
            [
                sys.executable,
                "-P",
                "-m",
                "pytest_modelqa.evaluation.worker",
                str(write_end),
                str(os.getpid()),
                folder,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[write_end],
            env=worker_environment(os.environ, device),
            start_new_session=True,
        )
        os.close(write_end)
        self._events = read_end
        self._log = _Tail(self._process.stdout)
        self._pending = b""

    def serves(self, order: WorkOrder) -> bool:
        """Whether this worker may run the order: same folder (each has its own ``model.py``), same device."""
        return self._process.poll() is None and (self.folder, self.device) == (order.job.folder, order.device)

    def run(self, order: WorkOrder, report: Report) -> Path:
        """Sends one order and follows its events to the end."""
        deadline = order.job.evaluation.deadline
        started = time.monotonic()
        self._log.clear()
        try:
            stdin = self._process.stdin
            assert stdin is not None
            stdin.write(order.to_json().encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise self._died(order) from None
        last = Progress("starting")
        while True:
            event = self._next_event()
            if event is None:
                raise self._died(order)
            if event.get("event") == "progress":
                last = Progress(str(event["stage"]), int(event["done"]), int(event["total"]))
                report(last)
            elif event.get("event") == "done":
                return Path(event["record"])
            elif event.get("event") == "failed":
                raise self._failed(event["error"])
            if deadline is not None and time.monotonic() - started > deadline:
                self.kill()
                raise InfrastructureError(
                    f"{order.job.name} ran past its deadline and was stopped",
                    expected=f"an end within {deadline:g} s",
                    found=f"after {time.monotonic() - started:.0f} s: {_at(last)}",
                    todo="raise deadline:, or look at what it was doing",
                    details=self._log.text(),
                )

    def kill(self) -> None:
        """Ends the process and every child it left in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._events >= 0:
            os.close(self._events)
            self._events = -1

    def _next_event(self) -> Mapping[str, Any] | None:
        """The next event, an empty one when none came for a moment, or None when the worker is gone."""
        while b"\n" not in self._pending:
            with selectors.DefaultSelector() as selector:
                selector.register(self._events, selectors.EVENT_READ)
                if not selector.select(POLL_SECONDS):
                    # A child of user code may hold the pipe open after the worker itself is dead.
                    return {} if self._process.poll() is None else None
            chunk = os.read(self._events, 65536)
            if not chunk:
                return None
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        event: Mapping[str, Any] = json.loads(line)
        return event

    def _failed(self, fields: dict[str, Any]) -> ModelQAError:
        error = ModelQAError.from_json(fields)
        if not isinstance(error, EvaluationError):
            return error
        log = self._log.text()
        if log:
            error.details = f"{error.details}\n\n{log}" if error.details else log
        return error

    def _died(self, order: WorkOrder) -> InfrastructureError:
        code = self._process.wait()
        return InfrastructureError(
            f"{order.job.name}: the worker process died ({_cause(code)})",
            expected="a record, or an error",
            found="neither",
            todo="look at its last output below; --modelqa-engine=inline --pdb runs it in this process",
            details=self._log.text(),
        )


class _Tail:
    """The last part of what a worker prints: user code may print 100 MB."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._bytes = b""
        self._lost = False
        self._lock = threading.Lock()
        threading.Thread(target=self._drain, name="modelqa-log", daemon=True).start()

    def clear(self) -> None:
        """Forgets what was printed so far: it belongs to an earlier evaluation."""
        with self._lock:
            self._bytes, self._lost = b"", False

    def text(self) -> str:
        """The tail, under a heading; empty when nothing was printed."""
        with self._lock:
            content, lost = self._bytes.decode(errors="replace").strip(), self._lost
        if not content:
            return ""
        heading = "last output of the worker" + (f" (its last {LOG_BYTES // 1024} KiB)" if lost else "")
        return f"--- {heading} ---\n{content}"

    def _drain(self) -> None:
        while chunk := os.read(self._stream.fileno(), 65536):
            with self._lock:
                everything = self._bytes + chunk
                self._lost = self._lost or len(everything) > LOG_BYTES
                self._bytes = everything[-LOG_BYTES:]


def worker_environment(environment: Mapping[str, str], device: str) -> dict[str, str]:
    """The environment of a worker; all of this must stand before torch is loaded.

    >>> worker_environment({}, "cpu")["CUDA_VISIBLE_DEVICES"]
    ''
    """
    own = {
        # torch's threads spin by default: with one busy neighbour, steps of 1 ms took 34 times longer (measured).
        "OMP_WAIT_POLICY": "passive",
        # Without it cuBLAS is not deterministic (CUDA documentation, "Results reproducibility").
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        # What is not in the environment cannot be fetched behind the user's back.
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if device == "cpu":
        own["CUDA_VISIBLE_DEVICES"] = ""
    return {**own, **environment, **({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {})}


def _cause(code: int) -> str:
    if code == -signal.SIGKILL:
        return "signal 9, SIGKILL: maybe out of memory"
    if code < 0:
        return f"signal {-code}, {signal.Signals(-code).name}"
    return f"exit code {code}"


def _at(progress: Progress) -> str:
    return f"{progress.stage} {progress.done}/{progress.total}" if progress.total else progress.stage
