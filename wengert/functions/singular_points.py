"""The singular set of each function: where its derivative does not exist, and what is done there.

A derivative at such a point is one of four:

- *right*: the derivative, to the order named; an infinite one is infinite or NaN.
- *limit*: what the derivative of the whole program tends to at the point, where that exists; else NaN or infinite.
- *NaN* or *refused*: it is undefined, which is seen.
- *convention*: a value that is chosen, a subgradient, in words.

`wengert.audit` and docs/functions.md show this table; the tests try each of its lines.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

__all__ = ["EVERYWHERE", "LIMIT", "NAN", "REFUSED", "RIGHT", "SETS", "Point", "in_words", "singular_set"]

RIGHT, LIMIT, NAN, REFUSED = "right", "limit", "NaN", "refused"


class Point(NamedTuple):
    """A part of the singular set of a function, and what its first and second derivative are there."""

    where: str
    first: str
    second: str

    @property
    def convention(self) -> str:
        """What is chosen as the first derivative, if anything is."""
        return "" if self.first in (RIGHT, LIMIT, NAN, REFUSED) else self.first


# What holds for every function, and is not repeated
EVERYWHERE = (
    Point("-0.0", "as at 0", "as at 0"),
    Point("empty arrays, one element, 0-d", RIGHT, RIGHT),
    Point("equal elements and repeated rows, where not named", RIGHT, RIGHT),
    Point("infinities and NaN, where not named", "right, or NaN", "right, or NaN"),
)


def pole(where: str) -> Point:
    """The derivative is infinite there, or undefined."""
    return Point(where, LIMIT, LIMIT)


def kink(where: str, first: str = "0") -> Point:
    """The slopes of two sides differ: a subgradient; a smooth function of it has its own second derivative."""
    return Point(where, first, LIMIT)


def step(where: str, first: str = "0") -> Point:
    """The value jumps; the derivative is that between the jumps."""
    return Point(where, first, first)


CUT = "of what is left"
SHARED, SLOPES = "equal ones share evenly", "the slope beside the jump"
TIES = (Point("equal inputs", SHARED, "the limit; at a constant, that of the shares"),)
EXTREMES = (Point("equal extremes", SHARED, "that of the shares"),)
ORDER = "as the stable argsort orders them"
SORTED = (Point("equal elements", ORDER, ORDER),)
SINGULAR_MATRIX = (Point("a singular matrix", REFUSED, REFUSED),)
OWN = "along their own vectors"
TRIANGLE = Point("elements above the diagonal, which are not read", RIGHT, RIGHT)  # 0
EQUAL_VALUES = (
    Point("equal values, in a function of the matrix", RIGHT, "right, or refused"),
    Point("equal values, each by itself", OWN, REFUSED),
    Point("equal values, in a loss that the matrix does not determine", REFUSED, REFUSED),
)
ZERO_VALUES = (
    *EQUAL_VALUES,
    Point("a singular value 0", "right for even functions of it, else 0", "right, or refused"),
)

# The singular sets, and the functions that have them
SETS: tuple[tuple[tuple[Point, ...], str], ...] = (
    # smooth where they are defined
    (
        (),
        "np.conjugate np.matmul np.vecdot np.matvec np.vecmat np.add np.subtract np.multiply np.negative "
        "np.positive np.square np.sin np.cos np.tanh np.deg2rad np.radians np.rad2deg np.degrees np.ldexp "
        "np.arctan np.arcsinh np.tan operator.getitem np.take np.take_along_axis "
        "np.lib.stride_tricks.sliding_window_view np.compress np.extract np.where np.choose np.select "
        "np.concatenate np.stack np.unstack np.array_split np.split np.hsplit np.vsplit np.dsplit np.vstack "
        "np.hstack np.dstack np.column_stack np.block np.append np.insert np.delete np.real np.imag np.dot "
        "np.vdot np.inner np.outer np.tensordot np.kron np.cross np.linalg.matmul np.linalg.tensordot "
        "np.linalg.vecdot np.linalg.outer np.linalg.cross np.linalg.matrix_transpose np.linalg.trace "
        "np.linalg.diagonal np.linalg.multi_dot np.sum np.nansum np.mean np.nanmean np.reshape np.ravel "
        "np.transpose np.matrix_transpose np.swapaxes np.moveaxis np.rollaxis np.expand_dims np.squeeze "
        "np.broadcast_to np.broadcast_arrays np.meshgrid np.atleast_1d np.atleast_2d np.atleast_3d np.copy "
        "np.array np.asarray np.asanyarray np.ascontiguousarray np.asfortranarray np.require np.full np.arange "
        "np.zeros np.ones np.empty np.eye np.identity np.tri np.fromfunction np.fromiter np.frombuffer np.fromstring "
        "np.fromfile np.loadtxt np.genfromtxt np.zeros_like np.ones_like np.empty_like operator.setitem "
        "np.ndarray.fill np.copyto np.put np.place np.putmask np.put_along_axis np.fill_diagonal "
        "np.astype np.full_like np.polyval np.polyadd np.polysub np.polyder np.polyint np.vander "
        "np.poly np.apply_along_axis np.apply_over_axes np.piecewise np.convolve np.correlate np.bincount "
        "np.cumsum np.nancumsum np.cumulative_sum np.diff np.ediff1d np.trapezoid np.diagonal np.trace np.diag "
        "np.diagflat np.tril np.triu np.einsum np.linspace np.pad np.flip np.fliplr np.flipud np.rot90 np.roll "
        "np.tile np.repeat np.resize np.var np.nanvar np.average np.cov np.fft.fft np.fft.ifft "
        "np.fft.rfft np.fft.irfft np.fft.hfft np.fft.ihfft np.fft.fftn np.fft.ifftn np.fft.rfftn np.fft.irfftn "
        "np.fft.fft2 np.fft.ifft2 np.fft.rfft2 np.fft.irfft2 np.fft.fftshift np.fft.ifftshift F.sigmoid "
        "F.log_sigmoid F.softplus F.silu F.mish F.gelu F.softmax F.log_softmax F.logsumexp F.attention F.conv1d "
        "F.conv2d F.conv3d F.embedding F.linear F.average_pool1d F.average_pool2d F.average_pool3d "
        "F.sigmoid_cross_entropy F.nll_loss F.softmax_cross_entropy F.layer_norm F.rms_norm F.group_norm "
        "F.batch_norm F.gru F.lstm F.rnn F.mse F.conv_transpose1d F.conv_transpose2d F.conv_transpose3d F.dropout "
        "F.adaptive_average_pool1d F.adaptive_average_pool2d F.adaptive_average_pool3d special.erf special.erfc "
        "special.dawsn special.wofz special.ndtr special.log_ndtr special.owens_t special.expit special.log_expit "
        "special.sindg special.cosdg special.radian special.fresnel special.airy special.j0 special.j1 "
        "special.hyp0f1 special.hyp1f1 special.wrightomega special.eval_chebyt special.eval_chebyu "
        "special.eval_hermite special.eval_hermitenorm special.eval_laguerre special.eval_legendre "
        "special.eval_genlaguerre special.eval_gegenbauer special.eval_jacobi",
    ),
    # a removable singularity, and products with zeros
    ((Point("0", RIGHT, RIGHT),), "np.sinc np.i0 special.exprel special.cosm1 special.rgamma"),
    ((Point("zeros", RIGHT, RIGHT),), "np.prod np.nanprod np.cumprod np.nancumprod np.cumulative_prod np.linalg.det"),
    # poles
    (
        (pole("overflow"),),
        "np.exp np.exp2 np.expm1 np.sinh np.cosh special.exp2 special.exp10 special.expm1 np.logspace",
    ),
    ((pole("0"),), "np.reciprocal np.sqrt np.cbrt np.log np.log2 np.log10 special.cbrt"),
    ((pole("divisor 0"),), "np.divide"),
    ((pole("-1"),), "np.log1p special.log1p"),
    ((pole("-1 and 1"),), "np.arcsin np.arccos np.arctanh"),
    ((pole("1"),), "np.arccosh"),
    ((Point("equal infinities", SHARED, SHARED),), "np.logaddexp np.logaddexp2"),
    (
        (
            pole("base 0, with respect to the base"),
            step("base 0, with respect to the exponent"),
            Point("base negative, with respect to the exponent", NAN, NAN),
        ),
        "np.power np.float_power",
    ),
    ((Point("a start or stop of 0", REFUSED, REFUSED),), "np.geomspace"),
    ((step("a constant row"),), "np.corrcoef"),  # its value is NaN
    # kinks and jumps
    ((kink("0"),), "np.absolute np.fabs"),
    ((kink("0, 0"),), "np.hypot"),
    ((kink("0, 0"),), "np.arctan2"),
    ((kink("0"),), "np.angle"),
    ((step("0"),), "np.sign"),
    ((kink("0, with respect to x1"), step("0, with respect to x2")), "np.copysign"),
    (TIES, "np.maximum np.minimum np.fmax np.fmin"),
    (EXTREMES, "np.max np.amax np.nanmax np.min np.amin np.nanmin np.ptp"),
    ((kink("a bound", "1 with respect to the array, 0 with respect to the bound"),), "np.clip"),
    ((step("integers"),), "np.floor np.ceil np.trunc np.rint np.round np.around np.fix special.round"),
    ((step("multiples of the divisor"),), "np.floor_divide"),
    ((step("multiples of the divisor", SLOPES), pole("divisor 0")), "np.remainder np.fmod np.divmod"),
    ((step("0"),), "np.heaviside"),
    ((step("integers", SLOPES),), "np.modf"),
    ((step("powers of 2", SLOPES),), "np.frexp"),
    ((step("a difference of half a period", SLOPES),), "np.unwrap"),
    ((step("infinities and NaN, which are replaced"),), "np.nan_to_num"),
    ((step("a number whose imaginary part is small", "0 with respect to that part"),), "np.real_if_close"),
    ((step("the edges of the bins", SLOPES),), "np.histogram np.histogram2d np.histogramdd"),
    (SORTED, "np.sort np.ndarray.sort np.partition np.ndarray.partition np.sort_complex np.median np.nanmedian"),
    (SORTED, "np.quantile np.percentile np.nanquantile np.nanpercentile"),
    ((step("equal elements", "to the first"),), "np.unique np.unique_all np.unique_counts np.unique_inverse"),
    ((step("equal elements", "to the first"),), "np.unique_values"),
    ((kink("all elements equal"),), "np.std np.nanstd"),
    ((kink("a given point", "the slope to its right"), kink("x outside the points")), "np.interp"),
    ((Point("coincident coordinates", NAN, NAN),), "np.gradient"),
    # matrices
    (SINGULAR_MATRIX, "np.linalg.inv np.linalg.solve np.linalg.tensorsolve np.linalg.tensorinv np.linalg.slogdet"),
    ((Point("a singular matrix, of a negative power", REFUSED, REFUSED),), "np.linalg.matrix_power"),
    ((Point("a matrix that is not positive definite", REFUSED, REFUSED), TRIANGLE), "np.linalg.cholesky"),
    ((Point("columns that are not independent", REFUSED, REFUSED),), "np.linalg.qr np.polyfit"),
    ((*EQUAL_VALUES, TRIANGLE), "np.linalg.eigh np.linalg.eigvalsh"),
    (
        (EQUAL_VALUES[2], Point("no full set of eigenvectors", REFUSED, REFUSED)),
        "np.linalg.eig np.linalg.eigvals",
    ),
    ((Point("equal values", RIGHT, RIGHT), Point("an infinite slope", LIMIT, LIMIT)), "F.matrix_function"),
    (ZERO_VALUES, "np.linalg.svd np.linalg.svdvals"),
    ((step("a rank below full", "at fixed rank"),), "np.linalg.pinv np.linalg.lstsq"),
    ((kink("0"), Point("equal extremes", SHARED, LIMIT)), "np.linalg.vector_norm"),
    (
        (kink("0"), Point("equal extremes", SHARED, LIMIT), Point("equal singular values", SHARED, REFUSED)),
        "np.linalg.matrix_norm np.linalg.norm",
    ),
    (
        (Point("a singular matrix", NAN, "NaN, or refused"), Point("equal singular values", OWN, "NaN, or refused")),
        "np.linalg.cond",
    ),
    ((pole("a multiple root"),), "np.roots"),
    ((pole("a leading coefficient 0"), step("zeros that are cut off", CUT)), "np.polydiv"),
    ((step("zeros that are cut off", CUT),), "np.polymul np.trim_zeros"),
    # neural networks
    ((kink("0"),), "F.mae"),
    ((step("0"),), "F.relu"),
    ((step("0", "the slope to its left"),), "F.leaky_relu"),
    ((kink("0", "the slope to its left"),), "F.elu F.selu"),
    ((Point("0", RIGHT, "the slope to its left"),), "F.celu"),
    ((Point("0", RIGHT, LIMIT),), "F.softsign"),
    ((kink("the bounds"),), "F.relu6 F.hardtanh F.hard_sigmoid F.hard_swish"),
    ((kink("the margin"),), "F.hinge F.cosine_embedding_loss"),
    ((Point("a difference of delta", RIGHT, "that of the square"),), "F.huber"),
    ((kink("a variance of epsilon"),), "F.gaussian_nll"),
    ((Point("q = 0", RIGHT, LIMIT),), "F.kl_div"),
    ((Point("probabilities 0 and 1", LIMIT, LIMIT),), "F.binary_cross_entropy"),
    ((kink("a norm of epsilon", "of the product with 1 / epsilon"),), "F.cosine_similarity"),
    ((kink("the norm that is clipped to", "1"),), "F.clip_by_norm"),
    ((kink("equal elements of a window", "to the first"),), "F.max_pool1d F.max_pool2d F.max_pool3d"),
    ((kink("equal elements of a window", "to the first"),), "F.adaptive_max_pool1d F.adaptive_max_pool2d"),
    ((kink("equal elements of a window", "to the first"),), "F.adaptive_max_pool3d"),
    # scipy.special
    ((pole("overflow"),), "special.erfcx special.erfi special.i0 special.i1"),
    ((kink("0"),), "special.i0e"),
    ((pole("0"),), "special.entr special.exp1 special.expi special.y0 special.y1 special.k0 special.k1 special.k0e"),
    ((pole("0"),), "special.k1e special.yn special.yv special.yve special.kn special.kv special.kve special.hankel1"),
    ((pole("0"),), "special.hankel2 special.hankel1e special.hankel2e special.spence special.expn special.hyperu"),
    ((pole("0"),), "special.ellipkm1 special.ndtri_exp special.boxcox special.struve special.modstruve"),
    ((pole("0 in the second result"),), "special.sici special.shichi"),
    ((pole("0, of an order below 2"),), "special.jv special.iv special.jve"),
    ((pole("0, of an order below 2"), kink("0, of the order 0")), "special.ive"),
    ((pole("0, below the shape 2"),), "special.gammainc special.gammaincc special.chdtr special.chdtrc special.gdtr"),
    ((pole("0, below the shape 2"),), "special.gdtrc special.pdtr special.pdtrc"),
    ((pole("0 and 1"),), "special.betainc special.betaincc special.logit special.ndtri special.betaincinv"),
    ((pole("0 and 1"),), "special.betainccinv special.gammaincinv special.gammainccinv"),
    ((pole("0 in either"),), "special.rel_entr special.kl_div"),
    ((pole("x2 = 0"),), "special.xlogy"),
    ((pole("x2 = -1"),), "special.xlog1py"),
    ((pole("1"),), "special.ellipk special.ellipe special.hyp2f1"),
    ((pole("-1 and 1"),), "special.erfinv"),
    ((pole("0 and 2"),), "special.erfcinv"),
    ((pole("-1"),), "special.boxcox1p"),
    ((pole("the edge of the range"),), "special.inv_boxcox special.inv_boxcox1p"),
    ((pole("base 0"),), "special.powm1"),
    (
        (pole("0, -1, -2, ..."),),
        "special.gamma special.gammaln special.loggamma special.psi special.beta special.betaln",
    ),
    ((pole("0, -1, -2, ..."),), "special.poch special.binom special.zeta"),
    ((pole("-1 / e"),), "special.lambertw"),
    ((pole("odd multiples of 90"),), "special.tandg"),
    ((pole("multiples of 180"),), "special.cotdg"),
    ((Point("abs(x2) = x1", RIGHT, "that of the square"),), "special.huber"),
    ((kink("x1 = 0"),), "special.pseudo_huber"),
    ((pole("0 and 1"),), "special.bdtr special.bdtrc special.bdtri special.nbdtr special.nbdtrc special.nbdtri"),
    ((pole("0 and 1"),), "special.fdtri special.stdtrit special.nctdtrit special.ncfdtri special.pdtri special.chdtri"),
    ((pole("0 and 1"),), "special.chndtrix special.gdtrix special.gdtria special.smirnov special.smirnovi"),
    ((pole("0 and 1"),), "special.smirnovp special.kolmogi special.nrdtrimn special.nrdtrisd special.chndtrinc"),
    ((pole("0 and 1"),), "special.ncfdtrinc special.nctdtrinc"),
    (
        (pole("0"),),
        "special.agm special.airye special.chndtr special.fdtr special.fdtrc special.ncfdtr special.elliprc",
    ),
    ((pole("0"),), "special.elliprd special.elliprf special.elliprg special.elliprj special.it2struve0 special.kei"),
    ((pole("0"),), "special.keip special.ker special.kerp special.kelvin special.log_wright_bessel"),
    ((pole("0 in the second result"),), "special.it2i0k0 special.it2j0y0 special.iti0k0 special.itj0y0"),
    ((pole("m = 1"),), "special.ellipeinc special.ellipkinc special.ellipj"),
    ((pole("-1 and 1"),), "special.lpmv special.obl_ang1 special.obl_ang1_cv special.pro_ang1 special.pro_ang1_cv"),
    ((pole("1"),), "special.pro_rad1 special.pro_rad1_cv special.pro_rad2 special.pro_rad2_cv"),
    ((pole("the edge of the range"),), "special.tklmbda"),
    ((pole("sigma = 0"),), "special.voigt_profile"),
    (
        (),
        "special.stdtr special.i1e special.bei special.beip special.ber special.berp special.besselpoly "
        "special.eval_chebyc special.eval_chebys special.eval_sh_chebyt special.eval_sh_chebyu "
        "special.eval_sh_jacobi special.eval_sh_legendre special.itairy special.itmodstruve0 special.itstruve0 "
        "special.kolmogorov special.mathieu_cem special.mathieu_sem special.mathieu_modcem1 "
        "special.mathieu_modcem2 special.mathieu_modsem1 special.mathieu_modsem2 special.modfresnelm "
        "special.modfresnelp special.nctdtr special.obl_rad1 special.obl_rad1_cv special.obl_rad2 "
        "special.obl_rad2_cv special.pbdv special.pbvv special.pbwa special.wright_bessel",
    ),
)


@functools.cache
def _by_name() -> dict[str, tuple[Point, ...]]:
    return {name: points for points, names in SETS for name in names.split()}


def singular_set(name: str) -> tuple[Point, ...] | None:
    """Return the singular set of a function by its name (``np.sqrt``, ``special.gamma``, ``F.relu``), if known."""
    return _by_name().get(name)


def in_words(points: tuple[Point, ...]) -> list[str]:
    """Say of each point what the first derivative is."""
    return [f"at {point.where}: {point.first}" for point in points]
