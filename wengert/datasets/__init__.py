"""Data sets, and loaders that make batches of them."""

from wengert.datasets.collating import collate
from wengert.datasets.data_loader import DataLoader
from wengert.datasets.dataset import ArrayDataset, Concatenated, Dataset, Mapped, Subset
from wengert.datasets.splitting import split

__all__ = ["ArrayDataset", "Concatenated", "DataLoader", "Dataset", "Mapped", "Subset", "collate", "split"]
