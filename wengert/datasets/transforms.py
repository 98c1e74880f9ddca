"""Transforms of images: arrays of floats between 0 and 1, channels first.

A transform is called with an example, and with a generator if it is random: ``transform((image, label), rng)`` changes
the image, ``transform(image, rng)`` works too. `DataLoader` makes the generators. No transform modifies its input.
"""

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets.batch_maker import takes_generator
from wengert.datasets.resampling import resize, rotate

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "Normalize",
    "OneHot",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "Transform",
]


MODES = ("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")


class Transform:
    """Changes one part of an example. Define ``apply(self, image)``, or ``draw(self, image, rng)`` if random.

    Of a tuple, the element `part` is changed (by default 0, the image).

    Examples
    --------
    >>> import numpy as np
    >>> class Negative(Transform):
    ...     def apply(self, image):
    ...         return 1 - image
    >>> image, label = Negative()((np.full((1, 2, 2), 0.25), 7))
    >>> image[0, 0], label
    (array([0.75, 0.75]), 7)
    """

    part = 0

    def apply(self, image: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does nothing: define apply(self, image)")

    def draw(self, image: Any, rng: np.random.Generator) -> Any:
        return self.apply(image)

    def __call__(self, example: Any, rng: np.random.Generator | None = None) -> Any:
        if not isinstance(example, tuple):
            return self._changed(example, rng)
        if not self.part < len(example):
            raise ValueError(f"{self!r} changes part {self.part} of an example, but one has {len(example)} parts")
        changed = self._changed(example[self.part], rng)
        return (*example[: self.part], changed, *example[self.part + 1 :])

    def _changed(self, image: Any, rng: np.random.Generator | None) -> Any:
        if self.part == 0:
            check_image(image, self)
        if type(self).draw is Transform.draw:
            return self.apply(image)
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"{self!r} draws random numbers, but got {describe(rng)} as rng; give it to DataLoader as transform, "
                f"or call it with np.random.default_rng(0)"
            )
        return self.draw(image, rng)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({settings})"


def check_image(image: Any, whose: Any) -> None:
    if not isinstance(image, np.ndarray) or image.ndim != 3:
        raise ValueError(f"{whose!r} takes an image of shape (channels, height, width), but got {describe(image)}")
    if image.dtype.kind != "f":
        raise TypeError(
            f"{whose!r} takes an image of floats between 0 and 1, but got {describe(image)}; write "
            f"image.astype(np.float32) / 255"
        )


def interval(value: Any, name: str, whose: str, **bounds: Any) -> tuple[float, float]:
    """Return a pair (low, high) of floats within `bounds`; raise unless `value` is one."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        least, greatest = (options.real(each, f"each number in {name}", whose, **bounds) for each in value)
        if least <= greatest:
            return least, greatest
    raise (ValueError if isinstance(value, (tuple, list)) else TypeError)(
        f"{name} of {whose} must be two numbers (low, high), but got {options.received(value)}"
    )


def numbers(value: Any, name: str, whose: str, **bounds: Any) -> Any:
    """Return a float, or a tuple of one for each channel, within `bounds`."""
    if isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim):
        if not len(value) or (isinstance(value, np.ndarray) and value.ndim > 1):
            raise ValueError(f"{name} of {whose} must be a number, or one for each channel, but got {describe(value)}")
        return tuple(options.real(each, f"{name} of each channel", whose, **bounds) for each in value)
    return options.real(value, name, whose, **bounds)


def side_or_sides(value: Any, name: str, whose: str) -> Any:
    """Return one size as an int, a pair of them as a tuple."""
    pair = options.sizes(value, name, whose, 2)
    return pair if isinstance(value, (tuple, list)) else pair[0]


def angles(value: Any, name: str, whose: str) -> tuple[float, float]:
    """Return the lowest and the highest angle, from a pair or from one bound in both directions."""
    if isinstance(value, (tuple, list)):
        return interval(value, name, whose)
    greatest = options.real(value, name, whose, 0)
    return -greatest, greatest


class Compose(Transform):
    """Apply transforms in order; functions of an example may be among them.

    Examples
    --------
    >>> import numpy as np
    >>> transform = Compose(RandomCrop(28, padding=2), Normalize(0.5, 0.5), OneHot(10))
    >>> image, label = transform((np.ones((1, 28, 28)), 3), np.random.default_rng(0))
    >>> image.shape, label.argmax()
    ((1, 28, 28), np.int64(3))
    """

    def __init__(self, *transforms: Any) -> None:
        if len(transforms) == 1 and isinstance(transforms[0], (list, tuple)):
            transforms = tuple(transforms[0])
        for transform in transforms:
            options.function(transform, "each transform", "Compose")
        self.transforms = transforms
        self._random = [takes_generator(transform) for transform in transforms]

    def __call__(self, example: Any, rng: np.random.Generator | None = None) -> Any:
        for transform, random in zip(self.transforms, self._random, strict=True):
            example = transform(example, rng) if random else transform(example)
        return example

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"


class Normalize(Transform):
    """Subtract the mean and divide by the standard deviation: one for all channels, or one for each.

    Examples
    --------
    >>> import numpy as np
    >>> Normalize(mean=0.5, std=0.25)(np.ones((1, 1, 2)))
    array([[[2., 2.]]])
    """

    mean: Any = options.option(numbers)
    std: Any = options.option(numbers, above=0)

    def __init__(self, mean: Any, std: Any) -> None:
        self.mean, self.std = mean, std
        self._arrays: dict[Any, Any] = {}  # mean and deviation, by the dtype of the image

    def apply(self, image: Any) -> Any:
        for name, each in (("mean", self.mean), ("std", self.std)):
            if isinstance(each, tuple) and len(each) != len(image):
                raise ValueError(f"Normalize has a {name} for {len(each)} channels, but got {describe(image)}")
        key = image.dtype, self.mean, self.std
        if key not in self._arrays:
            self._arrays[key] = tuple(np.array(each, image.dtype).reshape(-1, 1, 1) for each in key[1:])
        mean, std = self._arrays[key]
        return (image - mean) / std


class Resize(Transform):
    """Resize by bilinear interpolation (positions are pixel centres).

    Parameters
    ----------
    size : int or (height, width)
        One number is the length of the shorter side; the aspect ratio is kept.
    antialias : bool
        When downsampling, average over all pixels that a new one covers (as Pillow does), instead of reading the
        nearest four. No difference when upsampling.

    Examples
    --------
    >>> import numpy as np
    >>> Resize((2, 2), antialias=False)(np.arange(16.0).reshape(1, 4, 4))
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """

    size: Any = options.option(side_or_sides)
    antialias: bool = options.option(options.flag)

    def __init__(self, size: Any, antialias: bool = True) -> None:
        self.size, self.antialias = size, antialias

    def apply(self, image: Any) -> Any:
        height, width = image.shape[1:]
        if isinstance(self.size, tuple):
            wanted = self.size
        else:
            shorter = min(height, width)
            wanted = (max(1, int(self.size * height / shorter)), max(1, int(self.size * width / shorter)))
        return resize(image, wanted, self.antialias)


class CenterCrop(Transform):
    """Crop the centre.

    Examples
    --------
    >>> import numpy as np
    >>> CenterCrop(2)(np.arange(16.0).reshape(1, 4, 4))
    array([[[ 5.,  6.],
            [ 9., 10.]]])
    """

    size: Any = options.option(options.sizes, 2)

    def __init__(self, size: Any) -> None:
        self.size = size

    def apply(self, image: Any) -> Any:
        check_fits(self.size, image.shape[1:], self)
        top, left = ((whole - part) // 2 for whole, part in zip(image.shape[1:], self.size, strict=True))
        return image[:, top : top + self.size[0], left : left + self.size[1]]


def check_fits(size: Any, shape: Any, whose: Any) -> None:
    if size[0] > shape[0] or size[1] > shape[1]:
        raise ValueError(f"{whose!r} crops {size[0]} x {size[1]} from an image of {shape[0]} x {shape[1]}")


class RandomCrop(Transform):
    """Crop at a random position, of an image padded by `padding` pixels on each side.

    Parameters
    ----------
    size : int or (height, width)
    padding : int
    mode : str
        The mode of the padding, as in `numpy.pad`: "constant" (zeros), "reflect", "edge", ...

    Examples
    --------
    >>> import numpy as np
    >>> RandomCrop(4, padding=1)(np.ones((1, 4, 4)), np.random.default_rng(0))[0]
    array([[1., 1., 1., 1.],
           [1., 1., 1., 1.],
           [1., 1., 1., 1.],
           [0., 0., 0., 0.]])
    """

    size: Any = options.option(options.sizes, 2)
    padding: int = options.option(options.size, 0)
    mode: Any = options.option(options.choice, MODES)

    def __init__(self, size: Any, padding: int = 0, mode: str = "constant") -> None:
        self.size, self.padding, self.mode = size, padding, mode

    def draw(self, image: Any, rng: np.random.Generator) -> Any:
        height, width = self.size
        border = self.padding
        padded = (image.shape[1] + 2 * border, image.shape[2] + 2 * border)
        check_fits(self.size, padded, self)
        top, left = int(rng.integers(padded[0] - height + 1)), int(rng.integers(padded[1] - width + 1))
        if not border:
            return image[:, top : top + height, left : left + width]
        if self.mode != "constant":
            image = np.pad(image, ((0, 0), (border, border), (border, border)), mode=self.mode)
            return image[:, top : top + height, left : left + width]
        cut = np.zeros((len(image), height, width), image.dtype)  # np.pad takes ten times as long
        top, left = top - border, left - border
        inner = image[:, max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        below, right = max(-top, 0), max(-left, 0)
        cut[:, below : below + inner.shape[1], right : right + inner.shape[2]] = inner
        return cut


class RandomHorizontalFlip(Transform):
    """Flip horizontally, with probability `p`.

    Examples
    --------
    >>> import numpy as np
    >>> RandomHorizontalFlip(p=1)(np.array([[[1.0, 2.0, 3.0]]]), np.random.default_rng(0))
    array([[[3., 2., 1.]]])
    """

    axis = 2

    p: float = options.option(options.real, 0, 1)

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def draw(self, image: Any, rng: np.random.Generator) -> Any:
        return np.flip(image, self.axis) if rng.random() < self.p else image


class RandomVerticalFlip(RandomHorizontalFlip):
    """Flip vertically, with probability `p`.

    Examples
    --------
    >>> import numpy as np
    >>> RandomVerticalFlip(p=1)(np.array([[[1.0], [2.0]]]), np.random.default_rng(0))
    array([[[2.],
            [1.]]])
    """

    axis = 1


class RandomRotation(Transform):
    """Rotate about the centre by an angle drawn from ``-degrees`` to ``degrees``, or from a pair; bilinear.

    Pixels from outside of the image are `fill`. Positive angles are anticlockwise.

    Examples
    --------
    >>> import numpy as np
    >>> RandomRotation((90, 90))(np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.random.default_rng(0)).round(6)
    array([[[2., 4.],
            [1., 3.]]])
    """

    degrees: Any = options.option(angles)
    fill: float = options.option(options.real)

    def __init__(self, degrees: Any, fill: float = 0.0) -> None:
        self.degrees, self.fill = degrees, fill

    def draw(self, image: Any, rng: np.random.Generator) -> Any:
        return rotate(image, float(rng.uniform(*self.degrees)), self.fill)


class RandomErasing(Transform):
    """Blank out a rectangle, with probability `p` (Zhong et al., *Random Erasing Data Augmentation*, 2020).

    Parameters
    ----------
    p : float
    scale : (float, float)
        The range of the fraction of the image's area.
    ratio : (float, float)
        The range of the ratio of height to width.
    value : float

    Examples
    --------
    >>> import numpy as np
    >>> erased = RandomErasing(p=1, scale=(0.25, 0.25), ratio=(1, 1))(np.ones((1, 8, 8)), np.random.default_rng(0))
    >>> erased.sum()
    np.float64(48.0)
    """

    p: float = options.option(options.real, 0, 1)
    scale: Any = options.option(interval, above=0, most=1)
    ratio: Any = options.option(interval, above=0)
    value: float = options.option(options.real)

    def __init__(self, p: float = 0.5, scale: Any = (0.02, 0.33), ratio: Any = (0.3, 3.3), value: float = 0.0) -> None:
        self.p, self.scale, self.ratio, self.value = p, scale, ratio, value

    def draw(self, image: Any, rng: np.random.Generator) -> Any:
        if rng.random() >= self.p:
            return image
        rows, columns = image.shape[1:]
        for _ in range(10):  # a long rectangle may not fit; after ten attempts the image is unchanged
            area = rows * columns * rng.uniform(*self.scale)
            ratio = np.exp(rng.uniform(*np.log(self.ratio)))
            height, width = round(float(np.sqrt(area * ratio))), round(float(np.sqrt(area / ratio)))
            if 0 < height <= rows and 0 < width <= columns:
                top, left = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
                erased = image.copy()
                erased[:, top : top + height, left : left + width] = self.value
                return erased
        return image


class ColorJitter(Transform):
    """Change brightness, then contrast, by random factors; the result is clipped to 0 and 1.

    Parameters
    ----------
    brightness, contrast : float
        The factors are drawn from ``1 - brightness`` (at least 0) to ``1 + brightness``, likewise for contrast.
        Contrast scales the distance from the mean of the image (of its luma if it has three channels).

    Examples
    --------
    >>> import numpy as np
    >>> ColorJitter(brightness=0.5)(np.full((1, 1, 1), 0.4), np.random.default_rng(0)).round(3)
    array([[[0.455]]])
    """

    brightness: float = options.option(options.real, 0)
    contrast: float = options.option(options.real, 0)

    def __init__(self, brightness: float = 0.0, contrast: float = 0.0) -> None:
        self.brightness, self.contrast = brightness, contrast

    def draw(self, image: Any, rng: np.random.Generator) -> Any:
        if self.brightness:
            factor = rng.uniform(max(0.0, 1 - self.brightness), 1 + self.brightness)
            image = np.clip(image * image.dtype.type(factor), 0, 1)
        if self.contrast:
            factor = image.dtype.type(rng.uniform(max(0.0, 1 - self.contrast), 1 + self.contrast))
            means = image.mean(axis=(1, 2))
            mean = image.dtype.type(means @ [0.299, 0.587, 0.114] if len(image) == 3 else means.mean())
            image = np.clip(mean + factor * (image - mean), 0, 1)
        return image


class OneHot(Transform):
    """Convert a label, the second part of an example, to a one-hot vector.

    Parameters
    ----------
    classes : int
    dtype : dtype, optional
        By default float32.

    Examples
    --------
    >>> OneHot(4)(2)
    array([0., 0., 1., 0.], dtype=float32)
    """

    part = 1

    classes: int = options.option(options.size)
    dtype: Any = options.option(options.dtype, "biufc")

    def __init__(self, classes: int, dtype: Any = np.float32) -> None:
        self.classes, self.dtype = classes, dtype

    def apply(self, image: Any) -> Any:
        label = np.asarray(image)
        if label.dtype.kind not in "iu":
            raise TypeError(f"OneHot takes labels that are integers, but got {describe(image)}")
        if label.size and not (label.min() >= 0 and label.max() < self.classes):
            raise ValueError(f"OneHot({self.classes}) takes labels from 0 to {self.classes - 1}, but got {image}")
        row = np.zeros((*label.shape, self.classes), self.dtype)
        np.put_along_axis(row, label[..., None].astype(np.int64), 1, axis=-1)
        return row
