"""One sentence an area, for a resident: how it stands, and mainly because of what."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.index.spec import Spec

Array = npt.NDArray[Any]

_MOST_REASONS = 3
_LEAST_SHARE = 0.10
_CLOSE = 0.05


def sentences(
    spec: Spec,
    *,
    ranks: Array,
    n_ranked: int,
    among: str,
    values: Array,
    typical_values: Array,
    contributions: Array,
    is_present: Array,
    rural_texts: list[str],
) -> list[str]:
    """Return the sentence of every area.

    `ranks` (N,) run over `n_ranked` areas. `values` (K, N) are in natural units, `typical_values` (K,) those of the typical area, `contributions` (K, N)
    in points of the risk index, `is_present` (K, N) where the value is published. `among` completes
    "than 94 in 100 areas ...". An imputed value is never given as a reason. `rural_texts` are added as they are.
    """
    half = (n_ranked + 1) / 2
    is_high = ranks <= half
    # In the direction of the area's standing: positive is what puts it there.
    signed = np.where(is_present, contributions, 0.0) * np.where(is_high, 1.0, -1.0)
    order = np.argsort(-signed, axis=0, kind="stable")[:_MOST_REASONS]
    parts = np.take_along_axis(signed, order, axis=0)
    least = _LEAST_SHARE * np.maximum(signed, 0.0).sum(axis=0)
    counts = ((parts > 0) & (parts >= least)).sum(axis=0).tolist()
    picks = order.T.tolist()
    here, typical = np.take_along_axis(values, order, axis=0), typical_values[order]
    decimals = np.where((np.abs(here - typical) >= 1.0) & (np.minimum(here, typical) >= 1.0), 0, 1).T.tolist()
    value_rows, typical_rows = here.T.tolist(), typical.T.tolist()
    high, lost_texts = is_high.tolist(), _lost(spec, is_present)
    out = []
    for i, rank in enumerate(ranks.tolist()):
        if math.isnan(rank):
            out.append(f"Not ranked, because too little is known here: no figure for {lost_texts[i]}.")
            continue
        reasons = []
        for j in range(counts[i]):
            indicator = spec.indicators[picks[i][j]]
            if indicator.unit == "%":
                d = decimals[i][j]
                reasons.append(
                    f"{value_rows[i][j]:.{d}f}% {indicator.phrase} ({typical_rows[i][j]:.{d}f}% in a typical area)"
                )
            else:
                reasons.append(
                    indicator.phrase if high[i] else indicator.phrase_low or f"not {indicator.phrase}"
                )
        text = _standing(rank, n_ranked, among)
        text += f", mainly because {_joined(reasons)}." if reasons else "."
        if rural_texts[i]:
            text += " " + rural_texts[i]
        if lost_texts[i]:
            text += (
                f" No figure is published here for {lost_texts[i]}, so the area is taken as typical or like its "
                "neighbours there."
            )
        out.append(text)
    return out


def _lost(spec: Spec, is_present: Array) -> list[str]:
    """Return the indicators without a figure in each area, in words; empty where there are none."""
    patterns, which = np.unique(is_present, axis=1, return_inverse=True)
    words = [
        _joined([spec.indicators[k].label.lower() for k in np.flatnonzero(~pattern)])
        for pattern in patterns.T
    ]
    return [words[k] for k in np.ravel(which).tolist()]


def top_reasons(spec: Spec, contributions: Array, gap: Array) -> list[str]:
    """Return the largest single contribution in points: "No car: +14.2 against 31.0 points above ... (46%)".

    Areas at or below the typical area say what lowers them most.
    """
    labels = [indicator.label for indicator in spec.indicators]
    pick = np.where(gap > 0, contributions.argmax(axis=0), contributions.argmin(axis=0))
    parts = np.take_along_axis(contributions, pick[None, :], axis=0)[0].tolist()
    out = []
    for k, part, distance in zip(pick.tolist(), parts, gap.tolist(), strict=True):
        if not abs(distance) >= _CLOSE:
            out.append("Close to the typical area")
            continue
        side = "above" if distance > 0 else "below"
        share = 100.0 * part / distance
        out.append(
            f"{labels[k]}: {part:+.1f} against {abs(distance):.1f} points {side} the typical area ({share:.0f}%)"
        )
    return out


def _standing(rank: float, n_ranked: int, among: str) -> str:
    """Return how the area stands, never rounded up to all areas."""
    below = (n_ranked - rank) / max(n_ranked - 1, 1)
    if below >= 0.5:
        higher = min(int(100 * below), 99)
        return f"At higher risk of digital exclusion than {higher} in 100 areas {among}"
    lower = min(int(100 * (1 - below)), 99)
    return f"At lower risk of digital exclusion than {lower} in 100 areas {among}"


def _joined(parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]
