"""What must hold of a draft's own figures."""

from typing import Any

from exclusion.editions.store import Draft, Past

RESULTS = "results.parquet"
# The part of the index's weight that may rest on figures that are not an area's own, and the areas left unranked.
MOST_NOT_OWN_PCT = 25.0
MOST_UNRANKED_PCT = 5.0
_SHOWN = 3


def results_of(draft: Draft) -> Any:
    """Return the draft's results, one row an area, indexed by `lsoa21cd`."""
    return read_results(draft.tables[RESULTS])


def read_results(path: Any) -> Any:
    """Read a table of results; its key is the index."""
    import pandas as pd

    table = pd.read_parquet(path)
    return table.set_index("lsoa21cd") if "lsoa21cd" in table else table


def contracts(draft: Draft, past: Past) -> str | None:
    """Check the results against their contract, all faults at once."""
    del past
    import pandera.pandas as pa

    table = results_of(draft).reset_index()
    share = pa.Check.in_range(0, 100)
    schema = pa.DataFrameSchema(
        {
            "lsoa21cd": pa.Column(str, [pa.Check.str_matches(r"^[EWSN]\d{8}$")], unique=True),
            "lad_cd": pa.Column(str, [pa.Check.str_matches(r"^[EWSN]\d{8}$")]),
            "risk_rank": pa.Column(None, pa.Check.ge(1), nullable=True),
            "exclusion_rank": pa.Column(None, pa.Check.ge(1), nullable=True),
            "adults": pa.Column(None, pa.Check.ge(0)),
            "residents": pa.Column(None, pa.Check.ge(0)),
            "people_offline": pa.Column(None, pa.Check.ge(0), nullable=True),
            "offline_share_pct": pa.Column(float, share, nullable=True),
            "offline_share_low_pct": pa.Column(float, share, nullable=True),
            "offline_share_high_pct": pa.Column(float, share, nullable=True),
            "help_min": pa.Column(float, pa.Check.ge(0), nullable=True),
        },
        checks=[
            pa.Check(_is_inside_interval, name="the estimate lies inside its own interval"),
            pa.Check(_is_ranked_with_score, name="a ranked area has a score and both ranks"),
        ],
    )
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as fault:
        return _said(fault.failure_cases, table)
    return None


def _is_inside_interval(table: Any) -> Any:
    low, middle, high = (table[f"offline_share_{part}pct"].astype(float) for part in ("low_", "", "high_"))
    return ~((low > middle + 1e-9) | (middle > high + 1e-9))


def _is_ranked_with_score(table: Any) -> Any:
    columns = ["risk_score", "exclusion_score", "risk_rank", "exclusion_rank"]
    return ~table["is_ranked"].astype(bool) | table[columns].notna().all(axis=1)


def _said(cases: Any, table: Any) -> str:
    """Say the failure cases in one sentence: the check, the first areas, how many more."""
    parts = []
    for (column, check), rows in cases.groupby(["column", "check"], dropna=False, sort=True):
        at = [int(row) for row in rows["index"].dropna().unique() if 0 <= int(row) < len(table)]
        areas = ", ".join(dict.fromkeys(table["lsoa21cd"].astype(str).iloc[at[:_SHOWN]]))
        where = f" ({areas}{', and more' if len(at) > _SHOWN else ''})" if areas else ""
        name = f"{column}: " if isinstance(column, str) and column in table else ""
        parts.append(f"{name}{check}{where}")
    return "the results break their contract: " + "; ".join(parts) + "."


def areas_complete(draft: Draft, past: Past) -> str | None:
    """Every area of the place is in the results and has a score."""
    del past
    expected = draft.facts["areas"]
    found = int(results_of(draft).index.nunique())
    scored = draft.facts["areas_in_results"]
    if found == scored == expected > 0:
        return None
    return (
        f"the place has {expected:,} areas; {found:,} are in the results and {scored:,} of them have a score."
    )


def totals_reconcile(draft: Draft, past: Past) -> str | None:
    """Residents and households add up to the publisher's sums, and the people offline to the headline."""
    del past
    facts, table = draft.facts, results_of(draft)
    # A row that is there twice is the contract's business.
    table = table[~table.index.duplicated()]
    pairs = [
        ("residents", facts["residents"], facts["residents_published"], "the Census table says"),
        ("households", facts["households"], facts["households_published"], "the Census table says"),
        (
            "people offline",
            int(table["people_offline"].sum()),
            facts["people_offline"],
            "the headline says",
        ),
    ]
    # An area that is missing is told by its own gate.
    is_whole = len(table) == facts["areas"]
    faults = [
        f"{name} add up to {ours:,}, {whose} {theirs:,}"
        for name, ours, theirs, whose in pairs
        if ours != theirs and (is_whole or name != "people offline")
    ]
    return "; ".join(faults) + "." if faults else None


def people_plausible(draft: Draft, past: Past) -> str | None:
    """The estimate is positive, not above the adults, and inside its own interval."""
    del past
    facts = draft.facts
    low, middle, high = (facts[f"people_offline{part}"] for part in ("_low", "", "_high"))
    if 0 < low <= middle <= high <= facts["adults"]:
        return None
    return f"{middle:,} people offline (between {low:,} and {high:,}) of {facts['adults']:,} adults cannot be right."


def fallbacks(draft: Draft, past: Past) -> str | None:
    """Stand-ins and gaps stay within limits, and nearly all areas are ranked."""
    del past
    rows = draft.facts["indicators"]
    share = sum(row["weight_pct"] * row["not_own_pct"] / 100.0 for row in rows)
    faults = []
    if share > MOST_NOT_OWN_PCT:
        worst = sorted(rows, key=lambda row: -row["weight_pct"] * row["not_own_pct"])[:_SHOWN]
        named = ", ".join(
            f"{row['label'].lower()} in {row['not_own_pct']:.0f}% of areas"
            for row in worst
            if row["not_own_pct"]
        )
        faults.append(
            f"{share:.0f}% of the index's weight rests on figures that are not the area's own "
            f"(at most {MOST_NOT_OWN_PCT:.0f}%): {named}"
        )
    table = results_of(draft)
    unranked = int((~table["is_ranked"].astype(bool)).sum())
    if 100.0 * unranked > MOST_UNRANKED_PCT * len(table):
        faults.append(
            f"{unranked:,} of {len(table):,} areas have too little evidence to be ranked "
            f"(at most {MOST_UNRANKED_PCT:.0f}%)"
        )
    return "; ".join(faults) + "." if faults else None
