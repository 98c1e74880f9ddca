"""Hamiltonian Monte Carlo: eight schools
======================================

Eight schools coached their pupils for a test, and each measured by how many points that helped, with a standard error
(Rubin, 1981). How much does coaching help, and how much do schools differ? The posterior density is a NumPy function;
its gradient moves a point along it, as a ball on a landscape, and the moves are samples (Duane, Kennedy, Pendleton and
Roweth, 1987; Neal, 2011). ``vmap`` runs all chains at once, and ``compile`` makes one native call of each step's
gradient.

Two of the ten parameters are left when the schools' own effects are integrated out by hand, so that the true posterior
can be had by quadrature: the samples are checked with it.

Run as ``python examples/science/hamiltonian_monte_carlo.py``: prints the diagnostics, and leaves a picture in
``output/``.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import wengert
from wengert import value_and_grad, vmap

try:
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
TARGET = 0.9  # the share of the moves that is to be taken

# %%
# The model: the effect of a school is normal about the mean of all schools, which is normal about 0, with a standard
# deviation of 5; the schools' standard deviation is half-Cauchy, of scale 5. What is sampled are ten numbers without
# bounds and of about one scale.


def schools(q: Any) -> tuple[Any, Any, Any]:
    """Return the mean of the schools, their standard deviation, and the effect of each."""
    mean, deviation = 5 * q[..., 0], np.exp(q[..., 1])
    return mean, deviation, mean[..., None] + deviation[..., None] * q[..., 2:]


def log_density(q: Any) -> Any:
    """The logarithm of the posterior density of the ten numbers, but for a constant."""
    _, deviation, effects = schools(q)
    prior = -(q[0] ** 2) / 2 - np.sum(q[2:] ** 2) / 2 + q[1] - np.log1p((deviation / 5) ** 2)
    return prior - np.sum(((EFFECTS - effects) / ERRORS) ** 2) / 2


# %%
# The sampler. Positions get a random momentum, move by some leapfrog steps, and the move is refused as often as the
# error of its energy demands. The step is made such that 90 % of the moves are taken (dual averaging; Hoffman and
# Gelman, 2014).


class Samples(NamedTuple):
    """Positions (draws, chains, numbers), how many moves were taken, the step, and the path of one move."""

    positions: np.ndarray
    taken: float
    diverged: int
    step: float
    path: np.ndarray


def sample(density: Any, start: np.ndarray, warmup: int, draws: int, leaps: int, rng: np.random.Generator) -> Samples:
    """Sample all chains at once. ``density`` gives the log-density and its gradient of each of them."""
    q = start
    log, slope = density(q)
    step, averaged, distance = 0.1, 0.0, 0.0
    positions, taken, diverged = [], 0.0, 0
    path = [q[0]]
    for i in range(warmup + draws):
        h = step * rng.uniform(0.8, 1.2)  # no orbit comes back to where it began each time
        momentum = rng.standard_normal(q.shape)
        energy = log - np.sum(momentum**2, axis=1) / 2
        place, force, height = q, slope, log
        path = [place[0]]
        for _ in range(leaps):
            momentum = momentum + h / 2 * force
            place = place + h * momentum
            height, force = density(place)
            momentum = momentum + h / 2 * force
            path.append(place[0])
        with np.errstate(over="ignore", invalid="ignore"):  # a move that diverges is refused
            change = np.nan_to_num(height - np.sum(momentum**2, axis=1) / 2 - energy, nan=-np.inf)
        accepted = np.log(rng.random(len(q))) < change
        q, slope = (np.where(accepted[:, None], new, old) for new, old in ((place, q), (force, slope)))
        log = np.where(accepted, height, log)
        share = float(np.mean(np.exp(np.minimum(change, 0))))
        if i < warmup:
            distance += (TARGET - share - distance) / (i + 11)
            logarithm = -np.sqrt(i + 1) / 0.05 * distance
            averaged += (logarithm - averaged) * (i + 1) ** -0.75
            step = float(np.exp(logarithm if i < warmup - 1 else averaged))
        else:
            positions.append(q)
            taken += share / draws
            diverged += int(np.sum(change < -1000))
    return Samples(np.stack(positions), taken, diverged, step, np.stack(path))


# %%
# The diagnostics: whether the chains agree, and how many independent samples these are worth.


def agreement(x: np.ndarray) -> float:
    """Return R̂ of the halves of the chains (draws, chains): near 1 where they agree (Gelman and others, 2013)."""
    half = len(x) // 2
    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)
    within, between = halves.var(axis=0, ddof=1).mean(), halves.mean(axis=0).var(ddof=1)
    return float(np.sqrt((half - 1) / half + between / within))


def effective(x: np.ndarray) -> float:
    """Return the number of independent samples (Geyer, 1992: autocorrelations by pairs, while they are positive)."""
    n = len(x)
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=0), 2 * n, axis=0)) ** 2
    covariance = np.fft.irfft(spectrum, axis=0)[:n].mean(axis=1) / n
    variance = covariance[0] + x.mean(axis=0).var(ddof=1)
    correlation = 1 - (covariance[0] - covariance) / variance
    pairs = correlation[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs < 0)) if np.any(pairs < 0) else len(pairs)
    return float(x.size / max(2 * np.sum(np.minimum.accumulate(pairs[:stop])) - 1, 1 / np.log10(x.size)))


# %%
# The exact answer. With the schools' effects integrated out, a measured effect is normal about the mean of the schools,
# with both variances.


def exact() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a grid of the schools' standard deviation, its density, and the means of what is printed first."""
    mean, deviation = np.linspace(-20, 30, 501)[:, None], np.geomspace(1e-3, 400, 4001)
    log = -((mean / 5) ** 2) / 2 - np.log1p((deviation / 5) ** 2) + np.zeros((501, 4001))
    for effect, error in zip(EFFECTS, ERRORS, strict=True):
        variance = error**2 + deviation**2
        log = log - (effect - mean) ** 2 / (2 * variance) - np.log(variance) / 2
    density = np.exp(log - log.max())
    weights = density * np.gradient(deviation)
    weights /= weights.sum()
    marginal = weights.sum(axis=0) / np.gradient(deviation)
    return deviation, marginal, np.array([np.sum(weights * mean), np.sum(weights * np.log(deviation))])


def draw(samples: Samples) -> Any:
    """Draw traces, the schools' standard deviation beside the true one, a move among the samples, and the shrinkage."""
    means, deviations, effects = schools(samples.positions)
    figure, axes = plt.subplots(2, 2, figsize=(13, 8), layout="constrained")
    (trace, density), (plane, shrinkage) = axes
    for chain in range(min(4, means.shape[1])):
        trace.plot(np.log(deviations[:, chain]), linewidth=0.5, alpha=0.8)
    trace.set(xlabel="draw", ylabel="log of the schools' standard deviation", title="four of the chains")
    grid, marginal, _ = exact()
    density.hist(deviations.ravel(), np.linspace(0, 20, 61), density=True, color="tab:blue", alpha=0.5, label="samples")
    density.plot(grid[grid < 20], marginal[grid < 20], color="black", label="by quadrature")
    density.set(xlabel="standard deviation of the schools", yticks=[], xlim=(0, 20))
    density.legend()
    every = max(1, means.size // 3000)
    plane.plot(
        effects[..., 0].ravel()[::every], np.log(deviations).ravel()[::every], ".", markersize=2, color="tab:gray"
    )
    _, deviation, path = schools(samples.path)
    plane.plot(path[:, 0], np.log(deviation), "o-", color="tab:red", markersize=3, label="the leapfrog steps of a move")
    plane.set(xlabel="effect of the first school", ylabel="log of the standard deviation", xlim=(-20, 45), ylim=(-5, 4))
    plane.legend(fontsize=9, loc="lower right")
    place = np.arange(len(EFFECTS))
    low, middle, high = np.quantile(effects.reshape(-1, len(EFFECTS)), [0.05, 0.5, 0.95], axis=0)
    shrinkage.errorbar(place - 0.12, EFFECTS, 1.645 * ERRORS, fmt="o", color="black", label="measured", capsize=2)
    shrinkage.errorbar(
        place + 0.12, middle, (middle - low, high - middle), fmt="o", color="tab:blue", label="posterior", capsize=2
    )
    shrinkage.axhline(means.mean(), color="tab:blue", linewidth=0.8, linestyle=":", label="mean of the schools")
    shrinkage.set(xticks=place, xticklabels="ABCDEFGH", xlabel="school", ylabel="points", title="with 90% intervals")
    shrinkage.legend(fontsize=9)
    for each in axes.ravel():
        each.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Run the example; return how many standard errors two means are off, and R̂ of all numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="500 draws instead of 3000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(options.seed)
    density = wengert.compile(vmap(value_and_grad(log_density)))
    warmup, draws = (200, 500) if options.short else (500, 3000)
    samples = sample(density, rng.standard_normal((16, 10)), warmup, draws, leaps=12, rng=rng)
    means, deviations, effects = schools(samples.positions)
    print(
        f"{means.shape[1]} chains of {draws} draws: {samples.taken:.0%} of the moves taken at steps of "
        f"{samples.step:.2f}, {samples.diverged} diverged."
    )
    print(f"{'':28}{'mean':>8}{'sd':>8}{'R̂':>8}{'samples':>9}{'exact':>9}")
    _, _, right = exact()
    shown = {"mean of the schools": means, "log of their deviation": np.log(deviations)}
    shown |= {f"effect of school {name}": effects[..., i] for i, name in enumerate("ABCDEFGH")}
    off, agreements = [], []
    for i, (name, x) in enumerate(shown.items()):
        worth = effective(x)
        agreements.append(agreement(x))
        told = f"{right[i]:9.3f}" if i < len(right) else ""
        print(f"{name:28}{x.mean():8.3f}{x.std():8.3f}{agreements[-1]:8.4f}{worth:9.0f}{told}")
        if i < len(right):
            off.append((x.mean() - right[i]) / (x.std() / np.sqrt(worth)))
    print("The two means are off by " + " and ".join(f"{abs(z):.1f}" for z in off) + " standard errors.")
    assert np.max(np.abs(off)) < 4
    assert np.max(agreements) < 1.05

    figure = draw(samples)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "hamiltonian_monte_carlo.png", dpi=120)
        print(f"Picture: {(folder / 'hamiltonian_monte_carlo.png').resolve()}")
    return np.array(off), np.array(agreements)


if __name__ == "__main__":
    main()
