"""The engine: one pure function from a spec and an indicator table to scores, ranks and reasons.

Arrays inside are indicator-major, (indicators, areas). Uncertainty, what-if and change over time call `build` with
an edited spec or a frozen reference; nothing else makes scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError, InputError
from exclusion.files import sha256_of_parts
from exclusion.index.decomposition import Contributions, decompose
from exclusion.index.factors import factor_weights
from exclusion.index.index_table import index_table
from exclusion.index.layers import Layers
from exclusion.index.means import weighted_mean, weighted_sum
from exclusion.index.missing import Cells, climb, group_codes, read_cells
from exclusion.index.needs import help_is_far
from exclusion.index.reference import Reference
from exclusion.index.rural import rural_term
from exclusion.index.shrinkage import median_cv, shrink_rates
from exclusion.index.spec import Indicator, Spec
from exclusion.index.transforms import ScoreCurve, fit_curve
from exclusion.index.treatment import treat

Array = npt.NDArray[Any]

ENGINE_VERSION = "1"


@dataclass(frozen=True)
class IndexResult:
    """Hold a whole build.

    table: the `index` table of docs/architecture.md, one row an area in the order of the input, with the key as a
    column. status: how each cell came about, in words (areas x indicators). raw and shrunk: values in natural units
    (areas x indicators). reference: the distributions of this build, to freeze. relative_to: which areas scores and
    ranks are relative to. notes: what stood in for what; warnings: what a reader must know before trusting it.
    """

    spec: Spec
    table: Any
    status: Any
    raw: Any
    shrunk: Any
    layers: Layers
    contributions: Contributions
    reference: Reference
    relative_to: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    meta: dict[str, Any]


def build(spec: Spec, table: Any, reference: Reference | None = None, *, label: str = "") -> IndexResult:
    """Build the index of a spec for the areas of an indicator table.

    `table` is indexed by `lsoa21cd` (unique) and holds every column that the spec reads; null is missing, zero is 0,
    `<column>__status` says why. Scores and ranks are relative to the table's own areas, or, with `reference`, to the
    areas of a frozen national build, so that a county is ranked nationally. `label` names the table's areas for
    people ("in England and Wales"). Every area of the table is in the result; one with less than the spec's observed
    weight has null ranks. InputError names a column that is not there or does not fit, or a reference of another spec.
    """
    _check(spec, table, reference)
    warnings: list[str] = []
    cells, shrunk, posterior, posterior_sd = _values(spec, table, warnings)
    curves = {} if reference is None else dict(reference.indicators)
    signs = np.array([1.0 if i.direction == "+" else -1.0 for i in spec.indicators])
    oriented = signs[:, None] * np.vstack([c.filled for c in cells])
    scores = np.empty_like(oriented)
    for k, indicator in enumerate(spec.indicators):
        if reference is None:
            curves[indicator.id] = _indicator_curve(
                spec, indicator, oriented[k], cells[k].is_present, warnings
            )
        found = curves[indicator.id](oriented[k])
        scores[k] = np.where(np.isfinite(found), found, curves[indicator.id].neutral)
    typical = np.array([curves[i.id].neutral for i in spec.indicators])
    is_present = np.vstack([c.is_present for c in cells])
    inner = {} if reference is None else dict(reference.inner_weights)
    domain_curves = {} if reference is None else dict(reference.domains)
    sums, domain_scores, observed = [], [], []
    for name, domain in spec.domains.items():
        members = list(spec.in_domain(name))
        if reference is None:
            inner[name] = _inner_weights(spec, name, scores[members], is_present[members], warnings)
        total = weighted_sum(inner[name], scores[members])
        share = weighted_sum(inner[name], is_present[members])
        if reference is None:
            # An area about which a domain knows nothing must not shape the distribution of that domain.
            domain_curves[name] = fit_curve(
                np.where(share > 0, total, np.nan),
                spec.index.score,
                ties=spec.index.ties,
                scale=spec.index.score_scale,
            )
        sums.append(total)
        domain_scores.append(domain_curves[name](total))
        observed.append(share * domain.weight)
    weights = np.array([d.weight for d in spec.domains.values()])
    layers_x = np.vstack(domain_scores)
    share_observed = np.sum(observed, axis=0) / weights.sum()
    is_ranked = share_observed >= spec.index.min_observed_weight - 1e-9
    risk = weighted_mean(
        layers_x, weights, kind=spec.index.aggregation, power=spec.index.power, offset=spec.index.offset
    )
    rural = rural_term(
        spec.rural,
        table,
        held_column=reference.rural_column if reference else None,
        held_curve=reference.rural if reference else None,
    )
    if spec.rural.mode != "none" and (risk < 0).any():
        raise InputError(
            "The rural factor multiplies the risk score, which is negative in some areas; use a score that starts "
            'at zero, such as score = "exponential", or set [rural] mode = "none".'
        )
    exclusion = risk * rural.factor
    layers = Layers(
        cells=cells,
        oriented=oriented,
        shrunk=shrunk,
        scores=scores,
        typical=typical,
        domain_sums=np.vstack(sums),
        domain_scores=layers_x,
        domain_observed=np.vstack(observed) / weights[:, None],
        observed=share_observed,
        risk=risk,
        exclusion=exclusion,
        is_ranked=is_ranked,
        posterior=posterior,
        posterior_sd=posterior_sd,
        rural=rural,
        is_help_far=help_is_far(spec, table),
    )
    contributions = decompose(
        spec,
        indicator_scores=scores,
        domain_scores=layers_x,
        typical=typical,
        inner_weights=inner,
        curves=domain_curves,
    )
    frozen = reference or Reference(
        label=label or "among the areas of this table",
        spec_hash=spec.hash,
        indicators={name: _freeze(spec, name, curve) for name, curve in curves.items()},
        domains={name: curve.frozen() for name, curve in domain_curves.items()},
        inner_weights=inner,
        sorted_scores={
            "risk": np.sort(risk[is_ranked]),
            "exclusion": np.sort(exclusion[is_ranked]),
            **{name: np.sort(t[o > 0]) for name, t, o in zip(spec.domain_ids, sums, observed, strict=True)},
        },
        rural_column=rural.measure.column if rural.measure else "",
        rural=rural.curve,
    )
    notes = _notes(spec, layers, reference)
    if not is_ranked.all():
        lost = int((~is_ranked).sum())
        warnings.append(
            f"{lost:,} area{'s are' if lost != 1 else ' is'} not ranked: less than "
            f"{100 * spec.index.min_observed_weight:.0f}% of the weight is observed there."
        )
    if reference is None and spec.index.n_expected and len(table) != spec.index.n_expected:
        warnings.append(
            f"Scores and ranks are relative to the {len(table):,} areas of this table alone, not to all "
            f"{spec.index.n_expected:,} of the nation; give a reference from a national run to rank nationally."
        )
    if reference is not None and rural.measure and rural.measure.column != reference.rural_column:
        warnings.append(
            f"The rural weight here rests on {rural.measure.column}, in the reference on "
            f"{reference.rural_column or 'nothing'}: compare exclusion ranks with other places with care."
        )
    frame = index_table(spec, table, layers, contributions, frozen, curves)
    return IndexResult(
        spec=spec,
        table=frame,
        status=_frame(spec, table, [c.status for c in cells]),
        raw=_frame(spec, table, [c.raw for c in cells]),
        shrunk=_frame(spec, table, list(shrunk)),
        layers=layers,
        contributions=contributions,
        reference=frozen,
        relative_to=frozen.label,
        notes=tuple(notes),
        warnings=tuple(warnings),
        meta={
            "spec_id": spec.index.id,
            "spec_version": spec.index.version,
            "spec_hash": spec.hash,
            "data_hash": _data_hash(spec, table),
            "engine_version": ENGINE_VERSION,
            "areas": len(table),
            "ranked_areas": frozen.n_ranked,
            "reference_score": contributions.reference_score,
            "rural_measure": rural.measure.column if rural.measure else None,
            "rural_lambda": spec.rural.lambda_ if rural.measure else 0.0,
            "inner_weights": {
                spec.indicators[k].id: float(w)
                for name in spec.domain_ids
                for k, w in zip(spec.in_domain(name), inner[name], strict=True)
            },
        },
    )


def _check(spec: Spec, table: Any, reference: Reference | None) -> None:
    if table.index.name != "lsoa21cd" or not table.index.is_unique:
        raise ContractError(
            "The indicator table must be indexed by a unique `lsoa21cd`; set that index before the index is built."
        )
    if not len(table):
        raise InputError("The indicator table has no areas; choose a place that has some.")
    for where, column in _grouping_columns(spec):
        if column not in table:
            raise InputError(
                f"{where} groups areas by {column}, which the indicator table does not have; use one of its columns "
                "of codes, such as lad_cd, msoa21cd or ruc21cd."
            )
    if reference is not None and reference.spec_hash != spec.hash:
        raise InputError(
            f"The reference was made by another spec (hash {reference.spec_hash[:12]}, this one is "
            f"{spec.hash[:12]}); build the reference again with this spec."
        )


def _grouping_columns(spec: Spec) -> list[tuple[str, str]]:
    """Return the columns of groups that a spec names, each with where it does."""
    found = [("`stratify`", column) for column in spec.stratify]
    for indicator in spec.indicators:
        where = f"Indicator `{indicator.id}`"
        found += [
            (f"{where} (missing)", column)
            for rung in indicator.missing
            if rung != "neutral"
            for column in rung.partition(":")[2].split("+")
        ]
        found += [
            (f"{where} (shrink)", column) for column in (indicator.shrink.to if indicator.shrink else ())
        ]
    return found


def _values(spec: Spec, table: Any, warnings: list[str]) -> tuple[tuple[Cells, ...], Array, Array, Array]:
    """Return cells, values in natural units after shrinkage and ladder, and the posterior of each."""
    count, size = len(spec.indicators), len(table)
    shrunk = np.empty((count, size))
    posterior, sd = np.full((count, size), np.nan), np.full((count, size), np.nan)
    held = []
    for k, indicator in enumerate(spec.indicators):
        cells = read_cells(indicator, table)
        if not cells.is_present.any():
            warnings.append(
                f"{indicator.label}: no figure for any area, so every area is taken as typical there."
            )
        elif len(table) > 1 and np.ptp(cells.raw[cells.is_present]) == 0:
            warnings.append(f"{indicator.label}: the same everywhere, so it tells no areas apart.")
        elif (lost := float((~cells.is_present).mean())) > indicator.max_missing:
            warnings.append(
                f"{indicator.label}: no figure for {100 * lost:.1f}% of areas, more than the "
                f"{100 * indicator.max_missing:.0f}% the spec allows for without a word."
            )
        values, posterior[k], sd[k] = _shrink(indicator, cells, table)
        cells = climb(cells, indicator, values, table)
        held.append(cells)
        shrunk[k] = cells.filled
    return tuple(held), shrunk, posterior, sd


def _shrink(indicator: Indicator, cells: Cells, table: Any) -> tuple[Array, Array, Array]:
    """Return values after shrinkage, and the posterior on the scale on which errors are drawn.

    Rates are drawn on the logit scale (posterior of the shrinkage, or the area's own logit and sampling variance);
    `se:<column>` gives a normal error on the value itself. Without a declared error the posterior is null.
    """
    none = np.full(len(cells.raw), np.nan)
    error = indicator.error
    if cells.events is None or cells.base is None:
        if error.startswith("se:"):
            return cells.raw, cells.raw, table[error[3:]].to_numpy(dtype=float, na_value=np.nan)
        return cells.raw, none, none
    inflation = float(error[5:]) if error.startswith("deff:") else 1.0
    if error.startswith("se:"):
        p = np.clip(cells.raw / indicator.multiplier, 1e-6, 1 - 1e-6)
        se = table[error[3:]].to_numpy(dtype=float, na_value=np.nan) / indicator.multiplier
        return cells.raw, np.asarray(np.log(p / (1 - p))), np.asarray(se / (p * (1 - p)))
    shrink = indicator.shrink
    is_shrunk = shrink is not None and median_cv(cells.events, cells.base) > shrink.when_cv_above
    if error == "none" and not is_shrunk:
        return cells.raw, none, none
    # Errors are drawn from the posterior even where the value itself is not shrunk: noise on top of a noisy
    # estimate would count it twice. Without a declared group the whole table is the group.
    groups = group_codes(table, shrink.to) if shrink and is_shrunk else np.zeros(len(cells.raw), dtype=int)
    codes = np.where(groups < 0, groups.max(initial=-1) + 1, groups)
    found = shrink_rates(
        cells.events,
        cells.base,
        codes,
        method=shrink.method if shrink else "eb",
        inflation=inflation,
        variance=1.0 / (cells.events + 0.5) if error == "poisson" else None,
    )
    values = indicator.multiplier * np.where(cells.is_present, found.rate, np.nan) if is_shrunk else cells.raw
    return (values, none, none) if error == "none" else (values, found.logit, found.logit_sd)


def _indicator_curve(
    spec: Spec, indicator: Indicator, oriented: Array, is_present: Array, warnings: list[str]
) -> ScoreCurve:
    """Return the curve from an oriented value to the indicator's score, with the outlier treatment inside it."""
    score = indicator.score or spec.index.indicator_score
    known = np.where(is_present, oriented, np.nan)
    posts = indicator.goalposts
    if posts and indicator.direction == "-":
        posts = (-posts[1], -posts[0])
    how: dict[str, Any] = {"ties": spec.index.ties, "scale": spec.index.score_scale, "posts": posts}
    if indicator.treat is None or not is_present.any():
        return fit_curve(known, score, **how)
    treated, done = treat(known, most=indicator.treat.winsor_max, then=indicator.treat.then)
    if "fails" in done:
        warnings.append(f"{indicator.label}: {done}.")
    inner = fit_curve(treated, score, **how)
    # Treatments are monotone, so one curve from the untreated value does both and can be frozen.
    distinct, first = np.unique(known[is_present], return_index=True)
    return ScoreCurve(distinct, inner(treated[is_present][first]), inner.neutral)


def _freeze(spec: Spec, name: str, curve: ScoreCurve) -> ScoreCurve:
    score = next(i.score or spec.index.indicator_score for i in spec.indicators if i.id == name)
    return curve if score == "goalposts" else curve.frozen()


def _inner_weights(spec: Spec, name: str, scores: Array, is_present: Array, warnings: list[str]) -> Array:
    members = [spec.indicators[k] for k in spec.in_domain(name)]
    if spec.domains[name].combine == "arithmetic":
        return np.array([i.weight for i in members])
    found = factor_weights(np.where(is_present, scores, np.nan), tuple(i.id for i in members), name)
    if found.second_eigenvalue > 1.0:
        warnings.append(
            f"{spec.domains[name].label}: a second factor is as strong as an indicator (eigenvalue "
            f"{found.second_eigenvalue:.2f}), so one number may not sum this domain up."
        )
    return found.weights


def _notes(spec: Spec, layers: Layers, reference: Reference | None) -> list[str]:
    notes = list(_sentences(layers.rural.notes))
    for indicator, cells in zip(spec.indicators, layers.cells, strict=True):
        if cells.is_present.all():
            continue
        words, counts = np.unique(cells.status[~cells.is_present].astype(str), return_counts=True)
        parts = ", ".join(f"{count:,} {word}" for word, count in zip(words, counts, strict=True))
        notes.append(f"{indicator.label}: {parts}.")
    if reference is not None:
        notes.append(f"Scores and ranks are relative to {reference.n_ranked:,} areas {reference.label}.")
    return notes


def _sentences(parts: Sequence[str]) -> Sequence[str]:
    return [f"{', '.join(parts)[:1].upper()}{', '.join(parts)[1:]}."] if parts else []


def _frame(spec: Spec, table: Any, columns: list[Array]) -> Any:
    import pandas as pd

    names = [indicator.id for indicator in spec.indicators]
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=table.index)


def _data_hash(spec: Spec, table: Any) -> str:
    used = sorted({column for indicator in spec.indicators for column in indicator.columns})
    parts: list[str | bytes] = ["\n".join(map(str, table.index))]
    for column in used:
        parts += [
            column,
            np.ascontiguousarray(table[column].to_numpy(dtype=float, na_value=np.nan)).tobytes(),
        ]
    return sha256_of_parts(parts)
