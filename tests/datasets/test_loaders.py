from __future__ import annotations

import numpy as np
import pytest
import torch

from pytest_modelqa.datasets.loaded import from_fields
from pytest_modelqa.datasets.sequence import from_sequence
from pytest_modelqa.errors import DatasetError, EvaluationError


def test_a_table_becomes_samples_in_its_order(loader):
    samples = loader("table", args={"count": 4})
    assert samples.ids == ("0", "1", "2", "3")
    assert len(samples) == samples.available == 4
    batch = samples.batch([2, 0])
    assert np.array_equal(batch["image"], np.arange(24, dtype=np.float32).reshape(4, 2, 3)[[2, 0]])
    assert batch["image"].dtype == np.float32
    assert batch["label"].tolist() == [2, 0]
    assert batch["site"] == ["north", "north"]
    assert batch["boxes"] == [[[0, 0, 2, 2]] * 2, []]


def test_labels_and_short_texts_are_scalars_and_nothing_else_is(loader):
    samples = loader("table", args={"story": ["x" * 201] * 4, "flag": [True, False, True, True]})
    assert {name: values.tolist() for name, values in samples.scalars.items()} == {
        "label": [0, 1, 2, 3],
        "site": ["north", "south", "north", "south"],
        "flag": [True, False, True, True],
    }
    assert samples.batch([0])["story"] == ["x" * 201]


@pytest.mark.parametrize("ids", [["b", "a"], [7, 3], np.array(["b", "a"]), torch.tensor([7, 3])])
def test_the_field_id_gives_the_ids_and_is_no_field_more(loader, ids):
    samples = loader("with_ids", args={"ids": ids})
    assert samples.ids == tuple(str(int(one) if isinstance(one, torch.Tensor) else one) for one in ids)
    assert samples.batch([0]).keys() == {"x"}
    assert samples.scalars.keys() == {"x"}


def test_fault_63_no_samples_is_an_error(loader):
    for what in ("empty", "no fields", "empty list"):
        with pytest.raises(DatasetError) as caught:
            loader("returns", args={"what": what})
        assert str(caught.value) == (
            "dataset 'test' has 0 samples\n"
            "  expected:  at least one\n"
            "  to do:     look at the file, the split, and what the loader filters out"
        )


def test_fault_64_a_loader_that_filters_everything_out_is_an_error(loader):
    with pytest.raises(DatasetError, match="dataset 'test' has 0 samples"):
        loader("table", args={"count": 0})


@pytest.mark.parametrize("name", ["table", "images", "streamed"])
def test_fault_66_limit_takes_the_first_and_leaves_it_known(loader, name):
    whole, limited, generous = (loader(name, limit=limit) for limit in (None, 2, 99))
    assert limited.ids == whole.ids[:2]
    assert (len(limited), limited.available) == (2, len(whole))
    assert generous.ids == whole.ids
    for label in whole.scalars:
        assert limited.scalars[label].tolist() == whole.scalars[label].tolist()[:2]


def test_limit_reads_no_more_of_a_sequence(loader):
    assert loader("breaks_later", args={"index": 3}, limit=3).ids == ("image-0", "image-1", "image-2")


def test_fault_67_doubled_ids_are_counted_and_named(loader):
    with pytest.raises(DatasetError) as caught:
        loader("with_ids", args={"ids": ["a", "b", "a", "c", "b", "a"]})
    assert str(caught.value) == (
        "2 ids of dataset 'test' stand for more than one sample, first 'a'\n"
        "  expected:  an id per sample, since candidate and baseline are paired by it\n"
        "  found:     'a' 3 times, 'b' 2 times\n"
        "  to do:     correct the field `id`, or remove the doubled samples"
    )


def test_fault_67_ids_that_are_the_same_as_text_are_doubled(loader):
    with pytest.raises(
        DatasetError, match="1 ids of dataset 'test' stand for more than one sample, first '1'"
    ):
        loader("with_ids", args={"ids": [1, "1"]})


@pytest.mark.parametrize("bad", [1.5, None, True, ""])
def test_what_is_no_id_is_named(loader, bad):
    with pytest.raises(DatasetError, match="the id of sample 1 of dataset 'test' is no id") as caught:
        loader("with_ids", args={"ids": ["a", bad, "c"]})
    assert caught.value.found == repr(bad)


def test_fields_of_unequal_length_are_all_named(loader):
    with pytest.raises(DatasetError, match="of unequal length") as caught:
        loader("unequal")
    assert caught.value.found == "image: 4, label: 5"


@pytest.mark.parametrize(("what", "kind"), [("scalar field", "int"), ("text field", "str")])
def test_a_field_without_a_value_per_sample_is_named(loader, what, kind):
    with pytest.raises(DatasetError, match="has no value per sample") as caught:
        loader("returns", args={"what": what})
    assert caught.value.found == f"a {kind}"


@pytest.mark.parametrize(
    ("what", "kind"), [("none", "NoneType"), ("generator", "generator"), ("text", "str")]
)
def test_what_is_no_dataset_is_named(loader, what, kind):
    with pytest.raises(DatasetError, match="modelqa_loaders:returns did not give samples") as caught:
        loader("returns", args={"what": what})
    assert caught.value.found == f"a {kind}"


def test_numbers_of_another_byte_order_are_the_same_numbers(tmp_path):
    swapped = np.array([1, 2, 300]).astype(">i4")
    images = np.arange(3.0).reshape(3, 1).astype(">f4")
    for samples in (
        from_fields({"label": swapped, "image": images}, "d"),
        from_sequence(
            [{"label": a, "image": b} for a, b in zip(swapped, images, strict=True)], "d", tmp_path
        ),
    ):
        assert samples.scalars["label"].dtype.isnative
        assert samples.scalars["label"].tolist() == [1, 2, 300]
        batch = samples.batch([0, 2])
        assert batch["image"].dtype.isnative
        assert batch["image"].tolist() == [[0.0], [2.0]]


def test_a_sequence_of_mappings_becomes_samples(loader):
    samples = loader("images")
    assert samples.ids == tuple(f"image-{index}" for index in range(5))
    assert {name: values.tolist() for name, values in samples.scalars.items()} == {
        "label": [0, 1, 2, 0, 1],
        "weight": [0.0, 0.5, 1.0, 1.5, 2.0],
        "caption": [f"number {index}" for index in range(5)],
    }
    batch = samples.batch([4, 1])
    assert isinstance(batch["image"], np.ndarray)
    assert np.array_equal(batch["image"][:, 0, 0, 0], [4, 1])
    assert batch["label"].tolist() == [1, 1]
    assert batch["caption"] == ["number 4", "number 1"]


def test_samples_of_many_sizes_stay_lists(loader):
    batch = loader("images_of_many_sizes").batch([0, 2])
    assert [image.shape for image in batch["image"]] == [(1, 1, 2), (1, 3, 2)]
    assert loader("images_of_many_sizes").batch([1])["image"].shape == (1, 1, 2, 2)


def test_a_field_that_is_a_number_only_sometimes_is_no_label(loader):
    assert loader("returns", args={"what": "sometimes a number"}).scalars.keys() == {"y"}


def test_samples_that_are_tuples_are_refused_with_the_form_to_return(loader):
    with pytest.raises(DatasetError, match="sample 0 of dataset 'test' is no mapping") as caught:
        loader("returns", args={"what": "tuples"})
    assert caught.value.found == "a tuple"


def test_samples_with_other_fields_are_named(loader):
    with pytest.raises(DatasetError, match="sample 2 of dataset 'test' has other fields") as caught:
        loader("returns", args={"what": "other fields"})
    assert (caught.value.expected, caught.value.found) == ("x", "y")


def test_fault_86_a_sample_that_cannot_be_read_is_an_error_not_skipped(loader):
    with pytest.raises(DatasetError) as caught:
        loader("images", args={"broken": 3})
    assert caught.value.what == "sample 3 of dataset 'test' cannot be read: OSError"
    assert caught.value.found == "OSError: truncated image"
    assert "modelqa_loaders.py:" in caught.value.where


def test_fault_86_a_sample_that_breaks_in_a_batch_is_named_by_its_id(loader):
    import modelqa_loaders

    data = modelqa_loaders.Images()
    modelqa_loaders.images = lambda: data
    samples = loader("images")
    data.broken = 2
    assert len(samples.batch([0, 1])["image"]) == 2
    with pytest.raises(DatasetError, match="sample 'image-2' of dataset 'test' cannot be read: OSError"):
        samples.batch([1, 2])


def test_an_object_with_ids_scalars_and_batch_is_used_as_it_is(loader):
    samples = loader("streamed")
    assert samples.ids == ("a", "b", "c")
    assert samples.batch([2, 0])["x"].tolist() == [20, 0]
    assert samples.about == {"categories": {1: "tree"}}


def test_scalars_of_other_samples_than_the_ids_are_refused(loader):
    with pytest.raises(DatasetError, match="not one for each id") as caught:
        loader("streamed", args={"filtered": True})
    assert caught.value.found == "label: 3"


def test_its_errors_are_told_in_our_words(loader):
    samples = loader("streamed", args={"broken": True})
    with pytest.raises(
        DatasetError, match="a batch of dataset 'test' cannot be read: ConnectionError"
    ) as caught:
        samples.batch([0])
    assert caught.value.found == "ConnectionError: no route to store"


def test_the_split_is_an_argument_of_the_loader(loader):
    assert len(loader("of_split", split="train")) == 3
    assert len(loader("of_split", args={"split": "test"})) == 2
    with pytest.raises(DatasetError, match="names its split twice"):
        loader("of_split", split="train", args={"split": "test"})


def test_a_loader_that_takes_no_split_shows_its_signature(loader):
    with pytest.raises(DatasetError, match="unexpected keyword argument 'split'") as caught:
        loader("unequal", split="test")
    assert (caught.value.expected, caught.value.found) == ("unequal()", "args: split")


def test_fault_84_data_missing_offline_is_told_with_the_loaders_words(loader):
    with pytest.raises(DatasetError) as caught:
        loader("needs_corpus")
    assert caught.value.what == "modelqa_loaders:needs_corpus raised for dataset 'test': LookupError"
    assert "Resource punkt_tab not found" in caught.value.found
    assert "raise LookupError" in caught.value.details


def test_a_loader_that_is_not_there_is_told_with_the_nearest_name(loader):
    with pytest.raises(EvaluationError) as caught:
        loader("tabel")
    assert caught.value.what == "modelqa_loaders has no attribute 'tabel'"
    assert (caught.value.found or "").startswith("it has Images, ")
    assert (caught.value.todo or "").startswith("did you mean 'table'? ")
