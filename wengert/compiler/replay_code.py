"""The code of a replay: straight lines that check what a plan depends on, fetch its arrays, and leave its results."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks.mutation import EVERYTHING, WRITTEN, note_write, owner
from wengert.compiler.graphs.interpreter import looking_into as window
from wengert.compiler.graphs.sameness import same
from wengert.compiler.watching.leaving import Held, Made, Out, Result, There, boundary
from wengert.compiler.watching.members import context_value, raw_item
from wengert.compiler.watching.places import Place, is_loose, is_variable
from wengert.core.node import maker_of, next_number
from wengert.core.variable import FIELDS, note_of

if TYPE_CHECKING:
    from wengert.compiler.replay import Checks
    from wengert.compiler.watching.tracing import Trace

__all__ = ["GONE", "MISS", "Writer"]

ARRAY, CREATOR, NOTES = FIELDS["array"], FIELDS["creator"], FIELDS["notes"]

MISS: Any = object()
GONE = "(AttributeError, IndexError, KeyError, TypeError, ValueError)"


class Writer:
    """Writes the code of a replay."""

    def __init__(self, trace: Trace, checks: Checks) -> None:
        self.trace, self.checks = trace, checks
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "MISS": MISS,
            "S": checks,
            "L": checks.last,
            "ndarray": np.ndarray,
            "array": np.array,
            "same": same,
            "boundary": boundary,
            "looking_into": looking_into,
            "frozen": frozen,
            "note_write": note_write,
            "WRITTEN": WRITTEN,
            "EVERYTHING": EVERYTHING,
        }
        self.constants: dict[int, str] = {}
        self.views: dict[Any, str] = {}
        self.variables: dict[int, str] = {}  # by the id of a place
        self.firsts = self.trace.places.first

    def name(self, value: Any) -> str:
        """A name for an object."""
        if value is None or value is True or value is False:
            return repr(value)
        if id(value) not in self.constants:
            self.constants[id(value)] = name = f"c{len(self.constants)}"
            self.names[name] = value
        return self.constants[id(value)]

    def key(self, key: Any) -> str:
        return repr(key) if type(key) in (int, str) else self.name(key)

    def holder(self, place: Place) -> str:
        if place.parent is not None and id(place.parent) in self.variables:
            return self.variables[id(place.parent)]
        if place.argument and place.parent is None:
            return "args" if isinstance(place.holder, list) else "kwargs"
        return self.name(vars(place.holder)) if place.kind == "class" else self.name(place.holder)

    def spot(self, place: Place) -> str:
        """The expression for what a place holds."""
        holder = self.holder(place)
        if place.kind == "context":
            return f"{self.name(context_value)}({holder})"
        if place.kind == "item" and isinstance(place.holder, (dict, list)) and answers_itself(type(place.holder)):
            return f"{self.name(raw_item)}({holder}, {self.key(place.key)})"
        if place.kind in ("item", "class"):
            return f"{holder}[{self.key(place.key)}]"
        return f"{holder}.{place.key}"

    def write(self) -> tuple[str, dict[str, Any]]:
        self.check_call()
        self.check_places()
        arrays = self.fetch_arrays()
        body = "\n".join(f"        {line}" for line in self.lines)
        self.lines = []
        self.leave()
        result = self.expression(self.trace.result)
        after = "\n".join(f"    {line}" for line in self.lines)
        code = (
            f"def replay(args, kwargs, run):\n    try:\n{body}\n    except {GONE}:\n        return MISS\n"
            f"    if run is None:\n        return True\n    R = run([{', '.join(arrays)}])\n"
            f"{after}\n    return {result}\n"
        )
        return code, self.names

    def miss(self, condition: str) -> None:
        self.lines.append(f"if {condition}: return MISS")

    # What is checked

    def check_call(self) -> None:
        """How many arguments there are, and their names."""
        call_args = [p for p in self.trace.places if p.argument and p.parent is None]
        positional = sum(isinstance(p.holder, list) for p in call_args)
        keys = tuple(p.key for p in call_args if isinstance(p.holder, dict))
        self.miss(f"len(args) != {positional}")
        self.miss(f"tuple(kwargs) != {self.name(keys)}" if keys else "kwargs")

    def check_places(self) -> None:
        trace = self.trace
        kinds = {id(p): "array" for p in trace.places.arrays} | {id(p): "scalar" for p in trace.places.scalars}
        numbers = {id(s.place) for s in trace.sources if s.kind == "float"}
        loose: list[str] = []
        for place in trace.places.order[1:]:  # (the first is the function itself)
            kind = kinds.get(id(place))
            if kind == "array":
                continue
            if id(place) in numbers:
                name = self.variable(place)
                self.miss(f"type({name}) is not float")
            elif kind == "scalar":
                self.check_scalar(place)
            elif is_loose(place) and not isinstance(place.value, functools.partial):
                first = self.firsts.get(id(place.value))
                if first is not None and first is not place and id(first) in self.variables:
                    self.check_same(place, self.variables[id(first)])
                    continue
                name = self.variable(place)
                self.check_form(place, name)
                if is_variable(place.value):
                    loose.append(name)
            elif isinstance(place.value, functools.partial):
                self.miss(f"{self.variable(place)} is not {self.name(place.value)}")
            else:
                self.check_identity(place, place.value)
        self.check_distinct(loose)
        for place, container, content in trace.places.containers:
            if not is_loose(place):
                self.check_container(container, content)
        for condition in trace.places.conditions.values():
            self.check_condition(*condition)

    def check_condition(self, kind: str, value: Any, wanted: Any) -> None:
        """Objects have what they have where they had it: see `wengert.compiler.watching.members.conditions`."""
        name = self.name(value)
        if kind == "absent":
            self.miss(f"{self.key(wanted)} in {name}")
        elif kind == "unset":
            self.miss(f"hasattr({name}, {self.key(wanted)})")
        elif kind == "size":
            self.miss(f"len({name}) != {wanted}")
        elif kind == "local":
            self.miss(f"(*{name}.__dict__,) != {self.name(wanted)}")
        else:
            attribute = {"dict": "__dict__", "code": "__code__", "bases": "__mro__"}[kind]
            self.miss(f"{name}.{attribute} is not {self.name(wanted)}")

    def check_identity(self, place: Place, value: Any) -> None:
        """What a place holds is this very object."""
        self.miss(f"{self.spot(place)} is not {self.name(value)}")

    def check_distinct(self, names: list[str]) -> None:
        """No two Variables are one: its gradient would be the sum of theirs."""
        if len(names) > 1:
            self.miss(f"len({{{', '.join(f'id({name})' for name in names)}}}) != {len(names)}")

    def check_same(self, place: Place, name: str) -> None:
        """What a place holds is what another one holds, too."""
        self.miss(f"{self.spot(place)} is not {name}")

    def check_scalar(self, place: Place) -> None:
        """What a place holds is the same value."""
        value = self.name(place.value)
        if place.value is None or place.value is True or place.value is False:
            self.miss(f"{self.spot(place)} is not {value}")
        else:
            self.miss(f"(x := {self.spot(place)}) is not {value} and not same(x, {value})")

    def check_container(self, container: Any, content: Any) -> None:
        """A container has the same keys, length or elements."""
        name = self.name(container)
        if isinstance(container, dict):
            self.miss(f"(*{name},) != {self.name(content)}" if content else name)
        elif isinstance(content, int):
            self.miss(f"len({name}) != {content}")
        elif isinstance(content, bytes):
            self.miss(f"bytes({name}) != {self.name(content)}")
        else:
            self.miss(f"{name} != {self.name(content)}")

    def variable(self, place: Place) -> str:
        """Fetch what a place holds into a variable, once."""
        if id(place) not in self.variables:
            name = self.variables[id(place)] = f"v{len(self.variables)}"
            self.lines.append(f"{name} = {self.spot(place)}")
        return self.variables[id(place)]

    def check_form(self, place: Place, name: str) -> None:
        value = place.value
        self.miss(f"type({name}) is not {self.name(type(value))}")
        if is_variable(value):
            self.miss(f"{name}.{CREATOR} is {'not ' if maker_of(value) is None else ''}None")
            self.check_hooks(name, value)
        elif isinstance(value, dict):
            self.miss(f"(*{name},) != {self.name(tuple(value))}")
        else:
            self.miss(f"len({name}) != {len(value)}")

    def check_hooks(self, name: str, value: Any) -> None:
        """A Variable has the hooks that it had."""
        hooks = note_of(value, "hooks", ())
        self.miss(f"{name}.{NOTES} is not None and {name}.{NOTES}.get('hooks', ()) is not {self.name(hooks)}")
        if hooks:
            self.miss(f"{name}.{NOTES} is None")

    # What is fetched

    def fetch_arrays(self) -> list[str]:
        trace, checks = self.trace, self.checks
        graph = trace.graph
        assert graph is not None
        written = {node.settings["place"] for node, _ in graph.assignments}
        arrays: dict[int, str] = {}
        state: list[str] = []
        flags: list[bool] = []
        arguments: list[str] = []
        for number, source in enumerate(trace.sources):
            if source.kind == "float":
                arrays[number] = f"array({self.variables[id(source.place)]})"
                continue
            if source.place is None:
                for place, fixed in source.fixed:
                    self.miss(f"{self.spot(place)} is not {self.name(fixed)}")
                arrays[number] = self.name(source.array)
                if number in written:
                    self.miss(f"not {arrays[number]}.flags.writeable")
                state.append(arrays[number])
                flags.append(number in written)
                continue
            name = self.variable(source.place)
            for alias in source.aliases:
                self.miss(f"{self.spot(alias)} is not {name}")
            array = source.array
            kind = self.name(type(array))
            i = len(checks.forms)
            if not source.touched:  # nobody has asked for anything of it
                self.miss(f"type({name}) is not {kind}")
                continue
            checks.forms.append((type(array), array.shape, array.dtype, array.strides, number in written))
            checks.last.append(None)
            arrays[number] = name
            if source.place.argument:
                self.miss(f"not S.has_form({i}, {name})")
                arguments.append(name)
            else:
                state.append(name)
                flags.append(number in written)
                self.lines.append(f"if {name} is not L[{i}]:\n            if not S.met({i}, {name}): return MISS")
                # (these can be assigned)
                wanted = self.name((array.shape, array.dtype, array.strides))
                form = f"({name}.shape, {name}.dtype, {name}.strides)"
                self.lines.append(f"elif {form} != {wanted} and not S.met({i}, {name}): return MISS")
                if number in written:
                    self.miss(f"not {name}.flags.writeable")
        checks.written = flags
        checks.writes_arguments = any(
            number in written and (s.place is not None and s.place.argument) for number, s in enumerate(trace.sources)
        )
        if written:
            self.lines.append(f"if not S.settled and not S.settle([{', '.join(state)}]): return MISS")
            self.check_apart(arguments)
        return [arrays[node.settings["place"]] for node in graph.inputs]

    def check_apart(self, arguments: list[str]) -> None:
        """The arguments share no memory that is written to."""
        assert self.trace.graph is not None
        if not self.trace.graph.assignments:
            return
        for name in arguments:
            alone = f"{name}.base is None and not S.windows and id({name}) not in S.owners"
            if self.checks.writes_arguments:
                alone = "False"
            self.lines.append(f"if not ({alone}) and not S.apart([{', '.join(arguments)}]): return MISS")

    # What is left

    def leave(self) -> None:
        trace = self.trace
        if trace.told:
            self.lines.append("n = number()")
            self.names["number"] = next_number
        for place in trace.told:
            # Graphs that were recorded before are told that the data was written to: what `Variable.data` does.
            name = self.variables[id(place)]
            self.lines.append(f"if (m := {name}.{NOTES}) is None: {name}.{NOTES} = {{'changed': n}}")
            self.lines.append("else: m['changed'] = n")
            self.lines.append(f"if (m := WRITTEN.get(id({name}.{ARRAY}))) is None: note_write({name}.{ARRAY}, n)")
            self.lines.append("else: m[1][EVERYTHING] = n")
        for place, template in trace.stored:
            value = self.expression(template)
            is_plain = place.kind == "item" and not answers_itself(type(place.holder))
            if is_plain or (place.kind == "attribute" and is_variable(place.holder)):
                self.lines.append(f"{self.spot(place)} = {value}")
            elif place.kind == "cell":
                self.lines.append(f"{self.holder(place)}.cell_contents = {value}")
            else:
                self.lines.append(f"{self.name(place)}.set({value})")

    def result(self, number: int) -> str:
        """The expression for one of the graph's results."""
        return f"R[{number}]"

    def view(self, array: str, view: Any) -> str:
        """A variable for a view of an array, one for each: what was one object is one again."""
        if (array, view) not in self.views:
            self.views[array, view] = name = f"w{len(self.views)}"
            self.lines.append(f"{name} = looking_into({array}, {self.name(view)})")
        return self.views[array, view]

    def expression(self, template: Any) -> str:
        """The expression that makes what a template stands for."""
        if isinstance(template, Out):
            text = self.result(template.number)
            if template.view is not None:
                text = self.view(text, template.view)
            if template.kind == "number":
                return f"{text}[()]"
            if template.kind in ("float", "int"):
                return f"{text}.item()"
            return text if template.writeable else f"frozen({text})"
        if isinstance(template, Held):
            source = self.trace.sources[template.number]
            name = self.name(source.array) if source.place is None else self.variables[id(source.place)]
            return name if template.view is None else self.view(name, template.view)
        if isinstance(template, There):
            return self.variables[id(template.place)]
        if isinstance(template, Result):
            data = "None" if template.data is None else self.expression(template.data)
            grad = "None" if template.grad is None else self.expression(template.grad)
            return f"boundary({data}, {template.recorded}, {self.name(template.kind)}, {template.name!r}, {grad})"
        if isinstance(template, Made):
            parts = [self.expression(part) for part in template.parts]
            if template.keys is not None:
                return "{" + ", ".join(f"{self.key(k)}: {p}" for k, p in zip(template.keys, parts, strict=True)) + "}"
            if template.kind is list:
                return f"[{', '.join(parts)}]"
            whole = f"({''.join(p + ', ' for p in parts)})"
            if template.kind is tuple:
                return whole
            return f"{self.name(template.kind)}(*{whole})"
        return self.name(template)


def answers_itself(kind: Any) -> bool:
    """Whether a class of dicts or lists answers for its elements itself."""
    if kind in (dict, list):
        return False
    return any(isinstance(getattr(kind, name), types.FunctionType) for name in ("__getitem__", "__setitem__"))


def frozen(array: Any) -> Any:
    """The array, read-only."""
    array.setflags(write=False)
    return array


def looking_into(array: Any, view: Any) -> Any:
    """Elements of an array's memory: by offset, strides and shape, in elements."""
    offset, strides, shape = view
    if 0 in shape:
        return np.empty(shape, array.dtype)
    size, memory = array.itemsize, owner(array)
    steps = tuple(s * size for s in strides)
    if not memory.flags.c_contiguous:
        return window(array, offset, shape, strides)
    start = 0 if memory is array else start_of(array, memory)
    return np.ndarray(shape, array.dtype, memory, start + offset * size, steps)


def start_of(array: Any, memory: Any) -> int:
    """Where in a memory an array begins, in bytes."""
    return int(array.__array_interface__["data"][0] - memory.__array_interface__["data"][0])
