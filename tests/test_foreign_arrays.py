"""Operands of other libraries: tensors of PyTorch, tables of pandas, arrays of xarray: right, or refused."""

import importlib
import importlib.util
import operator
import pkgutil
import unittest
import warnings
from collections import Counter
from typing import Any

import numpy as np

import tests.cases
import wengert
from wengert import Parameter, Variable, functions, grad

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul, operator.mod,
             operator.floordiv, operator.lt, operator.le, operator.eq, operator.ne]  # fmt: skip


class Opaque:
    """A dtype that is none of NumPy's, as PyTorch's are."""


class Tensor:
    """What NumPy converts, and does nothing else that an ndarray does: it has no operators and no NumPy dtype."""

    dtype = Opaque()

    def __init__(self, array: Any) -> None:
        self.array = np.array(array)
        self.shape, self.ndim = self.array.shape, self.array.ndim

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array if dtype is None else self.array.astype(dtype)


def makers() -> dict[str, Any]:
    """How an array of one or two dimensions is made into what each library has for it."""
    found: dict[str, Any] = {"Tensor": Tensor}
    if importlib.util.find_spec("pandas"):
        import pandas

        def table(a: Any) -> Any:
            names = [f"row {i}" for i in range(len(a))]
            return pandas.Series(a, names) if a.ndim == 1 else pandas.DataFrame(a, names)

        found["pandas"] = table
    if importlib.util.find_spec("xarray"):
        import xarray

        found["xarray"] = xarray.DataArray
    return found


MAKERS = makers()


def converted(value: Any, make: Any) -> Any:
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        return make(value)
    return type(value)(converted(v, make) for v in value) if type(value) in (list, tuple) else value


def flat(y: Any) -> list[Any]:
    return [part for each in y for part in flat(each)] if isinstance(y, (list, tuple)) else [y]


class ForeignCase(unittest.TestCase):
    def same(self, found: Any, expected: Any) -> None:
        """The same values, Variables where they are, and no Variable that holds anything but an ndarray."""
        for a, b in zip(flat(found), flat(expected), strict=True):
            self.assertIs(type(a), type(b))
            if isinstance(a, Variable):
                self.assertIs(type(a.data), np.ndarray)
            np.testing.assert_allclose(getattr(a, "data", a), getattr(b, "data", b), 1e-9, 1e-12)


class OperandTest(ForeignCase):
    def test_operators(self) -> None:
        data, weight, matrix = np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 5.0]), np.arange(9.0).reshape(3, 3) + 1
        for library, make in MAKERS.items():
            for op in OPERATORS:
                for other in (weight, matrix, weight.astype(int), weight.astype(np.float32)):
                    for dtype in (np.float64, np.float32):
                        x = Variable(data.astype(dtype))
                        with self.subTest(library, op=op.__name__, shape=other.shape):
                            self.same(op(x, make(other)), op(x, other))
                            if library == "xarray" or (library == "pandas" and op is operator.matmul):
                                continue  # these answer themselves: see below
                            self.same(op(make(other), x), op(other, x))

    def test_gradients_to_second_order(self) -> None:
        point, weight, matrix = np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 5.0]), np.eye(3) + 1
        for library, make in MAKERS.items():
            w, m = make(weight), make(matrix)
            with self.subTest(library):
                for f, g in (
                    (lambda v, w=w, m=m: np.sum((v * w) ** 3), lambda v: np.sum((v * weight) ** 3)),
                    (lambda v, w=w, m=m: np.sum((v @ m) ** 2), lambda v: np.sum((v @ matrix) ** 2)),
                    (lambda v, w=w, m=m: np.dot(v, w) ** 2, lambda v: np.dot(v, weight) ** 2),
                    (lambda v, w=w, m=m: np.sum(np.linalg.solve(m, v)), lambda v: np.sum(np.linalg.solve(matrix, v))),
                    (lambda v, w=w, m=m: np.sum(np.where(w, v, 0) ** 2), lambda v: np.sum(v**2)),
                ):
                    np.testing.assert_allclose(grad(f)(point), grad(g)(point), 1e-12)
                    np.testing.assert_allclose(wengert.hessian(f)(point), wengert.hessian(g)(point), 1e-10)

    def test_empty_and_0d(self) -> None:
        for library, make in MAKERS.items():
            with self.subTest(library):
                self.same(Variable(np.zeros(0)) * make(np.zeros(0)), Variable(np.zeros(0)))
                if library != "pandas":
                    self.same(Variable(np.array(2.0)) * make(np.array(3.0)), Variable(np.array(6.0)))

    def test_lists_indices_and_assignments(self) -> None:
        x = Variable(np.arange(3.0))
        for library, make in MAKERS.items():
            a, mask, index = (
                make(np.array([4.0, 5.0, 6.0])),
                make(np.array([True, False, True])),
                make(np.array([2, 0])),
            )
            with self.subTest(library):
                self.same(np.stack([x, a]), np.stack([x, [4.0, 5.0, 6.0]]))
                self.same(np.concatenate([x, a]), np.concatenate([x, [4.0, 5.0, 6.0]]))
                self.same(x[index], x[[2, 0]])
                if library != "Tensor":
                    self.same(x[mask], x[[True, False, True]])
                made = np.zeros(3, like=x)
                made[:] = a
                np.testing.assert_array_equal(made.data, [4.0, 5.0, 6.0])

    def test_the_whole_table(self) -> None:
        """Every row that takes an array beside a Variable takes what NumPy converts."""
        seen: Counter[Any] = Counter()
        for module in pkgutil.iter_modules(tests.cases.__path__):
            if module.name.startswith("scipy_") or module.name == "writes":
                continue
            for case in importlib.import_module(f"tests.cases.{module.name}").CASES:
                for place, value in enumerate(case.args):
                    rest = [a if i == place else converted(a, Tensor) for i, a in enumerate(case.args)]
                    key = case.function, place
                    if all(a is b for a, b in zip(rest, case.args, strict=True)) or seen[key] > 2:
                        continue
                    if not isinstance(value, np.ndarray):
                        continue
                    rest[place] = x = Variable(value)
                    try:
                        expected = case.call(*case.args[:place], x, *case.args[place + 1 :])
                    except (TypeError, ValueError):
                        continue  # not differentiable with respect to this argument
                    seen[key] += 1
                    with self.subTest(module.name, function=case.function, place=place):
                        try:
                            found = case.call(*rest)
                        except (AttributeError, TypeError) as error:
                            # (a case that asks its argument itself, as for a.dtype)
                            self.assertIn(f"{module.name}.py", str(error.__traceback__.tb_next.tb_frame))
                            continue
                        self.same(found, expected)
        self.assertGreater(len(seen), 150)

    def test_functions_and_layers(self) -> None:
        x, weight = np.arange(6.0).reshape(2, 3) / 6, Parameter(np.ones((2, 3)))
        for library, make in MAKERS.items():
            with self.subTest(library):
                self.same(functions.linear(make(x), weight), functions.linear(x, weight))
                self.same(
                    functions.mse(functions.linear(x, weight), make(x[:, :2])), np.mean((x @ weight.T - x[:, :2]) ** 2)
                )
                layer = wengert.layers.Linear(3, 2).astype(np.float64)
                self.same(layer(make(x)), layer(x))

    def test_under_vmap(self) -> None:
        x, w, m = np.arange(6.0).reshape(2, 3), np.array([3.0, 2.0, 5.0]), np.eye(3) + 1
        for library, make in MAKERS.items():
            with self.subTest(library):
                a, b = make(w), make(m)
                np.testing.assert_allclose(wengert.vmap(lambda v, a=a: v * a)(x), x * w)
                np.testing.assert_allclose(wengert.vmap(lambda v, b=b: v @ b)(x), x @ m)
                np.testing.assert_allclose(wengert.vmap(lambda v, a=a: np.dot(v, a))(x), x @ w)

    def test_what_holds_no_numbers(self) -> None:
        with self.assertRaisesRegex(
            TypeError, "np.multiply takes numbers, but got ndarray .* of shape .*dtype <U1|<U1"
        ):
            Variable(np.ones(2)) * Tensor(np.array(["a", "b"]))
        with self.assertRaisesRegex(TypeError, r"Tensor.*; convert it \(np\.asarray\(a\)\)"):
            grad(np.sum)(Tensor(np.ones(2)))


class Differentiated(Tensor):
    """A tensor of a library that differentiates it, as PyTorch does."""

    requires_grad = False


class RefusedTest(unittest.TestCase):
    """Tensors have a graph of their own, which would be lost."""

    def test_tensors(self) -> None:
        kinds: list[Any] = [Differentiated]
        if importlib.util.find_spec("torch"):
            import torch

            kinds.append(lambda a: torch.from_numpy(np.array(a)))
        x, layer = Variable(np.ones(3)), wengert.layers.Linear(3, 1)
        for make in kinds:
            t = make(np.ones(3))
            calls: list[Any] = [lambda op=op, t=t: op(x, t) for op in OPERATORS]
            calls += [lambda op=op, t=t: op(t, x) for op in OPERATORS if op is not operator.eq]
            calls += [lambda t=t: np.dot(x, t), lambda t=t: np.where(t, x, 0), lambda t=t: np.stack([x, t])]
            calls += [lambda t=t: layer(t), lambda t=t: functions.mse(x, t), lambda t=t: np.add(t, x), lambda t=t: x[t]]
            calls += [lambda t=t: wengert.vmap(lambda v: v * t)(np.ones((2, 3)))]
            for number, call in enumerate(calls):
                pattern = r"leave its own graph; .*: t\.detach\(\)\.numpy\(\), or"
                with self.subTest(make, call=number), self.assertRaisesRegex(TypeError, pattern):
                    call()


class CompiledTest(unittest.TestCase):
    def test_their_changes_are_seen(self) -> None:
        point = np.array([1.0, 2.0, 4.0])
        for library, make in MAKERS.items():
            w = make(np.array([3.0, 2.0, 5.0]))
            # (to pandas, an array that is written to from outside is none of its business)
            change = (lambda w: w.iloc.__setitem__(1, 7.0)) if library == "pandas" else None
            f = grad(lambda v, w=w: np.sum(v * w * v))
            compiled = wengert.compile(f)
            with self.subTest(library), warnings.catch_warnings():
                warnings.simplefilter("ignore", wengert.CompileWarning)
                for call in range(6):
                    np.testing.assert_allclose(compiled(point), f(point), 1e-12)
                    if call == 3:
                        change(w) if change else getattr(w, "array", w).__setitem__(1, 7.0)

    def test_memory_of_another_library_is_no_constant(self) -> None:
        held = np.array([3.0, 2.0, 5.0])
        memory = memoryview(held)
        compiled = wengert.compile(lambda v: v * np.frombuffer(memory))
        with self.assertWarnsRegex(wengert.CompileWarning, "reads memory of .*, whose changes are not seen"):
            for _ in range(3):
                compiled(np.ones(3))
        held[:] = 7.0
        np.testing.assert_array_equal(compiled(np.ones(3)), [7.0, 7.0, 7.0])


class OnTheirLeftTest(unittest.TestCase):
    """Libraries that answer an operator before a Variable is asked."""

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "no pandas")
    def test_pandas(self) -> None:
        import pandas

        x, table = Variable(np.arange(3.0)), pandas.DataFrame(np.eye(3))
        for call in (lambda: table @ x, lambda: table.dot(x), lambda: np.matmul(table, x), lambda: pandas.Series(x),
                     lambda: table.assign(a=x), lambda: table[0] @ x):  # fmt: skip
            with self.assertRaisesRegex(TypeError, r"pandas .*write a\.to_numpy\(\), as in a\.to_numpy\(\) @ x"):
                call()

    @unittest.skipUnless(importlib.util.find_spec("xarray"), "no xarray")
    def test_xarray_holds_variables(self) -> None:
        import xarray

        weights = xarray.DataArray(np.arange(3.0), dims="t")
        found = grad(lambda v: ((weights * v) ** 2).sum().data)(np.ones(3))
        np.testing.assert_allclose(found, [0.0, 2.0, 8.0])
        with self.assertRaisesRegex(TypeError, "returns one number, but got DataArray"):
            grad(lambda v: (weights * v).sum())(np.ones(3))
        with self.assertRaisesRegex(TypeError, r"xarray .*write a\.values"):
            (weights * Variable(np.ones(3))).to_numpy()


class ExportTest(unittest.TestCase):
    """DLPack: of what has no graph."""

    def test_detached(self) -> None:
        x = Variable(np.arange(3.0))
        for detached in (x.detach(), (2 * x).detach(), Variable(np.arange(3))):
            shared = np.from_dlpack(detached)
            np.testing.assert_array_equal(shared, detached.data)
            self.assertTrue(np.shares_memory(shared, detached.data))
        with wengert.no_grad():
            np.testing.assert_array_equal(np.from_dlpack(2 * x), [0.0, 2.0, 4.0])
        self.assertEqual(x.__dlpack_device__(), (1, 0))
        np.testing.assert_array_equal(grad(lambda v: np.sum(np.from_dlpack(v.detach()) * v))(np.ones(3)), 1.0)

    def test_with_a_graph(self) -> None:
        x = Parameter(np.arange(3.0))
        written = np.zeros(3, like=x)
        written[0] = x[1]
        for attached in (x, 2 * x, written):
            with self.assertRaisesRegex(BufferError, r"torch\.from_dlpack\(x\.detach\(\)\)"):
                np.from_dlpack(attached)
        with self.assertRaisesRegex(BufferError, "export it detached"):
            grad(lambda v: np.sum(np.from_dlpack(v)))(np.ones(3))
        with self.assertRaisesRegex(BufferError, "holds None has no memory"):
            np.from_dlpack(Variable(None))
        with self.assertRaises(TypeError):
            wengert.vmap(np.from_dlpack)(np.ones((2, 3)))

    def test_compiled(self) -> None:
        def f(v: Any) -> Any:
            return np.sum(v * np.from_dlpack(v.detach()))

        compiled = wengert.compile(grad(f))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wengert.CompileWarning)
            for k in range(4):
                np.testing.assert_array_equal(compiled(np.full(3, float(k))), float(k))

    @unittest.skipUnless(importlib.util.find_spec("torch"), "no PyTorch")
    def test_pytorch(self) -> None:
        import torch

        x = Variable(np.arange(3.0))
        for detached in (x.detach(), (2 * x).detach()):
            np.testing.assert_array_equal(torch.from_dlpack(detached).numpy(), detached.data)
        with self.assertRaisesRegex(BufferError, "export it detached"):
            torch.from_dlpack(x)


if __name__ == "__main__":
    unittest.main()
