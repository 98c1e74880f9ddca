"""The sums over a batch of all ranks that BatchNorm needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.core.function import Function

if TYPE_CHECKING:
    from wengert.parallel.ranks import MPI

__all__ = ["SumOverRanks"]


class SumOverRanks(Function):
    """The sum of an array over all ranks. Its gradient is the sum of the gradients of all ranks, likewise."""

    def __init__(self, ranks: MPI) -> None:
        super().__init__()
        self.ranks = ranks

    def forward(self, x: Any) -> Any:
        return self.ranks.sum(x)

    def backward(self, gy: Any) -> Any:
        return SumOverRanks(self.ranks)(gy)
