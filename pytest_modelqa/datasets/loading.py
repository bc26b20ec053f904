"""Makes samples of a dataset, by the user's ``load`` or by the format of ``path``. Runs in the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..records.digests import file_sha256
from ..spec.resolved import Dataset
from ..user_code import call, explained, import_attribute
from .coco import from_coco
from .csv_file import read_csv
from .files import COCO_SUFFIX, check_pinned, data_path, images_folder
from .image_folder import from_image_folder
from .jsonl_file import read_jsonl
from .loaded import LoadedSamples, as_ids, check_not_empty, from_fields
from .npz_file import read_npz
from .parquet_file import read_parquet
from .sequence import from_sequence

TABLES: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    ".npz": read_npz,
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
"""What reads a table, by its suffix: a path gives its fields, arrays or lists of one length."""


def load_samples(
    dataset: Dataset, folder: Path, *, digest_of: Callable[[Path], str] = file_sha256
) -> LoadedSamples:
    """The samples of a dataset, in a fixed order, with ids.

    ``load: module:function`` is called with ``args``, and with ``split`` where the dataset names one. It
    returns

    - a mapping of fields: arrays, tensors or lists of one length; or
    - a sequence of samples (``len`` and ``[index]``), each a mapping of fields, as a torch Dataset may be; or
    - an object with ``ids``, ``scalars`` and ``batch`` (see ``samples.Samples``), used as it is.

    The field ``id``, where there is one, gives the ids. ``path`` is read by its suffix: ``.npz``, ``.jsonl``,
    ``.csv``, ``.parquet``, ``.json`` (COCO; ``args: {images: FOLDER}``), and a folder as images in one folder per
    class. There ``split`` is a column, or for images a subfolder.

    Args:
        dataset: As the spec resolved it.
        folder: The spec's folder; the caller has put it on ``sys.path``.
        digest_of: Gives the sha256 of a file.

    Raises:
        EvaluationError: The loader's module could not be imported.
        DatasetError: The loader raised, a file is missing or damaged, there are no samples, ids are doubled.
    """
    check_pinned(dataset, folder, digest_of)
    if dataset.load is None:
        return _from_path(dataset, folder)
    if dataset.split is not None and "split" in dataset.args:
        raise DatasetError(
            f"dataset {dataset.name!r} names its split twice, as `split` and in `args`",
            todo="keep one of the two",
        )
    args = dict(dataset.args) if dataset.split is None else {**dataset.args, "split": dataset.split}
    loader = import_attribute(dataset.load, folder)
    loaded = call(loader, args, dataset.load, f"dataset {dataset.name!r}", folder, DatasetError)
    return _from_loader(loaded, dataset, folder)


def _from_loader(loaded: Any, dataset: Dataset, folder: Path) -> LoadedSamples:
    if isinstance(loaded, Mapping):
        return from_fields(loaded, dataset.name, limit=dataset.limit)
    if all(hasattr(loaded, name) for name in ("ids", "scalars", "batch")):
        return _limited(loaded, dataset, folder)
    if hasattr(loaded, "__len__") and hasattr(loaded, "__getitem__") and not isinstance(loaded, (str, bytes)):
        return from_sequence(loaded, dataset.name, folder, limit=dataset.limit)
    raise DatasetError(
        f"{dataset.load} did not give samples for dataset {dataset.name!r}",
        expected="a mapping of arrays of one length, or a sequence of mappings",
        found=f"a {type(loaded).__name__}",
        todo="return one of the two; a generator as list(…)",
    )


def _limited(samples: Any, dataset: Dataset, folder: Path) -> LoadedSamples:
    check_not_empty(len(samples.ids), dataset.name)
    wrong = [name for name, values in samples.scalars.items() if len(values) != len(samples.ids)]
    if wrong:
        raise DatasetError(
            f"the scalars of dataset {dataset.name!r} are not one for each id",
            expected=f"{len(samples.ids)} values, or slices and samples would not belong together",
            found=", ".join(f"{name}: {len(samples.scalars[name])}" for name in wrong[:5]),
            todo=f"let what {dataset.load} gives filter ids and scalars alike",
        )
    ids = as_ids(samples.ids, dataset.name)[: dataset.limit]
    scalars = {name: values[: dataset.limit] for name, values in samples.scalars.items()}

    def read(indices: Sequence[int]) -> Mapping[str, Any]:
        with explained(f"a batch of dataset {dataset.name!r} cannot be read", folder, DatasetError):
            batch: Mapping[str, Any] = samples.batch(indices)
        return batch

    return LoadedSamples(ids, scalars, len(samples.ids), read, getattr(samples, "about", {}))


def _from_path(dataset: Dataset, folder: Path) -> LoadedSamples:
    path = data_path(dataset, folder)
    if path.suffix.lower() == COCO_SUFFIX:
        return _from_coco(dataset, folder, path)
    _check_args(dataset, ("mode",) if path.is_dir() else ())
    if path.is_dir():
        return from_image_folder(
            path,
            dataset.name,
            mode=dataset.args.get("mode", "RGB"),
            split=dataset.split,
            limit=dataset.limit,
        )
    read = TABLES.get(path.suffix.lower())
    if read is None:
        raise DatasetError(
            f"the format of dataset {dataset.name!r} is not known: {path.name}",
            where=str(path),
            expected=f"one of {', '.join(TABLES)}, .json (COCO), or a folder of images",
            todo="write `load: module:function` and read it there",
        )
    return from_fields(read(path), dataset.name, limit=dataset.limit, split=dataset.split)


def _from_coco(dataset: Dataset, folder: Path, path: Path) -> LoadedSamples:
    _check_args(dataset, ("images",))
    if dataset.split is not None:
        raise DatasetError(
            f"dataset {dataset.name!r} is a COCO file, which has no splits",
            todo="write one file for each split, and remove split:",
        )
    images = images_folder(dataset, folder) if "images" in dataset.args else None
    return from_coco(path, dataset.name, images=images, limit=dataset.limit)


def _check_args(dataset: Dataset, known: tuple[str, ...]) -> None:
    unknown = [name for name in dataset.args if name not in known]
    if unknown:
        raise DatasetError(
            f"dataset {dataset.name!r} has args that its format does not know: {', '.join(unknown)}",
            expected=", ".join(known) or "none",
            todo="remove them, or write `load: module:function`",
        )
