"""Losses: values, extreme arguments, dtypes, and bad input."""

import unittest
import warnings
from typing import Any

import numpy as np

from tests.loss_cases import IMAGES, LABELS, WEIGHT, P, Q, T, Y, gradients
from wengert import Parameter, Variable
from wengert.functions.binary_loss import (
    binary_cross_entropy,
    hinge,
    sigmoid_cross_entropy,
)
from wengert.functions.classification_loss import accuracy, nll_loss, softmax_cross_entropy
from wengert.functions.exponential_sums import log_softmax
from wengert.functions.regression_loss import gaussian_nll, huber, kl_div, mae, mse
from wengert.functions.similarity import clip_by_norm, cosine_embedding_loss, cosine_similarity

ELEMENTWISE = (mse, mae, huber, sigmoid_cross_entropy)


class ValueTest(unittest.TestCase):
    """Against formulas written out, for those who have no PyTorch."""

    def test_softmax_cross_entropy(self) -> None:
        p = np.exp(Y) / np.exp(Y).sum(1, keepdims=True)
        rows = -np.log(p[np.arange(6), T])
        for y in (Y, Variable(Y)):
            np.testing.assert_allclose(np.float64(float(softmax_cross_entropy(y, T))), rows.mean())
        value, (gx,) = gradients(softmax_cross_entropy, Y, t=T, weight=WEIGHT)
        np.testing.assert_allclose(value, np.sum(rows * WEIGHT[T]) / np.sum(WEIGHT[T]))
        np.testing.assert_allclose(gx, (p - np.eye(4)[T]) * (WEIGHT[T] / WEIGHT[T].sum())[:, None])
        one_hot = np.eye(4)[T]
        np.testing.assert_allclose(softmax_cross_entropy(Y, one_hot), rows.mean())
        kept = T != 1
        np.testing.assert_allclose(softmax_cross_entropy(Variable(Y), T, ignore_index=1).data, rows[kept].mean())

    def test_labels_of_any_integer_dtype_lists_and_variables(self) -> None:
        expected = softmax_cross_entropy(Y, T)
        for dtype in (np.int8, np.uint8, np.int16, np.uint32, np.int32, np.uint64):
            np.testing.assert_allclose(softmax_cross_entropy(Variable(Y), T.astype(dtype)).data, expected)
        np.testing.assert_allclose(softmax_cross_entropy(Variable(Y), T.tolist()).data, expected)
        np.testing.assert_allclose(softmax_cross_entropy(Y.tolist(), T.tolist()), expected)
        np.testing.assert_allclose(softmax_cross_entropy(Variable(Y), Variable(T)).data, expected)
        self.assertEqual(float(nll_loss(log_softmax(Variable(Y)), T[::1].tolist())), expected)

    def test_one_call_is_one_node(self) -> None:
        y = softmax_cross_entropy(Variable(Y), T)
        self.assertEqual(y.creator.name, "SoftmaxCrossEntropy")
        self.assertIsNone(y.creator.inputs[0].creator)

    def test_backward_twice_is_twice_the_gradient(self) -> None:
        for f, t in ((softmax_cross_entropy, T), (softmax_cross_entropy, Q), (sigmoid_cross_entropy, Q)):
            y = Parameter(Y)
            loss = f(y, t)
            loss.backward()
            once = y.grad.copy()
            loss.backward()
            np.testing.assert_array_equal(y.grad, 2 * once)

    def test_labels_may_be_a_buffer(self) -> None:
        y, t = Parameter(Y), T.copy()
        loss = softmax_cross_entropy(y, t)
        t[:] = 0
        loss.backward()
        np.testing.assert_array_equal(y.grad, gradients(softmax_cross_entropy, Y, t=T)[1][0])

    def test_hinge(self) -> None:
        y, t = np.array([[0.5, 2.0, -3.0]]), np.array([[1, 1, -1]])
        value, (gx,) = gradients(hinge, y, t=t, margin=1.0, reduction="sum")
        np.testing.assert_array_equal((value, *gx[0]), (0.5, -1, 0, 0))

    def test_clip_by_norm(self) -> None:
        x = np.array([3.0, 4.0])
        np.testing.assert_allclose(clip_by_norm(x, 1), [0.6, 0.8])
        np.testing.assert_array_equal(clip_by_norm(x, 5.0), x)
        np.testing.assert_array_equal(clip_by_norm(np.zeros(2), 5.0), 0)
        np.testing.assert_array_equal(gradients(clip_by_norm, np.zeros(2), limit=5.0)[1][0], [1, 2])
        large, small = np.array([3e30, 4e30], np.float32), np.array([3e-30, 4e-30], np.float32)
        np.testing.assert_allclose(clip_by_norm(large, 1), [0.6, 0.8], rtol=1e-6)
        np.testing.assert_allclose(clip_by_norm(small, 1e-30), [0.6e-30, 0.8e-30], rtol=1e-6)
        for y in (clip_by_norm(large, 1.0), gradients(clip_by_norm, large, limit=1.0)[1][0]):
            self.assertEqual(y.dtype, np.float32)

    def test_cosine_of_zero_and_small_vectors(self) -> None:
        for dtype in (np.float16, np.float32, np.float64):
            value, (gx, _) = gradients(cosine_similarity, np.zeros((1, 3), dtype), np.ones((1, 3), dtype))
            self.assertEqual(value, 0)
            self.assertTrue(np.all(np.isfinite(gx)) or dtype == np.float16)
        tiny = np.full(4, 1e-6, np.float32)
        np.testing.assert_allclose(cosine_similarity(tiny, tiny), 1, rtol=1e-6)

    def test_accuracy(self) -> None:
        y = np.eye(4)[[0, 1, 2, 3, 3, 3]]
        t = np.array([0, 1, 2, 3, 1, -1])
        self.assertEqual(accuracy(y[:5], t[:5]), 0.8)
        self.assertEqual(accuracy(Variable(y), Variable(t), ignore_index=-1), 0.8)
        self.assertEqual(accuracy(y.T[None], t[None], ignore_index=-1, axis=1), 0.8)
        self.assertIs(type(accuracy(y[:5], t[:5])), float)


class ExtremeArgumentsTest(unittest.TestCase):
    """Numbers at the end of their range, without a warning."""

    def setUp(self) -> None:
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("error")
        self.enterContext(np.errstate(under="raise"))

    def test_large_scores(self) -> None:
        for dtype, large in ((np.float64, 1e300), (np.float32, 1e30), (np.float16, 3e4)):
            y = np.array([[large, 0, -large], [-large, large / 2, 0]], dtype)
            for t in (np.array([0, 1]), np.eye(3, dtype=dtype)[:2]):
                value, (gx,) = gradients(lambda y, t=t: softmax_cross_entropy(y, t), y)
                self.assertEqual((float(value), value.dtype), (0, dtype))
                np.testing.assert_array_equal(gx, 0)
            value, (gx,) = gradients(softmax_cross_entropy, y, t=np.array([1, 1]), reduction="sum")
            self.assertEqual(float(value), float(dtype(large)))
            np.testing.assert_array_equal(gx, np.array([[1, -1, 0], [0, 0, 0]], dtype))

    def test_classes_ruled_out(self) -> None:
        y = np.array([[0.0, -np.inf, 0.0], [-np.inf, 1.0, -np.inf]])
        q = np.array([[0.5, 0, 0.5], [0, 1.0, 0]])
        expected = np.log(2) / 2
        for t in (np.array([0, 1]), q):
            for options in ({}, {"weight": np.array([1.0, 1.0, 1.0])}):
                v = Variable(y)
                loss = softmax_cross_entropy(v, t, **options)
                self.assertAlmostEqual(float(loss), expected)
                self.assertAlmostEqual(float(softmax_cross_entropy(y, t, **options)), expected)
                loss.backward(create_graph=True)
                first = v.grad
                once = first.data.copy()
                self.assertTrue(np.all(np.isfinite(once)))
                v.cleargrad()
                np.sum(first * first).backward()
                self.assertTrue(np.all(np.isfinite(v.grad)))
                np.testing.assert_allclose(gradients(softmax_cross_entropy, y, t=t, **options)[1][0], once)
        _, (_, gq) = gradients(softmax_cross_entropy, y, q)
        self.assertTrue(np.all(np.isfinite(gq)))
        self.assertEqual(float(softmax_cross_entropy(Variable(y), np.array([1, 1]), reduction="sum")), np.inf)

    def test_ignored_rows_may_hold_anything(self) -> None:
        y = np.array([[0.0, 0.0], [np.nan, 1.0]])
        for smoothing in (0.0, 0.5):
            options: Any = {"ignore_index": -1, "label_smoothing": smoothing}
            value, (gx,) = gradients(softmax_cross_entropy, y, t=np.array([0, -1]), **options)
            self.assertAlmostEqual(float(value), np.log(2))
            np.testing.assert_array_equal(gx[1], 0)
            self.assertAlmostEqual(float(softmax_cross_entropy(y, np.array([0, -1]), **options)), np.log(2))
            v = Variable(y)
            softmax_cross_entropy(v, np.array([0, -1]), **options).backward(create_graph=True)
            np.testing.assert_allclose(v.grad.data, gx)

    def test_nan_is_not_hidden(self) -> None:
        y = np.array([[0.0, np.nan], [0.0, 1.0]])
        for t in (np.array([0, 1]), np.eye(2)):
            self.assertTrue(np.isnan(float(softmax_cross_entropy(Variable(y), t))))
            self.assertTrue(np.isnan(softmax_cross_entropy(y, t)))
        for f in (mse, mae, huber, sigmoid_cross_entropy):
            self.assertTrue(np.isnan(float(f(Variable(y), np.eye(2)))))

    def test_scores_of_yes_and_no(self) -> None:
        for dtype in (np.float64, np.float32, np.float16):
            y, t = np.array([1e4, -1e4, 1e4, -1e4, 0], dtype), np.array([1, 0, 0, 1, 1], dtype)
            value, (gx,) = gradients(sigmoid_cross_entropy, y, t=t, reduction="none")
            np.testing.assert_array_equal(value, np.array([0, 0, 1e4, 1e4, np.log(2)], dtype))
            np.testing.assert_array_equal(gx, np.array([0, 0, 3, -4, -2.5]))
        y, t = np.array([np.inf, -np.inf, np.inf]), np.array([1.0, 0.0, 0.0])
        for options in ({}, {"pos_weight": 3.0}):
            value, (gx,) = gradients(sigmoid_cross_entropy, y, t=t, reduction="none", **options)
            np.testing.assert_array_equal(value, [0, 0, np.inf])
            np.testing.assert_array_equal(gx, [0, 0, 3])

    def test_small_losses_keep_their_digits(self) -> None:
        y = np.linspace(0, 80, 500)
        expected = np.log1p(np.exp(-y))
        for dtype, tolerance in ((np.float64, 1e-14), (np.float32, 1e-6)):
            value = sigmoid_cross_entropy(Variable(y.astype(dtype)), 1.0, reduction="none")
            exact = np.log1p(np.exp(-y.astype(dtype).astype(float))) if dtype == np.float32 else expected
            np.testing.assert_allclose(value.data, exact, rtol=tolerance)

    def test_probabilities_that_are_wrong_altogether(self) -> None:
        for dtype in (np.float64, np.float32):
            p, t = np.array([0, 1, 0, 1], dtype), np.array([1, 0, 0, 1], dtype)
            value, (gx,) = gradients(binary_cross_entropy, p, t=t, reduction="sum")
            self.assertEqual(value, 200)
            np.testing.assert_allclose(gx, [-1e12, 1e12, 1, -1], rtol=1e-6)

    def test_half_precision_means_do_not_overflow(self) -> None:
        y = np.full((3000, 2), 0, np.float16)
        y[:, 1] = 100
        for value in (softmax_cross_entropy(Variable(y), np.zeros(3000, int)).data, mae(y[:, 1], 0)):
            self.assertEqual((float(value), value.dtype), (100, np.float16))

    def test_impossible_events_in_kl_div(self) -> None:
        log_p, q = np.array([[-np.inf, 0.0]]), np.array([[0.0, 1.0]])
        value, (gp, gq) = gradients(kl_div, log_p, q, reduction="batchmean")
        self.assertEqual(value, 0)
        np.testing.assert_array_equal((gp, gq), ([[0, -1]], [[0, 1]]))
        with np.errstate(divide="ignore"):
            log_q = np.log(q)
        value, (gp, gq) = gradients(kl_div, log_p, log_q, log_target=True, reduction="sum")
        np.testing.assert_array_equal((value, *gp[0], *gq[0]), (0, 0, -1, 0, 1))


class HalfPrecisionTest(unittest.TestCase):
    def test_the_share_of_many_elements(self) -> None:
        y = Variable(np.full((400, 400), 2.0, np.float16))
        for loss, slope in ((mse, 4), (mae, 1), (huber, 1)):
            y.cleargrad()
            loss(y, 0.0).backward()
            self.assertEqual(y.grad.dtype, np.float16)
            np.testing.assert_allclose(y.grad.astype(float), np.full(y.shape, slope / y.size), rtol=0.01)


class ExtremeVectorsTest(unittest.TestCase):
    def test_cosines_of_vectors_whose_squares_overflow_or_vanish(self) -> None:
        a, b = np.array([[1.0, 2.0, 3.0]], np.float32), np.array([[3.0, 1.0, 0.5]], np.float32)
        cosine = cosine_similarity(a.astype(float), b.astype(float))
        for dtype, scales in ((np.float32, (1e-7, 1e18, 1e25, 1e38)), (np.float16, (1e-2, 300.0, 1e4))):
            for scale in scales:
                with self.subTest(dtype=dtype, scale=scale):
                    u, v = Variable((a * dtype(scale)).astype(dtype)), Variable(b.astype(dtype))
                    y = cosine_similarity(u, v)
                    self.assertEqual(y.dtype, dtype)
                    np.testing.assert_allclose(y.data, cosine, rtol=1e-5 if dtype == np.float32 else 2e-3)
                    y.backward()
                    exact = Variable(a.astype(float)), Variable(b.astype(float))
                    cosine_similarity(*exact).backward()
                    wanted = exact[0].grad / scale
                    np.testing.assert_allclose(
                        u.grad, wanted, rtol=1e-4 if dtype == np.float32 else 0.02, atol=1e-6 if scale > 1 else 0
                    )
                    np.testing.assert_allclose(
                        v.grad, exact[1].grad, rtol=1e-4, atol=1e-6 if dtype == np.float32 else 2e-3
                    )

    def test_what_is_infinite_is_not_left_as_it_is(self) -> None:
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(clip_by_norm(np.array([np.inf, 1.0]), 1.0), [np.nan, 0.0])


class DtypeTest(unittest.TestCase):
    def test_float32_stays_float32(self) -> None:
        y = Y.astype(np.float32)
        whole = np.ones((6, 4), int)
        options: Any
        for f, t, options in (
            (softmax_cross_entropy, T, {"weight": WEIGHT, "label_smoothing": 0.1}),
            (softmax_cross_entropy, T, {"weight": WEIGHT.tolist()}),
            (nll_loss, T, {"weight": WEIGHT}),
            (sigmoid_cross_entropy, whole, {"weight": WEIGHT, "pos_weight": WEIGHT}),
            (sigmoid_cross_entropy, whole > 0, {}),
            (sigmoid_cross_entropy, 1.0, {}),
            (mse, whole, {}),
            (mse, 1, {}),
            (mae, 1.0, {}),
            (huber, whole, {}),
            (hinge, whole, {}),
            (lambda y, t: gaussian_nll(y, t, 1.0), whole, {}),
        ):
            with self.subTest(f):
                for v in (y, Variable(y)):
                    self.assertEqual(f(v, t, **options).dtype, np.float32)
                v = Variable(y)
                f(v, t, **options).backward()
                self.assertEqual(v.grad.dtype, np.float32)

    def test_integers_become_float64(self) -> None:
        self.assertEqual(mse(np.array([1, 2]), np.array([1, 4])), 2.0)
        self.assertEqual(softmax_cross_entropy(np.zeros((1, 2), int), [1]).dtype, np.float64)

    def test_other_layouts(self) -> None:
        for y, t, axis in ((Y.T, T, 0), (IMAGES[:, ::-1], LABELS, 1), (np.asfortranarray(Y), T, 1)):
            value, (gx,) = gradients(softmax_cross_entropy, y, t=t, axis=axis)
            rows = np.ascontiguousarray(np.moveaxis(y, axis, -1))
            expected, (gr,) = gradients(softmax_cross_entropy, rows, t=t)
            self.assertEqual(gx.shape, y.shape)
            np.testing.assert_allclose(value, expected)
            np.testing.assert_allclose(np.moveaxis(gx, axis, -1), gr)


class BadInputTest(unittest.TestCase):
    def refused(self, pattern: str, f: Any, *args: Any, error: Any = ValueError, **kwargs: Any) -> None:
        """Raises the same for arrays and for Variables."""
        with self.assertRaisesRegex(error, pattern):
            f(*args, **kwargs)
        first = np.asarray(args[0])
        if first.dtype.kind in "fc":
            with self.assertRaisesRegex(error, pattern):
                f(Variable(first), *args[1:], **kwargs)

    def test_weights_of_classes(self) -> None:
        for f in (softmax_cross_entropy, nll_loss):
            for weight in ([-1.0, 1, 1], [np.nan, 1, 1]):
                self.refused("weights of at least 0, but got", f, np.zeros((2, 3)), [0, 1], weight=weight)
            self.refused("real numbers", f, np.zeros((2, 3)), [0, 1], weight=["a", "b", "c"], error=TypeError)

    def test_settings_of_other_types(self) -> None:
        for value in ("a", None, True):
            pattern = "label_smoothing of softmax_cross_entropy must be a real number"
            self.refused(
                pattern, softmax_cross_entropy, np.zeros((2, 3)), [0, 1], label_smoothing=value, error=TypeError
            )

    def test_what_is_no_number_is_not_taken_for_complex(self) -> None:
        for t in (None, "a"):
            self.refused("takes real numbers, but got .*; convert it", mse, np.zeros(3), t, error=TypeError)
        self.refused(r"np\.real", mse, np.zeros(3), np.zeros(3, complex), error=TypeError)

    def test_labels_out_of_range(self) -> None:
        for f in (softmax_cross_entropy, nll_loss, accuracy):
            name = f.__name__
            wrong = np.where(np.arange(6) >= 2, 4, T)
            self.refused(rf"{name} needs class indices from 0 to 3.* 4 classes on axis 1, but t\[2\] is 4", f, Y, wrong)
            self.refused(
                r"but t\[5\] is -100; to skip such targets, pass ignore_index=-100", f, Y, [0, 0, 0, 0, 0, -100]
            )
            self.refused(r"but t\[1\] is -1;", f, Y, [-100, -1, 0, 0, 0, 0], ignore_index=-100)
            labels = LABELS.copy()
            labels[1, 2, 0] = 7
            self.refused(r"t\[1, 2, 0\] is 7; give y more classes", f, IMAGES, labels, axis=1)
            self.refused("but t is 3", f, np.zeros(3), 3)
            self.refused(r"but t\[0\] is 18446744073709551615", f, Y[:1], np.array([2**64 - 1], np.uint64))

    def test_shapes_of_labels(self) -> None:
        for f in (softmax_cross_entropy, nll_loss, accuracy):
            self.refused(r"y, which has the shape \(6, 4\), takes class indices of the shape \(6,\), but t has "
                         r"\(5,\); give one index for each row", f, Y, T[:5])  # fmt: skip
            self.refused(r"but t has \(6, 1\); reshape it: t.reshape\(\(6,\)\)", f, Y, T[:, None])
            self.refused("if the classes are on axis 1, pass axis=1", f, IMAGES, LABELS)
            self.refused("for one-hot rows, give floats", f, Y, np.eye(4, dtype=int)[T])
            self.refused("needs an axis of classes", f, np.array(1.0), 0)
            self.refused(r"at least one class, but y has the shape \(2, 0\)", f, np.zeros((2, 0)), [0, 0])
            self.refused("axis 2 is out of bounds", f, Y, T, axis=2, error=np.exceptions.AxisError)

    def test_labels_that_are_not_integers(self) -> None:
        floats = T.astype(float)
        self.refused("if these are class indices, convert them: t.astype", softmax_cross_entropy, Y, floats)
        with self.assertRaisesRegex(ValueError, "if these are class indices"):
            softmax_cross_entropy(Variable(Y), Variable(floats))
        for f in (nll_loss, accuracy):
            self.refused("takes class indices as integers, but got ndarray", f, Y, floats, error=TypeError)
            self.refused("takes class indices as integers", f, Y, floats > 1, error=TypeError)
        for t in (np.eye(4, dtype=bool)[T], T > 1, T * 1j):
            self.refused("integers or probabilities as floats, but got", softmax_cross_entropy, Y, t, error=TypeError)

    def test_weights(self) -> None:
        for f in (softmax_cross_entropy, nll_loss):
            self.refused(r"one weight for each of the 4 classes, but got ndarray of shape \(3,\)", f, Y, T,
                         weight=np.ones(3))  # fmt: skip
            self.refused("needs at least one target", f, Y, T, weight=np.zeros(4))
        with self.assertRaisesRegex(TypeError, "weight is a Variable; give it as an array: weight.data"):
            softmax_cross_entropy(Variable(Y), T, weight=Variable(WEIGHT))
        for f, y in ((sigmoid_cross_entropy, Y), (binary_cross_entropy, P)):
            pattern = r"weight that broadcasts to the shape of y, \(6, 4\), but got ndarray of shape \(6,\)"
            self.refused(pattern, f, y, P, weight=np.ones(6))
        self.refused(r"pos_weight that broadcasts", sigmoid_cross_entropy, Y, P, pos_weight=np.ones((2, 6, 4)))

    def test_options(self) -> None:
        for smoothing in (-0.1, 1.1, np.nan):
            message = "label_smoothing of softmax_cross_entropy must be a (real|finite) number from 0 to 1, but got"
            self.refused(message, softmax_cross_entropy, Y, T, label_smoothing=smoothing)
        message = "ignore_index of nll_loss must be an integer, but got float"
        self.refused(message, nll_loss, Y, T, ignore_index=0.5, error=TypeError)
        self.refused("ignore_index=0 for class indices only", softmax_cross_entropy, Y, Q, ignore_index=0)
        for f, args in (
            (softmax_cross_entropy, (Y, T)),
            (nll_loss, (Y, T)),
            *((f, (Y, P)) for f in ELEMENTWISE),
            (binary_cross_entropy, (P, P)),
            (hinge, (Y, np.ones((6, 4)))),
            (gaussian_nll, (Y, P, P)),
            (kl_div, (Y, P)),
            (cosine_embedding_loss, (Y, P, np.ones(6))),
        ):
            message = f"reduction of {f.__name__} must be .*'none', but got str 'average'"
            self.refused(message, f, *args, reduction="average")
        self.refused("'batchmean', 'mean'", kl_div, Y, P, reduction="max")
        for delta in (0, -1, np.nan):
            self.refused("delta of huber must be a (real|finite) number above 0", huber, Y, P, delta=delta)
        for limit in (0, -1.0, np.nan):
            self.refused("limit of clip_by_norm must be a (real|finite) number above 0", clip_by_norm, Y, limit)

    def test_shapes_are_not_broadcast(self) -> None:
        for f in (*ELEMENTWISE, hinge, lambda y, t: gaussian_nll(y, t, 1.0), kl_div):
            self.refused(r"must have one shape, but y has \(6, 1\) and [tq] has \(6,\)", f, Y[:, :1], P[:, 0])
            self.refused(r"y has \(\) and [tq] has \(3,\)", f, np.array(1.0), np.ones(3))
        self.refused(r"y has \(6, 1\)", binary_cross_entropy, P[:, :1], P[:, 0])
        self.refused("variance that broadcasts to the shape of y", gaussian_nll, Y, P, np.ones(6))
        self.refused("along axis -1 a has 4 elements and b has 1", cosine_similarity, Y, Y[:, :1])
        self.refused("cosine_similarity needs vectors along axis 2, but a is", cosine_similarity, Y, Y, axis=2)
        pattern = r"a target for each pair of vectors, an array of the shape \(6,\), but t is"
        self.refused(pattern, cosine_embedding_loss, Y, Y, np.ones((6, 1)))

    def test_means_of_nothing(self) -> None:
        self.refused(r"softmax_cross_entropy needs at least one target .*\(the losses have the shape \(0,\)\)",
                     softmax_cross_entropy, np.zeros((0, 3)), np.zeros(0, int))  # fmt: skip
        self.refused("at least one target", softmax_cross_entropy, np.zeros((0, 3)), [])
        self.refused("at least one target", softmax_cross_entropy, Y, T * 0 - 1, ignore_index=-1)
        self.refused("at least one target", softmax_cross_entropy, np.zeros((0, 3)), np.zeros((0, 3)))
        for f in (*ELEMENTWISE, binary_cross_entropy, hinge, kl_div):
            self.refused(f"{f.__name__} needs at least one target", f, np.zeros((0, 3)), np.zeros((0, 3)))
        self.refused("accuracy needs at least one target", accuracy, np.zeros((0, 3)), [])
        self.refused("accuracy needs at least one target", accuracy, Y, T * 0 - 1, ignore_index=-1)
        self.assertEqual(float(softmax_cross_entropy(Variable(np.zeros((0, 3))), [], reduction="sum")), 0)

    def test_values_out_of_range(self) -> None:
        bad = P.copy()
        bad[4, 1] = 1.5
        self.refused(r"needs t from 0 to 1, but t\[4, 1\] is 1.5; give 1 or 0", sigmoid_cross_entropy, Y, bad)
        self.refused(r"needs t from 0 to 1, but t is -1", sigmoid_cross_entropy, Y, -1)
        self.refused(r"needs t from 0 to 1, but t\[4, 1\]", binary_cross_entropy, P, bad)
        self.refused(r"needs p from 0 to 1, but p\[4, 1\] is 1.5.*use sigmoid_cross", binary_cross_entropy, bad, P)
        self.refused(r"targets that are 1 or -1, but t\[0\] is 0", hinge, Y[0], [0, 1, 1, 0])
        self.refused(r"targets that are 1 or -1, but t\[1\] is 0", cosine_embedding_loss, Y[:2], Y[:2], [1, 0])
        self.refused("variances of at least 0, but one is -1", gaussian_nll, Y, P, -np.ones(4))
        self.refused("probabilities q of at least 0, but one is -2.*log_target=True", kl_div, Y, np.full((6, 4), -2.0))

    def test_complex_numbers(self) -> None:
        for f in (*ELEMENTWISE, hinge, kl_div, softmax_cross_entropy, nll_loss):
            self.refused(f"{f.__name__} takes real numbers", f, Y * 1j, T, error=TypeError)
        for f in (mse, sigmoid_cross_entropy):
            self.refused(f"{f.__name__} takes real numbers", f, Y, Y * 1j, error=TypeError)
        for f in (cosine_similarity, lambda x, _: clip_by_norm(x, 1.0)):
            self.refused("takes real numbers", f, Y * 1j, Y, error=TypeError)


if __name__ == "__main__":
    unittest.main()
