"""Finds the fenced blocks (CommonMark, "Fenced code blocks") of a generated text."""

from __future__ import annotations

import re

# A block that the generation's end cut off counts up to there.
_BLOCK = re.compile(
    r"^ {0,3}(`{3,}|~{3,})[^\n`]*\n(.*?)(?:^ {0,3}\1[`~]*[ \t\r]*$|\Z)", re.MULTILINE | re.DOTALL
)


def fenced(text: str, *, last: bool) -> str | None:
    """What stands in the first or the last fenced block, or None where there is none.

    >>> fenced("Sure:\\n```python\\nx = 1\\n```\\nand\\n```\\nx = 2\\n```\\n", last=True)
    'x = 2\\n'
    """
    blocks = [match[2] for match in _BLOCK.finditer(text)]
    return blocks[-1 if last else 0] if blocks else None
