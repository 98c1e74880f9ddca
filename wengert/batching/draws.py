"""Random numbers under vmap: drawn for each example, in the order of a loop over the examples.

A loop draws all numbers of the first example, then those of the second. Where a function draws once, the examples are
drawn in order. Where it draws several times, that is known at its end: then the numbers are drawn again in the order
of a loop, and the function runs once more, with these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.batches import Level, each, running
from wengert.batching.batched import Batched
from wengert.functions.randomness import process_generator, register_batched_draws

__all__ = ["Draws", "drawing"]

# Methods that fill an array from a stream of 64 or 32 bits, number by number, and the place of their argument `size`:
# one call for all examples draws as one for each does.
FILLING = {"random": 0, "standard_normal": 0, "standard_exponential": 0, "normal": 2, "uniform": 2, "integers": 2}
NOT_DRAWN = ("shuffle", "spawn", "bytes")


class Call(NamedTuple):
    """A call of a method of the generator."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def once(self, generator: Any) -> Any:
        return getattr(generator, self.name)(*self.args, **self.kwargs)

    def repeated(self, generator: Any, counts: tuple[int, ...]) -> Any:
        """Draw so many times, in order."""
        place = FILLING.get(self.name, -1)
        size = self.args[place] if 0 <= place < len(self.args) else self.kwargs.get("size")
        full_range = self.name != "integers" or self.args[:2] + self.args[3:] == (0, 2**32, np.uint32)
        plain = place >= 0 and full_range and all(np.ndim(x) == 0 for i, x in enumerate(self.args) if i != place)
        if size is not None and plain and not any(np.ndim(v) for k, v in self.kwargs.items() if k != "size"):
            shape = (*counts, *(size if isinstance(size, (tuple, list)) else (size,)))
            if "size" in self.kwargs:
                return self._replace(kwargs={**self.kwargs, "size": shape}).once(generator)
            return self._replace(args=(*self.args[:place], shape, *self.args[place + 1 :])).once(generator)
        total = math.prod(counts)
        if not total:
            like = np.asarray(self.once(np.random.default_rng(0)))
            return np.zeros((*counts, *like.shape), like.dtype)
        drawn = np.stack([self.once(generator) for _ in range(total)])
        return drawn.reshape((*counts, *drawn.shape[1:]))


class Draws:
    """What a function has drawn under the outermost vmap, and what it is given in a second run."""

    def __init__(self) -> None:
        self.calls: list[tuple[Call, tuple[int, ...]]] = []
        self.before: Any = None  # the state of the stream before the first call
        self.served: Iterator[Any] | None = None

    def rewind(self) -> None:
        """Put the stream back to where the function began to draw."""
        if self.before is not None:
            process_generator().bit_generator.state = self.before

    def again(self, size: int, function: Callable[[], Any]) -> Any:
        """Call a function that is given what a loop over so many examples would draw."""
        generator = process_generator()
        self.rewind()
        rows = [[call.repeated(generator, counts) for call, counts in self.calls] for _ in range(size)]
        self.served = iter([np.stack(column) for column in zip(*rows, strict=True)])
        return function()


drawing: ContextVar[Draws | None] = ContextVar("wengert.drawing", default=None)


class ExampleGenerator:
    """A random generator that draws for each example of the vmaps that are running."""

    def __init__(self, generator: Any, levels: tuple[Level, ...]) -> None:
        self._generator, self._levels = generator, levels

    @property
    def bit_generator(self) -> Any:
        """The stream that all examples draw from."""
        return self._generator.bit_generator

    def __getattr__(self, name: str) -> Any:
        if not callable(getattr(self._generator, name)):
            return getattr(self._generator, name)

        def draw(*args: Any, **kwargs: Any) -> Any:
            return self._draw(Call(name, args, kwargs))

        return draw

    def _draw(self, call: Call) -> Any:
        varies: list[Any] = []
        each((call.args, list(call.kwargs.values())), lambda x: varies.append(x) if type(x) is Batched else None)
        if call.name in NOT_DRAWN or call.kwargs.get("out") is not None or varies:
            raise TypeError(
                f"{call.name} of wengert.generator() under vmap takes parameters that are the same for all examples, "
                "and gives new arrays; draw standard numbers (random, standard_normal), and compute with them"
            )
        draws = drawing.get()
        counts = tuple([level.size for level in self._levels])
        if draws is None:
            drawn = call.repeated(self._generator, counts)
        elif draws.served is not None:
            drawn = next(draws.served)
        else:
            if draws.before is None:
                draws.before = self._generator.bit_generator.state
            draws.calls.append((call, counts[1:]))
            drawn = call.repeated(self._generator, counts)
        for level in self._levels:
            drawn = Batched(level, drawn, True)
        return drawn


def of_examples(generator: Any) -> Any:
    """What `wengert.generator` gives where vmaps run."""
    levels = running.get()
    return ExampleGenerator(generator, levels) if levels else generator


register_batched_draws(of_examples)
