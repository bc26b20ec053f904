from __future__ import annotations

import pytest
import torch

from pytest_modelqa.errors import CheckpointError, EvaluationError
from pytest_modelqa.models.building import build_module, build_random, build_real, plain_tensors
from pytest_modelqa.models.loading import load_untrained


def test_a_module_that_allows_it_is_built_without_values(make_model, tmp_path):
    module = build_module(make_model(build="Plain"), tmp_path)
    assert {tensor.device.type for tensor in module.state_dict().values()} == {"meta"}


@pytest.mark.parametrize("build", ["HiddenBuffer", "PlainAttribute", "ReadsValues"])
def test_what_a_module_computes_for_itself_is_real(make_model, tmp_path, build):
    module = build_module(make_model(build=build), tmp_path)
    hidden = [*plain_tensors(module).values(), *module.buffers()]
    assert hidden
    assert not any(tensor.is_meta for tensor in hidden)


def test_a_random_buffer_that_no_checkpoint_holds_is_refused(make_model, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        build_module(make_model(build="RandomBuffer"), tmp_path)
    assert str(caught.value) == (
        "model 'candidate' makes the buffer 'projection' at random, and keeps it out of its checkpoint\n"
        "  expected:  the same values in every build, or a persistent buffer\n"
        "  found:     two builds that differ\n"
        "  to do:     register it with persistent=True, and save the checkpoint again"
    )


def test_a_random_attribute_raises_when_it_is_used(make_model, tmp_path):
    module = build_module(make_model(build="RandomAttribute"), tmp_path)
    assert module.noise.is_meta


def test_a_random_attribute_in_a_list_is_refused(make_model, tmp_path):
    with pytest.raises(CheckpointError, match=r"makes 'noise\.0' at random"):
        build_module(make_model(build="RandomAttribute", args={"nested": True}), tmp_path)


def test_what_a_cache_of_the_module_keeps_without_values_is_named(make_model, tmp_path):
    with pytest.raises(EvaluationError, match="model 'candidate' keeps 'positions' without values"):
        build_module(make_model(build="OwnCache"), tmp_path)


def test_parameters_held_in_lists_are_not_mistaken_for_attributes(networks):
    assert plain_tensors(networks.Recurrent()) == {}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
def test_what_is_computed_from_parameters_is_not_of_the_module_itself(networks):
    # weight_norm keeps a weight that it computes anew, spectral_norm one cut off from its parameters.
    assert plain_tensors(networks.WeightNormed()).keys() == {"second.weight"}


def test_building_leaves_the_random_state_as_it_was(make_model, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    build_module(make_model(build="HiddenBuffer"), tmp_path)
    build_random(make_model(), tmp_path, seed=1)
    assert torch.equal(torch.rand(2), expected)


def test_random_builds_are_the_same_for_the_same_seed(make_model, tmp_path):
    first, second, other = (build_random(make_model(), tmp_path, seed) for seed in (1, 1, 2))
    assert not first.training
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_an_error_in_the_constructor_names_the_users_line(make_model, tmp_path):
    with pytest.raises(EvaluationError) as caught:
        build_module(make_model(build="Raises"), tmp_path)
    assert caught.value.what == "modelqa_networks:Raises raised for model 'candidate': KeyError"
    assert caught.value.found == "KeyError: 'width'"
    file, _, line = caught.value.where.rpartition(":")
    assert "raise KeyError" in open(file).read().splitlines()[int(line) - 1]  # noqa: PTH123, SIM115
    assert "_choose_width" in caught.value.details


def test_arguments_that_do_not_fit_show_the_signature(make_model, tmp_path):
    with pytest.raises(EvaluationError) as caught:
        build_module(make_model(args={"classes": 3, "widht": 4}), tmp_path)
    assert caught.value.what == (
        "modelqa_networks:Plain cannot be called with the args of model 'candidate': "
        "got an unexpected keyword argument 'widht'"
    )
    assert caught.value.expected == "Plain(classes: 'int' = 10, width: 'int' = 16)"
    assert caught.value.found == "args: classes, widht"


def test_what_is_no_module_is_named(make_model, tmp_path):
    with pytest.raises(
        EvaluationError, match="modelqa_networks:not_a_module did not give a torch module"
    ) as caught:
        build_real(make_model(build="not_a_module"), tmp_path)
    assert caught.value.found == "dict"


def test_fault_108_a_constructor_that_ends_the_process_is_an_error(make_model, tmp_path):
    with pytest.raises(EvaluationError) as caught:
        build_real(make_model(build="ends_the_process"), tmp_path)
    assert caught.value.found == "SystemExit(0): the code ended the process"


def test_lazy_parameters_are_named(make_model, tmp_path):
    with pytest.raises(EvaluationError, match="leaves the sizes of 2 parameters open") as caught:
        build_module(make_model(build="Lazy"), tmp_path)
    assert caught.value.found == "linear.weight, linear.bias"


def test_an_untrained_model_is_random_and_of_the_precision_that_is_asked_for(make_model, tmp_path):
    plain, again = (load_untrained(make_model(), tmp_path, "cpu", "float32", seed=1) for _ in range(2))
    assert torch.equal(plain.head.weight, again.head.weight)
    assert torch.equal(plain.head.weight, build_random(make_model(), tmp_path, seed=1).head.weight)
    assert not plain.training
    assert load_untrained(make_model(), tmp_path, "cpu", "bfloat16").head.weight.dtype == torch.bfloat16
