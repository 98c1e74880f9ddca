"""What is not yet as the table of singular sets says, by order: to be emptied."""

__all__ = ["ARGUMENTS", "NOT_YET"]

# Functions whose derivatives are wrong with zeros, ties or infinities in place of the numbers of their cases
ARGUMENTS = (
    "np.copysign np.linalg.eig np.linalg.svd wengert.functions.decompositions.svd betainc betaincc cotdg erfcx "
    "gammainc gammaincc gdtr gdtrc pdtr pdtrc pseudo_huber rgamma tandg"
)

NOT_YET = {
    1: (
        "F.binary_cross_entropy np.arccos np.arccosh np.arctanh np.cbrt np.corrcoef np.cosh np.divide np.exp "
        "np.exp2 np.expm1 np.float_power np.linalg.cholesky np.linalg.eigh np.linalg.eigvalsh np.linalg.svd "
        "np.log np.log10 np.log1p np.log2 np.median np.nanmedian np.nanpercentile np.nanquantile "
        "np.percentile np.power np.quantile np.reciprocal np.sinh np.sort np.sort_complex np.sqrt "
        "special.cbrt special.erfinv special.exp10 special.exp2 special.expm1 special.gamma special.gammaln "
        "special.log1p special.logit special.ndtri special.rgamma"
    ),
    2: (
        "F.binary_cross_entropy F.leaky_relu F.mae F.relu np.absolute np.amax np.amin np.angle np.arctan2 "
        "np.cbrt np.copysign np.corrcoef np.divide np.fabs np.fmax np.fmin np.hypot np.linalg.matrix_norm "
        "np.linalg.norm np.linalg.svd np.linalg.svdvals np.linalg.vector_norm np.log np.log10 np.log1p "
        "np.log2 np.max np.maximum np.min np.minimum np.nanmax np.nanmin np.nanstd np.partition np.ptp "
        "np.reciprocal np.sort np.sort_complex np.sqrt np.std special.cbrt special.gamma special.gammaln "
        "special.log1p special.rgamma special.spence special.xlogy"
    ),
}
