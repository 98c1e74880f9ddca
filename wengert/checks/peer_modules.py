"""Names that users of DeZero, PyTorch and JAX look for in the modules here: NumPy's functions, and what to write.

Read when a module does not have a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["looked_up"]

# DeZero's functions that are NumPy's, with the same arguments: `F.tanh` is `np.tanh`.
OF_NUMPY = (
    *(
        "abs",
        "add",
        "broadcast_to",
        "clip",
        "concatenate",
        "cos",
        "dot",
        "exp",
        "expand_dims",
        "log",
        "log1p",
        "matmul",
    ),
    *("max", "maximum", "mean", "min", "minimum", "multiply", "power", "reshape", "sin", "sinh", "sqrt", "square"),
    *("squeeze", "stack", "subtract", "sum", "tan", "tanh", "transpose", "where"),
)
FUNCTIONS: dict[str, str] = {
    "average": "np.mean(x, axis)",
    "avg_pool2d": "wengert.functions.average_pool2d",
    "average_pooling": "wengert.functions.average_pool2d",
    "batch_nrom": "wengert.functions.batch_norm",
    "cat": "np.concatenate(arrays, axis)",
    "cross_entropy": "wengert.functions.softmax_cross_entropy(y, t)",
    "deconv2d": "wengert.functions.conv_transpose2d",
    "div": "x / y",
    "embed_id": "wengert.functions.embedding",
    "flatten": "x.reshape(len(x), -1)",
    "get_item": "x[index]",
    "huber_loss": "wengert.functions.huber(y, t)",
    "im2col": "np.lib.stride_tricks.sliding_window_view(x, shape, axis)",
    "l1_loss": "wengert.functions.mae(y, t)",
    "linear_simple": "x @ W + b",
    "mean_squared_error": "wengert.functions.mse(y, t)",
    "mean_squared_error_simple": "wengert.functions.mse(y, t)",
    "mse_loss": "wengert.functions.mse(y, t)",
    "mul": "x * y",
    "neg": "-x",
    "normalize": "x / np.linalg.norm(x, axis=-1, keepdims=True)",
    "one_hot": "np.eye(n)[t]",
    "pad": "np.pad(x, width)",
    "pooling": "wengert.functions.max_pool2d",
    "pow": "x**c",
    "scaled_dot_product_attention": "wengert.functions.attention(q, k, v)",
    "sigmoid_simple": "wengert.functions.sigmoid(x)",
    "smooth_l1_loss": "wengert.functions.huber(y, t)",
    "softmax1d": "wengert.functions.softmax(x)",
    "softmax_cross_entropy_simple": "wengert.functions.softmax_cross_entropy(y, t)",
    "softmax_simple": "wengert.functions.softmax(x)",
    "sub": "x - y",
    "sum_to": "np.sum(x, axis, keepdims=True) over the axes that are to be 1",
}
IN_SEQUENTIAL = "in a Sequential the function itself, as in Sequential(Linear(8), wengert.functions.relu, Linear(1))"
LAYERS: dict[str, str] = {
    **dict.fromkeys(("ELU", "GELU", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus"), IN_SEQUENTIAL),
    "AvgPool1d": "AveragePool1d",
    "AvgPool2d": "AveragePool2d",
    "BCEWithLogitsLoss": "wengert.functions.binary_cross_entropy_with_logits(y, t)",
    "BatchNorm1d": "BatchNorm",
    "BatchNorm2d": "BatchNorm",
    "CrossEntropyLoss": "wengert.functions.softmax_cross_entropy(y, t)",
    "Deconv2d": "ConvTranspose2d",
    "Dense": "Linear(units)",
    "EmbedID": "Embedding",
    "Identity": "lambda x: x",
    "MSELoss": "wengert.functions.mse(y, t)",
    "Module": "wengert.Layer",
    "ModuleDict": "a dict: layers in attributes are found, in dicts too",
    "ModuleList": "a list: layers in attributes are found, in lists too",
    "Parameter": "wengert.Parameter",
    "Tanh": "in a Sequential the function itself, as in Sequential(Linear(8), np.tanh, Linear(1))",
    "TransformerEncoderLayer": "TransformerBlock",
}
OPTIMIZERS: dict[str, str] = {
    "Adadelta": "AdaDelta",
    "Adagrad": "AdaGrad",
    "ClipGrad": "clip_norm= of any optimizer",
    "CosineAnnealingLR": "CosineDecay",
    "ExponentialLR": "ExponentialDecay",
    "FreezeParam": "layer.freeze()",
    "LinearLR": "WarmUp or LinearDecay",
    "MomentumSGD": "Momentum",
    "MultiStepLR": "MultiStepDecay",
    "OneCycleLR": "OneCycle",
    "RMSProp": "RMSprop",
    "ReduceLROnPlateau": "ReduceOnPlateau",
    "StepLR": "StepDecay",
    "WeightDecay": "weight_decay= of any optimizer",
}
TOP: dict[str, str] = {
    "Config": "wengert.no_grad(), wengert.test_mode()",
    "DataLoader": "wengert.datasets.DataLoader",
    "F": "wengert.functions",
    "Module": "wengert.Layer",
    "Tensor": "wengert.Variable(array)",
    "Trainer": "wengert.training.Trainer",
    "cuda": "nothing: arrays are in the memory of the CPU",
    "jit": "wengert.compile(f)",
    "manual_seed": "wengert.seed(0)",
    "nn": "wengert.layers, and wengert.functions",
    "optim": "wengert.optimizers",
    "stop_gradient": "x.detach()",
    "tensor": "wengert.Variable(np.array(values))",
    "using_config": "wengert.no_grad() for enable_backprop, wengert.test_mode() for train",
    "utils": "wengert.draw(y) for plot_dot_graph",
}
MODULES: dict[str, Mapping[str, str]] = {
    "wengert": TOP,
    "wengert.functions": FUNCTIONS,
    "wengert.layers": LAYERS,
    "wengert.optimizers": OPTIMIZERS,
}


def looked_up(module: str, name: str) -> Any:
    """Return what a name means in a module that does not have it, or raise AttributeError with what to write."""
    if module == "wengert.functions" and name in OF_NUMPY:
        return getattr(np, name)
    names = MODULES[module]
    instead = f"; write {names[name]}" if name in names else ""
    raise AttributeError(f"module {module!r} has no attribute {name!r}{instead}")
