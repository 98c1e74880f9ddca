"""Valid calls of what wengert itself has: Variables, Functions, transforms, compile, draw."""

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.misuse_kinds import (
    ANY,
    AXES,
    COMPLEX_ARRAY,
    COUNT,
    FLAG,
    FUNCTION,
    INTEGER,
    NAME,
    PATH,
    POSITIVE,
    SEED,
    TEXT,
    Argument,
    Call,
    Kind,
    call,
    integer,
    is_array,
    is_int,
    number,
)  # fmt: skip
from wengert import Function, Parameter, Variable
from wengert.drawing import Drawing

__all__ = ["CALLS"]

HELD = Kind("an ndarray of numbers", lambda v: v is None or (is_array(v, "biufc") and isinstance(v, np.ndarray)))
ARGNUMS = Kind("a position or several", lambda v: is_int(v) or (isinstance(v, tuple | list) and all(map(is_int, v))))
FLAT = Kind("nested arrays", lambda v: is_array(v, "biufc") or isinstance(v, dict | list | tuple))
MODE = Kind("a mode", lambda v: v is None or v in ("forward", "reverse"))
AXES_OF = Kind("axes of arguments", lambda v: v is None or is_int(v) or isinstance(v, list | tuple | dict))
VARIABLE = Kind("a Variable", lambda v: isinstance(v, Variable))
INPUTS = Kind("a sequence of arrays", lambda v: False)
UFUNC = Kind("a ufunc", lambda v: False)
COUNTED = Kind("a number of threads", lambda v: is_int(v) and 1 <= v < 2**63)
PARTIAL = Kind(
    "a function or a number",
    lambda v: callable(v) or (isinstance(v, int | float | complex | np.number) and not isinstance(v, bool)),
)
READS = Kind("names", lambda v: v is None or isinstance(v, str))
NUMPYS = FUNCTION
ORDER = integer(1, 2)


def x() -> Any:
    return Variable(np.array([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]]))


def cube(v: Any) -> Any:
    return np.sum(v**3)


def vector(v: Any) -> Any:
    return v**3


def point() -> Any:
    return np.array([0.5, 1.0])


def method(name: str, *args: Argument, **kwargs: Argument) -> Call:
    """A method of a Variable, whose errors may be those of ndarray's."""
    variable = x()
    made = call(getattr(variable, name), *args, **kwargs)
    return made._replace(numpy=getattr(variable.data.copy(), name), names=(name,), open=False)


def writing(name: str, *args: Argument, **kwargs: Argument) -> Call:
    """A method of a Variable that writes into it, whose errors may be those of ndarray's."""
    variable = x() * 1.0
    made = call(getattr(variable, name), *args, **kwargs)
    return made._replace(numpy=getattr(variable.data.copy(), name), names=(name,), open=False)


def summed() -> Any:
    return np.sum(x() ** 2)


def double(x: Any) -> Any:
    return x * 2


class Cube(Function):
    def forward(self, v: Any) -> Any:
        return v**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.input.data**2 * gy


def registered() -> Any:
    """A function of the user's own, whose row in the table no other call needs."""

    def own(v: Any) -> Any:
        return v

    return own


def called() -> Any:
    """A Function after its call."""
    f = Cube()
    f.kept = f(x())
    return f


def compiled() -> Any:
    return wengert.compile(cube)


CALLS: dict[str, Callable[[], Call]] = {
    "Variable": lambda: call(Variable, data=HELD(np.ones(2)), name=NAME("x")),
    "Parameter": lambda: call(Parameter, data=HELD(np.ones(2)), name=NAME("x")),
    "Variable.backward": lambda: call(summed().backward, retain_grad=FLAG(False), create_graph=FLAG(False)),
    "Variable.register_hook": lambda: call(x().register_hook, hook=FUNCTION(double)),
    "Gradients.requires_grad_": lambda: call(wengert.Parameter(np.ones(2)).requires_grad_, value=FLAG(False)),
    "Variable.set_creator": lambda: call(
        x().set_creator, func=Kind("a call that was recorded", lambda v: False)(called())
    ),
    "Variable.data": lambda: call(lambda value: setattr(x(), "data", value), value=HELD(np.ones((2, 3)))),
    "Variable.grad": lambda: call(
        lambda value: setattr(x(), "grad", value),
        value=Kind("a gradient or None", lambda v: v is None or is_array(v, "biufc"))(np.ones((2, 3))),
    ),
    "Variable.name": lambda: call(lambda value: setattr(x(), "name", value), value=NAME("y")),
    "Function.__call__": lambda: call(Cube(), COMPLEX_ARRAY(x())),
    "Exp": lambda: call(wengert.Exp(), COMPLEX_ARRAY(x()))._replace(names=("exp",)),
    "Square": lambda: call(wengert.Square(), COMPLEX_ARRAY(x()))._replace(names=("square",)),
    "exp": lambda: call(wengert.exp, COMPLEX_ARRAY(x())),
    "square": lambda: call(wengert.square, COMPLEX_ARRAY(x())),
    "Function": lambda: call(Cube),
    "as_array": lambda: call(wengert.as_array, x=ANY(1.0)),
    "as_variable": lambda: call(wengert.as_variable, x=ANY(1.0)),
    "audit": lambda: call(wengert.audit),
    "check_grad": lambda: call(
        wengert.check_grad, FUNCTION(cube), FLAT(point()), order=ORDER(1), eps=POSITIVE(1e-3),
        rtol=number(0).optional(None), atol=number(0).optional(None), seed=SEED(0),
    )._replace(names=("cube",)),
    "checkpoint": lambda: call(wengert.checkpoint, f=FUNCTION(cube)),
    "checkpoint, called": lambda: call(wengert.checkpoint(cube), ANY(x()))._replace(names=("cube",)),
    "compile": lambda: call(
        wengert.compile, function=FUNCTION.optional(cube), verify=integer(0, 2**63)(0), ahead=FLAG(False),
        unmodified=FLAG(False),
        runner=FUNCTION(lambda *args: None),
    ),
    "Compiled.__call__": lambda: call(compiled(), ANY(point()))._replace(names=("cube",)),
    "Compiled.eager": lambda: call(compiled().eager, ANY(point()))._replace(names=("cube",)),
    "Compiled.profile": lambda: call(compiled().profile, ANY(x()))._replace(names=("cube",), errors=(RuntimeError,)),
    "composition": lambda: call(wengert.composition, function=NUMPYS(registered())),
    "composition, applied": lambda: call(wengert.composition(registered()), FUNCTION(double)),
    "debug": lambda: call(wengert.debug),
    "derivative": lambda: call(
        wengert.derivative, UFUNC(np.frompyfunc(double, 1, 1)), PARTIAL(lambda x: 2.0), poles=FLAG(False)
    ),
    "dispatched": lambda: call(wengert.dispatched, function=FUNCTION(registered())),
    "draw": lambda: call(
        wengert.draw, y=VARIABLE(summed()), model=ANY(None), names=FLAG(True),
        verbose=FLAG(True),
    ),
    "Drawing": lambda: call(Drawing, diagram=ANY(wengert.draw(summed()).diagram), functions=ANY(1), values=ANY(1)),
    "Drawing.save": lambda: call(wengert.draw(summed()).save, path=PATH("g.dot"), timeout=POSITIVE(5.0)),
    "Drawing.render": lambda: call(
        wengert.draw(summed()).render, form=ANY("svg"), timeout=POSITIVE(5.0), purpose=ANY("")
    )._replace(errors=(OSError, RuntimeError)),
    "enable_grad": lambda: call(wengert.enable_grad),
    "zeros": lambda: call(wengert.zeros, shape=ANY(2), dtype=ANY(float), order=ANY("C"))._replace(numpy=np.zeros),
    "empty": lambda: call(wengert.empty, shape=ANY(2), dtype=ANY(float), order=ANY("C"))._replace(numpy=np.empty),
    "ones": lambda: call(wengert.ones, shape=ANY(2), dtype=ANY(float), order=ANY("C"))._replace(numpy=np.ones),
    "full": lambda: call(
        wengert.full, shape=ANY(2), fill_value=ANY(1.0), dtype=ANY(float), order=ANY("C")
    )._replace(numpy=np.full),
    "eye": lambda: call(wengert.eye, N=ANY(2), M=ANY(3), k=ANY(0), dtype=ANY(float), order=ANY("C"))._replace(
        numpy=np.eye
    ),
    "array": lambda: call(wengert.array, object=ANY([1.0]), dtype=ANY(float), copy=ANY(True), ndmin=ANY(0))._replace(
        numpy=np.array
    ),
    "unmodified": lambda: call(wengert.unmodified),
    "flatten": lambda: call(wengert.flatten, tree=FLAT.optional({"a": point(), "b": [1.0]})),
    "flatten, back": lambda: call(wengert.flatten({"a": point()})[1], ANY(point())),
    "generator": lambda: call(wengert.generator),
    "get_num_threads": lambda: call(wengert.get_num_threads),
    "is_training": lambda: call(wengert.is_training),
    "no_grad": lambda: call(wengert.no_grad),
    "test_mode": lambda: call(wengert.test_mode),
    "train_mode": lambda: call(wengert.train_mode),
    "grad": lambda: call(
        wengert.grad, f=FUNCTION(cube), argnums=ARGNUMS(0), has_aux=FLAG(False), unmodified=FLAG(False)
    ),
    "value_and_grad": lambda: call(
        wengert.value_and_grad, f=FUNCTION(cube), argnums=ARGNUMS(0), has_aux=FLAG(False), unmodified=FLAG(False)
    ),
    "hessian": lambda: call(
        wengert.hessian, f=FUNCTION(cube), argnums=ARGNUMS(0), unmodified=FLAG(False), chunk_size=COUNT.optional(2)
    ),
    "jacobian": lambda: call(
        wengert.jacobian,
        f=FUNCTION(vector),
        argnums=ARGNUMS(0),
        unmodified=FLAG(False),
        chunk_size=COUNT.optional(2),
        mode=MODE("reverse"),
    ),
    "linearize": lambda: call(wengert.linearize, FUNCTION(vector), COMPLEX_ARRAY(point())),
    "vmap": lambda: call(wengert.vmap, f=FUNCTION(vector), in_axes=AXES_OF(0), out_axes=AXES_OF(0)),
    "sparsity": lambda: call(wengert.sparsity, FUNCTION(vector), COMPLEX_ARRAY(point()), argnums=INTEGER(0)),
    "sparse_jacobian": lambda: call(
        wengert.sparse_jacobian, FUNCTION(vector), COMPLEX_ARRAY(point()), argnums=INTEGER(0), mode=MODE("reverse")
    ),
    "sparse_hessian": lambda: call(wengert.sparse_hessian, FUNCTION(cube), COMPLEX_ARRAY(point()), argnums=INTEGER(0)),
    "hvp": lambda: call(wengert.hvp, f=FUNCTION(cube), args=INPUTS((point(),)), vectors=INPUTS((point(),))),
    "jvp": lambda: call(wengert.jvp, f=FUNCTION(vector), primals=INPUTS((point(),)), tangents=INPUTS((point(),))),
    "vjp": lambda: call(wengert.vjp, FUNCTION(vector), COMPLEX_ARRAY(point())),
    "vjp, pulled": lambda: call(wengert.vjp(vector, point())[1], COMPLEX_ARRAY.optional(point())),
    "numerical_diff": lambda: call(
        wengert.numerical_diff, f=FUNCTION(vector), x=VARIABLE(Variable(point())), eps=POSITIVE(1e-4)
    ),
    "piecewise_constant": lambda: call(wengert.piecewise_constant, NUMPYS(registered())),
    "pullback": lambda: call(
        wengert.pullback, function=NUMPYS(registered()), argument=TEXT("v"), reads=READS("v"), linear=FLAG(False)
    ),
    "refused": lambda: call(wengert.refused, NUMPYS(registered()), instead=TEXT("x.data")),
    "seed": lambda: call(wengert.seed, number=SEED(0)),
    "set_num_threads": lambda: call(wengert.set_num_threads, count=COUNTED(1)),
    "ArrayInterface.nonzero": lambda: method("nonzero"),
    **{
        f"{name}, called": lambda name=name: call(
            getattr(wengert, name)(vector if name == "jacobian" else cube), COMPLEX_ARRAY(point())
        )._replace(names=("cube", "vector"))
        for name in ("grad", "value_and_grad", "hessian", "jacobian")
    },
    # The methods of a Variable, which are NumPy's
    "ArrayInterface.item": lambda: method("item", ANY(0), ANY(1)),
    "ArrayInterface.tobytes": lambda: method("tobytes", order=ANY("C")),
    "ArrayInterface.astype": lambda: method("astype", dtype=ANY(np.float32)),
    "ArrayInterface.choose": lambda: call(Variable(np.array([0, 1])).choose, ANY([point(), point()]))._replace(
        numpy=np.array([0, 1]).choose
    ),
    "ArrayInterface.clip": lambda: method("clip", ANY(1.0), ANY(2.0)),
    "ArrayInterface.compress": lambda: method("compress", condition=ANY([True, False]), axis=AXES(0)),
    "ArrayInterface.dot": lambda: method("dot", ANY(np.ones((3, 2)))),
    "ArrayInterface.repeat": lambda: method("repeat", ANY(2), ANY(0)),
    "ArrayInterface.reshape": lambda: method("reshape", ANY(3), ANY(2), order=ANY("C")),
    "ArrayInterface.round": lambda: method("round", ANY(1)),
    "ArrayInterface.searchsorted": lambda: call(Variable(point()).searchsorted, ANY(0.7))._replace(
        numpy=point().searchsorted
    ),
    "ArrayInterface.swapaxes": lambda: method("swapaxes", ANY(0), ANY(1)),
    "ArrayInterface.take": lambda: method("take", ANY([0, 1]), ANY(0)),
    "ArrayInterface.trace": lambda: method("trace", ANY(0), ANY(0), ANY(1)),
    "ArrayInterface.transpose": lambda: method("transpose", ANY(1), ANY(0)),
    "ArrayInterface.diagonal": lambda: method("diagonal", ANY(0), ANY(0), ANY(1)),
    **{f"{kind}.__getitem__": lambda: method("__getitem__", ANY(0)) for kind in ("Variable", "ArrayInterface")},
    **{
        f"{kind}.__setitem__": lambda: writing("__setitem__", ANY(0), ANY(1.0))
        for kind in ("Variable", "ArrayInterface")
    },
    "ArrayInterface.fill": lambda: writing("fill", ANY(1.0)),
    "ArrayInterface.partition": lambda: writing("partition", ANY(1), ANY(0)),
    "ArrayInterface.put": lambda: writing("put", ANY(0), ANY(1.0)),
    "ArrayInterface.sort": lambda: writing("sort", ANY(0)),
    "ArrayInterface.argpartition": lambda: method("argpartition", ANY(1), ANY(0)),
}  # fmt: skip
for one in ("all", "any", "argmax", "argmin", "argsort", "cumprod", "cumsum", "max", "mean", "min", "prod", "squeeze",
            "std", "sum", "var"):  # fmt: skip
    CALLS[f"ArrayInterface.{one}"] = lambda name=one: method(name, *([] if name == "squeeze" else [ANY(0)]))  # type: ignore[misc]
for one in ("copy", "flatten", "ravel"):
    CALLS[f"ArrayInterface.{one}"] = lambda name=one: method(name, ANY("C"))  # type: ignore[misc]
for one in ("sum", "mean", "max", "std"):
    CALLS[f"ArrayInterface.{one}, keepdims"] = lambda name=one: method(name, axis=ANY(0), keepdims=ANY(True))  # type: ignore[misc]
for unused in (COUNT, INTEGER):
    assert unused
