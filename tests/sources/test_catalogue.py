"""The catalogue: complete, consistent, and strict about slips."""

import re
import string

import pytest

from exclusion.errors import InputError
from exclusion.sources.catalogue import CADENCE_DAYS, CATALOGUE_PATH, catalogue, load_catalogue
from exclusion.sources.inbox import Inbox
from exclusion.sources.readers import READERS
from tests.sources.retrieval_world import make_catalogue

CENSUS = (
    "001",
    "003",
    "007a",
    "011",
    "029",
    "037",
    "038",
    "041",
    "044",
    "045",
    "054",
    "062",
    "063",
    "065",
    "066",
    "067",
    "068",
)
ISSUE = {
    *(f"census_ts{number}" for number in CENSUS),
    "lsoa21_boundaries", "lsoa21_boundaries_bsc", "lsoa21_centroids", "lsoa21_ward_lad", "lsoa21_msoa21", "msoa21_names",
    "lsoa11_lsoa21", "ruc21", "oa21_lsoa21", "lad_boundaries", "lad_codes", "lad_region", "lad_county", "lsoa21_icb",
    "census_age_bands", "census_english_proficiency_msoa", "mid_year_population", "population_2020_lsoa11",
    "ofcom_fixed_coverage_oa", "ofcom_fixed_performance_oa", "ofcom_mobile_lad", "ofcom_fixed_coverage_lad",
    "iod2025_digital_connectivity", "iod2025_file7", "iod2025_file8", "wimd2025", "wimd2019", "dft_connectivity",
    "internet_users_2020", "digital_propensity_index", "deri_v1_6", "libraries", "gp_practices", "jobcentres",
    "village_halls", "mobile_library_stops", "population_raster_worldpop", "population_raster_ukceh", "roads_osm",
    "postcodes_codepoint_open", "own_venues",
}  # fmt: skip


def test_every_source_of_the_issue_is_there():
    assert set(catalogue().sources) >= ISSUE


def test_every_reader_that_is_named_is_registered():
    named = {name for source in catalogue().sources.values() for name in source.readers}
    assert named - set(READERS) == set()


@pytest.mark.parametrize("source", catalogue().sources.values(), ids=lambda s: s.id)
def test_a_source_says_where_it_is_from_and_under_which_licence(source):
    assert source.title
    assert source.credit.endswith(".")
    assert source.licence
    assert source.cadence in CADENCE_DAYS
    assert source.landing_page.startswith(("https://", "docs/"))
    assert source.nations
    assert source.inbox, "a council behind a firewall must be able to supply it"
    for pattern in source.columns.values():
        re.compile(pattern)


def test_required_sources_are_had_by_download():
    by_hand = {name for name in catalogue().required if catalogue().sources[name].protocol == "by_hand"}
    # Scotland's Census gives tables by Data Zone from a page of its own, which has no address to ask.
    assert by_hand == {"scotland_age", "scotland_cars"}


def test_broadband_and_age_have_the_alternatives_of_the_issue():
    sources = catalogue().sources
    assert sources["ofcom_fixed_coverage_oa"].alternatives[0].source == "iod2025_digital_connectivity"
    assert sources["ofcom_fixed_coverage_oa"].alternatives[0].nations == ("England",)
    assert sources["census_ts007a"].alternatives[0].source == "census_age_bands"
    assert all(a.map_note.endswith(".") for s in sources.values() for a in s.alternatives)


def test_overpass_is_asked_as_its_operators_wish():
    overpass = catalogue().publishers["overpass"]
    assert overpass.max_parallel == 1
    assert overpass.pause_after_429_s >= 30


def test_all_publishers_are_asked_over_https():
    assert all(p.base.startswith("https://") for p in catalogue().publishers.values())


def test_parameters_of_an_address_are_asked_for_by_name():
    roads = catalogue().source("roads_osm")
    assert (
        roads.fill(roads.address, {"county": "rutland"})
        == "europe/united-kingdom/england/rutland-latest.osm.pbf"
    )
    with pytest.raises(InputError, match="needs the parameter 'county'"):
        roads.fill(roads.address)


def test_an_unknown_source_gets_suggestions():
    with pytest.raises(InputError, match="census_ts045"):
        catalogue().source("census_ts45")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('title = "Made-up table"', 'titel = "Made-up table"', r"sources\.table\.titel: is not a known key"),
        ('cadence = "annual"', 'cadence = "yearly"', r"sources\.table\.cadence"),
        ('protocol = "http_file"', 'protocol = "ftp"', r"sources\.table\.protocol"),
        ('publisher = "statistics"', 'publisher = "nobody"', "names the unknown publisher 'nobody'"),
        ('address = "files/table.csv"', 'file_name = "table.csv"', "protocol http_file lacks the keys"),
        ('reader = "lookup_csv"\nis_required', "is_required", "needs a reader"),
        ("min_interval_s = 0.0", "min_interval = 0.0", r"publishers\.statistics\.min_interval: is not a known key"),
        ("max_parallel = 1", "max_parallel = 99", r"publishers\.overpass\.max_parallel"),
        ("[publishers.nomis]", "[publishers.nomis", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_slip_in_the_catalogue_names_the_entry_and_the_key(tmp_path, old, new, fault):
    make_catalogue(tmp_path, "table")
    text = (tmp_path / "catalogue.toml").read_text()
    assert old in text
    (tmp_path / "slip.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=fault):
        load_catalogue(tmp_path / "slip.toml")


def test_an_alternative_must_be_a_source(tmp_path):
    with pytest.raises(InputError, match="source archive names the unknown source 'stand_in'"):
        make_catalogue(tmp_path, "archive")


def test_a_catalogue_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_catalogue(tmp_path / "none.toml")


def test_entries_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        catalogue().source("ruc21").title = "x"  # type: ignore[misc]


def test_the_text_names_no_secret_and_no_machine():
    text = CATALOGUE_PATH.read_text(encoding="utf-8")
    assert not set(text) - set(string.printable) - set("©é–’·×²")
    assert "/home/" not in text
    assert "token=" not in text


@pytest.mark.real
def test_every_real_file_is_claimed_by_a_source(real):
    inbox = Inbox(real)
    unclaimed = {p.name for p in inbox.unclaimed(catalogue().sources)}
    assert unclaimed == {"README.md", "rutland-latest-free.shp.zip"}


@pytest.mark.real
def test_every_source_finds_at_most_one_real_file(real):
    inbox = Inbox(real)
    county = {"county": "rutland"}
    found = {s.id: inbox.find(s, county) for s in catalogue().sources.values()}
    assert sum(f is not None for f in found.values()) >= 48
    assert found["roads_osm"].path.name == "rutland-latest.osm.pbf"
    assert inbox.find(catalogue().source("roads_osm"), {"county": "northumberland"}) is None
