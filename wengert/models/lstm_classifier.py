"""LSTMClassifier: classification of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.functions._dropout import dropout
from wengert.layers.embedding import Embedding
from wengert.layers.linear import Linear
from wengert.layers.recurrent import LSTM
from wengert.models.model import Model

__all__ = ["LSTMClassifier"]


class LSTMClassifier(Model):
    """An LSTM over sequences of features or tokens, and a linear layer on its final state.

    Parameters
    ----------
    classes : int
    hidden : int
        The size of the state.
    layers : int
        The number of stacked LSTM layers.
    bidirectional : bool
        Whether to process sequences in both directions.
    vocabulary : int, optional
        The number of tokens, for sequences of tokens, which are embedded. By default sequences are of features.
    width : int
        The size of the embedding of a token.
    dropout : float
        In training, between the layers and before the last one.

    References
    ----------
    Hochreiter and Schmidhuber, Long Short-Term Memory, 1997

    Examples
    --------
    >>> import numpy as np
    >>> LSTMClassifier(3, hidden=8)(np.zeros((2, 50, 4), np.float32)).shape
    (2, 3)
    >>> reader = LSTMClassifier(2, hidden=8, vocabulary=100, bidirectional=True)
    >>> reader(np.zeros((2, 50), int), lengths=np.array([50, 20])).shape
    (2, 2)
    """

    dropout: float = options.option(options.real, 0, 1)

    def __init__(
        self,
        classes: int,
        hidden: int = 128,
        layers: int = 1,
        bidirectional: bool = False,
        vocabulary: int | None = None,
        width: int = 64,
        dropout: float = 0.0,
        dtype: Any = np.float32,
    ) -> None:
        kind = type(self).__name__
        self.dropout = dropout
        self.bidirectional = options.flag(bidirectional, "bidirectional", kind)
        classes, hidden = options.size(classes, "classes", kind), options.size(hidden, "hidden", kind)
        width = options.size(width, "width", kind)
        layers = options.integer(layers, "layers", kind, 1, options.MOST_LAYERS)
        self.embedding = None if vocabulary is None else Embedding(vocabulary, width, dtype=dtype)
        self.lstm = LSTM(
            None if vocabulary is None else width,
            hidden,
            layers,
            bidirectional=bidirectional,
            dropout=self.dropout if layers > 1 else 0.0,
            dtype=dtype,
        )
        self.fc = Linear(hidden * (2 if bidirectional else 1), classes, dtype=dtype)

    def forward(self, x: Any, lengths: Any = None) -> Any:
        """Return logits (batch, classes).

        Parameters
        ----------
        x : array (batch, length, features), or of int (batch, length) with a vocabulary
        lengths : array of int (batch,), optional
            The length of each sequence; elements beyond it are not read.
        """
        ndim = 3 if self.embedding is None else 2
        if getattr(x, "ndim", None) != ndim:
            wanted = "features (batch, length, features)" if self.embedding is None else "tokens (batch, length)"
            raise ValueError(f"LSTMClassifier takes {wanted}, but got {describe(x)}")
        if self.embedding is not None:
            x = self.embedding(x)
        _, (h, _) = self.lstm(x, lengths=lengths)
        last = np.concatenate([h[-2], h[-1]], axis=-1) if self.bidirectional else h[-1]
        if self.training:
            last = dropout(last, self.dropout)
        return self.fc(last)
