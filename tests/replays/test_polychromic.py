"""A fine-tune that should make texts more diverse, with a weight of the diversity term of 0.3 (issue 8, e).

Measured: distinct-2 +1.6 %, self-BLEU 2.3 % worse, pass@1 0.696 → 0.678, pass@10 0.998 → 0.996. The tier "workshop"
asked for distinct-2 +12 %, pass@10 +25 % and self-BLEU −10 %, p < 0.05; "main" for +25 %, +50 % and −30 % over seeds.
The report has relative values of distinct-2 and self-BLEU only: theirs are put on 0.5 and 0.3 here.
"""

from __future__ import annotations

from collections.abc import Callable

from .conftest import Replay

BASE = {"distinct_2": 0.5, "self_bleu": 0.3, "pass_at_1": 0.696, "pass_at_10": 0.998}
TUNED = {"distinct_2": 0.5 * 1.016, "self_bleu": 0.3 * 1.023, "pass_at_1": 0.678, "pass_at_10": 0.996}
SPEC = """
modelqa: 1
name: polychromic
defaults: {baseline: base}
evaluations:
  training:
    task: training_log
    args: {path: log.jsonl, format: jsonl}
    checks:
      - {metric: share, args: {term: diversity_score, weight: 0.3, total: quality_loss}, min: 0.08}
  base: {task: recorded, args: {path: base.json, format: json, source: test}}
  workshop:
    task: recorded
    args: {path: tuned.json, format: json, source: test}
    checks:
      - metric: recorded_value
        args: &distinct_2 {name: distinct_2, unit: fraction, higher_is_better: true, n: 500}
        min_improvement_percent: 12
      - metric: recorded_value
        args: &self_bleu {name: self_bleu, unit: fraction, higher_is_better: false, n: 500}
        min_improvement_percent: 10
      - metric: recorded_value
        args: &pass_at_10 {name: pass_at_10, unit: fraction, higher_is_better: true, n: 500}
        min_improvement_percent: 25
      - metric: recorded_value
        args: &pass_at_1 {name: pass_at_1, unit: fraction, higher_is_better: true, n: 500}
        max_degradation: 0.01
      - id: distinct_2-significant
        metric: recorded_value
        args: *distinct_2
        min_improvement_percent: 1
        confidence: 0.95
  main:
    task: recorded
    args: {path: "seeds/{seed}.json", coordinates: {seed: [0, 1, 2]}, format: json, source: test}
    checks:
      - {metric: recorded_value, args: *distinct_2, over: seed, min_improvement_percent: 25, confidence: 0.95}
      - {metric: recorded_value, args: *pass_at_10, over: seed, min_improvement_percent: 50}
      - {metric: recorded_value, args: *self_bleu, over: seed, min_improvement_percent: 30, confidence: 0.95}
"""
LOG = "".join(
    f'{{"step": {step}, "quality_loss": 3.0, "diversity_score": 0.25}}\n' for step in range(0, 50, 10)
)
FILES = {"log.jsonl": LOG, "base.json": BASE, "tuned.json": TUNED}


def test_no_tier_is_reached_and_one_cannot_be(replay: Callable[..., Replay]) -> None:
    seeds = {f"seeds/{seed}.json": {**TUNED, "distinct_2": 0.508 + seed / 1000} for seed in range(3)}
    run = replay(SPEC, {**FILES, **seeds})
    assert run.exit_code == 1
    assert run.last_line.startswith("NO-GO: 9 of 9 release checks")
    assert run.reason("share-term-diversity_score-total-quality_loss-min").startswith("share 0.0250 < 0.08")
    for name in ("distinct_2", "self_bleu", "pass_at_10"):
        check = f"recorded_value-name-{name}-min-improvement-percent-vs-base"
        assert run.statuses[f"workshop::{check}"] == "FAIL"
        assert run.statuses[f"main::{check}-over-seed"] == "FAIL"
    for tier in ("", "-over-seed"):
        notes = run.notes(f"recorded_value-name-pass_at_10-min-improvement-percent-vs-base{tier}")
        assert any(note.startswith("no value of pass_at_10 reaches this") for note in notes), notes
        assert any("0.2 %" in note for note in notes), notes
    assert run.statuses["workshop::recorded_value-name-pass_at_1-max-degradation-vs-base"] == "FAIL"
    # A gain of 1.6 % from one number each is no significant one.
    assert run.statuses["workshop::distinct_2-significant"] == "INCONCLUSIVE"


def test_seeds_that_were_not_run_are_named(replay: Callable[..., Replay]) -> None:
    run = replay(SPEC, {**FILES, "seeds/0.json": TUNED})
    main = [name for name in run.statuses if name.startswith("main::")]
    assert {run.statuses[name] for name in main} == {"ERROR"}
    assert "missing for seed=1" in run.reason(main[0].split("::")[1])


def test_the_weak_term_is_seen_on_the_first_logged_steps(replay: Callable[..., Replay]) -> None:
    spec = SPEC.split("  base:")[0].replace("defaults: {baseline: base}\n", "")
    run = replay(spec, {"log.jsonl": LOG.splitlines(keepends=True)[0]})
    assert run.statuses == {"training::share-term-diversity_score-total-quality_loss-min": "FAIL"}
