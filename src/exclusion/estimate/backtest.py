"""How well the estimate would have done: councils held out, beside the peer index and single indicators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

#: Councils with fewer areas than this say little about the order within a council.
FEWEST_AREAS = 20
#: Groups with fewer areas than this get counts but no figures.
_FEWEST_IN_GROUP = 10
_BINS = 10

CAVEATS = (
    "The yardstick is a measure of households, not of people: one able person can answer the Census for all.",
    "It is of March 2021, when people were at home and many were helped to answer; habits have changed since.",
    (
        "Where a paper form came first (about one household in ten; half of those in Wales) the published share is the "
        "publisher's own model, and agreement there proves less."
    ),
    "It says nothing of how well people can use what they are connected to, what they can afford, or what they want.",
    (
        "It is a share of some 700 households an area, so even a perfect estimate could not follow it exactly: its own "
        "sampling noise caps the share of variance that can be explained near 0.83."
    ),
    "Some councils are not in the yardstick; their estimates rest on councils elsewhere and are not tested there.",
)


@dataclass(frozen=True)
class BackTest:
    """A back-test on held-out councils, all tables plain.

    `scores`: one row a predictor (index `predictor`) on the same rows: `areas, spearman, worst_tenth_overlap,
    worst_tenth_hits, within_council_spearman, within_councils, spearman_england, spearman_wales, rural_share_of_worst_tenth`.
    `groups`: one row a group (`kind, group`): `areas, councils, spearman, worst_tenth_overlap, coverage,
    mean_observed_pct, mean_estimate_pct, mean_absolute_error_pp, deri_spearman`.
    `calibration`: ten bins of areas by estimate. `residuals` (index `lsoa21cd`): `estimate_pct, low_pct, high_pct,
    observed_pct, residual_pp, is_covered`. Shares are of households, March 2021.
    """

    scores: pd.DataFrame
    groups: pd.DataFrame
    calibration: pd.DataFrame
    residuals: pd.DataFrame
    facts: Mapping[str, Any]
    features: Mapping[str, tuple[str, ...]]
    absent: tuple[str, ...]
    caveats: tuple[str, ...] = CAVEATS

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the residuals of single areas as plain values for JSON; what is null is None."""
        return {
            "facts": _plain(dict(self.facts)),
            "scores": _records(self.scores.reset_index()),
            "groups": _records(self.groups),
            "calibration": _records(self.calibration),
            "features": {driver: list(names) for driver, names in self.features.items()},
            "features_absent": list(self.absent),
            "caveats": list(self.caveats),
        }

    def text(self) -> str:
        """Return the tables as plain text for a terminal."""
        facts = self.facts
        lines = [
            (
                f"Back-test on {facts['areas']:,} areas of {facts['councils']} councils, each council held out "
                f"({facts['folds']} folds); share of households offline, March 2021."
            ),
            "",
            _text(self.scores.reset_index()),
            "",
            f"Intervals of {facts['confidence']:.0%} cover {facts['coverage']:.1%} of held-out areas.",
            (
                f"Rural areas are {facts['rural_share']:.1%} of all areas and {facts['rural_share_of_observed_worst']:.1%} "
                "of the observed worst tenth."
            ),
            "",
            _text(self.groups),
        ]
        return "\n".join(lines) + "\n"


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Return the rank correlation with ties at their mean rank; NaN where one side does not vary."""
    if len(left) < 2:
        return float("nan")
    a, b = rankdata(left), rankdata(right)
    a, b = a - a.mean(), b - b.mean()
    bottom = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / bottom if bottom > 0 else float("nan")


def worst_tenth(values: np.ndarray) -> np.ndarray:
    """Return how far each row belongs to the tenth of rows with the highest values, from 0 to 1.

    The sum is a tenth of the rows. Rows that tie at the edge share what is left of it: the observed shares have one
    decimal, so some two hundred areas tie there, and to choose among them by their code would be chance.
    """
    count = max(1, round(len(values) / 10))
    edge = np.sort(values)[-count]
    above, at_edge = values > edge, values == edge
    return np.asarray(above + at_edge * ((count - above.sum()) / at_edge.sum()), dtype=float)


def overlap(left: np.ndarray, right: np.ndarray) -> float:
    """Return the share of one worst tenth that is in the other, expected over all orders of what ties."""
    a, b = worst_tenth(left), worst_tenth(right)
    return float((a * b).sum() / a.sum())


def hits(estimate: np.ndarray, observed: np.ndarray) -> float:
    """Return the share of the estimated worst tenth whose observation is at or above its 90th percentile.

    Counts every area that ties at the edge as in the worst tenth, so it is a little higher than `overlap`.
    """
    a = worst_tenth(estimate)
    return float(a[observed >= np.quantile(observed, 0.9)].sum() / a.sum())


def within_councils(estimate: np.ndarray, observed: np.ndarray, councils: np.ndarray) -> tuple[float, int]:
    """Return the mean over councils with at least 20 areas of the rank correlation, and how many those are."""
    found = []
    for rows in pd.Series(np.arange(len(councils))).groupby(councils):
        places = rows[1].to_numpy()
        if len(places) >= FEWEST_AREAS:
            value = spearman(estimate[places], observed[places])
            if np.isfinite(value):
                found.append(value)
    return (float(np.mean(found)) if found else float("nan")), len(found)


def make_backtest(
    table: pd.DataFrame,
    residuals: pd.DataFrame,
    predictors: Mapping[str, np.ndarray],
    *,
    folds: int,
    confidence: float,
    features: Mapping[str, tuple[str, ...]],
    absent: tuple[str, ...],
    absent_peers: tuple[str, ...] = (),
) -> BackTest:
    """Score held-out estimates and peers on the same rows.

    `table` and `residuals` (see BackTest) have the same index, the areas that count; `predictors` are arrays in that
    order, the first of them the estimate, higher meaning more offline. Rows where any peer is null are left out for
    that peer alone and its `areas` says so.
    """
    observed = residuals["observed_pct"].to_numpy(float)
    estimate = residuals["estimate_pct"].to_numpy(float)
    councils = table["lad_cd"].astype(str).to_numpy()
    nation = table["nation"].astype(str).to_numpy()
    rural = table["is_rural"].to_numpy(bool) if "is_rural" in table else _is_rural(table)
    rows = [
        {"predictor": name, **_scores(np.asarray(values, float), observed, councils, nation, rural)}
        for name, values in predictors.items()
    ]
    scores = pd.DataFrame(rows).set_index("predictor")
    deri = predictors.get("DERI v1.6")
    facts = {
        "areas": len(table),
        "councils": len(np.unique(councils)),
        "folds": folds,
        "confidence": confidence,
        "coverage": float(residuals["is_covered"].mean()),
        "mean_observed_pct": float(observed.mean()),
        "mean_estimate_pct": float(estimate.mean()),
        "mean_absolute_error_pp": float(np.abs(observed - estimate).mean()),
        "r_squared": 1
        - float(((observed - estimate) ** 2).sum() / ((observed - observed.mean()) ** 2).sum()),
        "rural_share": float(rural.mean()),
        "rural_share_of_observed_worst": _rural_share(observed, rural),
        "rural_share_of_estimated_worst": _rural_share(estimate, rural),
        "peers_not_at_hand": list(absent_peers),
    }
    return BackTest(
        scores=scores,
        groups=_groups(table, residuals, councils, rural, deri),
        calibration=_calibration(estimate, observed, residuals["is_covered"].to_numpy(bool)),
        residuals=residuals,
        facts=facts,
        features=features,
        absent=absent,
    )


def _is_rural(table: pd.DataFrame) -> np.ndarray:
    return np.asarray(table["ruc21cd"].astype(str).str.startswith("R"), dtype=bool)


def _rural_share(values: np.ndarray, rural: np.ndarray) -> float:
    return float(np.average(rural, weights=worst_tenth(values)))


def _scores(
    values: np.ndarray, observed: np.ndarray, councils: np.ndarray, nation: np.ndarray, rural: np.ndarray
) -> dict[str, Any]:
    known = np.isfinite(values)
    v, o, c, n, r = values[known], observed[known], councils[known], nation[known], rural[known]
    within, count = within_councils(v, o, c)
    return {
        "areas": int(known.sum()),
        "spearman": spearman(v, o),
        "worst_tenth_overlap": overlap(v, o) if len(v) else float("nan"),
        "worst_tenth_hits": hits(v, o) if len(v) else float("nan"),
        "within_council_spearman": within,
        "within_councils": count,
        "spearman_england": spearman(v[n == "England"], o[n == "England"]),
        "spearman_wales": spearman(v[n == "Wales"], o[n == "Wales"]),
        "rural_share_of_worst_tenth": _rural_share(v, r) if len(v) else float("nan"),
    }


def _groups(
    table: pd.DataFrame,
    residuals: pd.DataFrame,
    councils: np.ndarray,
    rural: np.ndarray,
    deri: np.ndarray | None,
) -> pd.DataFrame:
    region = (
        table["rgn_nm"].astype("object").where(table["rgn_nm"].notna(), table["nation"])
        if "rgn_nm" in table
        else table["nation"]
    )
    ruc = table["ruc21nm"].astype(str).fillna("") if "ruc21nm" in table else table["ruc21cd"].astype(str)
    kinds = {
        "all": pd.Series("all areas", index=table.index),
        "nation": table["nation"].astype(str),
        "region": region.astype(str),
        "rural or urban": pd.Series(np.where(rural, "rural", "urban"), index=table.index),
        "rural urban class": ruc,
    }
    observed = residuals["observed_pct"].to_numpy(float)
    estimate = residuals["estimate_pct"].to_numpy(float)
    covered = residuals["is_covered"].to_numpy(bool)
    out = []
    for kind, labels in kinds.items():
        for label in sorted(labels.unique()):
            mine = (labels == label).to_numpy()
            row: dict[str, Any] = {
                "kind": kind,
                "group": label,
                "areas": int(mine.sum()),
                "councils": len(np.unique(councils[mine])),
            }
            if mine.sum() >= _FEWEST_IN_GROUP:
                row |= {
                    "spearman": spearman(estimate[mine], observed[mine]),
                    "worst_tenth_overlap": overlap(estimate[mine], observed[mine]),
                    "coverage": float(covered[mine].mean()),
                    "mean_observed_pct": float(observed[mine].mean()),
                    "mean_estimate_pct": float(estimate[mine].mean()),
                    "mean_absolute_error_pp": float(np.abs(observed[mine] - estimate[mine]).mean()),
                }
                if deri is not None:
                    known = mine & np.isfinite(deri)
                    row["deri_spearman"] = spearman(deri[known], observed[known])
            out.append(row)
    columns = [
        "kind",
        "group",
        "areas",
        "councils",
        "spearman",
        "worst_tenth_overlap",
        "coverage",
        "mean_observed_pct",
        "mean_estimate_pct",
        "mean_absolute_error_pp",
        "deri_spearman",
    ]
    return pd.DataFrame(out).reindex(columns=columns)


def _calibration(estimate: np.ndarray, observed: np.ndarray, covered: np.ndarray) -> pd.DataFrame:
    order = np.argsort(estimate, kind="stable")
    out = []
    for number, places in enumerate(np.array_split(order, min(_BINS, max(1, len(order)))), start=1):
        spread = float(observed[places].std(ddof=1)) if len(places) > 1 else float("nan")
        out.append(
            {
                "bin": number,
                "areas": len(places),
                "mean_estimate_pct": float(estimate[places].mean()),
                "mean_observed_pct": float(observed[places].mean()),
                "standard_error_pp": spread / float(np.sqrt(len(places))),
                "coverage": float(covered[places].mean()),
            }
        )
    return pd.DataFrame(out)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [_plain(record) for record in frame.to_dict("records")]


def _plain(record: Mapping[Any, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, (float, np.floating)):
            out[str(key)] = round(float(value), 6) if np.isfinite(value) else None
        elif isinstance(value, (np.integer, np.bool_)):
            out[str(key)] = value.item()
        else:
            out[str(key)] = value
    return out


def _text(frame: pd.DataFrame) -> str:
    return str(frame.to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-"))
