"""A linear classifier on features: multinomial logistic regression by scikit-learn, applied with torch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import EvaluationError, MissingDependencyError, OutputError

# lbfgs on standardised features needs tens to hundreds of steps; one that needs more has next to no penalty.
_STEPS = 2000


@dataclass(frozen=True)
class Probe:
    """Logits are ``(features − mean) / scale @ weight + bias``.

    Attributes:
        weight: (d, classes), float64.
        bias: (classes,).
    """

    mean: torch.Tensor
    scale: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, d) to (n, classes), float64.

        Raises:
            OutputError: Of another dimension than it was fitted on.
        """
        if features.shape[1:] != self.mean.shape:
            raise OutputError(
                "the features are not those that the probe was fitted on",
                expected=f"{len(self.mean)} numbers a sample, as for the training data",
                found=f"{tuple(features.shape[1:])}",
                todo="let the model give features of one length whatever the sample, pooled or padded",
            )
        return (features.double() - self.mean) / self.scale @ self.weight + self.bias


def fit_probe(features: torch.Tensor, labels: np.ndarray, penalty: float, what: str) -> Probe:
    """Fits the probe on standardised features.

    More features than samples are first turned into the space that the samples span, as many coordinates as samples:
    with a penalty on squared weights the solution lies there (the representer theorem), and is found in a fraction of
    the time.

    Args:
        features: (n, d), finite.
        labels: Class numbers (n,); each class of 0 … k − 1 has a sample.
        penalty: The strength of ½ penalty ‖weight‖² beside the summed log loss; scikit-learn's 1 / C.
        what: Whose features they are, for messages.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
        OutputError: The features are not finite.
        EvaluationError: The fit did not converge.
    """
    if not bool(features.isfinite().all()):
        raise OutputError(
            f"NaN or Inf in the features of {what} for the training data",
            expected="finite features",
            todo="look at the checkpoint, and at the training data",
        )
    values = features.double()
    mean = values.mean(0)
    spread = values.std(0, correction=0)
    # A feature that never changes tells nothing; it is left as it is, at 0.
    scale = torch.where(spread > 0, spread, 1.0)
    standard = (values - mean) / scale
    basis = None
    if standard.shape[1] > standard.shape[0]:
        _, _, basis = torch.linalg.svd(standard, full_matrices=False)
        standard = standard @ basis.T
    weight, bias = _solved(standard.cpu().numpy(), labels, penalty, what)
    solution = torch.from_numpy(weight).to(values.device)
    return Probe(
        mean,
        scale,
        solution if basis is None else basis.T @ solution,
        torch.from_numpy(bias).to(values.device),
    )


def _solved(
    features: np.ndarray, labels: np.ndarray, penalty: float, what: str
) -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "the task linear_probe needs scikit-learn, which is not installed",
            todo="pip install 'pytest-modelqa[probe]'",
        ) from error
    model = LogisticRegression(C=1 / penalty, max_iter=_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(features, labels)
        except ConvergenceWarning as error:
            raise EvaluationError(
                f"the probe on {what} does not converge in {_STEPS} steps",
                expected="a solution, as a probe that is not fitted to its end measures nothing",
                todo="raise args: {penalty: …}",
            ) from error
    weight, bias = model.coef_.T, model.intercept_
    if weight.shape[1] == 1:
        # Of two classes scikit-learn keeps the difference alone.
        weight, bias = np.hstack([np.zeros_like(weight), weight]), np.array([0.0, bias[0]])
    return np.ascontiguousarray(weight, dtype=np.float64), np.asarray(bias, dtype=np.float64)
