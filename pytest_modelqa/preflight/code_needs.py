"""What the code beside a spec needs of the machine, read from its source without running it."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["package", "variable", "language data", "pretrained"]

# What the functions of nltk look for (nltk 3.9: nltk/tokenize/__init__.py, nltk/corpus/__init__.py, nltk/tag).
_NLTK = {
    "word_tokenize": "tokenizers/punkt_tab",
    "sent_tokenize": "tokenizers/punkt_tab",
    "pos_tag": "taggers/averaged_perceptron_tagger_eng",
    "stopwords": "corpora/stopwords",
    "wordnet": "corpora/wordnet",
    "meteor_score": "corpora/wordnet",
}


_GIVES_VARIABLE = re.compile(r"""environ(?:\[|\.setdefault\()\s*["'](\w+)["'](?:\s*\]\s*=(?!=)|\s*,)""")
_CHANGES_PLACE = re.compile(
    r"\bsys\.path\b|\baddsitedir\b|\bload_dotenv\b|\benviron\.update\b|\bsys\.meta_path\b"
)


@dataclass(frozen=True)
class Need:
    """One thing that a line of code needs.

    Attributes:
        name: A package as it is imported, a variable, a path of nltk's data, a name on the model hub.
        optional: It stands in a function, or something catches its absence: it may never be needed.
    """

    kind: Kind
    name: str
    where: str
    optional: bool


def needs_of(references: Iterable[str], folder: Path) -> tuple[Need, ...]:
    """What the modules of these ``module:attribute`` and those that they import beside the spec need.

    Args:
        references: As written under ``build`` and ``load``.
        folder: The spec's. Modules that lie elsewhere are installed packages, and only asked for.
    """
    found: dict[tuple[Kind, str], Need] = {}
    given: set[str] = set()
    hedged = False
    queue = [reference.partition(":")[0] for reference in references]
    seen: set[Path] = set()
    for module in queue:  # which grows
        path = _file_of(module, folder)
        # That a module of the spec itself is not there, building or loading says better.
        if path is None or path in seen:
            continue
        seen.add(path)
        text = _text_of(path)
        given |= set(_GIVES_VARIABLE.findall(text))
        hedged = hedged or _CHANGES_PLACE.search(text) is not None
        for need in _needs_of_text(text, str(path)):
            top = need.name.partition(".")[0]
            if need.kind == "package" and (_file_of(top, folder) or (folder / top).is_dir()):
                queue.append(need.name)
                continue
            named = replace(need, name=top) if need.kind == "package" else need
            known = found.get((named.kind, named.name))
            if known is None or (known.optional and not named.optional):
                found[named.kind, named.name] = named
    left = [need for need in found.values() if need.kind != "variable" or need.name not in given]
    # Where code adds folders to the path, or variables from a file, what is missing here may be there by then.
    return tuple(replace(need, optional=True) for need in left) if hedged else tuple(left)


def is_importable(package: str) -> bool:
    """Whether an installed package has this name; nothing of it is run."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _file_of(module: str, folder: Path) -> Path | None:
    base = folder / Path(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _needs_of_text(text: str, where: str) -> tuple[Need, ...]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        # Building the model says it, with its line.
        return ()
    return tuple(_needs(tree, where, optional=False))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        # Building the model says it.
        return ""


def _needs(node: ast.AST, where: str, *, optional: bool) -> Iterator[Need]:
    for child in ast.iter_child_nodes(node):
        at = f"{where}:{getattr(child, 'lineno', 0)}"
        yield from (Need(kind, name, at, optional) for kind, name in _own(child))
        yield from _needs(child, where, optional=optional or _may_not_run(child))


def _may_not_run(node: ast.AST) -> bool:
    conditional = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Try | ast.If | ast.With
    return isinstance(node, conditional)


def _own(node: ast.AST) -> Iterator[tuple[Kind, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield "package", alias.name
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield "package", node.module
        if node.module.startswith("nltk"):
            yield from (("language data", _NLTK[alias.name]) for alias in node.names if alias.name in _NLTK)
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ", "environ"):
        if isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Constant):
            yield "variable", str(node.slice.value)
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value).startswith("nltk"):
        if node.attr in _NLTK:
            yield "language data", _NLTK[node.attr]
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[tuple[Kind, str]]:
    called = ast.unparse(node.func)
    first = node.args[0] if node.args else None
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    if text is None:
        return
    if called.endswith(".from_pretrained"):
        yield "pretrained", text
    elif called in ("nltk.data.find", "nltk.data.load"):
        yield "language data", text
