"""Check the docstrings of the reference by numpydoc: the form that NumPy and SciPy write.

python docs/validate_docstrings.py     lists the errors, and exits with 1 where there are any
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import ERROR_MSGS, validate

REFERENCE = Path(__file__).resolve().parent / "reference"

# All of numpydoc's checks, but for these.
EXCLUDED = {
    "GL01": "the summary begins behind the quotes, as PEP 257 has it",
    "GL02": "a docstring of one line ends on it, as PEP 257 has it",
    "ES01": "a summary that says it all needs no second paragraph",
    "EX01": "tests/test_doctests.py asks for examples, of the names of the package and the classes for training",
    "SA01": "the tables of the reference group what belongs together",
    "PR01": "a parameter that the summary or the signature explains is not described again",
    "PR04": "the types are the annotations of the signature, and are checked by mypy",
    "PR07": "a parameter whose type says it all has no sentence",
    "PR09": "a description may end with a sentence in parentheses",
    "RT02": "a single result may have a name",
    "RT03": "a result whose type says it all has no sentence",
    "RT05": "a description may end with a sentence in parentheses",
    "RT01": "what is returned is what the summary says",
    "YD01": "a context manager yields nothing",
}
# What a check cannot see.
SPARED = {("wengert.optimizers.Optimizer", "PR02"): "the keywords of `**clipping` are those of a TypedDict"}
CHECKS = sorted(set(ERROR_MSGS) - set(EXCLUDED))


def listed() -> Iterator[str]:
    """Yield the names in the tables of the reference, in full."""
    for page in sorted(REFERENCE.glob("*.rst")):
        module = ""
        for line in page.read_text("utf-8").splitlines():
            if found := re.match(r"\.\. currentmodule:: (\S+)", line):
                module = found[1]
            elif found := re.fullmatch(r"   (\w[\w.]*)", line):
                yield f"{module}.{found[1]}"


def shown() -> Iterator[str]:
    """Yield what the reference shows: the names, and the methods and properties that have a docstring of their own."""
    for name in listed():
        yield name
        module, _, rest = name.partition(".")
        public: object = importlib.import_module(module)
        for part in rest.split("."):
            public = getattr(public, part)
        if isinstance(public, type):
            for attribute, value in vars(public).items():
                documented = callable(value) or isinstance(value, (property, classmethod, staticmethod))
                if documented and not attribute.startswith("_") and is_ours(value):
                    yield f"{name}.{attribute}"


def is_ours(value: object) -> bool:
    """Whether a member has a docstring that was written here: a ufunc's was not."""
    function = getattr(value, "__func__", value)
    if isinstance(function, property):
        return bool(function.__doc__) and function.__doc__ is not getattr(type(function), "__doc__", None)
    return inspect.isfunction(function) and bool(function.__doc__)


def main() -> int:
    """List the errors."""
    count, errors = 0, []
    for name in shown():
        count += 1
        for code, message in validate(name)["errors"]:
            if code in CHECKS and (name, code) not in SPARED:
                errors.append(f"{name}: {code} {message}")
    sys.stdout.write("".join(f"{error}\n" for error in errors))
    sys.stdout.write(f"{count} docstrings, {len(errors)} errors\n")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
