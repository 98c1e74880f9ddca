"""Loops in loops, and loops whose steps do more: products, indices, branches, tables, functions."""

from __future__ import annotations

from tests.looping.headers import RANGES, Kind, lines
from tests.looping.maker import LIKE, Maker

__all__ = ["NESTED"]


def nested(g: Maker) -> str:
    """A loop in a loop."""
    h, start = g.new("0"), g.start("0")
    c, other = g.new("k"), g.start("k")
    u = g.new("nk")
    body = g.chosen(
        f"    for j in range(k):\n        {h} = {g.bounded(h, 'm[i, j]')}",
        f"    for j in range(4):\n        {h} = {g.bounded(h, g.element('j'))}\n    {c} = {g.bounded(c, h, 'm[i]')}",
        f"    for j in range(i):\n        {h} = {g.bounded(h, 'x[i]', 'y[j]')}",
        f"    t = 0.0\n    for j in range(i):\n        t = t + {u}[j, 0] * x[j]\n    {u}[i] = {g.bounded('t', 'm[i]')}",
        f"    for j in range(k):\n        {u}[i, j] = {g.bounded(f'{u}[i - 1, j]', f'{u}[i, j - 1]')}",
        f"    for j in range(5):\n        {c} = {g.bounded(c, 'w[0]')}\n"
        f"    {h} = {g.bounded(h, f'np.sum({c})', g.element())}",
        f"    d = {c}\n    for j in range(3):\n        d = {g.bounded('d', c)}\n    {c} = {g.bounded('d', 'm[i]')}",
        f"    for j in range(i + 1, n):\n        {u}[j] = {u}[j] - 0.1 * np.sin(x[i]) * {u}[i]",
        f"    for j in range(n - 1, i, -1):\n        {u}[j] = np.sin({u}[j] + {u}[j - 1])",
    )
    return lines(f"{h} = {start}", f"{c} = {other}", f"{u} = {g.start('nk')}", "for i in range(n):", body)


def triangular(g: Maker) -> str:
    """Factorizations and solutions of triangular systems, by loops."""
    a, out = g.new("kk"), g.new("kk")
    z = g.new("n")
    return g.chosen(
        lines(
            f"{a} = w @ w.T + 2 * np.eye(k{LIKE})",
            f"{out} = np.zeros((k, k){LIKE})",
            f"{z} = x * 1.0",
            "for i in range(k):",
            "    for j in range(i + 1):",
            f"        t = {a}[i, j]",
            "        for l in range(j):",
            f"            t = t - {out}[i, l] * {out}[j, l]",
            f"        {out}[i, j] = np.sqrt(t) if i == j else t / {out}[j, j]",
        ),
        lines(
            f"{a} = 0.1 * x[:, None] * y[None, :] + np.eye(n{LIKE})",
            f"{out} = w * 1.0",
            f"{z} = {g.start('n')}",
            "for i in range(n):",
            "    t = x[i]",
            "    for j in range(i):",
            f"        t = t - {a}[i, j] * {z}[j]",
            f"    {z}[i] = np.sin(t / {a}[i, i])",
            f"{a} = w",
        ),
        lines(
            f"{a} = 0.1 * w + 2 * np.eye(k{LIKE})",
            f"{out} = np.eye(k{LIKE})",
            f"{z} = y * 1.0",
            "for j in range(k):",
            "    for i in range(j + 1, k):",
            f"        {out}[i, j] = {a}[i, j] / {a}[j, j]",
            f"        {a}[i, j:] -= {out}[i, j] * {a}[j, j:]",
        ),
        lines(
            f"{a} = 0.1 * w + np.eye(k{LIKE})",
            f"{out} = w * 1.0",
            f"{z} = x * 1.0",
            "for i in range(n):",
            f"    {z}[i] = np.sin({z}[i] - 0.1 * np.dot(y[:i], {z}[:i]))",
        ),
    )


def products(g: Maker) -> str:
    """Matrix products and reductions in each step."""
    h, start = g.new("k"), g.start("k")
    p, other = g.new("kk"), g.start("kk")
    body = g.chosen(
        f"    {h} = np.tanh(w @ {h} + {g.row()})",
        f"    {h} = np.tanh({h} @ w + {g.row()} * {g.element()})",
        f"    {h} = {h} / np.sqrt(1 + np.sum({h} * {h})) + 0.1 * {g.row()}",
        f"    {h} = w @ {h}\n    {h} = {h} / np.sqrt(0.1 + {h} @ {h})",
        f"    {p} = np.sin({p} @ w + np.outer({g.row()}, {h}))",
        f"    {p} = 0.5 * {p} @ w.T + 0.1 * {g.number()}\n    {h} = np.tanh({p} @ {h})",
        f"    {h} = {h} - np.mean({h}) + 0.1 * {g.row()}",
        f"    e = np.exp({h} - np.max({h}))\n    {h} = e / np.sum(e) + {g.row()}",
        f"    {h} = np.sin(np.einsum('ij,j->i', w, {h}) + {g.row()})",
        f"    {p} = {p} + 0.1 * (w @ {p} + {p} @ w.T) - 0.05 * np.outer({h}, {h})",
        f"    {h} = np.tanh(np.concatenate([{h}[1:], {h}[:1]]) + {g.row()} * np.prod({h}))",
        f"    {h} = np.cumsum({h}) * 0.2 + {g.row()}",
    )
    return lines(f"{h} = {start}", f"{p} = {other}", f"for i in {g.chosen(*RANGES)}:", body)


def indexed(g: Maker) -> str:
    """Indices that are arrays, and tables of indices."""
    h, start = g.new("n"), g.start("n")
    t = g.new("0")
    index = f"index_{h}"
    body = g.chosen(
        f"    {h} = np.sin({h}[{index}]) + 0.1 * {g.element()}",
        f"    {t} = {g.bounded(t, f'x[{index}[i]]')}",
        f"    {h}[{index}[i]] = {g.bounded(t, f'{h}[{index}[i - 1]]')}",
        f"    {h}[{index}[:2]] += 0.1 * x[:2]",
        f"    {t} = {g.bounded(t, f'np.take({h}, {index}[:2]).sum()')}",
        f"    {h}[{h} > 0.3] *= 0.8\n    {t} = {t} + 0.1 * {h}[0]",
        f"    {t} = {g.bounded(t, 'm[i, i % 2]')}",
        f"    {h} = np.where(np.arange(n) == i, {h} * 0.5, np.sin({h}))",
        f"    {t} = {t} * 0.5 + np.sum({h}[: i + 1]) * 0.05",
        f"    {t} = {t} * 0.5 + np.sum({h}[i:]) * 0.05",
        f"    {h}[i:] = {h}[i:] * 0.9",
        f"    {t} = np.sin({t} + {h}[np.argmax({h})])",
    )
    return lines(
        f"{h} = {start}", f"{t} = {g.start('0')}", f"{index} = (3 * np.arange(n) + 1) % n", "for i in range(n):", body
    )


def leaves_early(g: Maker) -> str:
    """The values decide how many steps there are."""
    h, start, leaf = g.new("0"), g.start("0"), g.element()
    c, row = g.new("k"), g.row()
    bound = g.chosen("0.4", "0.8", "0.1", "0.6", "s", "x[0]")
    step = g.bounded(h, leaf)
    body = g.chosen(
        f"for i in range(n):\n    {h} = {step}\n    {c} = {c} * 0.5 + {row}\n    if {h} > {bound}:\n        break",
        f"for i in range(n):\n    if {h} > {bound}:\n        break\n    {h} = {step}",
        f"i = 0\nwhile i < n and {h} < {bound}:\n    {h} = {step}\n    {c} = np.tanh({c} + {row})\n    i += 1",
        f"i = 0\nwhile i < n:\n    {h} = {step}\n    i += 1",
        f"for i in range(n):\n    {h} = {step}\n    if {h} > {bound}:\n        continue\n    {c} = {c} * 0.5 + {row}",
        f"for i in range(n):\n    if {h} > {bound}:\n        {h} = {h} * 0.5\n    else:\n        {h} = {step}",
        f"for i in range(n):\n    {h} = {step}\n    if np.sum({c}) > 2.0:\n        break\n    {c} = {c} + 0.2",
        f"i = 0\nwhile np.max(np.abs({c})) > 0.05 and i < n:\n    {c} = {c} * 0.6\n    i += 1",
        f"for i in range(n):\n    {h} = {step} if {bound} > x[i] else {h} - 0.1",
    )
    return lines(f"{h} = {start}", f"{c} = {g.start('k')}", body)


def tables(g: Maker) -> str:
    """Constants and arrays of each step, out of lists."""
    h, start, leaf = g.new("k"), g.start("k"), g.row()
    items = f"list_{h}"
    made, header, item = g.pick.choice(
        [
            ("[np.cos(0.3 * j + np.arange(k)) for j in range(n)]", f"for a in {items}:", "a"),
            ("[np.cos(0.3 * j + np.arange(k)) for j in range(n)]", f"for i, a in enumerate({items}):", "a"),
            ("[0.5 * w + 0.1 * j for j in range(n)]", f"for a in {items}:", f"a @ {h}"),
            (
                "[np.cos(0.3 * j + np.arange(k * k).reshape(k, k)) / 4 for j in range(n)]",
                f"for a in {items}:",
                f"a @ {h}",
            ),
            ("list(m)", f"for a in {items}:", "a"),
            ("m", f"for i, a in enumerate({items}):", "a"),
            ("m[::-1]", f"for a, b in zip({items}, x):", "a * b"),
            ("[0.1, -0.4, 0.7, 0.2, 0.9, 0.33, -0.2, 0.5]", f"for a in {items}:", "a"),
            ("np.linspace(0.0, 1.0, n + 1)", f"for i in range(n):\n    a = {items}[i + 1] - {items}[i]", "a"),
            ("np.linspace(0.0, 1.0, n)", f"for a in {items}:", "a"),
            ("[(j % 2) * 1.0 for j in range(n)]", f"for i in range(n):\n    a = {items}[i]", "a"),
            ("np.arange(n)", f"for i in range(n):\n    a = {items}[i] * 0.1", "a"),
        ]
    )
    if "for i" not in header:
        leaf = "s"
    return lines(f"{h} = {start}", f"{items} = {made}", header, f"    {h} = {g.bounded(h, item, leaf)}")


def kept(g: Maker) -> str:
    """Integers and booleans carried from step to step, of Python and of NumPy."""
    h, start, leaf = g.new("k"), g.start("k"), g.row()
    c = g.new("k")
    step = f"    {h} = {g.bounded(h, leaf)}"
    first, body = g.pick.choice(
        [
            ("0", f"    {c} = {c} + ({h} > 0.1)"),
            (f"np.zeros(k, dtype=bool{LIKE})", f"    {c} = {c} | ({h} > 0.5)"),
            (f"np.zeros(k, dtype=int{LIKE})", f"    {c} = np.where({h} > 0.2, {c} + 1, {c})"),
            (f"np.zeros(k, dtype=int{LIKE})", f"    {c} = {c} + i\n    {h} = {h} * 0.5 + 0.01 * {c}"),
            ("np.arange(k)", f"    {c} = ({c} * 3 + 1) % 7\n    {h} = {h} + 0.05 * {c}"),
            ("0.0", f"    {c} = {c} + 0.1\n    {h} = np.sin({h} + {c})"),
            ("1", f"    {c} = -{c}\n    {h} = np.sin({h} * 0.5 + {c})"),
            ("1.0", f"    {c} *= 0.9\n    {h} = {h} * {c}"),
            (f"np.ones(k, dtype=bool{LIKE})", f"    {c} = ~{c} & ({h} < 0.3)\n    {h} = np.where({c}, {h}, 0.5 * {h})"),
            ("np.float32(0.5)", f"    {c} = {c} * np.float32(0.9)\n    {h} = {h} + {c}"),
        ]
    )
    return lines(f"{h} = {start}", f"{c} = {first}", "for i in range(n):", step, body, f"{c} = {c} * np.ones(k)")


def steps_of_functions(g: Maker) -> str:
    """Steps that are functions: Runge and Kutta's, leapfrog, cells of networks."""
    q, first = g.new("k"), g.start("k")
    p, second = g.new("k"), g.start("k")
    field, dt = f"field_{q}", g.chosen("0.1", "0.2", "s * 0.1", "1 / n")
    formula = g.chosen(
        "np.sin(a) * s + t", "-a + 0.1 * w @ a", "a - a ** 3 / 3 + t", "np.exp(-a * a) * w[0]", "-a / (0.5 + a * a)"
    )
    body = g.chosen(
        f"    a = {field}({q}, i * {dt})\n    b = {field}({q} + 0.5 * {dt} * a, (i + 0.5) * {dt})\n"
        f"    c = {field}({q} + 0.5 * {dt} * b, (i + 0.5) * {dt})\n    d = {field}({q} + {dt} * c, (i + 1) * {dt})\n"
        f"    {q} = {q} + {dt} / 6 * (a + 2 * b + 2 * c + d)",
        f"    {p} = {p} - {dt} * {field}({q}, 0.0)\n    {q} = {q} + {dt} * {p}",
        f"    {q} = {q} + {dt} * {field}({q}, i * {dt})",
        f"    g = 1 / (1 + np.exp(-(w @ {q} + {g.row()})))\n    {p} = g * {p} + (1 - g) * np.tanh({q})\n"
        f"    {q} = g * np.tanh({p})",
        f"    {p} = 0.9 * {p} + 0.1 * {field}({q}, 0.1)\n    {q} = {q} - 0.1 * {p} / np.sqrt({p} * {p} + 0.1)",
    )
    return lines(
        f"{q} = {first}",
        f"{p} = {second}",
        f"{field} = lambda a, t: {formula}",
        f"for i in range({g.chosen('n', '6', '10')}):",
        body,
    )


def checkpointed(g: Maker) -> str:
    """Steps whose values are computed again for the gradient."""
    h, start = g.new("k"), g.start("k")
    t = g.new("0")
    step = f"step_{h}"
    formula = g.bounded("a", "b", g.chosen("0.3", "s"))
    body = g.chosen(
        f"    {h} = {step}({h}, m[i])",
        f"    {h} = {step}({h}, x[i])\n    {t} = {t} * 0.5 + np.sum({h})",
        f"    if i % 3 == 0:\n        {h} = {step}({h}, m[i])\n    else:\n        {h} = {h} * 0.9",
        f"    {h} = {step}({h} * x[i], w[0]) + {step}({h}, m[i - 1])",
    )
    return lines(
        f"{h} = {start}",
        f"{t} = {g.start('0')}",
        f"{step} = checkpoint(lambda a, b: {formula})",
        "for i in range(n):",
        body,
    )


def into_inputs(g: Maker) -> str:
    """Arrays of the caller are written to."""
    leaf = g.element()
    return g.chosen(
        f"for i in range(n):\n    y[i] = {g.bounded('y[i]', 'x[i]')}",
        "for i in range(1, n):\n    y[i] += 0.5 * y[i - 1]",
        f"for i in range(n):\n    m[i] *= {g.bounded(leaf)}",
        "for i in range(n - 1):\n    m[i + 1] = np.tanh(w @ m[i])",
        "for i in range(6):\n    x[1:-1] += 0.1 * (x[2:] - x[:-2])",
        "for i in range(7):\n    w *= 0.9\n    w += 0.01 * i",
        "for i in range(n):\n    x *= 0.95\n    y[i] = np.sum(x) * 0.1",
        "for i in range(n):\n    y[n - 1 - i] = x[i] * 0.5\n    x[i] = y[i] + 0.1",
    )


def shapes(g: Maker) -> str:
    """Broadcasting, axes, and arrays without dimensions or elements in each step."""
    h, start = g.new("kk"), g.start("kk")
    c, other = g.new("k"), g.start("k")
    e = f"empty_{h}"
    body = g.chosen(
        f"    {h} = np.sin({h} + {g.row()}[:, None] * {g.element()})",
        f"    {h} = np.tanh({h} * {g.row()} + {h}.T)",
        f"    {c} = np.sin(np.sum({h} * {c}, axis=0) + x[i])",
        f"    {h} = 0.9 * {h}\n    {h}[0] = {c}\n    {c} = np.sin({h}[-1] + x[i])",
        f"    {e} = {e} * 0.5 + x[i]\n    {c} = {c} * 0.9 + np.sum({e})",
        f"    {c} = np.sin({c}[::-1] + {h}[i % k])",
        f"    {c} = ({c}.reshape(1, k) * 0.9 + m[i]).reshape(k)",
        f"    {h} = np.stack([np.sin({h}[0] + x[i]), *{h}[1:]])",
        f"    {h} = np.broadcast_to({c}, (k, k)) * 0.5 + {h}.swapaxes(0, 1) * {g.number()}",
        f"    {c} = np.sin(np.squeeze({c}[None, :] @ w) + np.asarray(x[i]))",
    )
    return lines(f"{h} = {start}", f"{c} = {other}", f"{e} = np.zeros((0,){LIKE})", "for i in range(n):", body)


def one_line(g: Maker) -> str:
    """Sums and lists by generators; powers; chains of functions."""
    t = g.new("0")
    return lines(
        f"{t} = "
        + g.chosen(
            f"sum({g.bounded(g.element(), g.element())} for i in range(n))",
            "sum([np.sin(x[i]) * m[i, 0] for i in range(n)], 0.0)",
            "sum(np.sum(np.sin(a)) * 0.1 for a in m)",
            f"np.sum(np.stack([{g.bounded(g.element(), g.element())} * np.ones(1{LIKE}) for i in range(n)]))",
            "sum(x[i] * y[j] * 0.1 for i in range(n) for j in range(i))",
            "sum(x[i] * s ** i * 0.1 for i in range(n))",
            "sum((x[i + 1] - x[i]) ** 2 for i in range(n - 1))",
            "functools.reduce(lambda a, b: np.sin(a + b), m)[0]",
            "max(float(j) for j in range(3)) * x[0] + sum(a * b for a, b in zip(x, y[::-1]))",
        )
    )


NESTED: tuple[Kind, ...] = (
    *(nested, triangular, products, indexed, leaves_early, tables),
    *(kept, steps_of_functions, checkpointed, into_inputs, shapes, one_line),
)
