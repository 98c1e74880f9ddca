"""Layer: a function with parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any, Self

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.peer_names import OF_LAYERS, advise
from wengert.checks.refusals import refuse_valueless
from wengert.core.variable import Parameter
from wengert.functions.training_mode import is_training
from wengert.layers.parameters import ParameterName
from wengert.layers.state import State, fitting, members, renamed, under_first_names
from wengert.layers.summary import Summary, summarize
from wengert.transforms.rerun import active_run

__all__ = ["Layer"]

# Methods that optimizers, trainers and models call; attributes may have any other name.
TAKEN = frozenset(
    {
        *("params", "state_dict", "load_state_dict", "loaded", "cleargrads", "astype"),
        *("forward", "multiply_adds", "train", "eval", "training", "freeze", "unfreeze"),
    }
)


@advise(OF_LAYERS)
class Layer:
    """A function with parameters: its own, and those of the layers that it is made of.

    A subclass makes them in ``__init__`` and defines `forward`. Attributes are found by their type, also in lists,
    tuples and dicts: a `Parameter` is trained; an ndarray is a buffer, saved but not trained (a running mean), unless
    its name begins with an underscore; a `Layer` is a sublayer. Nothing has to be registered, and
    ``super().__init__()`` need not be called.

    A `Parameter` whose data is None is lazy: it is made at the first call, when the size of the input is known.

    Notes
    -----
    Thread-safe once its lazy parameters are made, except for layers that write to buffers in training (BatchNorm).

    Examples
    --------
    >>> import numpy as np, wengert
    >>> class Line(wengert.Layer):
    ...     def __init__(self):
    ...         self.slope, self.level = (wengert.Parameter(np.array(v)) for v in (2.0, 1.0))
    ...     def forward(self, x):
    ...         return self.slope * x + self.level
    >>> line = Line()
    >>> line(np.array([0.0, 3.0]))
    Variable([1., 7.])
    >>> line.params()
    {'slope': Parameter(2.), 'level': Parameter(1.)}
    """

    _testing = False  # set by `eval`, on the instance

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        made = cls.__init__
        if cls.__module__.startswith("wengert.") and "__init__" not in vars(cls) and isinstance(made, FunctionType):
            # Python names the class that defines __init__ where an argument is unknown: here the public one.
            copied = FunctionType(made.__code__, made.__globals__, "__init__", made.__defaults__, made.__closure__)
            copied.__kwdefaults__, copied.__annotations__ = made.__kwdefaults__, made.__annotations__
            copied.__qualname__ = f"{cls.__qualname__}.__init__"
            cls.__init__ = copied  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in TAKEN and (name == "training" or not callable(value)):
            raise AttributeError(
                f"{name!r} of {type(self).__name__} is a method or property of every Layer, but got {describe(value)}; "
                "give the attribute another name" + (", or call train() or eval()" if name == "training" else "")
            )
        old = vars(self).get(name)
        if isinstance(old, Parameter) and value is not None and not isinstance(value, Parameter):
            # `layer.weight -= g` would replace the Parameter by the difference, which the optimizer does not know.
            raise TypeError(
                f"the parameter {name!r} of {type(self).__name__} can be replaced by a Parameter or None only, but got "
                f"{describe(value)}; to change its values, write layer.{name}.data = array (or .data -= ...)"
            )
        object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output from the input."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x): its output as a Variable")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`. An error gets a note with the name of the layer."""
        before = active_run.get()
        if before is not None:
            before.called(self)
        try:
            return self.forward(*args, **kwargs)
        except Exception as error:
            if isinstance(error, (AttributeError, TypeError)):
                refuse_valueless(type(self), (*args, *kwargs.values()))
            self._note_place(error)
            raise

    def _note_place(self, error: Exception) -> None:
        """Note on `error` the path down to the layer that raised it."""
        path: list[str] = getattr(error, "_layer_path", [])
        inner = getattr(error, "_layer", None)
        if inner is None:
            try:
                text = type(self).label(self)
            except Exception:  # noqa: BLE001  (repr of a broken layer, which the error may be about)
                text = type(self).__name__
        else:
            names = {id(layer): name for name, layer in Layer.children(self).items()}
            path.insert(0, names.get(id(inner), type(inner).__name__))
            text = f"{type(self).__name__}, layer {'.'.join(path)}: {error._layer_text}"  # type: ignore[attr-defined]
            error.__notes__.remove(error._layer_note)  # type: ignore[attr-defined]
        try:
            if inner is None:
                error._layer_text = text  # type: ignore[attr-defined]
            error._layer, error._layer_path, error._layer_note = self, path, f"in {text}"  # type: ignore[attr-defined]
        except AttributeError:  # an exception class without attributes
            return
        error.add_note(f"in {text}")

    # Parameters, buffers and layers

    def params(self) -> dict[str, Parameter]:
        """Return the parameters by dotted name, including those of sublayers, each once.

        A dict. Its keys pass on to the parameters what names do not have: ``for p in layer.params(): p.cleargrad()``.

        Examples
        --------
        >>> import wengert
        >>> list(wengert.layers.Sequential(wengert.layers.Linear(3, 2)).params())
        ['0.weight', '0.bias']
        """
        found: dict[str, Parameter] = {}
        seen: set[int] = set()
        for prefix, _, own in self._walk_members():
            for name, _, value in own:
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    found[ParameterName(f"{prefix}.{name}" if prefix else name, value)] = value
        return found

    def buffers(self) -> dict[str, Any]:
        """Return the arrays that are saved and not trained, by dotted name."""
        return {name: slot.value for name, slot in self._state() if not isinstance(slot.value, Parameter)}

    def children(self) -> dict[str, Layer]:
        """Return the direct sublayers by name."""
        return {name: value for name, _, value in self._members() if isinstance(value, Layer)}

    def steps(self) -> dict[str, Any]:
        """Return the sublayers that the representation shows."""
        return dict(Layer.children(self))

    def layers(self) -> dict[str, Layer]:
        """Return all sublayers by dotted name, each once."""
        return {name: layer for name, layer in self._walk() if name}

    def cleargrads(self) -> None:
        """Set the gradients of all parameters to None."""
        for p in self.params().values():
            p.cleargrad()

    def _members(self) -> Iterable[tuple[str, Any, Any]]:
        return members(vars(self), Layer)

    def _walk(self) -> Iterator[tuple[str, Layer]]:
        """Yield this layer (as "") and all sublayers, each once, in the order of their attributes."""
        return ((name, layer) for name, layer, _ in self._walk_members())

    def _walk_members(self) -> Iterator[tuple[str, Layer, Iterable[tuple[str, Any, Any]]]]:
        """The same, each with the entries that it holds directly."""
        seen: set[int] = set()
        ahead: list[tuple[str, Layer]] = [("", self)]
        while ahead:
            name, layer = ahead.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            own = list(layer._members())
            yield name, layer, own
            ahead += [
                (f"{name}.{child}" if name else child, value)
                for child, _, value in reversed(own)
                if isinstance(value, Layer)
            ]

    def _state(self) -> Iterator[tuple[str, State]]:
        """Yield the parameters and buffers, with the place where each is held."""
        seen: set[int] = set()
        for prefix, layer, own in self._walk_members():
            for name, holder, value in own:
                if isinstance(value, (Parameter, np.ndarray)) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, State(layer, holder, value)

    def _other_names(self) -> dict[str, str]:
        """Map each further name of a shared parameter or buffer to its first name."""
        first = {id(slot.value): name for name, slot in self._state()}
        found: dict[str, str] = {}
        ahead: list[tuple[str, Layer, tuple[Layer, ...]]] = [("", self, ())]
        while ahead:
            prefix, layer, above = ahead.pop()
            if any(layer is other for other in above):
                continue
            for child, _, value in layer._members():
                name = f"{prefix}.{child}" if prefix else child
                if isinstance(value, Layer):
                    ahead.append((name, value, (*above, layer)))
                elif first[id(value)] != name:
                    found[name] = first[id(value)]
        return found

    # Training and testing

    @property
    def training(self) -> bool:
        """Whether it is in training mode: that of the context (`wengert.test_mode`), unless `eval` was called."""
        return not self._testing and is_training()

    def train(self, mode: bool = True) -> Self:
        """Undo `eval`, here and in all sublayers; ``train(False)`` is the same as `eval`."""
        if not options.flag(mode, "mode", "train"):
            return self.eval()
        for _, layer in self._walk():
            vars(layer).pop("_testing", None)
        return self

    def eval(self) -> Self:
        """Put this layer and all sublayers in test mode, whatever the mode of the context, as for frozen parts."""
        for _, layer in self._walk():
            layer._testing = True
        return self

    # Freezing

    def freeze(self) -> Self:
        """Freeze all parameters, here and in sublayers: they get no gradient, and optimizers leave them as they are.

        Weight decay does not change them either. Their gradients are not computed, and compiled steps are compiled
        again. Running statistics, as of `BatchNorm`, still move in training; `eval` stops those. One parameter is
        frozen by ``layer.bias.requires_grad = False``.

        Examples
        --------
        >>> import wengert
        >>> from wengert.layers import Linear, Sequential
        >>> model = Sequential(Linear(4, 3), Linear(3, 2))
        >>> _ = model[0].freeze()
        >>> [name for name, p in model.params().items() if p.requires_grad]
        ['1.weight', '1.bias']
        """
        for p in self.params().values():
            p.requires_grad = False
        return self

    def unfreeze(self) -> Self:
        """Undo `freeze`, here and in all sublayers."""
        for p in self.params().values():
            p.requires_grad = True
        return self

    # Weights

    def state_dict(self) -> dict[str, Any]:
        """Return copies of all parameters and buffers by dotted name.

        Raises
        ------
        ValueError
            If a parameter is lazy and not made yet.
        """
        empty = [name for name, p in self.params().items() if p.data is None]
        if empty:
            raise ValueError(
                f"the state of {type(self).__name__} has no values yet for {', '.join(empty)}; "
                "call it once on data, or give the input sizes to its constructor"
            )
        values = {name: slot.value for name, slot in self._state()}
        return {name: np.array(v.data if isinstance(v, Parameter) else v) for name, v in values.items()}

    def load_state_dict(
        self,
        arrays: Mapping[str, Any],
        names: Mapping[str, str | None] | Callable[[str], str | None] | None = None,
        strict: bool = True,
    ) -> None:
        """Set parameters and buffers, in place where the shape matches; all of them, or on an error none.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            As from `state_dict`, or from another framework. Values are converted to our dtype.
        names : mapping or function, optional
            Maps their names to ours. A key that ends in "." is a prefix; None as the value drops the array. Shared
            arrays may be given under any of their names.
        strict : bool
            Whether names must match exactly. Else the arrays that are there are loaded; a wrong shape is an error in
            any case.

        Raises
        ------
        ValueError
            If arrays are missing, unexpected or of another shape; the message lists all of them.
        TypeError
            If an array cannot be converted, or `arrays` is not a mapping.

        Examples
        --------
        >>> import numpy as np, wengert
        >>> layer = wengert.layers.Linear(2, 1)
        >>> layer.load_state_dict({"fc.W": np.ones((1, 2)), "fc.b": np.zeros(1)},
        ...                       names={"fc.W": "weight", "fc.b": "bias"})
        >>> layer(np.ones((1, 2), np.float32))
        Variable([[2.]], dtype=float32)
        """
        if not isinstance(arrays, Mapping):
            raise TypeError(f"load_state_dict takes a mapping of names to arrays, but got {describe(arrays)}")
        state = dict(self._state())
        strict = options.flag(strict, "strict", "load_state_dict")
        given = renamed(arrays, names)
        if any(name not in state for name in given):
            given = under_first_names(given, self._other_names())
        fitted = fitting(type(self).__name__, {name: slot.value for name, slot in state.items()}, given, strict)
        unmade = [name for name in fitted if state[name].is_unmade]
        self._make_as([(state[name], fitted[name]) for name in unmade])
        for name, array in fitted.items():
            if name not in unmade:
                state[name].assign(array)

    def _make_as(self, made: list[tuple[State, Any]]) -> None:
        """Assign arrays to parameters and buffers that are not made yet, unless a layer raises."""
        layers = [layer for _, layer in self._walk()]
        before = [dict(vars(layer)) for layer in layers]
        try:
            for slot, array in made:
                slot.assign(array)
            for layer in layers:
                layer.loaded()
        except Exception:
            for layer, attributes in zip(layers, before, strict=True):
                vars(layer).clear()
                vars(layer).update(attributes)
            for slot, _ in made:
                slot.unmake()
            raise

    def loaded(self) -> None:
        """Infer lazy sizes from the parameters that `load_state_dict` has made, or raise ValueError.

        Called before the other parameters and buffers, whose shapes match, are changed.
        """

    def summary(self, *inputs: Any) -> Summary:
        """Call the layer once on `inputs` (in test mode, without side effects), and list the layers in it.

        Parameters
        ----------
        *inputs : arrays
            Of the shapes and dtypes of a real call.

        Returns
        -------
        Summary
            A table, to print or to inspect: output shapes, parameters, multiply-adds and memory.

        Examples
        --------
        >>> import numpy as np, wengert
        >>> from wengert.layers import Linear, Sequential
        >>> print(Sequential(Linear(8), np.tanh, Linear(2)).summary(np.zeros((1, 4), np.float32)))
        layer  kind                 output  parameters  multiply-adds
        -------------------------------------------------------------
               Sequential(3 steps)  (1, 2)           0              0
        0      Linear(4, 8)         (1, 8)          40             32
        2      Linear(8, 2)         (1, 2)          18             16
        -------------------------------------------------------------
        total                                       58             48
        232 bytes of parameters; input (1, 4)
        """
        return summarize(self, *inputs)

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`, without those of sublayers.

        Shown in a summary; a layer that multiplies overrides this. `x` and `y` are arrays.
        """
        return 0

    def astype(self, dtype: Any) -> Self:
        """Convert all floating parameters and buffers to `dtype`, in this layer.

        Examples
        --------
        >>> import numpy as np, wengert
        >>> wengert.layers.Linear(2, 1).astype(np.float64).weight.dtype
        dtype('float64')
        """
        dtype = options.dtype(dtype, "dtype", "astype")
        for _, slot in list(self._state()):
            value = slot.value.data if isinstance(slot.value, Parameter) else slot.value
            if value is not None and value.dtype.kind == "f":
                slot.replace(value.astype(dtype))
        for _, layer in self._walk():
            if "dtype" in vars(layer):
                vars(layer)["dtype"] = dtype
        return self

    # Representation

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        return f"{type(self).__name__}()"

    def __repr__(self) -> str:
        return tree(self, ())


def tree(layer: Layer, above: tuple[Layer, ...]) -> str:
    """Represent a layer and its sublayers; in a cycle, by the name of its class alone."""
    if any(layer is other for other in above):
        return f"{type(layer).__name__}(...)"
    steps = type(layer).steps(layer).items()  # the method of the class: an attribute may have the same name
    if not steps:
        return type(layer).label(layer)
    texts = [(name, tree(s, (*above, layer)) if isinstance(s, Layer) else name_of(s)) for name, s in steps]
    below = [f"{name}: {text}".replace("\n", "\n  ") for name, text in texts]
    return f"{type(layer).__name__}(\n  " + "\n  ".join(below) + "\n)"


def name_of(step: Any) -> str:
    """Represent a function among layers."""
    return getattr(step, "__name__", None) or repr(step)
