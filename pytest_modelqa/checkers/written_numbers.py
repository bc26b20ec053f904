"""Reads the numbers in a text, as models and people write them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

# Digits with or without separators of thousands, decimals, an exponent; not part of a version or a list without
# spaces (1.2.3, 3,4).
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_DIGITS = rf"(?:{_WHOLE}(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{{1,3}})?(?![.,]?\d)"
_SLASH = r"[ ]?[/⁄∕][ ]?"
# A sign, and a number that is not the end of a word (x2); a unit may follow (5km). A fraction is one number (1/2),
# also with a whole before it (2 1/2); what stands under the line of anything else (x/2) is none, nor 1/2/2024.
_NUMBER = re.compile(
    rf"""
    (?P<under_something>{_SLASH}|\}}\{{)?
    (?P<sign>(?<![\w.,)])[-+−])?
    [$€£]?
    (?<![\w.,])
    (?:(?P<whole>{_WHOLE})[ ](?=\d+[/⁄∕]\d))?
    (?P<number>{_DIGITS})
    (?P<under>(?:{_SLASH}[-+−]?{_DIGITS})*)
    (?!{_SLASH}\d)
    """,
    re.VERBOSE,
)
# \frac{1}{2}, and \frac12 as TeX reads it.
_LATEX = re.compile(r"(?:(\d)[ ]?)?\\[cdt]?frac[ ]?(\{[^{}]*\}|\d)[ ]?(\{[^{}]*\}|\d(?!\d))")
_LATEX_THOUSANDS = re.compile(r"\{,\}|,\\!")
_VULGAR = re.compile(r"(\d)?([¼-¾⅐-⅞])")
# Beyond the digits of any answer, so that a text of a million digits costs nothing.
_MOST_CHARACTERS = 400


@dataclass(frozen=True)
class Number:
    """A number in a text.

    Attributes:
        written: As it stands there.
        value: Exactly that.
    """

    written: str
    value: Fraction


def numbers_of(text: str) -> list[Number]:
    r"""The numbers of a text, in order.

    >>> [each.written for each in numbers_of("from $1,234.50 to −3e2, x2 and 1.2.3, (7) and 5-3km.")]
    ['$1,234.50', '−3e2', '7', '5', '3']
    >>> [str(each.value) for each in numbers_of(r"1/2 of 2 1/2, 1½, -\frac{3}{4} or x/2 on 1/2/2024")]
    ['1/2', '5/2', '3/2', '-3/4']
    >>> [str(each.value) for each in numbers_of(r"-½, \frac12 and 1{,}234")]
    ['-1/2', '1/2', '1234']
    """
    text = _VULGAR.sub(_written_out, text)
    text = _LATEX.sub(_in_one_line, _LATEX_THOUSANDS.sub(",", text))
    found = []
    for match in _NUMBER.finditer(text):
        if not match["under_something"] and len(match[0]) <= _MOST_CHARACTERS:
            value = _value(match)
            if value is not None:
                found.append(Number(match[0].strip(), value))
    return found


def _written_out(vulgar: re.Match[str]) -> str:
    """½ as 1/2, after a whole number with a space between them, and after a sign with none."""
    return (f"{vulgar[1]} " if vulgar[1] else "") + unicodedata.normalize("NFKC", vulgar[2])


def _in_one_line(latex: re.Match[str]) -> str:
    before = f"{latex[1]} " if latex[1] else ""
    return f"{before}{latex[2].strip('{}')}/{latex[3].strip('{}')}"


def _value(match: re.Match[str]) -> Fraction | None:
    under = [_exact(each) for each in re.split(_SLASH, match["under"])[1:]]
    if len(under) > 1 or 0 in under:
        return None
    value = _exact(match["number"]) / (under[0] if under else 1) + _exact(match["whole"] or "0")
    return -value if match["sign"] in ("-", "−") else value


def _exact(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").replace("−", "-"))
