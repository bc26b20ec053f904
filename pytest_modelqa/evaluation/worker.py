"""The worker process: reads work orders line by line, runs them, and says what happened on a pipe of its own.

Standard output and error belong to the user's code; the parent keeps their tail for error messages.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loaded_models import LoadedModels

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Entry point: ``python -m pytest_modelqa.evaluation.worker EVENTS_FD PARENT_PID FOLDER``."""
    events_fd, parent, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    die_with(parent)
    # A child of user code must not hold the pipe open after this process is gone.
    os.set_inheritable(events_fd, False)
    # Modules beside the spec come first, as they would for a script started there.
    sys.path.insert(0, folder)
    orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
    # User code that reads its standard input gets its end, not our orders.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with os.fdopen(events_fd, "w", encoding="utf-8", buffering=1) as events:
        serve(orders, events)


def serve(orders: Iterable[str], events: IO[str]) -> None:
    """Runs orders until there are no more."""

    @functools.cache
    def models() -> LoadedModels:
        # Heavy: torch comes with it.
        from .loaded_models import LoadedModels

        return LoadedModels()

    # Two: one loads the next batch while the other scores the last one.
    with ThreadPoolExecutor(2, thread_name_prefix="modelqa-batches") as pool:
        for line in orders:
            run(line, events, models, pool)


def run(line: str, events: IO[str], models: Callable[[], LoadedModels], pool: Executor) -> None:
    """Runs one order and says how it ended."""
    from ..errors import ModelQAError
    from .dispatch import run_order
    from .engine import Progress, WorkOrder

    def report(progress: Progress) -> None:
        _say(
            events,
            {"event": "progress", "stage": progress.stage, "done": progress.done, "total": progress.total},
        )

    order = WorkOrder.from_json(line)
    try:
        record = run_order(order, report, models, pool)
    except ModelQAError as error:
        _say(events, {"event": "failed", "error": error.to_json()})
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the outermost loop: user code may raise anything
        _say(events, {"event": "failed", "error": explained(error, order.job.folder).to_json()})
    else:
        _say(events, {"event": "done", "record": str(record)})


def explained(error: BaseException, folder: Path) -> Any:
    """An exception of user code, told by the user's own lines and without ours."""
    from ..errors import EvaluationError
    from ..user_code import user_frames

    shown = user_frames(error, folder) or traceback.extract_tb(error.__traceback__)[-3:]
    last = shown[-1]
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return EvaluationError(
        text.splitlines()[0],
        where=f"{last.filename}:{last.lineno}",
        found=last.line or None,
        todo="correct this line; --modelqa-engine=inline --pdb stops in it",
        details="".join(traceback.format_list(shown)) + text,
    )


def _say(events: IO[str], event: Mapping[str, object]) -> None:
    events.write(json.dumps(event) + "\n")


def die_with(parent: int) -> None:
    """Asks Linux to kill this process when its parent dies, so that no GPU stays held by an orphan."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the call.
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main()
