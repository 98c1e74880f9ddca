"""The summary of a layer: a table with a row for each layer in it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.custom.modes import no_grad
from wengert.functions.randomness import generator
from wengert.functions.training_mode import test_mode

if TYPE_CHECKING:
    from wengert.layers.layer import Layer

__all__ = ["Row", "Summary", "summarize"]


class Row(NamedTuple):
    """A call of a layer.

    `name` is dotted, "" for the model itself; `kind` is its representation. `output` is the shape of its result (a
    tuple of shapes for several results), or None where it was not called, because its parent uses its parameters.
    `parameters` and `multiply_adds` exclude those of sublayers with rows of their own.
    """

    name: str
    kind: str
    output: Any
    parameters: int
    multiply_adds: int


class Summary:
    """The table that `Layer.summary` returns: ``print(summary)``, or read its attributes.

    Attributes
    ----------
    rows : list of Row
        In the order of the calls. Parameters of a layer that is called again, or that shares them, are counted in the
        first row only.
    parameters, multiply_adds, bytes : int
        Totals; bytes are those of the parameters.
    frozen : int
        How many of the parameters are frozen (`Layer.freeze`).
    inputs : list
        The shapes of the inputs.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> summary = wengert.models.MLP(4, 2).summary(np.zeros((1, 3), np.float32))
    >>> summary.parameters, summary.multiply_adds, summary.bytes
    (26, 20, 104)
    """

    def __init__(self, rows: list[Row], size: int, inputs: list[Any], frozen: int = 0) -> None:
        self.rows = rows
        self.frozen = frozen
        self.bytes = size
        self.inputs = inputs

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        table = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for row in self.rows:
            output = "" if row.output is None else str(row.output)
            table.append((row.name, row.kind, output, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
        table.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(len(line[i]) for line in table) for i in range(5)]
        lines = [
            "  ".join(
                text.ljust(width) if i < 3 else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        rule = "-" * (sum(widths) + 8)
        inputs = ", ".join(map(str, self.inputs))
        frozen = f", {self.frozen:,} of them frozen" if self.frozen else ""
        last = f"{readable(self.bytes)} of parameters{frozen}; input {inputs}"
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], last])

    __repr__ = __str__


def readable(size: int) -> str:
    """Format a number of bytes with a unit."""
    if size < 1000:
        return f"{size} bytes"
    number = float(size)
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007
        number /= 1000
        if number < 999.95:
            break
    return f"{number:.1f} {unit}"


def summarize(model: Layer, *inputs: Any) -> Summary:
    """Call a layer once on `inputs`, in test mode, and list the layers that were called.

    Without side effects: a copy is called, which shares the parameters. Buffers, lazy parameters and the random number
    generator are unchanged.

    Parameters
    ----------
    model : Layer
    *inputs : arrays
        The arguments of the call. Shapes and multiply-adds include the batch.

    Returns
    -------
    Summary

    Examples
    --------
    >>> import numpy as np, wengert
    >>> print(summarize(wengert.layers.Linear(5), np.zeros((1, 3), np.float32)).rows[0].parameters)
    20
    """
    if not hasattr(type(model), "_walk"):
        raise TypeError(f"a summary is of a Layer, but got {describe(model)}")
    for x in inputs:
        if not hasattr(x, "shape"):
            raise TypeError(
                f"a summary runs the model on an array, but got {describe(x)}; "
                "give one of the input's shape and dtype: np.zeros((1, 3, 32, 32), np.float32)"
            )
    shared: dict[int, Any] = {id(p): p for p in model.params().values() if p.data is not None}
    twin = copy.deepcopy(model, shared)
    calls: list[tuple[str, Layer, Any, int]] = []
    observed = list(twin._walk())
    state = generator().bit_generator.state
    own = {id(layer): vars(layer).get("forward") for _, layer in observed}
    try:
        for name, layer in observed:
            vars(layer)["forward"] = _noting(name, layer, calls)
        with no_grad(), test_mode():
            twin(*inputs)
    finally:
        generator().bit_generator.state = state
        for _, layer in observed:  # without a reference cycle the copy is freed at once
            if own[id(layer)] is None:
                vars(layer).pop("forward", None)
            else:
                vars(layer)["forward"] = own[id(layer)]
    made = [p for p in twin.params().values() if p.data is not None]
    frozen = sum(p.size for p in made if not p.requires_grad)
    size = sum(p.nbytes for p in made)
    return Summary(_rows(observed, calls), size, [tuple(np.shape(x)) for x in inputs], frozen)


def _noting(name: str, layer: Layer, calls: list[tuple[str, Layer, Any, int]]) -> Callable[..., Any]:
    """Wrap the forward of a layer to record its calls in the order in which they begin."""
    forward = layer.forward

    def noting(*args: Any, **kwargs: Any) -> Any:
        place = len(calls)
        calls.append((name, layer, None, 0))
        y = forward(*args, **kwargs)
        count = getattr(layer, "multiply_adds", None)
        x = args[0] if args else next(iter(kwargs.values()), None)
        calls[place] = (name, layer, _shape(y), 0 if count is None else int(count(x, y)))
        return y

    return noting


def _shape(y: Any) -> Any:
    if isinstance(y, (tuple, list)):
        return tuple(_shape(each) for each in y)
    if isinstance(y, dict):
        return {key: _shape(each) for key, each in y.items()}
    shape = getattr(y, "shape", None)
    return type(y).__name__ if shape is None else tuple(shape)


def _rows(layers: list[tuple[str, Layer]], calls: list[tuple[str, Layer, Any, int]]) -> list[Row]:
    """One row for each call; and one for each layer with parameters that was not called, below its parent."""
    order = calls.copy()
    called = {id(layer) for _, layer, _, _ in calls}
    for name, layer in reversed(layers):
        if id(layer) not in called and any(isinstance(value, Parameter) for _, _, value in layer._members()):
            above = name
            while above and all(above != other for other, _, _, _ in calls):
                above = above.rpartition(".")[0]
            place = next((i for i, call in enumerate(order) if call[0] == above), -1)
            order.insert(place + 1, (name, layer, None, 0))
    counted: set[int] = set()
    rows = []
    for name, layer, output, work in order:
        fresh = {id(p): p for _, _, p in layer._members() if isinstance(p, Parameter) and id(p) not in counted}
        counted |= set(fresh)
        rows.append(
            Row(name, type(layer).label(layer), output, sum(p.size for p in fresh.values() if p.data is not None), work)
        )
    return rows
