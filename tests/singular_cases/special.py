"""Poles and kinks of the functions of scipy.special."""

from typing import Any

import numpy as np

from tests.singular_cases import NOT_FINITE, Case, alone, at_number, resolve

POLE = NOT_FINITE, NOT_FINITE


def second(names: str, where: str, order: Any, x: float, first: Any = NOT_FINITE, second: Any = None) -> list[Case]:
    """Functions of an order and a number."""
    orders = order if isinstance(order, tuple) else (order,)
    return at_number(names, where, lambda f, x: np.real(f(*orders, x)), x, first, second, half=False)


def result(name: str, x: float) -> Case:
    return Case(name, "0 in the second result", lambda x: resolve(name)(x)[1], np.array([x]), *POLE, half=False)


def edges(names: str, where: str, *before: Any, x: float = 0.0) -> list[Case]:
    """Functions at the edge of what they are defined for: that a derivative is made, or refused."""

    def results(f: Any, x: Any) -> Any:
        found = f(*before, x)
        return sum(found) if isinstance(found, tuple) else found

    return at_number(" ".join(f"special.{name}" for name in names.split()), where, results, x, None, None, half=False)


GAMMA = "0, -1, -2, ..."
CASES = [
    *alone("special.exprel", "0", 0.0, 0.5, 1 / 3, half=False),
    *alone("special.cosm1", "0", 0.0, 0, -1, half=False),
    *alone("special.rgamma", "0", 0.0, 1, 2 * 0.5772156649015329, half=False),
    *alone("special.erfcx", "overflow", -200.0, *POLE, half=False),
    *alone("special.erfi special.i0 special.i1", "overflow", 2000.0, *POLE, half=False),
    *alone("special.i0e", "0", 0.0, 0, None, half=False),
    *at_number("special.i0e", "0", lambda f, x: f(x) * np.exp(np.abs(x)), 0.0, 0, 0.5, half=False),
    *alone("special.i1e", None, 0.0, 0.5, None, half=False),  # type: ignore[arg-type]
    *alone("special.entr special.exp1 special.expi special.y0 special.y1", "0", 0.0, *POLE, half=False),
    *alone("special.k0 special.k1 special.k0e special.k1e special.spence", "0", 0.0, *POLE, half=False),
    *alone("special.ellipkm1 special.ndtri_exp", "0", 0.0, *POLE, half=False),
    *second("special.yn special.yv special.yve special.kn special.kv special.kve special.expn", "0", 1, 0.0),
    *second("special.hankel1 special.hankel2 special.hankel1e special.hankel2e", "0", 1.0, 0.0),
    *second("special.struve special.modstruve", "0", 0.0, 0.0, None),
    *second("special.hyperu", "0", (1.0, 1.0), 0.0),
    *at_number("special.boxcox", "0", lambda f, x: f(x, 0.5), 0.0, *POLE, half=False),
    *at_number("special.boxcox1p", "-1", lambda f, x: f(x, 0.5), -1.0, *POLE, half=False),
    *at_number(
        "special.inv_boxcox", "the edge of the range", lambda f, x: f(x, 2.0), -0.5, NOT_FINITE, None, half=False
    ),
    *at_number(
        "special.inv_boxcox1p", "the edge of the range", lambda f, x: f(x, 2.0), -0.5, NOT_FINITE, None, half=False
    ),
    result("special.sici", 0.0),
    result("special.shichi", 0.0),
    *second("special.jv special.iv special.jve special.ive", "0, of an order below 2", 0.5, 0.0),
    *second("special.ive", "0, of the order 0", 0, 0.0, 0),
    *second("special.jv special.iv", "0, of an order below 2", 0, 0.0, 0, None),
    *second("special.gammainc special.gammaincc special.chdtr special.chdtrc", "0, below the shape 2", 0.5, 0.0),
    *second("special.gdtr special.gdtrc", "0, below the shape 2", (1.0, 0.5), 0.0),
    *second("special.pdtr special.pdtrc", "0, below the shape 2", 0.0, 0.0, None),
    *second("special.betainc special.betaincc", "0 and 1", (0.5, 0.5), 0.0),
    *second("special.betaincinv special.betainccinv", "0 and 1", (2.0, 2.0), 1.0),
    *second("special.gammaincinv", "0 and 1", 2.0, 1.0),
    *second("special.gammainccinv", "0 and 1", 2.0, 0.0),
    *alone("special.logit special.ndtri", "0 and 1", 0.0, *POLE, half=False),
    *alone("special.logit special.ndtri", "0 and 1", 1.0, *POLE, half=False),
    *at_number("special.logit", "0 and 1", lambda f, x: resolve("special.expit")(f(x)), 0.0, 1, 0, half=False),
    *at_number("special.ndtri", "0 and 1", lambda f, x: resolve("special.ndtr")(f(x)), 0.0, 1, 0, half=False),
    *at_number("special.erfinv", "-1 and 1", lambda f, x: resolve("special.erf")(f(x)), 1.0, 1, 0, half=False),
    *at_number("special.entr", "0", lambda f, x: np.where(x > 0, f(x), 0), 0.0, 0, 0, half=False),
    *at_number("special.xlogy", "x2 = 0", lambda f, x: f(1, x), 0.0, *POLE, half=False),
    *at_number("special.xlogy", "x2 = 0", lambda f, x: np.exp(f(2, x)), 0.0, 0, 2, half=False),
    *at_number("special.xlog1py", "x2 = -1", lambda f, x: f(1, x), -1.0, *POLE, half=False),
    *at_number("special.rel_entr special.kl_div", "0 in either", lambda f, x: f(1, x), 0.0, *POLE, half=False),
    *at_number("special.rel_entr special.kl_div", "0 in either", lambda f, x: f(x, 1), 0.0, *POLE, half=False),
    *alone("special.ellipk special.ellipe", "1", 1.0, NOT_FINITE, None, half=False),
    *second("special.hyp2f1", "1", (1.0, 1.0, 2.0), 1.0),
    *alone("special.erfinv", "-1 and 1", 1.0, *POLE, half=False),
    *alone("special.erfcinv", "0 and 2", 0.0, *POLE, half=False),
    *at_number("special.powm1", "base 0", lambda f, x: f(x, 0.5), 0.0, NOT_FINITE, None, half=False),
    *alone("special.gamma special.gammaln special.loggamma special.psi", GAMMA, 0.0, *POLE, half=False),
    *at_number("special.gamma", GAMMA, lambda f, x: 1 / f(x), 0.0, 1, 2 * 0.5772156649015329, half=False),
    *at_number("special.gammaln", GAMMA, lambda f, x: np.exp(-f(x)), 0.0, 1, 2 * 0.5772156649015329, half=False),
    *at_number("special.beta special.betaln", GAMMA, lambda f, x: f(x, 1.5), 0.0, *POLE, half=False),
    *at_number("special.poch", GAMMA, lambda f, x: f(0.5 + x, -0.5), 0.0, NOT_FINITE, None, half=False),
    *at_number("special.binom", GAMMA, lambda f, x: f(x, 0.5), -1.0, NOT_FINITE, None, half=False),
    *at_number("special.zeta", GAMMA, lambda f, x: f(2.0, x), 0.0, *POLE, half=False),
    *at_number("special.lambertw", "-1 / e", lambda f, x: np.real(f(x)), -np.exp(-1.0), None, None, half=False),
    *alone("special.tandg", "odd multiples of 90", 90.0, *POLE, half=False),
    *alone("special.cotdg", "multiples of 180", 0.0, *POLE, half=False),
    *at_number("special.huber", "abs(x2) = x1", lambda f, x: f(1, x), 1.0, 1, 1, half=False),
    *at_number("special.pseudo_huber", "x1 = 0", lambda f, x: f(x, 1.0), 0.0, None, None, half=False),
    *at_number("special.pseudo_huber", "x1 = 0", lambda f, x: f(1.0, x), 0.0, 0, 1, half=False),
    # what is a row of the table only from some version of SciPy on, or has no closed form
    *edges("bdtr bdtrc bdtri nbdtr nbdtrc nbdtri", "0 and 1", 1.0, 3.0),
    *edges("fdtri nctdtrit chndtrix gdtrix nctdtrinc", "0 and 1", 2.0, 3.0),
    *edges("stdtrit pdtri chdtri smirnov smirnovi smirnovp", "0 and 1", 2),
    *edges("gdtria nrdtrimn nrdtrisd chndtrinc", "0 and 1", 0.5, 2.0),
    *edges("ncfdtri ncfdtrinc", "0 and 1", 2.0, 3.0, 1.0),
    *edges("kolmogi", "0 and 1"),
    *edges("airye it2struve0 kei keip ker kerp kelvin", "0"),
    *edges("agm elliprc", "0", 1.0),
    *edges("chndtr fdtr fdtrc elliprd elliprf elliprg log_wright_bessel", "0", 1.0, 2.0),
    *edges("ncfdtr elliprj", "0", 1.0, 2.0, 3.0),
    *edges("it2i0k0 it2j0y0 iti0k0 itj0y0", "0 in the second result"),
    *edges("ellipeinc ellipkinc ellipj", "m = 1", 0.5, x=1.0),
    *edges("lpmv", "-1 and 1", 1, 2, x=1.0),
    *edges("obl_ang1 pro_ang1", "-1 and 1", 1, 2, 0.5, x=1.0),
    *edges("obl_ang1_cv pro_ang1_cv", "-1 and 1", 1, 2, 0.5, 1.0, x=1.0),
    *edges("pro_rad1 pro_rad2", "1", 1, 2, 0.5, x=1.0),
    *edges("pro_rad1_cv pro_rad2_cv", "1", 1, 2, 0.5, 1.0, x=1.0),
    *at_number("special.tklmbda", "the edge of the range", lambda f, x: f(x, 1.0), 1.0, None, None, half=False),
    *at_number("special.voigt_profile", "sigma = 0", lambda f, x: f(0.5, x, 1.0), 0.0, None, None, half=False),
]
