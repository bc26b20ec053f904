"""What a value of the wrong type or form was probably meant to be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from .forms import ATTRIBUTE_PATTERN, NAME_PATTERN
from .nodes import Node
from .scalars import core_value, is_number
from .schema import CheckEntry
from .spelling import nearest, shown

# Other tools' words for values; each counts only where the value on the right is legal.
_OTHER_VALUES: Mapping[str, str] = {
    **dict.fromkeys(("fp16", "half", "16", "f16"), "float16"),
    **dict.fromkeys(("fp32", "float", "full", "single", "32", "f32"), "float32"),
    **dict.fromkeys(("16-mixed", "bf16-mixed"), "bfloat16"),
    **dict.fromkeys(("val", "dev", "eval", "valid"), "validation"),
    **dict.fromkeys(("critical", "fatal", "blocker", "high"), "error"),
    **dict.fromkeys(("info", "low", "notice"), "warn"),
    **dict.fromkeys(("huggingface", "hf"), "transformers"),
    **dict.fromkeys(("pt", "pth", "pickle", "ckpt"), "torch"),
    **dict.fromkeys(("true", "yes", "on"), "certain"),
}
# By key, where a value of another type has a cause that is known.
_OTHER_TYPES: Mapping[str, str] = {
    "checks": "begin each check with a dash: - {metric: psnr, min: 27}",
    "at": "name the coordinate: at: {NAME: VALUE}",
    "slices": "write slices: {FIRST: null, SECOND: null} for every value of several fields",
    "baseline": "name an entry of the spec; a number is a bound (min:, max:), or stands in a file under baselines:",
    "device": "write cuda, or cuda:0 for one of several",
    "stop_early": "write certain, or {wrong_pass: 0.01, wrong_fail: 0.05}",
    "along": "write one coordinate; a trend along another is another check",
    "over": "write one coordinate",
}
# By key, where a file or a whole entry stands in place of a name.
_DECLARATIONS: Mapping[str, str] = {
    "baseline": "baselines: {NAME: {recorded: PATH}}",
    "dataset": "datasets: {NAME: {path: PATH, role: test}}",
    "model": "models: {NAME: {build: module:attribute, checkpoint: PATH}}",
}
_MULTIPLES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9}
_OTHER_BASES = ("0x", "0o")
_DIRECTIONS = ("decreasing", "non_increasing", "descending", "down", "falling")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}


def code_and_todo(errors: Sequence[ErrorDetails], at: Node, key: str) -> tuple[str, str | None]:
    """The code of a problem and what to do about it.

    Args:
        errors: What pydantic says of the value, one error for each type that it might have had.
        at: The value.
        key: What it was written for.
    """
    details, value = errors[0], at.value
    kind, context = details["type"], details.get("ctx", {})
    kinds = {error["type"] for error in errors}
    if kind in ("float_type", "int_type", "int_from_float"):
        return "not-a-number", _number_hint(value, at, key)
    if kind == "finite_number":
        return "not-finite", "write the number that is meant"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return "wrong-type", f"write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    if kind in ("less_than", "less_than_equal") and 1 in context.values() and 1 < value <= 100:
        return "out-of-range", f"did you mean {value / 100:.15g}?"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return "out-of-range", _confidence_hint(value) if key == "confidence" else None
    if kind in ("literal_error", "string_pattern_mismatch", "string_too_short"):
        return "wrong-value", _text_hint(at, context, key)
    if key in _DECLARATIONS and isinstance(value, dict):
        return "wrong-type", _declare(key, "…")
    if key in ("model", "dataset", "metric") and isinstance(value, list):
        return "wrong-type", f"write {'a check' if key == 'metric' else 'an evaluation'} for each {key}"
    if key in _OTHER_TYPES:
        return "wrong-type", _OTHER_TYPES[key]
    if kind == "string_type" and not isinstance(value, (dict, list)) and value is not None:
        return "wrong-type", f'write "{shown(at.text)}", in quotes, if that is meant'
    if kinds & {"list_type", "tuple_type"} and isinstance(value, (str, int, float)):
        return "wrong-type", f"write [{shown(at.text)}]"
    return "wrong-type", None


def _declare(key: str, path: str) -> str:
    return f"declare it, {_DECLARATIONS[key].replace('PATH', path)}, and write {key}: NAME"


def _confidence_hint(value: float) -> str | None:
    return f"did you mean {1 - value:.15g}?" if 0 < value < 0.5 else None


def _text_hint(at: Node, context: Mapping[str, Any], key: str) -> str | None:
    value, pattern = shown(at.text), context.get("pattern")
    if pattern == ATTRIBUTE_PATTERN:
        return _attribute_hint(value, key)
    if pattern == NAME_PATTERN:
        if key in _DECLARATIONS and "/" in value:
            return _declare(key, value)
        return name_hint(value)
    if key == "device":
        index = re.fullmatch(r"(?:cuda|gpu)[ _-]?([0-9]+)", value.lower())
        return f"write cuda:{index[1]}" if index else "write cuda" if value.lower() == "gpu" else None
    if key == "trend" and value.replace("-", "_").lower() in _DIRECTIONS:
        return "trends follow the metric's direction: increasing is better than before, non_decreasing never worse"
    legal = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    meant = _OTHER_VALUES.get(value.lower())
    close = meant if meant in legal else nearest(value, legal)
    return f"did you mean '{close}'?" if close else None


def _attribute_hint(value: str, key: str) -> str | None:
    if re.fullmatch(r"\w+(\.\w+)+", value) and key == "build":
        module, _, name = value.rpartition(".")
        return f"write {module}:{name}"
    if key == "load" and re.search(r"[/*]|\.\w+$", value) and ":" not in value:
        return f"write path: {value}, if it is a file or folder of data"
    if re.fullmatch(r"[A-Za-z_]\w*", value):
        return (
            f"write MODULE:{value}, with the file that defines it: model:{value} for model.py beside the spec"
        )
    called = re.fullmatch(r"([\w./:]+)\(.*\)", value)
    if called:
        return f"write {called[1]}, and the arguments under args:"
    if "/" in value and ":" in value:
        return f"write {value.replace('/', '.').lstrip('.')}"
    return None


def name_hint(text: str) -> str | None:
    """A text that is no name, as one.

    >>> name_hint("my run"), name_hint("“accuracy”"), name_hint("***")
    ('write my_run', 'write accuracy', None)
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", text.strip("“”‘’„«»\"' ")).lstrip(".-")
    return f"write {shown(name)}" if re.match(NAME_PATTERN, name) and name.strip("_") else None


def _number_hint(value: Any, at: Node, key: str) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    if isinstance(value, (dict, list)) and key in CheckEntry.BOUND_KEYS:
        return "write a check for each number; slices: {FIELD: [VALUE]} says of which slice it speaks"
    if not isinstance(value, str):
        return None
    bare = shown(value.strip())
    if at.quoted and bare and isinstance(core_value(bare), (int, float)):
        return "remove the quotes"
    amount, unit = re.fullmatch(r"(.*?)\s*([A-Za-z%]*)", bare).groups()  # type: ignore[union-attr]
    if unit and amount[:2].lower() not in _OTHER_BASES and is_number(amount):
        return _without_unit(amount, unit, key)
    stripped = bare.lstrip("<>=≥≤ ")
    if stripped != bare:
        return f"write {'max' if bare[0] in '<≤' else 'min'}: {stripped}, without an operator"
    for mark, replacement in (("_", ""), (",", "."), (" ", "")):
        other = bare.replace(mark, replacement)
        if other != bare and other and isinstance(core_value(other), (int, float)):
            return f"write {other}"
    return None


def _without_unit(amount: str, unit: str, key: str) -> str:
    """Only a check's numbers have a unit that is written beside them."""
    if unit in _MULTIPLES:
        return f"write {float(amount) * _MULTIPLES[unit]:.15g}"
    if key in (*CheckEntry.BOUND_KEYS, "tolerance"):
        return f"write {amount} with unit: percent" if unit == "%" else f"write {amount}, with unit: {unit}"
    if unit == "%":
        return f"write {float(amount) / 100:.15g}"
    if key == "deadline" and unit in _SECONDS:
        return f"write {float(amount) * _SECONDS[unit]:.15g}, in seconds"
    return f"write {amount}"
