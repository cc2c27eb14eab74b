"""What `exclusion index check` prints: the tree, the weights, and every warning a spec or its result calls for."""

import math
from typing import TYPE_CHECKING

from exclusion.index.coherence import flags, importance
from exclusion.index.rules import contents
from exclusion.index.spec import Indicator, Spec

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult


def check_text(spec: Spec, result: "IndexResult | None" = None) -> str:
    """Return the tree of a valid spec with its weights, and its warnings; with a build also importance and flags."""
    index = spec.index
    mean = {
        "arithmetic": "arithmetic mean",
        "geometric": f"geometric mean (offset {index.offset:g})",
        "harmonic": f"harmonic mean (offset {index.offset:g})",
        "power": f"power mean, p = {index.power:g}",
    }[index.aggregation]
    total = math.fsum(domain.weight for domain in spec.domains.values())
    lines = [
        f"{index.label} ({index.id} {index.version}), spec {spec.hash[:12]}",
        f"  domain scores {index.score}, combined by {mean}; weights sum to {total:.6g}, as stated",
    ]
    is_ranked = result is not None and bool(result.layers.is_ranked.any())
    measured = {row.id: row for row in importance(result).itertuples()} if result and is_ranked else {}
    for name, domain in spec.domains.items():
        lines.append(_branch(f"{domain.label} [{name}]", domain.weight, measured.get(name)))
        for k in spec.in_domain(name):
            indicator = spec.indicators[k]
            held = measured.get(indicator.id)
            weight = indicator.weight * domain.weight if held is None else held.weight_pct / 100.0
            how = " (weight from a factor model)" if domain.combine == "factor_ml" else ""
            lines.append("  " + _branch(f"{_arrow(indicator)} {indicator.label}{how}", weight, held))
    lines.append(_rural_line(spec))
    found = warnings(spec)
    if result is not None:
        found += [*result.warnings, *result.notes, *(flags(result) if is_ranked else ())]
    lines += [f"Warning: {text}" for text in found] or ["No warnings."]
    return "\n".join(lines) + "\n"


def warnings(spec: Spec) -> list[str]:
    """Return what a valid spec still warns of."""
    out = []
    total = math.fsum(domain.weight for domain in spec.domains.values())
    if abs(total - 1.0) > 1e-9:
        out.append(f"domain weights sum to {total:.6g} as declared; scores are not rescaled.")
    out += [
        f"{indicator.id} overlaps with another indicator, acknowledged: {indicator.overlap_ack}"
        for indicator in spec.indicators
        if indicator.overlap_ack
    ]
    out += [
        f"{indicator.id} already contains {' and '.join(sorted(contents(indicator) - {'overall'}))}."
        for indicator in spec.indicators
        if contents(indicator) - {"overall"} and indicator.column != "broadband_deficit"
    ]
    if spec.index.score == "minmax" or spec.index.indicator_score == "minmax":
        out.append("min-max scores let one extreme area set the scale for all.")
    if spec.rural.mode == "none":
        out.append("no rural term: the exclusion index equals the risk index.")
    elif spec.rural.lambda_ == 0:
        out.append("lambda is 0: the rural term is switched off.")
    elif 1.0 + spec.rural.lambda_ > spec.rural.cap:
        out.append(f"lambda {spec.rural.lambda_:g} is cut by the cap {spec.rural.cap:g}.")
    return out


def _branch(label: str, weight: float, held: object) -> str:
    text = f"  {label:<58} {100 * weight:5.1f}%"
    if held is not None:
        text += f"   moves {held.covariance_share_pct:5.1f}% of the ranking, alone explains {held.main_effect:.2f}"  # type: ignore[attr-defined]
    return text


def _arrow(indicator: Indicator) -> str:
    return "(+)" if indicator.direction == "+" else "(-)"


def _rural_line(spec: Spec) -> str:
    if spec.rural.mode == "none":
        return "  rural term: none"
    measures = ", else ".join(f"{m.column} ({m.shape})" for m in spec.rural.measures)
    return (
        f"  rural term: exclusion index = risk x (1 + {spec.rural.lambda_:g} x h), at most {spec.rural.cap:g} x risk, "
        f"h from {measures}"
    )
