"""Recognises what stands in a file's place: nothing, nought bytes, a Git LFS pointer, a web page."""

from __future__ import annotations

from pathlib import Path

from .errors import EvaluationError

_HEAD_BYTES = 512


def read_head(path: Path, noun: str, kind: type[EvaluationError]) -> bytes:
    """The first 512 bytes of a file that is there and is no placeholder.

    Args:
        path: Absolute, so that the message shows what was tried.
        noun: What the file should be: ``checkpoint``, ``data file``.
        kind: The class of the error.

    Raises:
        kind: The file is missing, a folder, unreadable, empty, a Git LFS pointer or an HTML page (the answer
            of a server that wanted a login, or a 404).
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        raise kind(
            f"{noun} is missing: {path.name}",
            expected=f"a file at {path}",
            found=_nearest_folder(path),
            todo="correct the path in the spec, or make the file (is it left out of the clone?)",
        ) from None
    except IsADirectoryError:
        raise kind(
            f"{noun} is a folder: {path.name}",
            expected="a file",
            found=_contents(path),
            todo=f"name the file inside {path}",
        ) from None
    except OSError as error:
        raise kind(
            f"{noun} cannot be read: {path.name}",
            where=str(path),
            found=str(error.strerror),
            todo="make the file readable for this user, or correct the path in the spec",
        ) from error
    if not head:
        raise kind(
            f"{noun} is empty: {path.name} has 0 bytes",
            where=str(path),
            todo="copy or save it again; the disk may have been full",
        )
    if is_lfs_pointer(head):
        raise kind(
            f"{noun} is a Git LFS pointer, not the file itself: {path.name}",
            where=str(path),
            todo="run git lfs pull",
        )
    if _is_html(head):
        raise kind(
            f"{noun} is an HTML page: {path.name}",
            where=str(path),
            found=repr(head[:60].decode("utf-8", "replace")),
            todo="download it again; the server answered with a web page (a login, or 404)",
        )
    return head


def is_lfs_pointer(head: bytes) -> bool:
    """Whether a file that begins like this is a Git LFS pointer (the form is fixed by the Git LFS spec, v1).

    >>> is_lfs_pointer(b"version https://git-lfs.github.com/spec/v1")
    True
    """
    return head.startswith((b"version https://git-lfs", b"version https://hawser"))


def _is_html(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _nearest_folder(path: Path) -> str:
    for folder in path.parents:
        if folder.is_dir():
            return (
                f"{folder} holds {_contents(folder, path.suffix)}"
                if folder == path.parent
                else f"no folder {path.parent}"
            )
    return f"no folder {path.parent}"


def _contents(folder: Path, suffix: str = "") -> str:
    """What a folder holds, first what has the suffix of the file that was wanted, last what is hidden."""
    every = [entry.name for entry in folder.iterdir()]
    names = sorted(every, key=lambda name: (name.startswith("."), Path(name).suffix != suffix, name))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more if names else "nothing"
