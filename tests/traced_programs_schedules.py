"""More programs as people write them: schedules, windows, draws, classes with counters."""

# ruff: noqa: NPY002

import math

import numpy as np

import wengert
from tests.traced_programs import W, X, Y, program


@program
def keyword_count():
    def f(w, *, it=0):
        return w / (it + 1)

    def g(w, k):
        return f(w, it=k)

    return g, lambda k: (W, k)


@program
def last_index():
    return (lambda x, k: x[-1 - k] * x[..., k] * x[k][0]), lambda k: (X[:3], k % 3)


@program
def index_pairs():
    return (lambda x, k: x[k, 1:] + x[k + 1, :2] + x[:2, 1].sum()), lambda k: (X, k % 11)


@program
def slice_window():
    return (lambda x, k: np.sum(x[k : k + 3, 1] ** 2) + x[k : k + 2].mean()), lambda k: (X, k % 9)


@program
def slice_window_grad():
    return wengert.grad(lambda x, k: np.sum(x[k : k + 3, 1] ** 2) + np.mean(x[k : k + 2])), lambda k: (X, k % 9)


@program
def write_window():
    def f(x, k):
        a = np.zeros((12, 3))
        a[k : k + 2] = x[:2]
        a[k : k + 2, 0] += 1
        return a

    return f, lambda k: (X, k % 10)


@program
def history_ring_list():
    class H:
        def __init__(self):
            self.h = [np.zeros(3) for _ in range(4)]
            self.i = 0

        def f(self, w):
            self.h[self.i] = w * 2
            self.i = (self.i + 1) % 4
            return sum(self.h)

    return H().f, lambda k: (W + k,)


@program
def np_arange_items():
    return (lambda w, i: w * X[i]), lambda k: (W, np.arange(12)[k % 12])


@program
def float32_rate():
    return (lambda w, r, k: (w * r / (k + 1)).astype(np.float32)), lambda k: (W.astype(np.float32), 0.1 * k, k)


@program
def hessian_count():
    return wengert.hessian(lambda w, k: np.sum(np.tanh(w) ** 2) / (k + 1)), lambda k: (W, k)


@program
def grad_grad_float():
    return wengert.grad(lambda a, x: np.sum(wengert.grad(lambda a: np.sum(np.sin(a * x)))(a))), lambda k: (
        0.1 * k + 0.3,
        W,
    )


@program
def float_params_dict():
    return wengert.grad(lambda p: np.sum((X @ W * p["a"] + p["b"] - Y) ** 2)), lambda k: ({"a": 0.1 * k, "b": 1.0 - k},)


@program
def micrograd_value():
    class Value:
        def __init__(self, d):
            self.d = d

        def __add__(self, o):
            return Value(self.d + o.d)

        def __mul__(self, o):
            return Value(self.d * o.d)

        def tanh(self):
            return Value(math.tanh(self.d))

    def f(a, b):
        return ((Value(a) * Value(b)) + Value(a)).tanh().d

    return f, lambda k: (0.1 * k, 0.5 - k / 50)


@program
def simulation():
    class Sim:
        def __init__(self):
            self.time = 0.0
            self.dt = 0.1
            self.u = np.zeros(10)

        def step(self, amp):
            self.u[1:-1] += self.dt * (self.u[2:] - 2 * self.u[1:-1] + self.u[:-2])
            self.u[5] += amp * math.sin(self.time)
            self.time += self.dt
            return self.u.copy()

    return Sim().step, lambda k: (1.0 + k,)


@program
def fdtd():
    class F:
        def __init__(self):
            self.t = 0
            self.E = np.zeros(20)
            self.H = np.zeros(19)

        def step(self, eps):
            self.H += 0.5 * (self.E[1:] - self.E[:-1])
            self.E[1:-1] += 0.5 / eps * (self.H[1:] - self.H[:-1])
            self.E[3] = np.exp(-(((self.t - 8) / 3.0) ** 2))
            self.t += 1
            return np.sum(self.E**2)

    return F().step, lambda k: (1.0 + k / 50,)


@program
def kalman_loop():
    def f(q, zs):
        x, P = 0.0, 1.0
        out = []
        for z in zs:
            P = P + q
            K = P / (P + 0.5)
            x = x + K * (z - x)
            P = (1 - K) * P
            out.append(x)
        return np.sum(np.array(out) ** 2)

    return wengert.grad(f), lambda k: (0.1 + k / 20, Y[:5] + k)


@program
def sum_builtin():
    return wengert.grad(lambda w: sum(w[i] * (i + 1) for i in range(3)) ** 2), lambda k: (W + k,)


@program
def array_of_elements():
    def f(w):
        R = np.array([[np.cos(w[0]), -np.sin(w[0])], [np.sin(w[0]), np.cos(w[0])]])
        return R @ w[1:]

    return f, lambda k: (W + k,)


@program
def full_of_value():
    return (lambda w: np.full((2, 3), w[0]) + np.full(3, 2)), lambda k: (W + k,)


@program
def epoch_modulo_print():
    class T:
        n = 0

        def f(self, w):
            if self.n % 7 == 0:
                w = w * 2
            self.n += 1
            return w * 1

    return T().f, lambda k: (W + k,)


@program
def variable_step():
    class M:
        def __init__(self):
            self.p = wengert.Parameter(W.copy())
            self.t = 0

        def step(self, x):
            self.t += 1
            y = wengert.functions.relu(x * self.p).sum()
            self.p.cleargrad()
            y.backward()
            self.p.data = self.p.data - 0.1 / self.t * self.p.grad
            return y

    return M().step, lambda k: (X[k % 12],)


@program
def random_seeded_by_step():
    rs = np.random.RandomState(3)

    class D:
        t = 0

        def f(self, w):
            self.t += 1
            keep = rs.rand(3) > 0.5
            return w * keep / self.t

    return D().f, lambda k: (W + k,)


@program
def npr_alias():
    import numpy.random as npr

    npr.seed(0)

    def f(w):
        return w * npr.normal(size=3) + npr.randint(0, 5)

    return f, lambda k: (W + k,)


@program
def negative_counter_while():
    def f(w, n):
        i = n
        s = 0.0
        while i > n - 3:
            s = s + w * i
            i -= 1
        return s

    return f, lambda k: (W, k)


@program
def divmod_count():
    def f(w, k):
        q, r = k // 4, k % 4
        return w * q + X[r] * r

    return f, lambda k: (W, k)


@program
def argmax_row():
    return (lambda x: x[np.argmax(x[:, 0])] * 2 + x[:, np.argmin(x[0])].sum()), lambda k: (np.roll(X, k, 0),)


@program
def argsort_first():
    return wengert.grad(lambda w, i: np.sum(w[np.argsort(w)[0]] * w)), lambda k: (np.roll(W, k), k)


@program
def take_along():
    return wengert.grad(
        lambda w, y: -np.mean(np.log(np.exp(X @ w[:, None] * np.arange(4.0))[np.arange(12), y]))
    ), lambda k: (W + k / 50, np.random.default_rng(k).integers(0, 4, 12))


@program
def bool_flag_changes():
    return (lambda w, flag, k: w * 2 if flag else w / (k + 1)), lambda k: (W, k % 3 == 0, k)


@program
def str_and_count():
    return (lambda w, mode, k: w * k if mode == "a" else w - k), lambda k: (W, "ab"[k % 2], k)


@program
def complex_phase():
    return (lambda w, k: np.abs(np.exp(1j * w * k) + k)), lambda k: (W, k)


@program
def uint8_image():
    return (lambda a, k: a[k : k + 2].astype(float) / (k + 1)), lambda k: (
        np.arange(60, dtype=np.uint8).reshape(20, 3),
        k % 18,
    )
