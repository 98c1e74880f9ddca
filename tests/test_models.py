"""The models by themselves: shapes, sizes, names, modes, what they refuse."""

import unittest
from typing import Any

import numpy as np

import wengert
from wengert import no_grad
from wengert.functions.activation import sigmoid
from wengert.functions.training_mode import train_mode
from wengert.models.gan import GAN
from wengert.models.gpt import GPT
from wengert.models.gpt import draw as draw_tokens
from wengert.models.lenet import CNN, LeNet
from wengert.models.lstm_classifier import LSTMClassifier
from wengert.models.mlp import MLP
from wengert.models.resnet import BasicBlock, Bottleneck, ResNet, ResNet18, ResNet50
from wengert.models.vae import VAE
from wengert.models.vgg import VGG16
from wengert.optimizers import Adam


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def count(model: Any) -> int:
    return sum(p.size for p in model.params().values())


def all_have_gradients(model: Any) -> list[str]:
    """The parameters without a gradient, or with one of zeros alone."""
    return [name for name, p in model.params().items() if p.grad is None or not np.any(p.grad)]


class MLPTest(unittest.TestCase):
    def test_it_is_a_chain_of_linear_layers(self) -> None:
        wengert.seed(0)
        model = MLP(5, 4, 2, activation=np.tanh, dtype=np.float64)
        x = np.random.default_rng(0).standard_normal((3, 7))
        y = model(x)
        p = {name: parameter.data for name, parameter in model.params().items()}
        self.assertEqual(list(p), [f"linears.{i}.{part}" for i in range(3) for part in ("weight", "bias")])
        h = np.tanh(x @ p["linears.0.weight"].T + p["linears.0.bias"])
        h = np.tanh(h @ p["linears.1.weight"].T + p["linears.1.bias"])
        np.testing.assert_allclose(y.data, h @ p["linears.2.weight"].T + p["linears.2.bias"], rtol=1e-12)
        y.backward()
        self.assertEqual(all_have_gradients(model), [])

    def test_dropout_in_training_alone(self) -> None:
        wengert.seed(0)
        model = MLP(50, 1, dropout=0.5)
        x = np.ones((4, 3), np.float32)
        self.assertGreater(len(set(model(x).data.ravel().tolist())), 1)
        with wengert.test_mode():
            self.assertEqual(len(set(model(x).data.ravel().tolist())), 1)
        model.eval()
        self.assertEqual(len(set(model(x).data.ravel().tolist())), 1)

    def test_what_it_does_not_take(self) -> None:
        with self.assertRaisesRegex(ValueError, r"MLP takes the size of each of its layers, but got none; write MLP\("):
            MLP()
        with self.assertRaisesRegex(TypeError, "activation of MLP must be a function, but got str 'relu'"):
            MLP(3, activation="relu")  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "MLP"):
            MLP(3, dropout=1.5)


class ConvolutionalTest(unittest.TestCase):
    def test_lenet_takes_images_of_any_size(self) -> None:
        self.assertIs(CNN, LeNet)
        for shape, parameters in [((2, 1, 8, 8), 22_602), ((2, 1, 28, 28), 206_922), ((2, 3, 32, 32), 268_650)]:
            model = LeNet(10)
            self.assertEqual(model(zeros(*shape)).shape, (2, 10))
            self.assertEqual(count(model), parameters)
        unpadded = LeNet(10, padding=0)
        unpadded(zeros(1, 1, 28, 28))
        self.assertEqual(unpadded.fc1.weight.shape, (128, 32 * 5 * 5))

    def test_lenet_drops_in_training_alone(self) -> None:
        wengert.seed(0)
        model = LeNet(10, dropout=0.5)
        x = np.ones((2, 1, 8, 8), np.float32)
        self.assertFalse(np.array_equal(model(x).data, model(x).data))
        with wengert.test_mode():
            self.assertTrue(np.array_equal(model(x).data, model(x).data))

    def test_resnet18_has_its_size_and_names(self) -> None:
        model = ResNet18()
        self.assertEqual(count(model), 11_689_512)
        state = model.state_dict()
        self.assertEqual(len(state), 122)  # as torchvision's
        for name, shape in {
            "conv1.weight": (64, 3, 7, 7),
            "bn1.running_mean": (64,),
            "layer1.0.conv1.weight": (64, 64, 3, 3),
            "layer2.0.downsample.0.weight": (128, 64, 1, 1),
            "layer2.0.downsample.1.num_batches_tracked": (),
            "layer4.1.bn2.weight": (512,),
            "fc.weight": (1000, 512),
        }.items():
            self.assertEqual(state[name].shape, shape)
        summary = model.summary(zeros(1, 3, 224, 224))
        rows = {row.name: row for row in summary}
        self.assertEqual(rows["conv1"].output, (1, 64, 112, 112))
        self.assertEqual(rows["layer1"].output, (1, 64, 56, 56))
        self.assertEqual(rows["layer4"].output, (1, 512, 7, 7))
        self.assertEqual(summary.parameters, 11_689_512)
        convolutions = sum(row.multiply_adds for row in summary if row.kind.startswith(("Conv2d", "Linear")))
        self.assertEqual(convolutions, 1_814_073_344)  # the figure that is quoted: 1.81 billion

    def test_resnet50_has_its_size_and_names(self) -> None:
        model = ResNet50()
        self.assertEqual(count(model), 25_557_032)
        names = set(model.state_dict())
        self.assertEqual(len(names), 320)
        self.assertLessEqual({"layer1.0.downsample.0.weight", "layer3.5.bn3.running_var", "fc.bias"}, names)

    def test_resnet_for_small_images(self) -> None:
        model = ResNet18(classes=10, width=4, small_images=True)
        rows = {row.name: row for row in model.summary(zeros(2, 3, 32, 32))}
        self.assertEqual(rows["layer1"].output, (2, 4, 32, 32))
        self.assertEqual(rows["layer4"].output, (2, 32, 4, 4))
        model(np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)).backward()
        self.assertEqual([n for n in all_have_gradients(model) if not n.startswith("fc")], [])

    def test_resnet_gradients_keep_their_size(self) -> None:
        wengert.seed(0)
        model = ResNet(Bottleneck, (2, 2, 2, 2), classes=5, width=4)
        std = model.layer1[0].conv2.weight.data.std()
        self.assertAlmostEqual(float(std), np.sqrt(2 / (4 * 9)), delta=0.05)

    def test_what_resnet_does_not_take(self) -> None:
        with self.assertRaisesRegex(TypeError, "the block of a ResNet must be BasicBlock or Bottleneck, but got str"):
            ResNet("basic", (2, 2, 2, 2))  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "each of the counts of ResNet must be an integer from 1 to 10000"):
            ResNet(BasicBlock, (2, 0, 2, 2))
        with self.assertRaisesRegex(ValueError, "Conv2d.*in ResNet18|Conv2d"):
            ResNet18(width=2, classes=2)(zeros(1, 1, 32, 32))

    def test_vgg16_has_its_names_and_its_size(self) -> None:
        small = VGG16(classes=10, width=2, hidden=16)
        weights = [name for name in small.state_dict() if name.endswith("weight")]
        places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
        wanted = [f"features.{i}.weight" for i in places] + [f"classifier.{i}.weight" for i in (0, 3, 6)]
        self.assertEqual(weights, wanted)

        def size(classes: int, width: int, hidden: int) -> int:
            total, inputs = 0, 3
            for outputs in [width * m for m in (1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8)]:
                total, inputs = total + 9 * inputs * outputs + outputs, outputs
            return total + (49 * inputs + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * classes

        self.assertEqual(count(small), size(10, 2, 16))
        self.assertEqual(count(VGG16(classes=7, width=3, hidden=8)), size(7, 3, 8))
        self.assertEqual(size(1000, 64, 4096), 138_357_544)
        rows = {row.name: row for row in small.summary(zeros(1, 3, 64, 96))}
        self.assertEqual(rows["features"].output, (1, 16, 2, 3))
        self.assertEqual(small(zeros(2, 3, 64, 96)).shape, (2, 10))


class LSTMClassifierTest(unittest.TestCase):
    def test_what_is_behind_the_end_is_not_read(self) -> None:
        wengert.seed(0)
        for bidirectional in (False, True):
            model = LSTMClassifier(3, hidden=5, layers=2, bidirectional=bidirectional, vocabulary=9, width=4)
            x = np.array([[1, 2, 3, 4], [5, 6, 0, 0]])
            y = model(x, lengths=np.array([4, 2]))
            x[1, 2:] = 8
            np.testing.assert_array_equal(model(x, lengths=np.array([4, 2])).data, y.data)
            np.testing.assert_allclose(model(x[1:, :2]).data, y.data[1:], rtol=1e-5, atol=1e-6)
            y.backward()
            self.assertEqual(all_have_gradients(model), [])

    def test_shapes_that_it_refuses(self) -> None:
        with self.assertRaisesRegex(
            ValueError, r"takes features \(batch, length, features\), but got ndarray of shape"
        ):
            LSTMClassifier(2)(zeros(3, 4))
        with self.assertRaisesRegex(ValueError, r"takes tokens \(batch, length\), but got ndarray of shape \(3,\)"):
            LSTMClassifier(2, vocabulary=5)(np.zeros(3, int))


class GPTTest(unittest.TestCase):
    def setUp(self) -> None:
        wengert.seed(0)
        self.model = GPT(vocabulary=11, length=8, width=12, layers=2, heads=3)
        for p in self.model.params().values():  # so that its odds are not all alike
            p.data = p.data * 8 if p.ndim == 2 else p.data

    def test_it_has_the_names_and_the_size_of_gpt2(self) -> None:
        names = list(self.model.params())
        self.assertEqual(names[:4], ["wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.ln_1.bias"])
        self.assertEqual(names[-2:], ["ln_f.weight", "ln_f.bias"])
        block = ["ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"]
        wanted = [f"h.{i}.{each}.{part}" for i in range(2) for each in block for part in ("weight", "bias")]
        self.assertEqual(names[2:-2], wanted)
        self.assertEqual(self.model.h[1].attn.c_attn.weight.shape, (12, 36))
        self.assertEqual(self.model.h[1].mlp.c_proj.weight.shape, (48, 12))

        def size(vocabulary: int, length: int, width: int, layers: int) -> int:
            return (vocabulary + length) * width + layers * (12 * width**2 + 13 * width) + 2 * width

        self.assertEqual(count(self.model), size(11, 8, 12, 2))
        self.assertEqual(count(GPT(7, 3, 8, 3, 2)), size(7, 3, 8, 3))
        defaults = GPT.__init__.__defaults__
        assert defaults is not None
        self.assertEqual(defaults[:5], (50257, 1024, 768, 12, 12))
        self.assertEqual(size(*defaults[:4]), 124_439_808)

    def test_names_of_files_of_gpt2(self) -> None:
        state = self.model.state_dict()
        theirs = {f"transformer.{name}": array for name, array in state.items()}
        theirs |= {f"transformer.h.{i}.attn.bias": np.ones((1, 1, 8, 8), bool) for i in range(2)}
        theirs |= {"transformer.h.0.attn.masked_bias": np.array(-1e4), "lm_head.weight": state["wte.weight"]}
        other = GPT(vocabulary=11, length=8, width=12, layers=2, heads=3)
        other.load_state_dict(theirs, names=GPT.names)
        for name, array in state.items():
            np.testing.assert_array_equal(other.state_dict()[name], array)

    def test_a_token_does_not_see_those_after_it(self) -> None:
        x = np.arange(8)[None] % 11
        changed = x.copy()
        changed[0, 5:] = 9
        with wengert.test_mode():
            y, z = self.model(x).data, self.model(changed).data
        np.testing.assert_allclose(y[0, :5], z[0, :5], rtol=1e-5, atol=1e-6)
        self.assertFalse(np.allclose(y[0, 5:], z[0, 5:]))

    def test_every_parameter_is_trained(self) -> None:
        x = np.random.default_rng(0).integers(0, 11, (2, 8))
        loss = np.sum(self.model(x) ** 2)
        loss.backward()
        self.assertEqual(all_have_gradients(self.model), [])

    def test_dropout_in_training_alone(self) -> None:
        x = np.zeros((1, 8), int)
        self.assertFalse(np.array_equal(self.model(x).data, self.model(x).data))
        with wengert.test_mode():
            self.assertTrue(np.array_equal(self.model(x).data, self.model(x).data))
        self.model.eval()
        self.assertTrue(np.array_equal(self.model(x).data, self.model(x).data))

    def test_residual_projections_begin_smaller(self) -> None:
        model = GPT(vocabulary=50, length=50, width=64, layers=8, heads=2)
        self.assertAlmostEqual(float(model.wte.weight.data.std()), 0.02, delta=0.002)
        self.assertAlmostEqual(float(model.h[3].attn.c_attn.weight.data.std()), 0.02, delta=0.002)
        for p in (model.h[3].attn.c_proj.weight, model.h[3].mlp.c_proj.weight):
            self.assertAlmostEqual(float(p.data.std()), 0.005, delta=0.0005)

    def test_what_it_writes_is_what_the_whole_pass_says(self) -> None:
        # With kept keys and values, before and after the sequence is longer than what the model looks at.
        start = np.array([[1, 2, 3], [4, 5, 6]])
        written = self.model.generate(start, 15, temperature=0)
        self.assertEqual(written.shape, (2, 18))
        np.testing.assert_array_equal(written[:, :3], start)
        with wengert.test_mode(), no_grad():
            for end in range(3, 18):
                scores = self.model(written[:, max(0, end - 8) : end]).data[:, -1]
                np.testing.assert_array_equal(written[:, end], scores.argmax(-1), f"token {end}")
        self.assertGreater(len(set(written.ravel().tolist())), 3)

    def test_kept_keys_give_the_scores_of_the_whole_pass(self) -> None:
        x = np.random.default_rng(0).integers(0, 11, (2, 8))
        with wengert.test_mode(), no_grad():
            whole = self.model(x).data
            cache = self.model._new_cache(2)
            parts = [self.model._scores(self.model._stream(x[:, a:b], cache)).data for a, b in [(0, 3), (3, 4), (4, 8)]]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-5)

    def test_the_seed_decides(self) -> None:
        start = np.array([1])
        first = self.model.generate(start, 30, seed=3)
        self.assertEqual(first.shape, (31,))
        np.testing.assert_array_equal(self.model.generate(start, 30, seed=3), first)
        self.assertFalse(np.array_equal(self.model.generate(start, 30, seed=4), first))
        wengert.seed(5)
        second = self.model.generate(start, 30)
        wengert.seed(5)
        np.testing.assert_array_equal(self.model.generate(start, 30), second)
        rng = np.random.default_rng(3)
        np.testing.assert_array_equal(self.model.generate(start, 30, seed=rng), first)

    def test_tokens_are_drawn_by_their_odds(self) -> None:
        scores = np.log(np.array([[0.5, 0.25, 0.2, 0.05]]))
        rng = np.random.default_rng(0)
        many = np.repeat(scores, 40_000, axis=0)

        def shares(temperature: float, top_k: int | None) -> Any:
            return np.bincount(draw_tokens(many, temperature, top_k, rng), minlength=4) / len(many)

        np.testing.assert_allclose(shares(1.0, None), [0.5, 0.25, 0.2, 0.05], atol=0.01)
        np.testing.assert_allclose(shares(1.0, 2), [2 / 3, 1 / 3, 0, 0], atol=0.01)
        np.testing.assert_allclose(shares(1.0, 9), [0.5, 0.25, 0.2, 0.05], atol=0.01)
        squares = np.array([0.5, 0.25, 0.2, 0.05]) ** 2
        np.testing.assert_allclose(shares(0.5, None), squares / squares.sum(), atol=0.01)
        np.testing.assert_array_equal(shares(0.0, None), [1, 0, 0, 0])
        np.testing.assert_array_equal(shares(2.0, 1), [1, 0, 0, 0])
        np.testing.assert_array_equal(shares(1e-300, None), [1, 0, 0, 0])

    def test_generate_records_nothing_and_leaves_the_mode(self) -> None:
        self.model.generate(np.array([1, 2]), 0)
        with train_mode():
            self.model.generate(np.array([1, 2]), 3)
            self.assertTrue(wengert.is_training())
        self.assertEqual(self.model.generate(np.array([[1, 2]]), 0).tolist(), [[1, 2]])

    def test_what_it_does_not_take(self) -> None:
        with self.assertRaisesRegex(
            ValueError, "width of a GPT must be a multiple of its heads, but got 10 for 4 heads"
        ):
            GPT(5, 5, width=10, layers=1, heads=4)
        with self.assertRaisesRegex(ValueError, "layers of GPT must be an integer from 1 to 10000, but got int 0"):
            GPT(5, 5, 4, layers=0)
        with self.assertRaisesRegex(TypeError, "vocabulary of GPT must be an integer of at least 1, but got float 5.0"):
            GPT(5.0)  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "GPT takes at most length=8 tokens, but got 9; truncate the sequence"):
            self.model(np.zeros((1, 9), int))
        with self.assertRaisesRegex(ValueError, r"GPT takes tokens \(batch, length\), but got ndarray of shape \(3,\)"):
            self.model(np.zeros(3, int))
        with self.assertRaisesRegex(IndexError, "11"):
            self.model(np.array([[11]]))
        generate = self.model.generate
        for start in ([], [0.5], [[[1]]]):
            with self.assertRaisesRegex(ValueError, "generate takes tokens as integers"):
                generate(np.array(start), 1)
        with self.assertRaisesRegex(ValueError, "n of generate must be an integer of at least 0, but got int -1"):
            generate(np.array([1]), -1)
        for temperature in (-0.5, np.nan, np.inf):
            with self.assertRaisesRegex(ValueError, "temperature of generate must be a"):
                generate(np.array([1]), 1, temperature=temperature)
        with self.assertRaisesRegex(ValueError, "top_k of generate must be an integer of at least 1, but got int 0"):
            generate(np.array([1]), 1, top_k=0)


class VAETest(unittest.TestCase):
    def setUp(self) -> None:
        wengert.seed(0)
        self.model = VAE(6, latent=2, hidden=(8, 5), dtype=np.float64)
        self.x = np.random.default_rng(0).random((4, 6))
        self.model(self.x)

    def test_the_loss_is_the_negative_evidence_lower_bound(self) -> None:
        with wengert.test_mode():
            logits, mean, log_variance = (v.data for v in self.model(self.x))
            loss = self.model.loss(self.model(self.x), self.x)
            np.testing.assert_allclose(self.model.elbo(self.x).data, -loss.data)
        p = 1 / (1 + np.exp(-logits))
        missed = -np.sum(self.x * np.log(p) + (1 - self.x) * np.log(1 - p), axis=1)
        divergence = 0.5 * np.sum(mean**2 + np.exp(log_variance) - log_variance - 1, axis=1)
        np.testing.assert_allclose(loss.data, np.mean(missed + divergence), rtol=1e-10)

    def test_codes_are_drawn_in_training_and_means_in_test_mode(self) -> None:
        mean, log_variance = np.full((20_000, 2), 3.0), np.full((20_000, 2), np.log(4.0))
        codes = self.model.reparameterize(mean, log_variance)
        np.testing.assert_allclose([codes.mean(), codes.std()], [3, 2], atol=0.05)
        with wengert.test_mode():
            self.assertIs(self.model.reparameterize(mean, log_variance), mean)

    def test_every_parameter_is_trained_and_shapes_are_kept(self) -> None:
        self.model.loss(self.model(self.x), self.x).backward()
        self.assertEqual(all_have_gradients(self.model), [])
        self.assertEqual(self.model.sample(3).shape, (3, 6))
        self.assertEqual(self.model.sample(3).dtype, np.float64)
        np.testing.assert_array_equal(self.model.sample(50) <= 1, True)
        z = np.zeros((1, 2))
        self.assertEqual(sigmoid(self.model.decode(z)).shape, (1, 6))

    def test_float32_stays(self) -> None:
        model = VAE(6)
        y, mean, _ = model(self.x.astype(np.float32))
        self.assertEqual((y.dtype, mean.dtype, model.sample(1).dtype), (np.float32,) * 3)

    def test_it_learns(self) -> None:
        optimizer = Adam(self.model, 0.02)
        x = (np.random.default_rng(0).random((50, 1)) > 0.5) * np.ones(6)
        losses = []
        for _ in range(150):
            loss = self.model.loss(self.model(x), x)
            optimizer.cleargrads()
            loss.backward()
            optimizer.update()
            losses.append(loss.item())
        self.assertGreater(np.mean(losses[:5]), 4)
        self.assertLess(np.mean(losses[-10:]), 2.5)

    def test_what_it_does_not_take(self) -> None:
        with self.assertRaisesRegex(ValueError, "a VAE takes at least one hidden size, but got none"):
            VAE(6, hidden=())


class GANTest(unittest.TestCase):
    def setUp(self) -> None:
        wengert.seed(0)
        self.model = GAN(size=8, latent=4, width=4)
        self.real = np.random.default_rng(0).random((16, 1, 8, 8), np.float32)

    def test_shapes(self) -> None:
        self.assertEqual(self.model(self.model.codes(5)).shape, (5, 1, 8, 8))
        images = self.model.sample(3)
        self.assertEqual((images.shape, images.dtype), ((3, 1, 8, 8), np.float32))
        self.assertTrue(np.all((images >= 0) & (images <= 1)))
        self.assertEqual(GAN(size=28, channels=3, width=2).sample(2).shape, (2, 3, 28, 28))

    def test_losses_reach_their_own_half(self) -> None:
        made = self.model(self.model.codes(16))
        self.model.discriminator_loss(self.real, made.data).backward()
        self.assertEqual({n.partition(".")[0] for n in all_have_gradients(self.model)}, {"generator"})
        self.model.cleargrads()
        self.model.generator_loss(made).backward()
        # (biases in front of a BatchNorm do nothing; here there are none)
        self.assertEqual(all_have_gradients(self.model), [])

    def test_losses_are_cross_entropies(self) -> None:
        with wengert.test_mode():
            made = self.model.sample(16)
            real, fake = (self.model.discriminator(x).data.astype(float) for x in (self.real, made))
            generator = self.model.generator_loss(made).item()
            plain = self.model.discriminator_loss(self.real, made).item()
            smooth = self.model.discriminator_loss(self.real, made, smoothing=0.1).item()
        self.assertAlmostEqual(generator, np.mean(np.log1p(np.exp(-fake))), places=5)
        self.assertAlmostEqual(plain, np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))), places=5)
        self.assertAlmostEqual(smooth - plain, 0.1 * np.mean(real), places=5)

    def test_a_step_trains_both(self) -> None:
        optimizers = Adam(self.model.generator, 1e-3), Adam(self.model.discriminator, 1e-2)
        before = {name: p.data.copy() for name, p in self.model.params().items()}
        losses = self.model.step(self.real, *optimizers)
        self.assertEqual(len(losses), 2)
        self.assertTrue(np.isfinite(losses).all())
        same = [name for name, p in self.model.params().items() if np.array_equal(p.data, before[name])]
        self.assertEqual(same, [])
        self.assertTrue(all(p.grad is None for p in self.model.params().values()))
        for _ in range(20):
            first, second = self.model.step(self.real, Adam(self.model.generator, 0), optimizers[1])
        self.assertLess(second, 0.9, "against a generator that stands still, the discriminator learns")
        self.assertGreater(first, 0.7)

    def test_what_it_does_not_take(self) -> None:
        for size in (0, 6, 8.0, True):
            error = TypeError if size in (8.0, True) else ValueError
            with self.assertRaisesRegex(error, "size of GAN must be (a multiple of 4|an integer)"):
                GAN(size=size)  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, r"GAN takes images \(batch, channels, size, size\), but got ndarray"):
            optimizer = Adam(self.model, 0.1)
            self.model.step(zeros(3, 64), optimizer, optimizer)


class SizesTest(unittest.TestCase):
    def test_refusals(self) -> None:
        model = GPT(5, 4, 4, 1, 1)
        tokens = np.array([1, 2])
        for make, error, message in (
            (lambda: ResNet18(width=0), ValueError, "width of ResNet18 must be an integer of at least 1"),
            (lambda: ResNet50(width=1.5), TypeError, "width of ResNet50 must be an integer of at least 1"),
            (lambda: VGG16(width=0), ValueError, "width of VGG16 must be an integer of at least 1, but got int 0"),
            (lambda: GAN(8, latent=0), ValueError, "latent of GAN must be an integer of at least 1, but got int 0"),
            (lambda: GAN(8, width=0), ValueError, "width of GAN must be an integer of at least 1, but got int 0"),
            (lambda: VAE(64, hidden=32), TypeError, r"hidden sizes of a VAE .*; write hidden=\(256,\)"),
            (lambda: VAE(64, latent=0), ValueError, "latent of VAE must be an integer of at least 1, but got int 0"),
            (lambda: model.generate(tokens, 3, temperature="a"), TypeError, "temperature of generate must be a"),
            (lambda: model.generate(tokens, 3, top_k=1.5), TypeError, "top_k of generate must be an integer"),
            (lambda: model.generate(tokens, 3, top_k=True), TypeError, "top_k of generate must be .*, but got bool"),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                make()


if __name__ == "__main__":
    unittest.main()
