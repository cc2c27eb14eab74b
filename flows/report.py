"""What a run leaves in Prefect for people: progress, what changed, the largest moves, the way to the map."""

from pathlib import Path
from typing import Any

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from exclusion.errors import GateError
from exclusion.job import Job


class Progress:
    """One progress bar over the stages of a run."""

    def __init__(self, stages: int) -> None:
        """Start at nothing of `stages`."""
        self._stages, self._done = stages, 0
        self._id: Any = create_progress_artifact(progress=0.0, key="progress", description="Stages done")

    def advance(self) -> None:
        """Count one more stage as done."""
        self._done += 1
        update_progress_artifact(self._id, progress=round(100.0 * self._done / self._stages, 1))


def tell_sources(checks: list[dict[str, str]]) -> None:
    """Leave a table of what the publishers have."""
    rows = [one for one in checks if one["state"] != "unchanged"] or [
        {"source": "all", "state": "unchanged", "message": "nothing is new"}
    ]
    create_table_artifact(table=rows, key="publishers", description="What the publishers have that is new")


def tell_edition(
    job: Job, published: dict[str, Any], made: list[str], fetched: dict[str, dict[str, str]]
) -> None:
    """Leave what changed, the largest moves and the link to the map."""
    changes = published["changes"]
    create_markdown_artifact(
        markdown=_changes_text(published, made, fetched),
        key="what-changed",
        description=f"{published['label']}: {published['edition']}",
    )
    create_table_artifact(
        table=changes["moves"] or [{"area": "no area moved, or there is no earlier edition to compare with"}],
        key="largest-moves",
        description="The largest moves of rank since the last edition",
    )
    front = (job.maps / "index.html").resolve()
    create_link_artifact(link=front.as_uri(), link_text=f"The maps ({front})", key="map")


def tell_refusal(fault: GateError) -> None:
    """Leave the gates' report where an edition was not published."""
    text = str(fault) if fault.report is None else fault.report.read_text(encoding="utf-8")
    create_markdown_artifact(markdown=text, key="not-published", description="Why it was not published")


def tell_plan(plan: dict[str, Any]) -> None:
    """Leave the venues chosen for a place."""
    rows = plan["venues"] or [{"venue": plan["why_not"] or "none"}]
    create_table_artifact(table=rows, key=f"venues-{plan['place']}", description=" ".join(plan["sentences"]))
    create_link_artifact(
        link=Path(plan["folder"]).resolve().as_uri(), link_text=plan["folder"], key=f"plan-{plan['place']}"
    )


def _changes_text(published: dict[str, Any], made: list[str], fetched: dict[str, dict[str, str]]) -> str:
    changes = published["changes"]
    now, before = changes["people_offline"], changes["people_offline_before"]
    was = "" if before is None else f" (before: {before:,})"
    new = [name for name, one in fetched.items() if one["how"] == "downloaded"]
    said = list(dict.fromkeys(one["message"] for one in fetched.values() if one["message"]))
    accepted = [gate for gate in published["gates"] if gate["state"] == "accepted"]
    lines = [
        f"# {published['label']}: `{published['edition']}`",
        "",
        f"- Edition before: {changes['previous'] or 'none'}",
        f"- People offline: {now:,}{was}",
        f"- Sources downloaded: {', '.join(new) or 'none'}",
        f"- Steps made: {', '.join(made) or 'none, all fresh'}",
        *[f"- {text}" for text in changes["sources"]],
        *[f"- {text}" for text in said],
        *[f"- Gate {g['gate']} accepted by {g['accepted_by']}: {g['why']}" for g in accepted],
        *[f"- {text}" for text in published["backtest"]],
    ]
    return "\n".join(lines) + "\n"
