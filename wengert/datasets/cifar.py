"""CIFAR-10: small photographs in ten classes."""

import os
import tarfile
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.datasets._download import download
from wengert.datasets.mnist import ImageDataset

__all__ = ["CIFAR10", "read_cifar10"]

RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue pixels


class CIFAR10(ImageDataset):
    """60,000 photographs in ten classes (Krizhevsky, 2009): 50,000 for training and 10,000 for testing.

    Images have the shape (3, 32, 32), float32 between 0 and 1; labels are int64, and name the `classes`.
    170 MB are downloaded at first use (the binary version, which needs no pickle).

    Parameters
    ----------
    train : bool
    folder : path, optional
        The folder of ``cifar-10-binary.tar.gz``, which is downloaded if missing; by default `cache_folder`.

    Raises
    ------
    ConnectionError
        If it cannot be downloaded; the message says where to put it by hand.

    Examples
    --------
    >>> CIFAR10(train=False)  # doctest: +SKIP
    CIFAR10(10000 examples)
    """

    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    urls: ClassVar[tuple[str, ...]] = (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
    )
    sha256: ClassVar[str] = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"

    def __init__(self, train: bool = True, *, folder: str | os.PathLike[str] | None = None) -> None:
        train = options.flag(train, "train", "CIFAR10")
        super().__init__(*read_cifar10(download(self.urls, folder, sha256=self.sha256), train))


def read_cifar10(path: str | os.PathLike[str], train: bool) -> tuple[Any, Any]:
    """Read images (examples, 3, 32, 32) and labels, as uint8, from ``cifar-10-binary.tar.gz``, without unpacking it.

    Raises
    ------
    ValueError
        If the archive is damaged, or a file in it is missing, has a wrong length, or labels above 9.
    """
    path = options.path(path, "path", "read_cifar10")
    wanted = [f"data_batch_{number}.bin" for number in range(1, 6)] if train else ["test_batch.bin"]
    found: dict[str, Any] = {}
    try:
        with tarfile.open(Path(path), "r|gz") as archive:  # a stream: read sequentially, once
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in wanted and member.isfile():
                    found[name] = _records(archive.extractfile(member), member.size, f"{name} in {path}")
                    if len(found) == len(wanted):
                        break
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged, and cannot be unpacked: {error}; delete it") from error
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(f"{path} is not the binary version of CIFAR-10: it has no {', '.join(missing)}")
    records = np.concatenate([found[name] for name in wanted])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def _records(file: Any, size: int, name: str) -> Any:
    if size == 0 or size % RECORD:
        raise ValueError(f"{name} has {size} bytes, but should have a multiple of {RECORD}")
    data = file.read()
    if len(data) != size:
        raise ValueError(f"{name} is cut off after {len(data)} of {size} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise ValueError(f"{name} has labels above 9: it is damaged, or not of CIFAR-10")
    return records
