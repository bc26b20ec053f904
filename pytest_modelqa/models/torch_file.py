"""Reads what a file of ``torch.save`` holds, without torch and without running its pickle.

Two layouts: a zip archive of a pickle and one entry per storage (since torch 1.6), and five pickles in a row
followed by the storages (before). Only state_dicts are read: mappings of names to dense tensors.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..spec.spelling import listed
from .header import DTYPE_BITS, Header, TensorInfo
from .pickles import StandIn, load_inert

# torch/serialization.py, MAGIC_NUMBER: the first of the pickles of the old layout.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
# Pickles of state_dicts are some kilobytes: tensors lie outside of them.
_PICKLE_LIMIT_BYTES = 256 * 2**20
# An expand()ed tensor takes more memory than file; up to here that is a mask or a table of positions.
_EXPANDED_LIMIT_BYTES = 64 * 2**20
_WRAPPER_DEPTH = 4

_STORAGE_DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
}
# What a state_dict of dense tensors names; torch's own list for weights_only is longer.
_ALLOWED = frozenset(
    {
        "collections.OrderedDict",
        "builtins.set",
        "builtins.bytearray",
        "builtins.complex",
        "_codecs.encode",
        "torch.Size",
        "torch.device",
        "torch.Tensor",
        "torch._tensor.Tensor",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.UntypedStorage",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._tensor._rebuild_from_type_v2",
    }
    | {f"torch.{name}" for name in (*_STORAGE_DTYPES, *DTYPE_BITS)}
)
# Nobody's weights need these: their presence is an attack, or a program taken for a checkpoint.
_DANGEROUS = re.compile(
    r"(os|posix|nt|sys|subprocess|shutil|socket|runpy|importlib|pty|commands|ctypes|pickle|marshal|operator|code"
    r"|webbrowser|timeit|pdb|bdb|asyncio)\..*"
    r"|builtins\.(eval|exec|compile|getattr|setattr|delattr|open|input|breakpoint|__import__|apply|execfile|globals)"
)
SAVE_STATE_DICT = "save the weights alone: torch.save(model.state_dict(), PATH)"


def read_header(path: Path, state_dict_key: str | None = None, allow_globals: Sequence[str] = ()) -> Header:
    """The names, shapes and dtypes of the state_dict in a file of ``torch.save``.

    Args:
        path: The file.
        state_dict_key: Where in the file the state_dict lies, dotted; what is no key any more is a prefix of
            the tensors' names: ``state_dict.model`` reads ``model.*`` of the mapping under ``state_dict``.
        allow_globals: Exact names of globals that the pickle may name besides tensors.

    Raises:
        CheckpointError: The file is truncated, is no state_dict, or names a global that is not allowed.
    """
    content, named, sizes = _read_pickle(path)
    refuse_globals(path, [name for name in named if name not in _ALLOWED and name not in allow_globals])
    if not isinstance(content, dict):
        raise CheckpointError(
            f"the checkpoint is not a state_dict: {path.name}",
            where=str(path),
            expected="a mapping of names to tensors",
            found=f"a {type(content).__name__}",
            todo=SAVE_STATE_DICT,
        )
    selected = select(content, state_dict_key, path)
    tensors = {
        name: _tensor(path, name, value, sizes) for name, value in selected.items() if _is_tensor(value)
    }
    metadata = {str(key): _shown(value) for key, value in selected.items() if not _is_tensor(value)}
    wrapped = tuple(_wrapped(content, "", _WRAPPER_DEPTH)) if state_dict_key is None else ()
    return Header(tensors, metadata, wrapped)


def refuse_globals(path: Path, refused: Sequence[str]) -> None:
    """Raises if a checkpoint names globals that are not allowed, with what that most likely means.

    Raises:
        CheckpointError: ``refused`` is not empty; nothing of the file has run.
    """
    if not refused:
        return
    shown = listed(refused, 5)
    dangerous = [name for name in refused if _DANGEROUS.fullmatch(name)]
    if dangerous:
        what = f"the checkpoint is refused: it wants {dangerous[0]}"
        todo = "do not load this file anywhere; find out where it came from. Weights do not need this"
    elif classes := [name for name in refused if name.startswith("torch.nn.")]:
        own = [name for name in refused if not name.startswith("torch.")]
        what = f"the checkpoint contains class {(own or classes)[0]}: a whole model was pickled"
        todo = SAVE_STATE_DICT
    else:
        what = f"the checkpoint is refused: it wants {refused[0]}"
        todo = (
            f"{SAVE_STATE_DICT}; or, if these are known to be harmless, write in the spec\n"
            f"allow_globals: [{', '.join(refused)}]"
        )
    raise CheckpointError(
        f"{what}: {path.name}",
        where=str(path),
        expected="a state_dict: names and tensors, nothing else",
        found=f"globals in its pickle: {shown} (nothing was run)",
        todo=todo,
    )


def select(content: Mapping[Any, Any], state_dict_key: str | None, path: Path) -> Mapping[Any, Any]:
    """The state_dict under a dotted key; what of the key names no mapping is a prefix of tensor names.

    Raises:
        CheckpointError: Nothing lies under the key.

    >>> select({"state_dict": {"net.weight": 1, "loss.weight": 2}}, "state_dict.net", Path("last.ckpt"))
    {'weight': 1}
    """
    if state_dict_key is None:
        return content
    steps = state_dict_key.split(".")
    current = content
    while steps and isinstance(current.get(steps[0]), Mapping):
        current = current[steps.pop(0)]
    if not steps:
        return current
    prefix = ".".join(steps) + "."
    selected = {
        name[len(prefix) :]: value
        for name, value in current.items()
        if isinstance(name, str) and name.startswith(prefix)
    }
    if not selected:
        raise CheckpointError(
            f"the checkpoint has nothing under state_dict_key {state_dict_key!r}: {path.name}",
            where=str(path),
            found=f"its keys: {', '.join(str(key) for key in list(current)[:8])}",
            todo="correct `state_dict_key` in the spec",
        )
    return selected


def is_archive(path: Path) -> bool:
    """Whether torch takes the file for a zip archive.

    It asks the first bytes; ``zipfile.is_zipfile`` looks at the last, which may be of another content.
    """
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _read_pickle(path: Path) -> tuple[Any, list[str], Mapping[str, int]]:
    """The content, the globals it names, and the bytes of each storage (of the zip layout)."""
    if is_archive(path):
        return _read_zip(path)
    named: list[str] = []
    with path.open("rb") as file:
        magic, asked = load_inert(file, path)
        if type(magic) is not int or magic != _MAGIC_NUMBER:
            refuse_globals(path, [name for name in asked if name not in _ALLOWED])
            raise CheckpointError(
                f"the checkpoint is a plain pickle, not a file of torch.save: {path.name}",
                where=str(path),
                found=f"a {type(magic).__name__}",
                todo=SAVE_STATE_DICT,
            )
        for _ in ("protocol version", "system"):
            _, asked = load_inert(file, path)
            named += asked
        content, asked = load_inert(file, path)
    return content, named + asked, {}


def _read_zip(path: Path) -> tuple[Any, list[str], Mapping[str, int]]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED:
                raise CheckpointError(
                    f"the checkpoint is compressed, which torch.save never does: {path.name}",
                    where=str(path),
                    found=f"{entry.filename} declares {entry.file_size:,} bytes, has {entry.compress_size:,}",
                    todo=SAVE_STATE_DICT,
                )
        (pickled,) = [entry for entry in entries if entry.filename.partition("/")[2] == "data.pkl"][:1]
        if pickled.file_size > _PICKLE_LIMIT_BYTES:
            raise CheckpointError(
                f"the checkpoint's pickle is too large: {path.name}",
                where=str(path),
                expected=f"at most {_PICKLE_LIMIT_BYTES:,} bytes of names and shapes",
                found=f"{pickled.file_size:,} bytes",
                todo=SAVE_STATE_DICT,
            )
        with archive.open(pickled) as file:
            content, named = load_inert(file, path)  # type: ignore[arg-type]
        folder = pickled.filename.partition("/")[0] + "/data/"
        sizes = {entry.filename.removeprefix(folder): entry.file_size for entry in entries}
    return content, named, sizes


def _is_tensor(value: Any) -> bool:
    return isinstance(value, StandIn) and value.name.rpartition(".")[2].startswith("_rebuild_")


def _tensor(path: Path, name: str, value: StandIn, sizes: Mapping[str, int]) -> TensorInfo:
    try:
        kind = value.name.rpartition(".")[2]
        if kind.startswith("_rebuild_parameter"):
            return _tensor(path, name, value.called_with[0], sizes)
        if kind == "_rebuild_from_type_v2":
            function, _, args, _ = value.called_with
            return _tensor(path, name, function(*args), sizes)
        storage, _, shape, _ = value.called_with[:4]
        _, storage_class, key, _, count = storage[:5]
        dtype = _STORAGE_DTYPES.get(storage_class.name.rpartition(".")[2])
        if dtype is None:  # UntypedStorage: the dtype is an argument of its own, the count is of bytes
            dtype = value.called_with[6].name.rpartition(".")[2]
            count = count * 8 // DTYPE_BITS[dtype]
        info = TensorInfo(tuple(int(length) for length in shape), dtype)
        held = count * DTYPE_BITS[dtype] // 8
        stored = sizes.get(str(key), held)
    except (AttributeError, ValueError, TypeError, IndexError, KeyError) as error:
        raise CheckpointError(
            f"the tensor {name!r} is not an ordinary dense one: {path.name}",
            where=str(path),
            found=f"{value.name if isinstance(value, StandIn) else type(value).__name__}",
            todo="save it as a dense tensor of one of the usual dtypes",
        ) from error
    if stored < held or (info.size_bytes > held and info.size_bytes > _EXPANDED_LIMIT_BYTES):
        raise CheckpointError(
            f"the tensor {name!r} declares {max(held, info.size_bytes):,} bytes, the file has {stored:,}",
            where=str(path),
            expected=f"as many bytes as shape {info.shape} takes; limit {_EXPANDED_LIMIT_BYTES:,} where not",
            todo="save it again; call .contiguous() on expanded tensors before",
        )
    return info


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)} entries"
    if isinstance(value, StandIn):
        return f"a {value.name}"
    return str(value)[:80] if isinstance(value, (bool, int, float, str)) else f"a {type(value).__name__}"


def _wrapped(content: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict) and depth:
            if any(_is_tensor(inner) for inner in value.values()):
                yield f"{prefix}{key}"
            else:
                yield from _wrapped(value, f"{prefix}{key}.", depth - 1)
