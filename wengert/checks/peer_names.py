"""Names that users of PyTorch and DeZero type: those that work here too, and errors that say what to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

from wengert.checks import options
from wengert.checks.errors import describe

__all__ = ["FREEZING", "OF_LAYERS", "OF_OPTIMIZERS", "Advised", "Gradients", "advise"]

NOWHERE = "nothing: arrays are NumPy's, in the memory of the CPU"
OF_VARIABLES: dict[str, str] = {
    "clamp": "np.clip(x, low, high)",
    "clone": "x.copy()",
    "contiguous": "x itself",
    "cpu": NOWHERE,
    "cuda": NOWHERE,
    "dim": "x.ndim",
    "double": "x.astype(np.float64)",
    "exp": "np.exp(x)",
    "expand": "np.broadcast_to(x, shape)",
    "grad_fn": "x.creator",
    "half": "x.astype(np.float16)",
    "is_leaf": "x.creator is None",
    "log": "np.log(x)",
    "masked_fill": "np.where(mask, value, x)",
    "matmul": "x @ y",
    "mm": "x @ y",
    "norm": "np.linalg.norm(x)",
    "numpy": "x.data",
    "permute": "x.transpose(axes)",
    "pow": "x**y",
    "relu": "wengert.functions.relu(x)",
    "retain_grad": "y.backward(retain_grad=True), which keeps the gradients of all",
    "sigmoid": "wengert.functions.sigmoid(x)",
    "softmax": "wengert.functions.softmax(x, axis)",
    "sqrt": "np.sqrt(x)",
    "t": "x.T",
    "tanh": "np.tanh(x)",
    "to": "x.astype(dtype) for a dtype; for a device nothing: arrays are in the memory of the CPU",
    "unchain": "x.detach()",
    "unchain_backward": "x.detach() where the graph is to end",
    "unsqueeze": "np.expand_dims(x, axis)",
    "zero_grad": "x.cleargrad()",
}
OF_LAYERS: dict[str, str] = {
    "cpu": NOWHERE,
    "cuda": NOWHERE,
    "double": "layer.astype(np.float64)",
    "fit": "Trainer(model, Adam(model), loss).fit(x, t, epochs=10), of wengert.training",
    "half": "layer.astype(np.float16)",
    "load_weights": "wengert.layers.load_weights(layer, path)",
    "modules": "layer.layers().values(), and layer.children().values() for the direct ones",
    "named_children": "layer.children().items()",
    "named_modules": "layer.layers().items()",
    "named_parameters": "layer.params().items()",
    "parameters": "layer.params().values(); optimizers take the layer itself",
    "plot": "wengert.draw(layer(x), model=layer)",
    "register_buffer": "layer.name = array: an ndarray is a buffer",
    "register_parameter": "layer.name = Parameter(array)",
    "requires_grad_": "layer.freeze() for False, layer.unfreeze() for True",
    "save_weights": "wengert.layers.save_weights(layer, path)",
    "to": "layer.astype(dtype) for a dtype; for a device nothing: arrays are in the memory of the CPU",
    "zero_grad": "layer.cleargrads()",
}
OF_OPTIMIZERS: dict[str, str] = {
    "add_param_group": "SGD([{'params': a, 'learning_rate': 0.1}, {'params': b}], 0.01): all groups at once",
    "param_groups": "optimizer.groups",
    "setup": "SGD(model, 0.1): an optimizer is made for its model",
    "step": "optimizer.update()",
    "zero_grad": "optimizer.cleargrads()",
}


class Advised:
    """A name that a class does not have: whoever asks for it gets an AttributeError with what to write.

    So `hasattr` is False, and a subclass or an object may have an attribute of that name.
    """

    def __init__(self, instead: str) -> None:
        self.instead = instead
        self.name = ""
        self.__doc__ = f"Not here: write {instead}."

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__} has no attribute {self.name!r}; write {self.instead}", name=self.name, obj=instance
        )


def advise(names: Mapping[str, str]) -> Callable[[Any], Any]:
    """Give a class the names that it does not have, as a decorator."""

    def decorate(kind: Any) -> Any:
        for name, instead in names.items():
            if not hasattr(kind, name):
                advised = Advised(instead)
                advised.__set_name__(kind, name)
                setattr(kind, name, advised)
        return kind

    return decorate


# Which kind of Variable is trained, and which is not: see `wengert.custom.freezing`. {Parameter: FrozenParameter}
FREEZING: dict[type, type] = {}


@advise(OF_VARIABLES)
class Gradients:
    """What PyTorch calls ``requires_grad``: whether `backward` leaves a gradient."""

    __slots__ = ()
    is_trained = True

    _notes: Any
    grad: Any

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` leaves a gradient here. For a `Parameter` it can be set: False freezes it.

        Examples
        --------
        >>> import numpy as np, wengert
        >>> layer = wengert.layers.Linear(2, 1)
        >>> layer.bias.requires_grad = False
        >>> np.sum(layer(np.ones((1, 2), np.float32))).backward()
        >>> layer.bias.grad is None, layer.weight.grad is None
        (True, False)
        """
        notes = self._notes or {}
        return self.is_trained and not (notes.get("no_grad") or notes.get("detached"))

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        value = options.flag(value, "requires_grad", type(self).__name__)
        if value == self.requires_grad:
            return
        changed = FREEZING if not value else {frozen: kind for kind, frozen in FREEZING.items()}
        if type(self) not in changed:
            raise TypeError(
                f"requires_grad of {describe(self)} cannot be {value}: a Parameter can be frozen; use x.detach() for a "
                "Variable without a gradient, wengert.no_grad() for a block without a graph, and Variable(x.data) for "
                "one that has a gradient again"
            )
        if not value:
            self.grad = None
        self.__class__ = changed[type(self)]

    def requires_grad_(self, value: bool = True) -> Self:
        """Set `requires_grad`; return the same."""
        self.requires_grad = value
        return self
