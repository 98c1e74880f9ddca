"""MNIST and data sets in its format: greyscale images of 28 x 28 pixels."""

import gzip
import os
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets._download import cache_folder, download
from wengert.datasets.dataset import Dataset

__all__ = ["MNIST", "FashionMNIST", "ImageDataset", "read_idx"]

KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class ImageDataset(Dataset):
    """Images stored as bytes, and returned as float32 between 0 and 1.

    Parameters
    ----------
    images : ndarray of uint8, of shape (examples, channels, height, width)
    labels : ndarray of integers, of shape (examples,)

    Examples
    --------
    >>> import numpy as np
    >>> ImageDataset(np.full((2, 1, 1, 2), 51, np.uint8), np.array([3, 4]))[:]
    (array([[[[0.2, 0.2]]],
    <BLANKLINE>
    <BLANKLINE>
           [[[0.2, 0.2]]]], dtype=float32), array([3, 4]))
    """

    def __init__(self, images: Any, labels: Any) -> None:
        images, labels = np.asarray(images), np.asarray(labels)
        if images.ndim != 4 or images.dtype != np.uint8:
            raise ValueError(
                f"ImageDataset takes uint8 images of shape (examples, channels, height, width), but got "
                f"{describe(images)}"
            )
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise ValueError(
                f"ImageDataset takes an integer label for each of {len(images)} images, but got {describe(labels)}"
            )
        self.images = images
        self.labels = labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self.images)

    def example(self, index: int) -> Any:
        return np.divide(self.images[index], np.float32(255), dtype=np.float32), self.labels[index]

    def batch(self, indices: Any) -> Any:
        images = self.images.take(indices, axis=0)
        return np.divide(images, np.float32(255), dtype=np.float32), self.labels.take(indices)


class MNIST(ImageDataset):
    """70,000 handwritten digits (LeCun et al., 1998): 60,000 for training and 10,000 for testing.

    Images have the shape (1, 28, 28), float32 between 0 and 1; labels are int64. 11 MB are downloaded at first use.

    Parameters
    ----------
    train : bool
    folder : path, optional
        The folder of the four files, which are downloaded if missing; by default in `cache_folder`.

    Raises
    ------
    ConnectionError
        If they cannot be downloaded; the message says where to put them by hand.

    Examples
    --------
    >>> MNIST(train=False)  # doctest: +SKIP
    MNIST(10000 examples)
    """

    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    name: ClassVar[str] = "mnist"
    mirrors: ClassVar[tuple[str, ...]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    sha256: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }

    def __init__(self, train: bool = True, *, folder: str | os.PathLike[str] | None = None) -> None:
        start = "train" if options.flag(train, "train", type(self).__name__) else "t10k"
        images = read_idx(self._file(f"{start}-images-idx3-ubyte.gz", folder))
        labels = read_idx(self._file(f"{start}-labels-idx1-ubyte.gz", folder))
        if images.ndim != 3 or len(images) != len(labels):
            raise ValueError(
                f"{type(self).__name__} has an image for each label, but its files hold {describe(images)} and "
                f"{describe(labels)}"
            )
        super().__init__(images[:, None], labels)

    def _file(self, name: str, folder: str | os.PathLike[str] | None) -> Path:
        where = cache_folder() / self.name if folder is None else folder
        return download([mirror + name for mirror in self.mirrors], where, sha256=self.sha256[name])


class FashionMNIST(MNIST):
    """70,000 images of clothes in MNIST's format (Xiao, Rasul and Vollgraf, 2017).

    Images have the shape (1, 28, 28), float32 between 0 and 1; labels are int64, and name the `classes`.
    31 MB are downloaded at first use.

    Parameters
    ----------
    train : bool
        The 60,000 images for training, or the 10,000 for testing.
    folder : path, optional
        The folder of the four files, which are downloaded if missing; by default in `cache_folder`.

    Raises
    ------
    ConnectionError
        If they cannot be downloaded; the message says where to put them by hand.

    Examples
    --------
    >>> FashionMNIST().classes[9]  # doctest: +SKIP
    'ankle boot'
    """

    classes = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
    name = "fashion-mnist"
    mirrors = (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    )
    sha256: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }


def read_idx(path: str | os.PathLike[str]) -> Any:
    """Read an array from a file in the IDX format, compressed by gzip or not.

    The format: two zeros, the kind of the numbers, the number of axes, their lengths, then the numbers,
    big-endian. The array has the dtype of this machine's byte order.

    Raises
    ------
    ValueError
        If it is not an IDX file, is truncated, or longer than its header says.
    """
    path = Path(options.path(path, "path", "read_idx"))
    with path.open("rb") as plain:
        compressed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        try:
            with gzip.open(plain) if compressed else plain as file:
                return _read_idx(file, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged, and cannot be decompressed: {error}; delete it") from error


def _read_idx(file: Any, path: Path) -> Any:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in KINDS:
        raise ValueError(f"{path} is not an IDX file: it begins with {start!r}")
    kind, axes = np.dtype(KINDS[start[2]]), start[3]
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise ValueError(f"{path} is truncated in its header; delete it")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    size = kind.itemsize
    for length in shape:
        size *= length
    numbers = _read_at_most(file, size + 1)
    if len(numbers) != size:
        found = "more" if len(numbers) > size else str(len(numbers))
        raise ValueError(f"{path} should have {size} bytes for an array of shape {shape}, but has {found}; delete it")
    return np.frombuffer(numbers, kind).reshape(shape).astype(kind.newbyteorder("="))


def _read_at_most(file: Any, size: int) -> bytes:
    """Read up to `size` bytes, in blocks, because a damaged header may claim more than the memory."""
    blocks, left = [], size
    while left > 0 and (block := file.read(min(left, 1 << 24))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)
