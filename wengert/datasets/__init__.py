"""Data sets, and loaders that make batches of them.

>>> from wengert.datasets import DataLoader, Digits
>>> for x, t in DataLoader(Digits(train=True), batch_size=128, shuffle=True, seed=0):
...     print(x.shape, x.dtype, t.shape)
...     break
(128, 1, 8, 8) float32 (128,)
"""

from wengert.datasets import transforms
from wengert.datasets._collate import collate
from wengert.datasets._download import cache_folder, download
from wengert.datasets._split import split
from wengert.datasets.characters import CharacterDataset, TinyShakespeare
from wengert.datasets.cifar import CIFAR10
from wengert.datasets.data_loader import DataLoader
from wengert.datasets.dataset import ArrayDataset, Concatenated, Dataset, Mapped, Subset
from wengert.datasets.mnist import MNIST, FashionMNIST, ImageDataset, read_idx
from wengert.datasets.scikit_learn import Diabetes, Digits, Iris
from wengert.datasets.synthetic import Sine, Spiral

__all__ = [
    "CIFAR10",
    "MNIST",
    "ArrayDataset",
    "CharacterDataset",
    "Concatenated",
    "DataLoader",
    "Dataset",
    "Diabetes",
    "Digits",
    "FashionMNIST",
    "ImageDataset",
    "Iris",
    "Mapped",
    "Sine",
    "Spiral",
    "Subset",
    "TinyShakespeare",
    "cache_folder",
    "collate",
    "download",
    "read_idx",
    "split",
    "transforms",
]
