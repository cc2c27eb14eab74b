"""Places by name or code of any vintage, and what is said when there is none."""

import pandas as pd
import pytest

from exclusion.errors import InputError
from exclusion.geography.places import Gazetteer

AREAS = pd.DataFrame(
    [
        ("E01000001", "England", "E08000016", "Barnsley", "E08000016", "Barnsley", "E47000002", "South Yorkshire", "E12000003", "Yorkshire and The Humber"),
        ("E01000002", "England", "E06000057", "Northumberland", "E06000057", "Northumberland", "E47000014", "North East", "E12000001", "North East"),
        ("E01000003", "England", "E06000057", "Northumberland", "E06000057", "Northumberland", "E47000014", "North East", "E12000001", "North East"),
        ("E01000004", "England", "E06000005", "Darlington", "E06000005", "Darlington", None, None, "E12000001", "North East"),
        ("E01000005", "England", "E09000001", "City of London", "E09000001", "City of London", None, None, "E12000007", "London"),
        ("E01000006", "England", "E09000007", "Camden", "E09000007", "Camden", None, None, "E12000007", "London"),
        ("E01000007", "England", "E07000244", "East Suffolk", "E10000029", "Suffolk", None, None, "E12000006", "East of England"),
        ("W01000001", "Wales", "W06000023", "Powys", "W06000023", "Powys", None, None, None, None),
    ],
    columns=["lsoa21cd", "nation", "lad_cd", "lad_nm", "utla_cd", "utla_nm", "cauth_cd", "cauth_nm", "rgn_cd", "rgn_nm"],
).assign(icb_cd=None, icb_nm=None)  # fmt: skip
LAD_CODES = pd.DataFrame(
    [
        ("E08000016", "Barnsley", "E08000038"),
        ("E08000038", "Barnsley", "E08000038"),
        ("E07000159", "Alnwick", "E06000057"),
        ("E06000057", "Northumberland", "E06000057"),
        ("E07000205", "Suffolk Coastal", "E07000244"),
    ],
    columns=["lad_cd", "lad_nm", "lad_cd_active"],
)


@pytest.fixture
def gazetteer():
    return Gazetteer(AREAS, LAD_CODES)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["Northumberland"], {"E01000002", "E01000003"}),
        (["northumberland "], {"E01000002", "E01000003"}),
        (["E06000057"], {"E01000002", "E01000003"}),
        (["e07000159"], {"E01000002", "E01000003"}),
        (["Alnwick"], {"E01000002", "E01000003"}),
        (["Suffolk Coastal"], {"E01000007"}),
        (["Suffolk"], {"E01000007"}),
        (["E08000038"], {"E01000001"}),
        (["Barnsley"], {"E01000001"}),
        (["London"], {"E01000005", "E01000006"}),
        (["City of London"], {"E01000005"}),
        (["Wales"], {"W01000001"}),
        (["England", "Wales"], set(AREAS["lsoa21cd"])),
        (["England & Wales"], set(AREAS["lsoa21cd"])),
        (["Yorkshire & the Humber"], {"E01000001"}),
        (["E01000004"], {"E01000004"}),
        (["Barnsley", "Powys"], {"E01000001", "W01000001"}),
    ],
)
def test_a_place_is_found_by_name_or_code(gazetteer, wanted, expected):
    assert set(gazetteer.resolve(wanted).lsoa21cd) == expected


def test_a_name_that_means_two_sets_of_areas_is_not_guessed(gazetteer):
    with pytest.raises(InputError, match="E47000014.*E12000001"):
        gazetteer.resolve(["North East"])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("Northumberlnd", "Did you mean Northumberland"),
        ("E06999999", "No place has the code E06999999"),
        ("E01999999", "E01999999 is in no lookup"),
        ("nowhere-at-all-zzz", "exclusion places"),
        ("", "There is no place called ''"),
        ("missing.csv", "no such file"),
    ],
)
def test_a_wrong_place_gets_one_sentence(gazetteer, wanted, message):
    with pytest.raises(InputError, match=message):
        gazetteer.resolve([wanted])


def test_a_list_of_areas_from_a_file(gazetteer, tmp_path):
    path = tmp_path / "our patch.csv"
    path.write_bytes('\ufefflsoa21cd,note\nE01000002,a\n"E01000004",b\n'.encode())
    place = gazetteer.resolve([str(path)])
    assert (place.label, place.slug) == ("our patch", "our-patch")
    assert place.lsoa21cd == ("E01000002", "E01000004")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name\nAlnwick\n", "no column holds LSOA codes"),
        ("lsoa21cd\nE01000002\nE0100000\n", "line 3: 'E0100000' is not"),
        ("lsoa21cd\nE01000002\nE01777777\n", "E01777777 is in no lookup"),
    ],
)
def test_a_damaged_list_names_the_line(gazetteer, tmp_path, text, message):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        gazetteer.resolve([str(path)])


def test_the_listing_counts_areas_once_a_level(gazetteer):
    listing = gazetteer.listing()
    assert listing.query("kind == 'council'")["areas"].sum() == len(AREAS)
    assert listing.query("kind == 'nation'").set_index("name")["areas"].to_dict() == {
        "England": 7,
        "Wales": 1,
    }
    assert listing.query("kind == 'county'")["name"].tolist() == ["Suffolk"]


def test_all_nations_together_are_a_place_of_their_own_and_one_nation_is_not_listed_twice(gazetteer):
    assert gazetteer.resolve(["england and wales"]).label == "England and Wales"
    listing = gazetteer.listing()
    together = listing[listing["name"] == "England and Wales"]
    assert together[["kind", "areas"]].to_dict("list") == {"kind": ["nations"], "areas": [len(AREAS)]}
    one = Gazetteer(AREAS[AREAS["nation"] == "England"], LAD_CODES)
    assert "England and Wales" not in one.names()
    assert one.listing()["name"].tolist().count("England") == 1
