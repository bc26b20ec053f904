"""SVG as text in which everything is escaped, and the arithmetic of axes. Colours are classes of the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


def element(name: str, *children: str, **attributes: object) -> Markup:
    """An element; a trailing ``_`` of an attribute's name is dropped, other ``_`` become ``-``, numbers are rounded.

    >>> print(element("text", "a < b", x=1.23456, text_anchor="end", class_="tick"))
    <text x="1.2" text-anchor="end" class="tick">a &lt; b</text>
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>")


def drawing(width: float, height: float, label: str, *children: str, class_: str = "chart") -> Markup:
    """A whole picture, which a screen reader reads as ``label``."""
    return element(
        "svg",
        *children,
        class_=class_,
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
        aria_label=label,
    )


def text(x: float, y: float, words: str, anchor: str = "middle", class_: str | None = None) -> Markup:
    """A word at a place; ``anchor``: start, middle, end."""
    return element("text", words, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """A line through points."""
    steps = "L".join(f"{_plain(x)} {_plain(y)}" for x, y in points)
    return element("path", d=f"M{steps}{'Z' if closed else ''}", class_=class_)


@dataclass(frozen=True)
class Scale:
    """Where a value lies on an axis of a drawing.

    Attributes:
        low: The value at ``start``.
        high: The value at ``end``.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value, not outside the axis.

        >>> axis = Scale(10.0, 20.0, 0.0, 100.0)
        >>> axis(15.0), axis(99.0)
        (50.0, 100.0)
        """
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values on the axis, at most about so many.

        >>> Scale(0.0, 0.97, 0.0, 1.0).ticks()
        [0.0, 0.2, 0.4, 0.6, 0.8]
        """
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]


def scale_of(values: Sequence[float], start: float, end: float, *, room: float = 0.06) -> Scale:
    """The axis that holds all finite values with some room at both ends; one value alone gets an axis too."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    span = high - low
    # Below rounding there is nothing to be seen: the axis then shows the value's surroundings.
    if span <= 1e-9 * max(abs(low), abs(high)):
        span = abs(high) or 1.0
        low, high = low - span / 2, high + span / 2
    return Scale(low - room * span, high + room * span, start, end)


def tick_text(value: float) -> str:
    """A number on an axis.

    >>> tick_text(0.30000000000000004), tick_text(12000.0), tick_text(1e-07)
    ('0.3', '12,000', '1e-07')
    """
    return f"{value:,.10g}" if abs(value) < 1e15 and (not value or abs(value) >= 1e-4) else f"{value:.3g}"


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
