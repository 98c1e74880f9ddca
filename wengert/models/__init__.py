"""Models: well-known network architectures.

>>> import numpy as np
>>> from wengert.models import LeNet
>>> model = LeNet(classes=10)
>>> digits = np.zeros((32, 1, 8, 8), np.float32)
>>> model(digits).shape
(32, 10)
>>> model.summary(digits[:1]).parameters
22602
"""

from wengert.layers.summary import Row, Summary, summarize
from wengert.models.gan import GAN, Discriminator, Generator
from wengert.models.gpt import GPT
from wengert.models.lenet import CNN, LeNet
from wengert.models.lstm_classifier import LSTMClassifier
from wengert.models.mlp import MLP
from wengert.models.model import Model
from wengert.models.resnet import BasicBlock, Bottleneck, ResNet, ResNet18, ResNet50
from wengert.models.vae import VAE
from wengert.models.vgg import VGG16

__all__ = [
    "CNN",
    "GAN",
    "GPT",
    "MLP",
    "VAE",
    "VGG16",
    "BasicBlock",
    "Bottleneck",
    "Discriminator",
    "Generator",
    "LSTMClassifier",
    "LeNet",
    "Model",
    "ResNet",
    "ResNet18",
    "ResNet50",
    "Row",
    "Summary",
    "summarize",
]
