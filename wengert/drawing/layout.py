"""The coordinates of a diagram: sizes of texts, places of boxes, and the courses of arrows.

Places in a row are found as Gansner et al. (1993) state the problem: arrows are to be straight, bends most of all, and
neighbours keep a distance. Each row is solved exactly for the rows beside it (a weighted isotonic regression), in
passes. The interactive page does the same in its own language (`page.js`), for the groups that are open.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import NamedTuple

from wengert.drawing.diagram import Box, Diagram, printed
from wengert.drawing.layers import BEND, BOX, GROUP, IN, OUT, Level, levels_of

__all__ = ["FONT", "LINE", "Layout", "Rectangle", "layout_of", "size_of", "text_width"]

FONT, LINE = 11, 14  # pixels: the size of the font, the height of a line of text
PADDING_X, PADDING_Y = 9, 5  # around the text of a box
GAP, BEND_GAP, ROW_GAP = 18, 9, 30  # between boxes, beside bends, between rows
INSIDE, TITLE = 10, 22  # around the content of a group, above it
ROUNDS = 16
WEAK = 1e-3  # the weight of staying in place
NARROW, WIDE = frozenset("iljtfrI.,:;'|!()[]{} "), frozenset("mwMW@%")


class Rectangle(NamedTuple):
    """A rectangle, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Course(NamedTuple):
    """A part of an arrow: down to `bottom`, a curve to `top` in the next row, and down to its end."""

    x: float
    y: float
    bottom: float
    top: float
    end_x: float
    end_y: float
    has_head: bool
    net: str


class Layout(NamedTuple):
    """The places of all that is drawn."""

    width: float
    height: float
    boxes: dict[str, Rectangle]
    groups: dict[str, Rectangle]
    courses: list[Course]


class Placed(NamedTuple):
    """A level with coordinates: the left edges of items, the tops of rows, and the ports of the group."""

    width: float
    height: float
    lefts: list[float]
    tops: list[float]
    heights: list[float]  # of rows
    sizes: list[tuple[float, float]]
    ports: dict[tuple[str, str], float]


def text_width(text: str, size: float = FONT) -> float:
    """Estimate the width of a text in a sans-serif font, rather too wide than too narrow.

    Examples
    --------
    >>> text_width("ill") < text_width("MMM")
    True
    """
    total = 0.0
    for c in text:
        if c in NARROW:
            total += 0.37
        elif c in WIDE:
            total += 0.93
        elif unicodedata.east_asian_width(c) in "WF":
            total += 1.05
        else:
            total += 0.73 if c.isupper() else 0.6
    return total * size


def size_of(box: Box) -> tuple[float, float]:
    """The width and height of a box: those of its text, and space around it."""
    width = max(map(text_width, map(printed, box.lines)), default=0.0)
    return round(max(width + 2 * PADDING_X, 30.0), 1), LINE * max(len(box.lines), 1) + 2 * PADDING_Y


def layout_of(diagram: Diagram) -> Layout:
    """Lay out a diagram, with all groups open."""
    levels = levels_of(diagram)
    sizes = {box.name: size_of(box) for box in diagram.boxes}
    placed: dict[str, Placed] = {}
    for name in (*reversed(list(diagram.groups)), ""):  # (groups come after their parents)
        placed[name] = place(levels[name], sizes, placed)
        if name:
            title = text_width(printed(diagram.groups[name].title), FONT - 1) + 2 * INSIDE
            found = placed[name]
            extra = max(title - found.width - 2 * INSIDE, 0.0) / 2
            shifted = {port: x + INSIDE + extra for port, x in found.ports.items()}
            placed[name] = found._replace(
                width=found.width + 2 * (INSIDE + extra), height=found.height + TITLE + INSIDE, ports=shifted
            )
            shift = INSIDE + extra
            placed[name] = placed[name]._replace(lefts=[x + shift for x in found.lefts])
    layout = Layout(placed[""].width, placed[""].height, {}, {}, [])
    ahead = [("", 0.0, 0.0)]
    while ahead:
        name, x, y = ahead.pop()
        ahead += draw_level(layout, name, x, y, levels[name], placed)
    return layout


def place(level: Level, sizes: dict[str, tuple[float, float]], inside: dict[str, Placed]) -> Placed:
    """Find the coordinates of a level: those of the groups in it are known."""
    of: list[tuple[float, float]] = []
    for kind, name in level.items:
        if kind == GROUP:
            of.append((inside[name].width, inside[name].height))
        else:
            of.append(sizes[name] if kind == BOX else (0.0, 0.0))
    widths = [width for width, _ in of]
    attached = attachments(level, inside, widths)
    lefts = [0.0] * len(of)
    for row in level.rows:
        gaps = gaps_of(level, row, widths)
        for a, b, gap in zip(row, row[1:], gaps, strict=False):
            lefts[b] = lefts[a] + gap
        if row:
            half = (lefts[row[-1]] + widths[row[-1]]) / 2
            for i in row:
                lefts[i] -= half
    straighten(level, lefts, widths, attached)
    least = min(lefts, default=0.0)
    lefts = [x - least for x in lefts]
    heights = [max((of[i][1] for i in row), default=0.0) for row in level.rows]
    tops, y = [], 0.0
    for height in heights:
        tops.append(y)
        y += height + ROW_GAP
    width = max((x + w for x, w in zip(lefts, widths, strict=True)), default=0.0)
    ports = {item: lefts[i] for i, item in enumerate(level.items) if item.kind in (IN, OUT)}
    return Placed(width, max(y - ROW_GAP, 0.0), lefts, tops, heights, of, {(k, n): x for (k, n), x in ports.items()})


def attachments(level: Level, inside: dict[str, Placed], widths: list[float]) -> list[tuple[float, float]]:
    """Where each segment leaves its start, and enters its end, from their left edges."""

    def at(i: int, side: str, net: str) -> float:
        kind, name = level.items[i]
        if kind == GROUP and (side, net) in inside[name].ports:
            return inside[name].ports[side, net]
        return widths[i] / 2

    return [(at(a, OUT, net), at(b, IN, net)) for a, b, net in level.segments]


def gaps_of(level: Level, row: list[int], widths: list[float]) -> list[float]:
    """The least distances between the left edges of neighbours in a row."""
    is_box = [level.items[i].kind in (BOX, GROUP) for i in row]
    return [widths[a] + (GAP if is_box[k] and is_box[k + 1] else BEND_GAP) for k, a in enumerate(row[:-1])]


def straighten(level: Level, lefts: list[float], widths: list[float], attached: list[tuple[float, float]]) -> None:
    """Move items, so that arrows become straight."""
    above: list[list[tuple[int, float, float]]] = [[] for _ in level.items]
    below: list[list[tuple[int, float, float]]] = [[] for _ in level.items]
    from_each = Counter(a for a, _, _ in level.segments)
    to_each = Counter(b for _, b, _ in level.segments)
    for (a, b, _), (out, into) in zip(level.segments, attached, strict=True):
        weight = (1.0, 2.0, 8.0)[(level.items[a].kind == BEND) + (level.items[b].kind == BEND)]
        if from_each[a] == to_each[b] == 1:
            weight = 8.0
        elif not to_each[a]:  # (parameters stand beside the way that the values take)
            weight = 0.25
        above[b].append((a, out - into, weight))
        below[a].append((b, into - out, weight))
    gaps = [gaps_of(level, row, widths) for row in level.rows]
    for turn in range(ROUNDS):
        down = turn % 2 == 0
        near = (above, below) if turn >= ROUNDS - 6 else (above,) if down else (below,)
        for k in range(len(level.rows)) if down else range(len(level.rows) - 1, -1, -1):
            row = level.rows[k]
            wished, weights = [], []
            for i in row:
                total, weight = WEAK * lefts[i], WEAK
                for side in near:
                    for j, shift, w in side[i]:
                        total += w * (lefts[j] + shift)
                        weight += w
                wished.append(total / weight)
                weights.append(weight)
            for i, x in zip(row, spaced(wished, weights, gaps[k]), strict=True):
                lefts[i] = x


def spaced(wished: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to those wished for (least squares) that keep the gaps, in order.

    Examples
    --------
    >>> spaced([0.0, 0.0, 9.0], [1.0, 1.0, 1.0], [2.0, 2.0])
    [-1.0, 1.0, 9.0]
    """
    shifts = [0.0]
    for gap in gaps:
        shifts.append(shifts[-1] + gap)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, items: neighbours that touch
    for x, w, shift in zip(wished, weights, shifts, strict=False):
        mean, weight, n = x - shift, w, 1
        while blocks and blocks[-1][0] >= mean:
            before, its, items = blocks.pop()
            mean, weight, n = (mean * weight + before * its) / (weight + its), weight + its, n + items
        blocks.append((mean, weight, n))
    found = [mean for mean, _, n in blocks for _ in range(n)]
    return [x + shift for x, shift in zip(found, shifts, strict=False)]


def draw_level(
    layout: Layout, name: str, x: float, y: float, level: Level, placed: dict[str, Placed]
) -> list[tuple[str, float, float]]:
    """Enter what is in a level into the layout; return the groups in it, and their corners."""
    here = placed[name]
    if name:
        layout.groups[name] = Rectangle(x, y, here.width, here.height)
    top = y + (TITLE if name else 0.0)
    row_of = {i: k for k, row in enumerate(level.rows) for i in row}
    inner = []
    corners = []
    for i, (kind, item) in enumerate(level.items):
        k = row_of[i]
        width, height = here.sizes[i]
        if kind == BEND:
            height = here.heights[k]
        corner = (x + here.lefts[i], top + here.tops[k] + (here.heights[k] - height) / 2)
        corners.append((*corner, height))
        if kind == BOX:
            layout.boxes[item] = Rectangle(*corner, width, height)
        elif kind == GROUP:
            inner.append((item, *corner))
    attached = attachments(level, placed, [width for width, _ in here.sizes])
    straight = attachments(level._replace(segments=level.straight), placed, [width for width, _ in here.sizes])
    for (a, b, net), (out, into) in zip((*level.segments, *level.straight), (*attached, *straight), strict=True):
        start_y, end_y = corners[a][1] + corners[a][2], corners[b][1]
        if level.items[a].kind == IN:
            start_y = y
        elif level.items[a].kind == BEND:  # the line through its row
            start_y = corners[a][1]
        if level.items[b].kind == OUT:
            end_y = y + here.height
        bottom = top + here.tops[row_of[a]] + here.heights[row_of[a]]
        layout.courses.append(
            Course(
                corners[a][0] + out,
                start_y,
                max(bottom, start_y),
                top + here.tops[row_of[b]],
                corners[b][0] + into,
                end_y,
                level.items[b].kind == BOX,
                net,
            )
        )
    return inner
