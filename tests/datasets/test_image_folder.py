from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pytest_modelqa.errors import DatasetError


@pytest.fixture
def images(tmp_path):
    """Three classes, of which ``ant`` has one image of known pixels."""
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 10
    for name, shade in (("bee/1.png", 100), ("bee/0.png", 50), ("cat/deep/x.jpg", 200)):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2), (shade,) * 3).save(path)
    (tmp_path / "images" / "ant").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "ant" / "a.png")
    return pixels


def test_class_folders_become_labels_in_alphabetical_order(load, images):
    samples = load(path="images")
    assert samples.ids == ("ant/a.png", "bee/0.png", "bee/1.png", "cat/deep/x.jpg")
    assert samples.scalars["label"].tolist() == [0, 1, 1, 2]
    assert samples.scalars["class"].tolist() == ["ant", "bee", "bee", "cat"]


def test_images_are_channels_first_in_0_to_1(load, images):
    batch = load(path="images").batch([0, 2])
    assert batch["image"].dtype == np.float32
    assert np.array_equal(batch["image"][0], images.transpose(2, 0, 1).astype(np.float32) / 255)
    assert np.all(batch["image"][1] == np.float32(100) / 255)
    assert batch["label"].tolist() == [0, 1]
    assert batch["class"] == ["ant", "bee"]


def test_grey_images_have_one_channel(load, images):
    assert load(path="images", args={"mode": "L"}).batch([1])["image"].shape == (1, 1, 2, 3)
    with pytest.raises(DatasetError, match="asks for images of mode 'CMYK'"):
        load(path="images", args={"mode": "CMYK"})


def test_images_of_other_sizes_stay_a_list(load, images, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "ant" / "b.png")
    batch = load(path="images").batch([0, 1])
    assert [image.shape for image in batch["image"]] == [(3, 2, 3), (3, 9, 9)]


def test_fault_66_limit_leaves_the_rest_known(load, images):
    samples = load(path="images", limit=2)
    assert (samples.ids, samples.available) == (("ant/a.png", "bee/0.png"), 4)
    assert samples.scalars["label"].tolist() == [0, 1]


def test_the_split_is_a_subfolder(load, images, tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "images").rename(tmp_path / "all" / "test")
    assert load(path="all", split="test").ids[0] == "ant/a.png"
    with pytest.raises(DatasetError, match="has no subfolder for split 'val'") as caught:
        load(path="all", split="val")
    assert caught.value.found == "subfolders test"


def test_images_without_class_folders_have_no_label(load, tmp_path):
    (tmp_path / "flat").mkdir()
    Image.new("L", (2, 2), 7).save(tmp_path / "flat" / "a.png")
    samples = load(path="flat")
    assert (samples.ids, dict(samples.scalars)) == (("a.png",), {})
    assert samples.batch([0]).keys() == {"image"}


@pytest.mark.parametrize("damage", ["truncated", "text", "header"])
def test_fault_86_a_corrupt_image_is_an_error_not_skipped(load, images, tmp_path, damage):
    path = tmp_path / "images" / "bee" / "1.png"
    whole = path.read_bytes()
    path.write_bytes(
        {"truncated": whole[:50], "text": b"not an image", "header": whole[:8] + b"\0" * 60}[damage]
    )
    samples = load(path="images")
    assert len(samples) == 4
    assert len(samples.batch([0, 1])["image"]) == 2
    with pytest.raises(DatasetError) as caught:
        samples.batch([1, 2])
    assert caught.value.what == "sample 'bee/1.png' of dataset 'test' cannot be read"
    assert caught.value.where == str(path)
    assert caught.value.todo == "replace the image, or take it out of the dataset on purpose"


@pytest.mark.parametrize("mode", ["I;16", "F"])
def test_deep_images_are_not_cut_down_to_8_bits(load, tmp_path, mode):
    (tmp_path / "deep").mkdir()
    Image.new(mode, (2, 2), 300).save(tmp_path / "deep" / "a.tiff")
    with pytest.raises(
        DatasetError, match=r"sample 'a.tiff' of dataset 'test' has more than 8 bits"
    ) as caught:
        load(path="deep").batch([0])
    assert caught.value.found == f"mode {mode}"


@pytest.mark.parametrize(
    ("mode", "colour"), [("P", 3), ("RGBA", (1, 2, 3, 255)), ("1", 1), ("CMYK", (0, 0, 0, 0))]
)
def test_other_8_bit_images_are_converted(load, tmp_path, mode, colour):
    (tmp_path / "some").mkdir()
    image = Image.new(mode, (2, 2), colour)
    if mode == "P":
        image.putpalette([0, 0, 0] * 3 + [1, 2, 3])
    image.save(tmp_path / "some" / "a.tiff")
    found = load(path="some").batch([0])["image"][0, :, 0, 0] * 255
    assert found.tolist() == ([1, 2, 3] if mode in {"P", "RGBA"} else [255, 255, 255])


def test_a_file_that_is_no_image_is_named(load, images, tmp_path):
    (tmp_path / "images" / "bee" / "labels.txt").write_text("x")
    with pytest.raises(DatasetError, match=r"1 files of dataset 'test' are no images, first labels\.txt"):
        load(path="images")


def test_what_systems_leave_behind_is_left_out(load, images, tmp_path):
    (tmp_path / "images" / ".DS_Store").write_text("x")
    (tmp_path / "images" / ".cache").mkdir()
    (tmp_path / "images" / ".cache" / "a.png").write_text("x")
    assert len(load(path="images")) == 4


def test_an_empty_class_folder_is_an_error_since_labels_depend_on_it(load, images, tmp_path):
    (tmp_path / "images" / "bat").mkdir()
    with pytest.raises(DatasetError, match="the class folder 'bat' of dataset 'test' is empty"):
        load(path="images")


def test_images_outside_of_the_class_folders_are_an_error(load, images, tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "images" / "a.png")
    with pytest.raises(DatasetError, match=r"1 images of dataset 'test' lie outside .* first a\.png"):
        load(path="images")


def test_fault_63_an_empty_folder_has_no_samples(load, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="dataset 'test' has 0 samples"):
        load(path="none")
