"""What changed from one edition of a place to the next, for a person who has a minute."""

from typing import Any

from exclusion.editions.change_checks import largest_moves
from exclusion.editions.gate_report import source_changes
from exclusion.editions.store import Draft, Past

_MOVES = 20


def changes_of(draft: Draft, past: Past) -> dict[str, Any]:
    """Return the changes as plain values, ready for JSON.

    Keys: `previous` (name of the edition before, or null), `sources` (a sentence for each that differs),
    `people_offline` and `people_offline_before`, `moves` (the largest moves of rank, one row an area).
    """
    before = {} if past.previous is None else past.previous.manifest
    moves = largest_moves(draft, past, top=_MOVES)
    rows = [] if moves is None else moves[moves["places_moved"] != 0].reset_index().to_dict("records")
    return {
        "previous": None if past.previous is None else past.previous.name,
        "sources": source_changes(draft, past) if before else [],
        "people_offline": draft.facts["people_offline"],
        "people_offline_before": before.get("people_offline"),
        "moves": [
            {key: (int(value) if isinstance(value, int) else str(value)) for key, value in row.items()}
            for row in rows
        ],
    }
