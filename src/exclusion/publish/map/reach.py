"""Reach tables made small enough for a page: whole minutes, sorted pairs, and merged places where there are too many."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from exclusion.errors import ContractError
from exclusion.publish.map.content import PageContent, Reach
from exclusion.publish.map.packing import streams
from exclusion.publish.map.places import checked_venues

# About two bytes a pair before gzip: what a council page of 350 kB has room for.
MOST_PAIRS = 60_000
_PEOPLE_SCALE = 100


def reach_block(content: PageContent) -> tuple[bytes, dict[str, Any] | None]:
    """Return the packed reach tables and the facts about them, or empty bytes and None where there are none.

    Minutes are rounded up to whole ones: with whole-minute limits, "within" then means just what it means in the
    full table. Help of today is one number a place, the least minutes to any venue that gives it; of a candidate's
    pairs those are kept that are shorter than that, since no other can bring anybody within reach. Where pairs are
    still too many, places of one area that share their nearest venue are merged (then all of an area), their minutes
    averaged by people, and the facts say so.

    Streams: each place's area (steps), people, today's minutes plus one (0 = beyond the limit), each venue's number
    of pairs plus one (0 = no known times), the pairs' places (steps within a venue) and minutes.
    """
    reach = content.reach
    if reach is None or content.venues is None or not len(content.venues):
        return b"", None
    venues = checked_venues(content)
    at_venue = {str(venue): at for at, venue in enumerate(venues["venue_id"])}
    at_area = {code: at for at, code in enumerate(content.areas.index)}
    today = set(venues.loc[venues["is_existing"].astype(bool), "venue_id"].astype(str))
    exact = _matched(reach, set(at_area), set(at_venue))
    tables = _whole_minutes(*exact)
    is_known = np.isin(list(at_venue), tables[1]["venue_id"].unique()) & ~np.isin(list(at_venue), list(today))
    demand, pairs, least = _useful(*tables, today)
    is_averaged = False
    for group in _groups(*exact):
        if len(pairs) <= MOST_PAIRS:
            break
        demand, pairs, least = _useful(*_whole_minutes(*_grouped(*exact, group)), today)
        is_averaged = True
    demand = demand.assign(today=demand["demand_id"].map(least))
    demand = demand.sort_values(["lsoa21cd", "demand_id"]).reset_index(drop=True)
    at_demand = pd.Series(demand.index.to_numpy(), index=demand["demand_id"].to_numpy())
    pairs = pd.DataFrame(
        {
            "venue": pairs["venue_id"].map(at_venue).to_numpy(dtype=np.int64),
            "demand": at_demand.reindex(pairs["demand_id"]).to_numpy(dtype=np.int64),
            "minutes": pairs["minutes"].to_numpy(),
        }
    ).sort_values(["venue", "demand"])
    venue_of_pair = pairs["venue"].to_numpy()
    step = np.diff(pairs["demand"].to_numpy(), prepend=0)
    is_first = np.append(True, venue_of_pair[1:] != venue_of_pair[:-1])[: len(pairs)]
    step[is_first] = pairs["demand"].to_numpy()[is_first]
    people = _hundredths(demand["people_offline"].fillna(0).to_numpy(dtype=float), demand["today"])
    areas = demand["lsoa21cd"].map(at_area).to_numpy(dtype=np.int64)
    data = streams(
        [
            np.diff(areas, prepend=0),
            people,
            demand["today"].astype(float).add(1).fillna(0).to_numpy(dtype=np.int64),
            np.where(is_known, np.bincount(venue_of_pair, minlength=len(venues)) + 1, 0),
            step,
            pairs["minutes"].to_numpy(),
        ]
    )
    facts = {
        "limit": int(np.ceil(reach.limit_min)), "isAveraged": is_averaged, "engine": reach.engine, "scale": _PEOPLE_SCALE,
    }  # fmt: skip
    return data, facts


def _hundredths(people: npt.NDArray[np.float64], today: pd.Series) -> npt.NDArray[np.int64]:
    """Return people in hundredths, what one place loses by rounding carried on to the next by minutes to today's help.

    Thousands of places lose a person or more between them where each is rounded by itself. So the page's number within
    any minutes of today's help is the plan's own, to half a hundredth.
    """
    order = np.argsort(today.astype(float).fillna(np.inf).to_numpy(), kind="stable")
    found = np.zeros(len(people), dtype=np.int64)
    found[order] = np.diff(np.rint(np.cumsum(people[order]) * _PEOPLE_SCALE).astype(np.int64), prepend=0)
    return found


def _whole_minutes(demand: pd.DataFrame, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return demand, and pairs with texts as venue ids and minutes rounded up to whole ones."""
    minutes = np.ceil(pairs["minutes"].to_numpy(dtype=float)).astype(np.int64)
    return demand, pairs.assign(venue_id=pairs["venue_id"].astype(str), minutes=minutes)


def _useful(
    demand: pd.DataFrame, pairs: pd.DataFrame, today: set[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return demand, the candidates' pairs that beat today's help, and the least minutes to that help by place."""
    is_today = pairs["venue_id"].isin(today)
    least = pairs[is_today].groupby("demand_id")["minutes"].min()
    others = pairs[~is_today]
    before = others["demand_id"].map(least).astype(float)
    return demand, others[before.isna() | (others["minutes"] < before)], least


def _matched(reach: Reach, areas: set[str], venues: set[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return demand and pairs that belong to this page's areas and venues; raise where a pair has no demand."""
    demand = reach.demand.loc[
        reach.demand["lsoa21cd"].isin(areas), ["demand_id", "lsoa21cd", "people_offline"]
    ]
    if not demand["demand_id"].is_unique:
        raise ContractError(
            "The map's demand table holds a demand_id more than once: give one row for each place."
        )
    pairs = reach.pairs
    unknown = ~pairs["demand_id"].isin(reach.demand["demand_id"])
    if unknown.any():
        raise ContractError(
            f"The map's reach table names demand {pairs.loc[unknown, 'demand_id'].iloc[0]}, which the demand table lacks."
        )
    is_here = pairs["demand_id"].isin(demand["demand_id"]) & pairs["venue_id"].astype(str).isin(venues)
    return demand, pairs.loc[is_here, ["demand_id", "venue_id", "minutes"]]


def _groups(demand: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[pd.Series]:
    """Yield two ways of merging places, the finer first: by area and nearest venue, then by area."""
    nearest = (
        pairs.sort_values(["minutes", "venue_id"])
        .drop_duplicates("demand_id")
        .set_index("demand_id")["venue_id"]
    )
    yield demand["lsoa21cd"].astype(str) + " " + demand["demand_id"].map(nearest).astype(str)
    yield demand["lsoa21cd"].astype(str)


def _grouped(
    demand: pd.DataFrame, pairs: pd.DataFrame, group: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return demand and pairs merged by group; a group is reached where most of its people are, at their mean minutes."""
    named = demand.assign(group=group.to_numpy(), people=demand["people_offline"].fillna(0).clip(lower=0))
    merged = named.groupby("group", sort=True).agg(
        lsoa21cd=("lsoa21cd", "first"), people_offline=("people", "sum")
    )
    joined = pairs.merge(named[["demand_id", "group", "people"]], on="demand_id", validate="many_to_one")
    joined["weighted"] = joined["people"] * joined["minutes"]
    sums = joined.groupby(["group", "venue_id"], sort=True)[["people", "weighted"]].sum().reset_index()
    whole = sums["group"].map(merged["people_offline"])
    sums = sums[(sums["people"] > 0) & (sums["people"] * 2 >= whole)]
    merged_pairs = pd.DataFrame(
        {
            "demand_id": sums["group"],
            "venue_id": sums["venue_id"],
            "minutes": sums["weighted"] / sums["people"],
        }
    )
    return merged.reset_index(names="demand_id"), merged_pairs
