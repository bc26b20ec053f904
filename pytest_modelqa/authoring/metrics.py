"""Which metrics are proposed for a task, given what is known of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .draft import DraftCheck

# Below this a class has too few samples for a bound of its own to mean anything.
_SAMPLES_A_CLASS = 20
# The window of ssim as its authors gave it: 11 × 11 pixels, sigma 1.5.
_WINDOW, _SIGMA = 11, 1.5


def proposed_checks(task: str, facts: Mapping[str, Any]) -> tuple[DraftCheck, ...]:
    """The checks of a task, those that matter most first.

    >>> [check.metric for check in proposed_checks("detection", {})]
    ['ap', 'ap50', 'ap_small', 'ap_medium', 'ap_large', 'ar_100']
    """
    if task == "classification":
        return _classification(facts)
    if task == "reconstruction":
        return _reconstruction(facts)
    if task == "detection":
        names = ("ap", "ap50", "ap_small", "ap_medium", "ap_large", "ar_100")
        return tuple(DraftCheck(name, "min") for name in names)
    return ()


def _classification(facts: Mapping[str, Any]) -> tuple[DraftCheck, ...]:
    checks = [
        DraftCheck("accuracy", "min"),
        DraftCheck("accuracy", "min_improvement", baseline="constant"),
        DraftCheck("log_loss", "max"),
    ]
    if facts.get("least", 0) >= _SAMPLES_A_CLASS:
        checks.insert(1, DraftCheck("recall", "min", slices=str(facts["label"])))
    return tuple(checks)


def _reconstruction(facts: Mapping[str, Any]) -> tuple[DraftCheck, ...]:
    checks = [
        DraftCheck("psnr", "min"),
        DraftCheck("psnr", "min_improvement", baseline="constant"),
    ]
    least = min(facts.get("height", 0), facts.get("width", 0))
    if least >= _WINDOW:
        checks.insert(1, DraftCheck("ssim", "min"))
    elif least >= 5:
        # A window that fits, and sigma in proportion.
        window = least - 1 if least % 2 == 0 else least
        args = {"window_size": window, "sigma": round(_SIGMA * window / _WINDOW, 2)}
        checks.insert(1, DraftCheck("ssim", "min", args))
    return tuple(checks)
