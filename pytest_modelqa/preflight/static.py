"""The questions that every run asks of an evaluation before it is started: no torch, no user code, milliseconds."""

from __future__ import annotations

from pathlib import Path

from ..evaluation.plan import Job
from .checkpoint import checkpoint_findings
from .config import config_findings
from .dataset import file_findings
from .findings import Finding, demand_no_errors
from .metric_data import metric_data_findings
from .resources import code_findings


class StaticQuestions:
    """Asks them; what a model's configuration lacks is found once, as its code has to be read for it."""

    def __init__(self) -> None:
        self._configs: dict[tuple[Path, str], tuple[Finding, ...]] = {}

    def demand(self, job: Job, memory: Path) -> None:
        """Raises for an evaluation that would fail.

        Args:
            memory: The folder that remembers digests of large files.

        Raises:
            ModelQAError: What is wrong.
        """
        demand_no_errors(static_findings(job, memory))
        if job.model is None or job.model.config is None:
            return
        key = (job.spec_path, job.model.name)
        if key not in self._configs:
            self._configs[key] = config_findings(job.model, job.folder)
        demand_no_errors(self._configs[key])


def static_findings(job: Job, memory: Path) -> tuple[Finding, ...]:
    """What is known to be wrong with an evaluation's model, data and code.

    Args:
        memory: The folder that remembers digests of large files.
    """
    found: list[Finding] = []
    references = {}
    if job.model is not None:
        found += checkpoint_findings(job.model, job.folder, memory, job.coordinates)
        references[job.model.name] = job.model.build
    if job.dataset is not None:
        found += file_findings(job.dataset, job.folder, memory)
        if job.dataset.load is not None:
            references[job.dataset.name] = job.dataset.load
    needed = metric_data_findings(use.args for use in job.metrics)
    return (*found, *needed, *code_findings(references, job.folder))
