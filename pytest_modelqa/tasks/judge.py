"""A classifier that judges samples: it names their class and gives the features that they are compared in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..errors import DatasetError, EvaluationError, OutputError
from ..spec.spelling import nearest
from .forward import as_input, at_least_float32, batches_of, method_of, pick, tensor_field

if TYPE_CHECKING:
    from ..datasets.samples import Samples


@dataclass(frozen=True)
class Judged:
    """What a judge says of a batch.

    Attributes:
        prediction: Class numbers, int64, shape (n,).
        confidence: The probability of each, float64, shape (n,).
        features: Shape (n, d), at least float32.
    """

    prediction: torch.Tensor
    confidence: torch.Tensor
    features: torch.Tensor


@dataclass(frozen=True)
class Judge:
    """A model that gives logits (n, classes), and features by a method of its own or its logits for features.

    Attributes:
        name: As the spec calls it.
        output: Which of the model's outputs are the logits.
        method: The model's method that gives features; None: the logits are the features.
        seer: Another model whose outputs are the features; None: the judge gives them.
    """

    name: str
    model: torch.nn.Module
    device: torch.device
    output: str | int | None
    method: str | None
    seer: torch.nn.Module | None = None

    def judged(self, images: torch.Tensor) -> Judged:
        """Called with images (n, …) on the judge's device, under ``inference_mode``.

        Raises:
            OutputError: The judge gives no row of classes, or NaN.
        """
        given = as_input(self.model, images)
        logits = at_least_float32(pick(self.model(given), self.output))
        self._demand_rows(logits, len(images))
        confidence, prediction = logits.double().softmax(1).max(1)
        return Judged(prediction, confidence, self._features(images, logits))

    def _features(self, images: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        if self.seer is not None:
            seen = self.seer(as_input(self.seer, images))
        elif self.method is not None:
            seen = method_of(self.model, self.method)(as_input(self.model, images))
        else:
            return logits
        features = at_least_float32(pick(seen, None))
        if features.ndim < 2 or len(features) != len(images):
            raise OutputError(
                "the features are not one row a sample",
                expected=f"shape ({len(images)}, d)",
                found=f"shape {tuple(features.shape)}",
                todo="let the model that gives them return one row for each sample, in order",
            )
        return features.flatten(1)

    def _demand_rows(self, logits: torch.Tensor, n: int) -> None:
        if logits.ndim != 2 or logits.shape[0] != n or logits.shape[1] < 2:
            raise OutputError(
                f"the judge {self.name} does not give one row of classes a sample",
                expected=f"logits of shape ({n}, classes)",
                found=f"shape {tuple(logits.shape)}",
                todo="name a classifier, or the output that is its logits: args: {judge_output: …}",
            )
        if not bool(logits.isfinite().all()):
            raise OutputError(
                f"the judge {self.name} gives NaN or Inf",
                expected="finite logits",
                todo="look at the judge's checkpoint, and at the range of the samples that it is given",
            )

    def demand_competent(self, samples: Samples, image: str, label: str, least: float) -> None:
        """Asks the judge about real samples whose class is known: one that fails says nothing of generated ones.

        Raises:
            EvaluationError: It names too few of them right.
            DatasetError: A field is missing.
        """
        right = 0
        for batch in batches_of(samples, self.device):
            judged = self.judged(tensor_field(batch, image))
            right += int((judged.prediction == tensor_field(batch, label, "label")).sum())
        if right < least * len(samples):
            raise EvaluationError(
                f"the judge {self.name} names only {right / len(samples):.1%} of real samples right",
                expected=f"at least {least:.1%} (judge_min_accuracy), as it judges by the same classes",
                found=f"{right} of {len(samples)} right",
                todo="train a better judge, or look whether it is given the data that it was trained for",
            )

    def features_of(self, samples: Samples, image: str) -> torch.Tensor:
        """The features of a whole dataset, (n, d), on the judge's device."""
        return torch.cat(
            [self.judged(tensor_field(batch, image)).features for batch in batches_of(samples, self.device)]
        )


def labels_of(samples: Samples, field: str, argument: str = "label") -> torch.Tensor:
    """The class numbers of a dataset, int64; ``argument`` of the task says which field they are.

    Raises:
        DatasetError: There is no such field, or it holds no integers ≥ 0.
    """
    labels = samples.scalars.get(field)
    if labels is None or labels.dtype.kind not in "iub" or (len(labels) and int(labels.min()) < 0):
        close = nearest(field, samples.scalars) if labels is None else None
        raise DatasetError(
            f"the field {field} does not hold class numbers",
            expected="integers from 0 to classes − 1, one a sample",
            found=f"fields {', '.join(sorted(samples.scalars)) or 'none'}"
            if labels is None
            else f"{labels.dtype}",
            todo=f"name the field of labels in the evaluation's args: {{{argument}: {close or 'FIELD'}}}, or correct"
            " the dataset",
        )
    return torch.as_tensor(labels).long()
