"""The names that the left columns of docs/coming_from use, in the libraries that they are from."""

PYTORCH = """
import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
t = torch.tensor([0, 1])
w = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
v = torch.ones(3)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def f(w):
    return torch.sum(w * w)
"""

JAX = """
import jax
jax.config.update("jax_enable_x64", True)
import jax.experimental.ode
import jax.flatten_util
import jax.numpy as jnp
import jax.scipy.linalg
import jax.scipy.optimize
import jax.scipy.special
import jax.scipy.stats
import jax.test_util

x = jnp.array([1.0, 2.0, 3.0])
a = jnp.array([[2.0, 1.0], [1.0, 3.0]])
i = jnp.array([0, 2])
params = {"b": 0.1, "w": jnp.array([0.5, -1.0, 2.0])}


def f(x):
    return jnp.sum(jnp.sin(x) * x)


def loss(params, x):
    return (params["w"] @ x + params["b"]) ** 2


def step(c, e):
    return c * 0.5 + e
"""

AUTOGRAD = """
import autograd
import autograd.misc.optimizers
import autograd.numpy as np
import autograd.scipy.special
import autograd.scipy.stats
import autograd.tracer
from autograd import checkpoint, deriv, elementwise_grad, grad, hessian, hessian_vector_product, holomorphic_grad
from autograd import jacobian, make_ggnvp, make_hvp, make_jvp, make_vjp, value_and_grad, vector_jacobian_product
from autograd.extend import defjvp, defvjp, primitive
from autograd.misc import flatten
from autograd.test_util import check_grads

x = np.array([1.0, 2.0, 3.0])
v = np.array([1.0, 0.0, -1.0])
params = {"b": 0.1, "w": np.array([0.5, -1.0, 2.0])}


def f(x):
    return np.sum(np.sin(x) * x)


def loss(params, x):
    return (np.dot(params["w"], x) + params["b"]) ** 2
"""

# DeZero 0.0.13 names `np.int`, which NumPy 1.24 removed.
DEZERO = """
import numpy as np
np.int = int
import dezero
import dezero.datasets
import dezero.functions as F
import dezero.layers as L
import dezero.models
import dezero.optimizers
import dezero.transforms
del np.int
from dezero import DataLoader, Dataset, Layer, Model, Parameter, Variable, as_variable
from dezero.models import MLP
from dezero.optimizers import SGD, Adam, MomentumSGD

x = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
y = Variable(np.array([[0.5, 0.0, 1.0], [2.0, 1.0, 0.0]]))
t = np.array([0, 2])
"""
