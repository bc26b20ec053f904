"""Draws a confusion matrix as SVG and writes it as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np

# Beyond this a cell is too small to be read; the table then lists the most frequent confusions instead.
_MOST_CLASSES_DRAWN = 40
_MOST_CONFUSIONS_LISTED = 1000
_CELL = 26
_MARGIN = 110


def confusion_pictures(
    label: np.ndarray, prediction: np.ndarray, class_names: Sequence[str] | None
) -> Mapping[str, bytes]:
    """``confusion_matrix.svg`` and ``.csv``; for more than 40 classes ``confusions.csv``, the most frequent."""
    classes = max(int(label.max()), int(prediction.max())) + 1
    names = [str(name) for name in class_names] if class_names else [str(index) for index in range(classes)]
    if len(names) > _MOST_CLASSES_DRAWN:
        return {"confusions.csv": _most_frequent(label, prediction, names).encode()}
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (label, prediction), 1)
    return {
        "confusion_matrix.csv": _table(counts, names).encode(),
        "confusion_matrix.svg": _drawing(counts, names).encode(),
    }


def _table(counts: np.ndarray, names: Sequence[str]) -> str:
    """A row a label, a column a prediction.

    >>> _table(np.array([[3, 1], [0, 2]]), ["cat", "dog"])
    'label \\\\ prediction,cat,dog\\ncat,3,1\\ndog,0,2\\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["label \\ prediction", *names])
    writer.writerows([name, *row] for name, row in zip(names, counts.tolist(), strict=True))
    return buffer.getvalue()


def _most_frequent(label: np.ndarray, prediction: np.ndarray, names: Sequence[str]) -> str:
    wrong = label != prediction
    pairs, counts = np.unique(np.stack([label[wrong], prediction[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_CONFUSIONS_LISTED]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["label", "prediction", "count"])
    writer.writerows([names[pairs[0, at]], names[pairs[1, at]], int(counts[at])] for at in order)
    return buffer.getvalue()


def _drawing(counts: np.ndarray, names: Sequence[str]) -> str:
    """Each row shaded by the share of its label; right predictions in blue, wrong ones in orange."""
    size = len(names) * _CELL
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    share = counts / totals
    right, n = int(np.trace(counts)), int(counts.sum())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_MARGIN + size + 4} {_MARGIN + size + 4}" '
        f'width="{_MARGIN + size + 4}" role="img" aria-labelledby="title desc">',
        '<title id="title">Confusion matrix</title>',
        f'<desc id="desc">{len(names)} classes, {n} samples, {right} on the diagonal. '
        "Rows are labels, columns predictions; a cell is darker the larger its share of the row.</desc>",
        "<style>text{font:11px sans-serif;fill:#222}.cell{stroke:#8884;fill-opacity:var(--s)}"
        ".right{fill:#2f6fd6}.wrong{fill:#d9730d}.strong{fill:#fff}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>",
        f'<text x="{_MARGIN + size / 2}" y="12" text-anchor="middle">prediction</text>',
        f'<text x="12" y="{_MARGIN + size / 2}" text-anchor="middle" '
        f'transform="rotate(-90 12 {_MARGIN + size / 2})">label</text>',
    ]
    for index, name in enumerate(names):
        middle = _MARGIN + (index + 0.5) * _CELL + 4
        edge = _MARGIN - 5
        short = escape(name if len(name) <= 14 else name[:13] + "…")
        parts.append(f'<text x="{edge}" y="{middle}" text-anchor="end">{short}</text>')
        parts.append(f'<text x="{middle}" y="{edge}" transform="rotate(-90 {middle} {edge})">{short}</text>')
    parts += [
        _cell(row, column, names, int(counts[row, column]), float(share[row, column]))
        for row in range(len(names))
        for column in range(len(names))
    ]
    return "\n".join([*parts, "</svg>", ""])


def _cell(row: int, column: int, names: Sequence[str], count: int, share: float) -> str:
    x, y = _MARGIN + column * _CELL, _MARGIN + row * _CELL
    kind = "right" if row == column else "wrong"
    number = ""
    if count:
        emphasis = ' class="strong"' if share > 0.5 else ""
        middle = f'x="{x + _CELL / 2}" y="{y + _CELL / 2 + 4}" text-anchor="middle"'
        number = f"<text{emphasis} {middle}>{count}</text>"
    told = escape(f"label {names[row]}, prediction {names[column]}: {count} ({share:.1%})")
    return (
        f'<g><title>{told}</title><rect class="cell {kind}" style="--s:{share:.3f}" x="{x}" y="{y}" '
        f'width="{_CELL}" height="{_CELL}"/>{number}</g>'
    )
