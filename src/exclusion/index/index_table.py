"""The `index` table of docs/architecture.md, made from the arrays of a build."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.index import explanation, needs
from exclusion.index.decomposition import Contributions
from exclusion.index.layers import Layers
from exclusion.index.reference import Reference
from exclusion.index.rural import RuralTerm, stratified_ranks
from exclusion.index.spec import Spec
from exclusion.index.transforms import ScoreCurve

Array = npt.NDArray[Any]

_HELP_NOTABLE = 0.02


def index_table(
    spec: Spec,
    table: Any,
    layers: Layers,
    contributions: Contributions,
    frozen: Reference,
    curves: dict[str, ScoreCurve],
) -> Any:
    """Return the `index` table, one row an area in the order of `table`, `lsoa21cd` as a column.

    Beside the columns of docs/architecture.md: `observed_weight_pct`, `points_from_typical` (risk score less that of
    the typical area; the contributions of domains, and of indicators, sum to it), `<risk|exclusion>_rank_in_<column>`
    for each column the spec stratifies by, `top_reason`. Ranks are whole numbers, 1 the most excluded, ties share
    the smallest; null where an area is not ranked, or, for a domain, where nothing of it is published.
    """
    import pandas as pd

    ranked = layers.is_ranked
    risk, exclusion = (np.where(ranked, s, np.nan) for s in (layers.risk, layers.exclusion))
    risk_rank, exclusion_rank = frozen.rank(risk, "risk"), frozen.rank(exclusion, "exclusion")
    gap = risk - contributions.reference_score
    rural_points = np.where(ranked, layers.exclusion - layers.risk, np.nan)
    columns: dict[str, Any] = {
        "lsoa21cd": table.index.to_numpy(),
        "risk_score": risk,
        "risk_rank": _whole(risk_rank),
        "exclusion_score": exclusion,
        "exclusion_rank": _whole(exclusion_rank),
        "rural_factor": layers.rural.factor,
        "is_ranked": ranked,
        "observed_weight_pct": 100.0 * layers.observed,
        "points_from_typical": gap,
    }
    for d, name in enumerate(spec.domain_ids):
        is_known = layers.domain_observed[d] > 0
        scores = np.where(is_known, layers.domain_scores[d], np.nan)
        columns[f"{name}_score"] = scores
        columns[f"{name}_rank"] = _whole(frozen.rank(np.where(is_known, layers.domain_sums[d], np.nan), name))
        columns[f"{name}_contribution"] = np.where(ranked, contributions.domains[d], np.nan)
    for k, indicator in enumerate(spec.indicators):
        columns[f"{indicator.id}_contribution"] = np.where(ranked, contributions.indicators[k], np.nan)
    columns["rural_contribution"] = rural_points
    for column in spec.stratify:
        for name, ranks in (("risk", risk_rank), ("exclusion", exclusion_rank)):
            columns[f"{name}_rank_in_{column}"] = _whole(stratified_ranks(ranks, table, column))
    columns |= _words(spec, table, layers, contributions, frozen, curves, risk_rank, gap)
    return pd.DataFrame(columns)


def _words(
    spec: Spec,
    table: Any,
    layers: Layers,
    contributions: Contributions,
    frozen: Reference,
    curves: dict[str, ScoreCurve],
    risk_rank: Array,
    gap: Array,
) -> dict[str, Any]:
    """Return the columns for people: `needs_type, action, reason, top_reason`."""
    out: dict[str, Any] = {}
    if spec.needs is None:
        out["needs_type"] = needs.NOT_ASSESSED
        out["action"] = ""
    else:
        is_known = layers.domain_observed > 0
        scores = np.where(is_known & layers.is_ranked, layers.domain_scores, np.nan)
        found = needs.triage(spec, scores, risk_rank / frozen.n_ranked, layers.is_help_far & layers.is_ranked)
        types = np.array(found.labels, dtype=object)[found.code]
        out["needs_type"] = np.where(layers.is_ranked, types, needs.NOT_ASSESSED)
        actions = needs.actions(spec, found, contributions.domains)
        out["action"] = [
            text if ranked else "" for text, ranked in zip(actions, layers.is_ranked, strict=True)
        ]
    typical_values = np.array(
        [
            (1.0 if i.direction == "+" else -1.0)
            * float(np.interp(curves[i.id].neutral, curves[i.id].scores, curves[i.id].values))
            for i in spec.indicators
        ]
    )
    out["reason"] = explanation.sentences(
        spec,
        ranks=risk_rank,
        n_ranked=frozen.n_ranked,
        among=frozen.label,
        values=layers.shrunk,
        typical_values=typical_values,
        contributions=contributions.indicators,
        is_present=np.vstack([c.is_present for c in layers.cells]),
        rural_texts=_rural_texts(table, layers.rural),
    )
    out["top_reason"] = explanation.top_reasons(spec, contributions.indicators, gap)
    return out


def _rural_texts(table: Any, rural: RuralTerm) -> list[str]:
    """Return what the rural weight does to each area, in words; empty where it does next to nothing."""
    if rural.measure is None:
        return [""] * len(rural.factor)
    values = table[rural.measure.column].to_numpy(dtype=float, na_value=np.nan).tolist()
    out = []
    for value, factor in zip(values, rural.factor.tolist(), strict=True):
        if factor < 1.0 + _HELP_NOTABLE:
            out.append("")
            continue
        more = f"so the exclusion index counts its need {100 * (factor - 1):.0f}% more"
        if rural.measure.unit == "min":
            far = f"about {value:.0f} minutes away" if math.isfinite(value) else "out of reach"
            out.append(f"Help in person is {far}, {more}.")
        else:
            out.append(f"It is among the more remote areas by its {rural.measure.label}, {more}.")
    return out


def _whole(ranks: Array) -> Any:
    import pandas as pd

    lost = ~np.isfinite(ranks)
    return pd.arrays.IntegerArray(np.where(lost, 1, ranks).astype(np.int64), lost)
