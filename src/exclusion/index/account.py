"""The account of one build for the method report: what went in, what was done, and how sure the outcome is.

Plain values for JSON, taken from the build and its draws, so that the report cannot say anything that was not done.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exclusion.index.coherence import correlations, flags, importance, remoteness_correlation
from exclusion.index.spec import Indicator
from exclusion.index.uncertainty import STABILITY

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult
    from exclusion.index.uncertainty import Uncertainty

Array = npt.NDArray[Any]

_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20


def method_account(result: "IndexResult", draws: "Uncertainty", *, shared_error: float) -> dict[str, Any]:
    """Return everything that the method report says of the index and its draws."""
    spec = result.spec
    ranked = result.layers.is_ranked
    grid = correlations(result)
    return {
        "index": spec.index.model_dump(mode="json"),
        "domains": [
            {
                "id": name,
                "label": domain.label,
                "weight_pct": 100.0 * domain.weight,
                "combine": domain.combine,
                "action": domain.action,
            }
            for name, domain in spec.domains.items()
        ],
        "indicators": [_indicator(indicator) for indicator in spec.indicators],
        "rural": spec.rural.model_dump(mode="json", by_alias=True),
        "remoteness_correlation": _number(remoteness_correlation(result)),
        "uncertain": spec.uncertainty.model_dump(mode="json"),
        "missing": _missing(result),
        "areas": len(ranked),
        "ranked": int(ranked.sum()),
        "correlations": {
            "labels": [indicator.label for indicator in spec.indicators],
            "values": [[_number(value) for value in row] for row in grid.to_numpy(float)],
        },
        "flags": flags(result),
        "importance": [
            {key: (round(value, 4) if isinstance(value, float) else value) for key, value in row.items()}
            for row in importance(result).to_dict("records")
        ],
        "scores": {
            "edges": [float(edge) for edge in np.linspace(*_span(result), _BINS + 1)],
            "risk": _counts(result.layers.risk[ranked], result),
            "exclusion": _counts(result.layers.exclusion[ranked], result),
        },
        "draws": _draws(result, draws) | {"shared_error": round(shared_error, 4)},
    }


def _indicator(indicator: Indicator) -> dict[str, Any]:
    how = indicator.column or f"({' + '.join(indicator.numerator)}) / ({' + '.join(indicator.denominator)})"
    return {
        "id": indicator.id,
        "label": indicator.label,
        "domain": indicator.domain,
        "direction": indicator.direction,
        "made_from": how,
        "source": indicator.source.id,
        "as_of": indicator.source.as_of,
        "error": indicator.error,
        "shrink": None if indicator.shrink is None else indicator.shrink.method,
        "treat": indicator.treat is not None,
        "score": indicator.score,
        "ladder": list(indicator.missing),
        "overlap_ack": indicator.overlap_ack,
    }


def _missing(result: "IndexResult") -> list[dict[str, Any]]:
    """Return for each indicator how many areas have it as published, and what was put in place of the others."""
    rows = []
    for k, indicator in enumerate(result.spec.indicators):
        cells = result.layers.cells[k]
        words, counts = np.unique(np.array([str(word) for word in cells.status]), return_counts=True)
        rows.append(
            {
                "id": indicator.id,
                "label": indicator.label,
                "present": int(cells.is_present.sum()),
                "absent": int((~cells.is_present).sum()),
                "by_status": {str(word): int(count) for word, count in zip(words, counts, strict=True)},
            }
        )
    return rows


def _draws(result: "IndexResult", draws: "Uncertainty") -> dict[str, Any]:
    """Return what the draws agree on, over all ranked areas."""
    table = draws.table
    known = table["chance_worst_tenth_pct"].notna()
    width = (table["exclusion_rank_high"] - table["exclusion_rank_low"])[known].to_numpy(float)
    ranked = int(known.sum())
    nominal = result.table["exclusion_rank"].astype("Float64")
    worst = result.table.loc[(nominal <= 0.1 * ranked).fillna(value=False), "lsoa21cd"]
    chances = table.loc[known, "chance_worst_tenth_pct"].to_numpy(float)
    return {
        "draws": draws.draws,
        "asked": draws.asked,
        "seed": draws.seed,
        "interval_pct": 100.0 * draws.interval,
        "factors": list(draws.factors),
        "shift_pct": _spread(draws.shift_pct),
        "overlap_pct": _spread(draws.overlap_pct),
        "width_pct": _spread(100.0 * width / ranked),
        "stability": [
            {"words": word, "areas": int((table["stability"] == word).sum())} for _, word in STABILITY
        ],
        "chances": [int(count) for count in np.histogram(chances, bins=np.linspace(0, 100, 11))[0]],
        "worst_tenth": len(worst),
        "solid": draws.solid(worst) if len(worst) else "",
    }


def _spread(values: Array) -> dict[str, float]:
    return {
        f"{100 * share:.0f}": round(float(value), 3)
        for share, value in zip(_SHARES, np.quantile(values, _SHARES), strict=True)
    }


def _span(result: "IndexResult") -> tuple[float, float]:
    held = np.concatenate([result.layers.risk, result.layers.exclusion])[np.tile(result.layers.is_ranked, 2)]
    return (float(np.floor(held.min())), float(np.ceil(held.max()))) if held.size else (0.0, 1.0)


def _counts(scores: Array, result: "IndexResult") -> list[int]:
    low, high = _span(result)
    return [int(count) for count in np.histogram(scores, bins=_BINS, range=(low, max(high, low + 1.0)))[0]]


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
