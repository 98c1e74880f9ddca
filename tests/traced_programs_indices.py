"""More programs as people write them: indices that were computed, arrays that the function makes, numbers of NumPy."""

import math

import numpy as np

import wengert
from tests.traced_programs import W, X, loss, program


@program
def vectorized():
    g = np.vectorize(lambda t: t * t if t > 0 else 0.0)
    return (lambda w: np.sum(g(w))), lambda k: (W + k / 99,)


@program
def vectorized_math():
    def f(w):
        return np.sum(np.vectorize(lambda t, s: math.sin(t) * s)(w, 2.0))

    return f, lambda k: (W + k / 99,)


@program
def while_counter():
    def f(w, k):
        i = 0
        while i < 5:
            w = w * (1 + 0.1 / (k + i + 1))
            i += 1
        return w

    return f, lambda k: (W, k)


@program
def enumerate_zip():
    def f(ws, k):
        out = 0.0
        for i, (w, r) in enumerate(zip(ws, reversed(range(0, 6, 2)), strict=True)):
            out = out + w * (i + 1) / (r + k + 1)
        return out

    return f, lambda k: (list(W + k), k)


@program
def generator_params():
    ws = [W.copy(), W + 1]

    def params():
        yield from ws

    def f(k):
        return sum(np.sum(p) / (k + 1) for p in params())

    return f, lambda k: (k,)


@program
def float_gradient():
    return wengert.grad(lambda x: np.sin(x) * x**2), lambda k: (1.0 + k / 10,)


@program
def second_derivative_of_float():
    return wengert.grad(wengert.grad(np.tanh)), lambda k: (0.1 + k / 10,)


@program
def np_float_argument():
    return (lambda w, lr: w - lr * 2 * w), lambda k: (W, np.float64(1 / (k + 1)))


@program
def np_int_argument():
    return (lambda w, i: w / (i + 1)), lambda k: (W, np.int64(k))


@program
def np_float32_state():
    class S:
        lr = np.float32(0.5)

        def step(self, w):
            self.lr = self.lr * np.float32(0.9)
            return w * self.lr

    return S().step, lambda k: (W.astype(np.float32),)


@program
def best_so_far():
    class S:
        best = np.inf

        def step(self, w):
            value = loss(w)
            if value < self.best:
                self.best = value
            return self.best

    return S().step, lambda k: (W + np.sin(k),)


@program
def running_mean_float():
    class S:
        mean = 0.0
        n = 0

        def step(self, w):
            self.n += 1
            self.mean += (np.sum(w) - self.mean) / self.n
            return self.mean

    return S().step, lambda k: (W + np.sin(k),)


@program
def modulo_index_list():
    data = [X[0:4], X[4:8], X[8:12]]

    class S:
        i = 0

        def step(self, w):
            b = data[self.i % 3]
            self.i += 1
            return np.sum(b @ w)

    return S().step, lambda k: (W + k,)


@program
def ring_buffer():
    class S:
        i = 0

        def __init__(self):
            self.buf = np.zeros((5, 3))

        def step(self, w):
            self.buf[self.i] = w
            self.i = (self.i + 1) % 5
            return self.buf.mean(0)

    return S().step, lambda k: (W + k,)


@program
def tuple_args():
    return (lambda w, hp: w * hp[0] + hp[1]), lambda k: (W, (1.0 / (k + 1), k))


@program
def dict_args():
    return (lambda w, hp: w * hp["lr"] + hp["k"]), lambda k: (W, {"lr": 1.0 / (k + 1), "k": k})


@program
def power_of_two():
    return (lambda w, k: w * 2.0**-k + k**2 + 2**k), lambda k: (W, k % 12)


@program
def bits():
    return (lambda w, k: w * (k & 3) + (k >> 1) + (k | 1) + (k ^ 5)), lambda k: (W, k)


@program
def choose_column():
    def f(w, j):
        g = np.zeros(3)
        g[j] = 1.0
        return np.sum(w * g) + X[:, j].sum()

    return f, lambda k: (W, k % 3)


@program
def in_place_row():
    def f(w, j):
        A = np.zeros((4, 3))
        A[j] += w
        A[j, 1:] *= 2
        r = A[j]
        r[0] = 5.0
        return A + 0

    return f, lambda k: (W + k, k % 4)


@program
def item_calls():
    def f(w, y):
        return w * y.item()

    return f, lambda k: (W, np.array(k))


@program
def state_tuple_returned():
    def step(w, t):
        return w - 0.1 / (t + 1) * wengert.grad(loss)(w), t + 1

    box = [W, 0]

    def f(x):
        w, t = step(W + x, box[1])
        box[1] = t
        return w

    return f, lambda k: (k / 9,)


@program
def returned_count():
    return (lambda w, t: (w * t, t + 1)), lambda k: (W, k)


@program
def list_counter():
    s = [0, W.copy()]

    def f(x):
        s[0] += 1
        s[1] = s[1] * 0.9 + x / s[0]
        return s[1] * 1

    return f, lambda k: (k / 9,)


@program
def nested_object_counter():
    class A:
        pass

    a = A()
    a.b = A()
    a.b.n = 0

    def f(w):
        a.b.n += 1
        return w * a.b.n

    return f, lambda k: (W,)


@program
def two_counters():
    class A:
        i = 0
        j = 100

        def f(self, w):
            self.i += 1
            self.j -= 2
            return w * self.i - self.j

    return A().f, lambda k: (W,)


@program
def warmup():
    def f(w, k):
        rate = min(1.0, (k + 1) / 10)
        return w * max(rate, 0.3)

    return f, lambda k: (W, k)


@program
def schedule_if():
    def f(w, k):
        rate = 0.1 if k < 10 else 0.01
        return w * rate / (k + 1)

    return f, lambda k: (W, k)


@program
def staircase():
    return (lambda w, k: w * 0.5 ** (k // 10)), lambda k: (W, k)


@program
def cosine_numpy():
    return (lambda w, k: w * 0.5 * (1 + np.cos(np.pi * k / 40)) + np.sqrt(k + 1) + np.log1p(k)), lambda k: (W, k)


@program
def nesterov():
    def f(w, v, k):
        mu = 1 - 3 / (k + 5)
        g = wengert.grad(loss)(w + mu * v)
        v = mu * v - 0.1 * g
        return w + v, v

    return f, lambda k: (W, W * 0.1, k)


@program
def polyak():
    class P:
        def __init__(self):
            self.n = 0
            self.mean = np.zeros(3)

        def f(self, w):
            self.n += 1
            self.mean += (w - self.mean) / self.n
            return self.mean.copy()

    return P().f, lambda k: (W + k,)
