"""Known-bad models that checks must fail, from end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Run, Toy

CONTROLS = """
  versus:
    {task: reconstruction, model: scaler, dataset: test, checks: [{metric: psnr, baseline: bad, max_degradation: 0}]}
controls:
  compared_with_itself: {evaluation: versus, model: bad}
  bad: {evaluation: reconstruction, model: bad, fails: [psnr-min]}
  all_of_it: {evaluation: reconstruction, model: bad, fails: [psnr-min, psnr-max-degradation-vs-older]}
  perfect: {evaluation: reconstruction}
  slightly_bad: {evaluation: classification, model: mixed_up}
  gone: {evaluation: reconstruction, model: missing}
"""
MODELS = """\
  bad: {build: model:Scaler, checkpoint: checkpoints/scaler_bad.safetensors}
  mixed_up: {build: model:Picker, checkpoint: checkpoints/picker_bad.safetensors}
  missing: {build: model:Scaler, checkpoint: checkpoints/missing.safetensors}

datasets:
"""


def test_a_control_passes_when_the_checks_fail_it(toy: Toy, gate: Callable[..., Run]) -> None:
    toy.edit("\ndatasets:\n", MODELS)
    toy.add_evaluation(CONTROLS)
    run = gate("-m", "control")
    assert run.statuses == {
        "controls::compared_with_itself": "FAIL",
        "controls::bad": "PASS",
        "controls::all_of_it": "PASS",
        # The toy's scaler is perfect as it is built: random weights are none.
        "controls::perfect": "FAIL",
        "controls::slightly_bad": "PASS",
        "controls::gone": "ERROR",
    }
    assert run.last_line.startswith("CONTROLS FAILED: 3 of 6 control items did not pass")
    (first, *_) = run.results["controls::perfect"]["verdict"]["findings"]
    assert first["what"] == (
        "scaler with random weights must fail a check of reconstruction that stops a release, and it does not: "
        "psnr-min, psnr-max-degradation-vs-older were not failed"
    )
    (nothing,) = run.results["controls::compared_with_itself"]["verdict"]["findings"]
    assert nothing["what"] == (
        "bad must fail a check of versus that stops a release, and there is none that can be judged on it"
    )
    (noted,) = run.results["controls::bad"]["verdict"]["findings"]
    assert noted["what"].startswith("psnr-min failed it, as it must: psnr 13.29 dB < 27 dB")
    # What was measured with random weights serves no release.
    assert gate().last_line == "GO: 7 of 7 release checks in 1 spec passed"
