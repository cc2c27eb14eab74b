"""What changed from one edition of a place to the next, for a person who has a minute."""

from collections.abc import Mapping
from typing import Any

from exclusion.editions.change_checks import largest_moves
from exclusion.editions.gate_report import source_changes
from exclusion.editions.store import Draft, Past

_MOVES = 20
# A person reads the first few; the manifest has the rest.
_SAID = 5


def changes_of(draft: Draft, past: Past) -> dict[str, Any]:
    """Return the changes as plain values, ready for JSON.

    Keys: `previous` (name of the edition before, or null), `sources` (a sentence for each that differs),
    `people_offline` and `people_offline_before`, `moves` (the largest moves of rank, one row an area;
    null where ranks do not compare).
    """
    before = {} if past.previous is None else past.previous.manifest
    moves = largest_moves(draft, past, top=_MOVES)
    rows = None if moves is None else moves[moves["places_moved"] != 0].reset_index().to_dict("records")
    return {
        "previous": None if past.previous is None else past.previous.name,
        "sources": source_changes(draft, past) if before else [],
        "people_offline": draft.facts["people_offline"],
        "people_offline_before": before.get("people_offline"),
        "moves": None
        if rows is None
        else [
            {key: (int(value) if isinstance(value, int) else str(value)) for key, value in row.items()}
            for row in rows
        ],
    }


def changes_said(label: str, changes: Mapping[str, Any] | None) -> list[str]:
    """Return what `changes_of` found as sentences for the front page; none where there was no edition before."""
    if not changes or changes["previous"] is None:
        return []
    now, before = changes["people_offline"], changes["people_offline_before"]
    said = [f"{label}, since edition {changes['previous']}:"]
    if before is not None and now != before:
        said.append(f"the estimate of adults offline went from {before:,} to {now:,}.")
    else:
        said.append(f"the estimate of adults offline is still {now:,}.")
    sources = changes["sources"]
    said.append(f"Data that differ: {_first(sources)}." if sources else "The data are the same.")
    moves = changes["moves"]
    if moves is None:
        said.append("The index is built in another way, so ranks do not compare.")
    elif not moves:
        said.append("No area changed its rank.")
    else:
        rows = [
            f"{row['area']} in {row['council']} from {row['rank_before']:,} to {row['rank_after']:,}"
            for row in moves
        ]
        said.append(f"The largest changes of rank: {_first(rows, is_counted=False)}.")
    return [" ".join(said)]


def _first(texts: list[str], *, is_counted: bool = True) -> str:
    """Return the first few texts as one, and how many more there are."""
    more = len(texts) - _SAID
    tail = f"; and {more:,} more" if more > 0 and is_counted else ""
    return "; ".join(texts[:_SAID]) + tail
