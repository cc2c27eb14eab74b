"""One connection indicator an area, from the best source at hand, and what stood in where that was not Ofcom's."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exclusion.errors import ContractError

_LAD_PREDICTORS = ("ultrafast_pct", "superfast_pct", "below_decent_pct")


@dataclass(frozen=True)
class Connection:
    """The connection columns of the indicator table and the sentences that say what stands in."""

    table: pd.DataFrame
    stand_ins: tuple[str, ...]


def connection(
    areas: pd.DataFrame,
    *,
    premises: pd.DataFrame | None,
    iod_connectivity: pd.Series | None,
    lad_coverage: pd.DataFrame | None,
) -> Connection:
    """Return `broadband_deficit` (higher is worse) and `broadband_deficit__status`, indexed by `lsoa21cd`.

    With Ofcom's output-area file summed to areas (`premises`, `premises_below_30mbit`,
    `premises_below_ultrafast`; indexed by `lsoa21cd`) the deficit is the share of premises that cannot get
    100 Mbit/s, per cent, and all areas are `observed`. Without it England takes the IoD 2025 digital connectivity
    indicator (standardised, active lines; `fallback`), and areas outside England an estimate for their whole
    council from Ofcom's coverage by council (`modelled`): the least-squares line of the English councils' mean
    indicator on the shares of premises with ultrafast, superfast and less than decent broadband. `lad_coverage`
    is indexed by `lad_cd`. Both kinds of deficit are never mixed in one edition, because they have no common unit.
    An area with neither is null and `not_published`.
    """
    index = pd.Index(areas["lsoa21cd"])
    out = pd.DataFrame(
        {"broadband_deficit": np.nan, "broadband_deficit__status": "not_published"}, index=index
    )
    if premises is not None:
        return _from_premises(out, premises)
    notes = []
    if iod_connectivity is not None and iod_connectivity.notna().any():
        values = iod_connectivity.reindex(index)
        out["broadband_deficit"] = values
        out.loc[values.notna(), "broadband_deficit__status"] = "fallback"
        notes.append(
            "Connection in England is the IoD 2025 digital connectivity indicator (speeds of active lines), because "
            "Ofcom's output-area coverage file is not at hand."
        )
        if lad_coverage is not None and out["broadband_deficit"].isna().any():
            notes += _model_the_rest(out, areas, lad_coverage)
    elif lad_coverage is not None:
        council = lad_coverage["ultrafast_pct"].reindex(areas["lad_cd"]).to_numpy(float)
        out["broadband_deficit"] = 100.0 - council
        out.loc[np.isfinite(council), "broadband_deficit__status"] = "fallback"
        notes.append("Connection is Ofcom's coverage of whole councils, because no finer figure is at hand.")
    lost = int(out["broadband_deficit"].isna().sum())
    if lost:
        notes.append(
            f"Connection is not published for {lost:,} areas, so their index rests on the other domains."
        )
    return Connection(table=out, stand_ins=tuple(notes))


def _from_premises(out: pd.DataFrame, premises: pd.DataFrame) -> Connection:
    counts = premises.reindex(out.index)
    if (counts["premises_below_ultrafast"] > counts["premises"]).any():
        worst = counts.index[counts["premises_below_ultrafast"] > counts["premises"]][0]
        raise ContractError(
            f"Ofcom coverage: {worst} has more premises below ultrafast than premises; check the file."
        )
    has_premises = counts["premises"] > 0
    share = 100.0 * counts["premises_below_ultrafast"] / counts["premises"].where(has_premises)
    out = out.join(counts)
    out["broadband_deficit"] = share
    out["broadband_deficit__status"] = np.where(has_premises, "observed", "missing")
    notes: tuple[str, ...] = ()
    if not has_premises.all():
        notes = (f"Ofcom's file has no premises in {int((~has_premises).sum()):,} areas.",)
    return Connection(table=out, stand_ins=notes)


def _model_the_rest(out: pd.DataFrame, areas: pd.DataFrame, lad_coverage: pd.DataFrame) -> list[str]:
    """Fill areas without the indicator from their council's coverage; return what to say of it."""
    lad = pd.Series(areas["lad_cd"].to_numpy(), index=out.index)
    council_mean = out["broadband_deficit"].groupby(lad).mean().dropna()
    known = lad_coverage.reindex(council_mean.index)[list(_LAD_PREDICTORS)].dropna()
    missing = out["broadband_deficit"].isna()
    # A line through fewer councils than this says more of chance than of broadband.
    if len(known) < 30 or not missing.any():
        return []
    design = np.column_stack([np.ones(len(known)), known.to_numpy(float)])
    target = council_mean.loc[known.index].to_numpy(float)
    coefficients, *_ = np.linalg.lstsq(design, target, rcond=None)
    explained = 1.0 - float(np.var(target - design @ coefficients) / np.var(target))
    wanted = lad_coverage.reindex(lad[missing])[list(_LAD_PREDICTORS)].to_numpy(float)
    out.loc[missing, "broadband_deficit"] = np.column_stack([np.ones(len(wanted)), wanted]) @ coefficients
    filled = missing & out["broadband_deficit"].notna()
    out.loc[filled, "broadband_deficit__status"] = "modelled"
    nations = " and ".join(sorted({str(n) for n in areas.loc[filled.to_numpy(), "nation"]}))
    note = (
        f"Connection in {nations} is modelled for whole councils from Ofcom's coverage by council "
        f"(fitted on {len(known)} English councils, R² {explained:.2f}), because no small-area figure is at hand."
    )
    return [note]
