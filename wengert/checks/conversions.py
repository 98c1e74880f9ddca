"""Conversions of a Variable to Python numbers: where they would lose a gradient, and what to write instead.

Inside a transform (grad, vjp, hessian, ...) every conversion of a value that depends on the transform's inputs raises.
Elsewhere ``float(x)``, ``int(x)``, ``complex(x)``, ``x.item()``, ``x.tolist()`` and ``map(float, xs)`` in a program are
its way out of the graph. All other conversions, which the program did not ask for (a function of math, an element of an
ndarray that is assigned, a callback of SciPy), raise if the value is connected to a graph.

Which of both it is, the instruction tells that the calling frame stands at (see `instructions`). What cannot be told
(a function that is taken from a container, compiled code without a frame) raises: ``float(x)`` or ``x.data`` in the
program is easily written, and a wrong gradient not easily found. Under `no_grad` nothing would be recorded of the value
anyway, and nothing is checked; printing and formatting (``"%f" % x``) give text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import numpy as np

from wengert.checks.advice import ASSIGNED, LOST, in_place_of, of_frame
from wengert.checks.errors import ConversionError, ExportError, GraphError
from wengert.checks.frames import library_of
from wengert.checks.instructions import named, site

__all__ = ["Differentiating", "check_conversion", "on_variables"]

EXPLICIT = (float, int, complex)
EXPLICIT_METHODS = ("__float__", "__int__", "__complex__")
WRITING = ("json.encoder",)  # modules of the standard library that make text of a number

# The numbers of the calls that mark the inputs of the transforms that are running (in any thread).
RUNNING: set[int] = set()

# The Function whose plain NumPy is being run on Variables, for create_graph: see `on_variables`.
on_variables_of: ContextVar[str | None] = ContextVar("wengert.on_variables_of", default=None)


@contextmanager
def on_variables(name: str) -> Iterator[None]:
    """Run code that was written for arrays on Variables: it may not make Python numbers of them.

    Elsewhere ``float(x)`` is the caller's way out of the graph. Here the caller thinks that it is an array.
    """
    token = on_variables_of.set(name)
    try:
        yield
    finally:
        on_variables_of.reset(token)


differentiating: ContextVar[bool] = ContextVar("wengert.differentiating", default=False)


class Differentiating:
    """A block that runs a function which a transform differentiates with respect to marked `inputs`.

    NumPy has its own error for ``y[i] = x``, and ours is the cause of it: here it is raised in its place.
    """

    __slots__ = ("numbers", "token")

    def __init__(self, inputs: Iterable[Any]) -> None:
        self.numbers = [x._creator._number for x in inputs]
        self.token: Any = None

    def __enter__(self) -> None:
        RUNNING.update(self.numbers)
        self.token = differentiating.set(True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        RUNNING.difference_update(self.numbers)
        differentiating.reset(self.token)
        if isinstance(error, ValueError) and isinstance(error.__cause__, ConversionError):
            raise ConversionError(str(error.__cause__)).with_traceback(traceback) from None


def check_conversion(x: Any, method: Any) -> None:
    """Raise if Python numbers may not be made of the Variable `x` in the frame of a `method` (``__float__``, ...)."""
    if method.f_code.co_name == "__dlpack__":
        check_export(x)
        return
    array, frame = x._data, method.f_back
    if frame is not None and frame.f_code.co_name == "of_math":  # (see `wengert.writes.stand_ins`)
        frame = frame.f_back
    if array is None or frame is None:
        return
    floating = array.dtype.kind in "fc"
    library = library_of(frame)
    if floating and on_variables_of.get() is not None and library != "wengert":
        raise not_an_array(frame)
    explicit = is_explicit(frame, method.f_code.co_name, library)
    if explicit is None or (not floating and (explicit or library == "numpy")):
        return  # text; or integers, which count and choose, and have no derivative
    if depends_on_inputs(x):
        if explicit:
            raise inside_a_transform(method.f_code.co_name, frame)
    elif explicit or not is_connected(x):
        return
    raise made_by_others(frame)


def check_export(x: Any) -> None:
    """Raise ExportError if another library may not have the memory of the Variable `x`."""
    if x._data is None:
        raise ExportError("a Variable that holds None has no memory; give it an array first: x.data = a")
    if x._data.dtype.kind in "fc" and (is_connected(x) or depends_on_inputs(x)):
        raise ExportError(
            f"another library's array of a Variable with a graph, or a leaf that can have a gradient, {LOST}; export "
            "it detached: torch.from_dlpack(x.detach()), np.from_dlpack(x.detach())"
        )


def is_explicit(frame: Any, method: str, library: str) -> bool | None:
    """Whether the program asks for the conversion itself; None where it is for text."""
    others = library in ("numpy", "scipy", "std")
    if method not in EXPLICIT_METHODS:  # item, tolist, tobytes
        return not others
    where = site(frame.f_code, frame.f_lasti)
    if where.operation == "%" or (others and frame.f_globals.get("__name__") in WRITING):
        return None
    if others:
        return False
    if any(named(frame, (name,)) in EXPLICIT for name in where.mapped):
        return True
    return named(frame, where.callee) in EXPLICIT or (len(where.callee) > 1 and where.callee[-1] in EXPLICIT_METHODS)


def depends_on_inputs(x: Any) -> bool:
    """Whether a value was computed from an input of a running transform, other than by steps (``np.floor``)."""
    floor = min(tuple(RUNNING), default=None)
    return floor is not None and reaches(x, lambda edge, number: number in RUNNING, floor)


def is_connected(x: Any) -> bool:
    """Whether a value was computed from a leaf that can have a gradient, or is one."""
    return reaches(x, lambda edge, number: not number and can_have_gradient(edge), 0)


def can_have_gradient(leaf: Any) -> bool:
    """Whether a leaf is neither a constant of a transform, nor detached, nor a result computed under no_grad."""
    notes = getattr(leaf, "_notes", None) or {}
    without = notes.get("no_grad") or notes.get("zeros") or notes.get("detached")
    return hasattr(leaf, "_data") and leaf.is_trained and not without


def reaches(x: Any, found: Callable[[Any, int], bool], floor: int) -> bool:
    """Whether `found` holds for an edge and the number of its call (0 for none), walking down to the number `floor`."""
    seen: set[int] = set()
    pending = [x]
    while pending:
        edge = pending.pop()
        maker = edge if hasattr(edge, "_edges") else getattr(edge, "_creator", None)
        number = 0 if maker is None else maker._number
        if found(edge, number):
            return True
        if maker is not None and number >= floor and number not in seen:
            seen.add(number)
            pending += [e for e, zero in zip(maker._edges, steps(maker), strict=True) if not zero]
    return False


def steps(maker: Any) -> list[bool]:
    """For each edge of a call, whether the derivative with respect to it is 0 wherever it exists."""
    kind, edges = type(maker), maker._edges
    if isinstance(getattr(kind, "ufunc", None), np.ufunc) and len(getattr(kind, "partials", ())) == len(edges):
        return [not reads and function == 0 for function, reads in kind.partials]
    function = getattr(kind, "function", None)
    is_step = function is np.round or function is np.around or function is np.fix
    return [is_step or (function is np.sign and edges[0].dtype.kind != "c")] * len(edges)


def inside_a_transform(method: str, frame: Any) -> ConversionError:
    """Make the error for a conversion that the program asks for where its gradient would be 0."""
    if method not in EXPLICIT_METHODS:
        written, instead = f"x.{method}()", f"x.data.{method}()"
    elif method == "__complex__":
        return ConversionError(f"complex(x, y) {INSIDE}; write x + 1j * y, or leave the graph: complex(x.data)")
    else:
        kind = method.strip("_")
        written, instead = f"{kind}(x)", f"{kind}(x.data)"
    return ConversionError(f"{written} {INSIDE}; stay with arrays, or leave the graph: {instead}")


INSIDE = f"of a value that depends on the inputs of a transform (grad, jvp, ...) {LOST}, and its derivative would be 0"


def made_by_others(frame: Any) -> ConversionError:
    """Make the error for a conversion that the program has not asked for."""
    where = site(frame.f_code, frame.f_lasti)
    if where.operation.startswith("STORE"):
        return ConversionError(ASSIGNED)
    who, instead = of_frame(frame) or in_place_of(named(frame, where.callee), where.callee)
    return ConversionError(f"{who} makes a number of a Variable, which {LOST}; {instead}")


def not_an_array(frame: Any) -> GraphError:
    """Make the error for a conversion in code that was written for arrays."""
    return GraphError(
        f"create_graph runs {on_variables_of.get()} on Variables, but at {frame.f_code.co_filename}, line "
        f"{frame.f_lineno} it makes a Python number of one (float, item, tolist, or a function of math), where the "
        "graph would be lost; stay with arrays, and np.exp(x) in place of math.exp(x)"
    )
