"""Small real data sets from the files that scikit-learn ships: no download."""

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.extras import needed
from wengert.datasets._split import split
from wengert.datasets.dataset import ArrayDataset

__all__ = ["Diabetes", "Digits", "Iris"]


class HeldOut(ArrayDataset):
    """A data set of arrays, of which a part drawn by a seed is held out for testing."""

    def choose(self, x: Any, t: Any, train: bool | None, held_out: float, seed: int, stratify: bool) -> None:
        super().__init__(x, t)
        kind = type(self).__name__
        held_out = options.real(held_out, "held_out", kind, above=0, below=1)
        seed = options.seed(seed, "seed", kind)
        if train is None:
            return
        if not isinstance(train, bool | np.bool_):
            raise TypeError(
                f"train of {kind} must be True, False or None, but got {options.received(train)}; write "
                f"{kind}(train=False) for the held-out part"
            )
        parts = split(self, 1 - held_out, seed=seed, stratify=stratify)
        indices = np.sort(parts[0 if train else 1].indices)
        super().__init__(x[indices], t[indices])


class Digits(HeldOut):
    """1797 handwritten digits, 8 x 8 pixels (Alpaydin and Kaynak, 1998): images of shape (1, 8, 8), labels 0 to 9.

    Images are float32 between 0 and 1; labels are int64. The file has no test set of its own: a quarter (449) is held
    out, stratified by digit, drawn by `seed`.

    Parameters
    ----------
    train : bool or None
        The training images (1348), the held-out ones, or all.
    held_out : float
    seed : int

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> train, test = Digits(train=True), Digits(train=False)
    >>> len(train), len(test), train[0][0].shape, train[0][0].dtype
    (1348, 449, (1, 8, 8), dtype('float32'))
    """

    classes = tuple("0123456789")

    def __init__(self, train: bool | None = True, *, held_out: float = 0.25, seed: int = 0) -> None:
        data = needed("sklearn.datasets", "train", "Digits").load_digits()
        images = (data.images / 16).astype(np.float32)[:, None]
        self.choose(images, data.target.astype(np.int64), train, held_out, seed, stratify=True)


class Iris(HeldOut):
    """150 flowers of three species of iris (Fisher, 1936): four lengths in cm, and the species.

    Lengths are float32 of shape (4,), labels int64. A fifth (30) is held out, stratified by species, drawn by `seed`.

    Parameters
    ----------
    train : bool or None
        The training flowers (120), the held-out ones, or all.
    held_out : float
    seed : int

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> x, t = Iris(train=None)[:2]
    >>> x, t
    (array([[5.1, 3.5, 1.4, 0.2],
           [4.9, 3. , 1.4, 0.2]], dtype=float32), array([0, 0]))
    """

    classes = ("setosa", "versicolor", "virginica")
    features = ("sepal length", "sepal width", "petal length", "petal width")

    def __init__(self, train: bool | None = True, *, held_out: float = 0.2, seed: int = 0) -> None:
        data = needed("sklearn.datasets", "train", "Iris").load_iris()
        self.choose(data.data.astype(np.float32), data.target.astype(np.int64), train, held_out, seed, stratify=True)


class Diabetes(HeldOut):
    """442 patients (Efron et al., *Least Angle Regression*, 2004): ten measurements, and disease progression.

    Measurements are float32 of shape (10,), each column scaled by scikit-learn to mean 0 and sum of
    squares 1; targets are float32 of shape (1,), from 25 to 346. A fifth (88) is held out, drawn by `seed`.

    Parameters
    ----------
    train : bool or None
        The training patients (354), the held-out ones, or all.
    held_out : float
    seed : int

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> x, t = Diabetes(train=None)[:]
    >>> x.shape, t.shape, t[0]
    ((442, 10), (442, 1), array([151.], dtype=float32))
    """

    features = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")

    def __init__(self, train: bool | None = True, *, held_out: float = 0.2, seed: int = 0) -> None:
        data = needed("sklearn.datasets", "train", "Diabetes").load_diabetes()
        targets = data.target.astype(np.float32)[:, None]
        self.choose(data.data.astype(np.float32), targets, train, held_out, seed, stratify=False)
