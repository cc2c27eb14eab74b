"""All councils' pages of an edition, cut from the nation's tables; each edge is encoded once."""

import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from exclusion.errors import ContractError
from exclusion.publish.map.arcs import Topology, topology_of
from exclusion.publish.map.content import PageContent, Plan, checked
from exclusion.publish.map.measures import CLASSES, FIXED_BREAKS
from exclusion.publish.map.page import COUNCIL_ZOOM, build_page

# A planner also looks over the border: venues this near a council's areas are on its page.
NEIGHBOUR_M = 8_000.0


def national_breaks(content: PageContent) -> dict[str, tuple[float, ...]]:
    """Return, for each measure without fixed limits, the four limits between fifths of all areas of the content.

    With them the classes mean the same on every council's page.
    """
    columns = [
        "exclusion_score",
        "risk_score",
        "people_offline",
        "offline_share_pct",
        "people_offline_beyond_20_min",
    ]
    columns += [f"{domain.key}_score" for domain in content.domains]
    breaks = {}
    for column in columns:
        if column not in content.table.columns or column in FIXED_BREAKS:
            continue
        known = np.sort(content.table[column].dropna().to_numpy(dtype=float))
        if len(known):
            at = [min(len(known) - 1, -(-len(known) * part // CLASSES)) for part in range(1, CLASSES)]
            breaks[column] = tuple(float(known[place]) for place in at)
    return breaks


def council_contents(
    content: PageContent, *, plans: Mapping[str, Plan] | None = None
) -> Iterator[tuple[str, PageContent, list[int]]]:
    """Yield (lad_cd, that council's content, the places of its areas in the sorted national tables).

    Classes are those of the whole content; venues within NEIGHBOUR_M of the council's bounds come along; `plans` has
    a plan by lad_cd. Raises ContractError where an area has no lad_cd.
    """
    content = checked(content)
    areas = content.areas
    if "lad_cd" not in areas.columns or areas["lad_cd"].isna().any():
        raise ContractError(
            "The map's areas table has areas without lad_cd, so they are on no council's page: add it."
        )
    breaks = dict(content.national_breaks) or national_breaks(content)
    postcodes = _by_council(content, content.postcodes)
    reach = content.reach
    demand = _by_council(content, reach.demand if reach else None)
    for lad_cd, at in sorted(areas.groupby("lad_cd").indices.items()):
        places = sorted(int(place) for place in at)
        here = areas.iloc[places]
        if reach is not None:
            own = demand.get(lad_cd, reach.demand.iloc[:0])
            own_reach = replace(
                reach, demand=own, pairs=reach.pairs[reach.pairs["demand_id"].isin(own["demand_id"])]
            )
        yield (
            str(lad_cd),
            replace(
                content,
                areas=here,
                table=content.table.iloc[places],
                edition=replace(content.edition, place_name=str(here["lad_nm"].iloc[0])),
                title="",
                venues=_near(content, here.total_bounds),
                plan=(plans or {}).get(str(lad_cd)),
                reach=own_reach if reach is not None else None,
                postcodes=postcodes.get(lad_cd),
                national_breaks=breaks,
                pages={},
                downloads=(),
                is_national=False,
            ),
            places,
        )


def council_pages(
    content: PageContent, *, plans: Mapping[str, Plan] | None = None, workers: int = 1
) -> Iterator[tuple[str, bytes]]:
    """Yield (lad_cd, page) for every council in the content, in order of code; the same bytes for any `workers`."""
    content = checked(content)
    topology = topology_of(content.areas.geometry, COUNCIL_ZOOM)
    jobs = (
        (lad_cd, council, topology.subset(places))
        for lad_cd, council, places in council_contents(content, plans=plans)
    )
    if workers <= 1:
        yield from map(_page, jobs)
        return
    # Workers are spawned clean: a fork would copy locks that numerical libraries hold. Jobs are handed over a few at
    # a time, so that not all councils wait in memory at once.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        while batch := list(islice(jobs, 16 * workers)):
            yield from pool.map(_page, batch, chunksize=4)


def _page(job: tuple[str, PageContent, Topology]) -> tuple[str, bytes]:
    lad_cd, content, topology = job
    return lad_cd, build_page(content, topology)


def _by_council(content: PageContent, table: Any) -> dict[Any, Any]:
    """Return a table with a column lsoa21cd, parted by the council of its areas."""
    if table is None or not len(table):
        return {}
    council = table["lsoa21cd"].map(content.areas["lad_cd"])
    return dict(iter(table.groupby(council.to_numpy())))


def _near(content: PageContent, bounds: Any) -> Any:
    venues = content.venues
    if venues is None:
        return None
    west, south, east, north = bounds
    is_near = venues["x_m"].between(west - NEIGHBOUR_M, east + NEIGHBOUR_M)
    is_near &= venues["y_m"].between(south - NEIGHBOUR_M, north + NEIGHBOUR_M)
    return venues[is_near]
