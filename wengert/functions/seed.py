"""square and exp as Python functions."""

from typing import Any

from wengert.functions.elementwise import Exp, Square

__all__ = ["exp", "square"]


def square(x: Any) -> Any:
    """Square, element by element.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.square(wengert.Variable(np.array(3.0)))
    Variable(9.)
    """
    return Square()(x)


def exp(x: Any) -> Any:
    """The exponential, element by element.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.exp(wengert.Variable(np.array(0.0)))
    Variable(1.)
    """
    return Exp()(x)
