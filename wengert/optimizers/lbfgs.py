"""L-BFGS: SciPy's quasi-Newton method with a line search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.extras import needed
from wengert.checks.interrupts import Uninterrupted
from wengert.core.variable import Parameter, Variable
from wengert.optimizers.clipping import gradient_of
from wengert.optimizers.groups import COUNT, NONNEGATIVE, Limit
from wengert.optimizers.optimizer import Clipping, Optimizer, make_writeable, state_dtype

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """L-BFGS, for small problems with a deterministic loss: SciPy's L-BFGS-B.

    Each `update` is a separate minimisation of up to `max_iterations` iterations, each of which calls the closure one
    or more times. There is no learning rate: a line search finds the step.

    Parameters
    ----------
    params : Layer, dict or iterable of Parameter
    max_iterations : int
        For each update.
    history : int
        The number of previous steps from which the curvature is estimated.
    gradient_tolerance : float
        Stop if no element of the gradient is larger.
    loss_tolerance : float
        Stop if the relative decrease of the loss is smaller.

    Raises
    ------
    ImportError
        From `update`, if SciPy is not installed.
    ValueError
        If there are several groups, or an option is out of its range.

    Notes
    -----
    D. C. Liu, J. Nocedal, *On the limited memory BFGS method for large scale optimization* (1989).
    Computes in float64; parameters keep their dtype, complex ones are pairs of real elements.

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
        options = {
            "max_iterations": max_iterations,
            "history": history,
            "gradient_tolerance": gradient_tolerance,
            "loss_tolerance": loss_tolerance,
        }
        super().__init__(params, options, **clipping)
        if self.error_if_nonfinite or not (self.clip_norm is self.clip_value is None):
            raise ValueError("LBFGS does not clip gradients: its line search needs them as they are")
        if len(self.groups) > 1:
            raise ValueError(f"LBFGS takes one group of parameters, but got {len(self.groups)}")

    def update(self, closure: Callable[[], Any] | None = None) -> float:  # type: ignore[override]
        """Minimise the loss that `closure` returns; leave the parameters at the best point found.

        Parameters
        ----------
        closure : callable
            Takes no arguments, and returns the loss as a 0-d Variable. Gradients are cleared before it is called;
            `backward` is called after, unless the closure has called it.

        Returns
        -------
        loss : float
            The loss at the final parameters.

        Raises
        ------
        TypeError
            If there is no closure, or it does not return a real number.
        ValueError
            If the loss or a gradient is NaN or infinite at the start.

        Notes
        -----
        An exception, KeyboardInterrupt included, leaves parameters and states unchanged.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS evaluates the loss several times in an update, so it needs a function that returns it: "
                f"optimizer.update(lambda: loss(model(x), t)); but got {describe(closure)}"
            )
        optimize = needed("scipy.optimize", "scipy", "LBFGS")
        loss, _ = self._evaluate(closure)  # this call makes lazy parameters
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
            self.state_of(p, group)
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
            # A step out of the domain: a high value makes the line search backtrack, where NaN or infinity would end
            # it.
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
        except BaseException:
            with Uninterrupted():
                write(params, start)
            raise
        with Uninterrupted(joins=True):
            write(params, best[1])
            for p in params:
                self.states[p]["step"] += 1
        return best[0]

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[float, bool]:
        """Return the loss, and whether any parameter has a gradient; gradients stay on the parameters."""
        self.cleargrads()
        loss = closure()
        if not isinstance(loss, Variable) or loss.data is None or loss.data.size != 1 or loss.dtype.kind != "f":
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
    """Return the gradient of a parameter; zeros if this call of the loss did not use it."""
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
