"""Scores of classifiers: of a sample from its logits (torch, in the worker), of the set from predictions.

The former take ``outputs`` of shape (n, classes), logits or log-probabilities, and ``targets`` of shape (n,),
integers from 0 to classes − 1, and give one float64 score a sample. The latter take the columns of the
records by name, ``prediction`` and ``label`` (integers) and ``confidence`` (0 to 1), each of shape (n,), and
give one number. None of them gives a number for what is undefined or for NaN: torch.argmax of NaN is class 0,
and a precision without predictions is 0 / 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    import torch

Columns = Mapping[str, np.ndarray]
Average = Literal["macro", "micro", "weighted"]
ZeroDivision = Literal["error", "zero"]


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """1 where the largest output is the label's, else 0; of equal outputs the first class is predicted.

    Raises:
        OutputError: NaN or infinite outputs, shapes that do not fit, or labels that are no class.

    >>> import torch
    >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
    tensor([1., 0.], dtype=torch.float64)
    """
    _check_logits(outputs, targets)
    return (outputs.argmax(1) == targets).double()


def top_k_accuracy(outputs: torch.Tensor, targets: torch.Tensor, *, k: int = 5) -> torch.Tensor:
    """1 where the label is among the k largest outputs, else 0; of equal outputs the first come first.

    With that rule ``k: 1`` is accuracy, and a model whose outputs are all equal gains nothing.

    Raises:
        OutputError: As ``accuracy``; or k is not less than the number of classes, when every label would
            count.

    >>> import torch
    >>> top_k_accuracy(torch.tensor([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]]), torch.tensor([2, 0]), k=2)
    tensor([1., 0.], dtype=torch.float64)
    """
    _check_logits(outputs, targets)
    classes = outputs.shape[1]
    if k >= classes:
        raise OutputError(
            f"top_k_accuracy with k = {k} is always 1 for {classes} classes",
            expected=f"k from 1 to {classes - 1}",
            todo="give the check a smaller k: args: {k: 1}",
        )
    of_label = outputs.gather(1, targets.long().unsqueeze(1))
    index = outputs.new_tensor(range(classes), dtype=targets.dtype)
    ahead = (outputs > of_label) | ((outputs == of_label) & (index < targets.unsqueeze(1)))
    return (ahead.sum(1) < k).double()


def log_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """−ln of the probability given to the label, in nats: cross-entropy of softmax(outputs); 0 is perfect.

    Raises:
        OutputError: As ``accuracy``.

    >>> import torch
    >>> log_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([0.6931], dtype=torch.float64)
    """
    _check_logits(outputs, targets)
    log_probabilities = outputs.double().log_softmax(1)
    # 0 − x, since −x would make a perfect −0.0.
    return 0.0 - log_probabilities.gather(1, targets.long().unsqueeze(1)).squeeze(1)


def precision(
    columns: Columns,
    *,
    average: Average = "macro",
    zero_division: ZeroDivision = "error",
    class_value: int | None = None,
) -> float:
    """TP / (TP + FP): of the samples predicted as a class, the share that is of that class.

    Classes are those among the labels or the predictions, as in scikit-learn. ``class_value`` gives the value
    of one class against the rest; without it, classes are averaged: ``macro`` is their plain mean,
    ``weighted`` weighs each by its number of samples, ``micro`` pools all decisions (and is then the
    accuracy).

    Raises:
        OutputError: There are no samples, or a class that counts is never predicted (0 / 0), unless
            ``zero_division`` is ``zero``, which counts it as 0.

    >>> precision({"prediction": np.array([0, 1, 1, 1]), "label": np.array([0, 0, 1, 1])})
    0.8333333333333333
    """
    classes, right, predicted, actual = _counts(columns, class_value)
    return _averaged("precision", classes, right, predicted, actual, average, zero_division)


def recall(
    columns: Columns,
    *,
    average: Average = "macro",
    zero_division: ZeroDivision = "error",
    class_value: int | None = None,
) -> float:
    """TP / (TP + FN): of the samples of a class, the share that is predicted as that class.

    Averages and ``class_value`` are as in ``precision``.

    Raises:
        OutputError: There are no samples, or a class that counts has none (0 / 0), unless ``zero_division``
            is ``zero``, which counts it as 0.

    >>> recall({"prediction": np.array([0, 1, 1, 1]), "label": np.array([0, 0, 1, 1])}, class_value=0)
    0.5
    """
    classes, right, _, actual = _counts(columns, class_value)
    return _averaged("recall", classes, right, actual, actual, average, zero_division)


def f1(
    columns: Columns,
    *,
    average: Average = "macro",
    zero_division: ZeroDivision = "error",
    class_value: int | None = None,
) -> float:
    """2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall of a class.

    Averages and ``class_value`` are as in ``precision``. A class with samples that is never predicted has the
    value 0, which is defined although its precision is not.

    Raises:
        OutputError: There are no samples, or ``class_value`` is neither a label nor a prediction (0 / 0),
            unless ``zero_division`` is ``zero``, which counts it as 0.

    >>> f1({"prediction": np.array([0, 1, 1, 1]), "label": np.array([0, 0, 1, 1])}, average="weighted")
    0.7333333333333334
    """
    classes, right, predicted, actual = _counts(columns, class_value)
    return _averaged("f1", classes, 2 * right, predicted + actual, actual, average, zero_division)


def balanced_accuracy(columns: Columns) -> float:
    """The mean of the recalls of the classes that have samples; a class without samples does not count.

    Raises:
        OutputError: There are no samples.

    >>> balanced_accuracy({"prediction": np.array([0, 1, 1, 1]), "label": np.array([0, 0, 1, 1])})
    0.75
    """
    _, right, _, actual = _counts(columns, None)
    return float(np.mean(right[actual > 0] / actual[actual > 0]))


def expected_calibration_error(columns: Columns, *, bins: int = 15) -> float:
    """Σ over bins of n_b / n · |accuracy of the bin − mean confidence of the bin|; 0 is perfect.

    Bins are of equal width, (0, 1/bins], … (1 − 1/bins, 1]: Guo, Pleiss, Sun, Weinberger: On calibration of
    modern neural networks, ICML 2017, equation 3. On few samples it is biased upwards, more so with more
    bins.

    Raises:
        OutputError: There are no samples, or a confidence is NaN or outside 0..1.

    >>> expected_calibration_error({"prediction": np.array([0, 1]), "label": np.array([0, 0]),
    ...                             "confidence": np.array([0.75, 0.75])})
    0.25
    """
    right = (columns["prediction"] == columns["label"]).astype(np.float64)
    confidence = np.asarray(columns["confidence"], dtype=np.float64)
    _check_not_empty(len(right))
    if not np.all((confidence >= 0) & (confidence <= 1)):
        wrong = confidence[~((confidence >= 0) & (confidence <= 1))]
        raise OutputError(
            f"{len(wrong)} of {len(confidence)} confidences are not probabilities",
            expected="numbers from 0 to 1",
            found=f"{wrong[0]}",
            todo="correct what wrote the records",
        )
    edges = np.linspace(0.0, 1.0, bins + 1)
    in_bin = np.maximum(np.searchsorted(edges, confidence, side="left") - 1, 0)
    gap = np.bincount(in_bin, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(right))


def _counts(
    columns: Columns, class_value: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each class: its number, how many are right, how many predicted, how many there are."""
    prediction, label = columns["prediction"], columns["label"]
    _check_not_empty(len(label))
    both, index = np.unique(np.concatenate([prediction, label]), return_inverse=True)
    prediction, label = np.split(index, 2)
    size = len(both)
    right = np.bincount(label[prediction == label], minlength=size)
    predicted, actual = np.bincount(prediction, minlength=size), np.bincount(label, minlength=size)
    if class_value is None:
        return both, right, predicted, actual
    chosen = both == int(class_value)
    one = np.array([int(class_value)])
    return (
        one,
        right[chosen].sum(keepdims=True),
        predicted[chosen].sum(keepdims=True),
        actual[chosen].sum(keepdims=True),
    )


def _averaged(
    metric: str,
    classes: np.ndarray,
    numerator: np.ndarray,
    denominator: np.ndarray,
    actual: np.ndarray,
    average: Average,
    zero_division: ZeroDivision,
) -> float:
    if average == "micro":
        numerator, denominator = numerator.sum(keepdims=True), denominator.sum(keepdims=True)
        weight = np.ones(1)
    elif average == "weighted" and len(classes) > 1:
        weight = actual / actual.sum()
    else:
        weight = np.full(len(classes), 1 / len(classes))
    undefined = (denominator == 0) & (weight > 0)
    if undefined.any() and zero_division == "error":
        names = ", ".join(str(name) for name in classes[undefined][:10])
        raise OutputError(
            f"{metric} is undefined (0 / 0) for class {names}",
            expected="for precision a class that is predicted, for recall one that has samples",
            todo="choose an average or samples for which it is defined, or args: {zero_division: zero}",
        )
    value = np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)
    return float(np.dot(weight, value))


def _check_not_empty(n: int) -> None:
    if n == 0:
        raise OutputError(
            "a metric of no samples is undefined",
            expected="at least 1 sample",
            found="0",
            todo="look at the dataset, and at what the check slices by",
        )


def _check_logits(outputs: torch.Tensor, targets: torch.Tensor) -> None:
    if outputs.ndim != 2 or targets.shape != outputs.shape[:1]:
        raise OutputError(
            "the outputs are not one row of logits a sample",
            expected="outputs of shape (n, classes) and labels of shape (n,)",
            found=f"outputs of shape {tuple(outputs.shape)} and labels of shape {tuple(targets.shape)}",
            todo="let the model return a row of logits for each sample",
        )
    finite = outputs.isfinite().all(1)
    if not bool(finite.all()):
        raise OutputError(
            f"NaN or Inf in the outputs of {int((~finite).sum())} of {len(finite)} samples",
            todo="look at the checkpoint and the precision",
        )
    if len(targets) and (int(targets.min()) < 0 or int(targets.max()) >= outputs.shape[1]):
        raise OutputError(
            "labels are outside the model's classes",
            expected=f"labels from 0 to {outputs.shape[1] - 1}, as the model has {outputs.shape[1]} outputs",
            found=f"labels from {int(targets.min())} to {int(targets.max())}",
            todo="let the dataset count classes from 0, or build the model with as many classes as there are",
        )
