"""Wengert differentiates NumPy programs.

>>> import numpy as np
>>> from wengert import Variable
>>> x = Variable(np.array(0.5))
>>> y = np.exp(x ** 2) ** 2
>>> y.backward()
>>> print(x.grad)
3.297442541400256
"""

import importlib
from typing import TYPE_CHECKING, Any

from wengert import custom, functions, singular, writes  # noqa: F401  (the core calls what they register)
from wengert.checks.errors import GraphError
from wengert.core.elementwise import derivative
from wengert.core.function import Function
from wengert.core.variable import Parameter, Variable, as_array, as_variable
from wengert.custom.modes import debug, enable_grad, no_grad
from wengert.custom.registration import composition, dispatched, piecewise_constant, pullback, refused
from wengert.functions.elementwise import Exp, Square
from wengert.functions.seed import exp, square
from wengert.functions.training_mode import is_training, test_mode, train_mode
from wengert.transforms.gradient import grad, value_and_grad
from wengert.writes.creation import array, empty, eye, full, ones, zeros

if TYPE_CHECKING:
    from wengert import datasets, implicit, layers, models, optimizers, parallel, scipy, training
    from wengert import onnx as onnx
    from wengert import sklearn as sklearn
    from wengert.auditing import audit
    from wengert.compiler.compiled import CompileWarning, compile
    from wengert.compiler.graph.graph import VerificationError
    from wengert.compiler.targets.cpu.thread_pool import get_num_threads, set_num_threads
    from wengert.drawing import draw
    from wengert.functions.randomness import generator, seed
    from wengert.layers.layer import Layer
    from wengert.models.model import Model
    from wengert.sparse.matrices import sparse_hessian, sparse_jacobian, sparsity
    from wengert.transforms._checkpoint import checkpoint
    from wengert.transforms._flatten import flatten
    from wengert.transforms._vmap import vmap
    from wengert.transforms.check import GradientError, check_grad
    from wengert.transforms.matrices import hessian, jacobian
    from wengert.transforms.numerical import numerical_diff
    from wengert.transforms.products import hvp, jvp, linearize, vjp
    from wengert.writes.unmodified import unmodified

__version__ = "0.1.0"

# Packages that a program may not need are imported at first use.
LATE = {
    "audit": "wengert.auditing",
    "check_grad": "wengert.transforms.check",
    "checkpoint": "wengert.transforms._checkpoint",
    "compile": "wengert.compiler.compiled",
    "CompileWarning": "wengert.compiler.compiled",
    "datasets": "",
    "draw": "wengert.drawing",
    "flatten": "wengert.transforms._flatten",
    "generator": "wengert.functions.randomness",
    "get_num_threads": "wengert.compiler.targets.cpu.thread_pool",
    "GradientError": "wengert.transforms.check",
    "hessian": "wengert.transforms.matrices",
    "hvp": "wengert.transforms.products",
    "implicit": "",
    "jacobian": "wengert.transforms.matrices",
    "jvp": "wengert.transforms.products",
    "Layer": "wengert.layers.layer",
    "layers": "",
    "linearize": "wengert.transforms.products",
    "Model": "wengert.models.model",
    "models": "",
    "numerical_diff": "wengert.transforms.numerical",
    "onnx": "",
    "optimizers": "",
    "parallel": "",
    "scipy": "",
    "seed": "wengert.functions.randomness",
    "sklearn": "",
    "set_num_threads": "wengert.compiler.targets.cpu.thread_pool",
    "sparse_hessian": "wengert.sparse.matrices",
    "sparse_jacobian": "wengert.sparse.matrices",
    "sparsity": "wengert.sparse.matrices",
    "training": "",
    "unmodified": "wengert.writes.unmodified",
    "VerificationError": "wengert.compiler.graph.graph",
    "vjp": "wengert.transforms.products",
    "vmap": "wengert.transforms._vmap",
}

__all__ = [
    "CompileWarning",
    "Exp",
    "Function",
    "GradientError",
    "GraphError",
    "Layer",
    "Model",
    "Parameter",
    "Square",
    "Variable",
    "VerificationError",
    "array",
    "as_array",
    "as_variable",
    "audit",
    "check_grad",
    "checkpoint",
    "compile",
    "composition",
    "datasets",
    "debug",
    "derivative",
    "dispatched",
    "draw",
    "empty",
    "enable_grad",
    "exp",
    "eye",
    "flatten",
    "full",
    "functions",
    "generator",
    "get_num_threads",
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "is_training",
    "jacobian",
    "jvp",
    "layers",
    "linearize",
    "models",
    "no_grad",
    "numerical_diff",
    "ones",
    "optimizers",
    "parallel",
    "piecewise_constant",
    "pullback",
    "refused",
    "scipy",
    "seed",
    "set_num_threads",
    "sparse_hessian",
    "sparse_jacobian",
    "sparsity",
    "square",
    "test_mode",
    "train_mode",
    "training",
    "unmodified",
    "value_and_grad",
    "vjp",
    "vmap",
    "zeros",
]


if not TYPE_CHECKING:  # (which knows the names that there are)

    def __getattr__(name: str) -> Any:
        if name not in LATE:
            return importlib.import_module("wengert.checks.peer_modules").looked_up(__name__, name)
        if not LATE[name]:
            return importlib.import_module(f"wengert.{name}")
        found = globals()[name] = getattr(importlib.import_module(LATE[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *LATE})
