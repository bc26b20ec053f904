"""Rules between keys and entries: each gives its sentence at its place, and nothing beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_modelqa.spec.grid import members

if TYPE_CHECKING:
    from conftest import Reader

GRID = ("best.safetensors", "'{step}/{seed}.pt', coordinates: {step: [1, 2], seed: [0, 1]}")
CHECK = "accuracy, min: 0.9"
MODEL = "    model: candidate\n"
SECOND = ("datasets:", "  second: {build: model:Net}\ndatasets:")

RULES: list[tuple[list[tuple[str, str]], list[str]]] = [
    # Models
    ([("model:Net", "model.Net")], ["build of the model 'candidate' is not module:attribute, such as "]),
    ([("model:Net", "model.py:Net")], ["'model.py' is a file, not a module"]),
    ([("model:Net", "model:Net, sha256: abc")], ["sha256 of the model 'candidate' is not a sha256: 64 "]),
    (
        [("model:Net", "model:Net, tiny: {arg: 1}")],
        ["tiny of the model 'candidate' has an unknown key 'arg'"],
    ),
    ([("best.safetensors", '""')], ["checkpoint of the model 'candidate' is not a text that is not empty"]),
    ([("best.safetensors", '"a\\0b"')], ["a path holds a NUL character"]),
    (
        [("best.safetensors", "'{step}.pt', coordinates: {step: []}")],
        ["the coordinate 'step' of 'candidate' needs values that differ"],
    ),
    # Datasets
    ([("data:test", "data:test, path: x")], ["the dataset 'test' has both load and path"]),
    ([("load: data:test, ", "")], ["the dataset 'test' does not say how it is read"]),
    ([("load: data:test", "path: x.npz")], ["files of the dataset 'test' has no effect beside path"]),
    (
        [("role: test", f"role: test, sha256: '{'1' * 64}'")],
        ["the dataset 'test' has both files and sha256"],
    ),
    ([("role: test", "role: test, limit: 0")], ["limit of the dataset 'test' is not a number of at least 1"]),
    # Evaluations
    ([(MODEL, "")], ["the evaluation 'digits' names no model, which the task classification needs"]),
    ([("    task: classification\n", "")], ["the evaluation 'digits' names no task"]),
    (
        [("classification", "training_log"), ("accuracy, min: 0.9", "log_loss, max: 1")],
        [
            "the evaluation 'digits' names a model, and the task training_log takes none",
            "the evaluation 'digits' names a dataset, and the task training_log takes none",
        ],
    ),
    (
        [(MODEL, MODEL + "    args: {inpt: x}\n")],
        ["args of the task classification in 'digits' has an unknown "],
    ),
    (
        [(MODEL, MODEL + "    args: {output: [1], class_names: [1]}\n")],
        [
            "output of args of the task classification in 'digits' is not text or a whole number",
            "class_names.0 of args of the task classification in 'digits' is not text",
        ],
    ),
    ([("classification", "linear_probe")], ["args of the task linear_probe in 'digits' has no 'train'"]),
    (
        [("classification", "linear_probe"), (MODEL, MODEL + "    args: {train: tset, judges: [test]}\n")],
        [
            "train in args of the task linear_probe in 'digits' names 'tset', which does not exist",
            "judges in args of the task linear_probe in 'digits' names 'test', which is a dataset",
        ],
    ),
    (
        [("classification", "linear_probe"), (MODEL, MODEL + "    args: {train: test}\n")],
        [
            "train in args of the task linear_probe in 'digits' names 'test', which is what the evaluation meas"
        ],
    ),
    (
        [(MODEL, MODEL + "    batch_size: 0\n")],
        ["batch_size of the evaluation 'digits' is not a number of at le"],
    ),
    (
        [(MODEL, MODEL + "    batch_size: big\n")],
        ["batch_size of the evaluation 'digits' is not a whole number "],
    ),
    ([(MODEL, MODEL + "    device: gpu\n")], ["device of the evaluation 'digits' is not auto, cpu, cuda or"]),
    (
        [(MODEL, MODEL + "    deterministic: yes\n")],
        ["deterministic of the evaluation 'digits' is not true or"],
    ),
    ([(MODEL, MODEL + "    marks: [cpu]\n")], ["the mark cpu cannot be given by a spec"]),
    ([("digits:", "preflight:")], ["an evaluation cannot be called preflight"]),
    # Names
    ([("candidate", "constant")], ["'constant' is also a baseline that the task classification computes"]),
    # Bounds
    ([("min: 0.9", "min: null")], ["min of check 1 of digits has no value"]),
    (
        [("min: 0.9", "max: 1.0")],
        ["check 1 of digits checks nothing: no value of accuracy is beyond its bound"],
    ),
    (
        [("min: 0.9", "min: 0, max: 1")],
        ["check 1 of digits checks nothing: no value of accuracy is beyond its"],
    ),
    ([("min: 0.9", "min: 101, unit: percent")], ["min of accuracy is outside its range 0..100 %"]),
    (
        [("min: 0.9", "max_degradation: 2, baseline: constant")],
        ["check 1 of digits can never fail: max_degradation spans the whole range of accuracy"],
    ),
    (
        [("min: 0.9", "min_improvement: 1, baseline: constant")],
        ["check 1 of digits can never pass: min_improvement spans the whole range of accuracy"],
    ),
    (
        [("min: 0.9", "max_degradation_percent: 100, baseline: constant")],
        ["check 1 of digits can never fail: accuracy is never negative, so it loses at most 100 %"],
    ),
    (
        [("min: 0.9", "min: 0.9, slices: {label: [walk, turn, walk]}")],
        ["slices of check 1 of digits names 'walk' twice"],
    ),
    ([(CHECK, "psnr, min: 3")], ["check 1 of digits: the task classification does not measure psnr"]),
    (
        [(CHECK, "top_k_accuracy, args: {k: 0}, min: 0.9")],
        ["k of args of top_k_accuracy in check 1 of digits is"],
    ),
    (
        [("classification", "reconstruction"), (CHECK, "ssim, min: 0.9, args: {window: 10}")],
        ["window of args of ssim in check 1 of digits: a window has a centre, so its side is odd"],
    ),
    (
        [("classification", "reconstruction"), (CHECK, "ssim, min: 0.9, args: {window: 101}")],
        ["args of ssim in check 1 of digits: a window of this side fits into no image"],
    ),
    (
        [(CHECK, "accuracy, min: 0.9}\n      - {metric: accuracy, max: 0.8")],
        ["two checks of 'digits' can never pass together"],
    ),
    # Comparisons
    (
        [("min: 0.9", "max_degradation: 0.1, baseline: test")],
        ["check 1 of digits names 'test', which is a dataset"],
    ),
    (
        [("min: 0.9", "max_degradation: 0.1, baseline: candidate")],
        ["check 1 of digits compares 'candidate' with itself"],
    ),
    (
        [
            ("min: 0.9", "max_degradation: 0.1, baseline: other"),
            ("  digits:", "  other: {task: reconstruction, model: candidate, dataset: test}\n  digits:"),
        ],
        ["check 1 of digits compares accuracy, which the evaluation 'other' cannot measure"],
    ),
    # Confidence and grids
    (
        [("min: 0.9", "min: 0.9, confidence: 95")],
        ["confidence of check 1 of digits is not a number less than 1"],
    ),
    (
        [("min: 0.9", "min: 0.9, on_inconclusive: warn, cluster: patient")],
        [
            "on_inconclusive of check 1 of digits has no effect without confidence",
            "cluster of check 1 of digits has no effect without confidence",
        ],
    ),
    (
        [("min: 0.9", "min: 0.9, confidence: 0.95"), (MODEL, MODEL + "    stop_early: certain\n")],
        ["check 1 of digits has confidence, and its evaluation stop_early"],
    ),
    (
        [("min: 0.9", "min: 0.9, at: {step: 1}")],
        ["at of check 1 of digits names 'step', which is no coordinate"],
    ),
    (
        [("min: 0.9", "trend: increasing, along: step")],
        ["along of check 1 of digits names 'step', which is no coordinate of the model"],
    ),
    (
        [GRID, ("min: 0.9", "trend: increasing")],
        ["check 1 of digits is a trend, and does not say along which "],
    ),
    (
        [GRID, ("min: 0.9", "min: 0.9, at: {step: 3}")],
        ["at of check 1 of digits picks step 3, which the model "],
    ),
    (
        [GRID, (CHECK, "brightness, trend: increasing, along: step")],
        ["trend of brightness: it is neither better when higher nor when lower"],
    ),
    (
        [GRID, ("min: 0.9", "trend: increasing, along: step, tolerance: 0.05")],
        ["tolerance of check 1 of digits has no effect beside trend: increasing"],
    ),
    (
        [GRID, ("min: 0.9", "min: 0.9, at: {seed: true}")],
        ["at of check 1 of digits picks seed true, which the model does not declare"],
    ),
    *(
        (
            [
                ("best.safetensors", f"'{{step}}.pt', coordinates: {{step: {values}}}"),
                ("min: 0.9", "min: 0.9, at: {step: last}"),
            ],
            ["at of check 1 of digits picks the last step, and the values of step are not all numbers"],
        )
        for values in (
            "[step_900, step_1000]",
            "['900', '1000']",
            "[900, final]",
            "[3_000, 10_000]",
            "[True, False]",
        )
    ),
    *(
        (
            [("best.safetensors", f"'{{step}}.pt', coordinates: {{step: [{value}]}}")],
            [f"{value} of the coordinate 'step' would be read as "],
        )
        for value in ("0100", "1e3", "true", ".nan")
    ),
    (
        [("best.safetensors", "'{step:.2f}.pt', coordinates: {step: [1, 2]}")],
        ["the checkpoint of 'candidate' holds {step:.2f}, which is no coordinate"],
    ),
    (
        [("best.safetensors", "'{step:06}.pt', coordinates: {step: [1, best]}")],
        ["the coordinate 'step' of 'candidate' is filled up with zeros"],
    ),
    (
        [("best.safetensors", "'{step:06}/{step}.pt', coordinates: {step: [1, 0.5]}")],
        ["the coordinate 'step' of 'candidate' is filled up with zeros"],
    ),
    ([GRID, ("min: 0.9", "min: 0.9, along: step")], ["along of check 1 of digits has no effect beside min"]),
    (
        [GRID, ("min: 0.9", "trend: increasing, along: step, over: step")],
        ["check 1 of digits uses the coordinate 'step' twice"],
    ),
    (
        [GRID, ("min: 0.9", "trend: non_decreasing, along: step, confidence: 0.95")],
        ["check 1 of digits has confidence, and no tolerance"],
    ),
    *(
        (
            [
                ("best.safetensors", f"'{{step}}.pt', coordinates: {{step: {values}}}"),
                ("min: 0.9", "trend: increasing, along: step"),
            ],
            ["check 1 of digits is a trend along 'step', which puts no checkpoints in "],
        )
        for values in ("[early, late]", "[1000, late]", "[1000]", "[True, False]", "[1, 1.0]", "[1, nan]")
    ),
]


@pytest.mark.parametrize(("changes", "sentences"), RULES, ids=[sentences[0] for _, sentences in RULES])
def test_a_rule_that_is_broken_is_told(
    read: Reader, spec_text: Callable[..., str], changes: list[tuple[str, str]], sentences: list[str]
) -> None:
    problems = read.error(spec_text(*changes)).problems

    assert len(problems) == len(sentences)
    for problem, sentence in zip(problems, sentences, strict=True):
        assert problem.what.startswith(sentence)


def test_a_coordinate_may_be_called_last(read: Reader, spec_text: Callable[..., str]) -> None:
    grid = ("best.safetensors", "'{name}.pt', coordinates: {name: [best, last, swa]}")

    spec = read(spec_text(grid, ("min: 0.9", "min: 0.9, at: {name: last}")))

    (check,) = spec.evaluations["digits"].checks
    assert members(spec.models["candidate"].coordinates, check.at) == ({"name": "last"},)


@pytest.mark.parametrize(
    ("values", "bound", "todo"),
    [
        (
            "[000020, 000400]",
            "min: 0.9",
            'write 20 and, in the path, {step:06}, which fills it up with zeros, or "000020" in quotes',
        ),
        (
            "['000020', '000400']",
            "trend: increasing, along: step",
            "write 20 … and, in the path, {step:06}, which fills it up with zeros",
        ),
        (
            "['0020', '0400']",
            "min: 0.9, at: {step: last}",
            "write 20 … and, in the path, {step:04}, which fills it up with zeros, "
            'or pick one by its name: at: {step: "0400"}',
        ),
        ("['20', '0400']", "trend: increasing, along: step", "write the steps as numbers"),
        ("[early, late]", "trend: increasing, along: step", "write the steps as numbers"),
    ],
)
def test_numbers_with_zeros_before_them_are_told_how_to_be_written(
    read: Reader, spec_text: Callable[..., str], values: str, bound: str, todo: str
) -> None:
    grid = ("best.safetensors", f"'{{step}}.pt', coordinates: {{step: {values}}}")

    first, *_ = read.error(spec_text(grid, ("min: 0.9", bound))).problems

    assert first.todo == todo


def test_a_value_is_picked_as_it_is_declared() -> None:
    # 1000.0 is 1000, and no file is called 1000.0.
    ((name, value),) = members({"step": (900, 1000)}, {"step": 1000.0})[0].items()

    assert (name, str(value)) == ("step", "1000")


def test_what_defaults_give_to_trends_leaves_other_checks_alone(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    defaults = ("models:", "defaults: {along: step, tolerance: 2, cluster: video}\nmodels:")

    (check,) = (
        read(spec_text(defaults, GRID, ("min: 0.9", "min: 0.9, at: {step: last}")))
        .evaluations["digits"]
        .checks
    )

    assert (check.along, check.tolerance, check.cluster) == (None, None, None)
    assert check.id == "accuracy-min-at-step-last"


def test_what_is_wrong_in_defaults_is_shown_there(read: Reader, spec_text: Callable[..., str]) -> None:
    (problem,) = read.error(spec_text(("models:", "defaults: {at: {step: last}}\nmodels:"))).problems

    assert problem.position is not None
    assert (problem.position.line, problem.position.column) == (2, 17)


@pytest.mark.parametrize(
    ("at", "todo"),
    [
        ("step: latest", "did you mean 'last'?"),
        ("step: '1'", "write it as under coordinates, without quotes"),
        ("stpe: last", "did you mean 'step'?"),
    ],
)
def test_a_misspelt_coordinate_is_understood(
    read: Reader, spec_text: Callable[..., str], at: str, todo: str
) -> None:
    (problem,) = read.error(spec_text(GRID, ("min: 0.9", f"min: 0.9, at: {{{at}}}"))).problems

    assert (problem.code, problem.todo) == ("unknown-coordinate", todo)


def test_all_problems_of_a_file_are_told_at_once_in_its_order(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text(
        ("best.safetensors", "~/best.safetensors"),
        (", role: test", ""),
        ("model: candidate", "model: candidat"),
        (
            "{metric: accuracy, min: 0.9}",
            "{metric: accuracy, min: '0.9'}\n      - {metric: acuracy, min: 0.9}",
        ),
    )
    error = read.error(text)

    assert [(problem.code, problem.position.line) for problem in error.problems if problem.position] == [
        ("shell-syntax", 3),
        ("missing-key", 5),
        ("unknown-name", 9),
        ("not-a-number", 12),
        ("unknown-metric", 13),
    ]
    assert str(error).startswith(
        "5 problems in a.modelspec.yaml; the first: ~ has no meaning in a path of a "
    )
    assert str(error).count("where:") == 5


def test_a_broken_entry_still_has_its_name(read: Reader, spec_text: Callable[..., str]) -> None:
    whole = "{build: model:Net, checkpoint: best.safetensors}"
    for change in (("model:Net", "model"), ("role: test", "role: tset"), (whole, "3"), ("{load: ", "{")):
        codes = read.codes(spec_text(change))

        assert "unknown-name" not in codes
        assert len(codes) == 1


def test_names_are_not_missed_in_a_section_that_cannot_be_read(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    assert read.codes(spec_text(("  candidate: {", "  - candidate: {"))) == ["wrong-type"]


def test_defaults_that_are_wrong_are_told_once_and_not_missed(read: Reader) -> None:
    text = """\
modelqa: 1
defaults: {task: 3, model: m, dataset: d, metric: [accuracy], unit: dB, colour: red}
models: {m: {build: a:b}}
datasets: {d: {load: a:b, role: test}}
evaluations:
  first: {checks: [{min: 0.9}]}
  second: {task: classification, checks: [{metric: accuracy, min: 0.9}, {metric: accuracy, max: 0.95}]}
"""
    error = read.error(text)

    assert [(problem.code, problem.what) for problem in error.problems] == [
        ("wrong-type", "task of defaults is not text"),
        ("wrong-type", "metric of defaults is not text"),
        ("wrong-unit", "accuracy is not measured in dB"),
        ("unknown-key", "defaults has an unknown key 'colour'"),
    ]


def test_a_file_in_which_everything_is_wrong_is_not_told_whole(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text(
        ("{metric: accuracy, min: 0.9}", "\n      - ".join(["{metric: accuracy, mni: 1}"] * 300))
    )
    error = read.error(text)

    assert len(error.problems) == 50
    assert str(error).startswith("50 or more problems in a.modelspec.yaml")


def test_a_misspelt_key_that_is_needed_is_told_once(read: Reader, spec_text: Callable[..., str]) -> None:
    (problem,) = read.error(spec_text(("build:", "biuld:"))).problems

    assert (problem.code, problem.todo) == ("unknown-key", "did you mean 'build'?")


@pytest.mark.parametrize(
    ("written", "todo"),
    [
        ('"0.9"', "remove the quotes"),
        ("90%", "write 90 with unit: percent"),
        ("'>= 0.9'", "write min: 0.9, without an operator"),
        ("'<0.9'", "write max: 0.9, without an operator"),
        ("1_000", "write 1000"),
        ('"0,9"', "write 0.9"),
        ("28 dB", "write 28, with unit: dB"),
        ("high", None),
    ],
)
def test_a_text_in_a_numbers_place_is_understood(
    read: Reader, spec_text: Callable[..., str], written: str, todo: str | None
) -> None:
    (problem,) = read.error(spec_text(("min: 0.9", f"min: {written}"))).problems

    assert (problem.code, problem.todo) == ("not-a-number", todo)


@pytest.mark.parametrize(
    ("check", "todo"),
    [
        ("accuracy, min: -0.5", "accuracy is never negative; did you mean 0.5?"),
        ("accuracy, min: 34.02", "did you mean 0.3402? or write unit: percent"),
        ("accuracy, min: 100", "did you mean 1? or write unit: percent"),
        ("accuracy, min: 101", "correct the number, or the metric"),
        ("accuracy, min: 900, unit: percent", "correct the number, or the metric"),
        ("log_loss, max: -1", "log_loss is never negative; did you mean 1 nats?"),
        ("brightness, max: 256", "correct the number, or the metric"),
        ("bleu, min: 1", "write 100, or unit: points beside it if it is meant"),
        (
            "accuracy, max_degradation: 2, baseline: constant",
            "did you mean 0.02, unit: percent, or max_degradation_percent: 2?",
        ),
        ("accuracy, max_difference: 2, baseline: constant", "did you mean 0.02? or write unit: percent"),
        (
            "accuracy, max_degradation: -1, baseline: constant",
            "write min_improvement: 1 if it must be better",
        ),
        ("accuracy, min_improvement: -1, baseline: constant", "write max_degradation: 1 if it may be worse"),
        ("accuracy, max_difference: -1, baseline: constant", "write max_difference: 1"),
    ],
)
def test_a_number_out_of_range_is_understood(
    read: Reader, spec_text: Callable[..., str], check: str, todo: str
) -> None:
    (problem,) = read.error(spec_text(("accuracy, min: 0.9", check))).problems

    assert problem.todo == todo


@pytest.mark.parametrize(
    "check",
    [
        "accuracy, min: 1",
        "accuracy, min: 0, max: 0.5",
        "accuracy, max: 0",
        "log_loss, max: 0",
        "bleu, min: 1.01",
        "accuracy, max_degradation: 0.99, baseline: constant",
        "accuracy, max_degradation_percent: 99, baseline: constant",
        "log_loss, max_degradation_percent: 200, baseline: constant",
        "log_loss, max_degradation: 100, baseline: constant",
        "brightness, max_difference: 3, baseline: constant",
    ],
)
def test_a_bound_at_the_edge_of_what_makes_sense_is_legal(
    read: Reader, spec_text: Callable[..., str], check: str
) -> None:
    assert read(spec_text(("accuracy, min: 0.9", check))).evaluations["digits"].checks


@pytest.mark.parametrize(
    ("second", "todo"),
    [("min: 0.9", "remove one of them"), ("min: 0.8", "give one of them a name: id: accuracy-min-2")],
)
def test_two_checks_of_one_id_are_told_apart_by_what_they_say(
    read: Reader, spec_text: Callable[..., str], second: str, todo: str
) -> None:
    both = f"{CHECK}}}\n      - {{metric: accuracy, {second}"
    (problem,) = read.error(spec_text((CHECK, both))).problems

    assert (problem.code, problem.todo) == ("id-taken", todo)


def test_the_highest_of_several_minima_is_held_against_a_maximum(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    # The lower one stands last, and does not contradict.
    checks = (
        f"{CHECK}}}\n      - {{metric: accuracy, min: 0.5, id: low}}\n      - {{metric: accuracy, max: 0.8"
    )
    (problem,) = read.error(spec_text((CHECK, checks))).problems

    assert problem.found == "accuracy at least 0.9, and at most 0.8"


def test_a_control_of_an_evaluation_that_stops_no_release_names_its_checks(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    def text(control: str) -> str:
        return (
            spec_text(("0.9}", "0.9, severity: warn}"))
            + f"controls: {{untrained: {{evaluation: digits{control}}}}}\n"
        )

    (problem,) = read.error(text("")).problems
    assert problem.what == "the control 'untrained' names no check, and none of digits stops a release"
    assert read(text(", fails: [accuracy-min]")).controls


def test_a_decimal_comma_is_understood(read: Reader, spec_text: Callable[..., str]) -> None:
    (problem,) = read.error(spec_text(("min: 0.9", "min: 0,9"))).problems

    assert "a decimal comma (0,9) must be a point (0.9)" in str(problem.todo)


@pytest.mark.parametrize("number", ["0x10k", "0o17M", "0x1F%"])
def test_a_number_to_another_base_with_a_unit_is_no_number(
    read: Reader, spec_text: Callable[..., str], number: str
) -> None:
    (problem,) = read.error(spec_text(("min: 0.9", f"min: {number}"))).problems

    assert problem.code == "not-a-number"
    assert "F%" not in str(problem.todo)


def test_a_baseline_of_defaults_that_nothing_compares_with_is_told(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    defaults = ("models:", "defaults: {baseline: constant}\nmodels:")
    (problem,) = read.error(spec_text(defaults)).problems

    assert problem.what == "baseline of defaults has no effect: no check compares"
    assert read(spec_text(defaults, ("min: 0.9", "min_improvement: 0.1")))


@pytest.mark.parametrize(
    ("check", "todo"),
    [
        (
            "min_improvement: 0.05, unit: percent",
            "write min_improvement: 5, if 5 percentage points are meant",
        ),
        (
            "min_improvement_percent: 0.05",
            "write min_improvement_percent: 5, if 5 percent of the baseline are meant",
        ),
        ("min_improvement: 0.05", None),
        ("min_improvement: 0.5, unit: percent", None),
    ],
)
def test_a_fraction_in_the_place_of_percent_is_warned_of(
    read: Reader, spec_text: Callable[..., str], check: str, todo: str | None
) -> None:
    warnings = read(spec_text(("min: 0.9", f"{check}, baseline: constant"))).warnings

    assert [warning.split("; ")[1] for warning in warnings] == ([f"{todo} [hardly-any-gain]"] if todo else [])


@pytest.mark.parametrize(
    ("key", "todo"),
    [
        ("threshold", "write min: (at least) or max: (at most)"),
        ("relative", "write min_improvement_percent: or max_degradation_percent:"),
        ("rtol", "write max_degradation_percent: (only worse counts) or max_difference: (either way)"),
        ("vs", "write baseline:"),
        ("direction", "remove it: each metric knows its direction"),
        ("scale", "write unit: percent"),
    ],
)
def test_a_word_of_another_tool_says_what_to_write_instead(
    read: Reader, spec_text: Callable[..., str], key: str, todo: str
) -> None:
    (problem,) = read.error(spec_text(("min: 0.9", f"min: 0.9, {key}: 1"))).problems

    assert (problem.code, problem.todo) == ("unknown-key", todo)


def test_an_ambiguous_slice_value_is_found_in_the_defaults(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    (problem,) = read.error(spec_text(("models:", "defaults: {slices: {version: [3.10]}}\nmodels:"))).problems

    assert (problem.code, problem.at and problem.at.line) == ("ambiguous-value", 2)


@pytest.mark.parametrize("baseline", ["[x]", "{x: 1}", "3", "null"])
def test_a_baseline_that_is_no_name_is_told(
    read: Reader, spec_text: Callable[..., str], baseline: str
) -> None:
    codes = read.codes(spec_text(("min: 0.9", f"max_degradation: 0.1, baseline: {baseline}")))

    assert codes == ["no-baseline" if baseline == "null" else "wrong-type"]


def test_a_fraction_that_is_called_percent_is_asked_about(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    (problem,) = read.error(spec_text(("min: 0.9", "min: 0.95, unit: percent"))).problems
    assert problem.code == "out-of-range"
    assert "0.95 %" in problem.what
    assert problem.todo is not None
    assert problem.todo.startswith("write min: 95, or leave out unit: percent")
