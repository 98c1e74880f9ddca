"""Likelihoods, state spaces, mixtures, draws."""

from typing import Any

import numpy as np

from tests.idioms import Idiom, integers, normal, positive, uniform


def logsumexp(x: Any, axis: Any = None) -> Any:
    m = np.max(x, axis=axis, keepdims=True)
    found = m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True))
    return np.squeeze(found, axis=axis)


def gaussian_process(params: Any, x: Any, y: Any) -> Any:
    scale, length, noise = np.exp(params)
    distance = (x[:, None] - x[None, :]) ** 2
    k = scale**2 * np.exp(-0.5 * distance / length**2) + noise**2 * np.eye(len(x))
    factor = np.linalg.cholesky(k)
    alpha = np.linalg.solve(factor.T, np.linalg.solve(factor, y))
    return 0.5 * y @ alpha + np.sum(np.log(np.diag(factor))) + 0.5 * len(x) * np.log(2 * np.pi)


def gaussian_process_slogdet(params: Any, x: Any, y: Any) -> Any:
    squares = np.sum(x**2, 1)[:, None] + np.sum(x**2, 1) - 2 * x @ x.T
    k = np.exp(params[0]) * np.exp(-squares * np.exp(params[1])) + np.exp(params[2]) * np.eye(len(x))
    return 0.5 * y @ np.linalg.inv(k) @ y + 0.5 * np.linalg.slogdet(k)[1]


def kalman(a: Any, q: Any, r: Any, ys: Any) -> Any:
    n = a.shape[0]
    h = np.eye(1, n)
    x, p, total = np.zeros(n), np.eye(n), 0.0
    for y in ys:
        x, p = a @ x, a @ p @ a.T + np.diag(np.exp(q))
        s = h @ p @ h.T + np.exp(r)
        gain = p @ h.T @ np.linalg.inv(s)
        e = y - h @ x
        total = total + 0.5 * e @ np.linalg.solve(s, e) + 0.5 * np.log(np.linalg.det(s))
        x, p = x + gain @ e, (np.eye(n) - gain @ h) @ p
    return total


def hmm(start: Any, moves: Any, emissions: Any, ys: Any) -> Any:
    start = start - logsumexp(start)
    moves = moves - logsumexp(moves, 1)[:, None]
    emissions = emissions - logsumexp(emissions, 1)[:, None]
    alpha = start + emissions[:, ys[0]]
    for y in ys[1:]:
        alpha = logsumexp(alpha[:, None] + moves, 0) + emissions[:, y]
    return -logsumexp(alpha)


def hmm_scaled(moves: Any, emissions: Any, ys: Any) -> Any:
    moves = moves / moves.sum(1, keepdims=True)
    emissions = emissions / emissions.sum(1, keepdims=True)
    alpha, total = np.full(len(moves), 1 / len(moves)), 0.0
    for y in ys:
        alpha = alpha @ moves * emissions[:, y]
        total = total + np.log(np.sum(alpha))
        alpha = alpha / np.sum(alpha)
    return total


def viterbi(scores: Any, moves: Any) -> Any:
    best, back = scores[0], []
    for row in scores[1:]:
        each = best[:, None] + moves
        back.append(np.argmax(each, axis=0))
        best = np.max(each, axis=0) + row
    return np.max(best), np.stack(back)


def crf(scores: Any, moves: Any, tags: Any) -> Any:
    alpha = scores[0]
    for row in scores[1:]:
        alpha = logsumexp(alpha[:, None] + moves, 0) + row
    gold = np.sum(scores[np.arange(len(tags)), tags]) + np.sum(moves[tags[:-1], tags[1:]])
    return logsumexp(alpha) - gold


def mixture(weights: Any, means: Any, scales: Any, x: Any) -> Any:
    logp = weights - logsumexp(weights)
    z = (x[:, None, :] - means) / np.exp(scales)
    each = logp - 0.5 * np.sum(z**2, -1) - np.sum(scales, -1) - 0.5 * x.shape[1] * np.log(2 * np.pi)
    return -np.sum(logsumexp(each, axis=1))


def full_mixture(means: Any, factors: Any, x: Any) -> Any:
    covariances = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(x.shape[1])
    apart = x[:, None] - means
    solved = np.linalg.solve(covariances, apart[..., None])[..., 0]
    each = -0.5 * np.sum(apart * solved, -1) - 0.5 * np.linalg.slogdet(covariances)[1]
    return -np.mean(logsumexp(each, 1))


def expectation_maximization(means: Any, x: Any) -> Any:
    logp = -0.5 * np.sum((x[:, None] - means) ** 2, -1)
    share = np.exp(logp - np.logaddexp.reduce(logp, axis=1, keepdims=True))
    return share.T @ x / share.sum(0)[:, None]


def k_means(centres: Any, x: Any) -> Any:
    return np.sum(np.min(np.sum((x[:, None] - centres) ** 2, -1), axis=1))


def k_means_step(centres: Any, x: Any) -> Any:
    near = np.argmin(np.sum((x[:, None] - centres) ** 2, -1), axis=1)
    sums = np.zeros(centres.shape)
    np.add.at(sums, near, x)
    return sums / np.maximum(np.bincount(near, minlength=len(centres)), 1)[:, None]


def k_means_by_masks(centres: Any, x: Any) -> Any:
    near = np.argmin(np.sum((x[:, None] - centres) ** 2, -1), axis=1)
    return np.stack([np.sum(x * (near == k)[:, None], 0) / np.sum(near == k) for k in range(len(centres))])


def principal_components(x: Any) -> Any:
    centred = x - x.mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    return np.sum(np.abs(centred @ vt[:2].T)) + s[0]


def whitening(x: Any) -> Any:
    centred = x - x.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    return np.sum(np.abs(centred @ vectors / np.sqrt(values + 1e-5)))


def covariance(x: Any) -> Any:
    c = np.cov(x.T)
    return np.sum(np.corrcoef(x.T) ** 2) + np.trace(c)


def vae(x: Any, we: Any, ws: Any, wd: Any, rng: Any) -> Any:
    mean, logvar = x @ we, np.clip(x @ ws, -5, 5)
    z = mean + np.exp(0.5 * logvar) * rng.standard_normal(mean.shape)
    logits = z @ wd
    target = 1.0 * (x > 0)
    fit = np.sum(np.logaddexp(0, logits) - target * logits)
    return fit - 0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))


def variational_inference(m: Any, s: Any, x: Any, rng: Any) -> Any:
    draws = m + np.exp(s) * rng.normal(size=(8, len(m)))
    logp = -0.5 * np.sum((draws[:, None] - x) ** 2, axis=(1, 2)) - 0.5 * np.sum(draws**2, axis=1)
    return -np.mean(logp) - np.sum(s)


def gamma_draws(alpha: Any, rng: Any) -> Any:
    d = alpha - 1 / 3
    c = 1 / np.sqrt(9 * d)
    v = (1 + c * rng.standard_normal(alpha.shape)) ** 3
    return np.sum(np.log(d * np.abs(v)))


def gumbel_softmax(x: Any, rng: Any) -> Any:
    g = -np.log(-np.log(rng.uniform(1e-6, 1 - 1e-6, x.shape)))
    y = np.exp((x + g) / 0.5)
    return np.sum((y / y.sum(1, keepdims=True)) ** 2)


def hamiltonian_monte_carlo(x: Any, rng: Any) -> Any:
    p = rng.normal(size=x.shape)
    before = 0.5 * np.sum(x**4) + 0.5 * np.sum(p**2)
    q = x.copy()
    for _ in range(4):
        p = p - 0.05 * 2 * q**3
        q = q + 0.1 * p
        p = p - 0.05 * 2 * q**3
    after = 0.5 * np.sum(q**4) + 0.5 * np.sum(p**2)
    return np.where(rng.random() < np.exp(before - after), q, x)


def student_t(mu: Any, log_scale: Any, y: Any) -> Any:
    nu = 4.0
    z = (y - mu) / np.exp(log_scale)
    return np.sum(log_scale + 0.5 * (nu + 1) * np.log1p(z**2 / nu))


def poisson_regression(w: Any, x: Any, y: Any) -> Any:
    rate = x @ w
    return np.sum(np.exp(rate) - y * rate)


def logistic_regression(w: Any, x: Any, y: Any) -> Any:
    return np.sum(np.log1p(np.exp(-y * (x @ w)))) + 0.1 * np.sum(np.abs(w))


def ordinal_regression(w: Any, gaps: Any, x: Any, y: Any) -> Any:
    cuts = np.concatenate([[-30.0], np.cumsum(np.exp(gaps)) - 2, [30.0]])
    eta = x @ w
    upper, lower = 1 / (1 + np.exp(eta - cuts[y + 1])), 1 / (1 + np.exp(eta - cuts[y]))
    return -np.sum(np.log(upper - lower + 1e-9))


def cox(w: Any, x: Any, times: Any, events: Any) -> Any:
    order = np.argsort(-times)
    eta = (x @ w)[order]
    risk = np.log(np.cumsum(np.exp(eta)))
    return -np.sum((eta - risk) * events[order])


def quantile_loss(p: Any, y: Any) -> Any:
    e = y - p
    return np.mean(np.maximum(0.9 * e, -0.1 * e))


def mutual_information(x: Any) -> Any:
    p = x / np.sum(x)
    rows, columns = p.sum(1, keepdims=True), p.sum(0, keepdims=True)
    return np.sum(p * np.log(p / (rows * columns)))


def kl_of_gaussians(m: Any, a: Any) -> Any:
    s = a @ a.T + np.eye(len(m))
    return 0.5 * (np.trace(s) + m @ m - len(m) - np.log(np.linalg.det(s)))


def multivariate_normal(m: Any, factor: Any, x: Any) -> Any:
    lower = np.tril(factor, -1) + np.diag(np.exp(np.diag(factor)))
    z = np.linalg.solve(lower, (x - m).T)
    return 0.5 * np.sum(z**2) + len(x) * np.sum(np.log(np.diag(lower)))


def matrix_factorisation(u: Any, v: Any, rows: Any, columns: Any, r: Any) -> Any:
    return np.sum((np.sum(u[rows] * v[columns], 1) - r) ** 2) + 0.1 * (np.sum(u**2) + np.sum(v**2))


def cp_decomposition(a: Any, b: Any, c: Any, t: Any) -> Any:
    return np.sum((np.einsum("ir,jr,kr->ijk", a, b, c) - t) ** 2)


def sinkhorn(x: Any, y: Any) -> Any:
    cost = np.sum((x[:, None] - y) ** 2, -1)
    k = np.exp(-cost)
    u = np.ones(len(x))
    for _ in range(5):
        v = 1 / (k.T @ u) / len(y)
        u = 1 / (k @ v) / len(x)
    return np.sum(u[:, None] * k * v * cost)


def policy_gradient(w: Any, states: Any, actions: Any, rewards: Any) -> Any:
    logits = states @ w
    logp = logits - logsumexp(logits, 1)[:, None]
    returns = np.cumsum(rewards[::-1])[::-1]
    advantage = (returns - returns.mean()) / (returns.std() + 1e-8)
    return -np.mean(np.take_along_axis(logp, actions[:, None], 1)[:, 0] * advantage)


def max_mean_discrepancy(x: Any, y: Any) -> Any:
    def kernel(a: Any, b: Any) -> Any:
        return np.mean(np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=2)))

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def ridge(x: Any, y: Any, strength: Any) -> Any:
    w = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ y)
    return np.mean((x @ w - y) ** 2)


def weighted_statistics(x: Any, w: Any) -> Any:
    mean = np.average(x, axis=0, weights=w)
    return np.sum(np.average((x - mean) ** 2, axis=0, weights=w)) + np.median(x) + np.percentile(x, 75)


def missing_values(x: Any) -> Any:
    filled = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    return np.nansum(x) + np.sum(filled**2) + np.sum(np.nanstd(x, axis=0))


X = normal(6, 3)
HOLES = np.where(uniform(6, 3) > 0.8, np.nan, X)
BOTH = (0, 1)
IDIOMS = {
    "gaussian process": Idiom(gaussian_process, (normal(3) / 4, normal(6), normal(6, seed=1)), (0,), 2),
    "gaussian process by slogdet": Idiom(gaussian_process_slogdet, (normal(3), X, normal(6)), (0,)),
    "kalman filter": Idiom(kalman, (normal(2, 2) / 2, normal(2), normal(1), normal(4, 1)), (0, 1, 2)),
    "hmm by logsumexp": Idiom(hmm, (normal(3), normal(3, 3), normal(3, 4), integers(4, 5)), (0, 1, 2)),
    "hmm by scaling": Idiom(hmm_scaled, (positive(3, 3), positive(3, 4), integers(4, 5)), BOTH),
    "viterbi": Idiom(viterbi, (normal(5, 3), normal(3, 3))),
    "crf": Idiom(crf, (normal(5, 3), normal(3, 3), integers(3, 5)), BOTH),
    "mixture of gaussians": Idiom(mixture, (normal(4), normal(4, 3), normal(4, 3, seed=1) / 2, X), (0, 1, 2)),
    "mixture with covariances": Idiom(full_mixture, (normal(2, 3), normal(2, 3, 3), X), BOTH),
    "expectation maximization": Idiom(expectation_maximization, (normal(2, 3), X)),
    "k-means loss": Idiom(k_means, (normal(2, 3), X), (0,)),
    "k-means step": Idiom(k_means_step, (normal(2, 3), X)),
    "k-means by masks": Idiom(k_means_by_masks, (np.array([[1.0, 1, 1], [-1, -1, -1]]), X)),
    "principal components": Idiom(principal_components, (X,), (0,)),
    "whitening": Idiom(whitening, (X,), (0,)),
    "covariance": Idiom(covariance, (X,), (0,)),
    "vae": Idiom(vae, (X, normal(3, 2), normal(3, 2, seed=1), normal(2, 3), np.random.default_rng(0)), (1, 2, 3)),
    "variational inference": Idiom(
        variational_inference, (normal(3), normal(3, seed=1), X, np.random.default_rng(0)), BOTH
    ),
    "gamma draws": Idiom(gamma_draws, (1 + positive(4), np.random.default_rng(0)), (0,)),
    "gumbel softmax": Idiom(gumbel_softmax, (X, np.random.default_rng(0)), (0,)),
    "hamiltonian monte carlo": Idiom(hamiltonian_monte_carlo, (normal(3), np.random.default_rng(0))),
    "student t": Idiom(student_t, (normal(), normal(seed=1), normal(6)), BOTH, 2),
    "poisson regression": Idiom(poisson_regression, (normal(3) / 3, X, integers(5, 6)), (0,)),
    "logistic regression": Idiom(logistic_regression, (normal(3), X, np.sign(normal(6))), (0,)),
    "ordinal regression": Idiom(ordinal_regression, (normal(3), normal(3, seed=1), X, integers(4, 6)), BOTH),
    "cox partial likelihood": Idiom(cox, (normal(3), X, uniform(6), 1.0 * integers(2, 6)), (0,)),
    "quantile loss": Idiom(quantile_loss, (normal(6), normal(6, seed=1)), (0,)),
    "mutual information": Idiom(mutual_information, (positive(3, 4),), (0,)),
    "kl of gaussians": Idiom(kl_of_gaussians, (normal(3), normal(3, 3)), BOTH),
    "multivariate normal": Idiom(multivariate_normal, (normal(3), normal(3, 3), X), BOTH),
    "matrix factorisation": Idiom(
        matrix_factorisation, (normal(4, 2), normal(5, 2), integers(4, 7), integers(5, 7), normal(7)), BOTH
    ),
    "cp decomposition": Idiom(cp_decomposition, (normal(2, 2), normal(3, 2), normal(4, 2), normal(2, 3, 4)), (0, 1, 2)),
    "sinkhorn": Idiom(sinkhorn, (X, normal(4, 3)), BOTH),
    "policy gradient": Idiom(policy_gradient, (normal(3, 4), X, integers(4, 6), normal(6)), (0,)),
    "maximum mean discrepancy": Idiom(max_mean_discrepancy, (X, normal(4, 3)), BOTH),
    "ridge regression": Idiom(ridge, (X, normal(6), np.array(0.3)), (2,)),
    "weighted statistics": Idiom(weighted_statistics, (X, positive(6)), BOTH),
    "missing values": Idiom(missing_values, (HOLES,), (0,)),
}
