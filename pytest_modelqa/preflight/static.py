"""The questions that every run asks of an evaluation before it is started: no torch, no user code, milliseconds."""

from __future__ import annotations

from pathlib import Path

from ..evaluation.plan import Job
from ..spec.resolved import Model
from .checkpoint import checkpoint_findings
from .dataset import file_findings
from .findings import Finding
from .resources import code_findings


def static_findings(job: Job, memory: Path) -> tuple[Finding, ...]:
    """What is known to be wrong with an evaluation's model, data and code.

    Args:
        memory: The folder that remembers digests of large files.
    """
    found: list[Finding] = []
    references = {}
    if job.model is not None:
        found += checkpoint_findings(job.model, job.folder, memory, job.coordinates)
        found += config_findings_of(job.model, job.folder)
        references[job.model.name] = job.model.build
    if job.dataset is not None:
        found += file_findings(job.dataset, job.folder, memory)
        if job.dataset.load is not None:
            references[job.dataset.name] = job.dataset.load
    return (*found, *code_findings(references, job.folder))


def config_findings_of(model: Model, folder: Path) -> tuple[Finding, ...]:
    """What is wrong with a model's configuration; nothing where it names none."""
    return ()
