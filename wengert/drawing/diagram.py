"""Diagram: boxes, arrows, and groups of boxes; and its text in DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["KINDS", "Box", "Diagram", "Group", "Kind", "dot_text"]


class Kind(NamedTuple):
    """How boxes of a kind look: fill colours on light and on dark pages, and the shape in DOT."""

    light: str
    dark: str
    shape: str = 'shape="box"'
    is_round: bool = False


# Every text stands on a fill, and lines are grey: a picture can be read on white and on black, whichever fill is used.
KINDS: Mapping[str, Kind] = {
    "function": Kind("#cfe0fb", "#24406e"),
    "parameter": Kind("#fbdf9d", "#6b4d0e", 'shape="ellipse"', True),
    "leaf": Kind("#cdebc8", "#24562a", 'shape="ellipse"', True),
    "result": Kind("#ebebeb", "#42464d", 'shape="ellipse"', True),
    "product": Kind("#f8cfc4", "#6f3222"),
    "loops": Kind("#cfe0fb", "#24406e"),
    "kernel": Kind("#e3d3f5", "#4a3070"),
    "call": Kind("#f3f3f3", "#3a3d42"),
    "input": Kind("#fbdf9d", "#6b4d0e", 'shape="box", style="rounded,filled"', True),
    "output": Kind("#cdebc8", "#24562a", 'shape="box", style="rounded,filled"', True),
}
HEAD = """\
digraph {title} {{
  graph [bgcolor="transparent", rankdir="TB", nodesep="0.25", ranksep="0.35"];
  node [style="filled", fontname="Helvetica,Arial,sans-serif", fontsize="11", fontcolor="#1a1a1a", color="#808080",
        margin="0.1,0.04", height="0.3"];
  edge [color="#808080", arrowsize="0.6"];
"""
MARKED = ', color="#d0342c", penwidth="2"'
# Graphviz would take minutes for many boxes and for curves.
STRAIGHT = '  graph [splines="line", nslimit="2", nslimit1="2", mclimit="0.2"];\n'


class Box(NamedTuple):
    """A box of text. Its name is an identifier of DOT; `marked` boxes have a red border."""

    name: str
    lines: tuple[str, ...]
    kind: str
    marked: bool = False
    group: str = ""


class Group(NamedTuple):
    """A box around boxes and groups."""

    title: str
    kind: str
    parent: str = ""


class Diagram(NamedTuple):
    """What is drawn: arrows name the boxes that they join, `groups` are by name, parents first."""

    title: str
    boxes: Sequence[Box]
    arrows: Sequence[tuple[str, str]]
    groups: Mapping[str, Group] = {}
    curved: bool = True


def dot_text(diagram: Diagram) -> str:
    """Write a diagram as DOT."""
    lines = [HEAD.format(title=diagram.title) + ("" if diagram.curved else STRAIGHT)]
    inside: dict[str, list[str]] = {name: [] for name in ("", *diagram.groups)}
    for box in diagram.boxes:
        marked = MARKED if box.marked else ""
        kind = KINDS[box.kind]
        inside[box.group].append(
            f'  {box.name} [{label_of(box.lines)}, {kind.shape}, fillcolor="{kind.light}"{marked}];'
        )
    for name in reversed(list(diagram.groups)):  # (a child before its parent)
        group = diagram.groups[name]
        inside[group.parent] += [
            f"  subgraph cluster_{name} {{",
            f'    graph [{label_of([group.title])}, style="rounded,filled", color="#a0a0a0", '
            f'fillcolor="{KINDS[group.kind].light}60", fontname="Helvetica,Arial,sans-serif", fontsize="10", '
            'labeljust="l"];',
            *inside[name],
            "  }",
        ]
    lines[0] += "\n".join(inside[""])
    return "\n".join((*lines, *(f"  {a} -> {b};" for a, b in diagram.arrows), "}"))


def label_of(lines: Sequence[str]) -> str:
    return 'label="' + "\\n".join(map(escaped, lines)) + '"'


def escaped(text: str) -> str:
    """Escape text for a quoted DOT string."""
    return printed(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def printed(text: str) -> str:
    """Spell out characters that cannot be printed.

    Examples
    --------
    >>> print(printed("two\\nlines"))
    two\\nlines
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
