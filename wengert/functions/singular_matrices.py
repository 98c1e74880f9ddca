"""What linear algebra does at equal values, singular matrices and zeros, in words, for docs/functions.md."""

__all__ = ["LINEAR_ALGEBRA"]

# Functions of matrices where they are singular: of what, where, and the first and second derivative there. Whatever
# is called refused raises LinAlgError.
LINEAR_ALGEBRA: tuple[tuple[str, str, str, str], ...] = (
    (
        "`eigh`, `eigvalsh`: values alone",
        "equal eigenvalues",
        "right for functions that treat them alike; else by convention each along its own vector",
        "right for functions that treat them alike, of a matrix that the program makes Hermitian; else refused",
    ),
    ("`eigh`: vectors alone", "equal eigenvalues", "right; refused for a loss that depends on the basis", "right"),
    (
        "`eigh`: values and vectors, like v f(w) v^H",
        "equal eigenvalues",
        "right of a matrix that the program makes Hermitian, like (x + x^H) / 2; else refused, and where a loss "
        "depends on the basis, or treats nearly equal ones (4e-11 of the largest) differently",
        "refused (`wengert.functions.matrix_function` has it), also within eps^(1/3) of the largest (6e-6) or "
        "1000 eps (2e-13)",
    ),
    (
        "`eigvals`",
        "equal eigenvalues",
        "right for values that count evenly; else refused",
        "refused, unless of their sum",
    ),
    (
        "`eig`: values and vectors, like v f(w) v^-1",
        "equal eigenvalues, or within eps^(2/3) (4e-11) of the largest, or of 1, times the size of v^-1",
        "refused; right for what depends on the other values only",
        "refused; also within eps^(1/3) (6e-6)",
    ),
    ("`eig`, `eigvals`", "no full set of eigenvectors, or nearly so", "refused", "refused"),
    (
        "`svdvals`, `svd`: values alone",
        "equal singular values",
        "right where they count evenly; else by convention each along its own vectors",
        "right where they count evenly; else refused",
    ),
    (
        "`svdvals`, `svd`: values alone",
        "singular values 0",
        "right for even functions, like s^2; else 0 by convention; NaN where infinite, like that of log(s)",
        "right for even functions; else refused",
    ),
    ("`svd`: vectors alone", "equal singular values", "right; refused for a loss that depends on the basis", "right"),
    (
        "`svd`: vectors alone",
        "singular values 0",
        "right for what depends on the others only; else refused",
        "the same",
    ),
    (
        "`svd`: values and vectors, like u f(s) vh",
        "singular values equal or 0",
        "right",
        "right for the other values; else refused, also within eps^(1/3) of the largest (6e-6) or 1000 eps (2e-13)",
    ),
    (
        "`svd(..., hermitian=True)`",
        "as `eigh`; and singular values 0",
        "as `eigh`; values and vectors are refused where a value is 0",
        "as `eigh`",
    ),
    (
        "`norm`, `matrix_norm` with ord 2, -2, 'nuc'",
        "equal or zero singular values that count",
        "by convention: shared evenly, or along their own vectors; 0 at 0",
        "refused",
    ),
    ("`cond`", "equal extremes", "by convention along their own vectors", "refused"),
    ("`cond`", "a singular matrix", "NaN", "refused"),
    (
        "`pinv`, `lstsq`",
        "rank below full",
        "by convention at a fixed rank: right for programs that keep the rank",
        "the same",
    ),
    ("`det`", "a singular matrix", "right", "right"),
    ("`slogdet`, `inv`, `solve`, `cholesky`", "a singular matrix", "refused", "refused"),
    ("`matrix_function(f, a)`", "equal eigenvalues", "right", "right; to any order"),
    ("`matrix_function(f, a)`", "where a derivative of f is infinite", "infinite or NaN", "infinite or NaN"),
    (
        "all of them: equal values whose gradients depend on vectors of another decomposition, or under a "
        "`checkpoint` that ends between values, vectors and what is made of them",
        "equal or zero values",
        "refused",
        "refused",
    ),
)
