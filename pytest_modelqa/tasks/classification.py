"""The task ``classification``: the model gives a logit or a probability for each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError, OutputError
from .confusion import confusion_pictures
from .declarations import ClassificationArgs
from .forward import run_model, tensor_field, unusable_field
from .protocol import Inspection

if TYPE_CHECKING:
    from ..datasets.samples import Samples

# A probability of 0 has no logarithm: the least normal float32, e to the −87.3, stands for it.
_LEAST_PROBABILITY = torch.finfo(torch.float32).tiny


class Classification:
    """Gives logits (n, classes) for samples whose labels are integers from 0 to classes − 1.

    Probabilities are turned into their logarithms, which are logits of the same distribution, so that every
    metric sees the same kind of output; a probability below 1.2e-38 counts as that (87.3 nats of log loss).
    """

    def __init__(self, args: ClassificationArgs) -> None:
        self._args = args
        self._frequencies = np.zeros(0)
        self._least = 0

    def prepare(self, samples: Samples) -> None:
        """Looks at all labels: that they are class numbers, and how frequent each is.

        Raises:
            DatasetError: The field is missing, or its values are not integers from 0 to classes − 1.
        """
        field, names = self._args.target, self._args.class_names
        if not len(samples):
            raise DatasetError(
                "the dataset is empty",
                expected="at least one sample",
                todo="look at the file, the split, and what the loader filters out",
            )
        if field not in samples.scalars:
            batch = samples.batch([0])
            if field in batch:
                raise DatasetError(
                    f"the field {field} does not hold one label a sample",
                    expected="one integer a sample",
                    found=f"shape {np.shape(batch[field])[1:]} a sample",
                    todo="name the field of labels in the evaluation's args: {target: FIELD}",
                )
            raise unusable_field(batch, field, "target")
        labels = np.asarray(samples.scalars[field])
        if labels.dtype.kind not in "iub":
            raise DatasetError(
                f"the labels in the field {field} are not integers",
                expected="class numbers from 0 to classes − 1",
                found=f"{labels.dtype} such as {labels[:1].tolist()[0]!r} in sample {samples.ids[0]!r}",
                todo="let the dataset give class numbers; their names go into args: {class_names: […]}",
            )
        labels = labels.astype(np.int64)
        least, greatest = int(labels.min()), int(labels.max())
        if least < 0 or (names is not None and greatest >= len(names)):
            raise _labels_outside(least, greatest, len(names) if names else greatest + 1)
        self._least = least
        self._frequencies = np.bincount(labels, minlength=len(names or ())) / len(labels)

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """Logits of shape (n, classes).

        Raises:
            OutputError: The outputs are not (n, classes), have fewer or other classes than the labels and
                names ask for, or are said to be probabilities and are not.
        """
        outputs = run_model(model, batch, self._args.input, self._args.output, self._args.method)
        names, known = self._args.class_names, len(self._frequencies)
        if outputs.ndim != 2 or outputs.shape[1] < 2:
            raise OutputError(
                "the outputs are not one row of classes a sample",
                expected="shape (n, classes) with at least 2 classes",
                found=f"outputs of shape {tuple(outputs.shape)}",
                todo="let the model return a column a class, also for two classes, or choose another output",
            )
        classes = outputs.shape[1]
        if names is not None and classes != len(names):
            raise OutputError(
                f"the model has {classes} classes and {len(names)} have names",
                expected=f"outputs of shape (n, {len(names)})",
                found=f"outputs of shape {tuple(outputs.shape)}",
                todo="correct args: {class_names: […]}, or build the model with as many classes",
            )
        if classes < known:
            raise _labels_outside(self._least, known - 1, classes)
        return _as_logits(outputs) if self._args.outputs == "probabilities" else outputs

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The labels, int64 of shape (n,)."""
        return tensor_field(batch, self._args.target, "target").long()

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """``constant``: for every sample the logarithms of the frequencies of the classes in this dataset.

        It always predicts the most frequent class, and no other constant answer has a lower log loss.
        """
        if name != "constant" or not len(self._frequencies):
            raise EvaluationError(f"classification has no baseline {name} before its dataset was read")
        targets = self.targets(batch)
        logits = torch.from_numpy(self._frequencies).clamp(min=_LEAST_PROBABILITY).log()
        return logits.float().to(targets.device).expand(len(targets), -1)

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``prediction`` and ``label`` (class numbers) and ``confidence`` (the prediction's probability)."""
        return class_predictions(outputs, targets)

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """The confusion matrix, as a picture and as a table."""
        label, prediction = inspection.columns["label"], inspection.columns["prediction"]
        return confusion_pictures(label, prediction, self._args.class_names)


def class_predictions(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, np.ndarray]:
    """The columns of a classification: ``prediction``, its probability ``confidence``, and ``label``; each (n,)."""
    confidence, prediction = logits.double().softmax(1).max(1)
    columns = {"prediction": prediction, "confidence": confidence, "label": labels}
    return {name: values.cpu().numpy() for name, values in columns.items()}


def _as_logits(probabilities: torch.Tensor) -> torch.Tensor:
    # NaN is for the caller to report, who knows the samples; here it would be called a wrong sum.
    if bool(probabilities.isfinite().all()):
        sums = probabilities.double().sum(1)
        # 1e-3: rows that were summed in bfloat16 or float16 before they were returned.
        if bool((probabilities < 0).any()) or bool(((sums - 1).abs() > 1e-3).any()):
            raise OutputError(
                "the outputs are not probabilities",
                expected="numbers ≥ 0 that sum to 1 over the classes, as args: {outputs: probabilities} says",
                found=f"sums from {sums.min():.4g} to {sums.max():.4g}, least {probabilities.min():.4g}",
                todo="write outputs: logits, or let the model end in a softmax",
            )
    return probabilities.clamp(min=_LEAST_PROBABILITY).log()


def _labels_outside(least: int, greatest: int, classes: int) -> DatasetError:
    hint = " (they seem to be counted from 1)" if least >= 1 and greatest == classes else ""
    return DatasetError(
        f"labels are outside the classes 0..{classes - 1}",
        expected=f"labels from 0 to {classes - 1}, as there are {classes} classes",
        found=f"labels from {least} to {greatest}{hint}",
        todo="let the dataset count classes from 0, or build the model with as many classes as there are",
    )
