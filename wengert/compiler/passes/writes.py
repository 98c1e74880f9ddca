"""Simplification of writes into arrays, and of what is read from arrays that were written to.

- What a program reads of an array is what it wrote there, or an element of the array before.
- The gradient of a part of an array is an array of zeros into which the gradient of the part is written. A sum with
  it adds to the part alone: the gradients of n reads of an array take the time of the reads, not n passes over it.
- Writes that others overwrite are dropped.

All of it is exact, signs of zeros included: 0.0 is added to whatever may be -0.0 where a sum has added it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import convert, elementwise, root_of, strided, uniform_value, with_operands
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.loop import is_private
from wengert.compiler.graph.regions import located, meet, region
from wengert.compiler.passes.signed_zeros import SignedZeros

__all__ = ["Writes", "is_overwritten", "without_overwritten"]

LARGEST = 1 << 22  # elements: of larger arrays it is not noted where each element was written
FEW_WRITES = 16  # so many are searched one after another
FEW = 64  # elements: to store so many twice costs nothing
SMALL_PART = 4096  # elements: to store so many twice costs less than another loop


class Chain:
    """Writes into an array, one after another."""

    def __init__(self, base: Node) -> None:
        self.base = base
        self.writes: list[Node] = []
        self.last: Any = None  # of each element of a long chain: the number of the last write to it, from 1; or 0

    def append(self, write: Node) -> None:
        self.writes.append(write)
        if self.last is not None:
            mark(self.last, write, len(self.writes))
        elif len(self.writes) > FEW_WRITES and write.size <= LARGEST:
            self.last = np.zeros(write.size, np.int32)
            for number, each in enumerate(self.writes, 1):
                mark(self.last, each, number)

    def writer(self, number: int, at: Place) -> int | None:
        """The number of the write that made what a place holds after `number` writes, 0 for the base, None if many."""
        if self.last is not None:
            found = window(self.last, at)
            low, high = int(found.min()), int(found.max())
            if high <= number:
                return high if low == high else None
        wanted = region(*at)
        for i in range(number, max(number - FEW_WRITES, 0), -1):
            if meet(wanted, region(*place_of(self.writes[i - 1]))):
                return i
        return 0 if number <= FEW_WRITES else None


class Place(NamedTuple):
    """Elements of an array in C order."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Writes:
    """The writes of a graph that is being rebuilt, by `rewritten`.

    `finish` simplifies a new node otherwise.
    """

    def __init__(self, graph: Graph, finish: Callable[[Node], Node]) -> None:
        self.finish = finish
        self.changed = False
        self.chains: dict[Node, tuple[Chain, int]] = {}
        self.parts: dict[Node, int] = {}  # of arrays of zeros that were written to: the number of writes
        self.signs = SignedZeros()
        self.positive: dict[Node, Node] = {}
        self.old: dict[Node, Node] = {}  # the nodes that updates replace
        self.active = any(node.op == "update" for node in graph)
        self.users: dict[Node, list[Node]] = {}
        self.kept: set[Node] = set()
        if self.active:
            self.users, self.kept = graph.users(), graph.kept()

    def rewritten(self, node: Node, old: Node) -> Node:
        """A simpler form of a node with simple operands, which replaces another one."""
        found = self.simpler(node, old) if self.active else node
        self.changed |= found is not node
        return found

    def simpler(self, node: Node, old: Node | None = None) -> Node:
        if node.op == "view":
            return self.read(node)
        if node.op == "update":
            return self.write(node, old)
        if node.op == "elementwise" and node.settings["ufunc"] is np.add:
            return self.total(node) if len(node.operands) == 2 else self.total_with_number(node)
        return node

    # Reads

    def read(self, node: Node) -> Node:
        """What a view of an array that was written to shows."""
        found = self.chains.get(node.operands[0])
        if found is None or node.size == 0:
            return node
        chain, count = found
        at = Place(node.settings["offset"], node.shape or (), node.settings["strides"])
        number = chain.writer(count, at)
        if number is None:
            return node
        if number == 0:
            # (other bases would be needed for longer, and not be overwritten in place)
            if chain.base.op not in ("constant", "input") or is_private(chain.base):
                return node
            return self.finish(strided(chain.base, at.shape, at.strides, at.offset, node.line))
        write = chain.writes[number - 1]
        value = write.operands[1]
        into = place_of(write)
        if not self.is_worth_keeping(write, value):
            return node
        part = part_of(value, Place(at.offset - into.offset, at.shape, at.strides), node.line, into.strides)
        return node if part is None else part if part is value else self.finish(part)

    def is_worth_keeping(self, write: Node, value: Node) -> bool:
        """Whether a value that was written should be read itself: then it may be stored a second time."""
        if value.size <= FEW or value.op not in ("elementwise", "select", "convert", "reduce"):
            return True
        old = self.old.get(write)
        if old is None:
            return True  # (made for a sum)
        at, is_small = place_of(old), value.size <= SMALL_PART

        def spares(user: Node) -> bool:
            """Whether a user of the array does not read the written part from it."""
            if user.op == "view":
                shown = Place(user.settings["offset"], user.shape or (), user.settings["strides"])
                return located(*shown, at) is not None or (is_small and not meet(region(*shown), region(*at)))
            return is_small and user.op == "update" and user.operands[0] is old

        return (is_small or old not in self.kept) and all(map(spares, self.users.get(old, ())))

    # Writes

    def write(self, node: Node, old: Node | None) -> Node:
        """An array that is written to."""
        base, value = node.operands
        at = place_of(node)
        if not value.size or node.strides != c_strides(node.shape or ()):
            return node
        if (
            value.op == "view"
            and value.operands[0] is base
            and Place(value.settings["offset"], value.shape or (), value.settings["strides"]) == at
        ):
            return base
        if value.op == "constant" and (bits := bits_of(value)) is not None and bits == self.bits_at(base, at):
            return base
        if (at.offset, at.shape, at.strides) == (0, node.shape, node.strides):
            return value
        self.note(node, old)
        return node

    def note(self, write: Node, old: Node | None) -> None:
        """Note a write."""
        if write.op != "update" or write in self.chains:
            return
        if old is not None:
            self.old[write] = old
        base = write.operands[0]
        chain, count = self.chains.get(base, (None, 0))
        if chain is None or count != len(chain.writes):
            chain, count = Chain(base), 0
        chain.append(write)
        self.chains[write] = chain, count + 1
        before = self.parts.get(base, 0)
        if before or is_zero(base):
            self.parts[write] = before + 1

    def bits_at(self, base: Node, at: Place) -> bytes | None:
        """The bits of all elements at a place, if they are equal and known."""
        shown = self.simpler(strided(base, at.shape, at.strides, at.offset))
        root = shown.operands[0] if shown.op == "view" else shown
        return bits_of(root)

    # Sums

    def total(self, node: Node) -> Node:
        """A sum with an array of zeros that was written to, as additions to the parts."""
        a, b = node.operands
        if node.dtype.kind not in "fiu" or not a.shape == b.shape == node.shape or not a.dtype == b.dtype == node.dtype:
            return node
        first, second = self.parts.get(a, 0), self.parts.get(b, 0)
        if not first and not second:
            return node
        left = bool(first) and (not second or first <= second)  # whether the first operand has the parts
        added, whole = (a, b) if left else (b, a)
        writes = self.writes_of(added, self.parts[added])
        if sum(math.prod(w.settings["shape"]) for w in writes) > node.size:
            return node
        original = whole  # (-0.0 + -0.0 is -0.0)
        whole = self.without_negative_zeros(whole)
        if whole.op in ("view", "input") or (whole.op == "constant" and not is_zero(whole)):
            whole = self.finish(convert(whole, line=node.line))
            if whole.op in ("view", "input", "constant"):
                return node
        if whole.strides != node.strides:
            return node
        found = whole
        for w in writes:
            part = part_of(original, place_of(w), w.line)
            if part is None:
                return node
            shown = self.made(part)
            pair = (w.operands[1], shown) if left else (shown, w.operands[1])
            value = self.sum_of(*pair, w.line)
            found = self.finish(w.copy((found, value)))
            self.note(found, None)
        return found

    def total_with_number(self, node: Node) -> Node:
        """A sum with 0.0, as one of the parts of an array of zeros that was written to."""
        x = node.operands[0]
        number = next(n for n in node.settings["numbers"] if n is not None)
        if x not in self.parts or number != 0 or np.signbit(number):
            return node
        if node.dtype.kind != "f" or x.dtype != node.dtype or x.strides != node.strides:
            return node
        return self.without_negative_zeros(x)

    def sum_of(self, a: Node, b: Node, line: str) -> Node:
        """A sum of two values; one of them may be an array of 0.0."""
        for x, y in ((a, b), (b, a)):
            if is_zero(x) and x.shape == y.shape:
                return self.with_zero_added(y, line)
        return self.made(elementwise(np.add, a, b, line=line))

    def with_zero_added(self, x: Node, line: str) -> Node:
        """A value plus 0.0: itself, unless it may be -0.0."""
        return x if self.signs.none_negative(x) else self.finish(elementwise(np.add, x, 0.0, line=line))

    def made(self, node: Node) -> Node:
        """A new node, simplified."""
        return self.simpler(self.finish(node))

    def writes_of(self, node: Node, count: int) -> list[Node]:
        """The last writes into an array, in order."""
        found = []
        for _ in range(count):
            found.append(node)
            node = node.operands[0]
        return found[::-1]

    def without_negative_zeros(self, node: Node) -> Node:
        """An array plus 0.0."""
        pending = []
        while (found := self.positive.get(node)) is None:
            if self.signs.none_negative(node) or node.op != "update":
                found = self.with_zero_added(node, node.line)
                break
            pending.append(node)
            node = node.operands[0]
        self.positive[node] = found
        for w in reversed(pending):
            value = self.with_zero_added(w.operands[1], w.line)
            if found.strides != w.strides or found.op == "view":
                found = self.finish(elementwise(np.add, w, 0.0, line=w.line))
            else:
                found = self.finish(w.copy((found, value)))
                self.note(found, None)
            self.positive[w] = found
        return found


def place_of(write: Node) -> Place:
    settings = write.settings
    return Place(settings["offset"], settings["shape"], settings["strides"])


def part_of(x: Node, at: Place, line: str, strides: tuple[int, ...] | None = None) -> Node | None:
    """The elements of a value at a place, which is that in an array of the same shape: one in C order by default.

    None where they are not to be found.
    """
    shape, own = x.shape or (), root_of(x)[2]
    inside = located(*at, (0, shape, c_strides(shape) if strides is None else strides))
    if inside is None:
        return None
    first, steps = inside
    along = tuple(sum(i * s for i, s in zip(step, own, strict=True)) for step in steps)
    if at.shape == shape and all(n == 1 or a == s for n, a, s in zip(shape, along, own, strict=True)):
        return x
    return strided(x, at.shape, along, sum(i * s for i, s in zip(first, own, strict=True)), line)


def window(marks: Any, at: Place) -> Any:
    """The elements of a flat array at a place."""
    size = marks.itemsize
    return np.ndarray(at.shape, marks.dtype, marks, at.offset * size, tuple(s * size for s in at.strides))


def mark(marks: Any, write: Node, number: int) -> None:
    window(marks, place_of(write))[...] = number


def bits_of(node: Node) -> bytes | None:
    """The bits of the value that a constant is filled with."""
    value = uniform_value(node)
    return None if value is None else bytes(np.asarray(value).tobytes())


def is_zero(node: Node) -> bool:
    """Whether a node is a constant of zeros, none of them -0.0."""
    bits = bits_of(node) if node.op == "constant" else None
    return bits is not None and not bits.strip(b"\0")


def without_overwritten(graph: Graph) -> Graph:
    """The graph without writes of what other writes overwrite before it is read."""
    users, kept = graph.users(), graph.kept()

    def continues(node: Node) -> Node | None:
        """The write after this one, if nothing else uses the array."""
        after = users[node]
        return after[0] if len(after) == 1 and node not in kept and after[0].operands[0] is node else None

    dead: set[Node] = set()
    for node in graph:
        if node.op == "update" and ((after := continues(node)) is None or after.op != "update"):
            writes = [node]
            while (before := writes[-1].operands[0]).op == "update" and continues(before) is writes[-1]:
                writes.append(before)
            dead.update(overwritten(writes))
    if not dead:
        return graph
    return graph.replaced(lambda node, operands: operands[0] if node in dead else with_operands(node, operands))


def overwritten(writes: list[Node]) -> Iterator[Node]:
    """The writes of whose elements all are overwritten, given them from the last to the first."""
    size, shape = writes[0].size, writes[0].shape or ()
    if len(writes) == 1 or any(w.strides != c_strides(shape) for w in writes):
        return
    if len(writes) > FEW_WRITES and size <= LARGEST:
        marks = np.zeros(size, np.int8)
        for w in writes:
            found = window(marks, place_of(w))
            if found.all():
                yield w
            found[...] = 1
        return
    for i, w in enumerate(writes):
        if any(located(*place_of(w), place_of(later)) for later in writes[max(i - FEW_WRITES, 0) : i]):
            yield w


def is_overwritten(write: Node, users: Callable[[Node], list[Node]]) -> bool:
    """Whether all elements of an array are written, from this write on, before it is read."""
    writes, written = [write], math.prod(write.settings["shape"])
    while written < write.size:
        readers = users(writes[-1])
        if len(readers) != 1 or readers[0].op != "update" or readers[0].operands[0] is not writes[-1]:
            return False
        if root_of(readers[0].operands[1])[0] is writes[-1]:
            return False
        writes.append(readers[0])
        written += math.prod(readers[0].settings["shape"])
    if write.size > LARGEST or any(w.strides != c_strides(write.shape or ()) for w in writes):
        return len(writes) == 1 and place_of(write)[1:] == (write.shape, write.strides)
    marks = np.zeros(write.size, np.int8)
    for w in writes:
        mark(marks, w, 1)
    return bool(marks.all())
