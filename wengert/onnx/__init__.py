"""Models as ONNX files, which other programs run: what a model does with NumPy is written down, and translated.

>>> import numpy as np
>>> from wengert.models import MLP
>>> found = export(MLP(16, 3), np.zeros((5, 4), np.float32))
>>> [node.op_type for node in found.graph.node]
['Gemm', 'Relu', 'Gemm']
>>> [each.name for each in found.graph.initializer]
['linears.0.weight', 'linears.0.bias', 'linears.1.weight', 'linears.1.bias']
"""

from wengert.onnx import arithmetic, networks, recurrent, reductions, shapes  # noqa: F401  (they register rules)
from wengert.onnx.exporting import OPSET, export
from wengert.onnx.symbol import rule

__all__ = ["OPSET", "export", "rule"]
