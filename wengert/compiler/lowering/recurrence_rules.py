"""Rules of lstm, gru and rnn.

Backward has the arguments of forward, and emits forward again: equal nodes are merged later.
"""

from __future__ import annotations

from typing import Any

from wengert.compiler.graph.graph import Node
from wengert.compiler.lowering.embedding_rules import require_below
from wengert.compiler.lowering.recurrence_call import call_of, node_of
from wengert.compiler.lowering.recurrence_gradients import RecurrenceGradients
from wengert.functions.recurrent_gru import Gru
from wengert.functions.recurrent_lstm import Lstm
from wengert.functions.recurrent_rnn import Rnn

__all__ = ["RECURRENCES", "recurrence", "recurrence_gradients", "require_lengths"]

RECURRENCES = (Lstm, Gru, Rnn)


def recurrence(kind: Any, values: tuple[Any, ...], line: str) -> list[Node] | None:
    """Lower a forward call to its results."""
    call = call_of(kind, values, line)
    return None if call is None else call.results()


def require_lengths(kind: Any, values: tuple[Any, ...], line: str) -> None:
    """Add a guard that no sequence is longer than x."""
    call = call_of(kind, values, line)
    if call is not None and call.lengths is not None and call.lengths.op != "constant":
        require_below(call.lengths, call.layout.length + 1, line)


def recurrence_gradients(
    kind: Any, values: tuple[Any, ...], gys: tuple[Any, ...], needs: tuple[bool, ...], line: str
) -> list[Node] | None:
    """Lower a backward call to the gradients that are needed."""
    call = call_of(kind, values, line)
    return None if call is None else RecurrenceGradients(call, [node_of(g) for g in gys]).needed(needs)
