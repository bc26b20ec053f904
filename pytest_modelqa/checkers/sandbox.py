"""Runs a program that nobody has read: in namespaces of its own, under limits, in a process that is always ended."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import EvaluationError, InfrastructureError
from . import confined as helper

# Imported although it runs as a script: only what is imported counts as code that decides a value.
_HELPER = Path(helper.__file__)
# What a Python needs of the machine; none of it is anybody's home.
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/nix/store")
# The helper ends the program at its deadline; this long after it the helper itself counts as hung.
_HELPER_SECONDS = 30


@dataclass(frozen=True)
class Limits:
    """What a program may take: CPU time and wall clock in seconds, address space in MiB."""

    cpu_seconds: int = 10
    deadline: float = 30.0
    memory_mb: int = 1024


def run_program(program: str, limits: Limits, *, confined: bool = True) -> str:
    """Runs a Python program to its end.

    Confined, it sees no network, no process but its own, no file but those of Python and the system's libraries
    (read-only) and an empty ``/tmp`` in memory, and cannot start a process. In either case its time, its memory, its
    files and its output are limited.

    Returns:
        Why it did not reach its end, in a few words; an empty text if it did.

    Raises:
        EvaluationError: This machine refuses the namespaces.
        InfrastructureError: What runs the program failed itself.
    """
    with tempfile.TemporaryDirectory(prefix="modelqa-", ignore_cleanup_errors=True) as folder:
        order = {
            "program": program,
            "parent": os.getpid(),
            "sandbox": confined,
            "cpu_seconds": limits.cpu_seconds,
            "deadline": limits.deadline,
            "memory_mb": limits.memory_mb,
            "folder": folder,
            "visible": _visible() if confined else [],
            # Called as ../venv/bin/python it is a path that leads through folders which the sandbox does not have.
            "python": os.path.abspath(sys.executable),  # noqa: PTH100 - resolve() would leave the environment
        }
        ended = _helped(json.dumps(order), limits.deadline + _HELPER_SECONDS)
    if "refused" in ended:
        raise EvaluationError(
            "the sandbox for generated programs cannot be made on this machine",
            expected="user, mount, network and process namespaces without privileges, on Linux 5.12 or later",
            found=str(ended["refused"]),
            todo="allow user namespaces (user.max_user_namespaces, AppArmor, the container's seccomp profile), or"
            " write sandbox: none, which runs generated programs with all your rights",
        )
    return "" if ended["finished"] else _why(ended, limits)


def demand_sandbox(*, confined: bool) -> None:
    """Runs an empty program once.

    Raises:
        EvaluationError: The sandbox cannot be made here.
        InfrastructureError: Not even an empty program can be run.
    """
    if confined and sys.platform != "linux":
        raise EvaluationError(
            f"the sandbox for generated programs needs Linux; this is {sys.platform}",
            todo="run on Linux, or write sandbox: none, which runs generated programs with all your rights",
        )
    problem = run_program("", Limits(), confined=confined)
    if problem:
        raise InfrastructureError("an empty program does not run in the sandbox", found=problem)


def _helped(order: str, seconds: float) -> dict[str, object]:
    command = [sys.executable, "-I", "-S", str(_HELPER)]
    try:
        done = subprocess.run(
            command, input=order, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(
            "the sandbox's helper process hangs", found=f"no end in {seconds:g} s"
        ) from error
    try:
        ended: dict[str, object] = json.loads(done.stdout)
    except ValueError as error:
        raise InfrastructureError(
            "the sandbox's helper process failed",
            found=f"exit code {done.returncode}",
            todo="run it again; if it fails again, report it with this text",
            details=done.stderr[-2000:] or None,
        ) from error
    return ended


@functools.cache
def _visible() -> list[str]:
    """The folders and files that the program may read, outer ones first."""
    python = {sys.base_prefix, sys.prefix, sys.exec_prefix}
    packages = {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    links = {str(Path(path).resolve()) for path in python | packages}
    wanted = python | packages | links
    home = Path.home()
    for path in wanted:
        if home.is_relative_to(path):
            raise EvaluationError(
                "the sandbox would show your home folder, because Python is installed as a whole in it",
                found=path,
                todo="use a virtual environment in a folder of its own, or write sandbox: none",
            )
    return [*_SYSTEM, *sorted(wanted, key=len)]


def _why(ended: dict[str, object], limits: Limits) -> str:
    match ended["stopped"], ended["status"]:
        case "deadline", _:
            return f"no end within {limits.deadline:g} s"
        case "output", _:
            return "it printed more than 1 MiB"
        case _, status if status in (-signal.SIGKILL, -signal.SIGXCPU):
            return f"killed: more than {limits.cpu_seconds} s of CPU time, or out of memory"
        case _, int(status) if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        case _, 0:
            return "it left before its tests were over, by an exit of its own"
    lines = [line for line in str(ended["output"]).splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {ended['status']}"
