"""Contracts of the lists: what every column is called, holds and is measured in; sheets, CSVW and dictionary follow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from exclusion.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "whole", "number", "flag"]


@dataclass(frozen=True)
class ListColumn:
    """Declare one column of a list: its name in files, its heading for people, kind, unit, decimals and meaning."""

    name: str
    title: str
    kind: Kind = "text"
    unit: str = ""
    decimals: int = 0
    about: str = ""

    @property
    def heading(self) -> str:
        """Return the heading with its unit, as a sheet shows it."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


# What a range does not hold: whether the survey behind the national level is right.
_RANGE = "the true number is in the range nine times in ten, if the national level behind it is right"

AREA_LIST = (
    ListColumn("position", "Position", "whole", about="Place in this list, from 1."),
    ListColumn("lsoa21cd", "Area code", about="LSOA 2021 code of the Office for National Statistics."),
    ListColumn("lsoa21nm", "Area name", about="LSOA 2021 name of the Office for National Statistics."),
    ListColumn("neighbourhood", "Neighbourhood", about="Name residents know: House of Commons Library MSOA name; the MSOA 2021 name where there is none."),
    ListColumn("wd_nm", "Ward", about="Electoral ward that the area is best fitted to."),
    ListColumn("lad_nm", "Council", about="Local authority district or unitary authority."),
    ListColumn("rgn_nm", "Region", about="Region of England; empty in Wales, which has none."),
    ListColumn("ruc21nm", "Rural or urban class", about="Rural Urban Classification 2021."),
    ListColumn("is_rural", "Rural", "flag", about="Whether the class is one of the rural classes."),
    ListColumn("exclusion_rank", "Exclusion rank", "whole", about="Rank by the exclusion index (risk weighted for remoteness) among all ranked areas; 1 is the most excluded."),
    ListColumn("exclusion_rank_low", "Exclusion rank, lowest likely", "whole", about="Lower end of the 90% interval of the exclusion rank."),
    ListColumn("exclusion_rank_high", "Exclusion rank, highest likely", "whole", about="Upper end of the 90% interval of the exclusion rank."),
    ListColumn("risk_rank", "Risk rank", "whole", about="Rank by risk, without any weight for remoteness; 1 is the highest risk."),
    ListColumn("risk_rank_low", "Risk rank, lowest likely", "whole", about="Lower end of the 90% interval of the risk rank."),
    ListColumn("risk_rank_high", "Risk rank, highest likely", "whole", about="Upper end of the 90% interval of the risk rank."),
    ListColumn("chance_worst_tenth_pct", "Chance of being in the worst tenth", "number", "%", 1, "Share of plausible versions of the index in which the area is in the worst tenth."),
    ListColumn("stability", "How settled", about="How settled the area's place in or outside the worst tenth is, in words."),
    ListColumn("rank_hangs_on", "What the rank hangs on", about="Which choices move the area's rank most, in a sentence."),
    ListColumn("cluster", "Cluster", about="Whether the area is part of a cluster of areas with high or low chances."),
    ListColumn("exclusion_score", "Exclusion score", "number", "points", 2, "Exclusion index; a high score is more excluded. Compare ranks, not ratios."),
    ListColumn("risk_score", "Risk score", "number", "points", 2, "Risk index, 0 to 100; a high score is a higher risk."),
    ListColumn("people_offline", "People offline", "whole", "adults", about="Estimated adults who are digitally excluded, by the definition in its own column."),
    ListColumn("people_offline_low", "People offline, lowest likely", "whole", "adults", about=f"Lower end of the range of people offline: {_RANGE}."),
    ListColumn("people_offline_high", "People offline, highest likely", "whole", "adults", about=f"Upper end of the range of people offline: {_RANGE}."),
    ListColumn("offline_share_pct", "Share offline", "number", "% of adults", 1, "People offline as a share of adults."),
    ListColumn("adults", "Adults", "whole", "adults", about="Residents aged 16 and over, Census 2021."),
    ListColumn("definition", "What offline means here", about="Definition, age group, country and year of people offline."),
    ListColumn("help_min", "Time to help", "number", "minutes", 1, "Minutes to the nearest help in person, the mean over people with and without a car. A way of more than 60 minutes counts as 60."),
    ListColumn("people_offline_beyond_20_min", "People offline far from help", "number", "adults", 1, "People offline who live more than 20 minutes from existing help: the priority for a new venue."),
    ListColumn("nearest_venue_nm", "Nearest help", about="Nearest existing venue that gives digital help."),
    ListColumn("needs_type", "Kind of need", about="What leads the area's risk: one domain, several, or help too far."),
    ListColumn("reason", "Reason", about="Why the area stands where it does, in a sentence."),
    ListColumn("action", "What to do", about="What kind of help fits the kind of need."),
    ListColumn("caveats", "Not observed here", about="Inputs that were not observed in the area itself, and why."),
)  # fmt: skip

NOTE = ListColumn("note", "Note", about="A warning that travels with every row.")
STRATUM = ListColumn(
    "stratum",
    "Share of the list",
    about="Whether the area fills a rural or an urban place of the list; places are shared out in proportion to people offline.",
)

MISSED_LIST = (
    ListColumn("ruc21nm", "Rural or urban class", about="Rural Urban Classification 2021."),
    ListColumn("people_offline", "People offline", "whole", "adults", about="All people offline in areas of this class."),
    ListColumn("missed", "Outside the list", "whole", "adults", about="People offline in areas of this class that the list leaves out."),
    ListColumn("missed_pct", "Share outside the list", "number", "%", 1, "People outside the list as a share of all people offline of the class."),
)  # fmt: skip

GROUP_LIST = (
    ListColumn("position", "Position", "whole", about="Place in this list, from 1."),
    ListColumn("group", "Code", about="Code of the place, or the name of your own area."),
    ListColumn("name", "Name", about="Name of the place."),
    ListColumn("rank", "Rank", "whole", about="Rank by average exclusion rank among all ranked places of the level; 1 is the most excluded. Empty for neighbourhoods, your own areas, and places that the list holds only in part."),
    ListColumn("rank_low", "Rank, lowest likely", "whole", about="Lower end of the 90% interval of the rank: the same places ranked in each plausible version of the index."),
    ListColumn("rank_high", "Rank, highest likely", "whole", about="Upper end of the 90% interval of the rank."),
    ListColumn("areas", "Areas", "whole", about="Small areas (LSOA 2021) in the place; for your own areas, those that it touches."),
    ListColumn("areas_in_worst_tenth", "Areas in the worst tenth", "whole", about="Areas of the place whose exclusion rank is in the worst tenth of all ranked areas."),
    ListColumn("share_in_worst_tenth_pct", "Areas in the worst tenth", "number", "%", 1, "Share of the place's ranked areas in the worst tenth of all ranked areas."),
    ListColumn("average_rank", "Average exclusion rank (largest is most excluded)", "number", "", 1, "Mean reversed exclusion rank weighted by residents: the largest number is the most excluded place."),
    ListColumn("average_risk_rank", "Average risk rank (largest is most excluded)", "number", "", 1, "The same by risk, without any weight for remoteness."),
    ListColumn("average_score", "Average exclusion score", "number", "points", 2, "Mean exclusion score weighted by residents."),
    ListColumn("extent_pct", "Extent", "number", "%", 1, "Share of residents in the most excluded 30% of areas, the worst tenth counted in full and the rest by degrees (Indices of Deprivation 2019, Appendix N)."),
    ListColumn("residents", "Residents", "whole", "people", about="Residents, Census 2021."),
    ListColumn("adults", "Adults", "whole", "adults", about="Residents aged 16 and over, Census 2021."),
    ListColumn("people_offline", "People offline", "whole", "adults", about="Sum of people offline over the areas."),
    ListColumn("people_offline_low", "People offline, lowest likely", "whole", "adults", about=f"Lower end of the range: {_RANGE}. Where it is the sum of the areas' own lower ends it is wider than need be."),
    ListColumn("people_offline_high", "People offline, highest likely", "whole", "adults", about=f"Upper end of the range: {_RANGE}. Where it is the sum of the areas' own upper ends it is wider than need be."),
    ListColumn("offline_share_pct", "Share offline", "number", "% of adults", 1, "People offline as a share of adults, from the sums and never from a mean of shares."),
    ListColumn("people_offline_beyond_20_min", "People offline far from help", "number", "adults", 1, "People offline more than 20 minutes from existing help."),
    ListColumn("areas_without_help_known", "Areas whose way to help is not known", "whole", about="Areas left out of the people far from help, because no source says where help is given."),
    ListColumn("covered_pct", "Share of your area covered", "number", "%", 1, "For your own areas: how much of the drawn shape lies in areas that have results; 100 for lists of codes."),
)  # fmt: skip

_AMONG = "among all places of its level; empty where the level is not ranked"
PLACE_LIST = (
    ListColumn("level", "Level", about="Kind of place: nation, region, care-board, combined-authority, county, council, neighbourhood or ward."),
    *GROUP_LIST[:6],
    ListColumn("risk_rank", "Risk rank in its level", "whole", about=f"The same by risk, without any weight for remoteness, {_AMONG}."),
    ListColumn("areas_here", "Areas in this edition's place", "whole", about="How many areas of the larger place lie in the place that this edition is of; every other number is of the whole larger place."),
    *(column for column in GROUP_LIST[6:] if column.name != "covered_pct"),
    ListColumn("average_rank_low", "Average exclusion rank, lowest likely", "number", "reversed rank", 1, "Lower end of the 90% interval of the average exclusion rank."),
    ListColumn("average_rank_high", "Average exclusion rank, highest likely", "number", "reversed rank", 1, "Upper end of the 90% interval of the average exclusion rank."),
    ListColumn("share_in_worst_tenth_low_pct", "Areas in the worst tenth, lowest likely", "number", "%", 1, "Lower end of the 90% interval of that share."),
    ListColumn("share_in_worst_tenth_high_pct", "Areas in the worst tenth, highest likely", "number", "%", 1, "Upper end of the 90% interval of that share."),
    ListColumn("share_in_worst_tenth_rank", "Rank by areas in the worst tenth", "whole", about=f"Rank by that share {_AMONG}."),
    ListColumn("extent_low_pct", "Extent, lowest likely", "number", "%", 1, "Lower end of the 90% interval of the extent."),
    ListColumn("extent_high_pct", "Extent, highest likely", "number", "%", 1, "Upper end of the 90% interval of the extent."),
    ListColumn("extent_rank", "Rank by extent", "whole", about=f"Rank by the extent {_AMONG}."),
    ListColumn("local_concentration", "Local concentration", "number", "reversed rank", 1, "Mean reversed exclusion rank of the most excluded areas that hold a tenth of the residents."),
    ListColumn("local_concentration_rank", "Rank by local concentration", "whole", about=f"Rank by the local concentration {_AMONG}."),
)  # fmt: skip

ACCESS_LIST = (
    *(column for column in AREA_LIST if column.name in {"lsoa21cd", "lsoa21nm", "neighbourhood", "wd_nm", "lad_nm", "ruc21nm", "people_offline"}),
    ListColumn("help_min", "Time to help", "number", "minutes", 2, "Mean minutes from door to door to the nearest help, over people with and without a car."),
    ListColumn("help_car_min", "Time to help with a car", "number", "minutes", 2, "The same for people whose household has a car."),
    ListColumn("help_other_min", "Time to help without a car", "number", "minutes", 2, "The same on foot or by something like a bus."),
    ListColumn("second_help_min", "Time to the second nearest help", "number", "minutes", 2, "Mean minutes to the second nearest help."),
    ListColumn("help_min_p50", "Time that half of the people need at most", "number", "minutes", 2, "Half of the people have no further to go."),
    ListColumn("help_min_p90", "Time that nine in ten need at most", "number", "minutes", 2, "Nine tenths of the people have no further to go."),
    ListColumn("venues_within_15_min", "Help within 15 minutes", "number", "venues", 2, "Mean number of existing venues within 15 minutes."),
    ListColumn("venues_within_30_min", "Help within 30 minutes", "number", "venues", 2, "Mean number of existing venues within 30 minutes."),
    ListColumn("help_supply", "Supply of help", "number", "hours a week per 1,000 people offline", 2, "Weekly hours of help within reach, shared among all who reach it; venues where no hours are known."),
    ListColumn("people_offline_beyond_20_min", "People offline far from help", "number", "adults", 2, "People offline whose nearest help is more than 20 minutes away."),
    ListColumn("offline_within_20_min_pct", "People offline near help", "number", "%", 2, "Share of people offline whose nearest help is within 20 minutes."),
    ListColumn("people_offline_beyond_limit", "People offline without help within the limit", "number", "adults", 2, "People offline who have no help within the limit of 60 minutes."),
    ListColumn("is_beyond_limit", "Beyond the limit", "flag", about="Whether at least half of the people offline have no help within the limit; times then read as 60 minutes or more."),
    ListColumn("nearest_venue_id", "Nearest help, id", about="Id of the venue that is nearest to most of the people."),
    ListColumn("nearest_venue_nm", "Nearest help", about="Its name; empty where nobody reaches any."),
    ListColumn("engine", "Measured by", about="What measured the times: a road graph, a friction surface or a straight line."),
    ListColumn("population_from", "Where people live, from", about="Where the people of the area were placed from."),
    ListColumn("help_min__status", "How the time is known", about="Whether the time was observed, modelled, or is missing, and why."),
)  # fmt: skip

REFERENCE_LIST = (
    ListColumn("lsoa21cd", "Area code", about="LSOA 2021 code."),
    ListColumn("lsoa21nm", "Area name", about="LSOA 2021 name."),
    ListColumn("lad_nm", "Council", about="Local authority."),
    ListColumn("score_before", "Risk score before", "number", "points", 3, "In the reference edition."),
    ListColumn("data", "By data", "number", "points", 3, "What changed in the area's own figures."),
    ListColumn("reference", "By reference", "number", "points", 3, "What changed around the area: all other areas' figures."),
    ListColumn("method", "By method", "number", "points", 3, "What a change of specification did."),
    ListColumn("geography", "By geography", "number", "points", 3, "What a change of the area's boundary did."),
    ListColumn("score_after", "Risk score after", "number", "points", 3, "In this edition."),
    ListColumn("change", "Change of risk score", "number", "points", 3, "After less before: the sum of the four parts."),
    ListColumn("score_fixed", "Risk score on the earlier reference", "number", "points", 3, "Today's figures among the earlier edition's areas."),
    ListColumn("risk_rank", "Risk rank", "whole", about="In this edition."),
    ListColumn("rank_fixed", "Risk rank on the earlier reference", "whole", about="Rank of today's figures on the earlier reference."),
)  # fmt: skip

PLAN_LIST = (
    ListColumn("order", "Order", "whole", about="Order in which the plan opens new venues; empty for venues that are kept."),
    ListColumn("venue_id", "Venue id", about="Source and id of the venue."),
    ListColumn("status", "Chosen or kept", about="chosen: proposed by the plan; kept: helps now and stays."),
    ListColumn("name", "Venue", about="Name of the venue."),
    ListColumn("kind", "Kind", about="Kind of venue (library, village_hall, community_centre, gp_practice, jobcentre, ...)."),
    ListColumn("postcode", "Postcode", about="Postcode, where known."),
    ListColumn("wd_cd", "Ward code", about="Electoral ward that the venue stands in."),
    ListColumn("wd_nm", "Ward", about="Its name."),
    ListColumn("lad_cd", "Council code", about="Local authority that the venue stands in."),
    ListColumn("lad_nm", "Council", about="Its name."),
    ListColumn("x_m", "Easting", "whole", "metres", about="Easting in EPSG:27700."),
    ListColumn("y_m", "Northing", "whole", "metres", about="Northing in EPSG:27700."),
    ListColumn("sessions", "Sessions", "whole", about="Sessions of a champion at the venue."),
    ListColumn("people_added", "People added", "whole", "people", about="People whom the venue brings within reach, after all before it in order."),
    ListColumn("people_nearest", "People nearest", "whole", "people", about="People for whom it is the nearest open venue."),
    ListColumn("people_lost_if_closed", "People lost without it", "whole", "people", about="People who would be out of reach if it alone were left out."),
    ListColumn("near_ties", "Nearest to replacing it", about="Venues that would replace it at the smallest loss, with the people that each would lose."),
    ListColumn("nearest_open_km", "Nearest other open venue", "number", "km", 3, "Distance in a straight line to the nearest other open venue."),
    ListColumn("chosen_in_draws_pct", "Chosen in draws", "number", "%", 1, "Share of plausible versions of people offline in which the plan chooses it; empty where none were tried."),
)  # fmt: skip

DICTIONARY_LIST = (
    ListColumn("list", "List", about="Which list the column is in."),
    ListColumn("column", "Column", about="Name of the column in files."),
    ListColumn("heading", "Heading", about="Heading of the column in spreadsheets."),
    ListColumn("kind", "Kind", about="text, whole number, number, or yes or no."),
    ListColumn("unit", "Unit", about="What the number counts or is measured in."),
    ListColumn("decimals", "Decimals", "whole", about="Decimals a number is rounded to."),
    ListColumn("meaning", "Meaning", about="What the column holds."),
)

CHANGE_LIST = (
    ListColumn("lsoa21cd", "Area code", about="LSOA 2021 code."),
    ListColumn("lsoa21nm", "Area name", about="LSOA 2021 name."),
    ListColumn("neighbourhood", "Neighbourhood", about="Name residents know."),
    ListColumn("lad_nm", "Council", about="Local authority."),
    ListColumn("worst_tenth", "Worst tenth", about="entered, left, stayed in, or outside the worst tenth by exclusion rank."),
    ListColumn("exclusion_rank_before", "Exclusion rank before", "whole", about="In the earlier edition."),
    ListColumn("exclusion_rank_after", "Exclusion rank after", "whole", about="In the later edition."),
    ListColumn("rank_change", "Change of exclusion rank", "whole", about="After less before; below zero is more excluded than before."),
    ListColumn("people_offline_before", "People offline before", "whole", "adults", about="In the earlier edition."),
    ListColumn("people_offline_after", "People offline after", "whole", "adults", about="In the later edition."),
    ListColumn("people_change", "Change of people offline", "whole", "adults", about="After less before."),
    ListColumn("risk_score_before", "Risk score before", "number", "points", 4, "In the earlier edition."),
    ListColumn("risk_score_after", "Risk score after", "number", "points", 4, "In the later edition."),
    ListColumn("risk_change", "Change of risk score", "number", "points", 4, "After less before: the sum of the four parts."),
    ListColumn("data", "By data", "number", "points", 4, "What changed in the area's own figures."),
    ListColumn("reference", "By reference", "number", "points", 4, "What changed around the area: all other areas' figures."),
    ListColumn("method", "By method", "number", "points", 4, "What a change of specification or of code did."),
    ListColumn("boundary", "By boundary", "number", "points", 4, "What a change of the area's boundary did."),
    ListColumn("main_cause", "Main cause", about="The largest of the four parts; none where the score did not move."),
)  # fmt: skip

CONTRACTS: dict[str, tuple[str, tuple[ListColumn, ...]]] = {
    "ranked areas": ("One row an area (LSOA 2021); also the layer of the map files", AREA_LIST),
    "fair-share list": ("One row an area; rural and urban places of the list in proportion to people offline", (*AREA_LIST[:1], STRATUM, *AREA_LIST[1:])),
    "people missed": ("One row a rural or urban class", MISSED_LIST),
    "places asked for": ("One row a place of the level that was asked for, or one of your own areas, summed from the areas listed", GROUP_LIST),
    "larger places": ("One row a nation, region, care board, combined authority, county, council, neighbourhood or ward, whole", PLACE_LIST),
    "access to help": ("One row an area, farthest from help first", ACCESS_LIST),
    "plan": ("One row a venue of the plan", PLAN_LIST),
    "data dictionary": ("One row a column of a list", DICTIONARY_LIST),
    "changes between editions": ("One row an area", CHANGE_LIST),
    "change since the reference edition": ("One row an area", REFERENCE_LIST),
}  # fmt: skip


def reworded(text: str, terms: Mapping[str, str] | None) -> str:
    """Return a meaning in the terms of a spine of its own ("LSOA 2021" is "Data Zone 2022" in Scotland), longest first."""
    for term in sorted(terms or {}, key=len, reverse=True):
        text = text.replace(term, (terms or {})[term])
    return text


def columns_for(names: Iterable[Any]) -> tuple[ListColumn, ...]:
    """Return the declared columns of a table, by its contract; ContractError names a column without one.

    A name stands for the contract that holds all names of the table; `note` is the notice of made-up places.
    """
    wanted = [str(name) for name in names]
    for _, columns in CONTRACTS.values():
        known = {column.name: column for column in (*columns, NOTE)}
        if all(name in known for name in wanted):
            return tuple(known[name] for name in wanted)
    every = {column.name for _, columns in CONTRACTS.values() for column in columns}
    lost = next((name for name in wanted if name not in every), wanted[0] if wanted else "")
    raise ContractError(
        f"Column {lost} of a list is declared in no contract of publish/columns.py; declare it."
    )


def read_list(path: Path, columns: Iterable[ListColumn]) -> "pd.DataFrame":
    """Return a CSV of a list with the kinds that its columns declare; an empty cell of a number is null, of a text "".

    ContractError where the file has a column that is not among them.
    """
    import pandas as pd

    kinds = {column.name: column.kind for column in (*columns, NOTE)}
    table = pd.read_csv(
        path,
        dtype={
            name: {"whole": "Int64", "number": "float64"}.get(kind, "str") for name, kind in kinds.items()
        },
        keep_default_na=False,
        na_values={name: [""] for name, kind in kinds.items() if kind in {"whole", "number"}},
        encoding="utf-8-sig",
    )
    if unknown := sorted(set(table.columns) - set(kinds)):
        raise ContractError(
            f"{path.name}: column {unknown[0]} is declared in no contract of publish/columns.py; declare it."
        )
    return table
