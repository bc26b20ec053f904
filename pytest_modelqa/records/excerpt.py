"""A part of a record, light enough to be committed beside a spec: ids, scores, and the fields to slice by.

It is a record like any other, in a folder laid out as the store's, so that it is read and checked as records are.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from ..errors import StoreError
from .atomic import storing
from .record import Record
from .store import Store


def write_excerpt(
    record: Record,
    fields: Collection[str],
    scores: Collection[str],
    sets: Mapping[str, Collection[str]],
    to: Path,
) -> Record:
    """Writes the part; what was at its place before is replaced.

    Args:
        record: A record of all samples.
        fields: Columns to slice or cluster by; those that the record lacks are left out.
        scores: Names of score columns.
        sets: Names of set-level values, each with the fields that it is sliced by beside the whole set (``""``).
        to: The folder to write; it must not lie in the store.

    Raises:
        StoreError: Something of it is not in the record, or the folder cannot be written.
    """
    draft_folder = to.with_name(f".{to.name}.new")
    with storing(draft_folder):
        shutil.rmtree(draft_folder, ignore_errors=True)
    known = set(record.columns)
    columns = {name: record.column(name) for name in sorted({*fields, *scores} & known)}
    with Store(draft_folder).begin(record.manifest.key) as draft:
        draft.write_samples(record.ids.tolist(), columns)
        part = draft.commit(dataclasses.replace(record.manifest, files={}))
    for column in sorted(set(scores) - known):
        part.add_scores(column, record.scores(column))
    for column, slices in sorted(sets.items()):
        for slice_name in ("", *sorted(set(slices) - {""})):
            part.add_set(column, slice_name, record.set_values(column, slice_name))
            failures = record.failures(column, slice_name)
            if failures:
                part.add_failures(column, slice_name, failures)
    with storing(to):
        # Locks and drafts are the store's at work; nothing is written here any more.
        for rest in (".locks", ".drafts"):
            shutil.rmtree(draft_folder / rest, ignore_errors=True)
        shutil.rmtree(to, ignore_errors=True)
        draft_folder.rename(to)
    return read_excerpt(to)


def read_excerpt(folder: Path) -> Record:
    """The record in a folder that ``write_excerpt`` wrote, every file of it checked.

    Raises:
        StoreError: There is none, more than one, or it is damaged.
    """
    keys = sorted(path.parent.parent.name for path in folder.glob("*/*/*/record.json"))
    if len(keys) != 1:
        raise StoreError(
            "these are no records of one baseline",
            where=str(folder),
            expected="one record",
            found=f"{len(keys)} records" if folder.is_dir() else "no folder",
            todo="restore the folder from version control, or promote the run again",
        )
    store = Store(folder)
    found = store.find(keys[0])
    if not found:
        raise StoreError(
            "the records of a baseline are damaged",
            where=str(folder),
            found="; ".join(store.problems),
            todo="restore the folder from version control, or promote the run again",
        )
    return found[0]


def size_bytes(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(folder: Path) -> None:
    """Removes the folder of an excerpt, if it is there."""
    if folder.exists():
        with storing(folder):
            shutil.rmtree(folder)
