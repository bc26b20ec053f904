"""Compares a checkpoint's tensors with those that the model expects, and says what a misfit looks like."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..errors import CheckpointError
from ..spec.spelling import listed
from .header import Header, TensorInfo

_SHOWN = 5


@dataclass(frozen=True)
class Misfit:
    """What keeps a checkpoint from fitting a model.

    Attributes:
        missing: Names that the model has and the checkpoint has not.
        unexpected: Names that the checkpoint has and the model has not.
        reshaped: Names that both have, in another shape or another kind of dtype.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.reshaped)


def misfit(
    expected: Mapping[str, TensorInfo],
    header: Header,
    tied: Sequence[Collection[str]] = (),
    dispensable: Collection[str] = (),
) -> Misfit:
    """What differs between the tensors that a model expects and those of a checkpoint.

    Args:
        expected: The model's state_dict.
        header: The checkpoint's.
        tied: Groups of names that are one and the same tensor in the model: one of each group is enough,
            since safetensors writes shared tensors once.
        dispensable: Names whose absence torch itself makes good.
    """
    held = header.tensors
    given_by_tie = {name for group in tied if any(other in held for other in group) for name in group}
    missing = [name for name in expected if name not in held and name not in given_by_tie]
    if set(missing) <= set(dispensable):
        missing = []
    unexpected = [name for name in held if name not in expected]
    reshaped = [name for name in expected if name in held and not _compatible(expected[name], held[name])]
    return Misfit(tuple(missing), tuple(unexpected), tuple(reshaped))


def _compatible(expected: TensorInfo, held: TensorInfo) -> bool:
    # torch takes a vector of one element for a scalar (files of torch < 0.4).
    same_shape = expected.shape == held.shape or (expected.shape == () and held.shape == (1,))
    return same_shape and kind(expected.dtype) == kind(held.dtype)


def kind(dtype: str) -> str:
    """``float``, ``complex``, ``int`` or ``bool``: within one, values survive a cast.

    >>> kind("bfloat16"), kind("uint8")
    ('float', 'int')
    """
    if dtype.startswith(("float", "bfloat")):
        return "float"
    return "int" if dtype.startswith(("int", "uint")) else dtype.rstrip("0123456789")


def explain(
    problem: Misfit,
    expected: Mapping[str, TensorInfo],
    header: Header,
    *,
    model: str,
    file: str,
    state_dict_key: str | None,
) -> CheckpointError:
    """The error for a checkpoint that does not fit: counts, the first names, and what it looks like."""
    counts = [
        f"{len(names)} of {total} {what}"
        for names, total, what in (
            (problem.missing, len(expected), "missing"),
            (problem.unexpected, len(header.tensors), "unexpected"),
            (problem.reshaped, len(expected), "of another shape or type"),
        )
        if names
    ]
    found = [
        f"{label}: {_first(names)}"
        for label, names in (("missing", problem.missing), ("unexpected", problem.unexpected))
        if names
    ]
    if problem.reshaped:
        found.append(
            "model ≠ checkpoint: "
            + _first(
                [
                    f"{name} {_shown(expected[name])} ≠ {_shown(header.tensors[name])}"
                    for name in problem.reshaped
                ]
            )
        )
    return CheckpointError(
        f"the checkpoint does not fit the model {model!r}: {', '.join(counts)}",
        where=file,
        expected=f"every one of the model's {len(expected)} tensors, and no other",
        found="\n".join(found),
        todo=diagnose(problem, expected, header, state_dict_key),
    )


def diagnose(
    problem: Misfit, expected: Mapping[str, TensorInfo], header: Header, state_dict_key: str | None = None
) -> str:
    """What a misfit looks like, and what to do about it."""
    if not header.tensors and header.wrapped:
        first, *others = header.wrapped
        # Which of an average and what it is of, or of two networks, nobody but the user knows.
        or_another = f"\nor another of those that are in it: {listed(others)}" if others else ""
        return (
            "looks like a wrapper around the weights (as Lightning and training loops write): write\n"
            f"state_dict_key: {first}{or_another}"
        )
    if prefix := _prefix(expected, header.tensors):
        key = f"{state_dict_key}.{prefix}" if state_dict_key else prefix
        return f"looks like a {prefix + '.'!r} prefix ({_origin(prefix)}): write\nstate_dict_key: {key}"
    if prefix := _prefix(header.tensors, expected):
        return (
            f"the model's names begin with {prefix + '.'!r}, the checkpoint's do not: it is of a part of "
            "this model; build that part, or save the whole"
        )
    if problem.reshaped:
        return _diagnose_shapes(problem.reshaped, expected, header.tensors)
    if problem.missing and not problem.unexpected:
        return f"the checkpoint lacks {_stem(problem.missing)}: save the whole model, or correct args"
    if problem.unexpected and not problem.missing:
        return f"the model lacks {_stem(problem.unexpected)}: correct build and args in the spec"
    return "the checkpoint is of another architecture: correct the checkpoint, or build and args in the spec"


def _diagnose_shapes(
    names: Sequence[str], expected: Mapping[str, TensorInfo], held: Mapping[str, TensorInfo]
) -> str:
    pairs = [(expected[name], held[name]) for name in names]
    if all(kind(model.dtype) != kind(file.dtype) for model, file in pairs):
        return "the values are of another type (quantised weights?): load them into a model of that type"
    if all(len(model.shape) >= 2 and model.shape[::-1] == file.shape for model, file in pairs):
        return "looks transposed (as TensorFlow writes linear layers): transpose these weights and save again"
    sizes = {(model.shape[:1], file.shape[:1]) for model, file in pairs}
    if len(sizes) == 1 and all(model.shape[1:] == file.shape[1:] for model, file in pairs):
        ((of_model, of_file),) = sizes
        if of_model and of_file:
            return (
                f"looks like a head for {of_file[0]} classes in the checkpoint, for {of_model[0]} in the "
                "model: correct the number of classes in args, or the checkpoint"
            )
    return "the sizes differ: correct args in the spec, or the checkpoint"


def _prefix(names: Mapping[str, TensorInfo], others: Mapping[str, TensorInfo]) -> str | None:
    """The dotted prefix under which all names are found in others with their shapes, if there is one."""
    if not names or names.keys() <= others.keys():
        return None
    first = next(iter(names))
    prefixes = [other.removesuffix(first) for other in others if other.endswith("." + first)]
    for prefix in prefixes:
        if all(
            prefix + name in others and _compatible(info, others[prefix + name])
            for name, info in names.items()
        ):
            return prefix[:-1]
    return None


def _origin(prefix: str) -> str:
    known = {
        "module": "as DataParallel writes",
        "_orig_mod": "as torch.compile writes",
        "model": "as Lightning writes",
        "net": "as Lightning writes",
    }
    return known.get(prefix, "the model was a part of a larger one")


def _stem(names: Sequence[str]) -> str:
    """``head.*`` where all names begin so, else the first of them."""
    columns = zip(*(name.split(".")[:-1] for name in names), strict=False)
    common = [column[0] for column in itertools.takewhile(lambda column: len(set(column)) == 1, columns)]
    return f"{'.'.join(common)}.*" if common and len(names) > 1 else _first(names)


def _first(names: Sequence[str]) -> str:
    return listed(names, _SHOWN)


def _shown(info: TensorInfo) -> str:
    return f"{list(info.shape)} {info.dtype}"
