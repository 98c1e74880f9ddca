"""Every public name has a valid call in the tables of misuse, and bad arguments get an error that we word."""

import importlib
import inspect
import unittest
from collections.abc import Iterator
from typing import Any

import wengert
from tests import misuse
from tests.misuse import Finding, Trial
from tests.misuse_kinds import BAD_VALUES, COUNT, FLAG, RATE, call, choice

PACKAGES = ("", ".functions", ".layers", ".layers.initializers", ".models", ".optimizers", ".datasets",
         ".datasets.transforms", ".training", ".drawing")  # fmt: skip
# Types that are not called by users to do something: errors, warnings, annotations, bases that need a subclass.
NOT_CALLED = {"CompileWarning", "GradientError", "GraphError", "VerificationError", "Initializer", "Layer", "Dataset",
              "Callback", "Transform"}  # fmt: skip
# Methods that a subclass writes or the library alone calls, after the arguments were checked where they came in.
CALLED_BY_US = {
    "forward", "backward", "pull", "keep", "kept_output", "check_unchanged", "check_unwritten",
    "backpropagate", "constant_at", "link", "value_at",
    "check_form", "multiply_adds", "function", "normalized", "state_names", "numbers", "rule", "new_state", "state_of",
    "update_group", "update_one", "forget", "before_loading", "rates", "apply", "is_better", "example", "batch",
    "choose", "draw", "improved", "trouble", "on_fit_start", "on_epoch_start", "on_step", "on_epoch_end", "on_fit_end",
}  # fmt: skip
REFUSED = {"resize", "setfield"}  # whatever they are given
SAMPLE = 1000  # of all calls, which `python -m tests.misuse` makes


def public() -> Iterator[tuple[str, Any]]:
    """Every public name that can be called: those of each ``__all__``, and the methods of public classes."""
    for package in PACKAGES:
        module = importlib.import_module("wengert" + package)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing):
                continue
            yield name, thing
            if inspect.isclass(thing):
                yield from methods(thing)
    yield from methods(type(wengert.compile(abs)))


def methods(kind: Any) -> Iterator[tuple[str, Any]]:
    for base in kind.__mro__:
        if base.__module__.startswith("wengert"):
            for name, value in vars(base).items():
                shown = not name.startswith("_") or name in ("__call__", "__getitem__", "__setitem__")
                if shown and inspect.isfunction(value) and len(inspect.signature(value).parameters) > 1:
                    yield f"{base.__name__}.{name}", value


class TablesTest(unittest.TestCase):
    def test_every_public_name_has_a_valid_call(self) -> None:
        known = {name.split(",")[0].split(" of ")[0] for name in misuse.cases()}
        excused = CALLED_BY_US | REFUSED
        missing = [
            name
            for name, _ in public()
            if name not in known | NOT_CALLED and (name.rpartition(".")[2] if "." in name else "") not in excused
        ]
        self.assertEqual(sorted(set(missing)), [], "give each a valid call in tests/misuse_calls")

    def test_every_parameter_is_misused(self) -> None:
        missing = []
        for name, make in misuse.cases().items():
            if "," in name or "." in name or " " in name:
                continue
            made = misuse.prepared(make)
            try:
                parameters = inspect.signature(made.function).parameters
            except (TypeError, ValueError):
                continue
            given = [key for key in made.arguments if not key.startswith("*")]
            starred = len(made.arguments) - len(given)
            for place, (key, parameter) in enumerate(parameters.items()):
                by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
                if by_name and key not in given and place >= starred:
                    missing.append(f"{name}({key})")
        self.assertEqual(missing, [])


class JudgeTest(unittest.TestCase):
    """What the judge lets pass, and what it does not."""

    def judged(self, function: Any, value: str, kind: Any = COUNT, valid: Any = 1) -> Finding | None:
        cases = misuse.cases()
        cases["f"] = lambda: call(function, n=kind(valid))
        try:
            return misuse.judge(Trial("f", "n", value))
        finally:
            del cases["f"]

    def test_a_check_of_ours_passes(self) -> None:
        self.assertIsNone(self.judged(lambda n: wengert.seed(n), "'text'"))

    def test_another_error_is_raw(self) -> None:
        for function in (lambda n: [1, 2] / n, lambda n: int(n)):
            with self.subTest(function):
                self.assertIsNone(self.judged(function, "'text'"), "the user's own code")
        names: dict[str, Any] = {}  # as if it stood in a file of the library
        exec(
            compile("def defective(n):\n    return [1, 2] / n\n", f"{wengert.__path__[0]}/defective.py", "exec"), names
        )
        found = self.judged(names["defective"], "'text'")
        self.assertEqual(found.verdict if found else "", "raw")

    def test_nonsense_that_is_accepted(self) -> None:
        for kind, value in ((COUNT, "-1"), (COUNT, "True"), (FLAG, "'text'"), (RATE, "nan"), (choice("a"), "'text'")):
            found = self.judged(lambda n: None, value, kind)
            self.assertIsNotNone(found)
            self.assertEqual(found.verdict if found else "", "accepted")
        self.assertIsNone(self.judged(lambda n: None, "10**18"))

    def test_a_call_that_takes_too_long(self) -> None:
        def forever(n: Any) -> None:
            while True:
                pass

        before, misuse.LIMIT = misuse.LIMIT, 0.05
        try:
            found = self.judged(forever, "0")
        finally:
            misuse.LIMIT = before
        self.assertEqual(found.verdict if found else "", "hung")

    def test_a_process_that_ends_is_reported(self) -> None:
        found: list[Finding] = []
        made, why = misuse.run_child([Trial("no such case", "", "")], found, ".")
        self.assertEqual(made, 0)
        self.assertRegex(why, "ended by")

    def test_bad_values_can_be_made(self) -> None:
        with misuse.quiet():
            for make in BAD_VALUES.values():
                make()


class MisuseTest(unittest.TestCase):
    def test_every_valid_call_succeeds(self) -> None:
        _, found = misuse.make([Trial(name, "", "") for name in misuse.cases()])
        self.assertEqual(found, [])

    def test_bad_arguments_get_a_clear_error(self) -> None:
        totals, found = misuse.counts(SAMPLE, seed=0)
        self.assertEqual(found, [], misuse.report(totals, found, 10))


if __name__ == "__main__":
    unittest.main()
