"""Directories of transformers: what belongs to them, what is refused, and that nothing in them is ever run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaForCausalLM

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.models.checkpoint import read_header
from pytest_modelqa.models.files import TRANSFORMERS, checkpoint_files, recognise
from pytest_modelqa.models.loading import load_model
from pytest_modelqa.models.transformers_directory import TextModel


@pytest.fixture(scope="module")
def written(write_language_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_model(tmp_path_factory.mktemp("written") / "lm")


@pytest.fixture
def directory(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "lm"))


@pytest.fixture
def load(make_model, tmp_path: Path) -> Callable[..., TextModel]:
    def loaded(precision: str = "float32") -> TextModel:
        spec = replace(make_model("lm", format="transformers"), build="transformers")
        made = load_model(spec, tmp_path, "cpu", precision)
        assert isinstance(made, TextModel)
        return made

    return loaded


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_it_gives_what_transformers_gives(directory: Path, load: Callable[..., TextModel]) -> None:
    tokens = torch.tensor([[3, 4, 5]])
    expected = LlamaForCausalLM.from_pretrained(directory).eval()(tokens).logits
    made = load()
    assert not made.training
    torch.testing.assert_close(made.network(tokens).logits, expected, rtol=0, atol=0)
    assert next(load("bfloat16").parameters()).dtype == torch.bfloat16


def test_its_weights_can_be_looked_at_without_torch(directory: Path) -> None:
    header = read_header(directory)
    assert header.tensors["model.embed_tokens.weight"].shape == (31, 16)


def test_what_decides_what_it_gives_belongs_to_it(directory: Path) -> None:
    for name in ("trainer_state.json", "README.md", "pytorch_model.bin", "modeling.py"):
        (directory / name).write_text("{}")
    for name in ("chat_template.jinja", "bpe.codes"):
        (directory / name).write_text("x")
    assert recognise(directory) == TRANSFORMERS
    assert [path.name for path in checkpoint_files(directory)] == [
        "bpe.codes",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_shards_are_found_by_their_index(directory: Path, load: Callable[..., TextModel]) -> None:
    before = load().network.state_dict()
    LlamaForCausalLM.from_pretrained(directory).save_pretrained(directory, max_shard_size="5KB")
    (directory / "model.safetensors").unlink()
    assert sum(path.suffix == ".safetensors" for path in checkpoint_files(directory)) > 1
    assert read_header(directory).tensors
    after = load().network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_hidden_layers": 1}, "9 unexpected: model.layers.1."),
        ({"num_hidden_layers": 3}, "9 missing, and random where it was loaded: model.layers.2."),
        ({"tie_word_embeddings": False}, "1 missing, and random where it was loaded: lm_head.weight"),
    ],
)
def test_a_configuration_that_does_not_fit_is_an_error(
    directory: Path, load: Callable[..., TextModel], changes: dict[str, object], told: str
) -> None:
    edit(directory / "config.json", **changes)
    with pytest.raises(CheckpointError) as caught:
        load()
    assert caught.value.what == "the weights of 'candidate' do not fit its config.json"
    assert told in str(caught.value.found)


def test_shapes_that_do_not_fit_are_an_error(directory: Path, load: Callable[..., TextModel]) -> None:
    edit(directory / "config.json", hidden_size=32)
    with pytest.raises(CheckpointError, match="candidate"):
        load()


def test_renamed_weights_are_no_random_model(directory: Path, load: Callable[..., TextModel]) -> None:
    # Measured: from_pretrained gives a model of random tensors then, and raises nothing.
    path = directory / "model.safetensors"
    save_file({f"wrong.{name}": tensor for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    with pytest.raises(CheckpointError, match="do not fit"):
        load()


def test_nan_in_the_weights_is_an_error(directory: Path, load: Callable[..., TextModel]) -> None:
    path = directory / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"][3] = torch.nan
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(CheckpointError, match="1 NaN in"):
        load()


def test_weights_beyond_half_precision_are_told_as_that(
    directory: Path, load: Callable[..., TextModel]
) -> None:
    weights = load_file(directory / "model.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: weights[name] * 0 + 1e6}, directory / "model.safetensors", {"format": "pt"})
    assert load("bfloat16")
    with pytest.raises(CheckpointError, match="Inf in") as caught:
        load("float16")
    assert (caught.value.todo or "").startswith("choose a wider `precision`")


def test_pickles_are_not_read(directory: Path, load: Callable[..., TextModel]) -> None:
    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    with pytest.raises(CheckpointError) as caught:
        load()
    assert caught.value.what == "the directory has no safetensors weights: lm"
    assert caught.value.found == "a pickle, which can run code when it is read: pytorch_model.bin"


def test_code_in_the_directory_is_never_run(
    directory: Path, load: Callable[..., TextModel], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    (directory / "modeling_own.py").write_text(f"open({str(trace)!r}, 'w')\nclass OwnForCausalLM: pass\n")
    own = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    edit(directory / "config.json", auto_map=own)
    # A class that transformers has: its own is taken.
    assert type(load().network) is LlamaForCausalLM
    edit(directory / "config.json", model_type="own", architectures=["OwnForCausalLM"])
    with pytest.raises(CheckpointError, match="has no class OwnForCausalLM") as caught:
        load()
    assert "code in the directory is never run" in str(caught.value.expected)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["__version__", "AutoTokenizer", "nn"])
def test_an_architecture_is_a_model_and_nothing_else(
    directory: Path, load: Callable[..., TextModel], name: str
) -> None:
    edit(directory / "config.json", architectures=[name])
    with pytest.raises(CheckpointError, match=f"has no class {name}"):
        load()


def test_a_directory_without_a_tokenizer_is_refused(directory: Path, load: Callable[..., TextModel]) -> None:
    for path in directory.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(CheckpointError, match="transformers cannot load the model 'candidate'"):
        load()


def test_a_build_beside_a_directory_is_refused(make_model, directory: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="and the spec says how to build it"):
        load_model(make_model("lm"), tmp_path, "cpu", "float32")


def test_a_changed_tokenizer_is_another_model(
    directory: Path, load: Callable[..., TextModel], make_model, tmp_path
) -> None:
    from pytest_modelqa.records.digests import file_sha256

    hashed = {path: file_sha256(path) for path in checkpoint_files(directory)}
    edit(directory / "tokenizer_config.json", model_max_length=7)
    spec = replace(make_model("lm", format="transformers"), build="transformers")
    with pytest.raises(CheckpointError, match=r"sha256 differs .*: tokenizer_config.json"):
        load_model(spec, tmp_path, "cpu", "float32", hashed=hashed)


def test_an_adapter_is_refused_whose_base_model_is_not_in_the_directory(
    directory: Path, load: Callable[..., TextModel]
) -> None:
    (directory / "adapter_config.json").write_text('{"base_model_name_or_path": "/elsewhere"}')
    with pytest.raises(CheckpointError, match="holds an adapter") as caught:
        load()
    assert "merge_and_unload" in (caught.value.todo or "")


def test_texts_are_embedded_alike_whichever_side_the_tokenizer_pads(directory: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=16, n_embd=8, n_layer=1, n_head=2)
    torch.manual_seed(0)
    # Its positions are learnt numbers: a text that begins at another one is another text.
    made = TextModel(GPT2LMHeadModel(config), tokenizer).eval()

    torch.testing.assert_close(made(["ab", "abcdef"])[:1], made(["ab"]), rtol=1e-4, atol=1e-6)


def test_called_with_texts_it_gives_the_mean_of_their_last_states(
    directory: Path, load: Callable[..., TextModel]
) -> None:
    made = load()
    made.tokenizer.pad_token = made.tokenizer.eos_token
    together = made(["ab", "abcd"])
    alone = made.network(torch.tensor([[2, 3]]), output_hidden_states=True).hidden_states[-1].mean(1)
    torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)
