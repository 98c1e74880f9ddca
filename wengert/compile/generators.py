"""Random generators whose draws are written down."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compile.tape import Tape, real
from wengert.core.debug import user_line

__all__ = ["Draw", "TracedGenerator"]

NOT_TRACED = ("shuffle", "spawn", "bytes")


class TracedGenerator(np.random.Generator):
    """A random generator whose draws a tape writes down: a plan draws anew at each call, from the same stream."""

    def __init__(self, generator: np.random.Generator, tape: Tape) -> None:
        super().__init__(generator.bit_generator)
        self.original, self.tape = generator, tape

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in ("original", "tape"):
            return super().__getattribute__(name)
        tape: Tape = super().__getattribute__("tape")
        original = super().__getattribute__("original")
        found = getattr(original, name)
        if name == "bit_generator":
            tape.drawing(original)
            tape.fail(f"{user_line()} takes the bit generator of a random generator, which a plan cannot follow")
        if not callable(found) or tape.off:
            return found

        def draw(*args: Any, **kwargs: Any) -> Any:
            tape.drawing(original)
            if name in NOT_TRACED or kwargs.get("out") is not None:
                tape.fail(
                    f"{user_line()} calls {name} of a random generator, which a plan cannot follow; draw by permuted, "
                    "integers, random, and without out="
                )
                return found(*real(args), **real(kwargs))
            return tape.call(Draw(original, name), args, kwargs, effect=True)

        return draw


class Draw:
    """A method of a random generator as a function."""

    def __init__(self, generator: np.random.Generator, name: str) -> None:
        self.generator, self.name = generator, name
        self.__name__ = f"random.{name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.generator, self.name)(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return type(other) is Draw and (other.generator, other.name) == (self.generator, self.name)

    def __hash__(self) -> int:
        return hash((id(self.generator), self.name))
