"""Cuts a spec down to what runs in seconds on a CPU: small models with random weights, a few samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..models.files import checkpoint_path
from ..spec.catalogue import Catalogue
from ..spec.grid import members
from ..spec.resolved import Check, Dataset, Evaluation, Model, Spec
from .questions import companions_of, keeps_checkpoint

SAMPLES = 8
# Of a dataset that a probe is trained on or a judge tested with: fewer would be no test of anything.
COMPANION_SAMPLES = 64
# What a generator is asked for: of two classes one each, which a handful of real samples always has too.
DRAWN_SAMPLES = 2
# A tiny run that takes longer is not tiny.
DEADLINE_SECONDS = 120.0


def tiny_spec(spec: Spec, catalogue: Catalogue) -> Spec:
    """The spec as it is rehearsed.

    A model is built by what its ``tiny`` says, and where that names no checkpoint has random weights; a file of
    results stays what it is. A dataset is read as its ``tiny`` says, and not beyond the first ``SAMPLES``. What is
    measured, and how, stays. A model that judges others keeps its checkpoint: without it, it judges nothing.
    """
    evaluated = {each.dataset for each in spec.evaluations.values()}
    companions = companions_of(spec, catalogue)
    return replace(
        spec,
        models={name: _model(model, spec, companions) for name, model in spec.models.items()},
        datasets={
            name: _dataset(dataset, SAMPLES if name in evaluated else COMPANION_SAMPLES)
            for name, dataset in spec.datasets.items()
        },
        evaluations={name: _evaluation(each) for name, each in spec.evaluations.items()},
        rehearsal=True,
    )


def _model(model: Model, spec: Spec, companions: frozenset[str]) -> Model:
    tiny: Mapping[str, Any] = model.tiny or {}
    if keeps_checkpoint(model, companions):
        # One checkpoint of a grid stands for all; the first may be what the others are compared with.
        path = checkpoint_path(model, spec.folder, members(model.coordinates, {})[-1])
        kept = tiny.get("checkpoint") or (str(path) if path is not None else None)
        return replace(
            model, checkpoint=kept, coordinates={}, sha256=None, reference_output=None, config=None
        )
    checkpoint = tiny.get("checkpoint")
    return replace(
        model,
        build=tiny.get("build") or model.build,
        args=model.args if tiny.get("args") is None else tiny["args"],
        checkpoint=checkpoint,
        coordinates={},
        sha256=None,
        config=None,
        reference_output=None,
    )


def _dataset(dataset: Dataset, most: int) -> Dataset:
    tiny: Mapping[str, Any] = dataset.tiny or {}
    limit = tiny.get("limit") or min(most, dataset.limit or most)
    moved = tiny.get("path") is not None
    return replace(
        dataset,
        path=tiny.get("path") or dataset.path,
        args=dataset.args if tiny.get("args") is None else tiny["args"],
        limit=limit,
        # Other data have another digest.
        sha256=None if moved or tiny.get("args") is not None else dataset.sha256,
    )


def _evaluation(evaluation: Evaluation) -> Evaluation:
    return replace(
        evaluation,
        args=_drawing_few(evaluation.args),
        device="cpu",
        repeats=min(evaluation.repeats, 2),
        stop_early=None,
        deadline=DEADLINE_SECONDS,
        checks=tuple(_check(check) for check in evaluation.checks),
    )


def _drawing_few(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The task's arguments; of the ``samples`` that a task draws (``sampling``), few."""
    drawn = args.get("samples")
    return {**args, "samples": min(drawn, DRAWN_SAMPLES)} if isinstance(drawn, int) else args


def _check(check: Check) -> Check:
    """Without coordinates, as the rehearsed model has none; a few samples are all there are."""
    return replace(check, at={}, along=None, over=None, min_samples=1)
