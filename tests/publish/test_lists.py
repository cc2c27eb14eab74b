"""Ranked lists: order, rounding, caveats, and text that no spreadsheet will run."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion.errors import ContractError, InputError
from exclusion.publish.lists import (
    LIST_COLUMNS,
    csv_bytes,
    join_results,
    missed_outside,
    ranked_list,
    solid_lines,
)


@pytest.fixture
def results():
    return pd.DataFrame(
        {
            "lsoa21cd": ["E01000001", "E01000002", "E01000003", "E01000004"],
            "lsoa21nm": ["A", "B", "C", "D"],
            "msoa21nm": ["M1", "M1", "M2", "M2"],
            "msoa_hcl_nm": ["Old Quay", None, "=HYPERLINK(1)", "Moor"],
            "ruc21nm": ["Urban", "Urban", "Rural", "Rural"],
            "exclusion_rank": [3.0, 1.0, 2.0, None],
            "risk_rank": [2.0, 1.0, 3.0, None],
            "people_offline": [100.4, 50.0, 100.4, 10.0],
            "offline_share_pct": [9.04, 5.0, 12.0, None],
            "help_min": [4.0, 30.0, 61.25, 5.0],
            "broadband_deficit__status": ["observed", "modelled", "fallback", "not_published"],
        }
    ).set_index("lsoa21cd")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("exclusion", "2314"),
        ("risk", "2134"),
        ("people", "1324"),
        ("share", "3124"),
        ("help", "3241"),
    ],
)
def test_each_order_lists_every_area_once(results, by, expected):
    table = ranked_list(results, by=by)
    assert [code[-1] for code in table["lsoa21cd"]] == list(expected)
    assert table["position"].tolist() == [1, 2, 3, 4]
    assert tuple(table.columns) == LIST_COLUMNS


def test_unranked_areas_keep_null_ranks_and_caveats_are_in_words(results):
    table = ranked_list(results).set_index("lsoa21cd")
    assert table.loc["E01000004", "exclusion_rank"] is pd.NA
    assert table.loc["E01000004", "caveats"] == "Slow broadband: not published here"
    assert table.loc["E01000001", "caveats"] == ""
    assert table.loc["E01000002", "neighbourhood"] == "M1"
    assert table.loc["E01000003", "people_offline"] == 100


def test_a_wrong_order_or_length_is_refused(results):
    with pytest.raises(InputError, match="--by score"):
        ranked_list(results, by="score")
    with pytest.raises(InputError, match="--top 0"):
        ranked_list(results, top=0)


def test_people_missed_are_counted_by_rural_class(results):
    missed = missed_outside(results, ["E01000001", "E01000003"]).set_index("ruc21nm")
    assert missed.loc["Urban", ["people_offline", "missed", "missed_pct"]].tolist() == [150, 50, 33.2]
    assert missed.loc["Rural", "missed"] == 10.0


def test_a_formula_is_shown_as_text_and_a_note_travels_with_each_row(results):
    data = csv_bytes(ranked_list(results), note="Demonstration data: not a real place")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[1]["neighbourhood"] == "'=HYPERLINK(1)"
    assert {row["note"] for row in rows} == {"Demonstration data: not a real place"}
    assert rows[3]["exclusion_rank"] == ""


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_text_cell_starts_a_formula_and_rows_never_split(texts):
    data = csv_bytes(pd.DataFrame({"name": texts})).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert len(rows) == len(texts) + 1
    assert all(not row[0].lstrip().startswith(("=", "+", "-", "@")) for row in rows[1:] if row)


def test_a_table_that_lost_an_area_is_named(results):
    import geopandas

    frame = results.reset_index()[["lsoa21cd", "lsoa21nm"]]
    areas = geopandas.GeoDataFrame(frame, geometry=geopandas.points_from_xy([0] * 4, [0] * 4), crs=27700)
    whole = results[["exclusion_rank"]].reset_index()
    with pytest.raises(ContractError, match="Table travel: area E01000004"):
        join_results(areas, whole, results[["people_offline"]], whole.head(3), whole)


@pytest.mark.parametrize(
    ("chances", "tenth", "council"),
    [
        (
            [99.0, 99.0, 20.0],
            "2 of the 3 areas are in the worst tenth",
            "2 of the 3 areas that rank in the worst 10 of their council stay there",
        ),
        (
            [99.0, 20.0],
            "1 of the 2 areas is in the worst tenth",
            "1 of the 2 areas that rank in the worst 10 of their council stays there",
        ),
        (
            [20.0, 20.0],
            "None of the 2 areas is in the worst tenth",
            "None of the 2 areas that rank in the worst 10 of their council stays there",
        ),
        (
            [99.0],
            "The only area listed is in the worst tenth",
            "The only area that ranks in the worst 10 of its council stays there",
        ),
        (
            [20.0],
            "The only area listed is not in the worst tenth",
            "The only area that ranks in the worst 10 of its council does not stay there",
        ),
    ],
)
def test_how_solid_a_list_is_is_said_in_the_number_that_it_has(chances, tenth, council):
    rows = pd.DataFrame(
        {
            "chance_worst_tenth_pct": chances,
            "chance_council_list_pct": chances,
            "exclusion_rank_in_lad_cd": range(1, len(chances) + 1),
        }
    )
    first, second = solid_lines(rows, 2_000)
    assert (
        first
        == f"{tenth} of all ranked areas by the exclusion index in at least 95% of 2,000 plausible versions."
    )
    assert second == f"{council} in at least 95% of versions."


def test_of_a_council_with_no_more_areas_than_the_list_nothing_is_said():
    rows = pd.DataFrame(
        {
            "chance_worst_tenth_pct": [20.0],
            "chance_council_list_pct": [None],
            "exclusion_rank_in_lad_cd": [1],
        }
    )
    assert len(solid_lines(rows, 2_000)) == 1
