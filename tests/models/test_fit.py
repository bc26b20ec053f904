from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modelqa.models.fit import Misfit, explain, misfit
from pytest_modelqa.models.header import Header, TensorInfo

_EXPECTED = {
    "body.0.weight": TensorInfo((16, 8), "float32"),
    "body.0.bias": TensorInfo((16,), "float32"),
    "body.1.weight": TensorInfo((16, 16), "float32"),
    "body.1.bias": TensorInfo((16,), "float32"),
    "head.weight": TensorInfo((10, 16), "float32"),
    "head.bias": TensorInfo((10,), "float32"),
}


def _error(held, expected=_EXPECTED, **header):
    header = Header(held, **header)
    problem = misfit(expected, header)
    assert problem
    return explain(problem, expected, header, model="candidate", file="/m/a.pt", state_dict_key=None)


def test_the_same_tensors_fit():
    assert not misfit(_EXPECTED, Header(_EXPECTED))


def test_other_dtypes_of_the_same_kind_fit():
    half = {name: TensorInfo(info.shape, "bfloat16") for name, info in _EXPECTED.items()}
    assert not misfit(_EXPECTED, Header(half))


def test_fault_49_module_prefix_is_explained():
    assert str(_error({f"module.{name}": info for name, info in _EXPECTED.items()})) == (
        "the checkpoint does not fit the model 'candidate': 6 of 6 missing, 6 of 6 unexpected\n"
        "  where:     /m/a.pt\n"
        "  expected:  every one of the model's 6 tensors, and no other\n"
        "  found:     missing: body.0.weight, body.0.bias, body.1.weight, body.1.bias, head.weight and 1 more\n"
        "             unexpected: module.body.0.weight, module.body.0.bias, module.body.1.weight, "
        "module.body.1.bias, module.head.weight and 1 more\n"
        "  to do:     looks like a 'module.' prefix (as DataParallel writes): write\n"
        "             state_dict_key: module"
    )


@settings(derandomize=True, deadline=None)
@given(st.from_regex(r"[a-z_]{1,8}(\.[a-z_]{1,8}){0,2}", fullmatch=True), st.booleans())
def test_fault_49_any_prefix_is_found_also_beside_other_weights(prefix, with_others):
    held = {f"{prefix}.{name}": info for name, info in _EXPECTED.items()}
    if with_others:
        held |= {"loss.weight": TensorInfo((3,), "float32")}
    assert _error(held).todo.endswith(f"write\nstate_dict_key: {prefix}")


def test_a_prefix_below_a_key_is_joined_to_it():
    held = Header({f"model.{name}": info for name, info in _EXPECTED.items()})
    error = explain(
        misfit(_EXPECTED, held), _EXPECTED, held, model="candidate", file="a", state_dict_key="state_dict"
    )
    assert error.todo.endswith("state_dict_key: state_dict.model")


def test_a_prefix_whose_shapes_differ_is_not_proposed():
    held = {f"module.{name}": TensorInfo((3, 3), "float32") for name in _EXPECTED}
    assert "state_dict_key" not in _error(held).todo


def test_a_prefix_of_the_model_means_that_the_checkpoint_is_of_a_part():
    expected = {f"backbone.{name}": info for name, info in _EXPECTED.items()}
    assert _error(_EXPECTED, expected).todo.startswith(
        "the model's names begin with 'backbone.', the checkpoint's do not: it is of a part of this model"
    )


def test_wrappers_are_explained_with_the_key_to_write():
    error = _error({}, wrapped=("state_dict", "ema"))
    assert error.todo == (
        "looks like a wrapper around the weights (as Lightning and training loops write): write\n"
        "state_dict_key: state_dict\n"
        "or another of those that are in it: ema"
    )
    assert str(_error({}, wrapped=("state_dict",)).todo).endswith("write\nstate_dict_key: state_dict")


def test_fault_50_missing_head_is_named():
    error = _error({name: info for name, info in _EXPECTED.items() if not name.startswith("head")})
    assert error.what == "the checkpoint does not fit the model 'candidate': 2 of 6 missing"
    assert error.found == "missing: head.weight, head.bias"
    assert error.todo == "the checkpoint lacks head.*: save the whole model, or correct args"


def test_fault_51_extra_keys_are_counted_and_named():
    extra = {f"decoder.{i}.weight": TensorInfo((2,), "float32") for i in range(7)}
    error = _error({**_EXPECTED, **extra})
    assert error.what == "the checkpoint does not fit the model 'candidate': 7 of 13 unexpected"
    assert error.found == "unexpected: " + ", ".join(f"decoder.{i}.weight" for i in range(5)) + " and 2 more"
    assert error.todo == "the model lacks decoder.*: correct build and args in the spec"


def test_fault_52_transposed_shapes_are_recognised():
    held = {**_EXPECTED, "body.0.weight": TensorInfo((8, 16), "float32")}
    error = _error(held)
    assert error.what == "the checkpoint does not fit the model 'candidate': 1 of 6 of another shape or type"
    assert error.found == "model ≠ checkpoint: body.0.weight [16, 8] float32 ≠ [8, 16] float32"
    assert error.todo.startswith("looks transposed")


def test_fault_53_another_number_of_classes_is_recognised():
    held = {
        **_EXPECTED,
        "head.weight": TensorInfo((1000, 16), "float32"),
        "head.bias": TensorInfo((1000,), "float32"),
    }
    assert _error(held).todo == (
        "looks like a head for 1000 classes in the checkpoint, for 10 in the model: "
        "correct the number of classes in args, or the checkpoint"
    )


def test_other_widths_are_not_taken_for_classes():
    held = {
        name: TensorInfo(tuple(2 * size for size in info.shape), "float32")
        for name, info in _EXPECTED.items()
    }
    assert _error(held).todo == "the sizes differ: correct args in the spec, or the checkpoint"


def test_integers_in_place_of_floats_do_not_fit():
    held = {**_EXPECTED, "head.weight": TensorInfo((10, 16), "int8")}
    error = _error(held)
    assert error.found.endswith("head.weight [10, 16] float32 ≠ [10, 16] int8")
    assert error.todo.startswith("the values are of another type (quantised weights?)")


def test_another_architecture_is_called_so():
    held = {"encoder.weight": TensorInfo((3, 3), "float32")}
    assert _error(held).todo.startswith("the checkpoint is of another architecture")


def test_one_name_of_a_tied_group_is_enough():
    held = {name: info for name, info in _EXPECTED.items() if name != "head.bias"}
    assert not misfit(_EXPECTED, Header(held), tied=[("body.1.bias", "head.bias")])
    assert misfit(_EXPECTED, Header(held), tied=[("other", "head.bias")]).missing == ("head.bias",)


def test_dispensable_names_alone_may_be_missing_but_are_counted_among_others():
    assert not misfit(
        _EXPECTED, Header({**_EXPECTED, "head.bias": _EXPECTED["head.bias"]}), dispensable=["x"]
    )
    held = {name: info for name, info in _EXPECTED.items() if name != "head.bias"}
    assert not misfit(_EXPECTED, Header(held), dispensable=["head.bias"])
    assert misfit(_EXPECTED, Header({}), dispensable=["head.bias"]).missing == tuple(_EXPECTED)


@pytest.mark.parametrize("field", ["missing", "unexpected", "reshaped"])
def test_a_misfit_in_any_respect_is_one(field):
    none = {"missing": (), "unexpected": (), "reshaped": ()}
    assert not Misfit(**none)
    assert Misfit(**{**none, field: ("w",)})
