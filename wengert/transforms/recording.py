"""One recorded run of a function with marked inputs, from which every transform starts.

When results are Variables
--------------------------
A transform returns plain arrays, by a backward pass that records nothing, unless the result depends on a Variable that
is referenced elsewhere: one among its arguments, or one that the function has closed over (the input of an outer
transform, a Parameter). Its results are then Variables, so that the outer derivative is right. Where nothing is
recorded (in a `no_grad` block), they are always plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.arrays.ownership import take_exclusive
from wengert.arrays.values import is_foreign
from wengert.checks import options
from wengert.checks.conversions import Differentiating
from wengert.checks.errors import GraphError, describe
from wengert.checks.variables import to_array
from wengert.core.backprop import propagate
from wengert.core.mode import changed, current_mode
from wengert.core.node import maker_of, next_number
from wengert.core.variable import Variable, annotate, array_of, as_variable, attach, gradient_dtype, is_array, note_of
from wengert.custom.dependence import outside
from wengert.custom.marks import mark_inputs
from wengert.transforms.containers import has_variable, leaves, leaves_of, match, rebuild, values_of
from wengert.writes.stand_ins import called
from wengert.writes.written import NUMBER, present

__all__ = ["Recorded", "as_input", "check_call", "cotangents", "pull", "recording", "selected", "zeros_like"]


class Recorded:
    """A run of ``f(*args, **kwargs)``, recorded with respect to the arguments at `places`.

    Attributes
    ----------
    inputs : list of Variable
        The marked inputs: the leaves of the chosen arguments, in order.
    result, aux : object
        The results of `f`.
    create_graph : bool
        Whether results must be Variables with a graph.
    """

    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        places: Sequence[int],
        has_aux: bool = False,
        copied: bool = False,
    ) -> None:
        mode = current_mode.get()
        self.name = name
        values = [x if type(x) is np.ndarray or type(x) is float else present(x) for x in args]
        self.chosen = [values[n] for n in places]
        named = [leaf for n in places for leaf in leaves(values[n], f"argument {n}")]
        token = current_mode.set(changed(mode, record=True))
        try:
            self.inputs = mark_inputs([as_input(name, where, value, copied) for where, value in named])
            for i, (_, value) in enumerate(named):
                if isinstance(value, (float, complex)):  # (np.float64 is a float)
                    maker_of(self.inputs[i])._kept = NUMBER  # which is immutable, as in NumPy
            floor = maker_of(self.inputs[-1])._number if self.inputs else next_number()
            full, inputs = list(args), iter(self.inputs)
            for n in places:
                full[n] = rebuild(values[n], inputs)
            with Differentiating(self.inputs):
                self.result = present(called(f, full, kwargs))
        finally:
            current_mode.reset(token)
        self.aux: Any = None
        if has_aux:
            if not isinstance(self.result, tuple) or len(self.result) != 2:
                raise TypeError(
                    f"{name} with has_aux=True takes a function that returns a pair (value, anything else), "
                    f"but got {describe(self.result)}; return such a pair, or leave has_aux out"
                )
            self.result, self.aux = self.result
        self.create_graph = mode.record and (
            has_variable(*values, *(present(kwargs).values() if kwargs else ())) or self._depends_on_others(floor)
        )

    def _depends_on_others(self, floor: int) -> bool:
        made = leaves_of(self.result) if self.aux is None else leaves_of((self.result, self.aux))
        roots = [y for y in made if isinstance(y, Variable) and not note_of(y, "zeros")]
        marks = {maker_of(x)._number for x in self.inputs}
        for value in outside(roots, floor):
            maker = maker_of(value)
            if maker is None or maker._number not in marks:
                return True
        return False

    def outputs(self) -> list[tuple[str, Any]]:
        """List the leaves of the result, named, each of them a Variable or a plain array."""
        found = []
        for where, y in leaves(self.result, "the result"):
            if isinstance(y, Variable):
                check_recorded(self.name, where, y)
            elif np.isscalar(y) and not isinstance(y, (str, bytes)):
                y = np.asarray(y)
            elif not is_array(y):
                raise TypeError(
                    f"{self.name} takes a function that returns arrays, or dicts, lists and tuples of them, but "
                    f"{where} is {describe(y)}; return what is to be differentiated"
                )
            found.append((where, y))
        return found

    def scalar(self) -> Any:
        """Return the result, which must be one real number, as a Variable."""
        y = self.result
        hint = "; give has_aux=True for a pair (value, anything else)" if isinstance(y, tuple) else ""
        number = isinstance(y, (int, float, complex, np.generic))
        if not (isinstance(y, Variable) or is_array(y) or number):
            raise TypeError(
                f"{self.name} takes a function that returns one number, but got {describe(y)}; "
                f"return an array of shape (){hint}"
            )
        y = as_variable(np.asarray(y) if number else y)
        if y.shape != ():
            raise ValueError(
                f"{self.name} takes a function that returns one number, of shape (), but got shape {y.shape}; "
                "make it one (np.sum, np.mean, y[0]), or see jacobian for all its derivatives"
            )
        if y.dtype.kind != "f":
            raise TypeError(
                f"{self.name} takes a function that returns a real floating number, but got {describe(y)}; "
                + ("take np.real, np.imag or np.abs of it" if y.dtype.kind == "c" else "it has no derivative")
            )
        check_recorded(self.name, "the result", y)
        return y

    def arguments(self, found: Sequence[Any], single: bool) -> Any:
        """Arrange one value for each input in the containers of the chosen arguments."""
        values = iter(found)
        trees = [rebuild(tree, values) for tree in self.chosen]
        return trees[0] if single else tuple(trees)

    def given(self, tree: Any) -> Any:
        """Return the result of `f`, as returned to the user."""
        return tree if self.create_graph else values_of(tree)


def recording() -> bool:
    """Whether calls are being recorded."""
    return current_mode.get().record


def check_recorded(name: str, where: str, y: Variable) -> None:
    """Raise if a result was computed where nothing is recorded."""
    if maker_of(y) is None and note_of(y, "no_grad"):
        raise GraphError(
            f"{name} differentiates what is recorded, but {where}, {describe(y)}, was computed in a no_grad block "
            "inside the function; compute it outside that block, or return y.data for a constant"
        )


def as_input(name: str, where: str, value: Any, copied: bool = False) -> Variable:
    """Make a Variable of an argument to differentiate with respect to."""
    if type(value) is np.ndarray and value.dtype.kind in "fc":  # (the usual ones first)
        return attach(None, value.copy(order="K") if copied else value)  # type: ignore[no-any-return]
    if type(value) is float:
        return attach(None, np.array(value))  # type: ignore[no-any-return]
    if isinstance(value, Variable):
        x = value
        if array_of(x) is None:
            raise TypeError(f"{name} differentiates with respect to arrays, but {where} is a Variable that holds None")
    elif np.isscalar(value) and not isinstance(value, (str, bytes)):
        number: Any = value
        x = Variable(number.as_array() if level_of(number) == TRACED else np.array(number))
    elif is_array(value) or isinstance(value, np.ndarray):
        x = Variable(value.copy(order="K") if copied else value)
    else:
        convert = "convert it (np.asarray(a)), " if is_foreign(value) else ""
        raise TypeError(
            f"{name} differentiates with respect to arrays, Variables, floats, and dicts, lists, tuples and None of "
            f"them, but {where} is {describe(value)}; {convert}leave it out by argnums, or let the function close over "
            "it"
        )
    if x.dtype.kind not in "fc":
        raise TypeError(
            f"{name} differentiates with respect to real or complex floating numbers, but {where} is "
            f"{describe(value)}; convert it (2.0 for 2, array.astype(float)), leave it out by argnums, or let the "
            "function close over it"
        )
    return x


def selected(name: str, args: Sequence[Any], argnums: int | Sequence[int]) -> list[int]:
    """Return the positions of the arguments to differentiate with respect to."""
    if type(argnums) is int and 0 <= argnums < len(args):
        return [argnums]
    wanted = [argnums] if isinstance(argnums, int) else list(argnums)
    places = [n + len(args) if n < 0 else n for n in wanted]
    if any(not 0 <= n < len(args) for n in places):
        raise TypeError(
            f"{name} with argnums={argnums!r} differentiates with respect to positional arguments, but the call has "
            f"{len(args)} of "
            "them; give the argument by position"
        )
    if len(set(places)) != len(places):
        raise ValueError(f"{name} takes each argument once, but got argnums={argnums!r}")
    return places


def check_call(name: str, f: Any, argnums: Any, has_aux: Any = False, unmodified: Any = False) -> None:
    """Raise TypeError unless `f` can be called and `argnums` names arguments."""
    if not callable(f):
        raise TypeError(f"{name} takes a function, but got {describe(f)}; write {name}(lambda x: ...)(x)")
    options.flag(has_aux, "has_aux", name)
    options.flag(unmodified, "unmodified", name)
    several = isinstance(argnums, (tuple, list))
    if any(not isinstance(n, int) or isinstance(n, bool) for n in (argnums if several else [argnums])):
        raise TypeError(f"argnums of {name} is an int or a tuple of ints, but got {argnums!r}")


def pull(roots: Sequence[Any], gradients: Sequence[Any], create_graph: bool, inputs: Sequence[Variable]) -> list[Any]:
    """Propagate gradients to `inputs` (zeros if unreachable): Variables if `create_graph`, else unshared arrays."""
    if not inputs:
        return []
    pairs = [(y, g) for y, g in zip(roots, gradients, strict=True) if g is not None and isinstance(y, Variable)]
    roots = [y for y, _ in pairs]
    gradients = [
        (g if type(g) is np.ndarray else as_variable(g)) if create_graph else getattr(g, "_data", g) for _, g in pairs
    ]
    del pairs
    found = propagate(roots, gradients, create_graph, inputs=inputs)
    if create_graph:
        return [as_result(found.pop(x)) if x in found else zeros_like(x, True) for x in inputs]
    return [take_exclusive(found, x) if x in found else zeros_like(x, False) for x in inputs]


def as_result(gx: Any) -> Variable:
    """Return a gradient as a Variable. One that is an array depends on nothing."""
    return gx if isinstance(gx, Variable) else annotate(Variable(np.asarray(gx)), "zeros", True)


def zeros_like(x: Any, create_graph: bool) -> Any:
    """Make the derivative where there is no dependence: zeros, a Variable if `create_graph`."""
    zeros = np.zeros(x.shape, gradient_dtype(x.dtype))
    if not create_graph:
        return zeros
    # a constant: results that depend on it alone have no graph
    return annotate(Variable(zeros), "zeros", True)


def cotangents(like: Any, tree: Any, named: Sequence[tuple[str, Any]], what: str, name: str) -> list[Any]:
    """Match the user's values with the leaves of `like` (listed in `named`); check and convert shapes and dtypes."""
    found: list[Any] = []
    for (where, y), value in zip(named, match(like, tree, what), strict=True):
        dtype = gradient_dtype(y.dtype)
        if value is None:
            found.append(None)
            continue
        if not isinstance(value, Variable):
            value = to_array(value)
        if getattr(value, "dtype", np.dtype(object)).kind not in "biufc":
            raise TypeError(f"{what} of {name} must be numbers, but for {where} got {describe(value)}")
        if value.shape != y.shape:
            raise ValueError(
                f"{what} of {name} must have the shape of {where}, {y.shape}, but got {describe(value)}; "
                "reshape or broadcast it first"
            )
        if value.dtype.kind == "c" and dtype.kind != "c":
            raise TypeError(
                f"{what} of {name} must be real, as {where} is, but got {describe(value)}; take its real part first"
            )
        found.append(value if value.dtype == dtype else value.astype(dtype))
    return found
