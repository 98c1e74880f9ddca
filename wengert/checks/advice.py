"""What to write in place of a function that makes Python numbers or plain arrays of Variables."""

from __future__ import annotations

import importlib
import operator
import sys
from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.checks.errors import ConversionError
from wengert.checks.frames import CONVERTING, called_function, library_of, module_of
from wengert.checks.instructions import named, site

__all__ = [
    "ARRAYS",
    "ASSIGNED",
    "LOST",
    "NOT_DISPATCHED",
    "array_function",
    "as_operand",
    "converted",
    "in_place_of",
    "into_plain",
    "left_the_graph",
    "of_frame",
    "title_of",
]

LOST = "would silently leave the graph"
OUT = "leave the graph: x.data"
ALONE = "give it x.data where no derivative is wanted"
OWN = 'or put the lines into a function, and give it a pullback: wengert.dispatched, @wengert.pullback(f, "a")'
NUMBER = "give it as a number: float(x.data)"

# In place of the functions of math and cmath that NumPy has by another name or not at all.
MATH = {
    "comb": "scipy.special.binom(n, k)",
    "dist": "np.linalg.norm(p - q)",
    "erf": "scipy.special.erf(x)",
    "erfc": "scipy.special.erfc(x)",
    "fabs": "np.abs(x)",
    "fsum": "np.sum(x)",
    "gamma": "scipy.special.gamma(x)",
    "hypot": "np.hypot(x, y), or np.linalg.norm(x) of more than two",
    "ldexp": "x * 2.0**n",
    "lgamma": "scipy.special.gammaln(x)",
    "nextafter": "x + (np.nextafter(x.data, y) - x.data)",
    "phase": "np.angle(x)",
    "polar": "np.abs(x) and np.angle(x)",
    "rect": "r * np.exp(1j * phi)",
    "remainder": "x - y * np.round(x / y)",
    "sumprod": "np.dot(p, q)",
    "ulp": "np.spacing(x.data)",
}
TAKES_VARIABLES = (
    "make y an array that takes Variables, y = np.zeros(n, like=x), or of what it holds, np.array(y, like=x)"
)
ASSIGNED = (
    f"y[i] = x of an array y and a Variable x {LOST}; {TAKES_VARIABLES}, join a list of values by np.stack, or leave "
    "the graph: y[i] = x.data"
)
FUNCTIONS: dict[Any, str] = {
    complex: "write x + 1j * y",
    np.fromiter: "write np.stack(list(values))",
    operator.setitem: TAKES_VARIABLES,
    np.ndarray.__setitem__: TAKES_VARIABLES,
    np.ndarray.fill: TAKES_VARIABLES,
}


METHODS = {
    "put": TAKES_VARIABLES,
    "fill": TAKES_VARIABLES,
    "fill_diagonal": TAKES_VARIABLES,
    "__setitem__": TAKES_VARIABLES,
    "append": TAKES_VARIABLES,
    "exponential": "write scale * rng.standard_exponential(size)",
    "normal": "write loc + scale * rng.standard_normal(size)",
    "uniform": "write low + (high - low) * rng.random(size)",
}
CONVERTERS = ("np.asanyarray", "np.asarray", "np.asarray_chkfinite")  # by which a function converts its arguments
# In place of what NumPy does not dispatch and converts, by name: an expression, or words.
NOT_DISPATCHED = {
    **dict.fromkeys(
        ("np.array", *CONVERTERS),
        "np.array([a, b], like=a) or np.stack([a, b]) for a list of Variables and numbers, x.copy() for a Variable",
    ),
    **dict.fromkeys(
        ("np.ascontiguousarray", "np.asfortranarray", "np.from_dlpack", "np.frombuffer", "np.require"), "x itself"
    ),
    **dict.fromkeys(("np.asmatrix", "np.matrix"), "x itself, of two dimensions"),
    **dict.fromkeys(("np.bartlett", "np.blackman", "np.hamming", "np.hanning"), "the number of points as int(n.data)"),
    **dict.fromkeys(("np.ndenumerate", "np.nditer", "np.nested_iters"), "x[i] for each i in np.ndindex(x.shape)"),
    "np.arange": "np.arange(start, stop, step, like=x)",
    "np.bmat": "np.block([[a, b], [c, d]])",
    "np.broadcast": "np.broadcast_arrays(a, b)",
    "np.full": "np.full(shape, x, like=x)",
    "np.in1d": "np.isin(a, b)",
    "np.isfortran": "np.isfortran(x.data)",
    "np.kaiser": "np.i0(beta * np.sqrt(1 - np.linspace(-1, 1, n) ** 2)) / np.i0(beta)",
    "np.mintypecode": "np.mintypecode([x.dtype.char])",
    "np.trapz": "np.trapezoid(y, x)",
    "np.vectorize": "a function of arrays in its place",
}
# The same, of what NumPy dispatches by another argument, and of what is no function.
ARRAYS = {
    **NOT_DISPATCHED,
    **{f"np.{t.__name__}": f"x.astype(np.{t.__name__})" for t in np.sctypeDict.values() if issubclass(t, np.number)},
    "np.full_like": "np.full(a.shape, x, a.dtype, like=x)",
    "np.nan_to_num": "np.where(np.isnan(a), x, a)",
    "np.poly1d": "np.poly1d(np.stack([a, b]))",
    **dict.fromkeys(
        ("np.polynomial.polynomial.Polynomial", "np.polynomial.polynomial.polyval"), "np.polyval(c[::-1], x)"
    ),
    "AxisConcatenator.__getitem__": "np.hstack([a, b]), or np.column_stack([a, b]) for np.c_",
}
ROOT = (
    "find the root x0 outside the graph, with a.data in place of a, and differentiate one step of Newton's "
    "method: x0 - f(x0, a) / f1, where f1 is the derivative of f with respect to x there, as a number"
)
INTEGRAL = (
    "integrate by a rule of NumPy: nodes, weights = np.polynomial.legendre.leggauss(20), and for the limits a and b "
    "h = (b - a) / 2, h * np.sum(weights * f(a + h * (1 + nodes)))"
)
SCIPY = {
    **dict.fromkeys(
        ("bisect", "brenth", "brentq", "fsolve", "newton", "ridder", "root", "root_scalar", "toms748"), ROOT
    ),
    **dict.fromkeys(("dblquad", "nquad", "quad", "tplquad"), INTEGRAL),
}

# Libraries whose arrays and tables take no Variables on their right, and how one gives a Variable what they hold.
TABLES = {
    "pandas": "a.to_numpy(), as in a.to_numpy() @ x,",
    "polars": "a.to_numpy(), as in a.to_numpy() @ x,",
    "xarray": "a.values, as in a.values @ x,",
    "torch": "a.detach().numpy(), as in a.detach().numpy() @ x,",
    "jax": "np.asarray(a), as in np.asarray(a) @ x,",
}


def in_place_of(function: Any, names: tuple[str, ...]) -> tuple[str, str]:
    """Name the function that was called in the program, by the names in its source, and what to write instead."""
    if function is None:
        return ".".join((names[0] or "y", *names[1:])) if names else "a function", either(
            METHODS.get(names[-1]) if len(names) > 1 else None
        )
    instead = FUNCTIONS.get(function) if getattr(function, "__hash__", None) else None
    if function in (list, tuple, set, sorted, sum, max, min, next):
        return f"a function that {function.__name__} calls", ALONE
    if getattr(function, "__module__", None) in ("math", "cmath"):
        instead = of_math(function)
    name = title_of(function)
    if instead is None and name in ARRAYS:
        instead = f"write {ARRAYS[name]}"
    return name, either(instead)


def either(instead: str | None) -> str:
    """Offer what to write instead, and the way out of the graph."""
    return ALONE if instead is None else f"{instead}, or {OUT}"


def title_of(function: Any) -> str:
    """Name a function as a program does: ``math.sin``, ``np.float64``, ``complex``."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", str(function))
    name = name.replace("ndarray", "np.ndarray", 1)
    if module in (None, "builtins"):
        return name
    return f"{module}.{name}".replace("_operator", "operator").replace("numpy", "np", 1)


def of_math(function: Any) -> str | None:
    """What to write in place of a function of math or cmath."""
    name = function.__name__
    if name in MATH:
        return f"write {MATH[name]}"
    return f"write np.{name}(x)" if hasattr(np, name) else None


def of_frame(frame: Any) -> tuple[str, str] | None:
    """Name the function of a library whose code makes the number, and what to do; None for one of a program."""
    library = library_of(frame)
    if library == "scipy":
        called = called_function(frame)
        name = frame.f_code.co_name if called is None else called.name.rpartition(".")[2]
        return f"SciPy's {name}", SCIPY.get(name, ALONE)
    if library == "std":
        return f"{module_of(frame)}.{frame.f_code.co_qualname}", ALONE
    if not library:
        return None
    while frame.f_back is not None and library_of(frame.f_back) == library:
        frame = frame.f_back
    return ("NumPy's " if library == "numpy" else "") + frame.f_code.co_qualname, NUMBER


def into_plain(name: str, returned: str = "use what it returns") -> TypeError:
    """Make the error for what is to be written into an array that does not take Variables.

    What was called may be another function of NumPy, which makes the array and writes into it.
    """
    called = array_function(sys._getframe(1))
    if called in ARRAYS:
        return TypeError(f"{called} of a Variable {LOST}; write {ARRAYS[called]}, or {OUT}, x.detach()")
    ways = f"{TAKES_VARIABLES}; {returned}; or {OUT}" if returned else f"{TAKES_VARIABLES}, or {OUT}"
    return TypeError(f"{name} of a Variable into a plain array y {LOST}; {ways}")


def converted(x: Any, frame: Any) -> Any:
    """Answer np.asarray(variable) in `frame`: by an error, unless it is asked as an operand."""
    if frame.f_code.co_name == "__array__":  # (of an array that is written to, which asks its present value)
        frame = frame.f_back
    held = as_operand(x, frame)
    if held is None:
        raise left_the_graph(frame)
    return held


def as_operand(x: Any, frame: Any) -> Any:
    """Answer a sparse matrix of SciPy, which asks by np.asarray whether its operand is an array; None for others.

    To what is no array it leaves the operator.
    """
    if frame.f_code.co_name in ("_matmul_dispatch", "_mul_dispatch") and module_of(frame).startswith("scipy.sparse"):
        held = np.empty((), object)
        held[()] = x
        return held
    return None


def left_the_graph(frame: Any) -> ConversionError:
    """Make the error for np.asarray(variable) in `frame`: what to write instead, or how to register the function."""
    listed = converting(frame)
    if listed:
        return ConversionError(f"{listed} takes no Variables; write {CONVERTING[listed]}, or {OUT}")
    called, name = called_function(frame), array_function(frame)
    if called is not None and (ours := opened(called.name)):
        return ConversionError(f"{called.name} takes no Variables; write {ours}, or {OUT}")
    package = table_package(frame)
    if package:
        return ConversionError(
            f"{package} would make an ndarray of a Variable, which {LOST}; write {TABLES[package]} for what {package} "
            f"has, or {OUT}"
        )
    theirs, ours = opened_object(frame)
    if ours:
        return ConversionError(f"{theirs} takes no Variables; write {ours}, or {OUT}")
    given = [] if called is None else [i for i, value in enumerate(called.values) if level_of(value) >= RECORDED]
    of_program = called is None or not called.is_installed
    if name == "y[i] = x":
        return ConversionError(ASSIGNED)
    if name.rpartition(".")[2] in METHODS:
        return ConversionError(f"{name} of a Variable {LOST}; {either(METHODS[name.rpartition('.')[2]])}")
    if name in ARRAYS and of_program and not (given and name in CONVERTERS):
        shown = "np.r_ and np.c_" if name.startswith("Axis") else name
        return ConversionError(f"{shown} of a Variable {LOST}; write {ARRAYS[name]}, or {OUT}, x.detach()")
    if of_program and name.startswith("np.") and name not in CONVERTERS and not given:
        return ConversionError(
            f"{name} of a Variable in a list {LOST}; write {name}(np.stack([a, b])), or {OUT}, x.detach()"
        )
    if module_of(frame).startswith("scipy.sparse"):
        return ConversionError(
            f"a sparse array of SciPy takes Variables in a @ x and x @ a; write a.toarray() in its place, or {OUT}"
        )
    where = f" in {name or frame.f_code.co_qualname}" if library_of(frame) else ""
    where = where if called is None else f" in {called.name}"
    short = "" if called is None else called.name.rpartition(".")[2]
    if short in SCIPY and not given:
        return ConversionError(f"np.asarray of a Variable{where} {LOST}; {SCIPY[short]}")
    ways = (
        f"np.asarray of a Variable{where} {LOST}; leave it by x.data, x.detach(), join a list of Variables by np.stack"
    )
    if called is None:
        return ConversionError(f"{ways}; {OWN}")
    if not given:
        # What is converted comes from a function or a list that was given, and is no argument.
        return ConversionError(
            f"{ways}, or put the call into a function of the arrays that it depends on, and give that a derivative:\n"
            f"    def solved(a): return {called.name}(...)\n{lines('solved', 'solved', 'a', ('a',))}"
        )
    count = max(given[-1] + 1, len(called.parameters) - len(called.function.__defaults__ or ()))
    return ConversionError(
        f"{ways}, or give the function that converts its arguments a derivative, in three lines, and call it by its "
        f"new name:\n{lines(short, called.name, called.parameters[given[0]], called.parameters[:count])}"
    )


def table_package(frame: Any) -> str:
    """Name the library of `TABLES` whose code runs around a frame; empty if there is none."""
    while frame is not None:
        package = module_of(frame).partition(".")[0]
        if package in TABLES:
            return package
        frame = frame.f_back
    return ""


def opened(name: str) -> str:
    """Name the function of `wengert.scipy` that takes Variables in place of SciPy's; empty if there is none."""
    module, _, short = name.rpartition(".")
    if not module.startswith("scipy."):
        return ""
    try:
        there = importlib.import_module(f"wengert.{module}")
    except ImportError:
        return ""
    return f"wengert.{name}" if short in there.__all__ else ""


def opened_object(frame: Any) -> tuple[str, str]:
    """Name the method of an object of SciPy's around a frame, and the object of `wengert.scipy` that has it too."""
    found = "", ""
    while frame is not None:
        package, _, rest = module_of(frame).partition(".")
        me = frame.f_locals.get("self") if package == "scipy" and not rest.startswith("sparse") else None
        if me is not None:
            module = f"scipy.{rest.partition('.')[0]}"
            name = getattr(getattr(me, "dist", me), "name", None)  # of a distribution, or a frozen one
            short = type(me).__name__.removesuffix("_gen").removesuffix("_frozen")
            name = name if isinstance(name, str) else short
            if opened(f"{module}.{name}"):
                method = "" if frame.f_code.co_name.startswith("_") else f".{frame.f_code.co_name}"
                found = f"{module}.{name}{method}", f"wengert.{module}.{name}{method}"
        frame = frame.f_back
    return found


def lines(short: str, name: str, argument: str, parameters: tuple[str, ...]) -> str:
    """Write the three lines that register the derivative of a function with respect to an argument."""
    return (
        f'    {short} = wengert.dispatched({name})\n    @wengert.pullback({short}, "{argument}")\n'
        f"    def {short}_pullback(gy, {', '.join(parameters)}): return ...  # the gradient with respect to {argument}"
    )


def converting(frame: Any) -> str:
    """Return the function around a frame that is listed in `CONVERTING`; empty if there is none."""
    while frame is not None:
        name = f"{module_of(frame)}.{frame.f_code.co_name}"
        if name in CONVERTING:
            return name
        frame = frame.f_back
    return ""


def numpy_name(frame: Any) -> str:
    """Name the public function or class of NumPy whose code runs in a frame; empty if it is not public."""
    qualified = frame.f_code.co_qualname
    if qualified in ARRAYS:
        return str(qualified)
    short, _, method = qualified.partition(".")
    own = module_of(frame)
    if method and "self" in frame.f_locals:
        kind = type(frame.f_locals["self"])
        short, own = kind.__name__, kind.__module__
    for module in ("numpy", "numpy.linalg", "numpy.fft", *([] if "._" in own else [own])):
        found = getattr(sys.modules.get(module), short, None)
        code = getattr(getattr(found, "__wrapped__", found), "__code__", None)
        if code is frame.f_code or (isinstance(found, type) and hasattr(found, method)):
            return f"{module}.{short}".replace("numpy", "np", 1)
    return ""


def array_function(frame: Any) -> str:
    """Name the function of NumPy that a program called, from a frame in which a Variable is converted."""
    name = ""
    while frame is not None and library_of(frame) in ("numpy", "wengert"):
        if library_of(frame) == "numpy":
            name = numpy_name(frame) or name
        frame = frame.f_back
    if name or frame is None or library_of(frame):
        return name
    where = site(frame.f_code, frame.f_lasti)
    if where.operation.startswith("STORE"):
        return "y[i] = x"
    function = named(frame, where.callee)
    if function is None:
        return ".".join((where.callee[0] or "y", *where.callee[1:])) if len(where.callee) > 1 else ""
    return title_of(function)
