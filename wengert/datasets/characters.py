"""Texts as sequences of characters."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets._download import download
from wengert.datasets.dataset import Dataset

__all__ = ["CharacterDataset", "TinyShakespeare"]


class CharacterDataset(Dataset):
    """Windows of a text, each with the window one character later as its target.

    Example `i` is a pair ``(x, t)`` of int64 arrays of shape (length,), where ``t[:-1] == x[1:]``.
    Characters are indexed in the order of their code points.

    Parameters
    ----------
    text : str or path
        The text, or a `pathlib.Path` of its file (UTF-8).
    length : int
    stride : int
        The distance between the beginnings of examples. With ``stride=length`` they do not overlap.
    vocabulary : str, optional
        The allowed characters; by default those that occur.

    Attributes
    ----------
    vocabulary : str
        All characters, sorted.
    indices : ndarray of int64
        The whole text, as indices.

    Raises
    ------
    ValueError
        If the text is not longer than `length`, is not UTF-8, or has a character that is not in the vocabulary.

    Examples
    --------
    >>> dataset = CharacterDataset("hello world", length=4)
    >>> dataset.vocabulary, len(dataset)
    (' dehlorw', 7)
    >>> x, t = dataset[0]
    >>> dataset.decode(x), dataset.decode(t)
    ('hell', 'ello')
    """

    def __init__(
        self, text: str | os.PathLike[str], length: int = 64, *, stride: int = 1, vocabulary: str | None = None
    ) -> None:
        self.length = options.size(length, "length", "CharacterDataset")
        self.stride = options.size(stride, "stride", "CharacterDataset")
        text = read(text)
        if vocabulary is not None:
            options.text(vocabulary, "vocabulary", "CharacterDataset")
        self.vocabulary = "".join(sorted(set(text if vocabulary is None else vocabulary)))
        self._points = points(self.vocabulary)
        self.indices = self.encode(text)
        if len(self.indices) <= self.length:
            raise ValueError(
                f"CharacterDataset takes a text longer than its length, {length}, but got {len(text)} characters"
            )

    def encode(self, text: str) -> Any:
        """Return the indices of the characters of a text, as int64.

        Raises
        ------
        ValueError
            If a character is not in the vocabulary.
        """
        wanted = points(options.text(text, "text", "encode"))
        if len(self._points) == 0 and len(wanted):
            raise ValueError(f"the vocabulary is empty: character {text[0]!r} is not in it")
        found = np.searchsorted(self._points, wanted)
        missing = self._points.take(found, mode="clip") != wanted if len(wanted) else np.zeros(0, bool)
        if missing.any():
            place = int(missing.argmax())
            raise ValueError(f"character {text[place]!r} at {place} is not in the vocabulary {self.vocabulary!r}")
        return found.astype(np.int64)

    def decode(self, indices: Any) -> str:
        """Return the text of an array of indices, such as those that a model generates.

        Raises
        ------
        IndexError
            If an index is out of range.
        """
        numbers = np.asarray(indices).ravel()
        if numbers.size and numbers.dtype.kind not in "iu":
            raise TypeError(f"decode takes integers, but got {describe(numbers)}")
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self.vocabulary)):
            raise IndexError(f"decode takes numbers from 0 to {len(self.vocabulary) - 1}, but got {numbers}")
        return "".join(self.vocabulary[number] for number in numbers.tolist())

    def split(self, fraction: float = 0.9) -> tuple["CharacterDataset", "CharacterDataset"]:
        """Split the text: the first part for training, the rest for validation. No example crosses the boundary.

        Examples
        --------
        >>> train, valid = CharacterDataset("to be or not to be", length=2).split(0.5)
        >>> train.decode(train.indices), valid.decode(valid.indices)
        ('to be or ', 'not to be')
        """
        cut = round(len(self.indices) * options.real(fraction, "fraction", "split", 0, 1))
        if not self.length < cut < len(self.indices) - self.length:
            raise ValueError(
                f"split({fraction}) of {len(self.indices)} characters leaves a part too short for an example of "
                f"{self.length}"
            )
        return self._part(self.indices[:cut]), self._part(self.indices[cut:])

    def _part(self, indices: Any) -> "CharacterDataset":
        part = CharacterDataset.__new__(CharacterDataset)
        vars(part).update(vars(self))
        part.indices = indices
        return part

    def __len__(self) -> int:
        return (len(self.indices) - self.length - 1) // self.stride + 1

    def example(self, index: int) -> Any:
        start = index * self.stride
        stretch = self.indices[start : start + self.length + 1]
        return stretch[:-1].copy(), stretch[1:].copy()

    def batch(self, indices: Any) -> Any:
        places = np.asarray(indices)[:, None] * self.stride + np.arange(self.length)
        return self.indices.take(places), self.indices.take(places + 1)


class TinyShakespeare(CharacterDataset):
    """A megabyte of Shakespeare's plays as characters (Karpathy, *char-rnn*, 2015): 65 different ones.

    Parameters
    ----------
    length, stride : int
        As in `CharacterDataset`.
    folder : path, optional
        The folder of the file, which is downloaded if missing; by default `cache_folder`.

    Raises
    ------
    ConnectionError
        If it cannot be downloaded; the message says where to put it by hand.

    Examples
    --------
    >>> TinyShakespeare(length=64)  # doctest: +SKIP
    TinyShakespeare(1115330 examples)
    """

    urls = (
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "https://cdn.jsdelivr.net/gh/karpathy/char-rnn@master/data/tinyshakespeare/input.txt",
    )
    sha256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

    def __init__(self, length: int = 64, *, stride: int = 1, folder: Any = None) -> None:
        path = download(self.urls, folder, sha256=self.sha256, name="tinyshakespeare.txt")
        super().__init__(path, length, stride=stride)


def points(text: str) -> Any:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def read(text: Any) -> str:
    """Return a text, or read it from a file."""
    if isinstance(text, os.PathLike):
        try:
            return Path(text).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(text)} is not UTF-8 text: {error}; give its text instead") from error
    if not isinstance(text, str):
        raise TypeError(f"CharacterDataset takes a text or a path, but got {describe(text)}")
    if 0 < len(text) < 300 and text.isprintable() and os.path.isfile(text):
        raise ValueError(f"{text!r} is the name of a file; to read it write Path({text!r})")
    return text
