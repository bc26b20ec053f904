"""The checker ``python_tests``: a generated program is run with its unit tests, in the sandbox."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .checker import PASSED, Outcome, field_of
from .declarations import PythonTestsArgs
from .fences import fenced
from .sandbox import Limits, demand_sandbox, run_program

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")


def python_tests(args: PythonTestsArgs) -> Callable[[Sequence[str], Mapping[str, Any]], list[Outcome]]:
    """Passes a text whose program runs to its end without an exception.

    Raises:
        EvaluationError: This machine refuses the namespaces; said here, before anything is generated.
    """
    limits = Limits(args.cpu_seconds, args.deadline, args.memory_mb)
    confined = args.sandbox == "namespaces"
    demand_sandbox(confined=confined)

    def one(text: str, sample: Mapping[str, Any]) -> Outcome:
        chosen = text if args.extract == "text" else fenced(text, last=False)
        if chosen is None:
            return Outcome(False, "no fenced block in it")
        problem = run_program(program_of(args.program, chosen, sample), limits, confined=confined)
        return Outcome(False, problem) if problem else PASSED

    def decide(texts: Sequence[str], sample: Mapping[str, Any]) -> list[Outcome]:
        # Fields that are missing are told before a process is started.
        program_of(args.program, "", sample)
        with ThreadPoolExecutor(max(1, min(len(texts), len(os.sched_getaffinity(0))))) as pool:
            return list(pool.map(lambda text: one(text, sample), texts))

    return decide


def program_of(template: str, text: str, sample: Mapping[str, Any]) -> str:
    """The template with its fields filled in; a list of lines, as MBPP's ``test_list``, is joined.

    Raises:
        DatasetError: The sample lacks a field of the template.

    >>> program_of("{text}\\n{tests}\\ncheck({entry_point})", "x = {y}", {"tests": ["a", "b"], "entry_point": "f"})
    'x = {y}\\na\\nb\\ncheck(f)'
    """

    def filled(match: re.Match[str]) -> str:
        value = text if match[1] == "text" else field_of(sample, match[1])
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

    return _FIELD.sub(filled, template)
