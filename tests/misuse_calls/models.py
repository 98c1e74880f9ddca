"""Valid calls of wengert.models."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.layers import NAMES, STRINGS, saved
from tests.misuse_kinds import (
    ANY,
    ARRAY,
    COUNT,
    DTYPE,
    FLAG,
    FUNCTION,
    INTEGERS,
    NONNEGATIVE,
    PATH,
    RATE,
    SIZE,
    Call,
    Kind,
    call,
    is_int,
    is_sizes,
)  # fmt: skip
from wengert import functions as F
from wengert import models as M
from wengert.optimizers import Adam

__all__ = ["CALLS"]

SMALL = Kind("an integer of at least 0", lambda v: is_int(v) and 0 <= v <= 10**6)
SEED = Kind("a seed", lambda v: v is None or (is_int(v) and v >= 0) or isinstance(v, np.random.Generator))
BLOCK = Kind("a block", lambda v: v in (M.BasicBlock, M.Bottleneck))
HIDDEN = Kind("sizes", lambda v: isinstance(v, tuple | list) and (is_sizes(v, 1) or not v))
LAYER = Kind("a layer", lambda v: False)


def floats(*shape: int) -> Any:
    return ARRAY(np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape).astype(np.float32))


def gpt() -> Any:
    return M.GPT(8, 6, 4, 1, 1, 0.0)


def mlp() -> Any:
    model = M.MLP(4, 2)
    model(np.ones((1, 3), np.float32))
    return model


def gan() -> Any:
    return M.GAN(8, 1, 3, 2)


def vae() -> Any:
    return M.VAE(4, 2, (3,))


def gan_step() -> Call:
    model = gan()
    return call(
        model.step, real=floats(2, 1, 8, 8), generator_optimizer=ANY(Adam(model.generator)),
        discriminator_optimizer=ANY(Adam(model.discriminator)), smoothing=RATE(0.0),
    )  # fmt: skip


CALLS: dict[str, Callable[[], Call]] = {
    "CNN": lambda: call(
        M.CNN, classes=SIZE(3), width=SIZE(2), hidden=SIZE(4), dropout=RATE(0.0), padding=SMALL(1),
        dtype=DTYPE(np.float32),
    ),
    "GAN": lambda: call(
        M.GAN, size=SIZE(8), channels=SIZE(1), latent=SIZE(3), width=SIZE(2), dtype=DTYPE(np.float32)
    ),
    "GAN.forward": lambda: call(gan(), floats(2, 3)),
    "GAN.codes": lambda: call(gan().codes, n=SMALL(2)),
    "GAN.discriminator_loss": lambda: call(
        gan().discriminator_loss, real=floats(2, 1, 8, 8), made=floats(2, 1, 8, 8), smoothing=RATE(0.0)
    ),
    "GAN.generator_loss": lambda: call(gan().generator_loss, made=floats(2, 1, 8, 8)),
    "GAN.sample": lambda: call(gan().sample, n=SMALL(2)),
    "GAN.step": gan_step,
    "GPT": lambda: call(
        M.GPT, vocabulary=SIZE(8), length=SIZE(6), width=SIZE(4), layers=COUNT(1), heads=COUNT(1), dropout=RATE(0.0),
        dtype=DTYPE(np.float32),
    ),
    "GPT.forward": lambda: call(gpt(), INTEGERS(np.array([[1, 2]]))),
    "GPT.generate": lambda: call(
        gpt().generate, indices=INTEGERS(np.array([1, 2])), n=SMALL(2), temperature=NONNEGATIVE(1.0),
        top_k=COUNT.optional(2), seed=SEED(0),
    ),
    "MLP": lambda: call(
        M.MLP, SIZE.optional(4), SIZE(3), SIZE(2), activation=FUNCTION.optional(F.relu), dropout=RATE(0.0),
        dtype=DTYPE(np.float32),
    ),
    "MLP.forward": lambda: call(M.MLP(4, 2), floats(2, 4)),
    "Model": lambda: call(M.Model, FUNCTION(F.relu), FUNCTION(F.relu)),
    "Model.forward": lambda: call(M.Model(F.relu), floats(2, 4)),
    "Layer.summary": lambda: call(M.MLP(4, 2).summary, floats(2, 4)),
    "Model.save": lambda: call(mlp().save, path=PATH("m.safetensors"), metadata=STRINGS(None)),
    "Model.load": lambda: call(
        mlp().load, path=PATH(saved(mlp())), names=NAMES(None), strict=FLAG(True)
    ),
    "VAE": lambda: call(M.VAE, size=SIZE(4), latent=SIZE(2), hidden=HIDDEN((3,)), dtype=DTYPE(np.float32)),
    "VAE.encode": lambda: call(vae().encode, x=floats(2, 4)),
    "VAE.reparameterize": lambda: call(vae().reparameterize, mean=floats(2, 2), log_variance=floats(2, 2)),
    "VAE.decode": lambda: call(vae().decode, z=floats(2, 2)),
    "VAE.forward": lambda: call(vae(), floats(2, 4)),
    "VAE.loss": lambda: call(
        vae().loss, output=LAYER((floats(2, 4).value, floats(2, 2).value, floats(2, 2).value)), x=floats(2, 4)
    ),
    "VAE.elbo": lambda: call(vae().elbo, x=floats(2, 4)),
    "VAE.sample": lambda: call(vae().sample, n=SMALL(2)),
    "VGG16": lambda: call(
        M.VGG16, classes=SIZE(2), width=SIZE(1), hidden=SIZE(2), channels=SIZE(1), dropout=RATE(0.5),
        dtype=DTYPE(np.float32),
    ),
    "BasicBlock": lambda: call(
        M.BasicBlock, inputs=SIZE(2), width=SIZE(2), stride=COUNT(1), dtype=DTYPE(np.float32)
    ),
    "BasicBlock.forward": lambda: call(M.BasicBlock(2, 2), floats(2, 2, 4, 4)),
    "Bottleneck": lambda: call(
        M.Bottleneck, inputs=SIZE(2), width=SIZE(2), stride=COUNT(1), dtype=DTYPE(np.float32)
    ),
    "Bottleneck.forward": lambda: call(M.Bottleneck(8, 2), floats(2, 8, 4, 4)),
    "Discriminator": lambda: call(
        M.Discriminator, size=SIZE(8), channels=SIZE(1), width=SIZE(2), dtype=DTYPE(np.float32)
    ),
    "Discriminator.forward": lambda: call(gan().discriminator, floats(2, 1, 8, 8)),
    "Generator": lambda: call(
        M.Generator, latent=SIZE(3), size=SIZE(8), channels=SIZE(1), width=SIZE(2), dtype=DTYPE(np.float32)
    ),
    "Generator.forward": lambda: call(gan().generator, floats(2, 3)),
    "LSTMClassifier": lambda: call(
        M.LSTMClassifier, classes=SIZE(2), hidden=SIZE(3), layers=COUNT(1), bidirectional=FLAG(False),
        vocabulary=SIZE.optional(8), width=SIZE(2), dropout=RATE(0.0), dtype=DTYPE(np.float32),
    ),
    "LSTMClassifier.forward": lambda: call(
        M.LSTMClassifier(2, 3, vocabulary=8, width=2), x=INTEGERS(np.array([[1, 2, 3]])),
        lengths=INTEGERS.optional(np.array([2])),
    ),
    "LeNet": lambda: call(
        M.LeNet, classes=SIZE(3), width=SIZE(2), hidden=SIZE(4), dropout=RATE(0.0), padding=SMALL(1),
        dtype=DTYPE(np.float32),
    ),
    "LeNet.forward": lambda: call(M.LeNet(3, 2, 4), floats(2, 1, 8, 8)),
    "ResNet": lambda: call(
        M.ResNet, block=BLOCK(M.BasicBlock), counts=HIDDEN((1, 1, 1, 1)), classes=SIZE(2),
        width=SIZE(1), channels=SIZE(1), small_images=FLAG(True), dtype=DTYPE(np.float32),
    ),
    "ResNet.forward": lambda: call(
        M.ResNet(M.BasicBlock, (1, 1, 1, 1), 2, 1, 1, small_images=True), floats(2, 1, 8, 8)
    ),
    "ResNet.features": lambda: call(
        M.ResNet(M.BasicBlock, (1, 1, 1, 1), 2, 1, 1, small_images=True).features, floats(2, 1, 8, 8)
    ),
    **{
        name: lambda name=name: call(
            getattr(M, name), classes=SIZE(2), width=SIZE(1), channels=SIZE(1), small_images=FLAG(True),
            dtype=DTYPE(np.float32),
        )
        for name in ("ResNet18", "ResNet50")
    },
    "Row": lambda: call(M.Row, ANY("a"), ANY("b"), ANY("c"), ANY(1), ANY(2)),
    "Summary": lambda: call(M.Summary, ANY([]), ANY(1), ANY([]), frozen=ANY(0)),
    "summarize": lambda: call(M.summarize, LAYER(M.MLP(4, 2)), floats(2, 4)),
}  # fmt: skip
