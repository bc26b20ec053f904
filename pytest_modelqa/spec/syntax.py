"""What the parser says of a text that is no YAML, in words about the file."""

from __future__ import annotations

import re

import yaml

from .nodes import Node, RefusedError


def syntax_error(text: str, error: yaml.MarkedYAMLError) -> RefusedError:
    """The error of the parser, at the place that has to be changed."""
    lines = text.splitlines()
    mark = error.problem_mark
    if mark is None or (error.context_mark and not "".join(lines[mark.line :])[mark.column :].strip()):
        # What was never closed is noticed at the end of the file, and is wrong where it was opened.
        mark = error.context_mark
    if mark is None or mark.line >= len(lines):
        # libyaml counts a line more where the last one does not end in a line break.
        at = Node(None, len(lines), len(lines[-1]) + 1) if lines else None
    else:
        at = Node(None, mark.line + 1, mark.column + 1)
    line = lines[at.line - 1] if at else ""
    what = f"the file is not YAML: {error.problem or error.context}"
    return RefusedError("yaml-syntax", what, at, todo=_syntax_hint(line, error.problem or ""))


def _syntax_hint(line: str, problem: str) -> str:
    """What to do about a line that the parser stumbled over."""
    if re.match(r"\s*\t", line):
        return "indent with spaces: YAML does not allow tabs there"
    if re.search(r":\s*[>|]=?\s*[-+.0-9]", line):
        return "a bound needs no operator: write 'min: 0.9' for ≥ 0.9, 'max: 0.9' for ≤ 0.9"
    if re.search(r":\s+\$?\{\w", line):
        return "put a path with ${env:…} or {coordinate} in quotes where it stands inside { } or [ ]"
    return next(
        (hint for words, hint in _HINTS if words in problem), "look at this line and the one before it"
    )


# By what libyaml says, which is about its grammar and not about the file.
_HINTS = (
    ("cannot start any token", "put a value that begins with %, @ or ` in quotes"),
    ("mapping values are not allowed", "put a value that holds ': ' in quotes, or check the indentation"),
    ("expected ',' or", "close the bracket, or put a value with brackets, colons or commas in quotes"),
    ("unexpected end of stream", "close the quotes"),
    ("unexpected ':'", "write a space and a value after the colon"),
    ("expected key", "begin the keys of one mapping in the same column, with a colon and a space after each"),
    ("'-' indicator", "begin the dashes of one list in the same column"),
)
