"""How far classes lie apart in feature space, from the columns ``features`` (n, d) and ``label`` (n,)."""

from __future__ import annotations

import torch

from ..errors import OutputError
from .features import Columns, matrix, squared_distances


def silhouette(columns: Columns) -> float:
    """How well classes are separated, from −1 to 1: the mean over samples of (b − a) / max(a, b).

    a is the mean Euclidean distance to the others of the sample's class, b that to the nearest other class. A
    sample alone in its class counts 0. Rousseeuw: Silhouettes, J. Comput. Appl. Math. 20, 1987.

    Args:
        columns: ``features`` and ``label``.

    Raises:
        OutputError: Fewer than 2 classes, every sample alone in its class, NaN or Inf.

    >>> features = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    >>> round(silhouette({"features": features, "label": torch.tensor([0, 0, 1, 1])}), 4)
    0.8997
    """
    features = matrix(columns, "features")
    labels = torch.as_tensor(columns["label"], device=features.device)
    classes, index, sizes = torch.unique(labels, return_inverse=True, return_counts=True)
    if not 2 <= len(classes) < len(features):
        raise OutputError(
            f"silhouette is undefined for {len(classes)} classes among {len(features)} samples",
            expected="at least 2 classes, and a class of more than 1 sample",
            todo="measure more samples, or leave this metric out",
        )
    member = torch.nn.functional.one_hot(index, len(classes)).double()
    total = 0.0
    for part, squared in squared_distances(features, features):
        to_classes = squared.sqrt() @ member
        own = index[part].unsqueeze(1)
        others = (sizes[index[part]] - 1).double()
        within = to_classes.gather(1, own).squeeze(1) / others.clamp(min=1)
        between = (to_classes / sizes).scatter(1, own, torch.inf).min(1).values
        score = (between - within) / torch.maximum(within, between)
        # 0 / 0 is two classes in one point, which are not separated at all.
        total += float(torch.where((others > 0) & score.isfinite(), score, 0.0).sum())
    return total / len(features)


def fisher_ratio(columns: Columns) -> float:
    """How far classes lie apart for their size: tr(S_B) / tr(S_W), 0 where their means coincide.

    S_B = Σ_c n_c (μ_c − μ)(μ_c − μ)ᵀ is the scatter between the classes, S_W = Σ_c Σ_i (x_i − μ_c)(x_i − μ_c)ᵀ that
    within. Fisher: The use of multiple measurements in taxonomic problems, 1936; for several classes as Fukunaga,
    Introduction to Statistical Pattern Recognition, 1990, section 10.2 (J₄). It tells less than a probe: classes
    whose means coincide score 0 though they may lie in shells around one another.

    Args:
        columns: ``features`` and ``label``.

    Raises:
        OutputError: Fewer than 2 classes, no scatter within the classes, NaN or Inf.

    >>> features = torch.tensor([[0.0], [2.0], [10.0], [12.0]])
    >>> fisher_ratio({"features": features, "label": torch.tensor([0, 0, 1, 1])})
    25.0
    """
    features = matrix(columns, "features")
    labels = torch.as_tensor(columns["label"], device=features.device)
    classes, index, sizes = torch.unique(labels, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(classes), features.shape[1], dtype=features.dtype, device=features.device)
    means = sums.index_add_(0, index, features) / sizes.unsqueeze(1)
    within = float((features - means[index]).square().sum())
    if len(classes) < 2 or within == 0:
        raise OutputError(
            f"fisher_ratio is undefined for {len(classes)} classes among {len(features)} samples",
            expected="at least 2 classes, and samples of a class that are not all alike",
            todo="measure more samples, or leave this metric out",
        )
    shifts = (means - features.mean(0)).square().sum(1)
    return float((shifts * sizes).sum()) / within
