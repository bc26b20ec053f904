"""Asks whether a model's configuration has the keys that its code reads, before the code runs for hours."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

from ..errors import ModelQAError
from ..spec.resolved import Model, ModelConfig
from ..spec.spelling import listed
from .composed import Composed, KeyPath, shown
from .composing import compose
from .findings import Finding, Severity
from .key_reads.log import Log, Miss, Place
from .key_reads.reading import read_keys, stored_nodes

QUESTION = "config"
_SHOWN = 12
# Keys of such a likeness (difflib) are probably one key, misspelt.
_ALIKE = 0.75


def config_findings(model: Model, folder: Path) -> tuple[Finding, ...]:
    """What is wrong between a model's config and the code that reads it, without running that code.

    Every key that the code reads and the config lacks is an error; keys that nothing reads are a warning; what
    could not be known is a note.

    Args:
        folder: The spec's folder.
    """
    config = model.config
    if config is None:
        return ()
    absent = tuple(_absent_files(folder, model, config))
    if absent:
        return absent
    files = [folder / name for name in config.read_by]
    try:
        composed = compose(config, folder, stored_nodes(folder, files) if config.hydra_dir else ())
    except ModelQAError as error:
        return (Finding.of_error(QUESTION, model.name, error),)
    if not config.read_by:
        return (
            _finding(
                model,
                "note",
                "which keys of the config are read is not known: read_by names no file",
                todo="name the files that read it: read_by: [validation.py]",
            ),
        )
    log = read_keys(composed, config_name(config), folder, files)
    return findings_of(folder, model, composed, log)


def config_name(config: ModelConfig) -> str:
    """The file or hydra name by which code loads a config."""
    return Path(config.file).name if config.file else str(config.name)


def findings_of(folder: Path, model: Model, composed: Composed, log: Log) -> tuple[Finding, ...]:
    """What the reading of a program says of a config."""
    return (
        *(missing_key(folder, model, composed, log.misses[path]) for path in sorted(log.misses)),
        *_refused(folder, model, log),
        *_never_read(model, composed, log),
        *(_not_known(folder, model, what, place) for what, place in _by_place(log)),
    )


def _by_place(log: Log) -> list[tuple[str, Place]]:
    return sorted(log.unknown.items(), key=lambda noted: (noted[1], noted[0]))


def missing_key(folder: Path, model: Model, composed: Composed, miss: Miss) -> Finding:
    """The finding for a key that is read and is not there."""
    assert model.config is not None
    source = f", which is read by: {miss.place.text}" if miss.place.text else ""
    condition = f"\nwhere {miss.condition}" if miss.condition else ""
    if miss.caller is not None and miss.path[-1] not in miss.place.text:
        source += f"\ncalled at {miss.caller}: {miss.caller.text}"
    if miss.why:
        what = f"{shown(miss.path)} of the config is read, and {miss.why}"
    else:
        what = f"the config has no {shown(miss.path)}, which {miss.place} reads"
    near = composed.nearest(miss.path)
    found = [_would_say(composed, miss), *([f"nearest existing key: {shown(near)}"] if near else [])]
    return _finding(
        model,
        "error",
        what,
        where=str(folder / str(miss.place)),
        expected=f"a value of {shown(_deepest(miss))}{source}{condition}",
        found="\n".join(line for line in found if line) or None,
        todo=_remedy(model.config, composed, miss, near),
    )


def _deepest(miss: Miss) -> KeyPath:
    return min(miss.deeper, default=miss.path)


def _would_say(composed: Composed, miss: Miss) -> str:
    """OmegaConf's own words, which people search for."""
    holder = composed.at(miss.path[:-1])
    if miss.why or not isinstance(holder, dict):
        return ""
    inner = ", ".join(list(holder)[:_SHOWN]) or "nothing"
    return f"Key '{miss.path[-1]}' is not in struct, full_key: {shown(miss.path)} (there are: {inner})"


def _remedy(config: ModelConfig, composed: Composed, miss: Miss, near: KeyPath | None) -> str:
    key = shown(_deepest(miss))
    if miss.path in composed.missing:
        override = f"{shown(miss.path)}=…"
    elif miss.path in composed.unresolved:
        return f"give {shown(miss.path)} a value, or correct its interpolation"
    elif not isinstance(composed.at(miss.path[:-1]), dict) and miss.why:
        parent = miss.path[:-1]
        override = f"{shown(parent)}={{{miss.path[-1]}: …}}"
    else:
        override = f"+{key}=…"
    place = config.file or f"{config.hydra_dir}/{config.name}"
    alike = near is not None and SequenceMatcher(None, near[-1], miss.path[-1]).ratio() >= _ALIKE
    rename = f", or read {shown(near)} in its place" if near and alike and not miss.why else ""
    return f"write it into {place}, or into overrides: [{override}]{rename}"


def _refused(folder: Path, model: Model, log: Log) -> Iterator[Finding]:
    for path, (by, place) in sorted(log.refused.items()):
        yield _finding(
            model,
            "error",
            f"{shown(path)} of the config is given to {by}, which has no parameter {path[-1]!r}",
            where=str(folder / str(place)),
            found=place.text or None,
            todo=f"remove the key, or give {by} such a parameter",
        )


def _never_read(model: Model, composed: Composed, log: Log) -> Iterator[Finding]:
    assert model.config is not None
    if not log.reads and not log.whole and not log.misses:
        names = ", ".join(model.config.read_by)
        yield _finding(
            model,
            "warning",
            f"{names} is not seen to read the config",
            expected="@hydra.main, OmegaConf.load, yaml.safe_load, json.load, or a function of a parameter cfg",
            todo="name the file that loads the config in read_by",
        )
        return
    unread = never_read(composed, log)
    if unread:
        names = listed(map(shown, unread), _SHOWN)
        yield _finding(
            model,
            "warning",
            f"{len(unread)} keys of the config are never read: {names}"
            if len(unread) > 1
            else f"a key of the config is never read: {names}",
            todo="remove what is left over, or name the file that reads it in read_by; a misspelt key is never "
            "read either",
        )


def never_read(composed: Composed, log: Log) -> list[KeyPath]:
    """The keys that nobody reads, not even another key's interpolation."""
    leaves = list(composed.leaves())
    read = {path for path in leaves if log.is_read(path)} | set(composed.for_hydra)
    # What a value that is read is computed of is read too, and what that is computed of.
    queue = [path for path in composed.interpolations if log.is_read(path)] + list(composed.for_hydra)
    while queue:
        for reference in composed.references(queue.pop()):
            if reference not in read:
                read.add(reference)
                queue.append(reference)
    return [path for path in leaves if not any(path[:length] in read for length in range(1, len(path) + 1))]


def _not_known(folder: Path, model: Model, what: str, place: Place) -> Finding:
    return _finding(
        model,
        "note",
        f"not known: {what}",
        where=str(folder / str(place)),
        found=place.text or None,
    )


def _absent_files(folder: Path, model: Model, config: ModelConfig) -> Iterator[Finding]:
    for name in config.read_by:
        if not (folder / name).is_file():
            yield _finding(
                model,
                "error",
                f"there is no {name}, which is said to read the config",
                where=str(folder / name),
                todo="correct read_by in the spec",
            )


def _finding(
    model: Model,
    severity: Severity,
    what: str,
    *,
    where: str | None = None,
    expected: str | None = None,
    found: str | None = None,
    todo: str | None = None,
) -> Finding:
    return Finding(QUESTION, model.name, severity, what, where, expected, found, todo)
