"""Wengert differentiates NumPy programs.

>>> import numpy as np
>>> from wengert import Variable
>>> x = Variable(np.array(0.5))
>>> y = np.exp(x ** 2) ** 2
>>> y.backward()
>>> print(x.grad)
3.297442541400256
"""

from wengert import functions  # noqa: F401  (fills the table)
from wengert.audit import audit
from wengert.core.dispatch import composition, dispatched, piecewise_constant, refused
from wengert.core.elementwise import derivative
from wengert.core.errors import GraphError
from wengert.core.function import Function
from wengert.core.mode import debug, enable_grad, no_grad
from wengert.core.numpy_call import pullback
from wengert.core.variable import Parameter, Variable, as_array, as_variable
from wengert.functions.elementwise import Exp, Square
from wengert.functions.seed import exp, square
from wengert.transforms.check import GradientError, check_grad
from wengert.transforms.checkpointing import checkpoint
from wengert.transforms.flat import flatten
from wengert.transforms.gradient import grad, value_and_grad
from wengert.transforms.matrices import hessian, jacobian
from wengert.transforms.numerical import numerical_diff
from wengert.transforms.products import hvp, jvp, vjp

__version__ = "0.1.0"

__all__ = [
    "Exp",
    "Function",
    "GradientError",
    "GraphError",
    "Parameter",
    "Square",
    "Variable",
    "as_array",
    "as_variable",
    "audit",
    "check_grad",
    "checkpoint",
    "composition",
    "debug",
    "derivative",
    "dispatched",
    "enable_grad",
    "exp",
    "flatten",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "numerical_diff",
    "piecewise_constant",
    "pullback",
    "refused",
    "square",
    "value_and_grad",
    "vjp",
]
