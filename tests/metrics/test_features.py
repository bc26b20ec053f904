"""Metrics of feature sets agree with plain definitions in numpy, scipy and scikit-learn, and know their limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics import features as module
from pytest_modelqa.metrics.features import (
    coverage,
    density,
    frechet_distance,
    improved_precision,
    improved_recall,
    pairwise_distance,
    vendi_score,
)
from pytest_modelqa.metrics.separability import fisher_ratio, silhouette


def two_sets(seed: int, n: int, m: int, d: int, shift: float = 0.3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    mix = random.normal(size=(d, d))
    return {
        "features": random.normal(size=(n, d)) @ mix + shift,
        "reference_features": random.normal(size=(m, d)) * 1.2,
    }


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that the small sets here take several."""
    monkeypatch.setattr(module, "_DISTANCES_AT_ONCE", 700)


# Fréchet distance


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 8), (40, 60, 39), (300, 300, 1)])
def test_frechet_distance_is_the_formula_with_a_matrix_root(n: int, m: int, d: int) -> None:
    columns = two_sets(d, n, m, d)
    a, b = columns["features"], columns["reference_features"]
    ca, cb = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    root = scipy.linalg.sqrtm(ca @ cb).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(ca + cb - 2 * root)

    assert frechet_distance(columns) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (30, 20), (20, 200), (200, 20)])
def test_frechet_distance_of_singular_covariances_is_the_limit_of_regular_ones(n: int, m: int) -> None:
    columns = two_sets(1, n, m, 50)
    a, b = columns["features"], columns["reference_features"]
    # Root of a symmetric matrix by its eigenvectors, which singular ones allow.
    values, vectors = np.linalg.eigh(np.cov(a.T))
    half = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    inner = np.linalg.eigvalsh(half @ np.cov(b.T) @ half).clip(min=0)
    trace = np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * np.sqrt(inner).sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + trace

    assert frechet_distance(columns, min_samples=2) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_known_gaussians() -> None:
    random = np.random.default_rng(0)
    base = random.normal(size=(500, 3))
    base = (base - base.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(base.T)).T)
    columns = {"features": 3 * base + [1, 2, 2], "reference_features": base}

    # Means 3 apart; standard deviations 3 and 1 in 3 dimensions: 9 + 3 · (3 − 1)².
    assert frechet_distance(columns) == pytest.approx(21.0, abs=1e-9)


def test_frechet_distance_is_symmetric_and_zero_for_the_same_set_in_any_order() -> None:
    columns = two_sets(3, 90, 70, 6)
    swapped = {"features": columns["reference_features"], "reference_features": columns["features"]}
    same = {"features": columns["features"], "reference_features": columns["features"][::-1].copy()}

    assert frechet_distance(columns) == pytest.approx(frechet_distance(swapped), rel=1e-9)
    assert 0 <= frechet_distance(same) < 1e-9


def test_frechet_distance_of_constant_features_is_the_distance_of_means() -> None:
    columns = {"features": np.full((10, 2), 3.0), "reference_features": np.full((10, 2), [0.0, 7.0])}

    assert frechet_distance(columns) == pytest.approx(25.0)


@pytest.mark.parametrize(("n", "m"), [(8, 50), (50, 8)])
def test_frechet_distance_of_too_few_samples_is_refused(n: int, m: int) -> None:
    with pytest.raises(OutputError, match="too few samples for frechet_distance") as error:
        frechet_distance(two_sets(0, n, m, 8))

    assert error.value.expected == "at least 9 samples in each set"
    assert error.value.found == "8"
    assert frechet_distance(two_sets(0, n, m, 8), min_samples=8) > 0


def test_one_sample_has_no_covariance() -> None:
    with pytest.raises(OutputError, match="too few samples for frechet_distance"):
        frechet_distance(two_sets(0, 1, 50, 3), min_samples=1)


# Nearest neighbours


def plain_resemblance(columns: dict[str, np.ndarray], k: int) -> tuple[float, float, float, float]:
    """The definitions of Kynkäänniemi et al. and Naeem et al., written out."""
    fake, real = columns["features"], columns["reference_features"]
    fake_reach = np.sort(scipy.spatial.distance.cdist(fake, fake), axis=1)[:, k]
    real_reach = np.sort(scipy.spatial.distance.cdist(real, real), axis=1)[:, k]
    distance = scipy.spatial.distance.cdist(real, fake)
    inside = distance < real_reach[:, None]
    return (
        inside.any(axis=0).mean(),
        (distance < fake_reach[None]).any(axis=1).mean(),
        inside.sum(axis=0).mean() / k,
        inside.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("n", "m"), [(60, 80), (80, 60)])
def test_nearest_neighbour_scores_are_their_definitions(n: int, m: int, k: int) -> None:
    columns = two_sets(n + k, n, m, 4)

    ours = tuple(
        metric(columns, neighbours=k) for metric in (improved_precision, improved_recall, density, coverage)
    )

    assert ours == pytest.approx(plain_resemblance(columns, k), abs=1e-12)
    assert 0 < ours[0] < 1
    assert 0 < ours[3] < 1


@pytest.mark.parametrize("scale", [1.0, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_a_distance_as_long_as_a_reach_is_not_within_it_however_it_is_rounded(
    seed: int, scale: float
) -> None:
    random = np.random.default_rng(seed)
    whole = {
        name: random.integers(0, 4, (n, 4)) for name, n in (("features", 120), ("reference_features", 80))
    }
    # Of whole numbers each distance is exact, and many are equal; neither scale nor place changes that.
    columns = {name: scale * values + 1.7 for name, values in whole.items()}

    ours = tuple(
        metric(columns, neighbours=5) for metric in (improved_precision, improved_recall, density, coverage)
    )

    assert ours == pytest.approx(plain_resemblance(whole, 5), abs=1e-12)


@pytest.mark.parametrize("d", [2, 64])
def test_a_set_beside_itself_has_the_density_and_coverage_of_one(d: int) -> None:
    features = np.random.default_rng(d).normal(size=(300, d))
    columns = {"features": features, "reference_features": features[::-1].copy()}

    # Of the k + 1 that are no farther than its k-th neighbour, itself among them, one is as far as that.
    assert [density(columns, neighbours=k) for k in (1, 5)] == [1.0, 1.0]
    assert coverage(columns) == 1.0


def test_distant_features_keep_their_neighbours() -> None:
    # 1e6 away from the origin |a|² + |b|² − 2ab would cancel nine of sixteen digits.
    columns = two_sets(5, 60, 60, 4)
    distant = {name: values + 1e6 for name, values in columns.items()}

    assert coverage(distant) == pytest.approx(coverage(columns), abs=1e-12)
    assert pairwise_distance(distant) == pytest.approx(pairwise_distance(columns), rel=1e-7)


def test_samples_far_from_the_reference_have_no_precision_and_a_single_mode_little_coverage() -> None:
    random = np.random.default_rng(0)
    real = np.concatenate([random.normal(size=(100, 2)), random.normal(size=(100, 2)) + 50])
    far = {"features": random.normal(size=(100, 2)) + 500, "reference_features": real}
    one_mode = {"features": random.normal(size=(100, 2)), "reference_features": real}

    assert (improved_precision(far), coverage(far), density(far)) == (0.0, 0.0, 0.0)
    assert coverage(one_mode) <= 0.5
    assert improved_precision(one_mode) > 0.8


@pytest.mark.parametrize("metric", [improved_precision, improved_recall, density, coverage])
def test_no_more_samples_than_neighbours_are_refused(metric: Callable[..., float]) -> None:
    with pytest.raises(OutputError, match="too few samples for 5 neighbours") as error:
        metric(two_sets(0, 5, 50, 3))

    assert error.value.expected == "at least 6 samples in each set"


# Diversity


@pytest.mark.parametrize(("n", "d"), [(50, 8), (8, 50), (20, 20)])
def test_vendi_score_is_the_entropy_of_the_similarity_matrix(n: int, d: int) -> None:
    features = np.random.default_rng(n).normal(size=(n, d))
    similarity = sklearn.metrics.pairwise.cosine_similarity(features)
    values = np.linalg.eigvalsh(similarity / n)
    values = values[values > 1e-14]

    assert vendi_score({"features": features}) == pytest.approx(
        np.exp(-(values * np.log(values)).sum()), rel=1e-9
    )


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
def test_vendi_score_counts_directions_however_often_each_occurs(kinds: int, copies: int, seed: int) -> None:
    scale = np.random.default_rng(seed).uniform(0.1, 10, (kinds * copies, 1))
    features = np.tile(np.eye(6)[:kinds], (copies, 1)) * scale

    assert vendi_score({"features": features}) == pytest.approx(kinds, abs=1e-9)


def test_a_vector_of_zeros_has_no_direction() -> None:
    with pytest.raises(OutputError, match="1 of 3 feature vectors are zero"):
        vendi_score({"features": np.array([[1.0, 0], [0, 0], [0, 1]])})


@pytest.mark.parametrize(("n", "d"), [(2, 3), (90, 5), (40, 100)])
def test_pairwise_distance_is_scipys_mean_of_all_pairs(n: int, d: int) -> None:
    features = np.random.default_rng(n).normal(size=(n, d))

    assert pairwise_distance({"features": features}) == pytest.approx(
        scipy.spatial.distance.pdist(features).mean(), rel=1e-12
    )


def test_copies_of_one_sample_have_no_diversity() -> None:
    features = np.repeat(np.random.default_rng(0).normal(size=(1, 7)), 50, axis=0)

    assert pairwise_distance({"features": features}) == pytest.approx(0.0, abs=1e-12)
    assert vendi_score({"features": features}) == pytest.approx(1.0, abs=1e-12)


def test_one_sample_has_no_pairs() -> None:
    with pytest.raises(OutputError, match="too few samples for pairwise_distance"):
        pairwise_distance({"features": np.ones((1, 3))})


# Clusters


@pytest.mark.parametrize("separation", [0.0, 1.0, 10.0])
def test_silhouette_is_scikit_learns(separation: float) -> None:
    random = np.random.default_rng(int(separation))
    label = random.integers(0, 5, 150)
    features = random.normal(size=(150, 6)) + separation * np.eye(6)[label]

    ours = silhouette({"features": features, "label": label})

    assert ours == pytest.approx(sklearn.metrics.silhouette_score(features, label), abs=1e-9)


@given(st.lists(st.integers(0, 3), min_size=3, max_size=12), st.integers(0, 1000))
def test_silhouette_counts_a_sample_alone_in_its_class_as_scikit_learn_does(
    labels: list[int], seed: int
) -> None:
    features = np.random.default_rng(seed).normal(size=(len(labels), 2))
    columns = {"features": features, "label": np.array(labels)}
    if not 2 <= len(set(labels)) < len(labels):
        with pytest.raises(OutputError, match="silhouette is undefined"):
            silhouette(columns)
    else:
        assert silhouette(columns) == pytest.approx(
            sklearn.metrics.silhouette_score(features, labels), abs=1e-9
        )


def test_two_classes_in_one_point_are_not_separated() -> None:
    assert silhouette({"features": np.ones((6, 2)), "label": np.array([0, 0, 0, 1, 1, 1])}) == 0.0


# What all have in common

EVERY = [
    frechet_distance,
    improved_precision,
    improved_recall,
    density,
    coverage,
    vendi_score,
    pairwise_distance,
]


@pytest.mark.parametrize("metric", EVERY)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused(metric: Callable[..., float], bad: float) -> None:
    columns = {**two_sets(0, 40, 40, 3), "label": np.arange(40) % 2}
    columns["features"][7, 1] = bad

    with pytest.raises(OutputError, match="NaN or Inf in features of 1 of 40 samples"):
        metric(columns)


@pytest.mark.parametrize("metric", EVERY)
def test_features_of_another_shape_are_refused(metric: Callable[..., float]) -> None:
    columns: dict[str, Any] = {**two_sets(0, 40, 40, 3), "label": np.arange(40) % 2}
    columns["features"] = columns["features"].reshape(40, 3, 1, 1)

    with pytest.raises(OutputError, match="features are not one vector a sample"):
        metric(columns)


@pytest.mark.parametrize("metric", EVERY)
def test_float32_and_tensors_are_scored_in_float64_and_left_as_they_were(
    metric: Callable[..., float],
) -> None:
    columns = {**two_sets(2, 40, 40, 3), "label": np.arange(40) % 2}
    single = {
        name: torch.from_numpy(a.astype(np.float32) if a.dtype == float else a) for name, a in columns.items()
    }
    before = {name: values.clone() for name, values in single.items()}

    value = metric(single)

    assert value == pytest.approx(
        metric({name: values.double().numpy() for name, values in single.items()}), rel=1e-12
    )
    assert all(torch.equal(before[name], single[name]) for name in before)


def test_sets_of_other_dimensions_are_refused() -> None:
    columns = {"features": np.ones((9, 3)), "reference_features": np.ones((9, 4))}

    with pytest.raises(OutputError, match="not of one dimension") as error:
        frechet_distance(columns)

    assert (error.value.expected, error.value.found) == ("4 dimensions, as the reference", "3 dimensions")


def test_fisher_ratio_is_calinski_and_harabaszs_without_its_degrees_of_freedom() -> None:
    generator = np.random.default_rng(3)
    label = np.arange(90) % 4
    features = generator.normal(size=(90, 5)) + label[:, None] * generator.normal(size=5)
    expected = sklearn.metrics.calinski_harabasz_score(features, label) * (4 - 1) / (90 - 4)
    assert fisher_ratio({"features": features, "label": label}) == pytest.approx(expected)
    named = np.array(["a", "b", "c", "d"])[label]
    assert fisher_ratio(
        {"features": features, "label": np.unique(named, return_inverse=True)[1]}
    ) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("features", "label"),
    [(np.random.default_rng(0).random((6, 2)), np.zeros(6)), (np.ones((6, 2)), np.arange(6) % 2)],
)
def test_fisher_ratio_of_one_class_or_of_points_is_undefined(features: np.ndarray, label: np.ndarray) -> None:
    with pytest.raises(OutputError, match="fisher_ratio is undefined"):
        fisher_ratio({"features": features, "label": label})
