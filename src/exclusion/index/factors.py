"""Weights inside a domain from a maximum-likelihood factor model with one factor.

IoD 2019 Technical Report, 3.5.3 and Appendix E: factor analysis and not principal components, which take the
indicators as free of error and can give a harmful indicator a negative weight.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FactorWeights:
    """Hold weights (K,) that sum to one, the loadings (K,), and the second eigenvalue of the correlations."""

    weights: Array
    loadings: Array
    second_eigenvalue: float


def factor_weights(scores: Array, names: tuple[str, ...], domain: str) -> FactorWeights:
    """Return the weights of standardised indicators (K, N) for their common factor.

    Weights are the regression coefficients of the factor (loading / unique variance), scaled to sum to one. Areas
    with a null are left out. InputError if an indicator loads negatively: it pulls against its own domain.
    """
    from sklearn.decomposition import FactorAnalysis

    complete = scores[:, np.isfinite(scores).all(axis=0)]
    spread = complete.std(axis=1, keepdims=True)
    if complete.shape[1] <= len(names) or (spread == 0).any():
        raise InputError(
            f"Domain `{domain}`: its indicators do not vary, or are known together in too few areas, for factor "
            'weights; use combine = "arithmetic".'
        )
    standard = ((complete - complete.mean(axis=1, keepdims=True)) / spread).T
    model = FactorAnalysis(n_components=1, svd_method="lapack", tol=1e-10, max_iter=10_000).fit(standard)
    loadings = np.asarray(model.components_[0], dtype=float)
    loadings = loadings * (1.0 if loadings.sum() >= 0 else -1.0)
    if (loadings <= 0).any():
        worst = int(np.argmin(loadings))
        raise InputError(
            f"Domain `{domain}`: indicator `{names[worst]}` has the loading {loadings[worst]:.2f} on the common "
            'factor, so it pulls against the domain; move it, drop it, or use combine = "arithmetic".'
        )
    coefficients = loadings / model.noise_variance_
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(standard, rowvar=False))
    return FactorWeights(coefficients / coefficients.sum(), loadings, float(eigenvalues[-2]))
