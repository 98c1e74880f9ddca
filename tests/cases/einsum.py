"""Cases for wengert.functions.einsum."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal


def named(subscripts: str, *shapes: tuple[int, ...], complex: bool = False, **kwargs: Any) -> Case:
    make = complex_array if complex else normal
    arrays = tuple(make(*shape, seed=i) for i, shape in enumerate(shapes))
    return Case(np.einsum, lambda *xs: np.einsum(subscripts, *xs, **kwargs), arrays, exact=False)


def listed(*layout: Any) -> Case:
    """Shapes and lists of labels, as in the other format."""
    shapes = layout[: len(layout) // 2 * 2 : 2]
    arrays = tuple(normal(*shape, seed=i) for i, shape in enumerate(shapes))

    def call(*xs: Any) -> Any:
        mixed = [*layout]
        mixed[: 2 * len(xs) : 2] = xs
        return np.einsum(*mixed)

    return Case(np.einsum, call, arrays, exact=False)


CASES = [
    named("ij,jk->ik", (2, 3), (3, 4)),
    named("ij,jk", (2, 3), (3, 4), complex=True),
    named("ba,cb", (2, 3), (4, 2)),
    named("ij->ji", (2, 3)),
    named("ji", (2, 3)),
    named("ij->", (2, 3)),
    named("ij->i", (2, 3), complex=True),
    named("ii", (3, 3)),
    named("ii->i", (3, 3), complex=True),
    named("iij->j", (3, 3, 2)),
    named("iji->ij", (2, 3, 2)),
    named("iii->i", (2, 2, 2)),
    named("iijj->ij", (2, 2, 3, 3)),
    named("ii,ij->j", (3, 3), (3, 2)),
    named("ii,jj->ij", (2, 2), (3, 3)),
    named("i,i,i->i", (3,), (3,), (3,)),
    named("i,j->ij", (2,), (3,)),
    named("i,j->", (2,), (3,), complex=True),
    named("ij,k->i", (2, 3), (4,)),
    named(",ij->ij", (), (2, 3)),
    named(",->", (), ()),
    named("->", ()),
    named("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    named("...ij,...jk", (2, 3), (4, 3, 2)),
    named("...i,...i->...", (2, 1, 3), (4, 3)),
    named("i...->...", (2, 3, 2)),
    named("...ii->...i", (2, 3, 3)),
    named("...ii->i...", (2, 3, 3)),
    named("i...i", (2, 3, 2)),
    named("...", (2, 3)),
    named("a...b,b...->...a", (2, 3, 4), (4, 3)),
    named("ij,ij->i", (2, 1), (2, 3)),
    named("ij,ij->ij", (1, 3), (2, 1), complex=True),
    named("ij,j->j", (2, 1), (3,)),
    named("iij,j->j", (2, 2, 1), (3,)),
    named("i j , j k -> i k", (2, 3), (3, 2)),
    named("aB,Bc", (2, 3), (3, 2)),
    named("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=True),
    named("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize="optimal"),
    named("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=["einsum_path", (1, 2), (0, 1)]),
    named("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=("greedy", 1000)),
    named("bhqd,bhkd->bhqk", (2, 1, 2, 3), (2, 1, 2, 3), optimize=True),
    named("ij,jk->ik", (2, 0), (0, 3)),
    named("ij->i", (0, 3)),
    named("ij->j", (0, 3)),
    named("ij->ji", (2, 3), dtype=np.complex128)._replace(single=False),
    Case(np.einsum, lambda a: np.einsum("ij,jk->ik", a, np.arange(6).reshape(3, 2)), (normal(2, 3),), single=False),
    Case(np.einsum, lambda a: np.einsum("ij,j->i", a, [1.0, 2.0, 3.0]), (normal(2, 3),)),
    Case(np.einsum, lambda a: np.einsum("ij,jk,ki->", a, a, a), (normal(3, 3),), exact=False),
    Case(np.einsum, lambda a, b: np.einsum("ij,jk->ik", a, b), (complex_array(2, 3), normal(3, 2)), exact=False),
    listed((2, 3), [0, 1], (3, 4), [1, 2], [0, 2]),
    listed((2, 3), [0, 1], (3, 4), [1, 2]),
    listed((2, 3), [7, 40], (3, 4), [40, 30], [30, 7]),
    listed((2, 3), [1, 0]),
    listed((3, 3), [0, 0], [0]),
    listed((2, 3, 2), [Ellipsis, 1], (2,), [1], [Ellipsis]),
]
