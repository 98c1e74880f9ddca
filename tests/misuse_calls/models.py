"""Valid calls of wengert.models: each model made and called once, and its methods."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.layers import LAYERS, METADATA, NAMES, made, ones, used
from tests.misuse_kinds import (
    ANY, ARRAY, DTYPE, FLAG, FUNCTION, INTEGERS, NONNEGATIVE, PATH, RATE, SIZE, TEXT, Argument, Call, Kind, instance,
    integer, is_int, sizes,
)  # fmt: skip
from wengert import layers as L
from wengert import models as M
from wengert.functions import relu
from wengert.optimizers import Adam

__all__ = ["CALLS"]

COUNTS = Kind("four counts", lambda v: isinstance(v, tuple | list) and len(v) == 4 and all(map(is_int, v)))
SEED = Kind("a seed", lambda v: v is None or (is_int(v) and v >= 0) or isinstance(v, np.random.Generator))
MULTIPLE = Kind("a multiple of 4", lambda v: is_int(v) and 0 < v <= 2**40 and v % 4 == 0)
NUMBER = integer(0, 2**40)
OPTIMIZER = Kind("an optimizer", lambda v: hasattr(v, "update") and not isinstance(v, type | dict))
OUTPUT = Kind("what forward gave", lambda v: isinstance(v, tuple | list) and len(v) == 3)


def gan() -> Any:
    return M.GAN(8, 1, 3, 2)


def gpt() -> Any:
    return M.GPT(5, 8, 4, 1, 2)


def vae() -> Any:
    return M.VAE(3, 2, (4,))


def resnet(name: str) -> Call:
    own = {"block": instance(type)(M.BasicBlock), "counts": COUNTS((1, 1, 1, 1))} if name == "ResNet" else {}
    return made(
        getattr(M, name), lambda model: model.eval()(ones(1, 3, 8, 8)), **own, classes=SIZE(2), width=SIZE(2),
        channels=SIZE(3), small_images=FLAG(True), dtype=DTYPE(np.float32),
    )  # fmt: skip


def block(cls: Any) -> Call:
    return made(
        cls, lambda layer: layer(ones(1, 2, 4, 4)), inputs=SIZE(2), width=SIZE(2), stride=SIZE(1), dtype=DTYPE(np.float32)
    )


def gan_step(real: Any, generator_optimizer: Any, discriminator_optimizer: Any, smoothing: Any) -> Any:
    model = gan()
    first = Adam(model.generator) if generator_optimizer == "own" else generator_optimizer
    second = Adam(model.discriminator) if discriminator_optimizer == "own" else discriminator_optimizer
    return model.step(real, first, second, smoothing)


def saved() -> str:
    M.Model(L.Linear(3, 2)).save("model.safetensors")
    return "model.safetensors"


def sized(name: str, use: Any, **arguments: Argument) -> Call:
    return made(getattr(M, name), use, **arguments, dtype=DTYPE(np.float32))


CALLS: dict[str, Callable[[], Call]] = {
    "GAN": lambda: sized(
        "GAN", lambda m: m.sample(1), size=MULTIPLE(8), channels=SIZE(1), latent=SIZE(3), width=SIZE(2)
    ),
    "GAN.forward": lambda: used(gan, z=ARRAY(ones(2, 3))),
    "GAN.codes": lambda: used(gan, "codes", n=NUMBER(2)),
    "GAN.sample": lambda: used(gan, "sample", n=NUMBER(2)),
    "GAN.discriminator_loss": lambda: used(
        gan, "discriminator_loss", real=ARRAY(ones(2, 1, 8, 8)), made=ARRAY(ones(2, 1, 8, 8)), smoothing=RATE(0.1)
    ),
    "GAN.generator_loss": lambda: used(gan, "generator_loss", made=ARRAY(ones(2, 1, 8, 8))),
    "GAN.step": lambda: Call(
        gan_step, {
            "real": ARRAY(ones(2, 1, 8, 8)), "generator_optimizer": OPTIMIZER("own"),
            "discriminator_optimizer": OPTIMIZER("own"), "smoothing": RATE(0.1),
        }
    ),
    "Generator": lambda: sized("Generator", None, latent=SIZE(3), size=MULTIPLE(8), channels=SIZE(1), width=SIZE(2)),
    "Discriminator": lambda: sized("Discriminator", None, size=MULTIPLE(8), channels=SIZE(1), width=SIZE(2)),
    "GPT": lambda: sized(
        "GPT", lambda m: m(np.array([[1, 2]])), vocabulary=SIZE(5), length=SIZE(8), width=SIZE(4), layers=LAYERS(1),
        heads=SIZE(2), dropout=RATE(0.1),
    ),
    "GPT.forward": lambda: used(gpt, indices=INTEGERS(np.array([[1, 2]]))),
    "GPT.generate": lambda: used(
        gpt, "generate", indices=INTEGERS(np.array([1, 2])), n=NUMBER(2), temperature=NONNEGATIVE(1.0),
        top_k=SIZE.optional(2), seed=SEED(0),
    ),
    "GPT.names": lambda: Call(M.GPT.names, {"theirs": TEXT("wte.weight")}),
    "LeNet": lambda: sized(
        "LeNet", lambda m: m(ones(2, 1, 8, 8)), classes=SIZE(3), width=SIZE(2), hidden=SIZE(4), dropout=RATE(0.1),
        padding=sizes(0)(1),
    ),
    "LeNet.forward": lambda: used(lambda: M.LeNet(3, 2, 4), x=ARRAY(ones(2, 1, 8, 8))),
    "LSTMClassifier": lambda: sized(
        "LSTMClassifier", lambda m: m(np.array([[1, 2]])), classes=SIZE(2), hidden=SIZE(3), layers=LAYERS(1),
        bidirectional=FLAG(False), vocabulary=SIZE.optional(5), width=SIZE(2), dropout=RATE(0.1),
    ),
    "LSTMClassifier.forward": lambda: used(
        lambda: M.LSTMClassifier(2, 3), x=ARRAY(ones(2, 4, 3)), lengths=INTEGERS.optional(np.array([3, 2]))
    ),
    "LSTMClassifier.forward, tokens": lambda: used(
        lambda: M.LSTMClassifier(2, 3, vocabulary=4), x=INTEGERS(np.array([[1, 2], [0, 1]])),
        lengths=INTEGERS.optional(np.array([2, 2])),
    ),
    "MLP": lambda: sized(
        "MLP", lambda m: m(ones(4, 3)), **{"*first": SIZE(4), "*last": SIZE(2)}, activation=FUNCTION(relu),
        dropout=RATE(0.1),
    ),
    "MLP.forward": lambda: used(lambda: M.MLP(4, 2), x=ARRAY(ones(4, 3))),
    "Model": lambda: made(M.Model, None, **{"*step": Kind("steps", lambda v: callable(v) or v == [])(relu)}),
    "Model.summary": lambda: used(lambda: M.MLP(4, 2), "summary", **{"*x": ARRAY(ones(4, 3))}),
    "Model.save": lambda: used(
        lambda: M.Model(L.Linear(3, 2)), "save", path=PATH("saved.safetensors"), metadata=METADATA({"a": "b"})
    ),
    "Model.load": lambda: used(
        lambda: M.Model(L.Linear(3, 2)), "load", path=PATH(saved()), names=NAMES(None), strict=FLAG(True)
    ),
    "summarize": lambda: Call(
        M.summarize, {"*model": instance(L.Layer)(L.Linear(3, 2)), "*x": ARRAY(ones(4, 3))}, ("summarize",)
    ),
    "ResNet": lambda: resnet("ResNet"),
    "ResNet18": lambda: resnet("ResNet18"),
    "ResNet50": lambda: resnet("ResNet50"),
    "ResNet.features": lambda: used(
        lambda: M.ResNet18(2, 2, small_images=True).eval(), "features", x=ARRAY(ones(1, 3, 8, 8))
    ),
    "BasicBlock": lambda: block(M.BasicBlock),
    "Bottleneck": lambda: block(M.Bottleneck),
    "VAE": lambda: sized("VAE", lambda m: m(ones(4, 3)), size=SIZE(3), latent=SIZE(2), hidden=Kind(
        "sizes", lambda v: isinstance(v, tuple | list) and len(v) > 0 and all(is_int(n) and n > 0 for n in v)
    )((4,))),
    "VAE.sample": lambda: used(vae, "sample", n=NUMBER(2)),
    "VAE.encode": lambda: used(vae, "encode", x=ARRAY(ones(4, 3))),
    "VAE.decode": lambda: used(vae, "decode", z=ARRAY(ones(4, 2))),
    "VAE.loss": lambda: used(
        vae, "loss", output=OUTPUT((ones(4, 3), ones(4, 2), ones(4, 2))), x=ARRAY(ones(4, 3))
    ),
    "VAE.elbo": lambda: used(vae, "elbo", x=ARRAY(ones(4, 3))),
    "VGG16": lambda: sized(
        "VGG16", None, classes=SIZE(2), width=SIZE(1), hidden=SIZE(2), channels=SIZE(3), dropout=RATE(0.1)
    ),
    "Row": lambda: made(M.Row, str, name=ANY("a"), kind=ANY("b"), output=ANY((1,)), parameters=ANY(1), multiply_adds=ANY(1)),
}  # fmt: skip
