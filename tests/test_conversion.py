"""Functions that convert a Variable: the error shows the lines that register them, and these lines work."""

import importlib.util
import unittest
from typing import Any

import numpy as np

import wengert
from tests.table_snapshot import TableSnapshot
from wengert import Variable

WITH_SCIPY = importlib.util.find_spec("scipy") is not None


def halved(a: Any, power: int = 1) -> Any:
    return np.asarray(a) / 2**power


class ConversionErrorTest(unittest.TestCase):
    def setUp(self) -> None:
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)

    def three_lines(self, f: Any, *args: Any) -> list[str]:
        with self.assertRaisesRegex(
            TypeError, "silently leave the graph.*x.data.*np.stack.*derivative, in three lines"
        ) as caught:
            f(*args)
        return [line[4:] for line in str(caught.exception).splitlines() if line.startswith("    ")]

    def test_a_function_of_the_program(self) -> None:
        lines = self.three_lines(halved, Variable(np.ones(2)))
        self.assertIn('@wengert.pullback(halved, "a")', lines)
        known = {"wengert": wengert, __name__.split(".")[0]: importlib.import_module(__name__.split(".")[0])}
        exec("\n".join(lines).replace("...", "gy / 2"), known)
        x = Variable(np.ones(2))
        known["halved"](x).backward()
        np.testing.assert_array_equal(x.grad, [0.5, 0.5])

    def test_lines_of_no_function(self) -> None:
        with self.assertRaisesRegex(
            TypeError, r"np.asarray of a Variable .*; write np.array\(\[a, b\], like=a\)"
        ) as caught:
            np.asarray(Variable(np.ones(2)))
        self.assertNotIn("dispatched", str(caught.exception))

    @unittest.skipUnless(WITH_SCIPY, "needs SciPy")
    def test_functions_of_scipy(self) -> None:
        import scipy.signal

        h, x = np.array([0.3, 0.1]), np.array([1.0, 2.0, -1.0])
        cases = (
            (scipy.signal.upfirdn, (h, x), 1, "np.correlate(gy, h, 'valid')"),
            (scipy.signal.upfirdn, (h, x), 0, "np.correlate(gy, x, 'valid')"),
        )
        for function, args, place, formula in cases:
            with self.subTest(function.__name__, place=place):
                name = function.__name__
                v = Variable(args[place])
                lines = self.three_lines(function, *args[:place], v, *args[place + 1 :])
                self.assertEqual(lines[0], f"{name} = wengert.dispatched(scipy.signal.{name})")
                known: dict[str, Any] = {"wengert": wengert, "scipy": scipy, "np": np}
                lines[2] = lines[2].replace("...", formula)
                exec("\n".join(lines), known)
                wengert.check_grad(
                    lambda x, known=known, name=name, args=args, place=place: known[name](
                        *args[:place], x, *args[place + 1 :]
                    ),
                    args[place],
                    order=1,
                )


if __name__ == "__main__":
    unittest.main()
