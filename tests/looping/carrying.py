"""Loops whose steps carry values, fill arrays, or write to them."""

from __future__ import annotations

from tests.looping.headers import RANGES, Kind, lines
from tests.looping.maker import LIKE, Maker

__all__ = ["CARRYING"]


def scan(g: Maker) -> str:
    """One value carried."""
    shape = g.chosen("0", "k", "k")
    h = g.new(shape)
    start = g.start(shape)
    leaves = [h, g.element() if shape == "0" else g.row()]
    leaves += [g.element()] * g.maybe(0.4) + [g.number()] * g.maybe(0.5)
    return lines(f"{h} = {start}", f"for i in {g.chosen(*RANGES)}:", f"    {h} = {g.bounded(*leaves)}")


def ahead(g: Maker) -> str:
    """Reads of the next element, and of every second one."""
    h, start = g.new("0"), g.start("0")
    if g.maybe(0.5):
        return lines(
            f"{h} = {start}", "for i in range(n - 1):", f"    {h} = {g.bounded(h, g.element(ahead=True), 'x[i + 1]')}"
        )
    return lines(
        f"{h} = {start}", "for i in range(n // 2):", f"    {h} = {g.bounded(h, g.element(double=True), 'y[2 * i + 1]')}"
    )


def several(g: Maker) -> str:
    """Several values carried, assigned together or one after the other."""
    shapes = [g.chosen("0", "k", "k", "0", "kk") for _ in range(g.pick.choice([2, 2, 3]))]
    starts = [g.start(s) for s in shapes]
    names = [g.new(s) for s in shapes]
    first = [f"{name} = {start}" for name, start in zip(names, starts, strict=True)]
    new = []
    for name, shape in zip(names, shapes, strict=True):
        others = [n for n, s in zip(names, shapes, strict=True) if n != name and s in ("0", shape)]
        others += [f"np.sum({n})" for n, s in zip(names, shapes, strict=True) if s not in ("0", shape)]
        leaf = g.element() if shape == "0" or g.maybe(0.4) else g.row()
        new.append(g.bounded(name, g.pick.choice(others or [leaf]), leaf))
    if g.maybe(0.5):
        body = [f"    {', '.join(names)} = {', '.join(new)}"]
    else:
        body = [f"    {name} = {x}" for name, x in zip(names, new, strict=True)]
    return lines(*first, f"for i in {g.chosen(*RANGES)}:", *body)


def two_steps(g: Maker) -> str:
    """A value depends on that of two steps before, or of three."""
    shape = g.chosen("0", "k")
    leaf = g.element() if shape == "0" else g.row()
    starts = [g.start(shape) for _ in range(3)]
    p, q, r = (g.new(shape) for _ in range(3))
    if g.maybe(0.6):
        body = f"    {p}, {q} = {q}, {g.bounded(p, q, leaf)}"
    else:
        body = f"    {p}, {q}, {r} = {q}, {r}, {g.bounded(p, r, leaf)}"
    first = [f"{name} = {start}" for name, start in zip((p, q, r), starts, strict=True)]
    return lines(*first, f"for i in {g.chosen(*RANGES)}:", body)


def rotated(g: Maker) -> str:
    """Values that change their places without being computed again."""
    a, b = g.start("k"), g.start("k")
    p, q = g.new("k"), g.new("k")
    body = g.chosen(
        f"    {p}, {q} = {q}, {p}\n    {p} = {g.bounded(p, g.row())}",
        f"    if i % 2:\n        {p} = {g.bounded(p, q, g.row())}\n    else:\n        {q} = {g.bounded(q, p)}",
        f"    {p}, {q} = {g.bounded(q, g.row())}, {p}",
    )
    return lines(f"{p} = {a}", f"{q} = {b}", "for i in range(n):", body)


def writes(g: Maker) -> str:
    """An array is filled, by earlier elements of it or without."""
    start = g.start("n")
    leaf, other = g.element(), g.element(ahead=True)
    out = g.new("n")
    return lines(
        f"{out} = {start}",
        g.chosen(
            f"for i in range(n):\n    {out}[i] = {g.bounded(leaf, g.element())}",
            f"for i in range(1, n):\n    {out}[i] = {g.bounded(f'{out}[i - 1]', leaf)}",
            f"for i in range(1, n):\n    {out}[i] += {out}[i - 1] * {g.bounded(leaf)}",
            f"for i in range(2, n):\n    {out}[i] = {g.bounded(f'{out}[i - 1]', f'{out}[i - 2]', leaf)}",
            f"for i in range(n - 2, -1, -1):\n    {out}[i] = {g.bounded(f'{out}[i + 1]', other)}",
            f"for i in range(n - 1):\n    {out}[i + 1] = {g.bounded(f'{out}[i]', other)}",
            f"for i in range(n):\n    {out}[n - 1 - i] *= {g.bounded(leaf)}",
            f"for i in range(n // 2):\n    {out}[2 * i] = {g.bounded(g.element(), f'{out}[2 * i + 1]')}",
            f"for i in range(n):\n    {out}[i] -= 0.3 * {g.bounded(f'{out}[i]', leaf)}",
            f"for i in range(1, n - 1):\n    {out}[i] = 0.3 * ({out}[i - 1] + {out}[i] + {out}[i + 1])",
            f"for i in range(n):\n    {out}[(3 * i) % n] = {g.bounded(leaf)}",
        ),
    )


def row_writes(g: Maker) -> str:
    """Rows or columns of an array are written."""
    start, leaf = g.start("nk"), g.row()
    out = g.new("nk")
    return lines(
        f"{out} = {start}",
        g.chosen(
            f"for i in range(n):\n    {out}[i] = {g.bounded(leaf, g.element())}",
            f"for i in range(1, n):\n    {out}[i] = {g.bounded(f'{out}[i - 1]', leaf)}",
            f"for i in range(1, n):\n    {out}[i, :] += 0.5 * {g.bounded(f'{out}[i - 1, :]', leaf)}",
            f"for i in range(n - 1):\n    {out}[i + 1] = np.tanh({out}[i] @ w + {g.row()})",
            f"for i in range(n - 2, -1, -1):\n    {out}[i] -= 0.4 * {g.bounded(f'{out}[i + 1]', leaf)}",
            f"for i in range(n):\n    {out}[i, 0] = {g.bounded(g.element(), f'{out}[i, -1]')}",
            f"for j in range(k):\n    {out}[:, j] = {g.bounded(g.of('n'), 'm[:, j]')}",
            f"for i in range(1, n):\n    {out}[i, 1:] = {g.bounded(f'{out}[i - 1, :-1]', 'm[i, 1:]')}",
            f"for i in range(n):\n    {out}[i] = {out}[i] - np.sum({out}[i]) * {leaf} / 9",
        ),
    )


def stencil(g: Maker) -> str:
    """Explicit steps of a heat equation and the like, in place and in two arrays."""
    start = g.start("n")
    u = g.new("n")
    v, old = f"v_{u}", f"old_{u}"
    change = f"0.2 * ({u}[2:] - 2 * {u}[1:-1] + {u}[:-2])"
    number = g.chosen("", f" + 0.01 * {g.number()}", " + 0.05 * x[1:-1]", " + 0.1 * np.sin(s)")
    steps = g.chosen("n", "n", "5", "9")
    body = g.chosen(
        f"    {u}[1:-1] = {u}[1:-1] + {change}{number}",
        f"    {u}[1:-1] += {change}{number}",
        f"    {v} = {u}.copy()\n    {v}[1:-1] = np.tanh({u}[1:-1] + {change}{number})\n    {u} = {v}",
        f"    {v} = np.zeros_like({u})\n    {v}[1:-1] = {u}[1:-1] + {change}{number}\n"
        f"    {v}[0] = {u}[1]\n    {u} = {v}",
        f"    {u}[1:] = {u}[1:] - 0.4 * ({u}[1:] - {u}[:-1]){number.replace('1:-1', '1:')}",
        f"    {u}[0] = {u}[1]\n    {u}[-1] = {u}[-2] * 0.9\n    {u}[1:-1] += {change}",
        f"    {u} = {u} + 0.3 * (np.roll({u}, 1) - {u}){number.replace('[1:-1]', '')}",
        f"    {u}[::2] = 0.5 * np.sin({u}[::2]){number.replace('1:-1', '::2')}\n    {u}[1::2] *= 0.9",
        f"    {u} = np.concatenate([{u}[1:], {u}[:1]]) * 0.9",
        f"    {u}[::-1] += 0.1 * {u}",
        f"    {v} = {u} - {old}\n    {old} = {u}.copy()\n    {u}[1:] = np.sin({u}[1:] + 0.5 * {v}[:-1])",
    )
    return lines(f"{u} = {start}", f"{old} = {u} * 0.5", f"for i in range({steps}):", body)


def plane(g: Maker) -> str:
    """Stencils in two dimensions."""
    u, start = g.new("nk"), g.start("nk")
    v = f"v_{u}"
    body = g.chosen(
        f"    {u}[1:-1, 1:-1] += 0.1 * ({u}[2:, 1:-1] + {u}[:-2, 1:-1] - 2 * {u}[1:-1, 1:-1])",
        f"    {v} = {u}.copy()\n    {v}[1:, :] -= 0.3 * {u}[:-1, :]\n"
        f"    {v}[:, 1:] += 0.2 * {u}[:, :-1]\n    {u} = {v}",
        f"    {u}[:, 0] = {u}[:, -1] * 0.5\n    {u}[1:-1] = np.sin({u}[:-2] + {u}[2:]) * 0.6",
        f"    {u} = {u} - 0.1 * {u}[::-1] * {g.number()}",
    )
    return lines(f"{u} = {start}", f"for i in range({g.chosen('6', 'n', '10')}):", body)


def ping_pong(g: Maker) -> str:
    """Two arrays that take turns."""
    first, second = g.start("n"), g.start("n")
    a, b = g.new("n"), g.new("n")
    body = g.chosen(
        f"    {b}[1:-1] = 0.4 * ({a}[2:] + {a}[:-2]) + 0.1 * {g.number()}",
        f"    {b}[:] = np.sin({a}) + 0.2 * {a}[::-1]",
        f"    {b}[1:] = np.tanh({a}[:-1] + x[1:])\n    {b}[0] = {a}[-1] * 0.5",
        f"    {b}[...] = 0.5 * {b} + {a} * 0.4",
    )
    return lines(
        f"{a} = {first}",
        f"{b} = {second}",
        f"for i in range({g.chosen('n', '7', '8')}):",
        body,
        f"    {a}, {b} = {b}, {a}",
    )


def appended(g: Maker) -> str:
    """Values are put into a list, and joined at the end."""
    shape = g.chosen("0", "k")
    start = g.start(shape)
    h = g.new(shape)
    items = f"list_{h}"
    leaf = g.element() if shape == "0" else g.row()
    item = g.chosen(h, h, f"{h} * {h}", f"{g.mixed(h, leaf)}", f"{h} + 0.1 * i")
    result = g.new("n" if shape == "0" else "nk")
    joins = [
        f"np.stack({items})",
        f"np.array({items}{LIKE})",
        f"np.array({items}{LIKE})",
        f"np.stack({items}[::-1])",
        f"np.stack({items}) * 0.5",
    ]
    if shape == "k":
        joins += [f"np.stack({items}, axis=1).T", f"np.concatenate({items}).reshape(n, k)", f"np.vstack({items})"]
        joins += [f"np.concatenate([a[None] for a in {items}])"]
    joins += [f"np.stack([{items}[j] for j in range(n)])", f"np.stack([{items}[j - 1] * {items}[j] for j in range(n)])"]
    return lines(
        f"{h} = {start}",
        f"{items} = []",
        f"for i in {g.chosen('range(n)', 'range(n)', 'range(n - 1, -1, -1)')}:",
        f"    {h} = {g.bounded(h, leaf)}",
        f"    {items}.append({item})",
        f"{result} = {g.pick.choice(joins)}",
    )


def sums(g: Maker) -> str:
    """Sums and products over the steps."""
    t = g.new("0")
    h, start = g.new("k"), g.start("k")
    term = g.chosen(
        f"np.sum({h})", f"{h} @ {h}", g.mixed(g.element(), g.element()), f"{h}[0] * {h}[-1]", f"np.max({h})"
    )
    body = g.chosen(
        f"    {t} = {t} + 0.2 * {term}",
        f"    {t} += 0.1 * {term}",
        f"    {t} -= {term} / (n + i)",
        f"    {t} = {t} * 0.5 + {term} * 0.2",
        f"    {t} = np.maximum({t}, {term})",
        f"    {t} = np.logaddexp({t}, {term}) * 0.5",
    )
    return lines(
        f"{t} = {g.chosen('0.0', '0', '1.0', 's', 'np.sum(x)', f'np.zeros((){LIKE})')}",
        f"{h} = {start}",
        "for i in range(n):",
        f"    {h} = {g.bounded(h, g.row())}",
        body,
    )


def ends_differ(g: Maker) -> str:
    """The first or the last step is another, or every second one."""
    start, leaf = g.start("k"), g.row()
    h = g.new("k")
    test = g.chosen(
        "i == 0", "i == n - 1", "i % 2", "i % 3 == 1", "i > 3", "i == n // 2", "i in (0, n - 1)", "i < n - 2"
    )
    return lines(
        f"{h} = {start}",
        "for i in range(n):",
        f"    if {test}:",
        f"        {h} = {g.bounded(h, leaf, '0.5')}",
        g.chosen("", "    else:\n" + f"        {h} = {g.bounded(h, g.row())}\n")
        + f"    {h} = 0.7 * {h} + {g.bounded(leaf)}",
    )


def forth_and_back(g: Maker) -> str:
    """A loop reads what one before it has made at each step: forwards, backwards, or from the middle."""
    shape = g.chosen("0", "k")
    start, leaf = g.start(shape), g.element() if shape == "0" else g.row()
    h, b = g.new(shape), g.new(shape)
    items = f"list_{h}"
    header, item = g.pick.choice(
        [
            ("for i in range(n - 1, -1, -1):", f"{items}[i]"),
            ("for i in range(n):", f"{items}[i]"),
            (f"for a in reversed({items}):", "a"),
            ("for i in range(n):", f"{items}[n - 1 - i]"),
            ("for i in range(1, n):", f"({items}[i] - {items}[i - 1])"),
            (f"for i, a in enumerate({items}[::2]):", "a"),
            (f"for i, (a, c) in enumerate(zip({items}, {items}[1:])):", "(a * c)"),
            ("for i in range(n // 2):", f"{items}[2 * i + 1]"),
            ("for i in range(n):", f"{items}[-1]"),
        ]
    )
    leaves = [b, item] + ([g.element() if shape == "0" else g.row()] if "i" in header.split("in")[0].split() else [])
    return lines(
        f"{h} = {start}",
        f"{items} = []",
        "for i in range(n):",
        f"    {h} = {g.bounded(h, leaf)}",
        f"    {items}.append({h})",
        f"{b} = {h} * 0.5",
        header,
        f"    {b} = {g.bounded(*leaves)}",
    )


def written_then_read(g: Maker) -> str:
    """A loop reads the elements that one before it has written, maybe into the same array."""
    start = g.start("n")
    out, back = g.new("n"), g.new("n")
    first = f"for i in range(1, n):\n    {out}[i] = {g.bounded(f'{out}[i - 1]', g.element())}"
    target, makes = (out, f"{back} = {out} * 0.5") if g.maybe(0.4) else (back, f"{back} = np.zeros(n{LIKE})")
    second = g.chosen(
        f"for i in range(n - 2, -1, -1):\n    {target}[i] = {g.bounded(f'{target}[i + 1]', f'{out}[i]')}",
        f"for i in range(n):\n    {target}[i] = {g.bounded(f'{out}[n - 1 - i]')}",
        f"for i in range(1, n):\n    {target}[i] += {g.bounded(f'{out}[i - 1]', f'{out}[i]')}",
    )
    return lines(f"{out} = {start}", first, makes, second)


CARRYING: tuple[Kind, ...] = (
    *(scan, ahead, several, two_steps, rotated, writes, row_writes),
    *(stencil, plane, ping_pong, appended, sums, ends_differ, forth_and_back, written_then_read),
)
