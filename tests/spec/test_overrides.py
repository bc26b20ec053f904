"""Assignments from the command line: typed like the file, validated like the file, and told where they apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modelqa.errors import UsageError
from pytest_modelqa.spec.overrides import without_place

if TYPE_CHECKING:
    from conftest import Reader


@pytest.mark.parametrize(
    ("override", "get", "value"),
    [
        (
            "models.candidate.checkpoint=runs/a=b.pt",
            lambda s: s.models["candidate"].checkpoint,
            "runs/a=b.pt",
        ),
        ("models.candidate.checkpoint=null", lambda s: s.models["candidate"].checkpoint, None),
        ("models.candidate.checkpoint=", lambda s: s.models["candidate"].checkpoint, None),
        ("models.candidate.args.width=1e-3", lambda s: s.models["candidate"].args, {"width": 0.001}),
        ("models.candidate.args={a: [1, no]}", lambda s: s.models["candidate"].args, {"a": [1, "no"]}),
        ("models.candidate.tiny.args.n=1", lambda s: s.models["candidate"].tiny, {"args": {"n": 1}}),
        ("datasets.test.limit=10", lambda s: s.datasets["test"].limit, 10),
        ("datasets.test.files.0=b.npz", lambda s: s.datasets["test"].files, ("b.npz",)),
        ("evaluations.digits.seed=7", lambda s: s.evaluations["digits"].seed, 7),
        (
            "evaluations.digits.checks.0.min=0.5",
            lambda s: s.evaluations["digits"].checks[0].bound.minimum,
            0.5,
        ),
        ("defaults.seed=3", lambda s: s.evaluations["digits"].seed, 3),
        ("defaults.severity=warn", lambda s: s.evaluations["digits"].checks[0].severity, "warn"),
    ],
)
def test_an_override_changes_what_the_file_says(
    read: Reader, spec_text: Callable[..., str], override: str, get: Callable[[Any], object], value: object
) -> None:
    spec = read(spec_text(), [override])

    assert get(spec) == value
    assert spec.overrides == (override,)


def test_later_overrides_see_earlier_ones(read: Reader, spec_text: Callable[..., str]) -> None:
    spec = read(spec_text(), ["models.candidate.args={a: 1}", "models.candidate.args.b=2"])

    assert spec.models["candidate"].args == {"a": 1, "b": 2}


ENTRIES = ("models.candidate", "models.v1.2", "datasets.test", "evaluations.digits", "goals.name_digits")


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("models.candidat.checkpoint=a=b.pt", "models.candidate.checkpoint=a=b.pt"),
        ("modles.candidate.checkpoint=b.pt", "models.candidate.checkpoint=b.pt"),
        ("model.candidat.args.width=3", "models.candidate.args.width=3"),
        ("evaluation.digit.checks.0.min=0.5", "evaluations.digits.checks.0.min=0.5"),
        ("defauls.device=cpu", "defaults.device=cpu"),
        ("goals.name_digit=other", "goals.name_digits=other"),
    ],
)
def test_an_override_that_no_spec_has_a_place_for_is_told_what_was_meant(override: str, meant: str) -> None:
    assert without_place(override, ENTRIES).todo == f"did you mean {meant}?"


@pytest.mark.parametrize(
    ("override", "there_are"),
    [
        ("models.zzz.checkpoint=b.pt", "models.candidate, models.v1.2"),
        (
            "baselines.zzz.recorded=b.json",
            "goals, defaults, models, datasets, baselines, evaluations, controls",
        ),
        ("zzz.zzz.checkpoint=b.pt", "goals, defaults, models, datasets, baselines, evaluations, controls"),
        # A part of a dotted name is no name.
        ("models.v1.3.checkpoint=b.pt", "models.candidate, models.v1.2"),
    ],
)
def test_an_override_that_looks_like_nothing_is_told_what_there_is(override: str, there_are: str) -> None:
    assert str(without_place(override, ENTRIES).todo).endswith(f"; there are {there_are}")


def test_an_override_of_a_key_in_a_value_without_keys_is_told_to_set_the_whole(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text(("    model: candidate\n", "    model: candidate\n    stop_early: certain\n"))
    with pytest.raises(UsageError) as caught:
        read(text, ["evaluations.digits.stop_early.wrong_pass=0.01"])
    assert caught.value.todo == "set it as a whole: 'evaluations.digits.stop_early={wrong_pass: 0.01}'"


@pytest.mark.parametrize(
    "override", ["models.other.checkpoint=x", "baselines.old.recorded=x", "trials.a.b=1"]
)
def test_an_override_of_another_spec_does_not_apply(
    read: Reader, spec_text: Callable[..., str], override: str
) -> None:
    spec = read(spec_text(), [override, "datasets.test.limit=1"])

    assert spec.overrides == ("datasets.test.limit=1",)
    assert "other" not in spec.models


def test_names_may_hold_dots(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(("candidate", "gpt2-0.5b.v1"))

    spec = read(text, ["models.gpt2-0.5b.v1.checkpoint=x.pt"])

    assert spec.models["gpt2-0.5b.v1"].checkpoint == "x.pt"


def test_an_override_leaves_what_an_alias_shares_elsewhere_as_it_is(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text(
        ("{build: model:Net", "{args: &args {a: 1}, build: model:Net"),
        ("datasets:", "  second: {build: model:Net, args: *args}\ndatasets:"),
    )

    spec = read(text, ["models.second.args.a=2"])

    assert spec.models["candidate"].args == {"a": 1}
    assert spec.models["second"].args == {"a": 2}


def test_an_override_is_validated_like_the_file(read: Reader, spec_text: Callable[..., str]) -> None:
    error = read.error(spec_text(), ["evaluations.digits.checks.0.min=high"])

    assert (
        str(error)
        == """\
min of check 1 of digits is not a number [not-a-number]
  where:     a.modelspec.yaml:12:33, as set by --modelqa-set evaluations.digits.checks.0.min=high
  expected:  a number
  found:     the text 'high'

   11 |     checks:
   12 |       - {metric: accuracy, min: 0.9}
      |                                 ^^^"""
    )


def test_a_misspelt_key_of_an_override_is_an_unknown_key(read: Reader, spec_text: Callable[..., str]) -> None:
    (problem,) = read.error(spec_text(), ["models.candidate.chekpoint=x"]).problems

    assert problem.what == "the model 'candidate' has an unknown key 'chekpoint'"
    assert problem.todo == "did you mean 'checkpoint'?"


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("models.candidate.checkpoint", "--modelqa-set models.candidate.checkpoint is no assignment"),
        ("=3", "--modelqa-set =3 is no assignment"),
        ("models..checkpoint=3", "--modelqa-set models..checkpoint=3 is no assignment"),
        ("seed=3", "--modelqa-set seed=3 names no entry of a spec"),
        ("a.b.c={", "the value of --modelqa-set a.b.c={ cannot be read"),
        (
            "a.b.c={x: 1, x: 2}",
            "the value of --modelqa-set a.b.c={x: 1, x: 2} cannot be read: 'x' is given twice",
        ),
        (
            "a.b.c=!!python/name:os.system",
            "the value of --modelqa-set a.b.c=!!python/name:os.system cannot be read",
        ),
        (
            "models.candidate.build.name=x",
            "--modelqa-set models.candidate.build.name=x sets 'name' in a value that has no keys",
        ),
        (
            "evaluations.digits.checks.7.min=0.5",
            "--modelqa-set evaluations.digits.checks.7.min=0.5 names no element of the list",
        ),
    ],
)
def test_an_assignment_that_cannot_be_made_is_a_usage_error(
    read: Reader, spec_text: Callable[..., str], override: str, what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(spec_text(), [override])

    assert caught.value.what.startswith(what)
