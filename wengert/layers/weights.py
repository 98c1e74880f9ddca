"""Weights in safetensors files, which other frameworks read and write; files are replaced atomically."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import stat
import zlib
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from operator import eq
from pathlib import Path
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.extras import needed
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

# The format has no checksum. Ours is a metadata entry, which other programs ignore.
CHECKSUM = "wengert_crc32"


def save_weights(layer: Layer, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Save the parameters and buffers of a layer or model in a safetensors file.

    The file at `path` is replaced atomically when the new one is complete and on the disk: whatever happens meanwhile
    (a kill, a full disk, a power cut) leaves the old one or the new one.

    Parameters
    ----------
    layer : Layer
        Lazy parameters must be made already.
    path : str or path
        By convention with the suffix ``.safetensors``. Its folder must exist.
    metadata : mapping of str to str, optional
        Stored in the file: see `read_metadata`.

    Raises
    ------
    OSError
        If it cannot be written. The old file is unchanged.
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
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping of strings to strings, but got {describe(metadata)}")
    path = options.path(path, "path", "save_weights")
    # Layouts and names are PyTorch's; its libraries expect this metadata entry.
    write_arrays(path, layer.state_dict(), {"format": "pt", **(metadata or {})}, "saving weights")


def load_weights(
    layer: Layer,
    path: str | os.PathLike[str],
    names: Names | None = None,
    strict: bool = True,
    transposed: Iterable[str] = (),
) -> None:
    """Load the parameters and buffers of a layer or model from a safetensors file, of any framework.

    Parameters
    ----------
    layer : Layer
        All of its arrays are set, or on an error none. Values are converted to its dtype.
    path : str or path
    names : mapping or function, optional
        Maps the names in the file to ours. A key that ends in "." is a prefix; None as the value drops the array.
    strict : bool
        Whether the names must match exactly.
    transposed : iterable of str
        Patterns (``"*.c_attn.weight"``) for names in the file whose matrices are laid out (in, out), as in
        files of GPT-2 and of TensorFlow. They are transposed.

    Raises
    ------
    ValueError
        If the file is damaged, or of another model: the message lists every difference. A file of `save_weights` has a
        checksum, so that a single flipped bit is detected.
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
    patterns = (transposed,) if isinstance(transposed, str) else transposed
    if not isinstance(patterns, (tuple, list, set, frozenset)) or not all(isinstance(each, str) for each in patterns):
        raise TypeError(f"transposed must be patterns for names, as a list of str, but got {describe(transposed)}")
    arrays, _ = read_arrays(path, "loading weights")
    for pattern in patterns:
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
        If the file is damaged, or has a dtype that NumPy lacks (8-bit floats).

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
    """Read the metadata that `save_weights` stored in a safetensors file.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    return read_arrays(path, "reading metadata")[1]


# Reading and writing files of arrays


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], metadata: Mapping[str, str], purpose: str
) -> None:
    """Write `arrays` and `metadata` to `path` atomically."""
    numpy = needed("safetensors.numpy", "train", purpose)
    for key, value in metadata.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise TypeError(f"metadata must be of strings, but got {key!r}: {value!r}; write str(value)")
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<") not in KINDS:
            raise TypeError(f"safetensors cannot hold {name!r}, {describe(array)}; convert it first: astype(...)")
    # (safetensors ignores strides; asarray, since ascontiguousarray makes 0-d arrays 1-d.)
    laid_out = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    noted = dict(metadata)
    little = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in laid_out.items()}
    noted[CHECKSUM] = _checksum(metadata, [(name, KINDS[a.dtype], a.shape, a) for name, a in sorted(little.items())])
    _require_memory(2 * sum(array.nbytes for array in laid_out.values()))
    try:
        content = numpy.save(laid_out, metadata=noted)
    except needed("safetensors", "train", purpose).SafetensorError as error:
        raise ValueError(f"{purpose} failed, because the format does not support this: {error}") from error
    replace_file(path, content)


def read_arrays(path: str | os.PathLike[str], purpose: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file, or raise ValueError if it is damaged."""
    safetensors = needed("safetensors", "train", purpose)
    where = options.path(path, "path", purpose)
    content = Path(path).read_bytes()
    _require_memory(len(content))
    try:
        entries = safetensors.deserialize(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(f"{where} is not a complete safetensors file: {_defect(content, error)}") from error
    metadata = dict(header.get("__metadata__") or {})
    entries = sorted(entries, key=lambda each: each[0])  # their order is unspecified
    if (expected := metadata.pop(CHECKSUM, None)) is not None:
        found = _checksum(metadata, [(name, e["dtype"], tuple(e["shape"]), e["data"]) for name, e in entries])
        if found != expected:
            raise ValueError(
                f"{where} is damaged: its checksum is {found}, but should be {expected} (a program that changes such a "
                f"file must drop the entry {CHECKSUM!r} from its metadata)"
            )
    elif damaged := [name for name in metadata if _resembles_checksum(name)]:
        raise ValueError(f"{where} is damaged: its metadata has {damaged[0]!r}, which should be {CHECKSUM!r}")
    arrays = {}
    for name, entry in entries:
        kind, shape = entry["dtype"], entry["shape"]
        if kind == "BF16":  # the upper half of a float32
            flat = (np.frombuffer(entry["data"], "<u2").astype("<u4") << 16).view("<f4")
        elif kind in DTYPES:
            flat = np.frombuffer(entry["data"], DTYPES[kind])
        else:
            raise ValueError(
                f"{name!r} in {where} is of dtype {kind}, which NumPy lacks; convert it to float32 where it was saved"
            )
        native = flat.dtype.newbyteorder("=")
        arrays[name] = flat.astype(native, copy=False).reshape(shape)
    return arrays, metadata


def _checksum(metadata: Mapping[str, str], arrays: Iterable[tuple[str, str, tuple[int, ...], Any]]) -> str:
    """Return the CRC-32 of the content of a file, as eight hexadecimal digits."""
    arrays = list(arrays)
    said = json.dumps([sorted(metadata.items()), [[name, kind, list(shape)] for name, kind, shape, _ in arrays]])
    found = zlib.crc32(said.encode())
    for *_, numbers in arrays:
        found = zlib.crc32(numbers, found)
    return f"{found:08x}"


def _require_memory(size: int) -> None:
    """Raise MemoryError if `size` bytes cannot be allocated: safetensors would abort the process."""
    np.empty(size + (1 << 16), np.uint8)


def _resembles_checksum(name: str) -> bool:
    """Whether a metadata key resembles that of the checksum: damage to the key would disable the check."""
    return len(name) == len(CHECKSUM) and 2 * sum(map(eq, name, CHECKSUM)) > len(CHECKSUM)


def _defect(content: bytes, error: Exception) -> str:
    if not content:
        return "it is empty"
    if content.startswith((b"PK\x03\x04", b"\x80")):
        return "it looks like a pickle, which is not read, as it could run any code; save it with safetensors"
    return f"{error} (it has {len(content)} bytes); is it truncated, or of another format?"


# Atomic replacement of a file


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to a temporary file in the folder of `path`, flush it to the disk, and rename it."""
    target = _target(Path(path))
    _sweep(target)
    part = target.with_name(f"{_stem(target)}{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            _copy_mode(target, file.fileno())
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # other systems cannot open a folder
        with contextlib.suppress(PermissionError):  # the folder is writable, but not readable
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _target(path: Path) -> Path:
    """Resolve a link, unless it is another user's, who could then choose which file of this user is replaced."""
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            if hasattr(os, "geteuid") and status.st_uid not in (0, os.geteuid()):
                raise PermissionError(f"{path} is a link of another user, which is not followed when saving: remove it")
            return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent), path.name)


def _copy_mode(target: Path, handle: int) -> None:
    """Give an open file the permissions of the one that it will replace."""
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(target)
        if stat.S_ISREG(status.st_mode) and hasattr(os, "fchmod"):
            os.fchmod(handle, stat.S_IMODE(status.st_mode))


def _stem(target: Path) -> str:
    return f".{target.name}.{platform.node()}-"


def _sweep(target: Path) -> None:
    """Remove temporary files that killed processes of this machine have left beside `target`."""
    if os.name != "posix":
        return  # there is no safe test whether a process is alive
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
            pass  # it is alive, and belongs to another user
