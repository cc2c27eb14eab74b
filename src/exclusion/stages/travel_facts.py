"""What an edition says of its travel times: what measured them, from which file, and which surfaces it holds."""

from typing import Any

import pandas as pd

from exclusion.job import Job
from exclusion.stages.tables import Inputs, read_json


def travel_facts(job: Job, results: pd.DataFrame, inputs: Inputs) -> dict[str, Any]:
    """Return what measured the times in the index and in the plan, in the manifest's values and in sentences."""
    access, plan = read_json(inputs["access.json"]), read_json(inputs["siting.json"])
    engines = results["engine"].dropna() if "engine" in results else pd.Series(dtype=str)
    counts = engines.value_counts().sort_index()
    by = " and ".join(f"{name} in {count:,} areas" for name, count in counts.items())
    sentences = [
        f"Time to help in the index: measured by {by}." if by else f"Time to help: {access['engine']}."
    ]
    if "measured" in plan:
        sentences.append(f"Travel times of the plan and the map: measured {plan['measured']}.")
    surfaces = plan.get("surfaces") or {"files": [], "why_not": "No surface is written for so large a place."}
    if "why_not" in surfaces:
        sentences.append(surfaces["why_not"])
    return {
        "engine_asked": job.engine,
        "index": {"areas_by_engine": {str(name): int(count) for name, count in counts.items()}},
        "plan": {key: plan.get(key) for key in ("engine", "roads", "placement", "population_from")},
        "assumptions": access.get("assumptions"),
        "surfaces": surfaces,
        "sentences": sentences,
        "remarks": [*plan.get("remarks", []), *access.get("remarks", [])] if "measured" not in plan else [],
    }


def surfaces_of(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the surfaces of the place: file, title, unit and cell side."""
    return list(read_json(inputs["siting.json"]).get("surfaces", {}).get("files", []))
