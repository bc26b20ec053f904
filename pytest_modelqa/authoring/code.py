"""What a Python file defines, read without importing it: models, loaders, and whether importing it is harmless."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# What the parameter is called that picks a part of the data.
_SPLIT = ("split", "part", "subset", "partition", "stage", "fold")
_LOADS = re.compile(r"(^|_)(data|dataset|datasets|samples|images|examples|testset|split|splits)($|_)")
_BUILDS = re.compile(r"^(build|create|make|get)_.*(model|net|network|classifier|autoencoder|detector)$")
_ACTS = re.compile(r"^(main|train|fit|save|write|download|run|plot|export|delete|upload|prepare|clean)(_|$)")
# Bases that make a class a model, wherever they are imported from.
_MODULES = ("Module", "LightningModule", "PreTrainedModel", "ScriptModule")
# Of torch.nn: they hold modules or numbers, and cannot be run.
_NO_FORWARD = ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Parameter", "Buffer")
# What a module may do at its top level and still be imported without consequences.
_HARMLESS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.If,
    ast.Try,
    ast.Assert,
)
_HARMLESS_CALLS = re.compile(
    r"^(torch\.(manual_seed|set_|use_deterministic)|warnings\.|logging\.|np\.random\.seed|random\.seed)"
)


@dataclass(frozen=True)
class Loader:
    """A function that may read samples.

    Attributes:
        split: The name of the parameter that picks a part; empty where there is none.
        parts: The values that its annotation or default names; empty where they have to be guessed.
    """

    function: str
    split: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """One module.

    Attributes:
        module: As it is imported from the experiment's folder.
        models: Classes with a ``forward`` or of a base that has one, and functions that build one.
        rejected: Classes that are none of these, each with the reason.
        harmful: The line of what would happen on import, or 0.
    """

    path: Path
    module: str
    models: tuple[str, ...]
    loaders: tuple[Loader, ...]
    harmful: int
    rejected: tuple[str, ...] = ()

    @property
    def useful(self) -> bool:
        """Whether there is a reason to import it."""
        return bool(self.models or self.loaders)


def read_code(path: Path, root: Path) -> Code:
    """What a file defines; nothing where it is no Python."""
    module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    # Not for this interpreter: nothing can be built from it.
    except (SyntaxError, ValueError, OSError):
        return Code(path, module, (), (), 0)
    importable = all(part.isidentifier() for part in module.split("."))
    return Code(
        path=path,
        module=module,
        models=tuple(_models(tree)) if importable else (),
        loaders=tuple(_loaders(tree)) if importable else (),
        harmful=_harmful(tree.body),
        rejected=tuple(_rejected(tree)) if importable else (),
    )


def _models(tree: ast.Module) -> Iterator[str]:
    classes = _model_classes(tree)
    for node in tree.body:
        if (isinstance(node, ast.ClassDef) and node.name in classes) or (
            isinstance(node, ast.FunctionDef) and _BUILDS.match(node.name)
        ):
            yield node.name


def _model_classes(tree: ast.Module) -> set[str]:
    """The classes that can be run: by a ``forward``, or by what they are derived from, be it in this file."""
    imported = _imported(tree)
    found: set[str] = set()
    # A class stands below those that it is derived from.
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            forward = any(isinstance(one, ast.FunctionDef) and one.name == "forward" for one in node.body)
            bases = [ast.unparse(base) for base in node.bases]
            if forward or any(base in found or _is_module(_in_full(base, imported)) for base in bases):
                found.add(node.name)
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """What names stand for: ``nn`` for ``torch.nn``, ``Stack`` for ``torch.nn.Sequential``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.asname: one.name for one in node.names if one.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def _in_full(base: str, imported: Mapping[str, str]) -> str:
    first, dot, rest = base.partition(".")
    return f"{imported.get(first, first)}{dot}{rest}"


def _is_module(base: str) -> bool:
    """Whether a class of this name has a ``forward``, or demands one of whoever derives from it.

    >>> [_is_module(name) for name in ("torch.nn.Sequential", "torch.nn.ModuleList", "lightning.LightningModule")]
    [True, False, True]
    """
    name = base.rpartition(".")[2]
    return name in _MODULES or (
        base.startswith("torch.nn.") and name[:1].isupper() and name not in _NO_FORWARD
    )


def _rejected(tree: ast.Module) -> Iterator[str]:
    models = _model_classes(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name not in models:
            bases = ", ".join(ast.unparse(base) for base in node.bases)
            known = f"{bases} is not known as a module of torch" if bases else "it is derived from nothing"
            yield f"line {node.lineno}: class {node.name} has no forward of its own, and {known}"


def _loaders(tree: ast.Module) -> Iterator[Loader]:
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or _ACTS.match(node.name):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        split = next((one for one in arguments if one.arg in _SPLIT), None)
        required = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
        required += sum(default is None for default in node.args.kw_defaults)
        if split is not None and required <= 1:
            yield Loader(node.name, split.arg, tuple(_literals(split.annotation)))
        elif required == 0 and _LOADS.search(node.name):
            yield Loader(node.name, "", ())


def _literals(annotation: ast.expr | None) -> Iterator[str]:
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _harmful(body: list[ast.stmt]) -> int:
    for node in body:
        if isinstance(node, ast.If) and "__name__" not in ast.unparse(node.test):
            if line := _harmful([*node.body, *node.orelse]):
                return line
        elif isinstance(node, ast.Expr):
            call = node.value
            harmless = isinstance(call, ast.Constant) or (
                isinstance(call, ast.Call) and _HARMLESS_CALLS.match(ast.unparse(call.func))
            )
            if not harmless:
                return node.lineno
        elif not isinstance(node, (*_HARMLESS, ast.Pass, ast.Raise)):
            return node.lineno
    return 0
