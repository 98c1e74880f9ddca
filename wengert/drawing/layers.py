"""The layers of a diagram: in which row a box is, in which order, and where long arrows pass between boxes.

The method is that of Sugiyama, Tagawa and Toda (Methods for visual understanding of hierarchical system structures,
1981): rows by longest paths, bends where an arrow passes a row, and passes that order rows by the mean place of the
neighbours. Gansner, Koutsofios, North and Vo (A technique for drawing directed graphs, 1993) add that the best order of
the passes is kept. A group is laid out for itself, and is one box in the level around it; arrows that cross its border
do so at a port. So a level does not depend on whether the groups in it are open.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wengert.drawing.diagram import Diagram

__all__ = ["BEND", "BOX", "GROUP", "IN", "OUT", "Item", "Level", "Segment", "levels_of"]

BOX, GROUP, BEND, IN, OUT = "box", "group", "bend", "in", "out"
ROUNDS = 12
MOST_BENDS = 8000  # where more are needed, the longest arrows are drawn straight, across boxes
WORK = 40_000  # segments that rounds look at: large levels have fewer rounds


class Item(NamedTuple):
    """What has a place in a row: a box, a group, a bend of an arrow, or a port, where arrows enter or leave a group.

    `name` is that of the box or group; of bends and ports that of the box where the arrows come from.
    """

    kind: str
    name: str


class Segment(NamedTuple):
    """A part of the arrows of a box `net`, from an item to one in the next row."""

    start: int
    end: int
    net: str


class Level(NamedTuple):
    """A group (or the whole): its items, their rows from above to below, each from left to right, and segments.

    `straight` segments are not routed: they join items of rows further apart.
    """

    items: list[Item]
    rows: list[list[int]]
    segments: list[Segment]
    straight: list[Segment]


class Nets:
    """The arrows of a level: for each box where arrows come from, its item in this level, and the items they go to."""

    def __init__(self) -> None:
        self.numbers: dict[Item, int] = {}
        self.starts: dict[str, int] = {}
        self.ends: dict[str, dict[int, None]] = {}

    def number(self, item: Item) -> int:
        return self.numbers.setdefault(item, len(self.numbers))

    def add(self, net: str, start: Item, end: Item) -> None:
        self.starts[net] = self.number(start)
        self.ends.setdefault(net, {})[self.number(end)] = None


def levels_of(diagram: Diagram) -> dict[str, Level]:
    """Lay out the rows of every group of a diagram, and of the whole under the name ""."""
    nets = {name: Nets() for name in ("", *diagram.groups)}
    paths: dict[str, list[str]] = {}
    for name, group in diagram.groups.items():
        nets[group.parent].number(Item(GROUP, name))
    for box in diagram.boxes:
        nets[box.group].number(Item(BOX, box.name))
        path = [box.group]
        while path[-1]:
            path.append(diagram.groups[path[-1]].parent)
        paths[box.name] = path[::-1]
    for start, end in diagram.arrows:
        if start != end:
            route(nets, start, end, paths[start], paths[end])
    return {name: level_of(net) for name, net in nets.items()}


def route(nets: dict[str, Nets], start: str, end: str, before: list[str], after: list[str]) -> None:
    """Enter an arrow in each level that it is in: it leaves groups by ports, and enters others by ports."""
    common = 0
    while common < min(len(before), len(after)) and before[common] == after[common]:
        common += 1
    out = [*(Item(GROUP, name) for name in before[common:]), Item(BOX, start)]
    into = [*(Item(GROUP, name) for name in after[common:]), Item(BOX, end)]
    nets[before[common - 1]].add(start, out[0], into[0])
    for name, item in zip(before[common:], out[1:], strict=True):
        nets[name].add(start, item, Item(OUT, start))
    for name, item in zip(after[common:], into[1:], strict=True):
        nets[name].add(start, Item(IN, start), item)


def level_of(nets: Nets) -> Level:
    """Lay out the rows of a level."""
    items = list(nets.numbers)
    forward = [(nets.starts[net], end) for net, ends in nets.ends.items() for end in ends]
    places = layering(items, forward)
    level = Level(items, [], [], [])
    bends = spread(level, nets, places)
    level.rows.extend([] for _ in range(max(places, default=-1) + 1))
    for i in sorted(range(len(items)), key=lambda i: bends.get(i, (i, 0))):
        level.rows[places[i]].append(i)
    order(level)
    return level


def layering(items: Sequence[Item], arrows: Iterable[tuple[int, int]]) -> list[int]:
    """The row of each item, by longest paths; items with more arrows out than in are moved towards where these go."""
    n = len(items)
    after: list[list[int]] = [[] for _ in range(n)]
    before: list[list[int]] = [[] for _ in range(n)]
    for a, b in dict.fromkeys(arrows):
        after[a].append(b)
        before[b].append(a)
    first = 1 if any(item.kind == IN for item in items) else 0
    rows = [0 if item.kind == IN else first for item in items]
    done: list[int] = []
    for i in topological(after, before):
        done.append(i)
        for j in after[i]:
            rows[j] = max(rows[j], rows[i] + 1)
    last = max(rows, default=0)
    if any(item.kind == OUT for item in items):
        last = max([row + 1 for row, item in zip(rows, items, strict=True) if item.kind != OUT], default=0)
        rows = [last if item.kind == OUT else row for row, item in zip(rows, items, strict=True)]
    for i in reversed(done):
        if items[i].kind in (BOX, GROUP) and len(after[i]) > len(before[i]):
            rows[i] = max(rows[i], min(rows[j] for j in after[i]) - 1)
    return rows


def topological(after: list[list[int]], before: list[list[int]]) -> list[int]:
    """Items in an order in which arrows point ahead; arrows that close a circle are ignored."""
    missing = [len(found) for found in before]
    found: list[int] = []
    ahead = [i for i, n in enumerate(missing) if not n][::-1]
    entered = set(ahead)
    rest = iter(range(len(after)))
    while len(found) < len(after):
        if not ahead:
            i = next(i for i in rest if i not in entered)
            entered.add(i)
            ahead.append(i)
        i = ahead.pop()
        found.append(i)
        for j in after[i]:
            missing[j] -= 1
            if not missing[j] and j not in entered:
                entered.add(j)
                ahead.append(j)
    return found


def spread(level: Level, nets: Nets, places: list[int]) -> dict[int, tuple[int, int]]:
    """Put bends where arrows pass rows: the arrows of a box share them. Return the first places of bends in a row."""
    bends: dict[int, tuple[int, int]] = {}
    ends = {net: [e for e in found if places[e] > places[nets.starts[net]]] for net, found in nets.ends.items()}
    length = {net: max((places[e] for e in found), default=0) - places[nets.starts[net]] for net, found in ends.items()}
    total = 0
    for net in sorted(length, key=length.__getitem__):
        at = start = nets.starts[net]
        row = places[start]
        is_routed = total + length[net] <= MOST_BENDS
        total += length[net] if is_routed else 0
        for end in sorted(nets.ends[net], key=places.__getitem__):
            if places[end] <= places[start] or (not is_routed and places[end] > places[start] + 1):
                level.straight.append(Segment(start, end, net))
                continue
            while row < places[end] - 1:
                row += 1
                bend = len(level.items)
                level.items.append(Item(BEND, net))
                places.append(row)
                bends[bend] = (start, row)
                level.segments.append(Segment(at, bend, net))
                at = bend
            level.segments.append(Segment(at, end, net))
    return bends


def order(level: Level) -> None:
    """Order the items of each row, so that few arrows cross."""
    after: list[list[int]] = [[] for _ in level.items]
    before: list[list[int]] = [[] for _ in level.items]
    for a, b, _ in level.segments:
        after[a].append(b)
        before[b].append(a)
    rows = level.rows
    best, fewest = [list(row) for row in rows], crossings(rows, after)
    rounds = min(ROUNDS, max(2, WORK // (len(level.segments) + 1)))
    for turn in range(rounds):
        if not fewest:
            break
        down = turn % 2 == 0
        for k in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            sort(rows[k], rows[k - 1 if down else k + 1], before if down else after)
        found = crossings(rows, after)
        if found < fewest:
            best, fewest = [list(row) for row in rows], found
    rows[:] = best


def sort(row: list[int], fixed: list[int], neighbours: list[list[int]]) -> None:
    """Sort a row by the mean place of neighbours in the row beside; items without any stay about where they are."""
    place = {i: (k + 0.5) / len(fixed) for k, i in enumerate(fixed)}
    means = {}
    for k, i in enumerate(row):
        near = neighbours[i]
        means[i] = sum(place[j] for j in near) / len(near) if near else (k + 0.5) / len(row)
    row.sort(key=means.__getitem__)


def crossings(rows: list[list[int]], after: list[list[int]]) -> int:
    """Count the crossings of segments between neighbouring rows."""
    total = 0
    for k in range(len(rows) - 1):
        place = {i: p for p, i in enumerate(rows[k + 1])}
        seen: list[int] = []
        for i in rows[k]:
            ends = sorted(place[j] for j in after[i])
            for p in ends:
                total += len(seen) - bisect_right(seen, p)
            for p in ends:
                insort(seen, p)
    return total
