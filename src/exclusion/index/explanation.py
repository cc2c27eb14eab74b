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
    least = _LEAST_SHARE * np.maximum(signed, 0.0).sum(axis=0)
    order, parts = _largest(signed)
    counts = ((parts > 0) & (parts >= least)).sum(axis=0).tolist()
    picks = order.T.tolist()
    here, typical = np.take_along_axis(values, order, axis=0), typical_values[order]
    decimals = np.where((np.abs(here - typical) >= 1.0) & (np.minimum(here, typical) >= 1.0), 0, 1).T.tolist()
    value_rows = here.T.tolist()
    beside = [
        [f"% {one.phrase} ({float(value):.{d}f}% in a typical area)" for d in (0, 1)]
        for one, value in zip(spec.indicators, typical_values, strict=True)
    ]
    standing = _standing(ranks, n_ranked, among)
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
                value = value_rows[i][j]
                reasons.append((f"{value:.1f}" if d else f"{value:.0f}") + beside[picks[i][j]][d])
            else:
                reasons.append(
                    indicator.phrase if high[i] else indicator.phrase_low or f"not {indicator.phrase}"
                )
        text = standing[i]
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


def _largest(values: Array) -> tuple[Array, Array]:
    """Return the positions along the first axis of the `_MOST_REASONS` largest values (K, N), largest first, and the values.

    Of equal values the earlier comes first. `values` is used up.
    """
    count = min(_MOST_REASONS, len(values))
    order, parts = np.empty((count, values.shape[1]), int), np.empty((count, values.shape[1]))
    columns = np.arange(values.shape[1])
    for j in range(count):
        order[j] = values.argmax(axis=0)
        parts[j] = values[order[j], columns]
        values[order[j], columns] = -np.inf
    return order, parts


def _standing(ranks: Array, n_ranked: int, among: str) -> list[str]:
    """Return how each area stands, never rounded up to all areas; of no use where a rank is null."""
    below = np.nan_to_num((n_ranked - ranks) / max(n_ranked - 1, 1))
    is_higher = below >= 0.5
    of_100 = np.minimum((100 * np.where(is_higher, below, 1 - below)).astype(int), 99)
    texts = [
        [f"At {side} risk of digital exclusion than {number} in 100 areas {among}" for number in range(100)]
        for side in ("lower", "higher")
    ]
    return [texts[side][number] for side, number in zip(is_higher.tolist(), of_100.tolist(), strict=True)]


def _joined(parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]
