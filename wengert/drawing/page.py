"""The interactive page: one file, in which one steps through a graph, forward and backward.

All is computed here: values, gradients, texts, and in which row of its group each box is. The page (`page.js`) finds
coordinates for the groups that are open, and shows what is known at a step. It loads nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from wengert.core.variable import array_of
from wengert.drawing.diagram import KINDS, Box, Diagram, printed
from wengert.drawing.folding import Folded, layers_of, stretches
from wengert.drawing.layers import levels_of
from wengert.drawing.layout import FONT, size_of, text_width
from wengert.drawing.steps import backward_steps, values_of
from wengert.drawing.summaries import full, short

__all__ = ["page_of", "page_of_graph"]

LARGE = 80  # boxes: graphs of more begin with closed groups
STRETCHED = 120  # calls: graphs of more are folded also where no layers are known
NOT_KEPT = "not kept: backward does not need it"


def page_of_graph(diagram: Diagram, title: str, sheet: Any) -> str:
    """Write the page of a graph: `sheet` knows the calls and the Variables of its boxes."""
    calls = sheet.functions
    folded = layers_of(calls, sheet.layer_names())
    if not folded.groups and len(calls) > STRETCHED:
        folded = stretches(calls)
    diagram = grouped(diagram, folded)
    values = initial_values(sheet)
    steps: list[dict[str, Any]] = [
        {"phase": "start", "box": "", "text": "the leaves have values", "values": values, "gradients": {}}
    ]
    known = values_of(calls, sheet.roots)
    drawn = {box.name for box in diagram.boxes}
    for f in calls:
        number = sheet.numbers[id(f)]
        results = {box: texts_of(known[id(f), i]) for i, box in enumerate(sheet.results_of(f)) if box in drawn}
        steps.append({"phase": "forward", "box": f"f{number}", "text": f.name, "values": results, "gradients": {}})
    note = ""
    walked = backward_steps(sheet.roots[0]) if len(sheet.roots) == 1 else "several values are drawn, and none is first"
    if isinstance(walked, str):
        note = f"No gradients: {walked}."
    else:
        steps += gradient_steps(sheet, walked)
    return page_of(diagram, title, steps, note)


def initial_values(sheet: Any) -> dict[str, list[str]]:
    """The texts of the leaves."""
    return {box: texts_of(array_of(x)) for box, x in sheet.leaf_boxes.items()}


def texts_of(array: Any) -> list[str]:
    """An array in a line, and in full."""
    return ["not kept", NOT_KEPT] if array is None else [short(array), full(array)]


def gradient_steps(sheet: Any, walked: Iterable[Any]) -> list[dict[str, Any]]:
    """The steps of a walk; a box shows the gradient that has come so far."""
    steps: list[dict[str, Any]] = []
    for call, gradients in walked:
        shown = {}
        for edge, gradient in gradients:
            box = sheet.box_of(edge)
            if box is not None:
                shown[box] = texts_of(gradient)
        box = "" if call is None else f"f{sheet.numbers[id(call)]}"
        text = "the gradients of the leaves are complete" if steps else "the gradient of the result is 1"
        steps.append(
            {"phase": "backward", "box": box, "text": text if call is None else call.name, "values": {},
             "gradients": shown}
        )  # fmt: skip
    return steps


def grouped(diagram: Diagram, folded: Folded) -> Diagram:
    """Put the boxes of a graph into groups: leaves into the innermost that has all calls that take them."""
    of = {f"f{i}": name for i, name in enumerate(folded.of, 1)}
    users: dict[str, list[str]] = {}
    for start, end in diagram.arrows:
        if start in of and end not in of:
            of[end] = of[start]
    for start, end in diagram.arrows:
        users.setdefault(start, []).append(of.get(end, ""))
    parents = {name: group.parent for name, group in folded.groups.items()}

    def around(name: str) -> list[str]:
        found = [name]
        while found[-1]:
            found.append(parents[found[-1]])
        return found

    boxes = []
    for box in diagram.boxes:
        group = of.get(box.name)
        if group is None and box.kind == "leaf":  # (data comes from outside of the layers)
            group = ""
        elif group is None:
            ways = [around(name) for name in users.get(box.name, [""])]
            group = next(name for name in ways[0] if all(name in way for way in ways))
        boxes.append(box._replace(group=group))
    return diagram._replace(boxes=boxes, groups=folded.groups)


def page_of(diagram: Diagram, title: str, steps: list[dict[str, Any]], note: str = "") -> str:
    """Write the page of a diagram, with steps or none."""
    widest: dict[str, float] = {}
    shows: set[str] = set()
    for step in steps:
        for box, (line, _) in (*step["values"].items(), *step["gradients"].items()):
            widest[box] = max(widest.get(box, 0.0), text_width(line) + 12)
            shows.add(box)
    data = {
        "title": title,
        "boxes": {box.name: described(box, widest.get(box.name), box.name in shows) for box in diagram.boxes},
        "groups": {
            name: {
                "title": printed(group.title),
                "kind": group.kind,
                "parent": group.parent,
                "width": round(text_width(printed(group.title), FONT - 1) + 2 * FONT, 1),
                "count": 0,
            }
            for name, group in diagram.groups.items()
        },
        "levels": {
            name: {
                "items": [list(item) for item in level.items],
                "rows": level.rows,
                "segments": [list(s) for s in level.segments],
                "straight": [list(s) for s in level.straight],
            }
            for name, level in levels_of(diagram).items()
        },
        "steps": steps,
        "note": note,
        "closed": len(diagram.boxes) > LARGE,
    }
    for box in diagram.boxes:
        name = box.group
        while name:
            data["groups"][name]["count"] += 1  # type: ignore[index]
            name = diagram.groups[name].parent
    folder = Path(__file__).parent
    text = (folder / "page.html").read_text("utf-8")
    fills = {
        "TITLE": escape(title),
        "STYLE": (folder / "page.css").read_text("utf-8") + fills_of_kinds(),
        "DATA": in_script(data),
        "SCRIPT": (folder / "page.js").read_text("utf-8"),
    }
    parts = text.split("@@")  # what stands between two marks is a name
    return "".join(fills[part] if i % 2 else part for i, part in enumerate(parts))


def described(box: Box, wide: float | None, has_values: bool) -> dict[str, Any]:
    """A box as the page needs it; one that shows values has space for two more lines."""
    lines = (*box.lines, "", "") if has_values else box.lines
    width, height = size_of(box._replace(lines=lines))
    return {
        "lines": [printed(line) for line in box.lines],
        "kind": box.kind,
        "round": KINDS[box.kind].is_round,
        "marked": box.marked,
        "width": max(width, wide or 0.0),
        "height": height,
        "values": has_values,
    }


def fills_of_kinds() -> str:
    """The colours of boxes, as variables of the style sheet."""
    light = "".join(f"--{name}: {kind.light}; " for name, kind in KINDS.items())
    dark = "".join(f"--{name}: {kind.dark}; " for name, kind in KINDS.items())
    rules = "".join(f"rect.{name} {{ fill: var(--{name}) }}\n" for name in KINDS)
    return f"\n:root {{ {light}}}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n{rules}"


def in_script(data: Any) -> str:
    """JSON that no text in it can end: it stands inside a script element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
