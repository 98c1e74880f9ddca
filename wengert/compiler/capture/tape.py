"""The tape: it runs each NumPy call of a traced function on the real arrays, and records it.

Arrays are identified by their memory. An array that is a view of another one's memory (a slice, a transpose) is a
`view` of its root; a write through it is an `update` of the root, and changes all other views of that memory.

Where the function does what a plan cannot repeat, the tape keeps the reason (`Tape.fail`), and the call continues with
the real arrays: then it was an eager call, and nothing has to be undone.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.interface import COMPARISONS
from wengert.arrays.level import TRACED, level_of
from wengert.checks.errors import describe
from wengert.checks.frames import user_line
from wengert.compiler.capture.data_dependent import VIEWING, is_shaped_by_values, may_view_by_values
from wengert.compiler.capture.layouts import is_dense, view_in_layout
from wengert.compiler.capture.lines import Lines
from wengert.compiler.capture.memory import InputMemory, Memory, check_own, shares_memory
from wengert.compiler.capture.moving_views import PartOfMovingView, moving_view
from wengert.compiler.capture.parameters import is_parameter, with_parameters
from wengert.compiler.capture.streams import stream_state
from wengert.compiler.graph.calls import calling, get_item
from wengert.compiler.graph.graph import Node, Slot, c_strides
from wengert.custom.modes import on_ndarrays

__all__ = ["MOST_VALUES", "NUMPY_STATE", "Tape", "Untraceable", "real", "slot"]


NUMPY_STATE = getattr(np._core.umath, "_extobj_contextvar", None)  # type: ignore[attr-defined]
MOST_VALUES = 2_000_000  # of one call: each takes one or two kilobytes until the plan is made
PLAIN = {float, int, bool, type(None), str}  # of arguments that are recorded as they are
FEW_STATES = 4
ORDERS = {"K", "A"}  # of elements in memory
# Functions that give the same for the same operands, as nodes for guards call them.
CONVERTING = (int, float, complex)
PURE = {bool, int, float, complex, np.size, *COMPARISONS.values()}
get_ident = threading.get_ident


class Untraceable(Exception):
    """A function cannot be traced; the message says why, and where."""


class Tape:
    """The record of one call of a function.

    Attributes
    ----------
    inputs : list of InputMemory
        The memory of the arrays that are inputs of the graph.
    effects : list of Node
        Draws of random numbers, and guards, in order.
    failure : str or None
        Why no plan can be made from the call.
    """

    def __init__(self, traced: Any, number: Any) -> None:
        self.traced, self.number = traced, number
        self.inputs: list[InputMemory] = []
        self.effects: list[Node] = []
        self.constants: dict[int, tuple[Any, Node]] = {}  # by id; with the array, so that the id is not reused
        # Random generators that were drawn from, by id, and their states before the call.
        self.streams: dict[int, tuple[Any, Any]] = {}
        # All traced values have it: its reference count says how many there are. None may be left after the call.
        self.token = object()
        self.without_values = sys.getrefcount(self.token)
        self.count = 0  # of the traced values that were made
        self.guarded: set[Any] = set()  # the nodes that have guards, and the functions and operands of such nodes
        # Decisions whose guards are made at the end: conditions, with their outcomes, and sums, with their values.
        self.conditions: dict[Node, bool] = {}
        self.sums: dict[Node, Any] = {}
        self.numbers: dict[Node, Any] = {}  # the inputs that are numbers, and their sources
        self.given: set[int] = set()  # the ids of arrays that existed before the call
        self.returned_numbers: list[tuple[Any, Node]] = []  # Python numbers that are only returned
        self.thread = threading.get_ident()
        self.lines = Lines()
        self.line = self.lines.current
        self.entry: Any = None  # the code of the traced function
        self.failure: str | None = None
        self.argument_failure = False  # whether the failure is due to these arguments
        self.closed = False
        self.known_errstate: Any = None  # NumPy's error settings, if they are known to raise nothing
        self.quiet: list[Any] = []  # others that are

    @property
    def off(self) -> bool:
        """Whether nothing is recorded any more."""
        return self.failure is not None or self.closed or get_ident() != self.thread

    def fail(self, reason: str) -> None:
        """Keep the reason why no plan can be made; the call continues eagerly."""
        if self.failure is None and not self.closed:
            self.failure = reason
            for memory in self.inputs:
                memory.save()

    def has_survivors(self) -> bool:
        """Whether any traced value is still referenced."""
        return sys.getrefcount(self.token) > self.without_values

    # Values

    def input(self, array: Any, location: Any, weak: bool = False) -> Any:
        """Make an input: the traced array of a captured array."""
        itemsize = array.itemsize
        strides = tuple(s // itemsize for s in array.strides)
        node = Node("input", (), {"place": location}, array.shape, array.dtype, strides, weak)
        memory = InputMemory(array, node)
        self.inputs.append(memory)
        self.given.add(id(array))
        return self.traced(self, array, memory)

    def node_of(self, value: Any) -> Node:
        """The node of an operand: traced, or a constant."""
        if type(value) in (self.traced, self.number):
            if value.tape is self:
                return value.node  # type: ignore[no-any-return]
            value = np.asarray(value.value)
        return self.constant(value)

    def constant(self, array: Any) -> Node:
        """The node of an array that the function made untraced, or that was not captured."""
        array = np.asarray(array)
        check_own(array, self.fail)
        found = self.constants.get(id(array))
        if found is None or not same(found[1].settings["array"], array):  # (a function may still be writing to it)
            kept = np.array(array, order="C", subok=False)
            node = Node("constant", (), {"array": kept}, kept.shape, kept.dtype, line=self.line())
            found = self.constants[id(array)] = (array, node)
        return found[1]

    def created(self, array: np.ndarray, defined: bool = True) -> Any:
        """The traced array of one that the function makes itself, so that it can be written to.

        `defined` says whether its elements have values (those of np.empty have none).
        """
        check_own(array, self.fail)
        if self.off or array.dtype.kind not in "biufc" or type(array) is not np.ndarray:
            return array
        if not defined:
            kept = np.broadcast_to(np.zeros((), array.dtype), array.shape)
        elif array.size and (array.tobytes() == array.reshape(-1)[:1].tobytes() * array.size):
            kept = np.broadcast_to(array.reshape(-1)[:1].reshape(()).copy(), array.shape)  # (takes no memory)
        else:
            kept = np.array(array, order="C")
        return self.own(array, Node("constant", (), {"array": kept}, array.shape, array.dtype, line=self.line()))

    # Calls

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any, effect: bool = False) -> Any:
        """Run a call on the real arrays, and record it."""
        if self.failure is not None or self.closed or get_ident() != self.thread:
            return function(*real(args), **real(kwargs))
        if (NUMPY_STATE is None or NUMPY_STATE.get() is not self.known_errstate) and self.raises_errors():
            self.fail(
                f"{user_line()} computes under np.errstate(...='raise'), which a plan does not check; "
                "let it return np.isfinite of its results"
            )
        if self.count > MOST_VALUES:
            self.fail(
                f"it computes more than {MOST_VALUES:,} values, for which memory may be lacking; compile one part "
                "of it that is repeated"
            )
            return function(*real(args), **real(kwargs))
        kind = self.traced
        given: list[Any] = []
        real_args: list[Any] = []
        operands: list[Any] = []
        for place, x in enumerate(args):
            if type(x) is kind:
                x.memory.used = True
                real_args.append(x.value)
                given.append(self.operand(x, operands))
            elif type(x) in PLAIN:
                real_args.append(x)
                given.append(x)
                if x in ORDERS:
                    self.require_c_order(function, args)
            else:
                if type(x) is self.number:
                    self.guard_small(x, args)
                if is_parameter(function, place):
                    x = with_parameters(self.number, x)
                given.append(self.template(x, operands))
                real_args.append(real(x))
        keywords: dict[str, Any] = {}
        real_kwargs = keywords
        if kwargs:
            for name, x in kwargs.items():
                if type(x) not in PLAIN and is_parameter(function, name):
                    kwargs = kwargs | {name: with_parameters(self.number, x)}
            if not ORDERS.isdisjoint([x for x in kwargs.values() if type(x) is str]):
                self.require_c_order(function, args)
            keywords, real_kwargs = self.template(kwargs, operands), real(kwargs)
        nodes = tuple([self.node_of(x) for x in operands])  # (before the call, which may write to them)
        result = on_ndarrays(function, *real_args, **real_kwargs)
        if function in VIEWING and len(operands) == 1 and type(result) is np.ndarray and result.size:
            viewed = operands[0]
            if type(viewed) is kind and viewed.is_viewed_plainly(result):
                found = kind(self, result, viewed.memory)
                found.viewed = viewed if viewed.value is viewed.memory.array else viewed.viewed
                return found
        arguments = tuple(given)
        if not effect and nodes and all(x.op == "constant" for x in nodes):
            folded = self.folded(result, operands)
            if folded is not None:
                return folded
        settings = {"function": function, "arguments": arguments, "keywords": keywords}
        node = Node("random" if effect else "call", nodes, settings, line=self.line())
        if effect:
            self.effects.append(node)
        if function is get_item and type(result) is np.ndarray and result.size and type(args[0]) is kind:
            moving = moving_view(self, result, node, *args)
            if moving is not None:
                return moving
        wrapped = self.wrap(result, node, operands)
        if is_shaped_by_values(function, args, kwargs):
            self.guard_sizes(wrapped)
        return wrapped

    def folded(self, result: Any, operands: list[Any]) -> Any:
        """What a call with constants gives, as a constant; None if that is a view of one."""
        if not isinstance(result, np.ndarray):
            return result if isinstance(result, (np.generic, int, float, complex, bool)) else None
        if result.base is not None or any(result is real(x) for x in operands):
            return None
        return self.created(result) if result.dtype.kind in "fc" else result

    def require_c_order(self, function: Any, args: Any) -> None:
        """Fail where a call takes elements in their order in memory, which is not that of the node."""
        if getattr(function, "__name__", getattr(function, "name", "")) in ("ravel", "reshape", "flatten") and any(
            type(x) is self.traced and x.memory.layout is not None for x in args
        ):
            self.fail(
                f"{user_line()} takes elements in their order in memory, which is not C order; "
                "use np.ascontiguousarray before, or omit order="
            )

    def raises_errors(self) -> bool:
        """Whether NumPy's error settings raise on invalid values, overflow or division by zero."""
        state = None if NUMPY_STATE is None else NUMPY_STATE.get()
        if any(state is other for other in self.quiet):
            self.known_errstate = state
            return False
        if any(how in ("raise", "call") for how in np.geterr().values()):
            return True
        self.known_errstate = state
        if state is not None and len(self.quiet) < FEW_STATES:  # (a block inside of a loop makes another one each time)
            self.quiet.append(state)
        return False

    def template(self, value: Any, operands: list[Any]) -> Any:
        """Replace arrays by Slots, and append them to `operands`."""
        if type(value) in PLAIN:
            return value
        is_ours = type(value) is self.traced or type(value) is self.number  # (isinstance of these is slow)
        is_array = is_ours or isinstance(value, np.ndarray)
        if is_array and not is_ours and (type(value) not in (np.ndarray, np.memmap) or value.dtype.kind == "O"):
            self.fail(
                f"{user_line()} computes with {describe(value)}, which a plan cannot hold; use numbers "
                "and arrays of numbers"
            )
            return value
        if is_array:
            return self.operand(value, operands)
        if type(value) is list or isinstance(value, tuple):
            parts = [self.template(part, operands) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, dict):
            return {key: self.template(part, operands) for key, part in value.items()}
        if isinstance(value, slice):
            return slice(*(self.template(part, operands) for part in (value.start, value.stop, value.step)))
        return value

    def operand(self, value: Any, operands: list[Any]) -> Slot:
        """The Slot of an array, which is appended to `operands` where it is not among them."""
        for i, known in enumerate(operands):
            if known is value:
                return slot(i)
        operands.append(value)
        return slot(len(operands) - 1)

    def wrap(self, result: Any, node: Node, operands: list[Any]) -> Any:
        """Make traced arrays from what a call returned."""
        if isinstance(result, (tuple, list)):
            parts = [
                self.wrap(part, Node("tuple_get", (node,), {"index": i}, line=node.line), operands)
                for i, part in enumerate(result)
            ]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        if isinstance(result, (np.ndarray, np.generic)):
            if result.dtype.kind not in "biufc":
                self.fail(
                    f"{node.line} makes {describe(result)}; a plan holds numbers and booleans, so make it "
                    "outside of the function"
                )
                return result
            node.shape, node.dtype, node.strides = result.shape, result.dtype, c_strides(result.shape)
            if isinstance(result, np.ndarray):
                for operand in operands:
                    if type(operand) is self.traced and result is operand.value:
                        return operand
                if not result.size and operands:  # (an empty array is a view of no memory)
                    self.guard_offset(node, operands[0], operands)
                for operand in operands:
                    if type(operand) is self.traced and shares_memory(result, operand.memory.array):
                        self.guard_offset(node, operand, operands)
                        return self.view_of(operand, result, node, operands)
            return self.own(result, node)
        if type(result) in (float, int):
            if type(result) is int and abs(result) >= 2**63:
                self.fail(f"{node.line} makes the number {result}, which takes more than 64 bits; use floats")
                return result
            node.shape, node.dtype, node.weak = (), np.dtype(type(result)), True
            node.strides = ()
            return self.number(self, result, Memory(result, node))
        if result is None:
            return None
        if isinstance(result, (bool, complex, str)):
            self.guard(node, result)
            return result
        self.fail(f"{node.line} makes {describe(result)}, which a plan cannot hold; make it outside of the function")
        return result

    def guard_offset(self, node: Node, viewed: Any, operands: list[Any]) -> None:
        """Guard the integers among the arguments of a view, on which its offset depends."""
        function = node.settings.get("function") if node.op != "tuple_get" else node.operands[0].settings["function"]
        if not may_view_by_values(function):
            return
        for x in operands:
            if x is viewed or type(x) not in (self.traced, self.number):
                continue
            value = np.asarray(x.value)
            if value.dtype.kind in "biu":
                self.guard(x.node, value.copy() if value.ndim else value.item())

    def guard_small(self, number: Any, args: Any) -> None:
        """Guard an int that meets an array of ints which may be too small for others: NumPy raises for such."""
        if type(number.value) is int:
            dtypes = [x.dtype for x in args if hasattr(x, "dtype")]
            if any(dtype.kind in "iu" and (dtype.itemsize < 8 or dtype.kind == "u") for dtype in dtypes):
                self.guard(number.node, number.value)

    def guard_sizes(self, results: Any) -> None:
        """Guard sizes of results that depend on values: a plan is for these sizes, even if the results are unused."""
        for x in results if isinstance(results, (tuple, list)) else (results,):
            if type(x) is self.traced:
                size = int(np.size(x.value))
                self.guard(Node("call", (x.node,), calling(np.size), (), np.int64, line=self.line()), size)

    def own(self, result: Any, node: Node) -> Any:
        """The traced array of a new result; its node is in C order, whatever the order of the array."""
        if isinstance(result, np.ndarray) and result.base is not None:
            frozen = not result.flags.writeable
            result = result.copy(order="K")  # (a view of a temporary array)
            result.setflags(write=not frozen)
        memory = Memory(result, node)
        if isinstance(result, np.ndarray) and not result.flags.c_contiguous:
            layout = tuple(n // result.itemsize for n in result.strides)
            if is_dense(result.shape, layout):
                memory.layout = layout
            else:
                result = memory.array = np.ascontiguousarray(result)
        return self.traced(self, result, memory)

    def view_of(self, operand: Any, result: np.ndarray, node: Node, operands: list[Any]) -> Any:
        """The traced array of a view of a traced array."""
        memory = operand.memory
        found = self.traced(self, result, memory)
        found.viewed = operand if operand.value is memory.array else operand.viewed
        view = found.view_in_memory()
        same_kind = view.dtype == memory.array.dtype and not view.offset % view.dtype.itemsize
        moving = operand.rebuild_node if hasattr(operand.rebuild_node, "fix") else None
        same_kind = same_kind and moving is None
        if same_kind and (
            memory.layout is None or not result.size or view_in_layout(view, memory, memory.strides) is not None
        ):
            return found
        # A view as another dtype (the real part of complex numbers), or one that is no view of the node, whose elements
        # are in another order: a new value in the graph, computed again after a write to the memory.
        if node.op != "call":
            self.fail(f"{node.line} makes views of another dtype with other results; make them by a call of their own")
        index = next(i for i, x in enumerate(operands) if x is operand)

        def rebuild_node() -> Node:
            viewed = (*node.operands[:index], operand.node, *node.operands[index + 1 :])
            return Node(node.op, viewed, node.settings, node.shape, node.dtype, line=node.line)

        found.rebuild_node = rebuild_node if moving is None else PartOfMovingView(moving, rebuild_node)
        return found

    def view_node(self, traced: Any) -> Node:
        """The node of a traced array that is a view of its memory."""
        offset, strides = self.position_of(traced)
        array = traced.value
        memory: Memory = traced.memory
        whole = memory.array
        if offset == 0 and array.shape == whole.shape and strides == memory.strides:
            return memory.node
        settings = {"offset": offset, "strides": strides}
        return Node("view", (memory.node,), settings, array.shape, array.dtype, line=self.line())

    def position_of(self, traced: Any) -> tuple[int, tuple[int, ...]]:
        """The offset and strides of a traced array in the node of its memory, in elements."""
        memory = traced.memory
        size = memory.array.itemsize
        if memory.layout is None or not traced.value.size:
            return traced.byte_offset() // size, in_elements(traced.value.strides, size)
        view = traced.view_in_memory()
        view = view_in_layout(view, memory, memory.strides) or view
        return view.offset // size, in_elements(view.strides, size)

    def write(self, target: Any, value: Any) -> None:
        """Record that `value` was assigned to the elements of a traced array."""
        if self.off:
            return
        memory = target.memory
        new = (
            value if isinstance(value, Node) else self.node_of(value if hasattr(value, "shape") else np.asarray(value))
        )
        offset, strides = self.position_of(target)
        shape, dtype = target.value.shape, target.value.dtype
        # (views and inputs have strides of their own, which are not those of the target)
        if (new.shape, new.dtype) != (shape, dtype) or new.weak or new.op in ("view", "input"):
            new = Node("convert", (new,), {}, shape, dtype, line=self.line())
        whole = offset == 0 and shape == memory.array.shape and strides == memory.strides
        if whole and memory.strides == c_strides(shape):
            memory.node = new
        else:
            settings = {"offset": offset, "strides": strides, "shape": shape}
            line = self.line()
            memory.node = Node(
                "update", (memory.node, new), settings, memory.array.shape, dtype, memory.strides, line=line
            )
        memory.version += 1

    def guard(self, node: Node, value: Any, line: str = "") -> None:
        """Record a guard: the plan holds only if the value is the same. One is enough for a node."""
        if self.off or node.op == "constant":
            return
        number = node.operands[0] if node.op == "call" and node.settings["function"] in CONVERTING else node
        if number in self.numbers:  # (it is compared before the plan runs)
            source = self.numbers[number]
            source.fixed_at = source.fixed_at or line or self.line()
            return
        key = node
        if node.op == "call" and node.settings["function"] in PURE and not node.settings["keywords"]:
            arguments = node.settings["arguments"]
            if all(type(x) is Slot or type(x) in PLAIN for x in arguments):  # (0.0 and -0.0, 1 and True differ)
                key = node.settings["function"], node.operands, repr(arguments)  # type: ignore[assignment]
        if key not in self.guarded:
            self.guarded.add(key)
            weak = number.weak
            self.effects.append(Node("guard", (node,), {"value": value}, weak=weak, line=line or self.line()))

    def remember_state(self, generator: Any) -> None:
        """Keep the state of a random generator before the first draw."""
        if id(generator) not in self.streams:
            self.streams[id(generator)] = (generator, stream_state(generator))


@functools.cache
def slot(index: int) -> Slot:
    return Slot(index)


@functools.lru_cache(1024)
def in_elements(strides: tuple[int, ...], size: int) -> tuple[int, ...]:
    return tuple(s // size for s in strides)


def real(value: Any) -> Any:
    """Nested arguments with real arrays instead of traced ones."""
    if type(value) in PLAIN:
        return value
    if level_of(value) == TRACED:
        value.memory.used = True
        return value.value
    if type(value) is list or isinstance(value, tuple):
        parts = [real(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: real(part) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(real(value.start), real(value.stop), real(value.step))
    return value


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are bitwise equal."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
