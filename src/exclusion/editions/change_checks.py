"""What must hold of a draft beside the edition that it would follow."""

from typing import Any

from exclusion.editions.content_checks import RESULTS, read_results, results_of
from exclusion.editions.store import Draft, Past

# Limits. An honest refit on the same data moves the rank correlation by less than 0.01.
MOST_LOST_CORRELATION = 0.02
MOST_LOST_FOUND_POINTS = 5.0
MOST_DECILES = 2
MOST_MOVED_PCT = 2.0
# An indicator's value and its own contribution rank areas alike; shrinkage and ties take a little away.
LEAST_AGREEMENT = 0.5
# Correlations with risk below this have no sign to speak of.
_HAS_SIGN = 0.2


def backtest(draft: Draft, past: Past) -> str | None:
    """The back-test is not worse than the last edition's by more than a margin."""
    before = _facts(past).get("backtest_scores")
    if before is None:
        return None
    now = draft.facts["backtest_scores"]
    if now is None:
        return "the last edition was tested on observed behaviour and this one could not be."
    faults = []
    if now["rank_correlation"] < before["rank_correlation"] - MOST_LOST_CORRELATION:
        faults.append(
            f"the rank correlation with observed behaviour fell from {before['rank_correlation']:.3f} to "
            f"{now['rank_correlation']:.3f} (at most {MOST_LOST_CORRELATION:g} may be lost)"
        )
    if now["worst_tenth_found_pct"] < before["worst_tenth_found_pct"] - MOST_LOST_FOUND_POINTS:
        faults.append(
            f"the share of the observed worst tenth found fell from {before['worst_tenth_found_pct']:.0f}% to "
            f"{now['worst_tenth_found_pct']:.0f}% (at most {MOST_LOST_FOUND_POINTS:g} points may be lost)"
        )
    return "; ".join(faults) + "." if faults else None


def largest_moves(draft: Draft, past: Past, *, top: int | None = None) -> Any:
    """Return how ranks moved from the last edition, the largest moves first; None where nothing compares.

    Only areas that both editions rank, and only where both follow the same specification: another one is another
    ranking. Columns, indexed by `lsoa21cd`: `area, council, rank_before, rank_after, places_moved, deciles_moved`.
    """
    before = _facts(past)
    if past.previous is None or _spec(before) != _spec(draft.facts):
        return None
    path = past.previous.tables / RESULTS
    if not path.is_file():
        return None
    old, new = read_results(path), results_of(draft)
    new = new[~new.index.duplicated()]
    both = new[["lsoa21nm", "lad_nm"]].assign(
        rank_before=old["exclusion_rank"].reindex(new.index).astype(float),
        rank_after=new["exclusion_rank"].astype(float),
    )
    both = both.dropna(subset=["rank_before", "rank_after"])
    places = both["rank_after"] - both["rank_before"]
    moved = _decile(both["rank_after"], draft.facts) - _decile(both["rank_before"], before)
    table = both.rename(columns={"lsoa21nm": "area", "lad_nm": "council"}).assign(
        places_moved=places, deciles_moved=moved
    )
    table = table.astype(dict.fromkeys(["rank_before", "rank_after", "places_moved", "deciles_moved"], int))
    order = table["places_moved"].abs().sort_index().sort_values(ascending=False, kind="stable").index
    return table.loc[order].head(len(table) if top is None else top)


def decile_moves(draft: Draft, past: Past) -> str | None:
    """Few areas move by more than two deciles."""
    moves = largest_moves(draft, past)
    if moves is None or moves.empty:
        return None
    count = int((moves["deciles_moved"].abs() > MOST_DECILES).sum())
    if 100.0 * count <= MOST_MOVED_PCT * len(moves):
        return None
    first = moves.iloc[0]
    assert past.previous is not None
    return (
        f"{count:,} of {len(moves):,} areas ({100.0 * count / len(moves):.1f}%, at most {MOST_MOVED_PCT:g}%) moved by "
        f"more than {MOST_DECILES} tenths since {past.previous.name}; the largest: {first['area']} "
        f"({moves.index[0]}) from rank {first['rank_before']:,} to {first['rank_after']:,}."
    )


def direction(draft: Draft, past: Past) -> str | None:
    """Every indicator points the declared way, and none turned round."""
    before = {row["id"]: row for row in _facts(past).get("indicators", [])}
    faults = []
    for row in draft.facts["indicators"]:
        agreement = row["points_as_declared"]
        if agreement is not None and agreement < LEAST_AGREEMENT:
            word = "raises" if row["direction"] == "+" else "lowers"
            faults.append(
                f"{row['id']} is declared as one that {word} risk, and its values rank areas otherwise "
                f"(rank correlation {agreement:.2f})"
            )
        was, now = before.get(row["id"], {}).get("agrees_with_risk"), row["agrees_with_risk"]
        if was is not None and now is not None and was * now < 0 and min(abs(was), abs(now)) >= _HAS_SIGN:
            faults.append(
                f"{row['id']} turned round: its rank correlation with risk was {was:.2f} in the last edition and is {now:.2f}"
            )
    return "; ".join(faults) + "." if faults else None


def not_withdrawn(draft: Draft, past: Past) -> str | None:
    """The edition was not rolled back by a person."""
    if draft.name not in past.withdrawn:
        return None
    return f"{draft.name} was rolled back, and nothing it is made from has changed since."


def _facts(past: Past) -> Any:
    return {} if past.previous is None else past.previous.manifest


def _spec(facts: Any) -> Any:
    return facts.get("spec", {}).get("spec_id")


def _decile(rank: Any, facts: Any) -> Any:
    """Return the tenth of all ranked areas that a rank lies in, from 1."""
    return (10.0 * (rank - 1) / max(1, facts["ranked_areas"])).clip(upper=9.999).astype(int) + 1
