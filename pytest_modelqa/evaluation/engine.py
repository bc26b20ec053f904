"""What an engine is: where evaluations run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from ..errors import InfrastructureError
from ..records.digests import FileDigest
from .plan import Job


@dataclass(frozen=True)
class WorkOrder:
    """A job with all that a worker needs to store its records.

    Attributes:
        key: The evaluation's key.
        key_parts: What the key is the digest of.
        inputs: Digests of the files that went into the key, by what they are (``checkpoint``, ``data``).
        store: The root folder of the store.
        device: ``cpu``, ``cuda`` or ``cuda:N``: what the worker must use, or fail.
        planned: When the digests of the inputs were asked for: seconds since the epoch.
        record: The folder of a record that only lacks metrics of predictions, or None: the model has to run.
        begun: The folder of a record of a part of the samples, which the run goes on from, or None.
        baselines: For each of the job's ``early`` checks, the folder of the records that it compares with, or None.
    """

    job: Job
    key: str
    key_parts: Mapping[str, Any]
    inputs: Mapping[str, tuple[FileDigest, ...]]
    store: Path
    device: str
    planned: float
    record: Path | None = None
    begun: Path | None = None
    baselines: tuple[Path | None, ...] = ()

    def to_json(self) -> str:
        """For the wire between pytest and a worker."""
        return _WIRE.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> WorkOrder:
        """The order that ``to_json`` wrote."""
        return _WIRE.validate_json(text)


_WIRE = TypeAdapter(WorkOrder)


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is.

    Attributes:
        stage: ``queued``, ``waiting for cpu``, ``starting``, ``loading data``, ``loading model``, ``fitting``,
            ``predicting``, ``drawing``, ``timing``, ``scoring``, …
        done: Samples done, in ``predicting``.
        total: Samples in all; 0 where it is not known yet.
    """

    stage: str
    done: int = 0
    total: int = 0


Report = Callable[[Progress], None]
"""Is told again and again how far an evaluation is."""


def run_was_ended() -> InfrastructureError:
    """What an evaluation ends with that waited when its session ended."""
    return InfrastructureError("the run was ended before this evaluation began", todo="run it again")


class Engine(Protocol):
    """Runs evaluations.

    Attributes:
        slots: How many evaluations may run at once.
    """

    slots: int

    def run(self, order: WorkOrder, report: Report) -> Path:
        """Runs one evaluation to its end and returns the folder of its record.

        Called from as many threads at once as there are slots.

        Raises:
            EvaluationError: It could not be made; an ``InfrastructureError`` where the machine is to blame.
        """
        ...

    def close(self) -> None:
        """Ends every worker, whatever it is doing."""
        ...
