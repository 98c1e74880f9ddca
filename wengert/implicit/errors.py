"""The error of a solver that did not converge."""

__all__ = ["ConvergenceError"]


class ConvergenceError(RuntimeError):
    """A solver did not converge, or not closely enough for the derivative of its result.

    Examples
    --------
    >>> from wengert import grad, implicit
    >>> @implicit.root(lambda x, a: x * x - a)
    ... def solve(x0, a):
    ...     return 1.5  # whatever a is
    >>> grad(lambda a: solve(1.0, a))(2.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    wengert.implicit.errors.ConvergenceError: implicit.root differentiates a solution, but a Newton step from ...
    """
