"""What the random loops are made from: names of known shapes, reads by the counter, numbers, and formulas."""

from __future__ import annotations

import random

__all__ = ["LIKE", "SHAPES", "Maker"]

LIKE = ", like=x"  # of the calls that make arrays; left out where the library takes them as they are

# The shapes of values, by letters: n is the length of `x`, k that of `w`.
SHAPES = {"0": (), "n": ("n",), "k": ("k",), "nk": ("n", "k"), "kk": ("k", "k")}
INPUTS = {"x": "n", "y": "n", "m": "nk", "w": "kk", "s": "0"}

UNARY = [
    *("np.tanh({0})", "np.sin({0})", "np.cos({0})", "0.9 * {0}", "{0} / (1.5 + {0} * {0})", "np.exp(-{0} * {0})"),
    *("np.log(1.5 + {0} * {0})", "np.sqrt(1.0 + {0} * {0})", "np.where({0} > 0.1, {0}, 0.3 * {0})", "-{0}"),
    *("np.maximum({0}, -0.4)", "np.exp(0.3 * {0}) - 1.0", "1 / (2 + np.cos({0}))", "{0} ** 2", "np.abs({0})"),
    *("0.5 - {0}", "np.square({0})", "np.log1p(np.exp({0}))", "np.clip({0}, -0.7, 0.7)"),
]
BINARY = [
    *("{0} + {1}", "{0} - 0.5 * {1}", "{0} * {1}", "{0} / (1.2 + {1} * {1})", "np.where({0} > {1}, {0}, 0.5 * {1})"),
    *("np.maximum({0}, {1})", "np.exp(-{0} * {0}) * {1}", "np.minimum({0}, {1} + 0.2)", "{1} - {0}", "0.3 * {0} + {1}"),
    *("({0} > 0.0) * {1}", "np.multiply({0}, np.sin({1}))", "np.add({0}, 0.5 * {1})"),
]
# A carried value stays bounded, and errors in it do not grow.
BOUNDED = [
    *("np.tanh({0})", "np.sin({0})", "0.8 * np.cos({0})", "{0} / (1.5 + {0} * {0})", "0.9 * np.tanh(0.5 * {0})"),
]
NUMBERS = [
    *(
        "0.9 ** {i}",
        "1 / ({i} + 1)",
        "(-1) ** {i}",
        "0.1 * {i}",
        "(0.5 if {i} % 2 else 0.7)",
        "np.cos({i})",
        "float({i})",
    ),
    *("(-0.5) ** {i}", "2.0 / (n + {i})", "np.float64(0.3) * {i}", "({i} - 2) / 8", "1e-3 * {i} ** 2"),
]


class Maker:
    """The names at a point of a program, while it is made, and random choices."""

    def __init__(self, pick: random.Random) -> None:
        self.pick = pick
        self.shapes = dict(INPUTS)
        self.made = 0

    def new(self, shape: str) -> str:
        """A name for a new result."""
        name = f"r{self.made}"
        self.made += 1
        self.shapes[name] = shape
        return name

    def of(self, shape: str, chance: float = 1.0) -> str:
        """A name of a shape, rather a late one."""
        names = [name for name, s in self.shapes.items() if s == shape]
        return self.pick.choice(names[-3:] + names[:2]) if names and self.pick.random() <= chance else ""

    def maybe(self, chance: float) -> bool:
        return self.pick.random() < chance

    def chosen(self, *options: str) -> str:
        return self.pick.choice(options)

    def number(self, i: str = "i") -> str:
        """A number of Python, which may depend on the counter."""
        if not i or self.maybe(0.3):
            return self.chosen("0.3", "0.7", "2", "-0.4", "1.1")
        return self.pick.choice(NUMBERS).format(i=i)

    def start(self, shape: str) -> str:
        """A value that does not depend on a counter: to begin with."""
        options = {
            "0": [
                "s * 1.0",
                "0.5 * s",
                "x[0] * 1.0",
                "np.sum(w)",
                "0.0",
                "1",
                "np.zeros((){like})",
                "0.2",
                "np.mean(x)",
            ],
            "k": [
                "np.zeros(k{like})",
                "w[0] * 1.0",
                "np.sin(w[:, 0])",
                "m[0] + s",
                "np.ones(k{like})",
                "m[-1]",
                "w[1]",
            ],
            "n": ["x * 1.0", "np.zeros(n{like})", "np.sin(y)", "x + s", "x.copy()", "y[::-1] * 0.5", "m[:, 0] * 1.0"],
            "nk": ["m * 1.0", "np.zeros((n, k){like})", "m + s", "m.copy()", "x[:, None] * w[0]", "np.cos(m)"],
            "kk": ["w * 1.0", "np.eye(k{like})", "w.T * 0.5", "np.zeros((k, k){like})", "w @ w"],
        }[shape]
        return self.pick.choice(options).format(like=LIKE)

    def element(self, i: str = "i", ahead: bool = False, double: bool = False) -> str:
        """A number that depends on the counter, out of an array or by a formula."""
        v = self.of("n")
        places = [
            "{i}",
            "{i}",
            "{i}",
            "n - 1 - {i}",
            "-1 - {i}",
            "{i} - 1",
            "({i} + 1) % n",
            "{i} // 2",
            "0",
            "{i} % 3",
        ]
        places += ["{i} + 1"] * ahead + ["2 * {i}", "2 * {i} + 1"] * double
        at = self.pick.choice(places).format(i=i)
        kind = self.pick.random()
        if kind < 0.6:
            return f"{v}[{at}]"
        if kind < 0.75:
            return f"{self.of('nk')}[{at}, {self.pick.choice(['0', '-1', 'k - 1'])}]"
        return self.of("0") if kind < 0.85 else self.number(i)

    def row(self, i: str = "i") -> str:
        """A vector of `k` that depends on the counter."""
        v = self.of("nk")
        at = self.pick.choice(["{i}", "{i}", "n - 1 - {i}", "{i} - 1", "({i} + 1) % n", "0", "{i} % 2"]).format(i=i)
        return self.pick.choice(
            [
                f"{v}[{at}]",
                f"{v}[{at}, :]",
                f"{v}[{at}] * {self.element(i)}",
                self.of("k") or "w[0]",
                f"{v}[{at}, ::-1]",
            ]
        )

    def mixed(self, *leaves: str) -> str:
        """A formula of some values."""
        parts = list(leaves)
        self.pick.shuffle(parts)
        while len(parts) > 1:
            a, b = parts.pop(), parts.pop()
            if self.maybe(0.25):
                a = "(" + self.pick.choice(UNARY).format(a if "(" in a or " " not in a else f"({a})") + ")"
            parts.append("(" + self.pick.choice(BINARY).format(grouped(a), grouped(b)) + ")")
        found = parts[0]
        return self.pick.choice(UNARY).format(grouped(found)) if self.maybe(0.4) else found

    def bounded(self, *leaves: str) -> str:
        return self.pick.choice(BOUNDED).format(grouped(self.mixed(*leaves)))


def grouped(text: str) -> str:
    return (
        text if text.isidentifier() or (text.startswith("(") and text.endswith(")") and is_one(text)) else f"({text})"
    )


def is_one(text: str) -> bool:
    """Whether the first bracket of a text is closed by its last."""
    depth = 0
    for at, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth:
            return at == len(text) - 1
    return False
