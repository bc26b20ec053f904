from __future__ import annotations

import json
import sys

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from pytest_modelqa.errors import CheckpointError, EvaluationError
from pytest_modelqa.models.loading import load_model, swap_weights
from pytest_modelqa.records.digests import file_sha256


def _save(state, path, checkpoint_format):
    if checkpoint_format == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=checkpoint_format == "torch")


def _load(model, folder, precision="float32", **options):
    return load_model(model, folder, "cpu", precision, **options)


@pytest.fixture
def trained(networks):
    """A network whose every parameter and buffer differs from a fresh one's."""

    def make(build="Plain", seed=0, **args):
        torch.manual_seed(seed)
        network = getattr(networks, build)(**args)
        with torch.no_grad():
            for tensor in network.state_dict().values():
                if tensor.is_floating_point():
                    tensor.copy_(torch.rand(tensor.shape) + 0.1)
                elif tensor.dtype == torch.int64:
                    tensor.copy_(torch.randint(1, 9, tensor.shape))
        return network.eval()

    return make


@pytest.mark.parametrize("checkpoint_format", ["safetensors", "torch", "old-torch"])
@pytest.mark.parametrize(
    "build",
    [
        "Plain",
        "HiddenBuffer",
        "PlainAttribute",
        "ReadsValues",
        "Recurrent",
        "UsesConstant",
        "CachedBuffer",
    ],
)
def test_a_loaded_model_computes_what_the_saved_one_did(
    make_model, trained, tmp_path, build, checkpoint_format
):
    network = trained(build)
    _save(network.state_dict(), tmp_path / "model", checkpoint_format)
    # As in a new worker: nothing of the module has been imported yet.
    del sys.modules["modelqa_networks"]
    loaded = _load(make_model("model", build), tmp_path)
    inputs = torch.rand(3, {"Plain": 8, "Recurrent": 3}.get(build, 4))
    assert not loaded.training
    assert torch.equal(loaded(inputs), network(inputs))


def test_the_global_random_state_does_not_matter_and_is_left_alone(make_model, trained, tmp_path):
    save_file(trained("HiddenBuffer").state_dict(), tmp_path / "model.safetensors")
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    _load(make_model(build="HiddenBuffer"), tmp_path)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
def test_old_weight_norm_and_spectral_norm_load(make_model, trained, tmp_path):
    network = trained("WeightNormed")
    torch.save(network.state_dict(), tmp_path / "model.pt")
    loaded = _load(make_model("model.pt", "WeightNormed"), tmp_path)
    inputs = torch.rand(3, 4)
    assert torch.equal(loaded(inputs), network(inputs))


def test_using_a_random_attribute_raises(make_model, trained, tmp_path):
    save_file(trained("RandomAttribute").state_dict(), tmp_path / "model.safetensors")
    loaded = _load(make_model(build="RandomAttribute"), tmp_path)
    with pytest.raises(RuntimeError, match="meta"):
        loaded(torch.rand(2, 4)).sum().item()


@pytest.mark.parametrize(
    ("wrap", "key"),
    [
        (lambda state: {"state_dict": state, "epoch": 3}, "state_dict"),
        (lambda state: {"ema": {"model": state}}, "ema.model"),
        (lambda state: {"state_dict": {f"net.{k}": v for k, v in state.items()}}, "state_dict.net"),
        (lambda state: {f"module.{k}": v for k, v in state.items()}, "module"),
    ],
    ids=["lightning", "nested", "lightning-prefix", "data-parallel"],
)
def test_the_advice_for_a_wrapper_or_a_prefix_loads_it(make_model, trained, tmp_path, wrap, key):
    network = trained()
    torch.save(wrap(network.state_dict()), tmp_path / "last.ckpt")
    advice = None
    for _ in range(2):
        try:
            loaded = _load(make_model("last.ckpt", state_dict_key=advice), tmp_path)
            break
        except CheckpointError as error:
            advice = error.todo.rpartition("state_dict_key: ")[2]
    else:
        loaded = _load(make_model("last.ckpt", state_dict_key=advice), tmp_path)
    assert advice == key
    assert torch.equal(loaded.head.weight, network.head.weight)


def test_a_prefix_of_a_safetensors_file_is_stripped_by_state_dict_key(make_model, trained, tmp_path):
    network = trained()
    save_file(
        {f"module.{name}": tensor for name, tensor in network.state_dict().items()},
        tmp_path / "model.safetensors",
    )
    loaded = _load(make_model(state_dict_key="module"), tmp_path)
    assert torch.equal(loaded.head.weight, network.head.weight)


@pytest.mark.parametrize("checkpoint_format", ["safetensors", "torch"])
def test_shards_are_read_through_their_index(make_model, trained, tmp_path, checkpoint_format):
    network = trained()
    suffix = "safetensors" if checkpoint_format == "safetensors" else "bin"
    weight_map = {}
    for number, name in enumerate(network.state_dict()):
        weight_map[name] = f"model-{number % 2}.{suffix}"
    for shard in set(weight_map.values()):
        part = {name: tensor for name, tensor in network.state_dict().items() if weight_map[name] == shard}
        _save(part, tmp_path / shard, checkpoint_format)
    index = tmp_path / "model.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    loaded = _load(make_model("model.index.json"), tmp_path)
    inputs = torch.rand(3, 8)
    assert torch.equal(loaded(inputs), network(inputs))

    index.write_text(json.dumps({"weight_map": {**weight_map, "head.extra": f"model-0.{suffix}"}}))
    with pytest.raises(CheckpointError, match="the index and its shards do not agree") as caught:
        _load(make_model("model.index.json"), tmp_path)
    assert caught.value.found.endswith("in one only: head.extra")


@pytest.mark.parametrize("checkpoint_format", ["safetensors", "torch"])
def test_tied_weights_stay_one_parameter(make_model, trained, tmp_path, checkpoint_format):
    network = trained("TiedWeights")
    if checkpoint_format == "safetensors":  # which writes one of the two names
        save_model(network, str(tmp_path / "model"))
    else:
        torch.save(network.state_dict(), tmp_path / "model")
    loaded = _load(make_model("model", "TiedWeights"), tmp_path, "bfloat16")
    assert loaded.output.weight is loaded.embedding.weight
    assert torch.equal(loaded.output.weight, network.output.weight.to(torch.bfloat16))


def test_weights_tied_in_the_model_but_not_in_the_checkpoint_are_refused(make_model, tmp_path):
    save_file(
        {"embedding.weight": torch.zeros(10, 4), "output.weight": torch.ones(10, 4)},
        tmp_path / "model.safetensors",
    )
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(build="TiedWeights"), tmp_path)
    assert caught.value.what == (
        "'embedding.weight' and 'output.weight' are one tensor in the model, but differ in the checkpoint"
    )


def _mixed_state():
    return {
        "single": torch.tensor([0.1, 0.2], dtype=torch.float64),
        "doubles": torch.tensor([0.1, 0.2], dtype=torch.float16),
        "spectrum": torch.tensor([1 + 2j, 3 - 1j]),
        "count": torch.tensor([1, 2], dtype=torch.int32),
        "mask": torch.full((2, 2), float("-inf")).triu(1),
    }


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_floats_are_cast_to_the_precision_and_nothing_else_is(make_model, tmp_path, precision):
    torch.save(_mixed_state(), tmp_path / "model.pt")
    loaded = _load(make_model("model.pt", "Mixed"), tmp_path, precision)
    wanted = getattr(torch, precision)
    assert {name: tensor.dtype for name, tensor in loaded.state_dict().items()} == {
        "single": wanted,
        "doubles": wanted,
        "mask": wanted,
        "spectrum": torch.complex64,
        "count": torch.int64,
    }
    assert torch.equal(loaded.spectrum, _mixed_state()["spectrum"])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_memory_layout_is_the_modules_not_the_checkpoints(make_model, networks, tmp_path, precision):
    network = networks.Convolution()
    state = {
        name: tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
        for name, tensor in network.state_dict().items()
    }
    assert state["first.weight"].stride() != network.first.weight.stride()
    torch.save(state, tmp_path / "model.pt")
    loaded = _load(make_model("model.pt", "Convolution"), tmp_path, precision)
    for name in ("first.weight", "second.weight"):
        found, declared = loaded.get_parameter(name), network.get_parameter(name)
        assert found.stride() == declared.stride()
        assert torch.equal(found, declared.to(found.dtype))
    assert torch.equal(loaded.mask, torch.ones(2, 5, dtype=loaded.mask.dtype))


def test_a_checkpoint_of_less_precision_is_cast_up_to_what_the_module_declares(make_model, trained, tmp_path):
    network = trained().half()
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    loaded = _load(make_model(), tmp_path)
    assert loaded.head.weight.dtype == torch.float32
    assert torch.equal(loaded.head.weight, network.head.weight.float())


def test_hidden_buffers_are_cast_with_the_rest(make_model, trained, tmp_path):
    save_file(trained("HiddenBuffer").state_dict(), tmp_path / "model.safetensors")
    loaded = _load(make_model(build="HiddenBuffer"), tmp_path, "bfloat16")
    assert torch.equal(loaded.positions, (torch.arange(4.0) * 2).bfloat16())


def test_an_unknown_precision_is_named(make_model, tmp_path):
    with pytest.raises(EvaluationError, match="unknown precision 'int8'"):
        _load(make_model(None, "NoParameters"), tmp_path, "int8")


def test_old_files_without_the_counters_of_batch_norm_load(make_model, trained, tmp_path):
    network = trained()
    state = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    save_file(state, tmp_path / "model.safetensors")
    inputs = torch.rand(3, 8)
    assert torch.equal(_load(make_model(), tmp_path)(inputs), network(inputs))


def test_a_module_may_convert_the_names_of_its_old_checkpoints(make_model, tmp_path):
    state = {"fc.weight": torch.rand(2, 4), "fc.bias": torch.rand(2)}
    save_file(state, tmp_path / "model.safetensors")
    loaded = _load(make_model(build="ConvertsOldNames"), tmp_path)
    assert torch.equal(loaded.linear.weight, state["fc.weight"])


def test_a_module_sees_the_version_that_its_state_dict_was_written_with(make_model, trained, tmp_path):
    torch.save(trained("Versioned").state_dict(), tmp_path / "model.pt")
    assert _load(make_model("model.pt", "Versioned"), tmp_path).read_version == 3


def test_what_no_conversion_makes_fit_is_explained_by_torch(make_model, tmp_path):
    save_file({"fc.weight": torch.rand(2, 4)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="load_state_dict raised") as caught:
        _load(make_model(build="ConvertsOldNames"), tmp_path)
    assert 'Missing key(s) in state_dict: "linear.bias"' in caught.value.found


def test_a_module_that_loads_loosely_is_found_out(make_model, networks, tmp_path):
    save_file(nn.ModuleDict({"linear": nn.Linear(4, 2)}).state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(build="LoadsLoosely"), tmp_path)
    assert caught.value.what == "2 tensors of 'candidate' did not come from the checkpoint"
    assert caught.value.found == "extra.weight, extra.bias"


def test_parameters_without_a_checkpoint_are_refused(make_model, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(None), tmp_path)
    assert str(caught.value) == (
        "model 'candidate' has 6 parameters and no checkpoint\n"
        "  expected:  every parameter must come from a checkpoint\n"
        "  found:     body.0.weight, body.0.bias, body.1.weight, body.1.bias, head.weight\n"
        "  to do:     write `checkpoint:`; without it only models that have nothing to learn are measured"
    )


def test_a_model_that_is_random_and_has_no_checkpoint_is_refused(make_model, networks, tmp_path):
    with pytest.raises(
        CheckpointError, match="makes 'projection' at random, and has no checkpoint"
    ) as caught:
        _load(make_model(None, "Projection"), tmp_path)
    assert caught.value.found == "two builds that differ"
    seeded = make_model(None, "Projection", args={"seed": 0})
    assert torch.equal(_load(seeded, tmp_path).projection, _load(seeded, tmp_path).projection)


def test_a_model_without_parameters_needs_no_checkpoint(make_model, tmp_path):
    loaded = _load(make_model(None, "NoParameters"), tmp_path)
    assert loaded(torch.ones(1)).item() == 2


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([float("nan"), 1.0, float("nan")], "2 NaN"),
        ([float("inf"), 1.0, 2.0], "1 Inf"),
        ([float("-inf"), float("nan"), 2.0], "1 NaN and 1 Inf"),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fault_54_nan_and_inf_in_weights_are_counted(make_model, trained, tmp_path, values, kinds, dtype):
    state = {name: t.to(dtype) if t.is_floating_point() else t for name, t in trained().state_dict().items()}
    state["head.bias"][:3] = torch.tensor(values)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(), tmp_path)
    assert caught.value.what == f"the checkpoint has {kinds} in 'head.bias'"
    assert caught.value.found.endswith("of 10 values")


def test_fault_54_nan_in_complex_weights_and_in_buffers_is_found(make_model, tmp_path):
    for name, value in (("spectrum", complex(0, float("nan"))), ("mask", float("nan"))):
        state = _mixed_state()
        state[name].view(-1)[0] = value
        torch.save(state, tmp_path / "model.pt")
        with pytest.raises(CheckpointError, match=f"the checkpoint has 1 NaN in '{name}'"):
            _load(make_model("model.pt", "Mixed"), tmp_path)


@pytest.mark.parametrize(("held", "fits"), [([-5, 2**40], True), ([1, 2**63], False)])
def test_whole_numbers_that_the_models_dtype_cannot_hold_are_refused(make_model, tmp_path, held, fits):
    state = _mixed_state() | {"count": torch.tensor(held, dtype=torch.int64 if fits else torch.uint64)}
    torch.save(state, tmp_path / "model.pt")
    model = make_model("model.pt", "Mixed")
    if fits:
        assert _load(model, tmp_path).count.tolist() == held
    else:
        with pytest.raises(
            CheckpointError, match=r"numbers of 'count' do not fit the model: it has torch.int64"
        ):
            _load(model, tmp_path)


def test_fault_54_what_overflows_only_in_half_precision_says_so(make_model, trained, tmp_path):
    state = trained().state_dict()
    state["head.bias"][0] = 1e6
    save_file(state, tmp_path / "model.safetensors")
    assert _load(make_model(), tmp_path).head.bias[0] == 1e6
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(), tmp_path, "float16")
    assert caught.value.what == "the checkpoint has 1 Inf in 'head.bias' once it is cast to torch.float16"
    assert caught.value.todo == "choose a wider `precision`"


def test_fault_50_missing_head_of_a_real_checkpoint(make_model, trained, tmp_path):
    save_file(trained("Headless").state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(), tmp_path)
    assert caught.value.what == "the checkpoint does not fit the model 'candidate': 2 of 9 missing"
    assert caught.value.todo.startswith("the checkpoint lacks head.*")


def test_fault_53_other_number_of_classes_of_a_real_checkpoint(make_model, trained, tmp_path):
    save_file(trained(classes=1000).state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        _load(make_model(), tmp_path)
    assert caught.value.todo.startswith(
        "looks like a head for 1000 classes in the checkpoint, for 10 in the model"
    )


@pytest.mark.parametrize("format_key", [None, "torch"])
@pytest.mark.parametrize("name", ["a.pt", "a.bin", "a.safetensors"])
def test_fault_40_loading_never_runs_a_payload(make_model, tmp_path, payload, tripwire, name, format_key):
    torch.save({"head.bias": payload}, tmp_path / name)
    with pytest.raises(CheckpointError):
        _load(make_model(name, format=format_key), tmp_path)
    assert not tripwire.exists()


def test_fault_39_pinned_digest_is_compared_before_anything_is_read(make_model, trained, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(trained().state_dict(), path)
    assert _load(make_model(sha256=file_sha256(path)), tmp_path)
    with pytest.raises(CheckpointError, match="sha256 differs from the one pinned"):
        _load(make_model(sha256="0" * 64), tmp_path)
    with pytest.raises(CheckpointError, match="sha256 differs from the one taken when the run was planned"):
        _load(make_model(), tmp_path, hashed={path: "0" * 64})


def test_fault_61_file_replaced_between_digest_and_load_is_an_error(make_model, trained, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(trained(seed=0).state_dict(), path)

    def digest_and_replace(hashed):
        digest = file_sha256(hashed)
        other = tmp_path / "other"
        save_file(trained(seed=1).state_dict(), other)
        other.rename(path)
        return digest

    with pytest.raises(CheckpointError, match="the checkpoint changed during the run"):
        _load(make_model(sha256=file_sha256(path)), tmp_path, digest_of=digest_and_replace)


@pytest.mark.parametrize("checkpoint_format", ["safetensors", "torch"])
def test_using_a_model_never_writes_to_its_checkpoint(make_model, trained, tmp_path, checkpoint_format):
    _save(trained().state_dict(), tmp_path / "model", checkpoint_format)
    before = (tmp_path / "model").read_bytes()
    loaded = _load(make_model("model"), tmp_path)
    with torch.no_grad():
        for parameter in loaded.parameters():
            parameter.zero_()
    assert (tmp_path / "model").read_bytes() == before


def _grid(make_model, build="Plain", steps=(1, 2, 3), **changes):
    return make_model("step_{step}.safetensors", build, coordinates={"step": steps}, **changes)


@pytest.mark.parametrize("build", ["Plain", "TiedWeights", "HiddenBuffer", "Recurrent"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_swapped_weights_are_those_of_a_fresh_load(make_model, trained, tmp_path, build, precision):
    model = _grid(make_model, build)
    for step in (1, 2, 3):
        save_model(trained(build, seed=step), str(tmp_path / f"step_{step}.safetensors"))
    module = _load(model, tmp_path, precision, coordinates={"step": 1})
    for step in (2, 3, 1):
        swap_weights(module, model, tmp_path, {"step": step})
        fresh = _load(model, tmp_path, precision, coordinates={"step": step})
        assert module.state_dict().keys() == fresh.state_dict().keys()
        for name, tensor in fresh.state_dict().items():
            assert module.state_dict()[name].dtype == tensor.dtype
            assert torch.equal(module.state_dict()[name], tensor)
        assert not module.training


def test_a_missing_combination_of_a_grid_is_named(make_model, trained, tmp_path):
    model = _grid(make_model)
    save_file(trained().state_dict(), tmp_path / "step_1.safetensors")
    module = _load(model, tmp_path, coordinates={"step": 1})
    with pytest.raises(CheckpointError, match=r"checkpoint is missing: step_2\.safetensors"):
        swap_weights(module, model, tmp_path, {"step": 2})


def test_a_checkpoint_of_the_grid_that_lacks_a_tensor_does_not_keep_the_old_one(
    make_model, trained, tmp_path
):
    model = _grid(make_model, "LoadsLoosely")
    whole = {"linear": nn.Linear(4, 2), "extra": nn.Linear(2, 2)}
    save_file(nn.ModuleDict(whole).state_dict(), tmp_path / "step_1.safetensors")
    save_file(nn.ModuleDict({"linear": nn.Linear(4, 2)}).state_dict(), tmp_path / "step_2.safetensors")
    module = _load(model, tmp_path, coordinates={"step": 1})
    with pytest.raises(CheckpointError, match="2 tensors of 'candidate' did not come from the checkpoint"):
        swap_weights(module, model, tmp_path, {"step": 2})
