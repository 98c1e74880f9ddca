"""Fourier transforms by the loops of NumPy's generalized ufuncs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.fft import _pocketfft
from numpy.lib.array_utils import normalize_axis_index

from wengert.compiler.graph.build import constant, convert, transpose
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.kernels.generalized_loop import Names, generalized
from wengert.compiler.lowering.rules import RULES, as_node, rule

NAMES: Names = ([["n"], []], [["m"]])
OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
loops: Any = getattr(_pocketfft, "pfu", None)


def transformed(line: str, x: Node, n: int, axis: int, kind: str, norm: Any) -> Node:
    """One of fft, ifft, rfft and irfft, of `n` points along an axis."""
    name = (("rfft_n_odd" if n % 2 else "rfft_n_even") if n > 0 else "") if kind == "rfft" else kind
    ufunc = getattr(loops, name, None)
    if ufunc is None or n < 1 or norm not in OPPOSITE or x.dtype.kind not in "biufc" or x.dtype == np.float16 or x.weak:
        raise NotLowered("NumPy refuses the arguments, or has other loops")
    axis = normalize_axis_index(axis, x.ndim)
    real = np.result_type(np.empty(0, x.dtype).real.dtype, 1.0)
    wide = np.result_type(real, 1j)
    given, found = (real if kind == "rfft" else wide), (real if kind == "irfft" else wide)
    direction = norm if kind in ("fft", "rfft") else OPPOSITE[norm]
    scale = {"forward": 1 / n, "ortho": np.reciprocal(np.sqrt(n, dtype=real))}.get(direction, 1.0)
    length = n // 2 + 1 if kind == "rfft" else n
    axes = [*(i for i in range(x.ndim) if i != axis), axis]
    parts = transpose(x if x.dtype == given else convert(x, dtype=given, line=line), tuple(axes), line)
    operands = (parts, constant(np.asarray(scale, real)))
    dtypes = (given, real, found)
    (y,), _ = generalized(ufunc, operands, dtypes, line, names=NAMES, sizes={"n": x.shape[axis], "m": length})  # type: ignore[index]
    return transpose(y, tuple(np.argsort(axes)), line)


def along_axis(kind: str) -> Any:
    """The rule of a transform along one axis."""

    def transform(line: str, a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
        x = as_node(a)
        if out is not None or not x.ndim:
            return None
        if n is None:
            n = (x.shape or ())[axis]
            n = 2 * (n - 1) if kind == "irfft" else n
        return transformed(line, x, n, axis, kind, norm)

    return transform


def along_axes(first: str, others: str, inverse_of_real: bool = False) -> Any:
    """The rule of a transform along several axes, of which the last is transformed by another one."""

    def transform(line: str, a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
        x = as_node(a)
        if out is not None or x.size == 0:
            return None
        like = np.broadcast_to(np.zeros((), np.int8), x.shape or ())
        lengths, places = _pocketfft._cook_nd_args(like, s, axes, invreal=int(inverse_of_real))  # type: ignore[attr-defined]
        steps = list(zip(lengths, places, strict=True))
        if not steps:
            return None
        if inverse_of_real:
            for n, axis in steps[:-1]:
                x = transformed(line, x, n, axis, others, norm)
            return transformed(line, x, *steps[-1], first, norm)
        x = transformed(line, x, *steps[-1], first, norm)
        for n, axis in steps[-2::-1]:
            x = transformed(line, x, n, axis, others, norm)
        return x

    return transform


def along_two(transform: Any) -> Any:
    """The rule of a transform along the last two axes."""

    def each(
        line: str, a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: Any = None, out: Any = None
    ) -> Any:
        return transform(line, a, s, axes, norm, out)

    return each


for _name in ("fft", "ifft", "rfft", "irfft"):
    RULES[getattr(np.fft, _name)] = along_axis(_name)
for _name, _others, _inverse in (
    ("fft", "fft", False),
    ("ifft", "ifft", False),
    ("rfft", "fft", False),
    ("irfft", "ifft", True),
):
    RULES[getattr(np.fft, _name + "n")] = along_axes(_name, _others, _inverse)
    RULES[getattr(np.fft, _name + "2")] = along_two(RULES[getattr(np.fft, _name + "n")])


def shifted(line: str, x: Any, axes: Any, sign: int) -> Any:
    x = as_node(x)
    axes = tuple(range(x.ndim)) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    shape = x.shape or ()
    return RULES[np.roll](line, x, tuple(n // 2 if sign > 0 else -(n // 2) for n in (shape[i] for i in axes)), axes)


@rule(np.fft.fftshift)
def fftshift(line: str, x: Any, axes: Any = None) -> Any:
    return shifted(line, x, axes, 1)


@rule(np.fft.ifftshift)
def ifftshift(line: str, x: Any, axes: Any = None) -> Any:
    return shifted(line, x, axes, -1)
