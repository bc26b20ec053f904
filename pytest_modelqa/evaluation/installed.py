"""Which content an installed package has: its version, and what else tells of it where that does not.

A package that was installed from a folder or an address (``pip install .``, ``git+https://…``) keeps its version
from one commit to the next. Of such a package ``direct_url.json`` says where it came from (PEP 610), and ``RECORD``
what is in it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path

SEARCH_PATH = "PYTHONPATH"
"""What decides where modules are found that lie neither beside the spec nor in an installed package."""

_INSTALLED = "installed"
_NOT_INSTALLED = "not installed"
_SHOWN_DIGITS = 12


def version_of(name: str) -> str:
    """Of a distribution; of ``python`` and of ``PYTHONPATH`` as well.

    >>> version_of("no-such-package")
    'not installed'
    """
    if name == "python":
        return platform.python_version()
    if name == SEARCH_PATH:
        # Not the path itself: baselines, which are committed, name versions too.
        entries = [
            str(Path(entry).absolute())
            for entry in os.environ.get(SEARCH_PATH, "").split(os.pathsep)
            if entry
        ]
        return f"sha256 {_short(os.pathsep.join(entries))}" if entries else "not set"
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return _INSTALLED if _is_module_of_a_package(name) else _NOT_INSTALLED
    content = _content(distribution)
    return f"{distribution.version} ({content})" if content else distribution.version


def _is_module_of_a_package(name: str) -> bool:
    """Whether a module that was sought is there now; its package may bear another name (``sklearn``, ``PIL``)."""
    found = PathFinder.find_spec(name)
    where = Path(found.origin).parts if found and found.origin else ()
    return "site-packages" in where or "dist-packages" in where


def _content(distribution: importlib.metadata.Distribution) -> str:
    """Of what was installed from a package index the version is enough: an index never changes it."""
    stated = distribution.read_text("direct_url.json")
    if stated is None:
        return ""
    with suppress(ValueError, AttributeError):
        if json.loads(stated).get("dir_info", {}).get("editable"):
            # Its code is counted file by file; another checkout of it is other files.
            return f"editable {_short(stated)}"
    return f"sha256 {_short(_listed(distribution.read_text('RECORD') or stated))}"


def _listed(record: str) -> str:
    """The lines of RECORD that are the same on every machine: no bytecode, no scripts, nothing of the installer."""
    lines = [line for line in record.splitlines() if not line.startswith("..") and ".dist-info/" not in line]
    return "\n".join(sorted(line for line in lines if ".pyc," not in line))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHOWN_DIGITS]
