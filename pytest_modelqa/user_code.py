"""Runs the user's own code (a model's class, a dataset's loader) and tells its errors in our words."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import EvaluationError, ModelQAError

_SHOWN_FRAMES = 5
_OWN_PACKAGE = Path(__file__).parent


def import_attribute(reference: str, folder: Path) -> Any:
    """The object that ``module:attribute`` names; the attribute may be dotted.

    Args:
        reference: As written under ``build:`` or ``load:``.
        folder: The spec's folder, which the caller has put first on ``sys.path``; named in messages.

    Raises:
        EvaluationError: The module or the attribute is not there, or the module raised while it was imported;
            the message names the user's file and line.

    >>> import_attribute("collections:OrderedDict", Path("specs"))
    <class 'collections.OrderedDict'>
    """
    module_name, _, attribute = reference.partition(":")
    with explained(f"{module_name} could not be imported", folder):
        try:
            found = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not _is_or_contains(module_name, error.name):
                raise
            raise EvaluationError(
                f"there is no module {error.name!r}",
                expected=f"{_module_file(folder, module_name)}, or an installed module",
                found=_modules_beside(folder),
                todo=f"correct {reference!r} in the spec",
            ) from error
    for step in attribute.split("."):
        with explained(f"{reference} could not be read", folder):
            missing = not hasattr(found, step)
        if missing:
            raise EvaluationError(
                f"{module_name} has no attribute {attribute!r}",
                where=getattr(found, "__file__", None),
                found=f"it has {', '.join(_public(found)[:10]) or 'no public names'}",
                todo=f"{_did_you_mean(step, found)}correct {reference!r} in the spec",
            )
        found = getattr(found, step)
    return found


def call(
    function: Any,
    args: Mapping[str, Any],
    reference: str,
    for_what: str,
    folder: Path,
    kind: type[EvaluationError],
) -> Any:
    """Calls the user's function with the arguments of the spec.

    Args:
        function: What ``reference`` names.
        args: Keyword arguments.
        reference: ``module:attribute``, for messages.
        for_what: ``model 'candidate'``, for messages.
        folder: The spec's folder.
        kind: The class of the error.

    Raises:
        kind: The arguments are not those of the function, or it raised.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, or not callable: the call itself will tell
        signature = None
    if signature is not None:
        try:
            signature.bind(**args)
        except TypeError as error:
            raise kind(
                f"{reference} cannot be called with the args of {for_what}: {error}",
                expected=f"{reference.partition(':')[2]}{signature}",
                found=f"args: {', '.join(args) or 'none'}",
                todo="correct `args` in the spec",
            ) from None
    with explained(f"{reference} raised for {for_what}", folder, kind):
        return function(**args)


@contextmanager
def explained(what: str, folder: Path, kind: type[EvaluationError] = EvaluationError) -> Iterator[None]:
    """Whatever the user's code raises inside becomes an error of ours that names the user's file and line.

    Our own errors pass unchanged, and so does ``MemoryError``, which is the machine's and not the code's.

    Args:
        what: The first sentence of the message.
        folder: The spec's folder: frames from there are the user's.
        kind: The class of the error.
    """
    try:
        yield
    except (ModelQAError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        frames = user_frames(error, folder)
        raise kind(
            f"{what}: {type(error).__name__}",
            where=_place(error, frames),
            found=_message(error),
            todo="correct the code there; run it alone to see the whole traceback",
            details="".join(traceback.format_list(frames[-_SHOWN_FRAMES:])) or None,
        ) from error


def user_frames(error: BaseException, folder: Path) -> list[traceback.FrameSummary]:
    """The frames of the error that are in no library and not in this package, outermost first."""
    paths = (_OWN_PACKAGE, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platlib", "purelib")))
    libraries = [path for path in paths if not folder.is_relative_to(path)]
    # Of the base Python, which an environment made with --system-site-packages sees.
    installed = {"site-packages", "dist-packages"} - set(folder.parts)
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
        and not any(Path(frame.filename).is_relative_to(library) for library in libraries)
        and not installed & set(Path(frame.filename).parts)
    ]


def _place(error: BaseException, frames: list[traceback.FrameSummary]) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"SystemExit({error.code!r}): the code ended the process"
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else f"{type(error).__name__} without a message"


def _is_or_contains(module_name: str, missing: str) -> bool:
    return module_name == missing or module_name.startswith(missing + ".")


def _module_file(folder: Path, module_name: str) -> str:
    return str(folder / Path(*module_name.split("."))) + ".py"


def _modules_beside(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*.py"))
    return f"beside the spec: {', '.join(names[:8])}" if names else f"no Python file in {folder}"


def _did_you_mean(name: str, holder: Any) -> str:
    near = difflib.get_close_matches(name, _public(holder), n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def _public(holder: Any) -> list[str]:
    """Its names, what it only imported after its own."""
    names = [name for name in dir(holder) if not name.startswith("_")]
    own = getattr(holder, "__name__", None)

    def is_foreign(name: str) -> bool:
        # As it stands there: asked for its 5,000 names, transformers would import each of its models.
        return getattr(inspect.getattr_static(holder, name, None), "__module__", None) != own

    return sorted(names, key=is_foreign)
