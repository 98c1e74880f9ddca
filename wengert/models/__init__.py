"""Models: networks that people know by name.

>>> import numpy as np
>>> from wengert.models import LeNet
>>> print(LeNet(10).summary(np.zeros((1, 1, 8, 8), np.float32)))  # doctest: +NORMALIZE_WHITESPACE
layer  kind                        output         parameters  multiply-adds
---------------------------------------------------------------------------
       LeNet()                     (1, 10)                 0              0
conv1  Conv2d(1, 16, 3, padding=1)   (1, 16, 8, 8)         160          9,216
conv2  Conv2d(16, 32, 3, padding=1)  (1, 32, 4, 4)       4,640         73,728
fc1    Linear(128, 128)            (1, 128)           16,512         16,384
fc2    Linear(128, 10)             (1, 10)             1,290          1,280
---------------------------------------------------------------------------
total                                                 22,602        100,608
90.4 kB of parameters; input (1, 1, 8, 8)
"""

from wengert.models.gan import GAN, Discriminator, Generator
from wengert.models.gpt import GPT
from wengert.models.lenet import CNN, LeNet
from wengert.models.lstm_classifier import LSTMClassifier
from wengert.models.mlp import MLP
from wengert.models.model import Model
from wengert.models.resnet import BasicBlock, Bottleneck, ResNet, ResNet18, ResNet50
from wengert.models.summary import Row, Summary, summarize
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
