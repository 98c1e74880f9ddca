"""Cases for `wengert.scipy.stats`: each distribution, by the points and all its parameters; none without SciPy."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, normal, positive

CASES: list[Case] = []

# Shapes at which each distribution is tried
SHAPES: dict[str, tuple[float, ...]] = {
    "gamma": (2.3,),
    "chi2": (3.2,),
    "chi": (2.5,),
    "invgamma": (2.7,),
    "nakagami": (1.4,),
    "beta": (1.7, 2.4),
    "betaprime": (1.8, 4.5),
    "f": (3.1, 6.4),
    "t": (4.3,),
    "gennorm": (1.6,),
    "lognorm": (0.8,),
    "weibull_min": (1.7,),
    "weibull_max": (1.7,),
    "pareto": (3.4,),
    "lomax": (3.2,),
    "fisk": (2.2,),
    "genlogistic": (1.3,),
    "gompertz": (0.9,),
    "powerlaw": (1.8,),
    "genextreme": (0.3,),
    "genpareto": (0.2,),
    "triang": (0.34,),
    "loguniform": (0.5, 3.0),
    "reciprocal": (0.5, 3.0),
    "truncnorm": (-0.7, 1.8),
    "skewnorm": (1.2,),
    "exponnorm": (1.3,),
    "invgauss": (0.9,),
    "johnsonsu": (0.4, 1.3),
    "johnsonsb": (0.4, 1.3),
    "vonmises": (1.7,),
    "wrapcauchy": (0.4,),
    "bernoulli": (0.3,),
    "binom": (6, 0.3),
    "betabinom": (6, 1.3, 2.2),
    "betanbinom": (6, 2.3, 3.2),
    "poisson": (2.3,),
    "geom": (0.3,),
    "nbinom": (2.4, 0.4),
    "logser": (0.4,),
    "planck": (0.7,),
    "dlaplace": (0.8,),
}
LOC, SCALE = 0.3, 1.4
INSIDE = np.array([0.21, 0.72])  # probabilities of the points


if importlib.util.find_spec("scipy") is not None:
    import scipy.stats

    from wengert.scipy import stats
    from wengert.scipy.stats.discrete import Discrete
    from wengert.scipy.stats.distribution import Continuous, distributions

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        options = {name: settings.pop(name) for name in list(settings) if name not in Case._fields}
        return Case(
            function, lambda *xs: function(*xs, **options), args, **{"exact": False, "single": False, **settings}
        )

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, "single": False, **settings})

    def together(d: Any, methods: tuple[str, ...], fill: Callable[..., Any]) -> Callable[..., Any]:
        """The results of those of the methods that there are, of the arguments as `fill` completes them."""
        there = [m for m in methods if d.has(m)]
        return lambda *xs: tuple(getattr(d, m)(*fill(*xs)) for m in there)

    def of_continuous(name: str) -> list[Case]:
        """All methods. (Of arguments in single precision SciPy computes partly in it: see test_scipy_stats.)"""
        d = distributions[name]
        shapes = SHAPES.get(name, ())
        x = getattr(scipy.stats, name).ppf(INSIDE, *shapes, LOC, SCALE)
        given = [np.asarray(p) for p in (*shapes, LOC, SCALE)]
        # of infinite moments there is nothing to differentiate
        moments = ("entropy",) if name in ("halfcauchy", "levy") else ("mean", "var", "entropy")
        found = []
        for first, methods in (
            ((x,), ("logpdf", "cdf", "logcdf", "sf", "logsf")),
            ((INSIDE,), ("ppf", "isf")),
            ((), moments),
        ):
            if any(map(d.has, methods)):
                call = together(d, methods, lambda *xs: xs)
                found.append(by(d.logpdf, call, *first, *given, rtol=1e-5, eps=3e-4))
        return found

    def of_discrete(name: str) -> list[Case]:
        d, shapes = distributions[name], SHAPES[name]
        k = np.array([1, 2, 3]) if name != "bernoulli" else np.array([0, 0])
        places = [i for i, shape in enumerate(d.shapes) if shape not in d.counts]

        def filled(first: tuple[Any, ...], values: tuple[Any, ...]) -> list[Any]:
            given: list[Any] = list(shapes)
            for place, value in zip(places, values, strict=True):
                given[place] = value
            return [*first, *given]

        args = [np.asarray(shapes[i]) for i in places]
        masses = together(d, ("logpmf", "cdf", "logcdf", "sf", "logsf"), lambda *xs: filled((k,), xs))
        moments = together(d, ("mean", "var", "entropy"), lambda *xs: filled((), xs))
        return [by(d.logpmf, call, *args, rtol=1e-5) for call in (masses, moments)[: 2 if d.has("mean") else 1]]

    CASES += [c for name, d in distributions.items() if isinstance(d, Continuous) for c in of_continuous(name)]
    CASES += [c for name, d in distributions.items() if isinstance(d, Discrete) for c in of_discrete(name)]

    M, S, P = normal(3), 0.6 * normal(3, 3), normal(4, 3, seed=1)
    ALPHA = np.array([0.7, 1.4, 2.2])
    SIMPLEX = np.random.default_rng(5).dirichlet(ALPHA + 3, 4).T
    COUNTS = np.array([[1, 2, 3], [2, 2, 2]])
    SAMPLE, WEIGHTS = positive(5, 3), positive(5, 3, seed=1)

    def definite(s: Any) -> Any:
        return s @ s.T + np.eye(s.shape[0])

    def simplex(z: Any) -> Any:
        return np.exp(z) / np.sum(np.exp(z))

    CASES += [
        # broadcasting, empty and 0-d arrays, frozen distributions, the ends of the support and beyond
        of(stats.norm.logpdf, normal(2, 1), normal(3), np.asarray(1.3)),
        of(stats.gamma.cdf, positive(2, 1), positive(3), rtol=1e-5),
        of(stats.norm.logpdf, np.zeros((0, 2)), np.asarray(0.0), np.asarray(1.0)),
        of(stats.expon.pdf, np.array([-2.0, 0.5, -0.3])),
        of(stats.beta.pdf, np.array([-2.0, 0.5, 1.3]), np.asarray(1.5), np.asarray(2.5)),
        of(stats.genpareto.cdf, np.array([-2.0, 0.5, 9.0]), np.asarray(-0.3)),
        by(stats.norm.logpdf, lambda s: stats.norm(0.5, s).logpdf(np.array([1.0, 2.0])), np.asarray(1.3)),
        by(stats.t.sf, lambda df: stats.t(df, loc=0.2).sf(np.array([1.0, -2.0])), np.asarray(3.3)),
        by(stats.norm.interval, lambda m, s: stats.norm.interval(0.9, m, s), np.asarray(0.3), np.asarray(1.3)),
        by(stats.gamma.median, lambda a: stats.gamma.median(a), np.asarray(2.3), rtol=1e-5),
        of(stats.genextreme.logpdf, normal(3), np.asarray(0.0), rtol=1e-5),
        of(stats.genpareto.sf, positive(3), np.asarray(0.0), rtol=1e-5),
        of(stats.truncnorm.logpdf, positive(3) + 7.0, np.asarray(7.1), np.asarray(10.0)),
        of(stats.norm.logcdf, np.array([-30.0, -8.0, 9.0])),
        # of vectors and matrices
        by(
            stats.multivariate_normal.logpdf,
            lambda x, m, s: stats.multivariate_normal.logpdf(x, m, definite(s)),
            P,
            M,
            S,
        ),
        of(stats.multivariate_normal.logpdf, M, P[0], np.asarray(1.7)),
        of(stats.multivariate_normal.pdf, M),
        of(stats.multivariate_normal.logpdf, M, M[::-1].copy(), positive(3)),
        by(stats.multivariate_normal.entropy, lambda s: stats.multivariate_normal.entropy(None, definite(s)), S),
        by(
            stats.multivariate_t.logpdf,
            lambda x, m, s, df: stats.multivariate_t.logpdf(x, m, definite(s), df),
            *(P, M, S, np.asarray(3.3)),
        ),
        by(stats.dirichlet.logpdf, lambda x, a: stats.dirichlet.logpdf(x, a), SIMPLEX[:2], ALPHA),
        by(stats.dirichlet.pdf, lambda a: stats.dirichlet(a).pdf(SIMPLEX), ALPHA),
        *(of(getattr(stats.dirichlet, name), ALPHA) for name in ("mean", "var", "cov", "entropy")),
        by(stats.multinomial.logpmf, lambda z: stats.multinomial.logpmf(COUNTS, 6, simplex(z)), M),
        by(stats.multinomial.pmf, lambda z: stats.multinomial.pmf(COUNTS, 6, simplex(z)), M),
        by(
            stats.wishart.logpdf,
            lambda x, s: stats.wishart.logpdf(definite(x), 4.4, definite(s)),
            *(S, 0.5 * P[:3]),
        ),
        by(
            stats.invwishart.logpdf,
            lambda x, s: stats.invwishart.logpdf(definite(x), 4.4, definite(s)),
            *(S, 0.5 * P[:3]),
        ),
        # density estimates
        *(
            by(stats.gaussian_kde, lambda d, p, w, b=b: stats.gaussian_kde(d, b, w).logpdf(p), *args)
            for b in (None, "silverman", 0.4)
            for args in ((normal(2, 6), normal(2, 3), positive(6)),)
        ),
        by(stats.gaussian_kde, lambda d: stats.gaussian_kde(d)(np.array([0.1, 0.3])), M),
        by(stats.gaussian_kde, lambda d: stats.gaussian_kde(d).integrate_box_1d(-1, 0.5), M),
        by(
            stats.gaussian_kde,
            lambda d, m, c: stats.gaussian_kde(d, 0.5).integrate_gaussian(m, definite(c)),
            *(normal(2, 5), normal(2), normal(2, 2)),
        ),
        by(
            stats.gaussian_kde,
            lambda d, e: stats.gaussian_kde(d).integrate_kde(stats.gaussian_kde(e)),
            *(normal(2, 5), normal(2, 4)),
        ),
        # of samples
        *(
            of(f, SAMPLE, axis=axis)
            for f in (stats.gmean, stats.hmean, stats.sem, stats.zscore, stats.gzscore, stats.variation)
            for axis in (0, 1)
        ),
        *(of(f, SAMPLE, axis=None, keepdims=True) for f in (stats.skew, stats.kurtosis, stats.entropy)),
        *(of(f, SAMPLE, bias=False) for f in (stats.skew, stats.kurtosis)),
        *(of(stats.moment, SAMPLE, order=order, axis=1) for order in (1, 2, 3)),
        by(stats.moment, lambda a, c: stats.moment(a, 2, center=c), SAMPLE, np.asarray(0.3)),
        by(stats.gmean, lambda a, w: stats.gmean(a, weights=w), SAMPLE, WEIGHTS),
        by(stats.hmean, lambda a, w: stats.hmean(a, weights=w), SAMPLE, WEIGHTS),
        by(stats.pmean, lambda a, w: stats.pmean(a, 1.7, weights=w), SAMPLE, WEIGHTS),
        by(stats.pmean, lambda a: stats.pmean(a, 0.0), SAMPLE),
        of(stats.zmap, SAMPLE, WEIGHTS),
        of(stats.entropy, SAMPLE, WEIGHTS, base=2),
        of(stats.entropy, SAMPLE, axis=1),
        by(stats.describe, lambda a: tuple(stats.describe(a))[2:], SAMPLE),
        *(
            by(f, lambda a, b, f=f, s=s, n=n: tuple(f(a, b, alternative=s))[:n], normal(7), normal(7, seed=1))
            for f, n in ((stats.pearsonr, 2), (stats.linregress, 5))
            for s in ("two-sided", "less", "greater")
        ),
    ]
