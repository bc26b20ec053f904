"""Scores of generated samples, from the columns that the task ``sampling`` keeps of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Columns = Mapping[str, np.ndarray]


def judge_accuracy(columns: Columns) -> np.ndarray:
    """1 where the judge takes a sample for the class that was asked for, else 0; shape (n,).

    How often a classifier that was trained on real data recognises what was generated: Shmelkov, Schmid, Alahari, How
    good is my GAN?, ECCV 2018 (GAN-test). It rewards one good sample of a class drawn again and again, so it needs a
    measure of diversity beside it.

    >>> judge_accuracy({"judge_prediction": np.array([3, 1]), "label": np.array([3, 2])})
    array([1., 0.])
    """
    right: np.ndarray = columns["judge_prediction"] == columns["label"]
    scores: np.ndarray = right.astype(np.float64)
    return scores


def nearest_training_distance(columns: Columns) -> np.ndarray:
    """Root mean squared difference of a sample's values from its nearest training sample; 0 is a copy; shape (n,).

    In units of the data. What it means is told by ``baseline: real``, the same distance of real samples that were
    not trained on: a generator that is much nearer repeats its training data.

    >>> nearest_training_distance({"nearest_training": np.array([0.0, 0.25])})
    array([0.  , 0.25])
    """
    distances: np.ndarray = columns["nearest_training"].astype(np.float64)
    return distances
