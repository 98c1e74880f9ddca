"""Derivatives of hypergeometric and Wright functions and orthogonal polynomials of scipy.special.

With respect to the argument; with respect to their parameters and degrees they have none in closed form.

References
----------
NIST Digital Library of Mathematical Functions, chapters 13 to 15 and 18. https://dlmf.nist.gov
"""

from typing import Any

import numpy as np
from scipy import special

from wengert.functions.scipy_rules import wrt_last
from wengert.functions.strong_zero import strong_zero_multiply as product

wrt_last(special.hyp0f1, lambda v, z, y: special.hyp0f1(v + 1, z) / v)
wrt_last(special.hyp1f1, lambda a, b, x, y: a / b * special.hyp1f1(a + 1, b + 1, x))
wrt_last(special.hyperu, lambda a, b, x, y: -a * special.hyperu(a + 1, b + 1, x))
wrt_last(special.hyp2f1, lambda a, b, c, x, y: a * b / c * special.hyp2f1(a + 1, b + 1, c + 1, x))


def lowered(n: Any, slope: Any) -> Any:
    """The derivative of a polynomial of degree n from one of degree n - 1; 0 for n = 0."""
    return product((n != 0).astype(np.float16), slope)


wrt_last(special.eval_chebyt, lambda n, x, y: lowered(n, n * special.eval_chebyu(n - 1, x)))
wrt_last(special.eval_chebyu, lambda n, x, y: lowered(n, 2 * special.eval_gegenbauer(n - 1, 2.0, x)))
wrt_last(special.eval_hermite, lambda n, x, y: 2 * n * special.eval_hermite(np.maximum(n - 1, 0), x))
wrt_last(special.eval_hermitenorm, lambda n, x, y: n * special.eval_hermitenorm(np.maximum(n - 1, 0), x))
wrt_last(special.eval_laguerre, lambda n, x, y: lowered(n, -special.eval_genlaguerre(n - 1, 1.0, x)))
wrt_last(special.eval_legendre, lambda n, x, y: lowered(n, special.eval_gegenbauer(n - 1, 1.5, x)))
wrt_last(special.eval_genlaguerre, lambda n, a, x, y: lowered(n, -special.eval_genlaguerre(n - 1, a + 1, x)))
wrt_last(special.eval_gegenbauer, lambda n, a, x, y: lowered(n, 2 * a * special.eval_gegenbauer(n - 1, a + 1, x)))
wrt_last(
    special.eval_jacobi,
    lambda n, a, b, x, y: lowered(n, (n + a + b + 1) / 2 * special.eval_jacobi(n - 1, a + 1, b + 1, x)),
)

# Those of a scaled or shifted argument; the shifted Jacobi polynomials have the leading coefficient 1

wrt_last(special.eval_chebyc, lambda n, x, y: lowered(n, n * special.eval_chebyu(n - 1, x / 2)))
wrt_last(special.eval_chebys, lambda n, x, y: lowered(n, special.eval_gegenbauer(n - 1, 2.0, x / 2)))
wrt_last(special.eval_sh_chebyt, lambda n, x, y: lowered(n, 2 * n * special.eval_chebyu(n - 1, 2 * x - 1)))
wrt_last(special.eval_sh_chebyu, lambda n, x, y: lowered(n, 4 * special.eval_gegenbauer(n - 1, 2.0, 2 * x - 1)))
wrt_last(special.eval_sh_legendre, lambda n, x, y: lowered(n, 2 * special.eval_gegenbauer(n - 1, 1.5, 2 * x - 1)))
wrt_last(special.eval_sh_jacobi, lambda n, p, q, x, y: lowered(n, n * special.eval_sh_jacobi(n - 1, p + 2, q + 1, x)))


def lpmv_slope(m: Any, v: Any, x: Any, y: Any) -> Any:
    """By the neighbouring orders (DLMF 14.10.1 and 14.10.5); at x = 1 and -1 for the order 0 only, else NaN."""
    inside, factor = np.where(m == 0, 0, x), (v + m) * (v - m + 1)
    difference = special.lpmv(m + 1, v, inside) - factor * special.lpmv(np.where(factor == 0, m, m - 1), v, inside)
    slope = -0.5 * difference / np.sqrt((1 - inside) * (1 + inside))
    return np.where(m == 0, special.eval_gegenbauer(v - 1, 1.5, x) * (v != 0), slope)


wrt_last(special.lpmv, lpmv_slope)
wrt_last(special.wright_bessel, lambda a, b, x, y: special.wright_bessel(a, a + b, x))
wrt_last(special.log_wright_bessel, lambda a, b, x, y: np.exp(special.log_wright_bessel(a, a + b, x) - y))
