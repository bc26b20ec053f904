"""Claims decided on a part of the samples: a run record keeps what decides them again, one by one."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.judging import audits
from pytest_modelqa.judging.audits import audited, decided_again
from pytest_modelqa.statistics.sequential import Audit, Claim

SIZE = 400


def kept(claim: Claim, scores: np.ndarray, wrong_pass: float = 0.01, wrong_fail: float = 0.05) -> dict:
    made = audited(claim, scores, wrong_pass=wrong_pass, wrong_fail=wrong_fail)
    return json.loads(json.dumps(dataclasses.asdict(made)))


@given(
    seed=st.integers(0, 2**32 - 1),
    binary=st.booleans(),
    floors=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=4),
    rates=st.sampled_from([(0.0, 0.0), (0.01, 0.05), (0.2, 0.2)]),
)
def test_each_claim_is_decided_again_as_it_was_among_the_others(
    seed: int, binary: bool, floors: list[float], rates: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random(SIZE)
    if binary:
        scores = (scores < 0.7).astype(float)
    # Every second claim is about a slice.
    members = np.stack(
        [np.arange(SIZE) % 2 == 0 if at % 2 else np.ones(SIZE, bool) for at in range(len(floors))], axis=1
    )
    claims = [
        Claim(
            int(members[:, at].sum()), floor, 0, 1 if binary or at % 3 else np.inf, step=1 if binary else None
        )
        for at, floor in enumerate(floors)
    ]
    wrong_pass, wrong_fail = rates
    together = Audit(claims, wrong_pass, wrong_fail)
    together.update(np.stack([scores] * len(claims), axis=1), members)
    for at, (claim, standing) in enumerate(zip(claims, together.standings, strict=True)):
        decisive = scores[members[:, at]][: standing.samples]
        alone = kept(claim, decisive, wrong_pass, wrong_fail / len(claims))
        assert decided_again(alone) == standing.outcome
        if standing.samples:
            alone["scores"] = alone["scores"].rpartition(" ")[0]
            assert decided_again(alone) is None


def test_too_many_scores_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "_MOST_SCORES", 4)
    assert kept(Claim(10, 0.5, 0, 1), np.ones(4))["scores"] == "1.0 1.0 1.0 1.0"
    assert kept(Claim(10, 0.5, 0, 1), np.ones(5))["scores"] is None


def test_a_score_beyond_the_limits_decides_nothing() -> None:
    with pytest.raises(ValueError, match="not in"):
        decided_again(kept(Claim(10, 0.5, 0, 1), np.ones(6)) | {"scores": "1.0 7.0"})
