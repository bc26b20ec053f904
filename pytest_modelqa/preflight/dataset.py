"""Whether the data are there, are enough for the checks, and were not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..datasets.files import check_pinned, data_files
from ..datasets.leak import LEAK
from ..errors import DatasetError
from ..records.digests import file_sha256
from ..spec.resolved import Check, Dataset, Evaluation, Spec
from .data_facts import READING_SECONDS
from .findings import Finding

QUESTION = "data"
_SHOWN = 5


def file_findings(dataset: Dataset, folder: Path, memory: Path) -> tuple[Finding, ...]:
    """Whether the files of a dataset are there, are no placeholders, and are those that are pinned."""
    try:
        data_files(dataset, folder)
        check_pinned(dataset, folder, lambda path: file_sha256(path, memory))
    except DatasetError as error:
        return (Finding.of_error(QUESTION, dataset.name, error),)
    return ()


def content_findings(dataset: Dataset, spec: Spec, facts: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Whether what was read is enough for every check, and holds numbers.

    Args:
        facts: See ``data_facts.facts_of``.
    """
    found = [*_too_few(dataset, spec, facts), *_not_finite(dataset, facts)]
    n, available, read = facts["n"], facts["available"], len(facts["content"])
    if n < available:
        found.append(_note(dataset.name, f"limit: {n:,} of {available:,} samples"))
    if read < n:
        found.append(
            _note(dataset.name, f"the contents of {read:,} of {n:,} samples were read; the run reads all")
        )
    return tuple(found)


def overlap_findings(
    train: Dataset, other: Dataset, facts: Mapping[str, Any], other_facts: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """Samples of one dataset whose content stands in the one that was trained on."""
    asset = f"{train.name}-and-{other.name}"
    trained = set(facts["content"])
    twins = [row for row, digest in enumerate(other_facts["content"]) if digest in trained]
    read = len(other_facts["content"])
    trained_read = len(facts["content"])
    unknown: tuple[Finding, ...] = ()
    if read < other_facts["n"] or trained_read < facts["n"]:
        unknown = (_not_compared(train, other, (trained_read, facts["n"]), (read, other_facts["n"])),)
    if not twins:
        return unknown
    leaked = len(twins) > LEAK * read
    rows = ", ".join(str(row) for row in twins[:_SHOWN]) + (" …" if len(twins) > _SHOWN else "")
    return (
        Finding(
            "overlap",
            asset,
            "error" if leaked else "warning",
            f"{len(twins):,} of {read:,} samples of {other.name} are in {train.name}, byte for byte",
            expected=f"none; up to {LEAK:.0%} is a warning",
            found=f"rows {rows} of {other.name} (counted from 0)",
            todo=f"take them out of {train.name} and train again, or out of {other.name}",
            kind="DatasetError",
        ),
        *unknown,
    )


def _not_compared(
    train: Dataset, other: Dataset, of_train: tuple[int, int], of_other: tuple[int, int]
) -> Finding:
    """What was not read may be in both: less than all is no answer.

    Args:
        of_train: How many samples were read, of how many.
        of_other: The same of the other dataset.
    """
    read, n = of_train
    other_read, other_n = of_other
    return Finding(
        "overlap",
        f"{train.name}-and-{other.name}",
        "warning",
        f"only {read:,} of {n:,} samples of {train.name} and {other_read:,} of {other_n:,} of {other.name} "
        "were compared",
        expected="all of both",
        found=f"reading took longer than {READING_SECONDS:g} s",
        todo="make load faster, or compare the rest where the data are made",
    )


def _too_few(dataset: Dataset, spec: Spec, facts: Mapping[str, Any]) -> Iterator[Finding]:
    for evaluation in spec.evaluations.values():
        if evaluation.dataset == dataset.name:
            for check in evaluation.checks:
                yield from _too_few_for(check, evaluation, dataset, spec, facts)


def _too_few_for(
    check: Check, evaluation: Evaluation, dataset: Dataset, spec: Spec, facts: Mapping[str, Any]
) -> Iterator[Finding]:
    where = f"{spec.path}:{check.position.line}"
    if not check.slices and facts["n"] < check.min_samples:
        yield Finding(
            QUESTION,
            dataset.name,
            "error",
            f"{evaluation.name}::{check.id} asks for {check.min_samples:,} samples, "
            f"{dataset.name} has {facts['n']:,}",
            where=where,
            expected=f"at least {check.min_samples:,} samples",
            found=f"{facts['n']:,}" + (f" (limit: of {facts['available']:,})" if _limited(facts) else ""),
            todo="add data, or correct min_samples or limit",
            kind="DatasetError",
        )
    for name, wanted in check.slices.items():
        counts = facts["labels"].get(name)
        if counts is None:
            # The task may make this column itself (the class of a detection): the tiny run shows whether it does.
            continue
        need = max(check.min_samples, 1)
        short = [(label, counts.get(label, 0)) for label in (wanted or counts) if counts.get(label, 0) < need]
        if short:
            shown = ", ".join(f"{name}={label}: {count}" for label, count in short[:_SHOWN])
            yield Finding(
                QUESTION,
                dataset.name,
                "error",
                f"{evaluation.name}::{check.id} asks for {need:,} samples in each slice, "
                f"{len(short)} of {len(wanted or counts)} have fewer",
                where=where,
                expected=f"at least {need:,} samples of each {name}",
                found=shown + (" …" if len(short) > _SHOWN else ""),
                todo="add data, or correct slices or min_samples",
                kind="DatasetError",
            )


def _limited(facts: Mapping[str, Any]) -> bool:
    return bool(facts["n"] < facts["available"])


def _not_finite(dataset: Dataset, facts: Mapping[str, Any]) -> Iterator[Finding]:
    for name, bad in facts["not_finite"].items():
        yield Finding(
            QUESTION,
            dataset.name,
            "warning",
            f"NaN or Inf in the field {name!r} of {bad['count']:,} samples of {dataset.name}",
            expected="finite data, where a model reads them",
            found=f"first in sample {bad['first']!r}",
            todo="look at this sample, or let the loader fill or leave out what is missing",
        )


def _note(asset: str, what: str) -> Finding:
    return Finding(QUESTION, asset, "note", what)
