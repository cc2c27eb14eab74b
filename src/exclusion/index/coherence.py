"""Importance beside weight, and what double-counts or conflicts.

A nominal weight is not an importance: in IMD 2025 the Barriers domain has a weight of 9.3% and a covariance share of
2.1%. Paruolo, Saisana & Saltelli 2013, doi 10.1111/j.1467-985X.2012.01059.x.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult

Array = npt.NDArray[Any]

REDUNDANT = 0.9
_BINS = 100


def covariance_shares(parts: Array, total: Array) -> Array:
    """Return Cov(part, total) / Var(total) for each row of `parts` (M, N); they sum to 1 where the parts sum to it."""
    centred = total - total.mean()
    variance = float(centred @ centred)
    if variance == 0:
        return np.zeros(len(parts))
    return np.asarray((parts - parts.mean(axis=1, keepdims=True)) @ centred / variance)


def main_effect(values: Array, total: Array, *, bins: int = _BINS) -> float:
    """Return Var(E[total | values]) / Var(total) by equal-count bins of `values`; ties stay in one bin."""
    if np.var(total) == 0:
        return 0.0
    order = np.argsort(values, kind="stable")
    edges = np.searchsorted(values[order], values[order], side="left")[:: max(1, len(values) // bins)]
    starts = np.unique(edges)
    sizes = np.diff(np.append(starts, len(values)))
    means = np.add.reduceat(total[order], starts) / sizes
    return float(np.sum(sizes * (means - total.mean()) ** 2) / len(values) / np.var(total))


def importance(result: "IndexResult") -> Any:
    """Return importance beside weight, one row a domain and an indicator.

    Columns: `level` (domain, indicator), `id, label, domain, weight_pct` (nominal, of the whole index),
    `covariance_share_pct` (domains sum to 100 for an arithmetic index; of an indicator through its exact
    contribution), `main_effect` (0 to 1: how well it alone fixes the score). Over ranked areas.
    """
    import pandas as pd

    spec, layers = result.spec, result.layers
    ranked = layers.is_ranked
    risk = layers.risk[ranked]
    inner = result.meta["inner_weights"]
    total = sum(domain.weight for domain in spec.domains.values())
    rows = []
    shares = covariance_shares(result.contributions.domains[:, ranked], risk)
    for d, (name, domain) in enumerate(spec.domains.items()):
        effect = main_effect(layers.domain_scores[d, ranked], risk)
        rows.append(("domain", name, domain.label, name, domain.weight / total, shares[d], effect))
    shares = covariance_shares(result.contributions.indicators[:, ranked], risk)
    for k, indicator in enumerate(spec.indicators):
        weight = inner[indicator.id] * spec.domains[indicator.domain].weight / total
        effect = main_effect(layers.scores[k, ranked], risk)
        rows.append(("indicator", indicator.id, indicator.label, indicator.domain, weight, shares[k], effect))
    out = pd.DataFrame(
        rows, columns=["level", "id", "label", "domain", "weight_pct", "covariance_share_pct", "main_effect"]
    )
    out[["weight_pct", "covariance_share_pct"]] *= 100.0
    return out


def correlations(result: "IndexResult") -> Any:
    """Return Pearson correlations of indicator scores (indicators x indicators) over areas where both are known."""
    import pandas as pd

    present = np.vstack([cells.is_present for cells in result.layers.cells])
    names = [indicator.id for indicator in result.spec.indicators]
    scores = pd.DataFrame(np.where(present, result.layers.scores, np.nan).T, columns=names)
    return scores.corr(min_periods=3)


def flags(result: "IndexResult") -> list[str]:
    """Return what the correlations warn of: redundant, overlapping, conflicting or mute parts of the index.

    Overlap between domains may be wanted, because to be poor and ill is worse than either; inside a domain it counts
    one thing twice (IoD 2019 Technical Report, 2.4).
    """
    spec = result.spec
    grid = correlations(result)
    out = []
    for i, first in enumerate(spec.indicators):
        for second in spec.indicators[i + 1 :]:
            r = grid.loc[first.id, second.id]
            if abs(r) > REDUNDANT and first.domain == second.domain:
                out.append(
                    f"Redundant: {first.label} and {second.label} correlate {r:+.2f} inside one domain; one of them "
                    "would do."
                )
            elif abs(r) > REDUNDANT:
                out.append(
                    f"Overlapping: {first.label} and {second.label} correlate {r:+.2f} across domains, so that two "
                    "domains say much the same of an area here."
                )
            elif first.domain == second.domain and r < 0:
                out.append(
                    f"Conflicting: {first.label} and {second.label} correlate {r:+.2f} inside one domain and partly "
                    "cancel out."
                )
    table = importance(result)
    for row in table[table["level"] == "domain"].itertuples():
        if abs(row.covariance_share_pct - row.weight_pct) > 0.5 * row.weight_pct:
            side = "less" if row.covariance_share_pct < row.weight_pct else "more"
            out.append(
                f"{row.label} has a weight of {row.weight_pct:.1f}% and moves {row.covariance_share_pct:.1f}% of the "
                f"ranking: it counts for {side} than its weight says."
            )
    return out


def remoteness_correlation(result: "IndexResult") -> float:
    """Return the Spearman correlation of risk with remoteness h over areas where both are known; null if unknown."""
    from scipy.stats import spearmanr

    use = result.layers.is_ranked & result.layers.rural.is_known
    if use.sum() < 3 or np.ptp(result.layers.rural.remoteness[use]) == 0:
        return float("nan")
    return float(spearmanr(result.layers.risk[use], result.layers.rural.remoteness[use])[0])
