"""Signatures as help and editors show them: those of the functions given, and defaults that can be read.

What type checkers find is in `tests/typing_cases.py`, which mypy reads.
"""

import importlib
import inspect
import re
import tomllib
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import wengert

PACKAGES = ("", ".functions", ".layers", ".layers.initializers", ".models", ".optimizers", ".datasets",
            ".datasets.transforms", ".training", ".drawing", ".implicit")  # fmt: skip


def f(x: float, y: int = 3, *, z: float = 0.5) -> float:
    """A function of a user."""
    return x * y * z


def public() -> Iterator[tuple[str, Any]]:
    for package in PACKAGES:
        module = importlib.import_module("wengert" + package)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                yield from ((f"{name}.{key}", value) for key, value in vars(thing).items() if inspect.isfunction(value))
            if callable(thing):
                yield name, thing


class SignatureTest(unittest.TestCase):
    def test_of_what_is_made_of_a_function(self) -> None:
        for transform in (wengert.grad, wengert.value_and_grad, wengert.vmap, wengert.jacobian, wengert.hessian,
                          wengert.checkpoint, wengert.compile, wengert.dispatched):  # fmt: skip
            with self.subTest(transform.__name__):
                made: Any = transform(f)  # type: ignore[operator]
                self.assertEqual(list(inspect.signature(made).parameters), ["x", "y", "z"])
        self.assertEqual(wengert.grad(f)(2.0, z=1.0), 3.0)
        self.assertEqual(wengert.grad(wengert.grad(lambda x: x**3))(2.0), 12.0)
        self.assertEqual(wengert.grad(f).__name__, "grad(f)")
        self.assertEqual(str(inspect.signature(wengert.grad(wengert.vmap(np.sin)))), str(inspect.signature(np.sin)))

    def test_defaults_can_be_read(self) -> None:
        """No address, and no object that means "nothing given" and is not None."""
        unreadable = []
        for name, thing in public():
            try:
                signature = inspect.signature(thing)
            except (TypeError, ValueError):
                continue
            for key, parameter in signature.parameters.items():
                text = repr(parameter.default)
                if parameter.default is parameter.empty or isinstance(parameter.default, type):
                    continue
                if re.search(r" at 0x|<object|_NoValue|sentinel", text) or (
                    text.startswith("<") and "no value" not in text
                ):
                    unreadable.append(f"{name}({key}={text})")
        self.assertEqual(unreadable, [])

    def test_annotations_can_be_read(self) -> None:
        shown = [name for name, thing in public() if " at 0x" in shown_by(thing) or "*<class" in shown_by(thing)]
        self.assertEqual(shown, [])

    def test_public_functions_are_typed(self) -> None:
        untyped = [
            name
            for name, thing in public()
            if inspect.isfunction(thing) and thing.__module__.startswith("wengert.") and not name.endswith("__")
            if Path(thing.__code__.co_filename).exists()  # (others are made when they are called first)
            for key, parameter in inspect.signature(thing).parameters.items()
            if parameter.annotation is parameter.empty and key not in ("self", "cls")
        ]
        self.assertEqual(untyped, [])

    def test_mypy_reads_the_cases(self) -> None:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
        self.assertIn("tests/typing_cases.py", project["tool"]["mypy"]["files"])


def shown_by(thing: Any) -> str:
    try:
        return str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""


if __name__ == "__main__":
    unittest.main()
