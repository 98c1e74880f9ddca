"""A diagram as SVG: for light and dark pages, with all text escaped."""

from __future__ import annotations

from html import escape

from wengert.drawing.diagram import KINDS, Box, Diagram, printed
from wengert.drawing.layout import FONT, LINE, TITLE, Course, Layout, Rectangle, layout_of

__all__ = ["STYLE", "course_path", "scrolled", "svg_of", "svg_text"]

MARGIN = 8
FAMILY = "Helvetica, Arial, sans-serif"
# The rules hold on the whole page that a picture is put into: all begin with the class of the picture. A page says by
# an attribute whether it is dark (the PyData theme and Jupyter do); elsewhere the reader's settings hold.


def style() -> str:
    """The style sheet of a picture."""

    def fills(dark: bool, before: str = "") -> list[str]:
        lines = [
            f"{before}.wengert-picture .{name} {{ fill: {kind.dark if dark else kind.light} }}"
            for name, kind in KINDS.items()
        ]
        ink = "#f0f0f0" if dark else "#1a1a1a"
        lines.append(f"{before}.wengert-picture .panel {{ fill: {'#1d2126' if dark else '#fafafa'} }}")
        blue = "#7db1ff" if dark else "#1f5fbf"
        lines.append(f"{before}.wengert-picture .validation {{ stroke: {blue} }}")
        return [*lines, f"{before}.wengert-picture text {{ fill: {ink} }}"]

    light = [
        f".wengert-picture {{ font: {FONT}px {FAMILY}; max-width: 100%; height: auto }}",
        ".wengert-picture rect { stroke: #808080 }",
        ".wengert-picture .marked { stroke: #d0342c; stroke-width: 2 }",
        ".wengert-picture .around { fill-opacity: 0.35; stroke: #a0a0a0 }",
        ".wengert-picture .arrow { fill: none; stroke: #808080 }",
        ".wengert-picture .head { fill: #808080 }",
        ".wengert-picture .panel { stroke: none }",
        ".wengert-picture .curve { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round }",
        ".wengert-picture .batches { stroke: #80808070; stroke-width: 1 }",
        ".wengert-picture .training { stroke: #d9822b }",
        ".wengert-picture .grid { stroke: #80808050 }",
        ".wengert-scroll { overflow-x: auto }",
        ".wengert-scroll .wengert-picture { max-width: none }",
        ".wengert-picture text { text-anchor: middle; white-space: pre }",
        ".wengert-picture .title { text-anchor: start; font-size: 10px }",
        ".wengert-picture .number { text-anchor: end }",
        ".wengert-picture .behind { text-anchor: start }",
        ".wengert-picture .first { font-weight: bold }",
    ]
    media = ["@media (prefers-color-scheme: dark) {", *fills(True), "}"]
    themes = [line for theme in ("dark", "light") for line in fills(theme == "dark", f'html[data-theme="{theme}"] ')]
    for value in ("false", "true"):
        themes += fills(value == "false", f'body[data-jp-theme-light="{value}"] ')
    return "\n".join([*light, *fills(False), *media, *themes])


STYLE = style()


def svg_of(diagram: Diagram, description: str) -> str:
    """Draw a diagram; `description` is read aloud in place of the picture."""
    layout = layout_of(diagram)
    parts = [group_of(diagram.groups[name].title, diagram.groups[name].kind, layout.groups[name]) for name in
             diagram.groups]  # fmt: skip
    parts += arrows_of(layout)
    parts += [box_of(box, layout.boxes[box.name]) for box in diagram.boxes]
    return svg_text(parts, layout.width, layout.height, description)


def svg_text(parts: list[str], width: float, height: float, description: str) -> str:
    """Put what is drawn into an SVG element of a size."""
    across, down = number(width + 2 * MARGIN), number(height + 2 * MARGIN)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="wengert-picture" width="{across}" height="{down}" '
            f'viewBox="{-MARGIN} {-MARGIN} {across} {down}" role="img">',
            f"<title>{text_of(description)}</title>",
            f"<style>{STYLE}</style>",
            *parts,
            "</svg>",
        )
    )


def scrolled(svg: str) -> str:
    """Put a picture into a page at its size: a wide one scrolls in its place, and the page does not."""
    return f'<div class="wengert-scroll">{svg}</div>'


def group_of(title: str, kind: str, at: Rectangle) -> str:
    """Draw a group, with its title above its content."""
    return (
        f'<g class="group"><rect {corners(at)} rx="8" class="{kind} around"/>'
        f'<text class="title" x="{number(at.x + 10)}" y="{number(at.y + TITLE - 7)}">{text_of(title)}</text></g>'
    )


def box_of(box: Box, at: Rectangle) -> str:
    """Draw a box with its lines of text in the middle."""
    middle = number(at.x + at.width / 2)
    first = at.y + (at.height - LINE * len(box.lines)) / 2 + LINE - 3.5
    bold = ' class="first"' if len(box.lines) > 1 else ""
    texts = "".join(
        f'<text x="{middle}" y="{number(first + i * LINE)}"{"" if i else bold}>{text_of(line)}</text>'
        for i, line in enumerate(box.lines)
    )
    radius = min(at.height / 2, 14) if KINDS[box.kind].is_round else 3
    marked = " marked" if box.marked else ""
    return (
        f'<g class="box" data-name="{text_of(box.name)}"><rect {corners(at)} rx="{number(radius)}" '
        f'class="{box.kind}{marked}"/>{texts}</g>'
    )


def arrows_of(layout: Layout) -> list[str]:
    """Draw the arrows: all that come from one box are one path."""
    paths: dict[str, list[str]] = {}
    heads: list[str] = []
    for course in layout.courses:
        paths.setdefault(course.net, []).append(course_path(course))
        if course.has_head:
            x, y = course.end_x, course.end_y
            heads.append(f"M{number(x)} {number(y)}l-3.2 -7h6.4z")
    found = [f'<path class="arrow" data-from="{text_of(net)}" d="{"".join(parts)}"/>' for net, parts in paths.items()]
    return [*found, f'<path class="head" d="{"".join(heads)}"/>'] if heads else found


def course_path(course: Course) -> str:
    """The path of a part of an arrow."""
    x, y, bottom, top, end_x, end_y, has_head, _ = course
    end = end_y - 3 if has_head else end_y
    middle = (bottom + top) / 2
    if abs(x - end_x) < 0.05:
        return f"M{number(x)} {number(y)}V{number(end)}"
    down = f"V{number(bottom)}" if bottom > y else ""
    return (
        f"M{number(x)} {number(y)}{down}C{number(x)} {number(middle)} {number(end_x)} {number(middle)} "
        f"{number(end_x)} {number(top)}V{number(end)}"
    )


def corners(at: Rectangle) -> str:
    return f'x="{number(at.x)}" y="{number(at.y)}" width="{number(at.width)}" height="{number(at.height)}"'


def number(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def text_of(text: str) -> str:
    """Escape a text for SVG; what XML cannot hold is spelled out."""
    return escape(printed(text))
