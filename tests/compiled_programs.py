"""Random programs, compiled and eager: values, first and second derivatives, and state are compared."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.random_programs import Program
from wengert import hvp, value_and_grad
from wengert.compiler.capture.trace import Failed, trace
from wengert.compiler.compiled import compile
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.guards.replay import MISS, Replay
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.optimize import optimize
from wengert.compiler.targets.cpu.runner import interpreted

__all__ = ["Skipped", "check_arrays", "check_compiled", "check_function", "check_state", "same", "stateful"]


class Skipped(Exception):
    """No plan can be made of a program, or a guard of the plan failed."""


def check_compiled(program: Program, dtype: Any = np.float64, runner: Any = interpreted) -> int:
    """Compare a program, its gradient and its second derivative with plans of them; return how many were compared."""
    f = program.function()
    xs = [x.astype(dtype) for x in program.inputs]
    rng = np.random.default_rng(0)
    others = [np.asarray(x + 1e-3 * rng.standard_normal(x.shape), dtype) for x in xs]
    places = tuple(range(len(xs)))
    functions: list[Callable[..., Any]] = [f, value_and_grad(f, places), lambda *v: hvp(f, list(v), list(v))]
    return sum(check_function(g, xs, others, program.text, runner) for g in functions)


def check_function(f: Callable[..., Any], xs: list[Any], others: list[Any], text: str, runner: Any) -> int:
    """Trace a call on some arguments, and compare the plan's results on others; return 1, or 0 where it was left."""
    with np.errstate(all="ignore"):
        found = trace(f, tuple(xs), {})
        if found.graph is None:
            raise Skipped(str(found.failure))
        plan = Replay(found, None, lambda graph: runner(optimize(lower(graph))))
        plan.make()
        compared = 0
        for arguments in (xs, others):
            expected = f(*arguments)
            try:
                result = plan.replay(tuple(arguments), {}, plan.run)
            except GuardFailed:
                continue
            if result is MISS and arguments is not xs:
                continue  # (the function reaches an argument in another way too: it is for that array alone)
            if result is MISS:
                raise AssertionError(f"the plan does not fit the arguments that it was made for:\n{text}")
            single = any(getattr(x, "dtype", None) in (np.float32, np.complex64) for x in xs)
            try:
                same(result, expected, text, single)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{plan.code}\n{optimize(lower(found.graph))}") from None
            compared = 1
    return compared


def same(a: Any, b: Any, text: str, single: bool = False) -> None:
    """Raise AssertionError unless two nested results are the same, but for rounding; `single`: in float32 somewhere."""
    if isinstance(b, dict):
        a, b = (list(a.items()), list(b.items())) if isinstance(a, dict) else (a, b)
    if isinstance(b, (list, tuple)):
        if type(a) is not type(b) or len(a) != len(b):
            raise AssertionError(f"compiled gave {type(a)}, eager {type(b)}:\n{text}")
        for x, y in zip(a, b, strict=True):
            same(x, y, text, single)
        return
    if isinstance(b, str):
        if a != b:
            raise AssertionError(f"compiled gave {a!r}, eager {b!r}:\n{text}")
        return
    if type(a) is not type(b) or np.shape(a) != np.shape(b) or np.asarray(a).dtype != np.asarray(b).dtype:
        raise AssertionError(f"compiled gave {type(a)} {a!r}, eager {type(b)} {b!r}:\n{text}")
    x, y = np.asarray(getattr(a, "data", a)), np.asarray(getattr(b, "data", b))
    exact = y.dtype.kind not in "fc" or y.dtype.itemsize > (8 if y.dtype.kind == "c" else 4)
    tolerance = 1e-9 if exact and not single else 2e-3 if not exact else 1e-5
    size = float(np.max(np.abs(y), initial=0.0, where=np.isfinite(y))) if y.dtype.kind in "fc" else 0.0
    if not np.allclose(x, y, rtol=tolerance, atol=tolerance * max(size, 1.0), equal_nan=True):
        raise AssertionError(f"compiled gave {x}, eager {y}:\n{text}")


UPDATES = [
    "{a}[...] = {b}", "{a} += {b}", "{a} *= 0.5", "{a}[0] = {b}[-1]", "{a}[::2] -= 1.5", "{a}[1:] = {a}[:-1] * 1",
    "np.tanh({a}, out={a})", "{a}.T[...] = {b}.T", "np.add({a}, {b}, out={a})", "{a}[{a} > 0.3] = 0.25",
    "np.maximum({a}, {b}, out={a}, where={b} > 0)", "{a}[..., ::-1] = {b}", "{a}[[0, 1]] = {b}[[1, 0]]",
    "np.copyto({a}, {b}, where={a} < {b})", "{a}.fill(0.5)", "np.add.at({a}, np.array([0, 0]), {b}[0])",
    "{a}.reshape(-1)[1] = 7", "{a}, {b} = {b}, {a}", "{a} = {a} + {b}", "{a} = {b}[::-1]", "{a} = {b}",
]  # fmt: skip
BRANCHES = ["np.sum({a}) > {n}", "{a}[0].max() < {b}[0].min()", "(n := n + 1) % 3 == 0"]


def stateful(seed: int) -> Callable[[], tuple[Callable[[Any], Any], dict[str, Any]]]:
    """Make what makes a function of a number that updates arrays in place, in branches, and its state."""
    pick = random.Random(seed)
    shape = pick.choice([(2,), (3,), (2, 3), (3, 2), (4, 1), (2, 1, 3)])
    names = ["s['p']", "s['q']", "s['r']"]

    def update(indent: str) -> str:
        a, b = pick.sample(names, 2)
        return indent + pick.choice(UPDATES).format(a=a, b=b)

    lines = []
    for _ in range(pick.randrange(2, 7)):
        if pick.random() < 0.25:
            a, b = pick.sample(names, 2)
            condition = pick.choice(BRANCHES[:2]).format(a=a, b=b, n=pick.choice([-1, 0.5, 2]))
            lines += [f"    if {condition}:", update("        "), "    else:", update("        ")]
        elif pick.random() < 0.15:
            lines += ["    for i in range(2):", update("        ")]
        else:
            lines.append(update("    "))
    ends = pick.choice(["s['p'] * x", "(s['p'], s['q'][0])", "np.sum(s['p']) + x", "s['r']", "{'y': s['q'].T, 'n': 1}"])
    text = "def f(x):\n" + "\n".join(lines) + f"\n    return {ends}\n"
    dtype = pick.choice([np.float64, np.float32])
    values = [np.asarray(np.random.default_rng([seed, i]).normal(size=shape), dtype) for i in range(3)]
    shared = pick.random() < 0.3

    def make() -> Any:
        state = {name: value.copy() for name, value in zip("pqr", values, strict=True)}
        if shared:  # two of them alias
            whole = np.concatenate([values[0], values[1]])
            state["p"], state["q"] = whole[: shape[0]], whole[shape[0] // 2 : shape[0] // 2 + shape[0]]
        namespace: dict[str, Any] = {"np": np, "s": state}
        exec(text, namespace)
        f = namespace["f"]
        f.text = text
        return f, state

    return make


def check_state(make: Callable[[], Any], runner: Any = interpreted, calls: int = 6) -> bool:
    """Run a program with a state eagerly and compiled, side by side; return whether a plan was used."""
    f, expected = make()
    with np.errstate(all="ignore"):
        try:
            f(1.0)
        except (IndexError, TypeError, ValueError):
            return False  # no program: shapes that do not fit
        f, expected = make()
        g, found = make()
        c = compile(g, runner=runner)
        for i in range(calls):
            results = [outcome(each, 1.0 + i) for each in (f, c)]
            same(results[1], results[0], f"{f.text} call {i}")
            for name in expected:
                same(found[name], expected[name], f"{f.text} call {i}: {name}")
                for other in expected:
                    share = [np.shares_memory(s[name], s[other]) for s in (found, expected)]
                    if share[0] != share[1]:
                        raise AssertionError(f"{name} and {other} share memory: {share}, call {i}:\n{f.text}")
    return bool(c.plans) and c.plans[0].confirmed


def outcome(f: Callable[..., Any], x: Any) -> Any:
    """The result of a call, or its exception."""
    try:
        return f(x)
    except (IndexError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def check_arrays(programs: list[Any], runner: Any = interpreted) -> int:
    """Compare programs of arrays with one plan of all of them: results, what they wrote into, which share memory.

    Returns how many there were; 0 if the plan was left.
    """
    functions = [p.function() for p in programs]
    counts, bodies = [len(p.inputs) for p in programs], [p.text for p in programs]
    text = "\n".join(p.text + f"# {p.inputs}\n" for p in programs) if len(programs) == 1 else "(several programs)"

    def f(*args: Any) -> Any:
        ahead = iter(args)
        return [g(*(next(ahead) for _ in range(n))) for g, n in zip(functions, counts, strict=True)]

    def arguments(seed: int) -> list[Any]:
        return [x for p in programs for x in p.arguments(seed)]

    with np.errstate(all="ignore"):
        try:
            found = trace(f, tuple(arguments(0)), {})
        except Failed as reason:
            raise Skipped(str(reason)) from reason
        if found.graph is None:
            raise Skipped(str(found.failure))
        plan = Replay(found, None, lambda graph: runner(optimize(lower(graph))))
        plan.make()
        compared = 0
        for seed in (0, 0, 7):
            wanted, given = arguments(seed), arguments(seed)
            try:
                expected = f(*wanted)
            except (IndexError, ValueError, TypeError):
                continue
            try:
                result = plan.replay(tuple(given), {}, plan.run)
            except GuardFailed:
                if not seed:
                    raise
                continue
            if result is MISS:
                raise AssertionError(f"the plan does not fit the arguments that it was made for:\n{text}")
            single = any(x.dtype == np.float32 for x in given) or "f4" in str(bodies) or "float32" in str(bodies)
            same(result, expected, f"seed {seed}: {text}", single)
            same(given, wanted, f"the arguments after, seed {seed}: {text}", single)
            compared = len(programs)
    return compared
