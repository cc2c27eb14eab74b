"""Spines: which nation a place is in, what is refused, and that every row of the table is whole."""

import csv

import pandas as pd
import pytest

from exclusion.access.modes import RURAL_CLASSES
from exclusion.errors import ContractError, InputError
from exclusion.geography.codes import is_area, level_of
from exclusion.geography.places import Gazetteer
from exclusion.geography.spines import default_spine, require_areas, spine_of_places, spines
from exclusion.job import Job
from exclusion.sources import catalogue
from exclusion.stages.national import USED_SOURCES, sources_of, spine_of

SCOTLAND, NORTHERN_IRELAND = spines()["scotland"], spines()["northern_ireland"]


@pytest.mark.parametrize(
    ("place", "spine"),
    [
        ("Scotland", "scotland"), ("Glasgow", "scotland"), ("glasgow city", "scotland"), ("Edinburgh", "scotland"),
        ("S12000005", "scotland"), ("s01013500", "scotland"), ("Northern Ireland", "northern_ireland"),
        ("Newry, Mourne & Down", "northern_ireland"), ("N09000003", "northern_ireland"), ("N20000001", "northern_ireland"),
        ("Rutland", "england_wales"), ("Wales", "england_wales"), ("W06000001", "england_wales"), ("E01000001", "england_wales"),
        ("no such place", "england_wales"),
    ],
)  # fmt: skip
def test_a_name_or_code_tells_the_spine(place, spine):
    assert spine_of_places((place,)).id == spine


def test_a_file_of_codes_tells_the_spine(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("name,lsoa21cd\nhere,N20000001\n")
    assert spine_of_places((str(path),)).id == "northern_ireland"
    path.write_text("name\nhere\n")
    assert spine_of_places((str(path),)) == default_spine()


def test_places_of_two_spines_are_refused_in_one_sentence():
    with pytest.raises(InputError, match="Fife is in Scotland, Leeds is in England and Wales") as fault:
        spine_of_places(("Fife", "Leeds"))
    assert "run each by itself" in str(fault.value)
    assert spine_of_places(("Fife", "Moray")) == SCOTLAND


def test_the_made_up_county_stays_where_it_is_whatever_it_is_asked_for():
    assert spine_of(Job(is_demo=True, places=("Scotland",))) == default_spine()
    assert spine_of(Job()) == default_spine()


def test_england_and_wales_read_what_they_read_before():
    assert sources_of(default_spine()) == USED_SOURCES


@pytest.mark.parametrize("spine", spines().values(), ids=lambda s: s.id)
def test_a_spine_names_sources_of_its_nations_and_shared_rural_classes(spine):
    known = catalogue().sources
    for role, source_id in spine.sources.items():
        assert set(known[source_id].nations) & set(spine.nations), role
    for name in sources_of(spine):
        assert set(known[name].nations) & set(spine.nations) or name == "lsoa11_lsoa21", name
    assert {code for code, _, _ in spine.rural.values()} <= set(RURAL_CLASSES)
    # One name a code: lists by class would otherwise mix two.
    assert len({code for code, _, _ in spine.rural.values()}) == len(
        {(c, n) for c, n, _ in spine.rural.values()}
    )


def test_rows_that_a_nation_counts_are_the_rows_of_its_boundaries():
    for spine in (SCOTLAND, NORTHERN_IRELAND):
        assert catalogue().source(spine.sources["lsoa21_boundaries"]).expected_rows == spine.areas


def test_councils_are_those_of_the_register(real):
    with (real / "lookups/la_all_codes.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["LADCD"] == row["LADCD_ACTIVE"]]
    for spine, prefix in ((SCOTLAND, "S12"), (NORTHERN_IRELAND, "N09")):
        assert spine.councils == {r["LADCD"]: r["LADNM"] for r in rows if r["LADCD"].startswith(prefix)}


def test_codes_of_areas_and_councils():
    assert is_area("S01013500")
    assert is_area("N20000001")
    assert not is_area("S12000005")
    assert level_of("S12000005") == level_of("N09000003") == "lad"
    require_areas(["S01013500"], SCOTLAND, "Boundaries")
    with pytest.raises(ContractError, match="E01000001 are not codes of Data Zone 2022"):
        require_areas(["S01013500", "E01000001"], SCOTLAND, "Boundaries")


def test_places_among_data_zones_are_found_like_others():
    row = {
        "nation": "Scotland",
        "lad_cd": "S12000049",
        "lad_nm": "Glasgow City",
        "utla_cd": "S12000049",
        "utla_nm": "Glasgow City",
    }
    areas = pd.DataFrame([row | {"lsoa21cd": code} for code in ("S01013500", "S01013501")]).assign(
        cauth_cd=None, cauth_nm=None, icb_cd=None, icb_nm=None, rgn_cd=None, rgn_nm=None
    )
    gazetteer = Gazetteer(areas)
    for wanted in ("Scotland", "Glasgow", "S12000049"):
        assert len(gazetteer.resolve([wanted])) == 2
    assert gazetteer.resolve(["S01013501"]).lsoa21cd == ("S01013501",)
    assert gazetteer.listing()["kind"].tolist() == ["council", "nation"]
