"""Loaders that the tests name, as a spec would."""

from __future__ import annotations

import numpy as np
import torch


def table(count=4, **extra):
    return {
        "image": np.arange(count * 6, dtype=np.float32).reshape(count, 2, 3),
        "label": torch.arange(count),
        "site": ["north", "south"] * (count // 2) + ["north"] * (count % 2),
        "boxes": [[[0, 0, i, i]] * (i % 3) for i in range(count)],
        **extra,
    }


def with_ids(ids):
    return {"id": ids, "x": np.zeros(len(ids))}


def of_split(split):
    return {"x": np.zeros({"train": 3, "test": 2}[split])}


def unequal():
    return {"image": np.zeros((4, 2)), "label": np.zeros(5)}


def returns(what):
    return {
        "empty": {"x": np.zeros((0, 2))},
        "no fields": {},
        "none": None,
        "generator": (x for x in ()),
        "text": "abc",
        "scalar field": {"x": np.zeros(3), "count": 3},
        "text field": {"x": np.zeros(3), "name": "abc"},
        "tuples": [(np.zeros(2), 0)],
        "empty list": [],
        "sometimes a number": [{"x": 1, "y": 2}, {"x": np.zeros(2), "y": 3}],
        "other fields": [{"x": 1}, {"x": 1}, {"y": 1}],
    }[what]


class Images(torch.utils.data.Dataset):
    def __init__(self, count=5, broken=None):
        self.count = count
        self.broken = broken
        self.read = []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.read.append(index)
        if index == self.broken:
            raise OSError("truncated image")
        return {
            "id": f"image-{index}",
            "image": torch.full((1, 2, 2), float(index)),
            "label": index % 3,
            "weight": torch.tensor(index / 2),
            "caption": f"number {index}",
        }


def images(**args):
    return Images(**args)


def images_of_many_sizes():
    return [{"image": np.zeros((1, size, 2)), "label": size} for size in (1, 2, 3)]


class Streamed:
    """Gives ids, scalars and batches by itself."""

    def __init__(self, broken=False, filtered=False):
        self.ids = ("b", "c") if filtered else ("a", "b", "c")
        self.scalars = {"label": np.array([0, 1, 2])}
        self.about = {"categories": {1: "tree"}}
        self.broken = broken

    def __len__(self):
        return 3

    def batch(self, indices):
        if self.broken:
            raise ConnectionError("no route to store")
        return {"x": np.array(indices) * 10}


def streamed(**args):
    return Streamed(**args)


def needs_corpus():
    raise LookupError("Resource punkt_tab not found. Please use the NLTK Downloader")


def breaks_later(index):
    return Images(broken=index)
