"""Random generators whose draws are traced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.checks.frames import user_line
from wengert.compiler.capture.streams import bits_of
from wengert.compiler.capture.tape import Tape, real
from wengert.compiler.graph.calls import calling
from wengert.compiler.graph.graph import Node

__all__ = ["Draw", "TracedGenerator", "TracedRandomState", "drawn_from", "without_idle_states"]

NOT_TRACED = ("shuffle", "spawn", "bytes", "seed", "get_state", "set_state")


class TracedGenerator(np.random.Generator):
    """A random generator whose draws are recorded: a plan draws from the same generator at each call."""

    def __init__(self, generator: np.random.Generator, tape: Tape) -> None:
        super().__init__(generator.bit_generator)
        self.original, self.tape = generator, tape

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in ("original", "tape"):
            return super().__getattribute__(name)
        return traced_attribute(super().__getattribute__("original"), super().__getattribute__("tape"), name)


class TracedRandomState(np.random.RandomState):
    """The same for a random generator of NumPy's first kind."""

    def __init__(self, generator: np.random.RandomState, tape: Tape) -> None:
        super().__init__(bits_of(generator))
        self.original, self.tape = generator, tape

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in ("original", "tape"):
            return super().__getattribute__(name)
        return traced_attribute(super().__getattribute__("original"), super().__getattribute__("tape"), name)


def traced_attribute(original: Any, tape: Tape, name: str) -> Any:
    """An attribute of a traced generator: a method that draws is recorded."""
    found = getattr(original, name)
    if name == "bit_generator" and not tape.off:
        tape.remember_state(original)
        return TracedStream(original, tape)
    if not callable(found) or tape.off:
        return found

    def draw(*args: Any, **kwargs: Any) -> Any:
        tape.remember_state(original)
        if name in NOT_TRACED or kwargs.get("out") is not None:
            tape.fail(
                f"{user_line()} calls {name} of a random generator, which cannot be traced; draw by permutation, "
                "integers, random, and without out="
            )
            return found(*real(args), **real(kwargs))
        return tape.call(Draw(original, name), args, kwargs, effect=True)

    return draw


class TracedStream:
    """The bit generator of a traced generator: its state can be read and restored, as `wengert.checkpoint` does."""

    def __init__(self, generator: np.random.Generator, tape: Tape) -> None:
        self.generator, self.tape = generator, tape

    @property
    def state(self) -> Any:
        """The state, which can be restored within the same call."""
        node = Node("random", (), calling(GetState(self.generator)) | {"arguments": ()}, line=user_line())
        if not self.tape.off:
            self.tape.effects.append(node)
        return SavedGeneratorState(self.generator.bit_generator.state, node)

    @state.setter
    def state(self, value: Any) -> None:
        self.generator.bit_generator.state = value
        if type(value) is not SavedGeneratorState:
            self.tape.fail(
                f"{user_line()} sets the state of a random generator, which cannot be traced; set it before the call"
            )
        if not self.tape.off:
            node = Node("random", (value.node,), calling(SetState(self.generator)), line=user_line())
            self.tape.effects.append(node)

    def __getattr__(self, name: str) -> Any:
        self.tape.fail(
            f"{user_line()} uses {name} of a bit generator, which cannot be traced; draw from the generator itself"
        )
        return getattr(self.generator.bit_generator, name)


class SavedGeneratorState(dict[str, Any]):
    """The state of a random generator, and the node that reads it."""

    def __init__(self, state: Any, node: Node) -> None:
        super().__init__(state)
        self.node = node


class GetState:
    """The operation that reads the state of a random generator."""

    __name__ = "random.state"

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __call__(self) -> Any:
        return self.generator.bit_generator.state

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.generator is self.generator

    def __hash__(self) -> int:
        return hash(id(self.generator))


class SetState(GetState):
    """The operation that sets the state of a random generator."""

    __name__ = "random.state ="

    def __call__(self, state: Any) -> None:  # type: ignore[override]
        self.generator.bit_generator.state = state


class Draw:
    """A method of a random generator as an operation."""

    def __init__(self, generator: Any, name: str) -> None:
        self.generator, self.name = generator, name
        self.__name__ = f"random.{name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.generator, self.name)(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return type(other) is Draw and (other.generator, other.name) == (self.generator, self.name)

    def __hash__(self) -> int:
        return hash((id(self.generator), self.name))


def without_idle_states(effects: Iterable[Node]) -> list[Node]:
    """The effects of a call without reads of states that are not restored, and without restoring the present state.

    `wengert.checkpoint` reads the state of a generator before and after each call, though most draw nothing.
    """
    kept = []
    present: dict[int, set[Node]] = {}  # by the id of a bit generator: the nodes whose value is its present state
    for node in effects:
        if node.op == "random":
            function = node.settings["function"]
            states = present.setdefault(id(bits_of(function.generator)), set())
            if type(function) is GetState:
                states.add(node)
            elif type(function) is SetState and node.operands[0] in states:
                continue
            else:
                states.clear()
                if type(function) is SetState:
                    states.add(node.operands[0])
        kept.append(node)
    restored = {x for node in kept if node.op == "random" for x in node.operands}
    return [
        node
        for node in kept
        if node.op != "random" or type(node.settings["function"]) is not GetState or node in restored
    ]


def drawn_from(effects: Iterable[Node], generators: Iterable[Any]) -> list[Any]:
    """Those of some generators that effects draw from, or restore."""
    streams = {id(bits_of(node.settings["function"].generator)) for node in effects if node.op == "random"}
    return [each for each in generators if id(bits_of(each)) in streams]
