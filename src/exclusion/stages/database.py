"""The edition's tables for a team's own database."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from exclusion.stages.tables import Inputs, read_json, read_table

if TYPE_CHECKING:
    from exclusion.publish.postgis import Layer


def edition_tables(inputs: Inputs) -> tuple[str, "list[Layer]"]:
    """Return the name of the last edition and its layers; without a plan there are no venues."""
    from exclusion.publish.postgis import edition_layers

    facts = read_json(inputs["facts.json"])
    results = read_table(inputs["tables/results.parquet"])
    results = results.set_index("lsoa21cd") if "lsoa21cd" in results else results
    areas = read_table(inputs["areas.parquet"])
    here = areas[areas["lsoa21cd"].isin(results.index)].reset_index(drop=True)
    venues = plan = None
    if "plan/plan.csv" in inputs:
        venues = pd.DataFrame(read_table(inputs["place_venues.parquet"]))
        plan = pd.read_csv(io.BytesIO(inputs["plan/plan.csv"].read_bytes()), encoding="utf-8-sig")
        venues = venues.drop_duplicates("venue_id")
    edition = {
        "edition": facts["edition"],
        "place": facts["label"],
        "definition": facts["definition"],
        "ranked_among": facts["ranked_among"],
        "data_from": facts["date_text"],
        "attribution": "; ".join(facts["attribution"]),
        "notice": facts["notice"],
    }
    return facts["edition"], edition_layers(
        edition, here, results, venues, plan, _comments(facts.get("spine", {}).get("terms"))
    )


def _comments(terms: Mapping[str, str] | None) -> dict[str, str]:
    """Return what columns mean, as the data dictionary says it; the list of areas, which stands first, has the last word."""
    from exclusion.publish.columns import CONTRACTS, reworded

    return {
        column.name: f"{column.heading}. {reworded(column.about, terms)}"
        for _, columns in reversed(list(CONTRACTS.values()))
        for column in columns
    }
