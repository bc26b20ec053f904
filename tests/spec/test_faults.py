"""Every bad spec of the list of faults, numbers 1 to 32, with the whole message that it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Reader


def _laughs() -> str:
    """Nine to the power of nine values in 400 bytes."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    return "\n".join(lines)


def _merges() -> str:
    """A million merged keys in 600 bytes."""
    lines = ["a: &a {x: 1}"]
    for before, name in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True):
        lines.append(f"{name}: &{name} {{<<: [*{before}, *{before}]}}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            [("min: 0.9", 'min: "0.9"')],
            """\
min of check 1 of digits is not a number [not-a-number]
  where:     a.modelspec.yaml:12:33
  expected:  a number
  found:     the text '0.9'
  to do:     remove the quotes

   11 |     checks:
   12 |       - {metric: accuracy, min: "0.9"}
      |                                 ^^^^^""",
            id="3: a number in quotes",
        ),
        pytest.param(
            [("min: 0.9", "min: no")],
            """\
min of check 1 of digits is not a number [not-a-number]
  where:     a.modelspec.yaml:12:33
  expected:  a number
  found:     the text 'no'

   11 |     checks:
   12 |       - {metric: accuracy, min: no}
      |                                 ^^""",
            id="4: no is text",
        ),
        pytest.param(
            [("min: 0.9", "min: .nan")],
            """\
min of check 1 of digits is not a finite number [not-finite]
  where:     a.modelspec.yaml:12:33
  expected:  a finite number
  found:     the number .nan
  to do:     write the number that is meant

   11 |     checks:
   12 |       - {metric: accuracy, min: .nan}
      |                                 ^^^^""",
            id="5: nan",
        ),
        pytest.param(
            [("min: 0.9", "min: .inf")],
            """\
min of check 1 of digits is not a finite number [not-finite]
  where:     a.modelspec.yaml:12:33
  expected:  a finite number
  found:     the number .inf
  to do:     write the number that is meant

   11 |     checks:
   12 |       - {metric: accuracy, min: .inf}
      |                                 ^^^^""",
            id="6: infinity",
        ),
        pytest.param(
            [("min: 0.9", "min: true")],
            """\
min of check 1 of digits is not a number [not-a-number]
  where:     a.modelspec.yaml:12:33
  expected:  a number
  found:     true

   11 |     checks:
   12 |       - {metric: accuracy, min: true}
      |                                 ^^^^""",
            id="7: true is no number",
        ),
        pytest.param(
            [("min: 0.9", "min: 34.02")],
            """\
min of accuracy is outside its range 0..1 [out-of-range]
  where:     a.modelspec.yaml:12:33
  expected:  0..1
  found:     34.02
  to do:     did you mean 0.3402? or write unit: percent

   11 |     checks:
   12 |       - {metric: accuracy, min: 34.02}
      |                                 ^^^^^""",
            id="8: percent for a fraction",
        ),
        pytest.param(
            [("accuracy, min: 0.9", "bleu, min: 0.34")],
            """\
min of bleu looks like a fraction, and bleu ranges 0..100 [out-of-range]
  where:     a.modelspec.yaml:12:29
  found:     0.34
  to do:     write 34, or unit: points beside it if it is meant

   11 |     checks:
   12 |       - {metric: bleu, min: 0.34}
      |                             ^^^^""",
            id="9: a fraction for 0..100",
        ),
        pytest.param(
            [(", min: 0.9", "")],
            """\
check 1 of digits checks nothing: it has no bound [no-bound]
  where:     a.modelspec.yaml:12:9
  expected:  min, max, min_improvement, max_degradation, max_difference or trend

   11 |     checks:
   12 |       - {metric: accuracy}
      |         ^""",
            id="11: no bound",
        ),
        pytest.param(
            [("    checks:\n      - {metric: accuracy, min: 0.9}\n", "    checks: []\n")],
            """\
the evaluation 'digits' checks nothing [no-checks]
  where:     a.modelspec.yaml:7:3
  expected:  checks: a list of {metric: …, min: …}, or a check elsewhere that compares with it

    6 | evaluations:
    7 |   digits:
      |   ^^^^^^""",
            id="11: no checks",
        ),
        pytest.param(
            [("{metric: accuracy, min: 0.9}", "{metric: accuracy, min: 0.9, severity: warn, min: 0.1}")],
            """\
'min' is given twice, on line 12 [duplicate-key]
  where:     a.modelspec.yaml:12:54
  expected:  each key once: YAML readers keep only one of two, and not all the same one
  to do:     remove one, or give it another name

   11 |     checks:
   12 |       - {metric: accuracy, min: 0.9, severity: warn, min: 0.1}
      |                                                      ^^^""",
            id="12: a key twice",
        ),
        pytest.param(
            [
                ("    dataset: test\n", "    dataset: test\n    seed: 1\n"),
                ("    checks:", "    seed: 2\n    checks:"),
            ],
            """\
'seed' is given twice, on lines 11 and 12 [duplicate-key]
  where:     a.modelspec.yaml:12:5
  expected:  each key once: YAML readers keep only one of two, and not all the same one
  to do:     remove one, or give it another name

   11 |     seed: 1
   12 |     seed: 2
      |     ^^^^""",
            id="12: a key twice, on two lines",
        ),
        pytest.param(
            [("min: 0.9", "min: 0.9, sevrity: warn")],
            """\
check 1 of digits has an unknown key 'sevrity' [unknown-key]
  where:     a.modelspec.yaml:12:38
  to do:     did you mean 'severity'?

   11 |     checks:
   12 |       - {metric: accuracy, min: 0.9, sevrity: warn}
      |                                      ^^^^^^^""",
            id="13: a misspelt key",
        ),
        pytest.param(
            [("min: 0.9", "treshold: 0.9")],
            """\
check 1 of digits has an unknown key 'treshold' [unknown-key]
  where:     a.modelspec.yaml:12:28
  to do:     write min: (at least) or max: (at most)

   11 |     checks:
   12 |       - {metric: accuracy, treshold: 0.9}
      |                            ^^^^^^^^""",
            id="13: another tool's key, misspelt",
        ),
        pytest.param(
            [("datasets:", "  candidate: {build: model:Other}\ndatasets:")],
            """\
'candidate' is given twice, on lines 3 and 4 [duplicate-key]
  where:     a.modelspec.yaml:4:3
  expected:  each key once: YAML readers keep only one of two, and not all the same one
  to do:     remove one, or give it another name

    3 |   candidate: {build: model:Net, checkpoint: best.safetensors}
    4 |   candidate: {build: model:Other}
      |   ^^^^^^^^^""",
            id="14: two models of one name",
        ),
        pytest.param(
            [("  test: {", "  candidate: {load: data:train, role: train}\n  test: {")],
            """\
'candidate' names both a model and a dataset [name-taken]
  where:     a.modelspec.yaml:5:3
  expected:  each name once in a spec, so that 'baseline: NAME' has one meaning
  found:     a model on line 3
  to do:     rename one of them

    4 | datasets:
    5 |   candidate: {load: data:train, role: train}
      |   ^^^^^^^^^""",
            id="14: one name in two sections",
        ),
        pytest.param(
            [("- {metric: accuracy, min: 0.9}", "- metric: accuracy\n        min: >=0.9")],
            """\
the file is not YAML: did not find expected comment or line break [yaml-syntax]
  where:     a.modelspec.yaml:13:15
  to do:     a bound needs no operator: write 'min: 0.9' for ≥ 0.9, 'max: 0.9' for ≤ 0.9

   12 |       - metric: accuracy
   13 |         min: >=0.9
      |               ^""",
            id="18: an operator",
        ),
        pytest.param(
            [("    task:", "\ttask:")],
            """\
the file is not YAML: found character that cannot start any token [yaml-syntax]
  where:     a.modelspec.yaml:8:1
  to do:     indent with spaces: YAML does not allow tabs there

    7 |   digits:
    8 |  task: classification
      | ^""",
            id="19: a tab",
        ),
        pytest.param(
            [("model:Net", "!!python/object/apply:os.system [echo]")],
            """\
the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed [tag]
  where:     a.modelspec.yaml:3:22
  expected:  plain values: a spec is data and runs nothing while it is read
  to do:     remove the tag

    2 | models:
    3 |   candidate: {build: !!python/object/apply:os.system [echo], checkpoint: best.safetensors}
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^""",
            id="28: a tag",
        ),
        pytest.param(
            [("best.safe", "~/best.safe")],
            """\
~ has no meaning in a path of a spec [shell-syntax]
  where:     a.modelspec.yaml:3:45
  to do:     write ${env:HOME}

    2 | models:
    3 |   candidate: {build: model:Net, checkpoint: ~/best.safetensors}
      |                                             ^^^^^^^^^^^^^^^^^^""",
            id="30: a home directory",
        ),
        pytest.param(
            [("best.safe", "$RUNS/best.safe")],
            """\
$RUNS has no meaning in a path of a spec [shell-syntax]
  where:     a.modelspec.yaml:3:45
  to do:     write ${env:RUNS}

    2 | models:
    3 |   candidate: {build: model:Net, checkpoint: $RUNS/best.safetensors}
      |                                             ^^^^^^^^^^^^^^^^^^^^^^""",
            id="30: a shell variable",
        ),
        pytest.param(
            [("best.safetensors", '"${env:RUNS}/best.safetensors"')],
            """\
the environment variable RUNS is not set [undefined-variable]
  where:     a.modelspec.yaml:3:45
  expected:  a value for ${env:RUNS}
  to do:     set RUNS, or give a default: ${env:RUNS:-path}

    2 | models:
    3 |   candidate: {build: model:Net, checkpoint: "${env:RUNS}/best.safetensors"}
      |                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^""",
            id="30: an undefined variable",
        ),
        pytest.param(
            [("    dataset: test\n", "    dataset: test\n    on: true\n    yes: 1\n")],
            """\
2 problems in a.modelspec.yaml; the first: the evaluation 'digits' has an unknown key 'on' [unknown-key]

the evaluation 'digits' has an unknown key 'on' [unknown-key]
  where:     a.modelspec.yaml:11:5
  to do:     write args: {on: …} for the task, or one of: task, model, dataset, baseline, batch_size and 10 more

   10 |     dataset: test
   11 |     on: true
      |     ^^

the evaluation 'digits' has an unknown key 'yes' [unknown-key]
  where:     a.modelspec.yaml:12:5
  to do:     write args: {yes: …} for the task, or one of: task, model, dataset, baseline, batch_size and 10 more

   11 |     on: true
   12 |     yes: 1
      |     ^^^""",
            id="31: on and yes are text",
        ),
        pytest.param(
            [("modelqa: 1\n", "modelqa: 1\nname: 3.10\n")],
            """\
name of the spec is not text [wrong-type]
  where:     a.modelspec.yaml:2:7
  expected:  text
  found:     the number 3.10
  to do:     write "3.10", in quotes, if that is meant

    1 | modelqa: 1
    2 | name: 3.10
      |       ^^^^""",
            id="32: a version that is a number",
        ),
        pytest.param(
            [("modelqa: 1\n", "modelqa: 1.0\n")],
            """\
the spec is written in another version of the language [wrong-version]
  where:     a.modelspec.yaml:1:10
  expected:  modelqa: 1
  found:     the number 1.0
  to do:     write modelqa: 1

    1 | modelqa: 1.0
      |          ^^^""",
            id="32: a version of the language",
        ),
    ],
)
def test_a_wrong_piece_of_a_good_spec_is_explained(
    read: Reader, spec_text: Callable[..., str], changes: list[tuple[str, str]], message: str
) -> None:
    assert str(read.error(spec_text(*changes))) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            "modelqa: 1\nmodels: []\n",
            """\
2 problems in a.modelspec.yaml; the first: no evaluations in a.modelspec.yaml [no-evaluations]

no evaluations in a.modelspec.yaml [no-evaluations]
  where:     a.modelspec.yaml
  expected:  evaluations: at least one, with a task, a model, a dataset and checks

models is not a mapping [wrong-type]
  where:     a.modelspec.yaml:2:9
  expected:  name: {…}
  found:     a list
  to do:     write a name and a colon before each entry, without a dash

    1 | modelqa: 1
    2 | models: []
      |         ^""",
            id="15: an empty list of models",
        ),
        pytest.param(
            "",
            """\
no spec in a.modelspec.yaml [empty]
  where:     a.modelspec.yaml
  expected:  modelqa: 1, models:, datasets:, evaluations:
  found:     an empty file""",
            id="16: an empty file",
        ),
        pytest.param(
            "# nothing yet\n\n",
            """\
no spec in a.modelspec.yaml [empty]
  where:     a.modelspec.yaml
  expected:  modelqa: 1, models:, datasets:, evaluations:
  found:     nothing but comments""",
            id="17: only comments",
        ),
        pytest.param(
            "modelqa: 1\n".encode("utf-16-le"),
            """\
the spec is not UTF-8 text [encoding]
  where:     a.modelspec.yaml
  expected:  UTF-8
  found:     UTF-16 or UTF-32 (by its zero bytes)
  to do:     save it as UTF-8""",
            id="20: UTF-16",
        ),
        pytest.param(
            "modelqa: 1\n".encode("utf-16"),
            """\
the spec is not UTF-8 text [encoding]
  where:     a.modelspec.yaml
  expected:  UTF-8
  found:     UTF-16 (by its byte order mark)
  to do:     save it as UTF-8""",
            id="20: UTF-16 with a byte order mark",
        ),
        pytest.param(
            b"modelqa: 1\ndescription: caf\xe9\n",
            """\
the spec is not UTF-8 text [encoding]
  where:     a.modelspec.yaml:2:17
  expected:  UTF-8
  found:     the byte 0xE9, as in Latin-1 or Windows-1252
  to do:     save it as UTF-8""",
            id="20: Latin-1",
        ),
        pytest.param(
            "[" * 200_000,
            """\
the spec is nested too deep [too-deep]
  where:     a.modelspec.yaml:1:41
  expected:  at most 40 levels, aliases written out
  to do:     a spec needs no more than seven; is this the file that you meant?

    1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      |                                         ^""",
            id="21: 200 KB of [",
        ),
        pytest.param(
            "- " * 50_000,
            """\
the spec is nested too deep [too-deep]
  where:     a.modelspec.yaml:1:81
  expected:  at most 40 levels, aliases written out
  to do:     a spec needs no more than seven; is this the file that you meant?

    1 | - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
      |                                                                           ^""",
            id="22: 100 KB of -",
        ),
        pytest.param(
            _laughs(),
            """\
the spec holds too many values [too-many-values]
  where:     a.modelspec.yaml:6:8
  expected:  at most 100,000, each alias counted as what it stands for
  to do:     split the spec, or write out fewer aliases

    5 | e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
    6 | f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
      |        ^^""",
            id="23: a billion laughs",
        ),
        pytest.param(
            _merges(),
            """\
the spec holds too many values [too-many-values]
  where:     a.modelspec.yaml:15:13
  expected:  at most 100,000, each alias counted as what it stands for
  to do:     split the spec, or write out fewer aliases

   14 | n: &n {<<: [*m, *m]}
   15 | o: &o {<<: [*n, *n]}
      |             ^^""",
            id="24: a merge bomb",
        ),
        pytest.param(
            "a: &a [*a]\n",
            """\
*a refers to the value that it stands in [alias-cycle]
  where:     a.modelspec.yaml:1:8
  to do:     write the value out

    1 | a: &a [*a]
      |        ^^""",
            id="25: an alias to itself",
        ),
        pytest.param(
            "min: " + "9" * 5000,
            """\
a number has 5,000 characters [number-too-long]
  where:     a.modelspec.yaml:1:6
  expected:  at most 100 characters
  to do:     write it shorter, or in quotes if it is text

    1 | min: 99999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^""",
            id="26: a number of 5,000 digits",
        ),
        pytest.param(
            b"#" * 50_000_000,
            """\
the spec is too large [file-too-large]
  where:     a.modelspec.yaml
  expected:  at most 1,500,000 bytes
  to do:     split it; is this the file that you meant?""",
            id="27: 50 MB",
        ),
        pytest.param(
            "modelqa: 1\n---\nmodelqa: 1\n",
            """\
the file holds a second YAML document [second-document]
  where:     a.modelspec.yaml:2:1
  expected:  one spec in one file
  to do:     remove the line '---', or move what follows it to a file of its own

    1 | modelqa: 1
    2 | ---
      | ^^^""",
            id="29: two documents",
        ),
    ],
)
def test_a_file_that_is_no_spec_is_explained(read: Reader, content: str | bytes, message: str) -> None:
    assert str(read.error(content)) == message


@pytest.mark.parametrize(("written", "value"), [("1e-3", 0.001), ("1E-1", 0.1), ("0.5", 0.5), ("+.5", 0.5)])
def test_fault_1_and_2_numbers_with_an_exponent_are_numbers(
    read: Reader, spec_text: Callable[..., str], written: str, value: float
) -> None:
    spec = read(spec_text(("min: 0.9", f"min: {written}")))

    assert spec.evaluations["digits"].checks[0].bound.minimum == value


def test_fault_2_a_capital_exponent_without_a_point_is_a_number(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    spec = read(spec_text(("accuracy, min: 0.9", "log_loss, max: 1E5")))

    assert spec.evaluations["digits"].checks[0].bound.maximum == 100000.0


def test_fault_9_the_metrics_own_unit_says_that_a_small_number_is_meant(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    spec = read(spec_text(("accuracy, min: 0.9", "bleu, min: 0.34, unit: points")))

    assert spec.evaluations["digits"].checks[0].bound.minimum == 0.34


def test_fault_10_a_bound_against_the_metrics_direction_is_a_warning(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    spec = read(spec_text(("min: 0.9", "max: 0.9")))

    assert spec.warnings == (
        "a.modelspec.yaml:12:33: max of accuracy, of which more is better: a better model fails; "
        "write min, if that is meant [against-direction]",
    )


def test_fault_20_a_byte_order_mark_of_utf_8_is_read(read: Reader, spec_text: Callable[..., str]) -> None:
    spec = read(b"\xef\xbb\xbf" + spec_text().encode())

    assert spec.models["candidate"].position.line == 3


def test_fault_30_a_path_that_leaves_the_folder_is_kept_as_it_is_written(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    for path in ("../../etc/passwd", "/etc/passwd"):
        assert read(spec_text(("best.safetensors", path))).models["candidate"].checkpoint == path


def test_fault_31_no_and_on_are_text_where_text_may_stand(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    spec = read(spec_text(("build: model:Net", "build: model:Net, args: {mode: no, on: yes}")))

    assert spec.models["candidate"].args == {"mode": "no", "on": "yes"}
