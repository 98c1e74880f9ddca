"""Signals, grids, integrators, geometry, dynamic programming."""

from typing import Any

import numpy as np

from tests.idioms import Idiom, integers, normal, positive, uniform


def fft_convolution(x: Any, w: Any) -> Any:
    n = len(x) + len(w) - 1
    return np.sum(np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(w, n), n) ** 2)


def spectral_derivative(x: Any) -> Any:
    k = np.fft.fftfreq(len(x), 1 / len(x))
    return np.sum(np.real(np.fft.ifft(1j * k * np.fft.fft(x))) ** 2)


def power_spectrum(x: Any) -> Any:
    return np.sum(np.log(np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2 + 1e-3))


def spectrogram(x: Any) -> Any:
    frames = np.lib.stride_tricks.sliding_window_view(x, 4)[::2]
    return np.sum(np.abs(np.fft.rfft(frames * np.hamming(4), axis=-1)))


def resonators(poles: Any, gains: Any, x: Any) -> Any:
    state, total = np.zeros(poles.shape, complex), 0.0
    for value in x:
        state = poles * state + value
        total = total + np.real(np.sum(gains * state)) ** 2
    return total


def frequency_response(w: Any, frequencies: Any) -> Any:
    z = np.exp(-1j * np.outer(frequencies, np.arange(len(w))))
    return np.sum(np.abs(z @ w) ** 2)


def legendre(x: Any, c: Any) -> Any:
    before, now = np.ones_like(x), x
    total = c[0] * before + c[1] * now
    for n in range(1, len(c) - 1):
        before, now = now, ((2 * n + 1) * x * now - n * before) / (n + 1)
        total = total + c[n + 1] * now
    return np.sum(total**2)


def chebyshev(x: Any, c: Any) -> Any:
    later, last = np.zeros_like(x), np.zeros_like(x)
    for a in c[:0:-1]:
        later, last = 2 * x * later - last + a, later
    return np.sum(c[0] + x * later - last)


def polynomial_fit(c: Any, x: Any, y: Any) -> Any:
    return np.mean((np.polyval(c, x) - y) ** 2) + np.sum((np.vander(x, len(c)) @ c) ** 2)


def cumulative_products(x: Any) -> Any:
    survival = np.cumprod(1 - x)
    return np.sum(x[1:] * survival[:-1]) + np.sum(np.cumsum(x) ** 2)


def volume_rendering(density: Any, colour: Any) -> Any:
    alpha = 1 - np.exp(-density)
    through = np.cumprod(np.concatenate([np.ones((len(alpha), 1)), 1 - alpha[:, :-1]], 1), axis=1)
    return np.sum(np.sum((alpha * through)[..., None] * colour, axis=1) ** 2)


def segment_sums(x: Any, groups: Any) -> Any:
    found = np.zeros_like(x, shape=4)
    np.add.at(found, groups, x)
    return np.sum(found**2)


def bincount_sums(x: Any, groups: Any) -> Any:
    return np.sum(np.bincount(groups, weights=x, minlength=4) ** 2)


def ragged_means(x: Any, lengths: Any) -> Any:
    there = np.arange(x.shape[1]) < lengths[:, None]
    return np.sum((np.sum(x * there, 1) / lengths) ** 2)


def interpolation(x: Any, knots: Any, values: Any) -> Any:
    i = np.clip(np.searchsorted(knots, x) - 1, 0, len(knots) - 2)
    t = (x - knots[i]) / (knots[i + 1] - knots[i])
    return np.sum(((1 - t) * values[i] + t * values[i + 1]) ** 2)


def interp(x: Any, knots: Any, values: Any) -> Any:
    return np.sum(np.interp(x, knots, values) ** 2)


def differences_by_roll(u: Any) -> Any:
    laplacian = sum(np.roll(u, s, a) for s in (1, -1) for a in (0, 1)) - 4 * u
    return np.sum(laplacian**2)


def heat_by_pad(u: Any, k: Any) -> Any:
    for _ in range(3):
        p = np.pad(u, 1, mode="edge")
        u = u + k * (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * u)
    return np.sum(u**2)


def periodic_pad(u: Any) -> Any:
    p = np.pad(u, ((1, 1), (1, 1)), mode="wrap")
    q = np.pad(u, 1, mode="reflect")
    return np.sum((p[2:, 1:-1] - p[:-2, 1:-1]) ** 2) + np.sum(q[1:, 1:] * q[:-1, :-1])


def poisson_stencil(u: Any, f: Any) -> Any:
    u = u.copy()
    for _ in range(4):
        u[1:-1, 1:-1] = 0.25 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - f[1:-1, 1:-1])
    return np.sum(u**2)


def gradient_of_a_field(u: Any) -> Any:
    dy, dx = np.gradient(u)
    return np.sum(dx**2 + dy**2) + np.sum(np.diff(u, axis=0) ** 2)


def total_variation(u: Any) -> Any:
    return np.sum(np.sqrt((u[1:, :-1] - u[:-1, :-1]) ** 2 + (u[:-1, 1:] - u[:-1, :-1]) ** 2 + 1e-6))


def burgers(u: Any) -> Any:
    for _ in range(3):
        flux = 0.5 * u**2
        u = u - 0.05 * (flux - np.roll(flux, 1)) + 0.01 * (np.roll(u, 1) - 2 * u + np.roll(u, -1))
    return np.sum(u**2)


def lorenz(y: Any) -> Any:
    return np.stack([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]])


def runge_kutta(y: Any) -> Any:
    h = 0.01
    for _ in range(3):
        a = lorenz(y)
        b = lorenz(y + h / 2 * a)
        c = lorenz(y + h / 2 * b)
        d = lorenz(y + h * c)
        y = y + h / 6 * (a + 2 * b + 2 * c + d)
    return np.sum(y**2)


def neural_ode(y: Any, w: Any, v: Any) -> Any:
    for _ in range(5):
        y = y + 0.1 * np.tanh(y @ w) @ v
    return np.mean(y**2)


def concatenated_state(y: Any) -> Any:
    for _ in range(4):
        x, v = y[:3], y[3:]
        y = y + 0.1 * np.concatenate([v, -np.sin(x) - 0.1 * v])
    return np.sum(y**2)


def leapfrog(q: Any, p: Any) -> Any:
    for _ in range(4):
        p = p - 0.05 * np.sin(q)
        q = q + 0.1 * p
        p = p - 0.05 * np.sin(q)
    return np.sum(q**2) + np.sum(p**2)


def forces(x: Any, masses: Any) -> Any:
    apart = x[None] - x[:, None]
    squares = np.sum(apart**2, axis=-1) + 0.01
    return np.sum(masses[None, :, None] * apart / squares[..., None] ** 1.5, axis=1)


def verlet(x: Any, v: Any, masses: Any) -> Any:
    a = forces(x, masses)
    for _ in range(3):
        x = x + 0.1 * v + 0.005 * a
        new = forces(x, masses)
        v, a = v + 0.05 * (a + new), new
    return np.sum(masses[:, None] * v**2)


def pair_energy(x: Any) -> Any:
    i, j = np.triu_indices(len(x), 1)
    r = np.linalg.norm(x[i] - x[j], axis=1)
    return np.sum(4 * (r**-12.0 - r**-6.0))


def rotation(r: Any) -> Any:
    angle = np.sqrt(np.sum(r**2) + 1e-12)
    k = r / angle
    cross = np.stack([0 * k[0], -k[2], k[1], k[2], 0 * k[0], -k[0], -k[1], k[0], 0 * k[0]]).reshape(3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def bundle_projection(cameras: Any, points: Any, seen: Any) -> Any:
    total = 0.0
    for camera in cameras:
        moved = points @ rotation(camera[:3]).T + camera[3:6]
        flat = moved[:, :2] / moved[:, 2:]
        r = np.sum(flat**2, 1, keepdims=True)
        total = total + np.sum((camera[6] * flat * (1 + 0.01 * r) - seen) ** 2)
    return total


def quaternion_rotation(q: Any, v: Any) -> Any:
    w, x, y, z = q / np.linalg.norm(q)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        like=q,
    )
    return np.sum((v @ turn.T) ** 3)


def cross_products(a: Any, b: Any) -> Any:
    normals = np.cross(a, b)
    return np.sum(np.linalg.norm(normals, axis=1)) + np.sum(np.arctan2(normals[:, 0], normals[:, 1]))


def spherical_harmonics(theta: Any, phi: Any, c: Any) -> Any:
    x, y, z = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
    basis = np.stack([np.ones_like(x), x, y, z, x * y, y * z, 3 * z**2 - 1, x * z, x**2 - y**2], axis=-1)
    return np.sum((basis @ c) ** 2)


def bilinear_sampling(image: Any, x: Any, y: Any) -> Any:
    h, w = image.shape
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    i, j = np.clip(i, 0, h - 2), np.clip(j, 0, w - 2)
    a, b = y - i, x - j
    found = image[i, j] * (1 - a) * (1 - b) + image[i + 1, j] * a * (1 - b)
    return np.sum((found + image[i, j + 1] * (1 - a) * b + image[i + 1, j + 1] * a * b) ** 2)


def soft_minimum(*values: Any) -> Any:
    return -np.log(sum(np.exp(-v) for v in values))


def soft_time_warping(x: Any, y: Any) -> Any:
    cost = (x[:, None] - y) ** 2
    n, m = cost.shape
    above: list[Any] = [0.0, *[1e3] * m]
    for i in range(n):
        row: list[Any] = [1e3]
        for j in range(m):
            row.append(cost[i, j] + soft_minimum(above[j], above[j + 1], row[j]))
        above = row
    return above[m]


def sorted_loss(x: Any, y: Any) -> Any:
    return np.mean((np.sort(x) - np.sort(y)) ** 2)


def rank_weights(x: Any) -> Any:
    order = np.argsort(x)
    return np.sum(x[order] * np.arange(len(x)))


def top_k_mean(x: Any) -> Any:
    return np.mean(np.partition(x, len(x) - 3)[-3:]) + np.sum(np.sort(x)[::-1][:2])


def trimmed_mean(x: Any) -> Any:
    low, high = np.quantile(x, [0.1, 0.9])
    inside = x[(x >= low) & (x <= high)]
    return np.mean(inside) + np.median(np.abs(x - np.median(x)))


def selected(x: Any, y: Any) -> Any:
    return np.sum(x[y > 0] * y[y > 0]) + np.sum(np.compress(y > 0, x) ** 2)


def indices_of_matches(x: Any, y: Any) -> Any:
    (i,) = np.nonzero(y > 0)
    return np.sum(x[i] ** 2) + np.sum(x[np.flatnonzero(y < 0)])


def histogram(x: Any) -> Any:
    counts, edges = np.histogram(x, bins=4, range=(-2, 2))
    return counts / len(x), edges


def unique_groups(x: Any, groups: Any) -> Any:
    _, which, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.bincount(which, weights=x) / counts


def trapezoids(y: Any, x: Any) -> Any:
    return np.trapezoid(y, x) ** 2


def portfolio(w: Any, returns: Any) -> Any:
    w = np.exp(w) / np.sum(np.exp(w))
    series = returns @ w
    wealth = np.cumprod(1 + 0.01 * series)
    peak, drawdown = wealth[0], 0.0
    for value in wealth[1:]:
        peak = np.maximum(peak, value)
        drawdown = np.maximum(drawdown, 1 - value / peak)
    return -np.mean(series) / np.std(series) + drawdown


def least_squares(a: Any, b: Any) -> Any:
    x, *_ = np.linalg.lstsq(a, b, rcond=None)
    return np.sum(x**2) + np.sum(np.linalg.pinv(a) @ b)


def moving_average(x: Any, w: Any) -> Any:
    return np.sum(np.convolve(x, w, mode="valid") ** 2) + np.sum(np.convolve(x, np.ones(3) / 3, "same"))


def exponential_smoothing(x: Any, a: Any) -> Any:
    level, found = x[0], []
    for value in x[1:]:
        level = a * value + (1 - a) * level
        found.append(level)
    return np.sum((np.stack(found) - x[1:]) ** 2)


def windows_of_indices(x: Any, w: Any) -> Any:
    i = np.arange(len(x) - 2)[:, None] + np.arange(3)
    return np.sum((x[i] @ w) ** 2)


def grids(x: Any, y: Any) -> Any:
    a, b = np.meshgrid(x, y, indexing="ij")
    return np.sum(np.hypot(a, b) * np.outer(x, y)) + np.sum(np.kron(x, y))


U = normal(5, 6)
BOTH = (0, 1)
IDIOMS = {
    "fft convolution": Idiom(fft_convolution, (normal(7), normal(3)), BOTH),
    "spectral derivative": Idiom(spectral_derivative, (normal(8),), (0,)),
    "power spectrum": Idiom(power_spectrum, (normal(8),), (0,)),
    "spectrogram": Idiom(spectrogram, (normal(11),), (0,)),
    "complex resonators": Idiom(resonators, (0.9 * np.exp(1j * uniform(3)), normal(3) + 0j, normal(5)), BOTH),
    "frequency response": Idiom(frequency_response, (normal(4), uniform(6)), BOTH),
    "legendre": Idiom(legendre, (normal(6), normal(5)), BOTH),
    "chebyshev": Idiom(chebyshev, (normal(6), normal(5)), BOTH),
    "polynomial fit": Idiom(polynomial_fit, (normal(4), normal(6), normal(6, seed=1)), (0, 1)),
    "cumulative products": Idiom(cumulative_products, (uniform(6),), (0,), 2),
    "volume rendering": Idiom(volume_rendering, (positive(4, 5), uniform(4, 5, 3)), BOTH),
    "segment sums": Idiom(segment_sums, (normal(7), integers(4, 7)), (0,)),
    "sums by bincount": Idiom(bincount_sums, (normal(7), integers(4, 7)), (0,)),
    "ragged means": Idiom(ragged_means, (normal(4, 5), 1 + integers(5, 4)), (0,)),
    "interpolation": Idiom(interpolation, (uniform(7), np.linspace(0, 1, 5), normal(5)), (0, 2)),
    "np.interp": Idiom(interp, (uniform(7), np.linspace(0, 1, 5), normal(5)), (0, 2)),
    "differences by roll": Idiom(differences_by_roll, (U,), (0,)),
    "heat by pad": Idiom(heat_by_pad, (U, np.array(0.1)), BOTH),
    "periodic pad": Idiom(periodic_pad, (U,), (0,)),
    "poisson stencil": Idiom(poisson_stencil, (U, normal(5, 6, seed=1)), BOTH),
    "gradient of a field": Idiom(gradient_of_a_field, (U,), (0,)),
    "total variation": Idiom(total_variation, (U,), (0,), 2),
    "burgers": Idiom(burgers, (normal(8),), (0,)),
    "runge-kutta": Idiom(runge_kutta, (normal(3),), (0,)),
    "neural ode": Idiom(neural_ode, (normal(4, 2), normal(2, 5), normal(5, 2)), (0, 1, 2)),
    "concatenated state": Idiom(concatenated_state, (normal(6),), (0,)),
    "leapfrog": Idiom(leapfrog, (normal(3), normal(3, seed=1)), BOTH),
    "verlet n-body": Idiom(verlet, (normal(4, 2), normal(4, 2, seed=1), positive(4)), (0, 1, 2)),
    "pair energy": Idiom(pair_energy, (2 * normal(4, 3),), (0,)),
    "bundle projection": Idiom(
        bundle_projection, (normal(2, 7) / 4 + np.array([0, 0, 0, 0, 0, 9, 1]), normal(5, 3), normal(5, 2)), BOTH
    ),
    "quaternions": Idiom(quaternion_rotation, (normal(4), normal(5, 3)), BOTH),
    "cross products": Idiom(cross_products, (normal(5, 3), normal(5, 3, seed=1)), BOTH),
    "spherical harmonics": Idiom(spherical_harmonics, (uniform(6), uniform(6, seed=1), normal(9)), (0, 1, 2)),
    "bilinear sampling": Idiom(bilinear_sampling, (U, 5 * uniform(7), 4 * uniform(7, seed=1)), (0, 1, 2)),
    "soft time warping": Idiom(soft_time_warping, (normal(3), normal(4)), BOTH),
    "sorted loss": Idiom(sorted_loss, (normal(7), normal(7, seed=1)), BOTH),
    "weights by rank": Idiom(rank_weights, (normal(7),), (0,)),
    "top-k by partition": Idiom(top_k_mean, (normal(7),), (0,)),
    "trimmed mean": Idiom(trimmed_mean, (normal(9),), (0,)),
    "selection by a mask": Idiom(selected, (normal(7), normal(7, seed=1)), BOTH),
    "indices of matches": Idiom(indices_of_matches, (normal(7), normal(7, seed=1)), (0,)),
    "histogram": Idiom(histogram, (normal(20),)),
    "means of unique groups": Idiom(unique_groups, (normal(7), integers(3, 7))),
    "trapezoids": Idiom(trapezoids, (normal(7), np.linspace(0, 1, 7)), BOTH),
    "portfolio": Idiom(portfolio, (normal(3), normal(6, 3)), (0,)),
    "least squares": Idiom(least_squares, (normal(6, 3), normal(6)), BOTH),
    "moving average": Idiom(moving_average, (normal(9), normal(3)), BOTH),
    "exponential smoothing": Idiom(exponential_smoothing, (normal(6), np.array(0.3)), BOTH),
    "windows by indices": Idiom(windows_of_indices, (normal(8), normal(3)), BOTH),
    "grids": Idiom(grids, (normal(4), normal(3)), BOTH),
}
