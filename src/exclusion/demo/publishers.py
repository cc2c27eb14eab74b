"""Write the made-up county as its publishers would: every file where the local server looks for it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from exclusion.demo import (
    DEMONSTRATION_NOTICE,
    PARAMETERS,
    layout_census,
    layout_deprivation,
    layout_geography,
    layout_ofcom,
    layout_places,
)
from exclusion.demo.county import County
from exclusion.demo.server import link_page, location
from exclusion.files import write_bytes, write_text
from exclusion.sources.catalogue import Catalogue, Source, catalogue

Writer = Callable[[County], bytes]

_WRITERS: dict[str, Writer] = {
    "lsoa21_boundaries": layout_geography.lsoa_boundaries,
    "lsoa21_boundaries_bsc": layout_geography.lsoa_boundaries_coarse,
    "lsoa21_centroids": layout_geography.centroids,
    "lsoa21_ward_lad": layout_geography.ward_lookup,
    "lsoa21_lad23": layout_geography.lad23_lookup,
    "lsoa21_msoa21": layout_geography.oa_lookup,
    "oa21_lsoa21": layout_geography.oa_lookup,
    "lsoa11_lsoa21": layout_geography.exact_fit,
    "ruc21": layout_geography.ruc21,
    "ruc11": layout_geography.ruc11,
    "lad_boundaries": layout_geography.lad_boundaries,
    "msoa_boundaries": layout_geography.msoa_boundaries,
    "region_boundaries": layout_geography.region_boundaries,
    "lad_codes": layout_geography.lad_codes,
    "lad_region": layout_geography.region_lookup,
    "lad_county": layout_geography.county_lookup,
    "lsoa21_icb": layout_geography.care_board_lookup,
    "msoa21_names": layout_geography.msoa_names,
    "mid_year_population": layout_census.mid_year,
    "population_2020_lsoa11": layout_census.mid_2020_lsoa11,
    "ofcom_fixed_coverage_oa": layout_ofcom.coverage,
    "ofcom_fixed_performance_oa": layout_ofcom.performance,
    "ofcom_fixed_coverage_lad": layout_ofcom.council_coverage,
    "ofcom_mobile_lad": layout_ofcom.mobile,
    "iod2025_file7": layout_deprivation.file7,
    "iod2025_subdomains": layout_deprivation.file7,
    "iod2025_file8": layout_deprivation.file8,
    "iod2025_digital_connectivity": layout_deprivation.file8,
    "internet_users_2020": layout_deprivation.internet_users,
    "digital_propensity_index": layout_deprivation.digital_propensity,
    "libraries": layout_places.libraries,
    "gp_practices": layout_places.gp_practices,
    "village_halls": layout_places.village_halls,
    "population_raster_worldpop": layout_places.population_100m,
    "roads_osm": layout_places.road_extract,
    "postcodes_codepoint_open": layout_places.postcodes,
}
# Sources that nobody can download; the demonstration puts them into an inbox, as a council would.
_BY_HAND: dict[str, tuple[str, Writer]] = {
    "jobcentres": ("larkenshire_jobcentres.geojson", layout_places.jobcentres),
    "mobile_library_stops": ("mobile_library_stops.csv", layout_places.mobile_stops),
    "population_raster_ukceh": ("GB_residential_population_2021_1_km.tif", layout_places.population_1km),
}


def _writer(source: Source) -> Writer | None:
    """Return what writes a source's file, or None for a source the made-up publishers do not have."""
    table = str(source.options.get("table", ""))
    if source.reader == "nomis_census_zip" and table in layout_census.TABLES:
        return partial(layout_census.bulk_zip, table=table)
    return _WRITERS.get(source.id)


def served_sources(of: Catalogue | None = None) -> tuple[str, ...]:
    """Return the ids of the catalogue's sources that the made-up publishers serve, sorted."""
    return tuple(
        sorted(s.id for s in (of or catalogue()).sources.values() if _writer(s) and s.protocol != "by_hand")
    )


def write_publishers(county: County, root: Path, *, of: Catalogue | None = None) -> None:
    """Write every source the county has under `root`, in the layout that `exclusion.demo.server` serves.

    Files are whole or absent, and the same bytes for the same county. Addresses come from the catalogue, so that
    nothing is written where no one looks. Landing pages hold the links by which a moved file is found.
    """
    known = of or catalogue()
    written: set[Path] = set()
    for source_id in served_sources(known):
        source = known.source(source_id)
        path = location(root, source, PARAMETERS)
        # Several sources may read one file: the exact-fit lookup, File 7, a Census table at two levels.
        if path not in written:
            writer = _writer(source)
            if writer is not None:
                write_bytes(path, writer(county))
                written.add(path)
    _write_pages(root, known, written)


def write_inbox(county: County, folder: Path) -> None:
    """Write the files that a council would drop into its inbox: sources that nobody can download."""
    for name, writer in _BY_HAND.values():
        write_bytes(folder / name, writer(county))


def _write_pages(root: Path, known: Catalogue, written: set[Path]) -> None:
    """Write each landing page with links to the files that are looked for on it."""
    links: dict[Path, set[str]] = {}
    for source_id in served_sources(known):
        source = known.source(source_id)
        path = location(root, source, PARAMETERS)
        if source.link is not None and path in written:
            # Pages give the publisher's own addresses; a run that uses the local server turns them to it.
            inside = PurePosixPath(path.relative_to(root / source.publisher / "files").as_posix())
            links.setdefault(link_page(root, source), set()).add(
                f"{known.publisher_of(source).base}/{quote(str(inside))}"
            )
    for page, targets in sorted(links.items()):
        items = "\n".join(
            f'<li><a href="{target}">{PurePosixPath(target).name}</a></li>' for target in sorted(targets)
        )
        write_text(
            page,
            f'<!doctype html>\n<html lang="en"><title>{DEMONSTRATION_NOTICE}</title>\n<h1>{DEMONSTRATION_NOTICE}</h1>\n'
            f"<ul>\n{items}\n</ul>\n</html>\n",
        )
