"""Weights drawn around those that a spec states: of domains, and of indicators inside each domain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class StatedWeights:
    """Hold the weights of domains (M,), of indicators inside their domain (K,), and the domain of each indicator (K,).

    Weights are drawn from a Dirichlet law whose mean is the stated weights: a weight w has the standard deviation
    sqrt(w (1 - w) / (concentration + 1)). Both levels sum to one.
    """

    domains: Array
    inner: Array
    domain_of: Array
    concentration: float

    def drawn(self, rng: np.random.Generator, *, with_inner: bool) -> tuple[Array, Array]:
        """Return drawn weights of domains (M,), and of indicators (K,) where `with_inner`, else as stated."""
        domains = rng.dirichlet(self.concentration * self.domains)
        if not with_inner:
            return domains, self.inner
        return domains, self._inner([rng] * len(self.domains))

    def at(self, u: Array, rng: list[np.random.Generator]) -> tuple[Array, Array]:
        """Return drawn weights as `drawn` does, from a position in 0 to 1 and a generator for each domain.

        A Dirichlet vector is gamma variables over their sum, so each domain's weight can be moved by itself.
        """
        from scipy.special import gammaincinv

        gammas = gammaincinv(self.concentration * self.domains, np.clip(u, 1e-12, 1 - 1e-12))
        return gammas / gammas.sum(), self._inner(rng)

    def without(self, dropped: int, domains: Array, inner: Array) -> tuple[Array, Array]:
        """Return weights without one indicator, -1 for none.

        Its weight goes to the others of its domain; that of a domain that had only this one, to the other domains.
        """
        if dropped < 0:
            return domains, inner
        at = self.domain_of == self.domain_of[dropped]
        if at.sum() == 1:
            domains = domains.copy()
            domains[self.domain_of[dropped]] = 0.0
            return domains / domains.sum(), inner
        inner = inner.copy()
        inner[dropped] = 0.0
        inner[at] /= inner[at].sum()
        return domains, inner

    def _inner(self, rng: list[np.random.Generator]) -> Array:
        inner = self.inner.copy()
        for d, one in enumerate(rng):
            at = np.flatnonzero(self.domain_of == d)
            if len(at) > 1:
                inner[at] = one.dirichlet(self.concentration * self.inner[at] / self.inner[at].sum())
        return inner
