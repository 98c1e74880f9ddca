"""The graph of a traced call: the intermediate representation of the compiler.

A `Node` is a value: an array of known shape and dtype, and the operation that computes it. Nothing is ever
overwritten in a graph: a write into an array makes a new value of the entire array (`update`), and writes that the
caller must see are assigned at the end (static single assignment). So a pass only replaces values.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.checks.errors import describe
from wengert.custom.recomputation import current_run

__all__ = ["EFFECTS", "OPERATIONS", "Graph", "Node", "NotLowered", "Slot", "TooManyValues", "VerificationError", "fill"]


class VerificationError(RuntimeError):
    """A graph is not well formed: a pass, or the tracer, has a defect."""


class TooManyValues(Exception):
    """A graph has more values than it is worth to compile."""


class NotLowered(Exception):
    """A lowering rule does not apply to a call, which therefore stays a call of NumPy. Other errors are defects."""


class Slot(NamedTuple):
    """A placeholder for an operand among the arguments of a call."""

    index: int  # type: ignore[assignment]  # (a tuple has a method of that name)


# The operations: the number of operands (None: any) and the names of the settings.
#   input      an array that is given at each call: `place` says which
#   constant   an array that is the same at each call
#   call       function(*arguments, **keywords), with operands in place of the Slots; an array, or a tuple
#   tuple_get  one of several results of a call
#   view       elements of the memory of its root: from `offset` on, by `strides` (in elements)
#   update     the root, with the elements of such a view replaced by the second operand
#   convert    the operand broadcast to a shape and converted to a dtype, as by assignment
#   random     a call that advances a random generator (or has another effect): it runs always, once, in order
#   guard      no value: raises GuardFailed where its operand differs from `value`, so that another plan is tried
#   elementwise a ufunc with one result, operands broadcast; Python numbers are in `numbers` by position
#   select     np.where of three
#   reduce     the reduction of a ufunc over `axes`, which keep length 1 if `keepdims`
#   matmul     np.matmul
#   kernel     a special native kernel: a convolution, a recurrence
#   loop       a graph that is computed several times, each time with values of the time before: see `Loop`
#   output     one of the values that a loop gives
OPERATIONS: dict[str, tuple[int | None, tuple[str, ...]]] = {
    "input": (0, ("place",)),
    "constant": (0, ("array",)),
    "call": (None, ("arguments", "function", "keywords")),
    "tuple_get": (1, ("index",)),
    "view": (1, ("offset", "strides")),
    "update": (2, ("offset", "shape", "strides")),
    "convert": (1, ()),
    "random": (None, ("arguments", "function", "keywords")),
    "guard": (1, ("value",)),
    "elementwise": (None, ("dtypes", "numbers", "ufunc")),
    "select": (None, ("numbers",)),
    "reduce": (1, ("axes", "keepdims", "ufunc")),
    "matmul": (2, ()),
    "kernel": (None, ("kernel",)),
    "loop": (None, ("loop", "starts")),
    "output": (1, ("index",)),
}
EFFECTS = ("random", "guard", "loop")  # (a loop where it has effects)


moments = itertools.count()


class Node:
    """A value of a graph.

    Attributes
    ----------
    op : str
        One of `OPERATIONS`.
    operands : tuple of Node
    settings : dict
        The attributes of the operation, beside its operands.
    shape, dtype
        Of the array; None for a tuple of results, and for effects without a value.
    strides : tuple of int
        In elements, of an input; else those of an array in C order.
    weak : bool
        Whether it is a Python number, which is weakly typed in promotion (NEP 50).
    line : str
        The line of the user's program that computes it.
    moment : int
        When it was made, for the order of the program.
    run : Run
        Which run of a function under `wengert.checkpoint` computes it. Values of different second runs are not merged,
        though they are equal: the later one would be kept from the earlier one on.
    """

    __slots__ = ("dtype", "line", "moment", "number", "op", "operands", "run", "settings", "shape", "strides", "weak")
    dtype: Any

    def __init__(
        self,
        op: str,
        operands: tuple[Node, ...] = (),
        settings: dict[str, Any] | None = None,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        strides: tuple[int, ...] | None = None,
        weak: bool = False,
        line: str = "",
    ) -> None:
        self.op, self.operands, self.settings = op, operands, settings or {}
        self.shape, self.dtype = shape, None if dtype is None else np.dtype(dtype)
        self.strides = strides if strides is not None or shape is None else c_strides(shape)
        self.weak, self.line, self.number, self.moment = weak, line, -1, next(moments)
        self.run = current_run.get()

    def _value(self, *_: Any) -> Any:
        """A rule that needs the elements (as an axis, a count, a list) does not apply: they are known at run time."""
        raise NotLowered(f"the value of {self!r} is known at run time only")

    __index__ = __int__ = __float__ = __complex__ = __iter__ = __len__ = __abs__ = __neg__ = _value
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _value
    __lt__ = __le__ = __gt__ = __ge__ = _value

    def __bool__(self) -> bool:
        return True  # (else Python would call __len__)

    def copy(self, operands: tuple[Node, ...]) -> Node:
        """A copy with other operands, which have the memory layouts of the old ones."""
        found = Node(self.op, operands, self.settings, self.shape, self.dtype, self.strides, self.weak, self.line)
        found.run = self.run
        return found

    @property
    def ndim(self) -> int:
        return len(self.shape or ())

    @property
    def size(self) -> int:
        return math.prod(self.shape or ())

    def __repr__(self) -> str:
        return f"%{self.number}"

    def text(self) -> str:
        """Print it as one line."""
        form = "" if self.shape is None else f"{self.dtype}[{','.join(map(str, self.shape))}]"
        parts = [repr(x) for x in self.operands]
        parts += [f"{k}={brief(v)}" for k, v in self.settings.items()]
        return f"{self!r}: {form} = {self.op}({', '.join(parts)})" + (f"  # {self.line}" if self.line else "")


@functools.lru_cache(1024)
def c_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of an array in C order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def reach_of(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, int]:
    """The lowest and the highest offset from its first element that an array reaches, in elements."""
    reach = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    return sum(r for r in reach if r < 0), sum(r for r in reach if r > 0)


def brief(value: Any) -> str:
    """Print a setting in a few characters."""
    if isinstance(value, np.ndarray):
        return describe(value) if value.size > 4 else repr(value.tolist())
    if callable(value):
        return str(getattr(value, "__name__", value))
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(brief, value)) + ")"
    return f"%[{value.index}]" if isinstance(value, Slot) else repr(value)


def fill(template: Any, values: Callable[[int], Any] | Sequence[Any]) -> Any:
    """Substitute values for the Slots of nested arguments."""
    if isinstance(template, Slot):
        return values(template.index) if callable(values) else values[template.index]
    if type(template) is int or type(template) is float or template is None:
        return template
    if isinstance(template, (list, tuple)):
        filled = [fill(part, values) for part in template]
        return type(template)(*filled) if hasattr(template, "_fields") else type(template)(filled)
    if isinstance(template, dict):
        return {key: fill(part, values) for key, part in template.items()}
    if isinstance(template, slice):
        return slice(fill(template.start, values), fill(template.stop, values), fill(template.step, values))
    return template


class Graph:
    """Values in topological order, and where they go.

    Attributes
    ----------
    inputs : list of Node
        Arrays (and numbers) that are given at each call.
    results : list of Node
        The returned values.
    assignments : list of (Node, Node)
        Inputs that a call writes to, with their new values.
    as_written : bool
        Whether the values are in the order in which the program has computed them, in which its loops can be seen;
        else each comes shortly before its first user.
    """

    def __init__(
        self,
        inputs: list[Node],
        results: list[Node],
        assignments: list[tuple[Node, Node]],
        effects: Iterable[Node] = (),
        as_written: bool = False,
    ) -> None:
        self.inputs, self.results, self.assignments = inputs, results, assignments
        self.effects = list(effects)
        self.as_written = as_written
        self.nodes: list[Node] = []
        self.order()

    def order(self) -> None:
        """Sort the values that are used topologically; effects keep their order. Unused values are dropped."""
        roots = (*self.inputs, *self.effects, *self.results, *(new for _, new in self.assignments))
        self.nodes = as_written(roots) if self.as_written else before_users(roots)
        if not self.as_written and any(node.run.again for node in self.nodes):
            phases = self.phases()
            self.nodes.sort(key=phases.__getitem__)
        for number, node in enumerate(self.nodes):
            node.number = number

    def phases(self) -> dict[Node, int]:
        """For each value a number, so that second runs under `wengert.checkpoint` come one after the other.

        (They need nothing of each other, and would all come before the first gradient that needs one.)
        """
        found: dict[Node, int] = {}
        effects, last = set(self.effects), 0
        for node in self.nodes:
            phase = max([node.run.begun if node.run.again else 0, *(found[x] for x in node.operands)])
            if node in effects:  # (they keep their order)
                phase = last = max(phase, last)
            found[node] = phase
        return found

    def users(self) -> dict[Node, list[Node]]:
        """List the users of each value."""
        found: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for operand in node.operands:
                found[operand].append(node)
        return found

    def kept(self) -> set[Node]:
        """The values that the graph returns or assigns, and what it has for their effects."""
        return {*self.results, *(new for _, new in self.assignments), *self.effects}

    def replaced(self, change: Callable[[Node, tuple[Node, ...]], Node]) -> Graph:
        """Rebuild the graph: `change` maps each node and its new operands to the node that replaces it."""
        new: dict[Node, Node] = {}
        start = next(moments)
        run = current_run.get()
        token = current_run.set(run)
        try:
            for node in self.nodes:
                if node.run is not run:  # (all that replaces a node is computed in the same run)
                    run = node.run
                    current_run.set(run)
                operands = tuple(new[x] for x in node.operands)
                found = new[node] = node if node.op == "input" else change(node, operands)
                if found.moment < start:  # (a node of the old graph keeps its place among the new ones)
                    found.moment = next(moments)
        finally:
            current_run.reset(token)
        return Graph(
            self.inputs,
            [new[x] for x in self.results],
            [(into, new[x]) for into, x in self.assignments],
            [new[x] for x in self.effects if new[x].op in EFFECTS],
            self.as_written,
        )

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __str__(self) -> str:
        lines = [node.text() for node in self.nodes]
        lines += [f"{into!r} <- {new!r}" for into, new in self.assignments]
        lines.append(f"return {', '.join(map(repr, self.results))}")
        return "\n".join(lines)


def as_written(roots: Iterable[Node]) -> list[Node]:
    """The nodes that others need, in the order in which they were made."""
    found = dict.fromkeys(roots)
    pending = list(found)
    while pending:
        for x in pending.pop().operands:
            if x not in found:
                found[x] = None
                pending.append(x)
    # (Inputs and constants come first, whenever they were made: they need nothing.)
    return sorted(found, key=lambda node: -1 if node.op in ("input", "constant") else node.moment)


def before_users(roots: Iterable[Node]) -> list[Node]:
    """The nodes that others need, each shortly before its first user."""
    nodes: list[Node] = []
    done: set[Node] = set()
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            missing = [x for x in node.operands if x not in done]
            if missing:
                stack += reversed(missing)
            else:
                done.add(node)
                nodes.append(node)
                stack.pop()
    return nodes


def product_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a matrix product; None if there is none."""
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        return None
    try:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        return None
    return (*batch, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


def reduced(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape of the result of a reduction."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)
