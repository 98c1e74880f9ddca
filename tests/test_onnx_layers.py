"""Each layer and each model is exported to ONNX, and gives the same in onnxruntime, at several batch sizes."""

import functools
import unittest
from typing import Any

import numpy as np

import wengert
from tests.onnx_case import OnnxCase, integers, normal
from wengert import layers, models
from wengert.functions import gelu, relu
from wengert.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Dropout,
    Embedding,
    Flatten,
    GroupNorm,
    GRUCell,
    InstanceNorm,
    LayerNorm,
    Linear,
    LSTMCell,
    MultiHeadAttention,
    RMSNorm,
    RNNCell,
    Sequential,
    TransformerBlock,
)  # fmt: skip
from wengert.models import GAN, GPT, MLP, VAE, VGG16, LeNet, LSTMClassifier, ResNet, ResNet18, ResNet50


def trained(layer: Any, *shape: int) -> Any:
    """A layer with running averages that are not 0 and 1."""
    layer(normal(*shape))
    return layer


SEQUENCE, IMAGES, VOLUMES = normal(2, 3, 11), normal(2, 4, 9, 8), normal(2, 2, 5, 6, 7)
# For each layer: its forms, with an example, and the batch axes where they are not 0.
LAYERS: dict[str, list[Any]] = {
    "GRU": [(GRU(3, 5), normal(2, 7, 3)), (GRU(5, layers=2, bidirectional=True, bias=False), normal(2, 7, 3))],
    "LSTM": [
        (LSTM(3, 5), normal(2, 7, 3)),
        (LSTM(3, 5, layers=2, bidirectional=True), normal(2, 7, 3)),
        (LSTM(3, 5, batch_first=False), normal(7, 2, 3), 1),
        (LSTM(3, 5), (normal(2, 7, 3), (normal(1, 2, 5), normal(1, 2, 5))), (0, 1, 1)),
        (LSTM(3, 5, bidirectional=True), (normal(2, 7, 3), None, np.array([7, 4]))),
    ],
    "RNN": [(RNN(3, 5), normal(2, 7, 3)), (RNN(3, 5, nonlinearity="relu", bidirectional=True), normal(2, 7, 3))],
    "AdaptiveAveragePool1d": [(layers.AdaptiveAveragePool1d(4), SEQUENCE), (layers.AdaptiveAveragePool1d(1), SEQUENCE)],
    "AdaptiveAveragePool2d": [
        (layers.AdaptiveAveragePool2d((3, 4)), IMAGES),
        (layers.AdaptiveAveragePool2d(4), IMAGES),
    ],
    "AdaptiveAveragePool3d": [(layers.AdaptiveAveragePool3d(2), VOLUMES)],
    "AdaptiveMaxPool1d": [(layers.AdaptiveMaxPool1d(4), SEQUENCE)],
    "AdaptiveMaxPool2d": [(layers.AdaptiveMaxPool2d((3, 4)), IMAGES), (layers.AdaptiveMaxPool2d(12), IMAGES)],
    "AdaptiveMaxPool3d": [(layers.AdaptiveMaxPool3d(2), VOLUMES)],
    "AveragePool1d": [(layers.AveragePool1d(3), SEQUENCE), (layers.AveragePool1d(3, ceil_mode=True), SEQUENCE)],
    "AveragePool2d": [
        (layers.AveragePool2d(3, stride=2, padding=1), IMAGES),
        (layers.AveragePool2d(3, stride=2, padding=1, count_include_pad=False), IMAGES),
        (layers.AveragePool2d((2, 3), stride=2, padding=1, ceil_mode=True), IMAGES),
    ],
    "AveragePool3d": [(layers.AveragePool3d(2), VOLUMES)],
    "BatchNorm": [(trained(BatchNorm(4), 5, 4), normal(2, 4)), (trained(BatchNorm(4), 5, 4, 3), normal(2, 4, 3))],
    "Conv1d": [(Conv1d(3, 4, 3, padding=1), SEQUENCE)],
    "Conv2d": [
        (Conv2d(4, 6, 3), IMAGES),
        (Conv2d(4, 6, (3, 2), stride=(2, 1), padding=1, groups=2, bias=False), IMAGES),
        (Conv2d(4, 6, 4, padding="same", dilation=2), IMAGES),
    ],
    "Conv3d": [(Conv3d(2, 3, (1, 3, 3), stride=2), VOLUMES)],
    "ConvTranspose1d": [(ConvTranspose1d(3, 4, 3, stride=2), SEQUENCE)],
    "ConvTranspose2d": [
        (ConvTranspose2d(4, 6, 4, stride=2, padding=1), IMAGES),
        (ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2, dilation=2, bias=False), IMAGES),
    ],
    "ConvTranspose3d": [(ConvTranspose3d(2, 4, 2, stride=2), VOLUMES)],
    "Dropout": [(Sequential(Linear(4, 3), Dropout(0.5)), normal(2, 4))],
    "Embedding": [(Embedding(9, 4), integers(9, 2, 5)), (Embedding(9, 4, padding_index=0), integers(9, 2, 5))],
    "Flatten": [(Flatten(), IMAGES)],
    "GRUCell": [(GRUCell(3, 5), (normal(2, 3), normal(2, 5))), (GRUCell(3, 5), normal(2, 3))],
    "GroupNorm": [(GroupNorm(2, 4), IMAGES), (GroupNorm(2, 4), normal(2, 4))],
    "InstanceNorm": [(InstanceNorm(4, affine=True), IMAGES)],
    "LSTMCell": [(LSTMCell(3, 5), (normal(2, 3), (normal(2, 5), normal(2, 5))))],
    "LayerNorm": [(LayerNorm(4), normal(2, 3, 4)), (LayerNorm((3, 4), affine=False), normal(2, 3, 4))],
    "Linear": [
        (Linear(4, 3), normal(2, 4)),
        (Linear(4, 3, bias=False), normal(2, 5, 4)),
        (Linear(4, 3), normal(2, 5, 4)),
    ],
    "MaxPool1d": [(layers.MaxPool1d(3, padding=1), SEQUENCE)],
    "MaxPool2d": [
        (layers.MaxPool2d(2), IMAGES),
        (layers.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGES),
        (layers.MaxPool2d((2, 3), stride=1, dilation=2), IMAGES),
    ],
    "MaxPool3d": [(layers.MaxPool3d(2), VOLUMES)],
    "MultiHeadAttention": [
        (MultiHeadAttention(8, 2), normal(2, 5, 8)),
        (MultiHeadAttention(8, 2), (normal(2, 5, 8), normal(2, 4, 8))),
        (MultiHeadAttention(8, 2), (normal(2, 5, 8), None, None, integers(2, 2, 1, 5).astype(bool))),
        (MultiHeadAttention(8, 2), (normal(2, 5, 8), None, None, normal(5, 5)), (0, None)),
        (functools.partial(MultiHeadAttention(8, 2), causal=True, return_weights=True), normal(2, 5, 8)),
    ],
    "RMSNorm": [(RMSNorm(4), normal(2, 3, 4))],
    "RNNCell": [(RNNCell(3, 5), (normal(2, 3), normal(2, 5)))],
    "Sequential": [(Sequential(Linear(4, 3), relu, np.tanh, Linear(3, 2)), normal(2, 4))],
    "TransformerBlock": [
        (TransformerBlock(8, 2, causal=True, dropout=0.1), normal(2, 5, 8)),
        (TransformerBlock(8, 2, norm_first=False, activation=gelu), normal(2, 5, 8)),
    ],
}
MODELS: dict[str, list[Any]] = {
    "CNN": [(models.CNN(width=2, hidden=8), normal(2, 1, 8, 8))],
    "GAN": [(GAN(size=8, latent=4, width=4), normal(2, 4))],
    "GPT": [(GPT(65, length=16, width=8, layers=2, heads=2), integers(65, 2, 10))],
    "MLP": [(MLP(8, 3, dropout=0.5), normal(2, 5))],
    "VAE": [(VAE(16, latent=2, hidden=(8,)), normal(2, 16))],
    "VGG16": [(VGG16(classes=5, width=2, hidden=16), normal(2, 3, 32, 32))],
    "BasicBlock": [(models.BasicBlock(4, 8, stride=2), IMAGES)],
    "Bottleneck": [(models.Bottleneck(4, 2), IMAGES)],
    "Discriminator": [(GAN(size=8, latent=4, width=4).discriminator, normal(2, 1, 8, 8))],
    "Generator": [(GAN(size=8, latent=4, width=4).generator, normal(2, 4))],
    "LSTMClassifier": [
        (LSTMClassifier(3, hidden=4, bidirectional=True, vocabulary=9), integers(9, 2, 6)),
        (LSTMClassifier(3, hidden=4), (normal(2, 6, 5), np.array([3, 6]))),
    ],
    "LeNet": [(LeNet(10), normal(2, 1, 8, 8))],
    "ResNet": [(ResNet(models.BasicBlock, (1, 1, 1, 1), classes=3, width=4, small_images=True), normal(2, 3, 16, 16))],
    "ResNet18": [(ResNet18(classes=3, width=4), normal(2, 3, 32, 32))],
    "ResNet50": [(ResNet50(classes=3, width=2), normal(2, 3, 32, 32))],
}
# Of the public names, what is not a layer to export: base classes, and what describes a model.
NOT_EXPORTED = {"Layer", "Model", "Row", "Summary"}


class TableTest(OnnxCase):
    def check(self, table: dict[str, list[Any]]) -> None:
        for name, cases in table.items():
            for i, (model, x, *axes) in enumerate(cases):
                with self.subTest(name, case=i):
                    self.assert_exports(model, x, *axes)

    def test_layers(self) -> None:
        self.check(LAYERS)

    def test_models(self) -> None:
        self.check(MODELS)

    def test_every_layer_and_model_has_a_case(self) -> None:
        for package, table in ((layers, LAYERS), (models, MODELS)):
            kinds = {name for name in package.__all__ if isinstance(getattr(package, name), type)}
            self.assertEqual(kinds - NOT_EXPORTED, set(table), "add an example of it to the table")

    def test_float64(self) -> None:
        for model, x in (
            (MLP(8, 3, dtype=np.float64), normal(2, 5, dtype=np.float64)),
            (MultiHeadAttention(8, 2, dtype=np.float64), normal(2, 5, 8, dtype=np.float64)),
            (Sequential(LayerNorm(4, dtype=np.float64), np.tanh), normal(2, 3, 4, dtype=np.float64)),
            (GPT(65, length=16, width=8, layers=1, heads=2, dtype=np.float64), integers(65, 2, 10)),
        ):
            with self.subTest(type(model).__name__):
                self.assert_exports(model, x, atol=1e-10)

    def test_in_test_mode_and_unchanged(self) -> None:
        model = Sequential(Linear(4, 3), BatchNorm(3), Dropout(0.5))
        model(normal(5, 4))
        before = model.state_dict()
        wengert.seed(0)
        state = wengert.generator().bit_generator.state
        self.assert_exports(model, normal(2, 4))
        self.assertEqual(wengert.generator().bit_generator.state, state)
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, before[name])
        self.assertTrue(model.training)


if __name__ == "__main__":
    unittest.main()
