"""What each public function of NumPy, and of SciPy by `wengert.scipy`, does with a Variable, without exception.

Every callable of numpy, numpy.linalg and numpy.fft, and where SciPy is installed every ufunc of scipy.special and every
function of the modules of `wengert.scipy`, is in exactly one of five lists. Functions that NumPy dispatches are looked
up in the table of derivatives; the others are named here.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.table import CONSTANT_UFUNCS, FUNCTIONS, UFUNCS, read_late_tables
from wengert.batching.batched import RULES, UFUNC_RULES
from wengert.batching.loop import body_of
from wengert.batching.rules import LOOPS
from wengert.checks.advice import NOT_DISPATCHED
from wengert.checks.refusals import name_of
from wengert.core.numpy_call import NumPyCall
from wengert.custom.registration import DEFINITIONS, REFUSED, calls_plain
from wengert.functions.singular_points import Point, in_words, singular_set
from wengert.writes.creation import CONSTANTS_LIKE, CREATING, OF_VARIABLES

__all__ = ["Audit", "Row", "audit"]

LACKS = "has no derivative here"
BATCHED, BY_COMPOSITION, AS_LOOP = "batched", "by composition", "as a loop"
DIFFERENTIABLE, CONSTANT, REFUSES = "differentiable", "piecewise constant", "refused"
CREATES, NO_ARRAYS = "makes arrays", "takes no arrays"
STATUSES = (DIFFERENTIABLE, CREATES, CONSTANT, REFUSES, NO_ARRAYS)

# Not dispatched; they convert their arguments, which a Variable refuses. {what to write: names}
CONVERTS: dict[str, str] = {}
_creating = {f"np.{_function.__name__}" for _function in CREATING}
for _name, _instead in NOT_DISPATCHED.items():
    if _name in _creating:
        continue  # (these are dispatched by like=)
    CONVERTS[_instead] = f"{CONVERTS.get(_instead, '')} {_name}".strip()

# Functions that take no arrays that could be Variables. {why: names}
TAKES_NO_ARRAYS: dict[str, str] = {
    "scalar types and dtypes": "np.bool np.bool_ np.byte np.bytes_ np.cdouble np.character "
    "np.clongdouble np.complex128 np.complex192 np.complex256 np.complex64 np.complexfloating np.csingle "
    "np.datetime64 np.double np.flexible np.float128 np.float16 np.float32 np.float64 np.float96 np.floating "
    "np.generic np.half np.inexact np.int16 np.int32 np.int64 np.int8 np.int_ np.intc np.integer np.intp np.long "
    "np.longdouble np.longlong np.number np.object_ np.record np.short np.signedinteger np.single np.str_ "
    "np.timedelta64 np.ubyte np.uint np.uint16 np.uint32 np.uint64 np.uint8 np.uintc np.uintp np.ulong "
    "np.ulonglong np.unsignedinteger np.ushort np.void",
    "queries of types and shapes": "np.broadcast_shapes np.datetime_data np.dtype np.finfo np.iinfo np.isdtype "
    "np.issubdtype np.promote_types np.typename",
    "created from lengths": "np.diag_indices np.fft.fftfreq np.fft.rfftfreq np.indices "
    "np.mask_indices np.ndarray np.ndindex np.recarray np.tril_indices np.triu_indices",
    "created from functions, which may use Variables": "np.frompyfunc",
    "created from files and text": "np.fromregex np.load np.memmap",
    "the text of one number": "np.base_repr np.binary_repr np.format_float_positional np.format_float_scientific",
    "queries of Python objects": "np.isscalar np.iterable",
    "settings and information": "np.errstate np.get_include np.get_printoptions np.getbufsize np.geterr "
    "np.geterrcall np.info np.printoptions np.set_printoptions np.setbufsize np.seterr np.seterrcall "
    "np.show_config np.show_runtime np.test np.linalg.test np.fft.test",
    "other classes": "np.busdaycalendar np.flatiter np.ufunc np.linalg.LinAlgError",
}

# Those of SciPy that take numbers and names alone
MADE_OF_LENGTHS = frozenset(
    f"wengert.scipy.{module}.{name}"
    for module, names in {
        "fft": "fftfreq next_fast_len prev_fast_len rfftfreq",
        "linalg": "dft hadamard helmert hilbert invhilbert invpascal pascal",
        "signal": "get_window unit_impulse",
        "sparse": "eye eye_array identity",
        "special": "bernoulli euler",
    }.items()
    for name in names.split()
)

# Functions that write into their first argument, and the arguments that they are differentiable with respect to.
WRITING: dict[Any, tuple[str, ...]] = {
    np.copyto: ("dst", "src"),
    np.fill_diagonal: ("a", "val"),
    np.place: ("arr", "vals"),
    np.put: ("a", "v"),
    np.put_along_axis: ("arr", "values"),
    np.putmask: ("a", "values"),
}

# Not dispatched: they pass the Variables that they are given to the functions beside them.
OTHER_NAMES = {"np.poly1d": np.polyval, "np.row_stack": np.vstack}

NAMESPACES = {"np": "numpy", "np.linalg": "numpy.linalg", "np.fft": "numpy.fft"}


class Row(NamedTuple):
    """What one function does with a Variable."""

    name: str
    lists: tuple[str, ...]  # the lists that it is in, which should be one
    arguments: tuple[str, ...] = ()  # those that it is differentiable with respect to; empty for a composition
    note: str = ""
    points: tuple[Point, ...] = ()  # its singular set, and what is done there; empty where it is smooth
    batched: str = (
        ""  # how it runs under vmap: "batched", "by composition" or "as a loop"; empty for what takes no arrays
    )

    @property
    def status(self) -> str:
        """The list that it is in, as in "piecewise constant"."""
        return self.lists[0] if len(self.lists) == 1 else "in two lists" if self.lists else "in no list"


class Audit:
    """The rows of `audit`, which print as a table.

    Attributes
    ----------
    rows : tuple of Row
        One for each public name, in alphabetical order within each namespace.
    """

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows

    @property
    def counts(self) -> dict[str, int]:
        """The number of names in each list."""
        statuses = [row.status for row in self.rows]
        return {status: statuses.count(status) for status in (*STATUSES, *sorted(set(statuses) - set(STATUSES)))}

    @property
    def unclear(self) -> list[str]:
        """The names that are in no list, or in more than one."""
        return [row.name for row in self.rows if len(row.lists) != 1]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [
            f"{row.name:{width}}  {row.status:{len(CONSTANT)}}  "
            + " ".join(filter(None, [_by_words(row), row.note, f"({row.batched} under vmap)" if row.batched else ""]))
            for row in self.rows
        ]
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return "\n".join([*(line.rstrip() for line in lines), f"{len(self.rows)} names: {counts}"])


def audit() -> Audit:
    """List what every public function of NumPy, and those of SciPy in `wengert.scipy`, do with a Variable.

    Returns
    -------
    Audit
        Its rows, in five lists: differentiable (with respect to the arguments named), makes arrays
        (into which Variables can be written, by ``like=`` or ``_like``), piecewise constant (gives plain arrays),
        refused (raises TypeError, with what to write instead) and takes no arrays (creates, sets,
        describes). Of those that take arrays, `batched` says how they run under `vmap`: for all examples at once,
        by a composition of others (as a loop, where that depends on values), or as a loop over the examples. SciPy is
        imported, where it is installed.

    Examples
    --------
    >>> import wengert
    >>> table = wengert.audit()
    >>> [(row.arguments, row.note) for row in table if row.name == "np.sqrt"]
    [(('x',), 'at 0: limit')]
    """
    return Audit(tuple(_rows()))


def _by_words(row: Row) -> str:
    return f"with respect to {', '.join(row.arguments)}" if row.arguments else ""


def _rows() -> Iterator[Row]:
    named = {
        name: Row(name, (status,), note=note)
        for status, groups in ((REFUSES, _converting()), (NO_ARRAYS, TAKES_NO_ARRAYS))
        for note, names in groups.items()
        for name in names.split()
    }
    namespaces = {prefix: importlib.import_module(module) for prefix, module in NAMESPACES.items()}
    read_late_tables()
    classes = _classes()
    for prefix, namespace in namespaces.items():
        for name in dir(namespace):
            function = getattr(namespace, name)
            full = f"{prefix}.{name}"
            if name.startswith("_") or not callable(function) or _is_instance_tool(function):
                continue
            row = _in_table(full, OTHER_NAMES.get(full, function), classes)
            if full in named:
                row = named[full]._replace(lists=row.lists + named[full].lists)
            yield row
    if importlib.util.find_spec("scipy") is not None:
        special = importlib.import_module("scipy.special")
        read_late_tables()
        classes = _classes()
        for name in dir(special):
            function = getattr(special, name)
            if isinstance(function, np.ufunc) and not name.startswith("_"):
                row = _in_table(f"scipy.special.{name}", function, classes)
                yield row if row.lists else row._replace(lists=(REFUSES,), note=LACKS)
        yield from _of_scipy()


def _of_scipy() -> Iterator[Row]:
    """The functions of `wengert.scipy`: those of the table, and all others of the same modules."""
    modules = importlib.import_module("wengert.scipy").loaded()
    classes = _classes()
    found: dict[str, Row] = {}
    ours = {module.__name__: getattr(module, "__all__", ()) for module in modules}
    for function in FUNCTIONS:
        if getattr(function, "__name__", "").partition(".")[0] in ours.get(getattr(function, "__module__", ""), ()):
            row = _in_table(name_of(function), function, classes)
            if row.lists:
                found[row.name] = row
    for module in modules:
        for name in getattr(importlib.import_module(module.__name__.removeprefix("wengert.")), "__all__", ()):
            function, full = getattr(module, name), f"{module.__name__}.{name}"
            if full in found or isinstance(function, (np.ufunc, type)):
                continue
            if inspect.isroutine(function):
                is_made = full in MADE_OF_LENGTHS
                status, note = (NO_ARRAYS, "created from lengths") if is_made else (REFUSES, LACKS)
                found[full] = Row(full, (status,), note=note)
        for full, (arguments, row_note) in getattr(module, "AUDITED", {}).items():  # (objects, and what they are by)
            found[full] = Row(full, (DIFFERENTIABLE,), arguments, row_note)
    yield from (found[name] for name in sorted(found))


def _converting() -> dict[str, str]:
    return {f"converts to an array; write {instead}": names for instead, names in CONVERTS.items()}


def _is_instance_tool(function: Any) -> bool:
    """Whether it is used by indexing, like np.s_, even if it has a __call__."""
    return hasattr(function, "__getitem__") and not isinstance(function, type)


def _classes() -> dict[Any, Any]:
    """The Functions made from NumPy functions, by these."""
    found: dict[Any, Any] = {}
    for ufunc, record in UFUNCS.items():
        found[ufunc] = getattr(record, "__self__", None)
    for called in NumPyCall.__subclasses__():
        found[called.function] = called
    return found


def _in_table(name: str, function: Any, classes: dict[Any, Any]) -> Row:
    """Look a function up in the table of derivatives."""
    try:
        table = UFUNCS if isinstance(function, np.ufunc) else FUNCTIONS
        is_there = function in table
    except TypeError:  # not hashable, so not in the table
        return Row(name, ())
    lists = []
    if function in CONSTANT_UFUNCS or calls_plain(table.get(function)):
        lists.append(CONSTANT)
    if function in REFUSED:
        return Row(name, (*lists, REFUSES), note=f"write {REFUSED[function]}")
    if not is_there or (lists and function not in CONSTANT_UFUNCS):
        return Row(name, tuple(lists), batched=_under_vmap(function) if lists else "")
    batched = _under_vmap(function)
    points = singular_set(f"{name.rpartition('.')[0].removeprefix('scipy.')}.{function.__name__.lstrip('_')}") or ()
    if not getattr(classes.get(function), "__module__", "wengert.").startswith("wengert."):
        points = ()  # a row of the program's own
    if function in CREATING or function in CONSTANTS_LIKE:
        return Row(name, (CREATES,), note=_made_of(function))
    if function in WRITING:
        return Row(name, (DIFFERENTIABLE,), WRITING[function], "writes into its first argument", points, batched)
    arguments, notes = _by(function, classes.get(function))
    return Row(name, (*lists, DIFFERENTIABLE), arguments, "; ".join([*notes, *in_words(points)]), points, batched)


def _under_vmap(function: Any) -> str:
    """Say how a function takes the arrays of all examples of a batch."""
    if isinstance(function, np.ufunc):
        has_rule = function.signature is None or (function, "__call__") in UFUNC_RULES or "?" not in function.signature
        return BATCHED if has_rule else AS_LOOP
    if function in RULES:
        return AS_LOOP if function in LOOPS else BATCHED
    return BY_COMPOSITION if function in DEFINITIONS or body_of(function) is not None else AS_LOOP


def _made_of(function: Any) -> str:
    """Say how a function makes an array into which Variables can be written, and of what."""
    if function in CONSTANTS_LIKE:
        return "of constants, like a Variable"
    return "of Variables and numbers, with like= a Variable" if function in OF_VARIABLES else "with like= a Variable"


def _by(function: Any, cls: Any) -> tuple[tuple[str, ...], list[str]]:
    """The arguments that a function is differentiable with respect to, and notes."""
    if cls is None:
        return (), ["as a composition of other functions"]
    if issubclass(cls, NumPyCall):
        return tuple(name for name in (*cls.parameters, *cls.keywords) if name in cls.pullbacks), []
    arguments = ("x",) if function.nin == 1 else tuple(f"x{i + 1}" for i in range(function.nin))
    flat = [name for name, partial in zip(arguments, cls.partials, strict=True) if _is_zero(partial.function)]
    if not flat:
        return arguments, []
    return arguments, ["0 everywhere" if flat == list(arguments) else f"0 everywhere with respect to {', '.join(flat)}"]


def _is_zero(partial: Any) -> bool:
    return isinstance(partial, (int, float)) and partial == 0
