"""Quick: what a call does that is like the last ones, in as few bytecodes as possible.

The state is looked at by machine code (`plans.entry`), by identity: the same dicts with the same keys, the
same objects in them. What is true of a plan while all of it is as it was when the plan fitted, it knows by heart. Where
anything differs, `replay` looks at the values, as at the first call; and what it has found to fit is learnt.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.plans import entry
from wengert.compiler.replay import Replay
from wengert.compiler.replay_code import GONE, MISS, Writer
from wengert.compiler.watching.places import Place
from wengert.core.variable import HOOKS

__all__ = ["Quick", "quick_of"]

WRITEABLE = 0x0400  # NumPy's flag
FAILURES = 3  # calls that were not alike, after each of which another look is worth it; then after each of
SELDOM = 64


def quick_of(replay: Replay) -> Quick | None:
    """What makes a plan quick; None where it is not short enough to matter, or cannot be known by identity."""
    plan = getattr(replay.run, "__self__", None)
    if not getattr(plan, "short", False) or replay.may_leave:
        return None
    sources = {id(source.place) for source in replay.trace.sources if source.touched}
    if any(id(item.place) in sources for item in replay.trace.stored):
        return None  # another array at each call
    return Quick(replay, plan)


class Passed(NamedTuple):
    """An array that a call is given; where it is looked at, in the order of the plan's inputs."""

    name: str
    checked: bool  # whether its form is


class Quick:
    """A plan's quick way.

    Attributes
    ----------
    run : callable
        ``run(args, kwargs)``: what the function would do, or MISS.
    """

    def __init__(self, replay: Replay, plan: Any) -> None:
        self.plan = plan
        self.mode, self.training = replay.settings
        self.writer = Known(replay, plan)
        self.failures = 0
        self.held: Any = None  # what the table points to
        self.table = entry.words([0] * 8)
        names = self.writer.names
        names["enter"] = entry.entrance(self.table)
        code = self.writer.code()
        exec(compile(code, "<wengert quick>", "exec"), names)
        self.text = code
        self.known: Any = names.pop("quick")  # (no reference cycle, see Replay)
        self.run: Any = missing

    def missed(self, replay: Replay, arrays: list[Any], args: Any, kwargs: Any) -> None:
        """Learn what there is after a call that was not alike, if that is worth it; the arrays are those it took."""
        runs = int(self.table[entry.RUNS])
        self.table[entry.RUNS] = 0
        self.failures = 0 if runs else self.failures + 1
        if self.failures <= FAILURES or self.failures % SELDOM == 0:
            self.learn(arrays)
            if not replay.fits(args, kwargs):  # another thread is changing it, or the call itself
                self.run = missing

    def learn(self, arrays: list[Any]) -> None:
        """Know all that a plan was just found to fit."""
        writer, graph, memory = self.writer, self.plan.graph, self.plan.memory
        inputs = {node.settings["place"]: array for node, array in zip(graph.inputs, arrays, strict=True)}
        written = {node.settings["place"] for node, _ in graph.assignments}
        held: list[Any] = []  # (what a call is given is not)
        try:
            rows, compared = writer.rows(inputs, held), writer.compared_now(inputs, held)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return  # (another thread is changing it)
        forms: list[int] = []
        count = len(compared)
        for i, node in enumerate(graph.inputs):
            number = node.settings["place"]
            array = inputs[number]
            passed = writer.passed.get(number)
            index = -1
            if passed is not None:
                index, count = count, count + 1
            slot = memory.input_slots + i
            if passed is not None and not passed.checked:
                forms += [0, index, 0, 0, 0, 0, slot]
                continue
            held += [array.dtype] if passed is not None else [array.dtype, array]
            flags = WRITEABLE if number in written else 0
            where = 0 if passed is not None else id(array)
            forms += [where, index, id(type(array)), array.ndim, id(array.dtype), flags, slot]
            forms += [*array.shape, *array.strides]
        for i in range(len(graph.results)):
            forms += [0, count + i, 0, 0, 0, 0, memory.result_slots + i]
        tables = [entry.words(rows), entry.words(compared), entry.words(forms)]
        self.table[: entry.RUNS] = [
            self.plan.pieces[0][1],
            self.plan.table.ctypes.data,
            tables[0].ctypes.data,
            tables[1].ctypes.data,
            len(compared),
            tables[2].ctypes.data,
            len(graph.inputs) + len(graph.results),
        ]
        self.held = (held, tables)
        self.run = self.known


def missing(args: Any, kwargs: Any) -> Any:
    """What a quick way does as long as nothing is known."""
    return MISS


class Known(Writer):
    """Writes the code of a quick way: as that of a replay, without what machine code looks at."""

    def __init__(self, replay: Replay, plan: Any) -> None:
        super().__init__(replay.trace, replay.checks)
        self.plan = plan
        self.stored = {id(item.place) for item in self.trace.stored}
        self.whole = {id(c): c for p, c, _ in self.trace.places.containers if type(c) in (dict, list)}
        self.conditions: dict[str, list[tuple[Any, Any]]] = {}
        self.rows_of: dict[int, tuple[Any, list[Place]]] = {}  # what is looked at in each container, by its id
        self.learnt: dict[str, Place] = {}  # names that stand for what places hold
        self.compared: list[tuple[str, Any]] = []  # expressions, and the input that each is to be (or what)
        self.passed: dict[int, Passed] = {}  # by input
        self.untouched = {id(s.place) for s in self.trace.sources if s.kind == "array" and not s.touched}
        self.of_place = {id(s.place): n for n, s in enumerate(self.trace.sources) if s.place is not None}

    def is_watched(self, place: Place) -> bool:
        """Whether machine code looks at what a place holds."""
        if place.argument or place.parent is not None or id(place) in self.stored or id(place) in self.untouched:
            return False
        if place.kind == "cell":
            return True
        if place.kind != "item" or type(place.holder) not in (dict, list):
            return False
        return id(place.holder) in self.whole or (type(place.holder) is dict and type(place.key) is str)

    def watch(self, place: Place) -> None:
        self.rows_of.setdefault(id(place.holder), (place.holder, []))[1].append(place)

    # What differs from the code of a replay

    def variable(self, place: Place) -> str:
        if id(place) not in self.variables and self.is_watched(place):
            name = self.variables[id(place)] = f"k{len(self.learnt)}"
            self.learnt[name] = place
            self.watch(place)
        return super().variable(place)

    def check_identity(self, place: Place, value: Any) -> None:
        if self.is_watched(place):
            self.watch(place)
        else:
            super().check_identity(place, value)

    def check_distinct(self, names: list[str]) -> None:
        fetched = [name for name in names if name not in self.learnt]
        if fetched:  # (those that are known by identity are not one)
            super().check_distinct(names)

    def check_same(self, place: Place, name: str) -> None:
        if self.is_watched(place):
            self.watch(place)
        else:
            super().check_same(place, name)

    def check_scalar(self, place: Place) -> None:
        if self.is_watched(place):
            self.watch(place)
        else:
            super().check_scalar(place)

    def check_container(self, container: Any, content: Any) -> None:
        if id(container) in self.whole:
            self.rows_of.setdefault(id(container), (container, []))
        else:
            super().check_container(container, content)

    def check_hooks(self, name: str, value: Any) -> None:
        if name in self.learnt:  # (this very Variable: it is enough to know whether anybody's hooks have changed)
            self.rows_of.setdefault(id(HOOKS), (HOOKS, [Place("item", HOOKS, "changed", "hooks", None)]))
        else:
            super().check_hooks(name, value)

    def check_condition(self, kind: str, value: Any, wanted: Any) -> None:
        if kind in entry.CONDITIONS:
            self.conditions.setdefault(kind, []).append((value, wanted))
        else:
            super().check_condition(kind, value, wanted)

    def check_state(self, number: int, place: Place) -> str:
        """An array of the state is the very one that it was; its name where Python fetches it."""
        if self.is_watched(place):
            self.watch(place)
            return ""
        name = super().variable(place)
        self.compared.append((name, number))
        return name

    def result(self, number: int) -> str:
        return f"r{number}"

    def code(self) -> str:
        self.check_call()
        self.check_places()
        self.fetch()
        graph = self.trace.graph
        assert graph is not None
        made = []
        for i, form in enumerate(self.plan.results):
            form_name = self.name(form)
            if form[2] is None:
                made.append(f"r{i} = empty({self.name(form[0])}, {self.name(form[1])})")
            else:
                made.append(f"r{i} = unused({form_name})")
        from wengert.compiler.plans.plan import unused

        self.names |= {"empty": np.empty, "unused": unused}
        given = [name for name, _ in self.compared]
        given += [self.passed[n.settings["place"]].name for n in graph.inputs if n.settings["place"] in self.passed]
        given += [f"r{i}" for i in range(len(made))]
        self.lines += made
        self.miss(f"enter({', '.join(given)})")
        body = "\n".join(f"        {line}" for line in self.lines)
        self.lines = []
        self.leave()
        result = self.expression(self.trace.result)
        after = "\n".join(f"    {line}" for line in self.lines)
        return (
            f"def quick(args, kwargs):\n    try:\n{body}\n    except {GONE}:\n        return MISS\n"
            f"{after}\n    return {result}\n"
        )

    def fetch(self) -> None:
        """Fetch what is given to machine code."""
        trace = self.trace
        arguments = []
        assert trace.graph is not None
        read = {node.settings["place"] for node in trace.graph.inputs}
        for number, source in enumerate(trace.sources):
            place = source.place
            if source.kind == "float":
                self.passed[number] = Passed(f"array({self.variables[id(place)]})", False)
                continue
            if place is None:
                for each, fixed in source.fixed:
                    self.check_identity(each, fixed)
                self.check_frozen(number, self.name(source.array))
                continue
            if not source.touched:
                self.miss(f"type({self.variable(place)}) is not {self.name(type(source.array))}")
            elif place.argument:
                name = self.variable(place)
                self.passed[number] = Passed(name, True)
                arguments.append(name)
            else:
                name = self.check_state(number, place)
            if source.touched and number not in read:  # machine code looks at the form of what the plan reads
                self.miss(f"not S.has_form({self.checks.index[number]}, {self.variable(place)})")
            if number in self.frozen:
                self.check_frozen(number, self.variable(place))
            for alias in source.aliases:
                if source.touched and not place.argument and self.is_watched(alias):
                    self.watch(alias)
                elif source.touched and not place.argument and not name:
                    self.compared.append((self.spot(alias), number))
                else:
                    self.miss(f"{self.spot(alias)} is not {self.variable(place)}")
        self.check_apart(arguments)

    # What is learnt

    def rows(self, inputs: dict[int, Any], held: list[Any]) -> list[int]:
        """What is in the containers now, as machine code reads it."""
        found: list[int] = []
        for name, place in self.learnt.items():
            self.names[name] = place.get()
        for container, places in self.rows_of.values():
            values = {}
            for place in places:
                number = self.of_place.get(id(place))
                values[place.key] = inputs[number] if number in inputs else place.get()
            held.append(list(values.values()))
            if type(container) is list:
                found += [entry.LIST, id(container), len(container)]
                for i in range(len(container)):
                    found += [0, id(values[i]) if i in values else 0]
            elif type(container) is not dict:
                found += [entry.CELL, id(container), 1, 0, id(values["cell_contents"])]
            elif id(container) in self.whole:
                keys = list(container)
                held.append(keys)
                found += [entry.DICT, id(container), len(keys)]
                for key in keys:
                    found += [id(key), id(values[key]) if key in values else 0]
            else:
                found += [entry.NAMES, id(container), len(values)]
                for key, value in values.items():
                    found += [id(key), id(value)]
        for kind, pairs in self.conditions.items():
            held.append(pairs)
            found += [entry.CONDITIONS[kind], 0, len(pairs)]
            for value, wanted in pairs:
                found += [id(value), wanted + 1 if kind == "size" else id(wanted)]
        return [*found, entry.END, 0, 0]

    def compared_now(self, inputs: dict[int, Any], held: list[Any]) -> list[int]:
        """What the expressions that are compared are to be."""
        sources = self.trace.sources
        arrays = [inputs[what] if what in inputs else sources[what].place.get() for _, what in self.compared]
        held.append(arrays)
        return [id(array) for array in arrays]
