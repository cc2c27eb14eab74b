"""The registry of readers: one for each publisher's layout, named by the catalogue, loaded when first used."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from exclusion.errors import ExclusionError, InputError, SourceError

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_ROOM = "exclusion.sources."

# Reader name to "module:function". Each function takes (path, source) and returns a tidy, checked table.
READERS: dict[str, str] = {
    "arcgis_features": f"{_ROOM}readers_boundaries:read_arcgis_features",
    "arcgis_table": f"{_ROOM}readers_lookups:read_arcgis_table",
    "boundaries_ogr": f"{_ROOM}readers_boundaries:read_boundaries_ogr",
    "boundaries_parquet": f"{_ROOM}readers_boundaries:read_boundaries_parquet",
    "census_age_bands_csv": f"{_ROOM}readers_census:read_census_age_bands_csv",
    "census_english_proficiency_csv": f"{_ROOM}readers_census:read_census_english_proficiency_csv",
    "census_long_csv": f"{_ROOM}readers_census_long:read_census_long_csv",
    "centroids_csv": f"{_ROOM}readers_lookups:read_lookup_csv",
    "codepoint_parquet": f"{_ROOM}readers_postcodes:read_codepoint_parquet",
    "codepoint_zip": f"{_ROOM}readers_postcodes:read_codepoint_zip",
    "deri_csv": f"{_ROOM}readers_digital:read_deri_csv",
    "digital_propensity_csv": f"{_ROOM}readers_digital:read_digital_propensity_csv",
    "digital_propensity_xlsx": f"{_ROOM}readers_digital:read_digital_propensity_xlsx",
    "deprivation_sheet": f"{_ROOM}readers_deprivation_sheet:read_deprivation_sheet",
    "dft_connectivity_ods": f"{_ROOM}readers_connectivity:read_dft_connectivity_ods",
    "gp_practices_csv": f"{_ROOM}readers_practices:read_gp_practices_csv",
    "gp_practices_parquet": f"{_ROOM}readers_practices:read_gp_practices_parquet",
    "internet_users_xlsx": f"{_ROOM}readers_internet_use:read_internet_users_xlsx",
    "iod_connectivity_parquet": f"{_ROOM}readers_deprivation:read_iod_connectivity_parquet",
    "iod_file7_csv": f"{_ROOM}readers_deprivation:read_iod_file7_csv",
    "iod_file8_xlsx": f"{_ROOM}readers_deprivation:read_iod_file8_xlsx",
    "iod_indicators_csv": f"{_ROOM}readers_deprivation:read_iod_indicators_csv",
    "iod_subdomains_csv": f"{_ROOM}readers_deprivation:read_iod_subdomains_csv",
    "lad_codes_csv": f"{_ROOM}readers_lookups:read_lookup_csv",
    "libraries_csv": f"{_ROOM}readers_libraries:read_libraries_csv",
    "libraries_parquet": f"{_ROOM}readers_libraries:read_libraries_parquet",
    "libraries_xlsx": f"{_ROOM}readers_libraries:read_libraries_xlsx",
    "lookup_csv": f"{_ROOM}readers_lookups:read_lookup_csv",
    "lookup_xlsx": f"{_ROOM}readers_lookups:read_lookup_xlsx",
    "mobile_stops_csv": f"{_ROOM}readers_libraries:read_mobile_stops_csv",
    "mobile_stops_parquet": f"{_ROOM}readers_libraries:read_mobile_stops_parquet",
    "msoa_names_csv": f"{_ROOM}readers_lookups:read_lookup_csv",
    "nomis_census_csv": f"{_ROOM}readers_census:read_nomis_census_csv",
    "nomis_census_zip": f"{_ROOM}readers_census:read_nomis_census_zip",
    "nomis_mid_year_csv": f"{_ROOM}readers_population:read_nomis_mid_year_csv",
    "ons_mid_year_workbook": f"{_ROOM}readers_population:read_ons_mid_year_workbook",
    "ofcom_laua_coverage": f"{_ROOM}readers_ofcom_councils:read_ofcom_laua_coverage",
    "ofcom_laua_coverage_csv": f"{_ROOM}readers_ofcom_councils:read_ofcom_laua_coverage_csv",
    "ofcom_laua_json": f"{_ROOM}readers_ofcom_councils:read_ofcom_laua_json",
    "ofcom_mobile_json": f"{_ROOM}readers_ofcom_councils:read_ofcom_mobile_json",
    "ofcom_mobile_laua": f"{_ROOM}readers_ofcom_councils:read_ofcom_mobile_laua",
    "ofcom_mobile_laua_csv": f"{_ROOM}readers_ofcom_councils:read_ofcom_mobile_laua_csv",
    "ofcom_oa_coverage": f"{_ROOM}readers_ofcom:read_ofcom_oa_coverage",
    "ofcom_oa_coverage_csv": f"{_ROOM}readers_ofcom:read_ofcom_oa_coverage_csv",
    "ofcom_oa_performance": f"{_ROOM}readers_ofcom:read_ofcom_oa_performance",
    "ofcom_oa_performance_csv": f"{_ROOM}readers_ofcom:read_ofcom_oa_performance_csv",
    "ofcom_postcode_coverage": f"{_ROOM}readers_ofcom:read_ofcom_postcode_coverage",
    "osm_pbf_roads": f"{_ROOM}readers_layers:read_osm_pbf_roads",
    "osm_pbf_venues": f"{_ROOM}readers_osm:read_osm_pbf_venues",
    "overpass_venues": f"{_ROOM}readers_osm:read_overpass_venues",
    "population_lsoa11_csv": f"{_ROOM}readers_population:read_population_lsoa11_csv",
    "population_raster": f"{_ROOM}readers_layers:read_population_raster",
    "venues_file": f"{_ROOM}readers_own_venues:read_venues_file",
    "wimd2019_csv": f"{_ROOM}readers_deprivation:read_wimd2019_csv",
    "wimd2019_ods": f"{_ROOM}readers_deprivation:read_wimd2019_ods",
    "wimd2025_ods": f"{_ROOM}readers_deprivation:read_wimd2025_ods",
    "zone_crosswalk_csv": f"{_ROOM}readers_lookups:read_lookup_csv",
}


def reader_named(name: str) -> Callable[[Path, "Source"], Any]:
    """Return the reader of a layout; InputError with the names there are where there is none."""
    try:
        module, function = READERS[name].split(":")
    except KeyError:
        raise InputError(
            f"There is no reader '{name}': the catalogue may name {', '.join(sorted(READERS))}."
        ) from None
    return cast("Callable[[Path, Source], Any]", getattr(import_module(module), function))


def read_source(path: Path, source: "Source", reader: str | None = None) -> Any:
    """Read a file of a source with the reader named, or the source's own, and return its tidy table.

    A GeoDataFrame in EPSG:27700 for boundaries, else a DataFrame; sorted by key. SourceError where the file cannot
    be read at all, ContractError where what it holds is not what the source must hold; both name the source and the
    file, whatever a damaged file makes the libraries beneath raise. A fault of this machine stays an OSError.
    """
    name = reader or source.reader
    if name is None:
        raise InputError(
            f"Source {source.id} has no reader of its own: name the reader of the file's layout."
        )
    if not path.is_file():
        raise SourceError(f"{source.id}: there is no file {path.name}; retrieve it first.")
    read = reader_named(name)
    try:
        return read(path, source)
    except ExclusionError as fault:
        if str(fault).startswith(source.id):
            raise
        # Archives are opened by those who do not know for which source.
        raise type(fault)(f"{source.id}: {fault}") from fault
    except Exception as fault:
        if isinstance(fault, MemoryError) or (isinstance(fault, OSError) and fault.errno is not None):
            raise
        reason = " ".join(str(fault).split())[:200]
        raise SourceError(
            f"{source.id}: {path.name} is not as reader '{name}' knows its layout ({type(fault).__name__}"
            f"{reason and f': {reason}'}); retrieve it again or put a whole copy into the inbox."
        ) from fault
