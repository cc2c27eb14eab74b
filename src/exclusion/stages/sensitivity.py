"""The sensitivity step: what drives the ranks, where need clusters, and what changed since an earlier edition."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import InputError
from exclusion.files import stable_json, write_text
from exclusion.stages.national import index_input, label_of
from exclusion.stages.tables import Inputs, read_table, write_table
from exclusion.steps import progress_of

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult

# Permutations x areas: 9,999 permutations, as one publishes, up to 40,000 areas.
_PERMUTATIONS = 9_999
_GLOBAL_PERMUTATIONS = 199
_MEASURE = "chance_worst_tenth_pct"


def make_sensitivity(spec_path: str, base: int | None = None) -> Callable[[Inputs, Path], None]:
    """Return the builder of the sensitivity step.

    The amount of work is `base`, as `run_sensitivity` takes it, or follows from the number of areas: never from a clock.
    """

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.index.engine import build as build_index
        from exclusion.index.spec import load_spec

        table = index_input(inputs)
        result = build_index(load_spec(spec_path), table, label=label_of(table))
        effects, areas = effects_of(result, table, base=base)
        clusters, found = clusters_of(result, table, inputs)
        areas = areas.rename(columns={"sentence": "rank_hangs_on"})
        write_table(
            areas.merge(clusters, on="lsoa21cd", validate="one_to_one"), folder / "sensitivity.parquet"
        )
        record: dict[str, Any] = {"effects": effects, "clusters": found}
        if "reference" in inputs:
            change, record["change"] = _change(result, table, inputs["reference"])
            write_table(change, folder / "change.parquet")
        write_text(folder / "sensitivity.json", stable_json(record))

    return build


def effects_of(
    result: "IndexResult", table: pd.DataFrame, *, base: int | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the record of what drives the ranks, and the table of areas; `base` as `run_sensitivity` takes it."""
    from exclusion.index.sensitivity import run_sensitivity

    try:
        found = run_sensitivity(result, table, base=base, progress=progress_of("Finding what drives ranks"))
    except InputError as why:
        bare = pd.DataFrame({"lsoa21cd": table.index, "main_factor": None, "sentence": ""})
        return {"why_not": str(why)}, bare
    main = found.areas["main_factor"].value_counts().sort_index()
    return {
        "overall": [
            {key: (round(value, 4) if isinstance(value, float) else value) for key, value in row.items()}
            for row in found.overall.to_dict("records")
        ],
        "without": [
            {key: (round(value, 2) if isinstance(value, float) else value) for key, value in row.items()}
            for row in found.without.to_dict("records")
        ],
        "words": found.words,
        "base": found.base,
        "is_base_asked": base is not None,
        "versions": found.versions,
        "main_factors": {str(name): int(count) for name, count in main.items()},
    }, found.areas


def clusters_of(
    result: "IndexResult", table: pd.DataFrame, inputs: Inputs
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return clusters and hot spots of the chance of being in the worst tenth, and the record of them."""
    from exclusion.index.spatial import (
        NEIGHBOURS,
        conditional_p,
        global_moran,
        local_clusters,
        nearest_weights,
        neighbour_sensitivity,
    )

    chance = read_table(inputs["uncertainty.parquet"]).set_index("lsoa21cd")[_MEASURE].reindex(table.index)
    held = chance.to_numpy(float, na_value=np.nan)
    use = np.isfinite(held) & table[["x_m", "y_m"]].notna().all(axis=1).to_numpy()
    values, x, y = held[use], table["x_m"].to_numpy(float)[use], table["y_m"].to_numpy(float)[use]
    seed = result.spec.uncertainty.seed % 2**32
    out = pd.DataFrame({"lsoa21cd": table.index, "cluster": None, "hot_spot": None})
    try:
        weights = nearest_weights(x, y)
        moran = global_moran(values, weights, permutations=_GLOBAL_PERMUTATIONS, seed=seed)
        how: dict[str, Any] = {"permutations": _PERMUTATIONS, "seed": seed}
        p = conditional_p(values, weights, **how)
        local = local_clusters(values, weights, p=p)
        hot = local_clusters(values, weights, statistic="hot_spot", p=p)
        tried = neighbour_sensitivity(values, x, y, seed=seed)
    except InputError as why:
        return out, {"why_not": str(why)}
    out.loc[use, "cluster"], out.loc[use, "hot_spot"] = local["cluster"].to_numpy(), hot["cluster"].to_numpy()
    return out, {
        "neighbours": NEIGHBOURS,
        "permutations": _PERMUTATIONS,
        "global_permutations": _GLOBAL_PERMUTATIONS,
        "areas": moran.areas,
        "moran_i": round(moran.i, 4),
        "moran_expected": round(moran.expected, 6),
        "moran_p": moran.p,
        "clusters": {str(k): int(v) for k, v in local["cluster"].value_counts().sort_index().items()},
        "hot_spots": {str(k): int(v) for k, v in hot["cluster"].value_counts().sort_index().items()},
        "neighbour_definitions": [
            {key: None if pd.isna(value) else round(float(value), 4) for key, value in row.items()}
            for row in tried.to_dict("records")
        ],
    }


def _change(
    result: "IndexResult", table: pd.DataFrame, reference: Path
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return how risk changed since an earlier edition, term by term, and the record of it."""
    from exclusion.index.change import change_terms
    from exclusion.index.past import Past

    past = Past.load(reference)
    if not past.risk.index.isin(table.index).any():
        raise InputError(
            f"The reference is of other areas ({past.reference.label}) than this run; give the reference of an edition "
            "of the same nation."
        )
    terms = change_terms(past, result, table)
    terms.loc[~result.layers.is_ranked] = np.nan
    parts = ("data", "reference", "method", "geography")
    return terms.reset_index(), {
        "since": past.reference.label,
        "areas_before": len(past.risk),
        "same_spec": past.spec.hash == result.spec.hash,
        "mean_points": {part: round(float(terms[part].abs().mean()), 4) for part in (*parts, "change")},
        "moved_areas": int((terms["change"].abs() > 1e-9).sum()),
    }
