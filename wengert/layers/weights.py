"""Weights in files: safetensors, which other frameworks read and write, replaced whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from wengert.checks.extras import needed
from wengert.core.errors import describe
from wengert.layers.layer import Layer

__all__ = ["load_weights", "read_metadata", "read_weights", "save_weights"]

Names = Mapping[str, str | None] | Callable[[str], str | None]

# The format's names for NumPy's dtypes. BF16 is read as float32.
DTYPES = {
    **{f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)},
    **{f"I{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"U{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    "BOOL": "?",
    "C64": "<c8",
}
KINDS = {np.dtype(code): kind for kind, code in DTYPES.items()}

# The format has no checksum of its own. Ours is a note among the metadata, which other programs pass over.
CHECKSUM = "wengert_crc32"


def save_weights(layer: Layer, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Save the parameters and buffers of a layer or model in a safetensors file.

    The file at `path` is replaced at once when the new one is whole and on the disk: whatever happens
    meanwhile (a kill, a full disk, a power cut) leaves the old one or the new one.

    Parameters
    ----------
    layer : Layer
        Its parameters must be made, those of lazy sizes too.
    path : str or path
        By custom ending in ``.safetensors``. Its folder must be there.
    metadata : mapping of str to str, optional
        What to note in the file: see `read_metadata`.

    Raises
    ------
    OSError
        If it cannot be written. The old file is as it was.
    ImportError
        If safetensors is not installed.

    Examples
    --------
    >>> import tempfile, wengert
    >>> model = wengert.layers.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(model, f"{folder}/model.safetensors", {"epoch": "3"})
    ...     load_weights(wengert.layers.Linear(3, 2), f"{folder}/model.safetensors")
    ...     read_metadata(f"{folder}/model.safetensors")["epoch"]
    '3'
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"save_weights takes a Layer, but got {describe(layer)}")
    # Layouts and names are PyTorch's; its libraries ask for the note.
    write_arrays(path, layer.state_dict(), {"format": "pt", **(metadata or {})}, "saving weights")


def load_weights(
    layer: Layer,
    path: str | os.PathLike[str],
    names: Names | None = None,
    strict: bool = True,
    transposed: Iterable[str] = (),
) -> None:
    """Load the parameters and buffers of a layer or model from a safetensors file, of whatever framework.

    Parameters
    ----------
    layer : Layer
        Is given all of them, or on an error none. Numbers are converted to its dtype.
    path : str or path
    names : mapping or function, optional
        Our names by those in the file. A key that ends in "." stands for all names that begin so; None as
        the value drops the array.
    strict : bool
        Whether each array must be there, and nothing else.
    transposed : iterable of str
        Patterns (``"*.c_attn.weight"``) for names in the file whose matrices are laid out (in, out), as in
        files of GPT-2 and of TensorFlow. They are transposed.

    Raises
    ------
    ValueError
        If the file is not whole, or is of another model: lists every difference. A file of `save_weights`
        carries a checksum, so that a single flipped bit is noticed.
    FileNotFoundError, ImportError
        If there is no such file; if safetensors is not installed.

    Examples
    --------
    >>> import tempfile, wengert
    >>> theirs, ours = wengert.layers.Linear(3, 2), wengert.layers.Sequential(wengert.layers.Linear(3, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(theirs, f"{folder}/line.safetensors")
    ...     load_weights(ours, f"{folder}/line.safetensors", names={"weight": "0.weight", "bias": "0.bias"})
    >>> bool((ours[0].weight.data == theirs.weight.data).all())
    True
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"load_weights takes a Layer, but got {describe(layer)}")
    arrays, _ = read_arrays(path, "loading weights")
    for pattern in (transposed,) if isinstance(transposed, str) else transposed:
        found = [name for name in arrays if fnmatchcase(name, pattern) and arrays[name].ndim == 2]
        if not found:
            raise ValueError(
                f"transposed has {pattern!r}, but no matrix in {os.fspath(path)} has such a name: "
                f"{', '.join(arrays) or 'it is empty'}"
            )
        for name in found:
            arrays[name] = arrays[name].T
    try:
        layer.load_state_dict(arrays, names, strict)
    except (TypeError, ValueError) as error:
        error.add_note(f"read from {os.fspath(path)}")
        raise


def read_weights(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read all arrays of a safetensors file by name, bfloat16 as float32.

    Raises
    ------
    ValueError
        If the file is not whole, or holds numbers that NumPy has not (of 8 bits).

    Examples
    --------
    >>> import tempfile, wengert
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(wengert.layers.Linear(3, 2), f"{folder}/model.safetensors")
    ...     {name: a.shape for name, a in sorted(read_weights(f"{folder}/model.safetensors").items())}
    {'bias': (2,), 'weight': (2, 3)}
    """
    return read_arrays(path, "reading weights")[0]


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read what `save_weights` noted in a safetensors file: see there.

    Raises
    ------
    ValueError
        If the file is not whole.
    """
    return read_arrays(path, "reading metadata")[1]


# Files of arrays, whatever they mean


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], metadata: Mapping[str, str], purpose: str
) -> None:
    """Write `arrays` and `metadata` at `path`, whole or not at all."""
    numpy = needed("safetensors.numpy", "train", purpose)
    for key, value in metadata.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise TypeError(f"metadata must be of strings, but got {key!r}: {value!r}; write str(value)")
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<") not in KINDS:
            raise TypeError(f"safetensors cannot hold {name!r}, {describe(array)}; convert it first: astype(...)")
    # (safetensors takes the memory as it lies; and asarray, since ascontiguousarray makes 1-d of 0-d.)
    laid_out = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    noted = dict(metadata)
    little = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in laid_out.items()}
    noted[CHECKSUM] = _checksum(metadata, [(name, KINDS[a.dtype], a.shape, a) for name, a in sorted(little.items())])
    try:
        content = numpy.save(laid_out, metadata=noted)
    except needed("safetensors", "train", purpose).SafetensorError as error:
        raise ValueError(f"{purpose} failed, because the format cannot hold this: {error}") from error
    replace_file(path, content)


def read_arrays(path: str | os.PathLike[str], purpose: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file, or raise ValueError if it is not whole."""
    safetensors = needed("safetensors", "train", purpose)
    where = os.fspath(path)
    content = Path(path).read_bytes()
    try:
        entries = safetensors.deserialize(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(f"{where} is not a whole safetensors file: {_trouble(content, error)}") from error
    metadata = dict(header.get("__metadata__") or {})
    entries = sorted(entries, key=lambda each: each[0])  # they come in no order
    if (expected := metadata.pop(CHECKSUM, None)) is not None:
        found = _checksum(metadata, [(name, e["dtype"], tuple(e["shape"]), e["data"]) for name, e in entries])
        if found != expected:
            raise ValueError(
                f"{where} is damaged: its checksum is {found}, but should be {expected} (a program that changes such a "
                f"file must drop the note {CHECKSUM!r} from its metadata)"
            )
    arrays = {}
    for name, entry in entries:
        kind, shape = entry["dtype"], entry["shape"]
        if kind == "BF16":  # the upper half of a float32
            flat = (np.frombuffer(entry["data"], "<u2").astype("<u4") << 16).view("<f4")
        elif kind in DTYPES:
            flat = np.frombuffer(entry["data"], DTYPES[kind])
        else:
            raise ValueError(f"{name!r} in {where} is of dtype {kind}, which NumPy has not; save it as float32 there")
        native = flat.dtype.newbyteorder("=")
        arrays[name] = flat.astype(native, copy=False).reshape(shape)
    return arrays, metadata


def _checksum(metadata: Mapping[str, str], arrays: Iterable[tuple[str, str, tuple[int, ...], Any]]) -> str:
    """Return the CRC-32 of all that a file says, as eight hexadecimal digits."""
    arrays = list(arrays)
    said = json.dumps([sorted(metadata.items()), [[name, kind, list(shape)] for name, kind, shape, _ in arrays]])
    found = zlib.crc32(said.encode())
    for *_, numbers in arrays:
        found = zlib.crc32(numbers, found)
    return f"{found:08x}"


def _trouble(content: bytes, error: Exception) -> str:
    if not content:
        return "it is empty"
    if content.startswith((b"PK\x03\x04", b"\x80")):
        return "it looks like a pickle, which is not read, as it could run any program; save it by safetensors there"
    return f"{error} (it has {len(content)} bytes); is it truncated, or of another format?"


# A file that is replaced at once


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to a temporary file in the folder of `path`, force it to the disk, and rename it."""
    target = Path(os.path.realpath(path))  # where a link points to, not the link
    _sweep(target)
    part = target.with_name(f"{_stem(target)}{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened
        with contextlib.suppress(PermissionError):  # may be written to, not read
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _stem(target: Path) -> str:
    return f".{target.name}.{platform.node()}-"


def _sweep(target: Path) -> None:
    """Remove what killed processes of this machine have left beside `target`."""
    if os.name != "posix":
        return  # nothing tells there, without harm, whether a process is alive
    stem = _stem(target)
    try:
        beside = os.listdir(target.parent)
    except PermissionError:
        return
    for name in beside:
        if not (name.startswith(stem) and name.endswith(".part")):
            continue
        number = name.removeprefix(stem).partition("-")[0]
        if not number.isdecimal():
            continue
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            (target.parent / name).unlink(missing_ok=True)
        except (PermissionError, OverflowError):
            pass  # it is alive, and somebody else's
