"""The task ``linear_probe``: a linear classifier on a model's features says how much of the classes they tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError
from .classification import class_predictions
from .confusion import confusion_pictures
from .copies import demand_unseen, digests_in
from .declarations import LinearProbeArgs
from .forward import at_least_float32, batches_of, run_model, tensor_field
from .judge import labels_of
from .probe import Probe, fit_probe
from .protocol import Inspection, Setting

if TYPE_CHECKING:
    from ..datasets.samples import Samples

Features = Callable[[Mapping[str, Any]], torch.Tensor]
"""From a batch to features (n, d)."""


class LinearProbe:
    """Fits on the dataset ``train`` and is measured on the evaluation's; the model itself stays as it is."""

    def __init__(self, args: LinearProbeArgs) -> None:
        self._args = args
        self._setting: Setting | None = None
        self._labels = np.zeros(0, dtype=np.int64)
        self._probes: dict[str, tuple[Features, Probe]] = {}

    def prepare(self, samples: Samples) -> None:
        """Looks at the labels.

        Raises:
            DatasetError: They are no class numbers.
        """
        labels_of(samples, self._args.target, "target")

    def fit(self, setting: Setting) -> None:
        """Fits the model's probe on training data.

        Raises:
            DatasetError: The training data lack a class, or hold samples that are measured.
        """
        train = setting.datasets[self._args.train]
        self._setting = setting
        self._labels = labels_of(train, self._args.target, "target").numpy()
        self._demand_classes(setting)
        self._demand_other_samples(setting)
        self._fitted("the model", lambda batch: self._of_model(setting.model, batch))

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """Logits of the probe, float64 (n, classes)."""
        return self._probes["the model"][1].logits(self._of_model(model, batch))

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The labels, int64 of shape (n,)."""
        return tensor_field(batch, self._args.target, "target").long()

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """Logits of the same probe on other features of the same samples.

        ``raw_pixels``: the values of the input itself. ``random_encoder``: the features of the same model before any
        training, which tell more than one would think.
        """
        if self._setting is None:
            raise EvaluationError("linear_probe has no baselines before its model was loaded")
        if name not in self._probes:
            if name == "raw_pixels":
                self._fitted(
                    name, lambda batch: at_least_float32(tensor_field(batch, self._args.input)).flatten(1)
                )
            elif name == "random_encoder":
                untrained = self._setting.untrained()
                self._fitted(name, lambda batch: self._of_model(untrained, batch))
            else:
                raise EvaluationError(f"linear_probe has no baseline {name}")
        features, probe = self._probes[name]
        return probe.logits(features(batch))

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``prediction`` and ``label`` (class numbers) and ``confidence`` (the prediction's probability)."""
        return class_predictions(outputs, targets)

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """The confusion matrix, as a picture and as a table."""
        label, prediction = inspection.columns["label"], inspection.columns["prediction"]
        return confusion_pictures(label, prediction, self._args.class_names)

    def _of_model(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        features = run_model(model, batch, self._args.input, self._args.output, self._args.method)
        return features.reshape(len(features), -1)

    def _fitted(self, what: str, features: Features) -> None:
        setting = self._setting
        if setting is None:
            raise EvaluationError("linear_probe is fitted once its model was loaded")
        parts = []
        with torch.inference_mode():
            for batch in batches_of(setting.datasets[self._args.train], setting.device):
                parts.append(features(batch))
                setting.alive()
        self._probes[what] = features, fit_probe(torch.cat(parts), self._labels, self._args.penalty, what)
        setting.alive()

    def _demand_classes(self, setting: Setting) -> None:
        known = set(self._labels.tolist())
        measured = set(labels_of(setting.samples, self._args.target, "target").tolist())
        classes = max(known | measured) + 1
        missing = sorted(set(range(classes)) - known)
        if missing or classes < 2:
            raise DatasetError(
                f"the training data {self._args.train} lack classes that a probe must know",
                expected=f"samples of each class from 0 to {max(classes, 2) - 1}",
                found=f"none of {', '.join(map(str, missing)) or '1'}",
                todo="name training data with every class, or count classes from 0 without gaps",
            )
        names = self._args.class_names
        if names is not None and len(names) != classes:
            raise DatasetError(
                f"there are {classes} classes and {len(names)} have names",
                todo="correct args: {class_names: […]}",
            )

    def _demand_other_samples(self, setting: Setting) -> None:
        """A probe that was fitted on what it is measured on has learnt it by heart."""
        field = self._args.input
        demand_unseen(
            list(digests_in(setting.samples, field, setting.alive)),
            digests_in(setting.datasets[self._args.train], field, setting.alive),
            self._args.train,
            what="the probe would be fitted on what it is measured on",
            todo="name other training data in args: {train: …}, or take what is in both out of one",
        )
