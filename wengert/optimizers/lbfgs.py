"""L-BFGS: a quasi-Newton method with a line search, by SciPy."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.checks.extras import needed
from wengert.core.errors import describe
from wengert.core.variable import Parameter, Variable
from wengert.optimizers.clipping import gradient_of
from wengert.optimizers.groups import NONNEGATIVE, Limit
from wengert.optimizers.optimizer import Clipping, Optimizer, make_writeable, state_dtype

__all__ = ["LBFGS"]

COUNT = Limit("a whole number, 1 or more", low=1.0)


class LBFGS(Optimizer):
    """L-BFGS, for small problems whose loss is the same at each call: SciPy's L-BFGS-B.

    Each `update` is a minimisation of its own with up to `max_iterations` iterations, each of which
    calls the closure once or a few times. There is no learning rate: the step is searched for.

    Parameters
    ----------
    params : Layer, dict or iterable of Parameter
    max_iterations : int
        In one update.
    history : int
        How many of the last steps the curvature is estimated from.
    gradient_tolerance : float
        Stop where no element of the gradient is larger.
    loss_tolerance : float
        Stop where the loss falls by less than this part of it.

    Raises
    ------
    ImportError
        By `update`, where SciPy is not installed.
    ValueError
        If there are several groups, or an option is out of its range.

    Notes
    -----
    D. C. Liu, J. Nocedal, *On the limited memory BFGS method for large scale optimization* (1989).
    Calculates in float64; parameters keep their dtype, complex ones are pairs of real elements.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import LBFGS
    >>> p = Parameter(np.array([3.0, 4.0]))
    >>> loss = LBFGS([p]).update(lambda: np.sum((p - 1) ** 2))
    >>> np.round(p.data, 6)
    array([1., 1.])
    """

    limits: ClassVar[Mapping[str, Limit]] = {
        "max_iterations": COUNT,
        "history": COUNT,
        "gradient_tolerance": NONNEGATIVE,
        "loss_tolerance": NONNEGATIVE,
    }

    def __init__(
        self,
        params: Any,
        max_iterations: int = 20,
        history: int = 10,
        gradient_tolerance: float = 1e-7,
        loss_tolerance: float = 1e-12,
        **clipping: Unpack[Clipping],
    ) -> None:
        if any(clipping.values()):
            raise ValueError("LBFGS does not clip gradients: its line search needs them as they are")
        options = {
            "max_iterations": max_iterations,
            "history": history,
            "gradient_tolerance": gradient_tolerance,
            "loss_tolerance": loss_tolerance,
        }
        super().__init__(params, options)
        if len(self.groups) > 1:
            raise ValueError(f"LBFGS takes one group of parameters, but got {len(self.groups)}")

    def update(self, closure: Callable[[], Any] | None = None) -> float:  # type: ignore[override]
        """Minimise the loss that `closure` returns; leave the parameters at the best point found.

        Parameters
        ----------
        closure : callable
            Takes nothing, and returns the loss as a 0-d Variable. Gradients are cleared before, and
            `backward` is called after, unless the closure has called it.

        Returns
        -------
        loss : float
            At the point where the parameters are now.

        Raises
        ------
        TypeError
            If there is no closure, or it does not return one real number.
        ValueError
            If the loss or a gradient is NaN or infinite at the start.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS evaluates the loss several times in an update, so it needs a function that returns it: "
                f"optimizer.update(lambda: loss(model(x), t)); but got {describe(closure)}"
            )
        optimize = needed("scipy.optimize", "scipy", "LBFGS")
        loss, _ = self._evaluate(closure)  # a layer makes its parameters at this call
        self.read()
        (group,) = self.groups
        group.check()
        params = [p for p in group.params if p.data is not None and gradient_of(p) is not None]
        for (hook,) in self._hooks:
            hook(params)
        if not params:
            raise ValueError("LBFGS has no parameters that the loss depends on; use them in the closure")
        for p in params:
            make_writeable(p)
            self.state_of(p, group)["step"] += 1
        start = flatten([p.data for p in params])
        gradient = flatten([gradient_of(p) for p in params])
        if not np.isfinite(loss) or not np.all(np.isfinite(gradient)):
            raise ValueError(
                f"the loss and its gradients must be finite at the start, but the loss is {loss}, and "
                f"{np.sum(~np.isfinite(gradient))} elements of the gradients are not; start elsewhere"
            )
        best = (loss, start)

        def evaluate(x: Any) -> tuple[float, Any]:
            nonlocal best
            write(params, x)
            value, used = self._evaluate(closure)
            if not used:
                raise ValueError("the loss must depend on the same parameters at each call of the closure")
            if value < best[0]:
                best = (value, x.copy())
            gradient = flatten([zeros_if_none(p) for p in params])
            if np.isfinite(value) and np.all(np.isfinite(gradient)):
                return value, gradient
            # A step out of the domain: a height sends the line search back, where NaN or infinity ends it.
            return loss + 1e3 * (abs(loss) + 1), np.zeros_like(x)

        try:
            with np.errstate(all="ignore"):
                optimize.minimize(
                    evaluate,
                    start,
                    jac=True,
                    method="L-BFGS-B",
                    options={
                        "maxiter": int(group.max_iterations),
                        "maxcor": int(group.history),
                        "gtol": float(group.gradient_tolerance),
                        "ftol": float(group.loss_tolerance),
                    },
                )
        finally:
            write(params, best[1])
        return best[0]

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[float, bool]:
        """Return the loss, with the gradients left at the parameters, and whether there are any."""
        self.cleargrads()
        loss = closure()
        if not isinstance(loss, Variable) or loss.data.size != 1 or loss.dtype.kind != "f":
            raise TypeError(
                f"the closure must return the loss as one real number in a Variable, but got {describe(loss)}"
            )
        self.read()
        params = self.groups[0].params
        if all(p.grad is None for p in params) and loss.creator is not None:
            loss.backward()
        return float(loss.data.item()), any(p.grad is not None for p in params)


def flatten(arrays: list[Any]) -> Any:
    """Return arrays as one float64 vector."""
    flat = [array.reshape(-1) for array in arrays]
    return np.concatenate([a.view(a.real.dtype) if a.dtype.kind == "c" else a for a in flat]).astype(np.float64)


def zeros_if_none(p: Parameter) -> Any:
    """Return the gradient of a parameter; it is zero where this call of the loss did not use it."""
    g = gradient_of(p)
    return np.zeros_like(p.data) if g is None else g


def write(params: list[Parameter], x: Any) -> None:
    """Write a vector into the parameters, in place."""
    start = 0
    for p in params:
        data = p.data
        stop = start + data.size * (1 + (data.dtype.kind == "c"))
        part = x[start:stop].astype(state_dtype(data.dtype))
        if data.dtype.kind == "c":
            part = part.view(data.dtype)
        data[...] = part.reshape(data.shape)
        p.data = data
        start = stop
