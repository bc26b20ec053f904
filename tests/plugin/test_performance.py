"""Time and size as checks: measured in the run, compared with what the run measured too, and never reused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SPEED = """
  speed:
    task: reconstruction
    model: scaler
    dataset: test
    batch_size: 8
    checks:
      - {metric: latency_p50, max: 100000}
      - {metric: latency_p95, baseline: older, max_degradation_percent: 1000000}
      - {metric: throughput, min: 0.001}
      - {metric: parameters, max: 1}
      - {metric: peak_memory, max: 0.00001}
      - {metric: throughput, baseline: small_batches, max_degradation: 1000000}
  small_batches:
    task: reconstruction
    model: older
    dataset: test
    batch_size: 4
    checks: [{metric: throughput, min: 0.001}]
  size:
    task: reconstruction
    model: scaler
    dataset: test
    checks:
      - {metric: parameters, baseline: older, max_difference: 0}
"""


def test_time_is_measured_in_each_run_and_size_is_known_from_the_last(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.add_evaluation(SPEED)

    first = run_pytest(toy.folder)
    second = run_pytest(toy.folder, "-k", "latency_p50 or size or psnr-min")

    assert first.statuses["speed::latency_p50-max"] == "PASS"
    assert first.statuses["speed::latency_p95-max-degradation-percent-vs-older"] == "PASS"
    assert first.statuses["speed::throughput-min"] == "PASS"
    assert first.statuses["speed::parameters-max"] == "PASS"
    assert first.statuses["size::parameters-max-difference-vs-older"] == "PASS"
    assert first.results["speed::parameters-max"]["verdict"]["lines"][0]["candidate"]["value"] == 1.0
    # One weight of four bytes, and the image that a batch of 8 gives back.
    assert first.statuses["speed::peak_memory-max"] == "FAIL"
    value = first.results["speed::peak_memory-max"]["verdict"]["lines"][0]["candidate"]["value"]
    assert value * 2**20 >= 4 + 8 * 4 * 4
    error = first.error("speed::throughput-max-degradation-vs-small_batches")
    assert "were not measured under the same conditions" in str(error["what"])
    assert error["expected"] == "batch size 8 on both sides"
    assert error["found"] == "batch size 4 for small_batches"
    assert not second.reused("speed::latency_p50-max")
    assert second.reused("size::parameters-max-difference-vs-older")
    assert second.reused("reconstruction::psnr-min")
    notes = second.results["speed::latency_p50-max"]["verdict"]["notes"]
    assert any("measured anew in every run" in note for note in notes)


def test_what_is_no_model_is_refused_when_the_spec_is_read(toy: Any, gate: Callable[..., Any]) -> None:
    checks = SPEED.split("      - ")
    for check, said in (
        ("{metric: throughput, min: 1, slices: label}", "slices of check 1 of speed have no effect"),
        ("{metric: latency_p50, baseline: constant, max_degradation: 1}", "which is no model"),
    ):
        before = (toy.folder / "toy.modelspec.yaml").read_text()
        toy.add_evaluation(f"{checks[0]}      - {check}\n")
        run = gate("--collect-only")
        (toy.folder / "toy.modelspec.yaml").write_text(before)
        assert run.exit_code != 0
        assert said in run.text, run.text


def test_a_recorded_time_is_no_baseline(toy: Any, gate: Callable[..., Any]) -> None:
    toy.write(
        "baselines/then.json",
        '{"modelqa_baseline": 1, "name": "then", "task": "reconstruction", "dataset": "test", "split": "test",'
        ' "n": 40, "source": "test", "metrics": {"latency_p50": {"value": 5.0, "unit": "ms"}}}',
    )
    toy.edit("\nevaluations:", "\nbaselines: {then: {recorded: baselines/then.json}}\n\nevaluations:")
    toy.add_evaluation(
        SPEED.split("      - ")[0] + "      - {metric: latency_p50, baseline: then, max_degradation: 1}\n"
    )

    run = gate("-k", "latency_p50")

    error = run.error("speed::latency_p50-max-degradation-vs-then")
    assert error["what"] == "latency_p50 is compared with what another run recorded"
