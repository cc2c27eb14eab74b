"""Rules that need the whole spec: weights as stated, no hidden double counting, one rural term."""

import math
import re

from exclusion.errors import InputError
from exclusion.index.decomposition import MOST_INDICATORS
from exclusion.index.spec import Indicator, Spec

_TOLERANCE = 1e-9

# What a column holds, by the publishers' names. Overall deprivation scores contain broadband, remoteness, skills
# and health; the Barriers domain of the English index contains connectivity and broadband (IoD 2025: Geographical
# Barriers = 100 - connectivity score in all 33,755 areas).
_OVERALL = re.compile(
    r"(?:^|_)(?:imd|wimd|simd|nimdm)(?:\d{4})?_?(?:score|rank|decile|overall|wimd\d{4}_rank)"
    r"|index_of_multiple_deprivation"
)
_BARRIERS = re.compile(r"barriers")
_REMOTE = re.compile(
    r"(?:help|travel|journey|drive)_?(?:\w*_)?min|connectivity_score|travel_time|ruc\d\d|is_rural"
)
_BROADBAND = re.compile(r"broadband|premises_|digital_connectivity")


def contents(indicator: Indicator) -> frozenset[str]:
    """Return what an indicator holds besides itself: `overall`, `remoteness`, `broadband`."""
    found: set[str] = set()
    for column in indicator.columns:
        name = column.lower()
        if _OVERALL.search(name):
            found |= {"overall", "remoteness", "broadband"}
        if _BARRIERS.search(name):
            found |= {"remoteness", "broadband"}
        if _REMOTE.search(name):
            found.add("remoteness")
        if _BROADBAND.search(name):
            found.add("broadband")
    return frozenset(found)


def check_rules(spec: Spec, name: str) -> None:
    """Raise InputError for the first rule that a spec breaks; the message says what to do."""
    for rule in (_names, _labels, _weights, _overlaps, _overall_beside_connectivity, _one_rural_term, _means):
        problem = rule(spec)
        if problem:
            raise InputError(f"Spec {name}: {problem}")


def _names(spec: Spec) -> str | None:
    ids = [indicator.id for indicator in spec.indicators]
    doubled = sorted({i for i in ids if ids.count(i) > 1} | (set(ids) & set(spec.domains)))
    if doubled:
        return f"the id `{doubled[0]}` is used twice (indicators and domains share one set of names); rename one."
    for indicator in spec.indicators:
        if indicator.domain not in spec.domains:
            return (
                f"indicator `{indicator.id}` is in domain `{indicator.domain}`, which is not declared; "
                f"declare it under [domains] or use one of {', '.join(spec.domains)}."
            )
    for domain in spec.domains:
        if not spec.in_domain(domain):
            return f"domain `{domain}` has no indicator; add one or remove the domain and its weight."
        if len(spec.in_domain(domain)) > MOST_INDICATORS:
            return (
                f"domain `{domain}` has {len(spec.in_domain(domain))} indicators, and exact contributions are made "
                f"for at most {MOST_INDICATORS}; split it."
            )
        if spec.domains[domain].combine == "factor_ml" and len(spec.in_domain(domain)) < 3:
            return (
                f'domain `{domain}` has fewer than three indicators, too few for combine = "factor_ml"; '
                'use combine = "arithmetic".'
            )
    return None


def _labels(spec: Spec) -> str | None:
    for kind, parts in (("indicators", spec.indicators), ("domains", tuple(spec.domains.values()))):
        labels = [part.label.casefold() for part in parts]
        alike = [part.label for part in parts if labels.count(part.label.casefold()) > 1]
        if alike:
            return (
                f"two {kind} have the label {alike[0]!r}, so that no table or sentence could tell them apart; "
                "change one."
            )
    return None


def _weights(spec: Spec) -> str | None:
    total = math.fsum(domain.weight for domain in spec.domains.values())
    if abs(total - spec.index.weights_sum) > _TOLERANCE:
        return (
            f"domain weights sum to {total:.6g}, not {spec.index.weights_sum:.6g}; correct them (they are never "
            f"rescaled), or, if the publisher's weights really sum to that, write weights_sum = {total:.6g} "
            "under [index]."
        )
    for domain in spec.domains:
        inside = math.fsum(spec.indicators[k].weight for k in spec.in_domain(domain))
        if spec.domains[domain].combine == "arithmetic" and abs(inside - 1.0) > _TOLERANCE:
            return (
                f"indicator weights in domain `{domain}` sum to {inside:.6g}, not 1; correct them "
                "(they are never rescaled)."
            )
    return None


def _overlaps(spec: Spec) -> str | None:
    seen: dict[str, Indicator] = {}
    for indicator in spec.indicators:
        keys = [
            f"source {indicator.source.id}",
            *(f"column {c}" for c in (indicator.column, *indicator.numerator) if c),
        ]
        for key in keys:
            other = seen.setdefault(key, indicator)
            if other.id != indicator.id and not indicator.overlap_ack.strip():
                return (
                    f"indicators `{other.id}` and `{indicator.id}` both use {key}; drop one, or write in "
                    f"`{indicator.id}` an overlap_ack that says why they are not the same thing counted twice."
                )
    return None


def _overall_beside_connectivity(spec: Spec) -> str | None:
    overall = [i for i in spec.indicators if "overall" in contents(i)]
    inside = [
        i
        for i in spec.indicators
        if "overall" not in contents(i) and contents(i) & {"broadband", "remoteness"}
    ]
    if overall and inside:
        return (
            f"`{overall[0].id}` is an overall deprivation index, which already contains broadband and remoteness, "
            f"and stands beside `{inside[0].id}`; use the income domain instead of the overall index."
        )
    return None


def _one_rural_term(spec: Spec) -> str | None:
    if spec.rural.mode == "none":
        return None
    if not spec.rural.measures:
        return '[rural] is active but names no measure; add [[rural.measures]] or set mode = "none".'
    if spec.index.score in {"normal", "zscore", "identity"}:
        return (
            f'[rural] multiplies the risk score, and score = "{spec.index.score}" is not a ratio scale from zero; use '
            'score = "exponential" or "minmax".'
        )
    inside = [i for i in spec.indicators if "remoteness" in contents(i)]
    if inside:
        return (
            f"two active rural terms: [rural] weighs by remoteness and indicator `{inside[0].id}` contains it; "
            'remove the indicator or set [rural] mode = "none" (two modest terms together move far more than '
            "their sum)."
        )
    by_class = [m for m in spec.rural.measures if re.search(r"ruc\d\d|is_rural", m.column.lower())]
    if by_class:
        return (
            f"the rural measure `{by_class[0].column}` is a class; weigh by a continuous travel time, because a "
            "class makes a cliff at its edge."
        )
    return None


def _means(spec: Spec) -> str | None:
    kind = spec.index.aggregation
    if kind == "power" and spec.index.power == 0:
        return 'aggregation = "power" with power = 0 has no meaning; use aggregation = "geometric".'
    if kind in {"geometric", "harmonic"} or (kind == "power" and spec.index.power < 0):
        if spec.index.score in {"normal", "zscore", "identity"}:
            return (
                f'aggregation = "{kind}" needs positive domain scores, and score = "{spec.index.score}" gives '
                'others; use score = "exponential".'
            )
        if spec.index.offset <= 0:
            return f'aggregation = "{kind}" meets zeros; state an offset such as offset = 1 under [index].'
    return _scores(spec)


def _scores(spec: Spec) -> str | None:
    kind = spec.index.aggregation
    if kind == "power" and spec.index.score in {"normal", "zscore", "identity"}:
        return 'aggregation = "power" needs scores of one sign; use score = "exponential".'
    if any(
        i.score is None and spec.index.indicator_score == "goalposts" and not i.goalposts
        for i in spec.indicators
    ):
        return 'indicator_score = "goalposts" needs `goalposts` in every indicator; add them.'
    if spec.index.score == "goalposts":
        return 'score = "goalposts" is for indicators; domains have no posts of their own, so use "minmax".'
    return None
