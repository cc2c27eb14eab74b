"""The report of a draft that was not published: what failed, what to look at, how to let it pass."""

from typing import TYPE_CHECKING

from exclusion.editions.change_checks import largest_moves
from exclusion.editions.store import Draft, Past

if TYPE_CHECKING:
    from exclusion.editions.gates import Verdict

_MOVES = 20


def report_text(draft: Draft, past: Past, verdicts: "list[Verdict]") -> str:
    """Return the report as Markdown."""
    failed = [verdict for verdict in verdicts if verdict.state == "failed"]
    served = f"`{past.previous.name}`" if past.previous else "nothing yet"
    lines = [
        f"# {draft.label}: `{draft.name}` was not published",
        "",
        f"{len(failed)} of {len(verdicts)} gates failed. What is served stays as it was: {served}.",
        "",
    ]
    for verdict in failed:
        lines += [
            f"## {verdict.gate}",
            "",
            f"What must hold: {verdict.holds}.",
            "",
            f"What was found: {verdict.fault}",
            "",
            f"What to do: {verdict.advice}",
            "",
        ]
    names = " ".join(verdict.gate for verdict in failed)
    lines += [
        "## To publish it all the same",
        "",
        "Run the same command again with these added; who accepted what, and why, goes into the manifest:",
        "",
        f'    --accept {names} --why "one sentence"',
        "",
    ]
    moves = largest_moves(draft, past, top=_MOVES)
    if moves is not None and moves["places_moved"].any():
        lines += ["## The largest moves", "", *moves_table(moves), ""]
    lines += ["## All gates", ""]
    lines += [f"- {v.gate}: {v.state}{f' by {v.by} ({v.why})' if v.by else ''}" for v in verdicts]
    if past.previous is not None:
        lines += ["", "## Sources that differ from the last edition", "", *_source_changes(draft, past)]
    return "\n".join(lines) + "\n"


def moves_table(moves: object) -> list[str]:
    """Return moves (from `largest_moves`) as the lines of a Markdown table."""
    lines = ["| area | council | rank before | rank after | places |", "|---|---|---:|---:|---:|"]
    for code, row in moves.iterrows():  # type: ignore[attr-defined]
        lines.append(
            f"| {row['area']} ({code}) | {row['council']} | {row['rank_before']:,} | {row['rank_after']:,} "
            f"| {row['places_moved']:+,} |"
        )
    return lines


def source_changes(draft: Draft, past: Past) -> list[str]:
    """Return a sentence for each source whose file is new, gone or another than in the last edition."""
    old = {} if past.previous is None else past.previous.manifest.get("sources", {})
    new = draft.facts.get("sources", {})
    said = []
    for name in sorted({*old, *new}):
        if name not in old:
            said.append(f"{name}: new ({new[name]['vintage']})")
        elif name not in new:
            said.append(f"{name}: no longer used")
        elif old[name]["sha256"] != new[name]["sha256"]:
            said.append(f"{name}: another file ({old[name]['vintage']}, now {new[name]['vintage']})")
    return said


def _source_changes(draft: Draft, past: Past) -> list[str]:
    return [f"- {text}" for text in source_changes(draft, past)] or ["None: code or choices differ."]
