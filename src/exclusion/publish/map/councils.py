"""All councils' pages of an edition, cut from the nation's tables; each edge is encoded once."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.publish.map.arcs import Topology, topology_of
from exclusion.publish.map.content import Context, Domain, PageContent, Plan, checked
from exclusion.publish.map.measures import CLASSES, FIXED_BREAKS
from exclusion.publish.map.page import GRID_ZOOM, build_page

# A planner also looks over the border: venues this near a council's areas are on its page.
NEIGHBOUR_M = 8_000.0


def national_breaks(table: pd.DataFrame, domains: Iterable[Domain]) -> dict[str, tuple[float, ...]]:
    """Return, for each measure without fixed limits, the four limits between fifths of all areas of the table.

    With them the classes mean the same on every council's page.
    """
    columns = [
        "exclusion_score",
        "risk_score",
        "people_offline",
        "offline_share_pct",
        "people_offline_beyond_20_min",
    ]
    columns += [f"{domain.key}_score" for domain in domains]
    breaks = {}
    for column in columns:
        if column not in table.columns or column in FIXED_BREAKS:
            continue
        known = np.sort(table[column].dropna().to_numpy(dtype=float))
        if len(known):
            at = [min(len(known) - 1, -(-len(known) * part // CLASSES)) for part in range(1, CLASSES)]
            breaks[column] = tuple(float(known[place]) for place in at)
    return breaks


def council_contents(
    content: PageContent,
    *,
    plans: Mapping[str, Plan] | None = None,
    context_of: Callable[[Any], Context] | None = None,
    hrefs: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, PageContent, list[int]]]:
    """Yield (lad_cd, that council's content, the places of its areas in the sorted national tables).

    Classes are those of the whole content; venues within NEIGHBOUR_M of the council's bounds come along; `plans` has
    a plan by lad_cd; `context_of` makes a council's background from its areas. A council of Wales comes twice, in
    English and in Welsh, each with the other's address; `hrefs` has the English page's address by lad_cd. Raises
    ContractError where an area has no lad_cd.
    """
    content = checked(content)
    areas = content.areas
    if "lad_cd" not in areas.columns or areas["lad_cd"].isna().any():
        raise ContractError(
            "The map's areas table has areas without lad_cd, so they are on no council's page: add it."
        )
    breaks = dict(content.national_breaks) or national_breaks(content.table, content.domains)
    postcodes = _Parted(content, content.postcodes)
    reach = content.reach
    demand = _Parted(content, reach.demand if reach else None)
    for lad_cd, at in sorted(areas.groupby("lad_cd").indices.items()):
        places = sorted(int(place) for place in at)
        here = areas.iloc[places]
        if reach is not None:
            own = demand.of(str(lad_cd))
            own = reach.demand.iloc[:0] if own is None else own
            own_reach = replace(
                reach, demand=own, pairs=reach.pairs[reach.pairs["demand_id"].isin(own["demand_id"])]
            )
        council = replace(
            content,
            areas=here,
            table=content.table.iloc[places],
            edition=replace(content.edition, place_name=str(here["lad_nm"].iloc[0])),
            title="",
            venues=_near(content, here.total_bounds),
            plan=(plans or {}).get(str(lad_cd)),
            reach=own_reach if reach is not None else None,
            postcodes=postcodes.of(str(lad_cd)),
            context=content.context if context_of is None else context_of(here),
            national_breaks=breaks,
            pages={},
            downloads=(),
            is_national=False,
        )
        href = (hrefs or {}).get(str(lad_cd), "")
        for language, other in _languages(str(lad_cd), href):
            yield str(lad_cd), replace(council, language=language, other_language=other), places


def welsh_href(href: str) -> str:
    """Return the address of the Welsh twin of a page."""
    return f"{href.removesuffix('.html')}-cy.html"


def _languages(lad_cd: str, href: str) -> list[tuple[str, str]]:
    """Return the languages of a council's pages, each with the address of the other ("" where there is none)."""
    if not href or not lad_cd.startswith("W"):
        return [("en", "")]
    return [("en", welsh_href(href)), ("cy", href)]


def council_pages(
    content: PageContent,
    *,
    plans: Mapping[str, Plan] | None = None,
    context_of: Callable[[Any], Context] | None = None,
    hrefs: Mapping[str, str] | None = None,
    topology: Topology | None = None,
    workers: int = 1,
) -> Iterator[tuple[str, str, bytes]]:
    """Yield (lad_cd, language, page) for every council in the content, in order of code; see `council_contents`.

    The bytes are the same for any `workers`. `topology` may carry the boundaries of the sorted areas.
    """
    content = checked(content)
    if topology is None:
        topology = topology_of(content.areas.geometry, GRID_ZOOM)
    jobs = (
        (lad_cd, council, topology.subset(places))
        for lad_cd, council, places in council_contents(
            content, plans=plans, context_of=context_of, hrefs=hrefs
        )
    )
    if workers <= 1:
        yield from map(_page, jobs)
        return
    # Workers are spawned clean: a fork would copy locks that numerical libraries hold. Jobs are handed over a few at
    # a time, so that not all councils wait in memory at once.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[tuple[str, str, bytes]]] = deque()
        for job in jobs:
            waiting.append(pool.submit(_page, job))
            if len(waiting) >= 3 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _page(job: tuple[str, PageContent, Topology]) -> tuple[str, str, bytes]:
    lad_cd, content, topology = job
    return lad_cd, content.language, build_page(content, topology)


class _Parted:
    """A table with a column lsoa21cd, whose rows are taken out council by council: a nation's are never held twice."""

    def __init__(self, content: PageContent, table: Any) -> None:
        """Order the rows of a table by the council of their areas; None is no table."""
        self._table = table
        self._first: dict[str, tuple[int, int]] = {}
        if table is None or not len(table):
            return
        place = content.areas.index.get_indexer(table["lsoa21cd"])
        codes, names = pd.factorize(content.areas["lad_cd"], sort=True)
        council = np.where(place >= 0, codes[place], -1)
        self._order = np.argsort(council, kind="stable")
        limits = np.searchsorted(council[self._order], np.arange(len(names) + 1))
        self._first = {
            str(name): (int(first), int(last))
            for name, first, last in zip(names, limits[:-1], limits[1:], strict=True)
        }

    def of(self, lad_cd: str) -> Any:
        """Return a council's rows in their own order, None where the table has none of it."""
        first, last = self._first.get(lad_cd, (0, 0))
        return self._table.iloc[self._order[first:last]] if last > first else None


def _near(content: PageContent, bounds: Any) -> Any:
    venues = content.venues
    if venues is None:
        return None
    west, south, east, north = bounds
    is_near = venues["x_m"].between(west - NEIGHBOUR_M, east + NEIGHBOUR_M)
    is_near &= venues["y_m"].between(south - NEIGHBOUR_M, north + NEIGHBOUR_M)
    return venues[is_near]
