"""What a page shows: plain in-memory tables and texts, filled by the caller, never read from disk here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusion.errors import ContractError, InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

AREA_KEY = "lsoa21cd"
LANGUAGES = ("en", "cy")


@dataclass(frozen=True)
class Domain:
    """Name one domain of the index.

    `key` is the prefix of its columns in the table (`<key>_score`, `<key>_rank`, `<key>_contribution`); `label` is
    for people; `weight_pct` is its share of the risk index in percent, None where it is not published.
    """

    key: str
    label: str
    weight_pct: float | None = None


@dataclass(frozen=True)
class SourceNote:
    """Say where one dataset came from, in texts ready to print; an empty text is shown as "not recorded"."""

    name: str
    publisher: str = ""
    vintage: str = ""
    licence: str = ""
    sha256: str = ""
    obtained: str = ""
    retrieved: str = ""
    attribution: str = ""
    used_for: str = ""


@dataclass(frozen=True)
class Edition:
    """Describe the edition that the pages belong to; every text is printed as given.

    `ranked_areas` is how many areas the ranks run over and `ranked_among` says which ("35,672 areas of England and
    Wales"). `backtest`, `method`, `limits`, `fallbacks` and `changes` are one sentence each entry; an empty tuple
    means "not recorded" and the page says so. `definition` says whom the people offline are ("adults aged 16 and over
    without internet access at home") and stands beside every map of them. `compares` are keys of the words that say what
    compares with other nations; none in England and Wales.
    """

    name: str
    date_text: str
    place_name: str
    ranked_areas: int
    ranked_among: str
    sources: tuple[SourceNote, ...] = ()
    fallbacks: tuple[str, ...] = ()
    backtest: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    attribution: tuple[str, ...] = ()
    is_demonstration: bool = False
    notice: str = ""
    compares: tuple[str, ...] = ()
    definition: str = ""
    index_href: str = "index.html"
    provenance_href: str = "how-this-was-made.html"
    method_href: str = ""


@dataclass(frozen=True)
class Plan:
    """Carry a proposed plan: venues in order of choice and the people newly reached by each, as siting computed them.

    `newly_reached` has one number a venue (people offline), or is empty; `bound_text` is the proof in words. Where a page
    has only some of a plan's venues, `numbers` has each one's number in the whole plan (empty: 1, 2, 3, ...), and
    `venues_in_all` how many the whole plan has.
    """

    venue_ids: tuple[str, ...]
    newly_reached: tuple[float, ...] = ()
    bound_text: str = ""
    title: str = ""
    minutes: float | None = None
    numbers: tuple[int, ...] = ()
    venues_in_all: int | None = None

    @property
    def numbers_shown(self) -> tuple[int, ...]:
        """Return each venue's number in the order of choice of the whole plan."""
        return self.numbers or tuple(range(1, len(self.venue_ids) + 1))


@dataclass(frozen=True)
class Reach:
    """Carry the reach tables that `access` computed.

    `demand`: columns demand_id, lsoa21cd, people_offline. `pairs`: columns demand_id, venue_id, minutes; a pair that
    is absent is out of reach (more than `limit_min` minutes away).
    """

    demand: "pd.DataFrame"
    pairs: "pd.DataFrame"
    limit_min: float
    engine: str = ""


@dataclass(frozen=True)
class Context:
    """Carry our own background layer; each part may be None.

    `place_names`: columns name, x_m, y_m (EPSG:27700) and size (1 = city or large town ... 4 = village).
    `roads` and `outlines`: line or polygon GeoSeries in EPSG:27700 (main roads; councils round about).
    """

    place_names: "pd.DataFrame | None" = None
    roads: "gpd.GeoSeries | None" = None
    outlines: "gpd.GeoSeries | None" = None


# From near to far; chosen apart from the areas' own classes, so that one is never taken for the other.
SURFACE_COLOURS = ("#ffffcc", "#fed976", "#feb24c", "#fd8d3c", "#f03b20", "#bd0026", "#5c0011")
SURFACE_BREAKS_MIN = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0)


@dataclass(frozen=True)
class SurfaceLayer:
    """Carry minutes to help on the ground as a picture to lay over the map, in SURFACE_COLOURS.

    `key` is "with_car" or "without_car"; `png` is in Web Mercator, see-through where there is nothing; `bounds` are
    south, west, north, east in degrees.
    """

    key: str
    png: bytes
    bounds: tuple[float, float, float, float]


@dataclass(frozen=True)
class PageContent:
    """Carry all that one map page shows.

    `areas`: GeoDataFrame in EPSG:27700, one row an area, column or index lsoa21cd, with names (lsoa21nm, lad_cd,
    lad_nm, and where known wd_nm, msoa_hcl_nm, ruc21nm, is_rural). `table`: DataFrame indexed by lsoa21cd, joining
    index, people offline, travel and uncertainty columns as docs/architecture.md names them; it must hold every area
    of `areas` (one row each), and any column may be missing: the page then leaves its control out. Null means not
    known, never zero; `<column>__status` says why.
    `venues`: venue_id, name, kind, is_existing, x_m, y_m and, where known, postcode, hours_per_week.
    `postcodes`: postcode and lsoa21cd (for a nation, sectors such as "NE46 1").
    `national_breaks`: for a column name, the four limits between its five classes; without them the classes are
    fifths of the areas on the page, and the legend says so. `pages`: for a lad_cd, the relative address of its page.
    `other_language`: the relative address of the same page in the other language.
    `explanation`: escaped HTML that stands between the plan and the table of areas, and is printed with the plan.
    """

    areas: "gpd.GeoDataFrame"
    table: "pd.DataFrame"
    edition: Edition
    domains: tuple[Domain, ...] = ()
    title: str = ""
    venues: "pd.DataFrame | None" = None
    plan: Plan | None = None
    reach: Reach | None = None
    postcodes: "pd.DataFrame | None" = None
    context: Context = field(default_factory=Context)
    national_breaks: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    downloads: tuple[tuple[str, str], ...] = ()
    language: str = "en"
    other_language: str = ""
    is_national: bool = False
    explanation: str = ""
    surfaces: tuple[SurfaceLayer, ...] = ()


def checked(content: PageContent) -> PageContent:
    """Return the content with areas and table sorted by lsoa21cd and aligned, or raise.

    Raises ContractError where the CRS is not EPSG:27700, a key is missing or twice there, or the two tables hold
    different areas; InputError for an unknown language.
    """
    from dataclasses import replace

    if content.language not in LANGUAGES:
        raise InputError(
            f'The map page cannot be written in "{content.language}": choose one of {", ".join(LANGUAGES)}.'
        )
    areas = content.areas
    if AREA_KEY in areas.columns:
        areas = areas.set_index(AREA_KEY)
    if areas.index.name != AREA_KEY:
        raise ContractError(
            f"The map's areas table has no {AREA_KEY} column: give one row for each area with its code."
        )
    if areas.crs is None or areas.crs.to_epsg() != 27700:
        raise ContractError(
            "The map's areas table is not in EPSG:27700: reproject it before building a page."
        )
    table = content.table
    if AREA_KEY in table.columns:
        table = table.set_index(AREA_KEY)
    for name, frame in (("areas", areas), ("table", table)):
        if not frame.index.is_unique:
            twice = frame.index[frame.index.duplicated()][0]
            raise ContractError(
                f"The map's {name} table holds {twice} more than once: give one row for each area."
            )
    absent = areas.index.difference(table.index)
    if len(absent):
        raise ContractError(
            f"The map's table has no row for {len(absent)} of {len(areas)} areas, first {absent[0]}: "
            "join the index to all areas, with nulls where nothing is known."
        )
    empty = areas.index[areas.geometry.is_empty | areas.geometry.isna()]
    if len(empty):
        raise ContractError(f"The map's areas table has no boundary for {empty[0]}: every area needs one.")
    areas = areas.sort_index()
    return replace(content, areas=areas, table=table.reindex(areas.index))


def has(table: Any, column: str) -> bool:
    """Tell whether a table has a column with at least one known value."""
    return column in table.columns and bool(table[column].count() > 0)
