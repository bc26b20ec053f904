"""Reads a spec: bytes, tree, overrides, entries, meaning; gives it resolved, or all that is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .catalogue import Catalogue
from .composing import compose
from .controls import resolve_controls
from .document import Document, read_document
from .meaning import check_everything_checked, check_task_baselines
from .names import collect_names
from .nodes import Node, RefusedError
from .overrides import applied, parse_override
from .paths import refuse_elsewhere
from .problems import (
    Problem,
    Problems,
    TooManyProblemsError,
    spec_error,
    told_in_a_line,
    without_consequences,
)
from .resolution import Resolver
from .resolved import Spec
from .schema import SECTIONS
from .source import Source, read_source
from .spelling import nearest
from .support import NOT_SUPPORTED_YET

SUFFIX = ".modelspec.yaml"
# What `modelqa new` writes behind a bound that it took from the model itself; who agrees with it takes it away.
PROPOSED = re.compile(r"(?:^|\s)#\s*proposed from\b", re.MULTILINE)


def read_spec(
    path: Path,
    catalogue: Catalogue,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    *,
    not_supported_yet: frozenset[str] = NOT_SUPPORTED_YET,
) -> Spec:
    """One spec file, resolved.

    It depends on the file's bytes, the catalogue, the overrides and the environment, and on nothing else: no
    other file is opened, and nothing that the spec names is imported.

    Args:
        path: The file.
        catalogue: The metrics and tasks that there are.
        overrides: Assignments ``a.b.c=value``; those that apply stand in the result.
        environment: For ``${env:NAME}``.
        not_supported_yet: Keys that are known but refused.

    Raises:
        SpecError: With every problem of the file.
        UsageError: An override is no assignment, or cannot be made.
    """
    assignments = [parse_override(text) for text in overrides]
    problems = Problems()
    lines: tuple[str, ...] = ()
    spec = None
    try:
        source = read_source(path)
        lines = source.lines
        root = compose(source.text, problems.add)
        if root is None or root.value is None:
            problems.add(
                "empty",
                f"no spec in {path.name}",
                expected="modelqa: 1, models:, datasets:, evaluations:",
                found="an empty file" if not source.text.strip() else "nothing but comments",
            )
        else:
            root, used = applied(root, assignments, path)
            document = read_document(root, not_supported_yet, problems)
            if document is not None:
                texts = tuple(override.text for override in used)
                spec = _resolved(path, source, root, document, catalogue, environment, texts, problems)
    except RefusedError as refused:
        problems.found.append(Problem(refused.code, refused.what, refused.at, **refused.labels))
    except TooManyProblemsError:
        pass
    if problems.found or spec is None:
        raise spec_error(path, lines, without_consequences(problems.found))
    return spec


def _is_evaluations_misspelt(root: Node) -> bool:
    """Whether the section is there in another spelling or form, which has been told."""
    if "evaluations" in root.value:
        return isinstance(root.value["evaluations"].node.value, (list, str))
    return any(nearest(key, SECTIONS) == "evaluations" for key in root.value)


def _resolved(
    path: Path,
    source: Source,
    root: Node,
    document: Document,
    catalogue: Catalogue,
    environment: Mapping[str, str],
    overrides: tuple[str, ...],
    problems: Problems,
) -> Spec | None:
    names = collect_names(document, problems)
    resolver = Resolver(document, catalogue, names, environment, problems)
    if not document.evaluations and not _is_evaluations_misspelt(root):
        problems.add(
            "no-evaluations",
            f"no evaluations in {path.name}",
            expected="evaluations: at least one, with a task, a model, a dataset and checks",
        )
    check_everything_checked(document, problems)
    check_task_baselines(document, resolver.tasks(), problems)
    refuse_elsewhere(root, problems)
    models = resolver.models()
    datasets = resolver.datasets()
    baselines = resolver.baselines()
    goals = resolver.goals()
    evaluations = resolver.evaluations(models)
    controls = resolve_controls(document, evaluations, names, problems)
    header = document.header.entry
    if header is None or problems.found:
        return None
    return Spec(
        path=path.absolute(),
        sha256=source.sha256,
        name=header.name or path.name.removesuffix(SUFFIX),
        description=header.description,
        tags=tuple(header.tags),
        goals=goals,
        models=models,
        datasets=datasets,
        baselines=baselines,
        evaluations=evaluations,
        controls=controls,
        overrides=overrides,
        proposed=len(PROPOSED.findall("\n".join(source.lines))),
        warnings=tuple(told_in_a_line(path, warning) for warning in problems.warnings),
    )
