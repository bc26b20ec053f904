"""What each checker is called and takes; a new one is a function and an entry of ``CHECKERS``.

In a spec: ``checker: {kind: numeric, answer: answer}`` among the arguments of a task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Texts = Annotated[tuple[str, ...], Field(strict=False)]


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    reject: _Texts = Field(
        (),
        description="Texts that must fail for every sample, beside the empty text, the prompt echoed and ten"
        " random characters; a checker that accepts one is too lenient.",
    )
    tolerated_echoes: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the samples whose prompt may hold the answer by chance, so that its echo passes.",
    )


class RegexArgs(_Args):
    """The arguments of regex."""

    kind: Literal["regex"]
    pattern: str = Field(
        description="Python's syntax; searched for in the text, so anchor it with ^ or \\Z if need be."
    )
    answer: str | None = Field(
        None, description="The sample's field that the pattern's one group must be equal to, spaces aside."
    )
    occurrence: Literal["first", "last"] = Field("last", description="Which match counts, with answer.")
    ignore_case: bool = Field(False, description="Whether a and A are the same.")

    @model_validator(mode="after")
    def _can_be_compiled(self) -> RegexArgs:
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from error
        if self.answer is not None and groups != 1:
            raise ValueError(f"with answer the pattern must have one group, and has {groups}")
        return self


class NumericArgs(_Args):
    """The arguments of numeric."""

    kind: Literal["numeric"]
    answer: str = Field(
        "answer", description="The sample's field of the right answer: a number, or a text with one number."
    )
    after: str | None = Field(
        None, description="Only what follows the last occurrence of this text is read, in text and answer."
    )
    occurrence: Literal["first", "last", "only"] = Field(
        "last", description="Which number of the text counts; only: there must be one and no other."
    )
    tolerance: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="How far from the answer is still right, in its unit."
    )


class JsonSchemaArgs(_Args):
    """The arguments of json_schema."""

    kind: Literal["json_schema"]
    definition: Mapping[str, Any] = Field(description="The JSON Schema that the text must be valid under.")
    extract: Literal["text", "fence"] = Field(
        "text", description="text: all of it is JSON; fence: what stands in its last fenced block."
    )


class FunctionArgs(_Args):
    """The arguments of function."""

    kind: Literal["function"]
    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function, called with a text and its sample; gives true or false.",
    )


class PythonTestsArgs(_Args):
    """The arguments of python_tests."""

    kind: Literal["python_tests"]
    program: str = Field(
        "{text}\n\n{tests}",
        description="The program that is run, with {text} for the generation and {FIELD} for a field of the"
        " sample; it passes when it ends without an exception.",
    )
    extract: Literal["text", "fence"] = Field(
        "text", description="text: all of the generation; fence: what stands in its first fenced block."
    )
    cpu_seconds: int = Field(10, ge=1, le=600, description="CPU time that a program may take.")
    deadline: float = Field(
        30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds after which it is ended in any case."
    )
    memory_mb: int = Field(1024, ge=128, description="Address space that it may take, in MiB.")
    sandbox: Literal["namespaces", "none"] = Field(
        "namespaces",
        description="namespaces: without network, without your files; none: with all rights of yours.",
    )

    @model_validator(mode="after")
    def _runs_the_text(self) -> PythonTestsArgs:
        if "{text}" not in self.program:
            raise ValueError("program has no {text}, so every generation would get the same result")
        return self


CheckerArgs = Annotated[
    RegexArgs | NumericArgs | JsonSchemaArgs | FunctionArgs | PythonTestsArgs, Field(discriminator="kind")
]
"""What stands under ``checker:``; the schema of a task's argument."""

# The code of each, imported where it runs.
CHECKERS: Mapping[str, str] = {
    "regex": "pytest_modelqa.checkers.answers:regex",
    "numeric": "pytest_modelqa.checkers.answers:numeric",
    "json_schema": "pytest_modelqa.checkers.json_schema:json_schema",
    "function": "pytest_modelqa.checkers.answers:function",
    "python_tests": "pytest_modelqa.checkers.python_tests:python_tests",
}
