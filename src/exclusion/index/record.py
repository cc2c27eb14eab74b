"""What an edition's gates are told of each indicator: its weight, whether it points the declared way, and its gaps."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult

# A value that is none of the area's own: it was taken from elsewhere, or from nowhere.
_OWN = frozenset({"observed", "carried", "modelled"})


def indicator_record(result: "IndexResult") -> list[dict[str, Any]]:
    """Return one row an indicator, in the spec's order, ready for JSON.

    Keys: `id, label, direction` (as declared), `weight_pct` (of the whole index), `points_as_declared` (Spearman's rank
    correlation of the value with its own contribution, turned by the declared direction: about 1 where more of it
    raises risk as declared), `agrees_with_risk` (the same with the risk score), `not_own_pct` (share of areas whose
    value is not their own: a stand-in, suppressed or missing). A correlation that is not defined is null.
    """
    spec, table = result.spec, result.table.set_index("lsoa21cd")
    total = sum(domain.weight for domain in spec.domains.values())
    rows = []
    for indicator in spec.indicators:
        value = result.raw[indicator.id].astype(float)
        turn = 1.0 if indicator.direction == "+" else -1.0
        status = result.status[indicator.id].astype(str)
        weight = result.meta["inner_weights"][indicator.id] * spec.domains[indicator.domain].weight / total
        rows.append(
            {
                "id": indicator.id,
                "label": indicator.label,
                "direction": indicator.direction,
                "weight_pct": round(100.0 * weight, 2),
                "points_as_declared": _agreement(turn * value, table[f"{indicator.id}_contribution"]),
                "agrees_with_risk": _agreement(turn * value, table["risk_score"]),
                "not_own_pct": round(100.0 * float((~status.isin(_OWN)).mean()), 2),
            }
        )
    return rows


def _agreement(value: Any, other: Any) -> float | None:
    """Return Spearman's rank correlation over the areas that have both, to three decimals; None where undefined."""
    both = value.to_frame("value").join(other.astype(float).rename("other"), validate="one_to_one").dropna()
    if len(both) < 2 or both["value"].nunique() < 2 or both["other"].nunique() < 2:
        return None
    ranks = both.rank().to_numpy(float)
    return round(float(np.corrcoef(ranks, rowvar=False)[0, 1]), 3)
