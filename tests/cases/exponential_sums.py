"""Cases for wengert.functions.exponential_sums."""

from tests.cases import Case, normal
from wengert.functions import exponential_sums as S

X = normal(2, 3, 4)

CASES = [
    *(Case(f, f, (x,)) for f in (S.softmax, S.log_softmax) for x in (X, normal(4), normal(0, 3), normal(3, 0))),
    *(
        Case(f, lambda x, f=f, axis=axis: f(x, axis=axis), (X,))
        for f in (S.softmax, S.log_softmax, S.logsumexp)
        for axis in (0, 1, -2, (0, 2), (-1, 1), None)
    ),
    *(Case(f, lambda x, f=f: f(x, axis=None), (normal(),)) for f in (S.softmax, S.log_softmax)),
    *(Case(S.logsumexp, S.logsumexp, (x,)) for x in (X, normal())),
    Case(S.logsumexp, lambda x: S.logsumexp(x, 1, True), (X,)),
    Case(S.logsumexp, lambda x: S.logsumexp(x, axis=(0, -1), keepdims=True), (X,)),
    Case(S.logsumexp, lambda x: S.logsumexp(x, axis=0), (normal(3, 0),)),
    Case(S.logsumexp, lambda x: S.logsumexp(1000 * x, axis=-1), (normal(2, 3),), eps=1e-5, rtol=1e-4),
]
