"""Scores of a set of feature vectors: its diversity, and how it resembles a reference set.

They take columns by name: ``features`` of shape (n, d), and some ``reference_features`` of shape (m, d); numpy
arrays, or tensors, whose device then does the work. Everything is in float64 and in blocks, so that memory grows
with n and not with n². Features are compared as they are: what they mean, and whether they are scaled, is for the
model to say that made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..errors import OutputError

if TYPE_CHECKING:
    import numpy as np

Columns = Mapping[str, "np.ndarray | torch.Tensor"]

# Distances held at a time: 4 MB of float64, which stay near the CPU; 64 MB measured up to a third slower.
_DISTANCES_AT_ONCE = 2**19


def frechet_distance(columns: Columns, *, min_samples: int | None = None) -> float:
    """Fréchet distance of the Gaussians fitted to two sets: ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½); 0 is equal.

    In features of an Inception network this is FID: Heusel et al., GANs trained by a two time-scale update rule,
    NIPS 2017. Covariances are those of samples (divided by n − 1). The trace of the root is the sum of the
    singular values of a product of factors, found from eigenvalues on its smaller side; no matrix root is taken.

    Args:
        columns: ``features`` and ``reference_features``.
        min_samples: How many samples each set must have; without it one more than dimensions, since fewer leave
            a covariance singular and the distance biased far upwards.

    Raises:
        OutputError: Fewer samples than that, NaN or Inf, or sets of other dimensions.

    >>> square = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(frechet_distance({"features": square + 3, "reference_features": square}), 6)
    18.0
    """
    features, reference = _features_and_reference(columns)
    needed = features.shape[1] + 1 if min_samples is None else min_samples
    _check_count("frechet_distance", min(len(features), len(reference)), max(2, needed))
    centre, reference_centre = features.mean(0), reference.mean(0)
    root, total = _covariance_root(features - centre)
    reference_root, reference_total = _covariance_root(reference - reference_centre)
    product = root @ reference_root.T
    gram = product @ product.T if product.shape[0] <= product.shape[1] else product.T @ product
    overlap = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt().sum()
    shift = (centre - reference_centre).square().sum()
    # Rounding may leave −1e-15 where the sets are the same.
    return max(0.0, float(shift + total + reference_total - 2 * overlap))


@dataclass(frozen=True)
class Resemblance:
    """The four scores of a set beside a reference set, by nearest neighbours."""

    precision: float
    recall: float
    density: float
    coverage: float


def improved_precision(columns: Columns, *, neighbours: int = 5) -> float:
    """Share of the features that lie within the reach of some reference feature: how real samples look.

    The reach of a feature is its distance to the k-th nearest of its own set. Kynkäänniemi et al., Improved
    precision and recall metric for assessing generative models, NeurIPS 2019.

    Raises:
        OutputError: A set has no more than ``neighbours`` samples, NaN or Inf, or the dimensions differ.

    >>> line = torch.arange(10.0).unsqueeze(1)
    >>> improved_precision({"features": line + 4.5, "reference_features": line}, neighbours=1)
    0.6
    """
    return resemblance(columns, neighbours).precision


def improved_recall(columns: Columns, *, neighbours: int = 5) -> float:
    """Share of the reference features that lie within the reach of some feature: how much is covered.

    Source and errors as ``improved_precision``.

    >>> line = torch.arange(10.0).unsqueeze(1)
    >>> improved_recall({"features": line[:4], "reference_features": line}, neighbours=1)
    0.4
    """
    return resemblance(columns, neighbours).recall


def density(columns: Columns, *, neighbours: int = 5) -> float:
    """In the reach of how many reference features a feature lies, divided by ``neighbours``; near 1 for alike sets.

    Unlike precision it does not reward samples around an outlier. Naeem et al., Reliable fidelity and diversity
    metrics for generative models, ICML 2020. Errors as ``improved_precision``.

    >>> line = torch.arange(10.0).unsqueeze(1)
    >>> density({"features": line + 0.5, "reference_features": line}, neighbours=1)
    1.9
    """
    return resemblance(columns, neighbours).density


def coverage(columns: Columns, *, neighbours: int = 5) -> float:
    """Share of the reference features that have some feature within their reach.

    Unlike recall it depends on the reach of real samples only. Source as ``density``, errors as
    ``improved_precision``.

    >>> line = torch.arange(10.0).unsqueeze(1)
    >>> coverage({"features": line[:4] + 0.5, "reference_features": line}, neighbours=1)
    0.5
    """
    return resemblance(columns, neighbours).coverage


def resemblance(columns: Columns, neighbours: int) -> Resemblance:
    """Precision, recall, density and coverage from one pass over the distances; the end of a reach is not in it."""
    features, reference = _features_and_reference(columns)
    _check_count(f"{neighbours} neighbours", min(len(features), len(reference)), neighbours + 1)
    origin = features.mean(0)
    reach, reference_reach = _reach(features, neighbours, origin), _reach(reference, neighbours, origin)
    inside = torch.zeros(len(features), dtype=torch.int64, device=features.device)
    reached, covered = 0, 0
    for part, distances in squared_distances(reference, features):
        radius = reference_reach[part]
        near = distances < radius.unsqueeze(1)
        # Bytes, and least values in place of any(): reductions of booleans are several times slower.
        inside += near.view(torch.uint8).sum(0, dtype=torch.int32)
        covered += int((distances.amin(1) < radius).sum())
        reached += int((distances.sub_(reach).amin(1) < 0).sum())
    return Resemblance(
        precision=float((inside > 0).double().mean()),
        recall=reached / len(reference),
        density=float(inside.double().mean()) / neighbours,
        coverage=covered / len(reference),
    )


def vendi_score(columns: Columns) -> float:
    """The effective number of different samples, from 1 (all alike) to n: exp of the entropy of eigenvalues.

    The eigenvalues are those of the cosine similarities divided by n. Friedman, Dieng: The Vendi score, TMLR 2023.

    Args:
        columns: ``features``; of shape (n, k, d), k vectors of each sample, they count as n·k.

    Raises:
        OutputError: No samples, NaN or Inf, or a vector of zeros, which has no direction.

    >>> [round(vendi_score({"features": rows}), 9) for rows in (torch.eye(3), torch.ones(5, 2))]
    [3.0, 1.0]
    """
    several = torch.as_tensor(columns["features"])
    # Of a text-generation task: the vectors of all generations of a prompt.
    flat = several.reshape(-1, several.shape[-1]) if several.ndim == 3 else several
    features = matrix({"features": flat}, "features")
    _check_count("vendi_score", len(features), 1)
    norms = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    if bool((norms == 0).any()):
        raise OutputError(
            f"{int((norms == 0).sum())} of {len(features)} feature vectors are zero",
            expected="vectors with a direction, as vendi_score compares them by cosine",
            todo="look at the model that made the features, or take pairwise_distance",
        )
    unit = features / norms
    gram = unit.T @ unit if unit.shape[1] < len(unit) else unit @ unit.T
    shares = torch.linalg.eigvalsh(gram / len(unit)).clamp(min=0)
    # Rounding may leave 1 + 2e-16 or 1 − 2e-16 where all are alike.
    return float(torch.special.entr(shares).sum().clamp(min=0).exp())


def pairwise_distance(columns: Columns) -> float:
    """The mean Euclidean distance of all pairs of different samples; 0 where all are alike.

    Args:
        columns: ``features``.

    Raises:
        OutputError: Fewer than 2 samples, NaN or Inf.

    >>> pairwise_distance({"features": torch.tensor([[0.0], [3.0], [6.0]])})
    4.0
    """
    features = matrix(columns, "features")
    _check_count("pairwise_distance", n := len(features), 2)
    total = sum(float(distances.sqrt().sum()) for _, distances in squared_distances(features, features))
    return total / (n * (n - 1))


def _covariance_root(centred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """R with Rᵀ R the covariance, of min(n, d) rows, and the covariance's trace."""
    scaled = centred / (len(centred) - 1) ** 0.5
    root = torch.linalg.qr(scaled, mode="r").R if len(scaled) > scaled.shape[1] else scaled
    return root, scaled.square().sum()


def _surely_below(reach: torch.Tensor, lengths: torch.Tensor, dimensions: int) -> torch.Tensor:
    """Squared reaches less what rounding may put between a reach and a distance of the same length.

    Samples that are there twice, and real samples beside themselves (``baseline: real``), lie at the end of a reach:
    rounding would count any of them (a density of 1.2 where it is 0.5, of whole numbers). A squared distance of x and
    y is computed to d·u·(|x|² + |y|²) at most (u: half the spacing of float64 at 1); where it is near the squared
    reach r of x, |y|² ≤ 2 |x|² + 2 r.

    Args:
        lengths: The squared lengths of the samples, seen from any origin that distances are taken from.
    """
    rounding = (dimensions + 16) * torch.finfo(torch.float64).eps
    return reach - rounding * (3 * lengths + 4 * reach)


def _reach(features: torch.Tensor, neighbours: int, origin: torch.Tensor) -> torch.Tensor:
    """The squared distance of each sample to its k-th nearest other sample; every pair is measured once.

    Args:
        origin: From where the distances will be taken that are compared with these.
    """
    mean = features.mean(0)
    centred, norms = _centred(features, mean)
    nearest = torch.full((len(features), neighbours), torch.inf, dtype=torch.float64, device=features.device)
    side = max(1, int(_DISTANCES_AT_ONCE**0.5))
    tiles = [slice(start, min(start + side, len(features))) for start in range(0, len(features), side)]
    for index, rows in enumerate(tiles):
        for columns in tiles[index:]:
            distances = torch.addmm(norms[columns], centred[rows], centred[columns].T, alpha=-2)
            distances.add_(norms[rows].unsqueeze(1)).clamp_(min=0)
            if columns is rows:
                distances.fill_diagonal_(torch.inf)
            else:
                _keep_nearest(nearest[columns], distances.T)
            _keep_nearest(nearest[rows], distances)
    # Seen from elsewhere, |x|² is at most twice the sum of both.
    lengths = 3 * norms + 2 * (mean - origin).square().sum()
    return _surely_below(nearest.amax(1), lengths, features.shape[1])


def _keep_nearest(nearest: torch.Tensor, distances: torch.Tensor) -> None:
    """Puts the least of what was nearest and of more distances, row by row, in the place of the former."""
    least = distances.topk(min(nearest.shape[1], distances.shape[1]), largest=False).values
    nearest.copy_(torch.cat([nearest, least], 1).topk(nearest.shape[1], largest=False).values)


def _centred(vectors: torch.Tensor, origin: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The vectors seen from an origin, and their squared lengths there.

    Distances do not change with the origin; near it fewer digits cancel.
    """
    centred = vectors - origin
    return centred, centred.square().sum(1)


def squared_distances(rows: torch.Tensor, columns: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Squared Euclidean distances of some rows to all columns, block by block; of a row to itself exactly 0."""
    same = rows is columns
    origin = columns.mean(0)
    (rows, row_norms), (columns, column_norms) = _centred(rows, origin), _centred(columns, origin)
    step = max(1, _DISTANCES_AT_ONCE // len(columns))
    for start in range(0, len(rows), step):
        part = slice(start, min(start + step, len(rows)))
        distances = torch.addmm(column_norms, rows[part], columns.T, alpha=-2).add_(
            row_norms[part].unsqueeze(1)
        )
        if same:
            distances[:, part].fill_diagonal_(0)
        yield part, distances.clamp_(min=0)


def _features_and_reference(columns: Columns) -> tuple[torch.Tensor, torch.Tensor]:
    features, reference = matrix(columns, "features"), matrix(columns, "reference_features")
    if features.shape[1] != reference.shape[1]:
        raise OutputError(
            "features and reference features are not of one dimension",
            expected=f"{reference.shape[1]} dimensions, as the reference",
            found=f"{features.shape[1]} dimensions",
            todo="take both from the same model and layer",
        )
    return features, reference.to(features.device)


def matrix(columns: Columns, name: str) -> torch.Tensor:
    """A column as (n, d), float64.

    Raises:
        OutputError: It is of another shape, or holds NaN or Inf.
    """
    values = torch.as_tensor(columns[name]).double()
    if values.ndim != 2:
        raise OutputError(
            f"{name} are not one vector a sample",
            expected="shape (n, d)",
            found=f"shape {tuple(values.shape)}",
            todo="flatten or pool the features to one vector a sample",
        )
    finite = values.isfinite().all(1)
    if not bool(finite.all()):
        raise OutputError(
            f"NaN or Inf in {name} of {int((~finite).sum())} of {len(finite)} samples",
            todo="look at the checkpoint and the precision of the model that made them",
        )
    return values


def _check_count(what: str, found: int, needed: int) -> None:
    if found < needed:
        raise OutputError(
            f"too few samples for {what}",
            expected=f"at least {needed} samples in each set",
            found=f"{found}",
            todo="measure more samples",
        )
