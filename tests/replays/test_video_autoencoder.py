"""A video autoencoder of which only training losses are known, with a validation loss that is the training loss.

Four goals were set, and none was measured (issue 8, a).
"""

from __future__ import annotations

from collections.abc import Callable

from .conftest import Replay

SPEC = """
modelqa: 1
name: video_autoencoder
goals: {reconstruct: training, classify: null, generate: null, predict: null}
evaluations:
  training:
    task: training_log
    args: {path: history.csv, format: csv}
    checks:
      - {metric: finite, min: 1}
      - {metric: reduction, args: {series: train_loss}, min: 0.5}
      - {metric: final, args: {series: train_loss}, max: 0.1}
      - {metric: gap, args: {train: train_loss, val: val_loss, higher_is_better: false}, max: 0.05}
"""
LOSSES = [0.5 * 0.93**epoch + 0.04 for epoch in range(50)]


def history(*, held_out: float) -> str:
    rows = [f"{epoch},{loss!r},{loss + held_out!r}" for epoch, loss in enumerate(LOSSES)]
    return "\n".join(["epoch,train_loss,val_loss", *rows]) + "\n"


def test_what_was_never_measured_is_named_and_blocks(replay: Callable[..., Replay]) -> None:
    run = replay(SPEC, {"history.csv": history(held_out=0.0)})
    assert run.exit_code == 1
    assert run.last_line.startswith("NO-GO: 4 of 8 release checks in 1 spec could not be judged")
    for goal in ("classify", "generate", "predict"):
        assert run.statuses[f"goals::{goal}"] == "ERROR"
        assert run.reason(goal) == f"goal {goal} has no evaluation: nothing shows that it was reached"
    # The losses themselves fell as they should, which shows nothing of the goals.
    passed = ("finite-min", "reduction-series-train_loss-min", "final-series-train_loss-max")
    assert {run.statuses[f"training::{name}"] for name in passed} == {"PASS"}
    gap = "gap-train-train_loss-val-val_loss-max"
    assert run.statuses[f"training::{gap}"] == "ERROR"
    assert run.reason(gap).startswith("'val_loss' is 'train_loss' to the last digit")
    assert "nothing was held out" in "\n".join(run.notes("finite-min"))


def test_a_log_alone_is_trained_and_not_evaluated(replay: Callable[..., Replay]) -> None:
    spec = SPEC.replace("classify: null, generate: null, predict: null", "predict: training")
    run = replay(spec, {"history.csv": history(held_out=0.01)})
    assert set(run.statuses.values()) == {"PASS"}
    assert run.exit_code == 1
    assert run.last_line.startswith("NO-GO: trained, not evaluated")
