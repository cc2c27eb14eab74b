"""A user's own areas: codes or shapes, shared out by where people live, and faults in one sentence."""

import geopandas
import pandas as pd
import pytest
from shapely.geometry import Point, box

from exclusion.errors import InputError
from exclusion.geography.custom_areas import read_custom_areas


@pytest.fixture
def areas():
    """Three squares of a kilometre side by side."""
    return geopandas.GeoDataFrame(
        {
            "lsoa21cd": ["E01000001", "E01000002", "E01000003"],
            "x_m": [400_500.0, 401_500.0, 402_500.0],
            "y_m": 500_500.0,
        },
        geometry=[box(400_000 + 1_000 * at, 500_000, 401_000 + 1_000 * at, 501_000) for at in range(3)],
        crs=27700,
    )


def shapes(path, parts, crs=27700, **columns):
    frame = geopandas.GeoDataFrame({"name": list(parts), **columns}, geometry=list(parts.values()), crs=crs)
    frame.to_crs(4326).to_file(path, driver="GeoJSON")
    return path


def test_codes_with_names_and_weights(tmp_path, areas):
    path = tmp_path / "wards.csv"
    path.write_text("ward,lsoa21cd,weight\nNorth,E01000001,\nNorth,e01000002,0.4\nSouth,E01000002,0.6\n")
    found = read_custom_areas(path, areas)
    assert found.member[["lsoa21cd", "group", "weight"]].to_numpy().tolist() == [
        ["E01000001", "North", 1.0],
        ["E01000002", "North", 0.4],
        ["E01000002", "South", 0.6],
    ]
    assert "2 areas of your own hold 2 of 3" in found.remarks[0]
    assert "rounded to whole people" in found.remarks[1]


def test_a_weight_counts_however_its_column_is_written(tmp_path, areas):
    path = tmp_path / "wards.csv"
    path.write_text("LSOA,Ward, Weight\nE01000001,North,0.4\nE01000002,North,\n")
    found = read_custom_areas(path, areas)
    assert found.member["weight"].tolist() == [0.4, 1.0]
    assert "weights of your file" in found.remarks[0]
    assert found.remarks[-1].startswith("1 small area lies only in part")


def test_a_shape_takes_the_people_inside_it_and_not_the_ground(tmp_path, areas):
    path = shapes(tmp_path / "own.geojson", {"West": box(399_900, 499_900, 401_300, 501_100)})
    people = pd.DataFrame(
        {
            "lsoa21cd": ["E01000001", "E01000002", "E01000002"],
            "x_m": [400_500.0, 401_200.0, 401_900.0],
            "y_m": 500_500.0,
            "people": [10.0, 90.0, 10.0],
        }
    )
    found = read_custom_areas(path, areas, people)
    assert found.member.set_index("lsoa21cd")["weight"].round(9).to_dict() == {
        "E01000001": 1.0,
        "E01000002": 0.9,
    }
    assert "where people live" in found.remarks[0]
    assert any("only in part" in text for text in found.remarks)
    by_centroid = read_custom_areas(path, areas)
    assert by_centroid.member["lsoa21cd"].tolist() == ["E01000001"]
    assert "centroid" in by_centroid.remarks[0]


def test_a_shape_over_ground_without_results_says_how_much_is_covered(tmp_path, areas):
    path = shapes(tmp_path / "own.geojson", {"Wide": box(402_000, 500_000, 404_000, 501_000)})
    found = read_custom_areas(path, areas)
    assert found.member["covered_pct"].iloc[0] == pytest.approx(50.0, abs=0.1)
    assert any(text.startswith("Wide: 50.0% of the shape") for text in found.remarks)


def test_shapes_that_overlap_count_people_twice_and_say_so(tmp_path, areas):
    path = shapes(
        tmp_path / "own.geojson",
        {"A": box(400_000, 500_000, 402_000, 501_000), "B": box(401_000, 500_000, 403_000, 501_000)},
    )
    found = read_custom_areas(path, areas)
    assert found.member.groupby("group")["lsoa21cd"].apply(list).to_dict() == {
        "A": ["E01000001", "E01000002"],
        "B": ["E01000002", "E01000003"],
    }
    assert any("more than one of your areas" in text for text in found.remarks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lsoa21cd,name\n", "no rows"),
        ("a,b\n1,2\n", "no column holds LSOA codes"),
        ("lsoa21cd\nE01000001\n", "no column that names"),
        ("lsoa21cd,name\nE01000001,A\nE01999999,A\n", "line 3: 'E01999999'"),
        ("lsoa21cd,name\nE01000001,\n", "line 2: E01000001 has no name"),
        ("lsoa21cd,name,weight\nE01000001,A,2\n", "weight '2'"),
        ("lsoa21cd,name\nE01000001,A\nE01000001,A\n", "twice in A"),
    ],
)
def test_a_faulty_csv_is_one_sentence(tmp_path, areas, text, message):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_custom_areas(path, areas)


def test_faulty_shapes_are_one_sentence(tmp_path, areas):
    with pytest.raises(InputError, match="no such file"):
        read_custom_areas(tmp_path / "none.geojson", areas)
    (tmp_path / "bad.geojson").write_text("{not json")
    with pytest.raises(InputError, match="cannot be read|can be read"):
        read_custom_areas(tmp_path / "bad.geojson", areas)
    with pytest.raises(InputError, match="nobody"):
        read_custom_areas(
            shapes(tmp_path / "sea.geojson", {"Sea": box(500_000, 500_000, 501_000, 501_000)}), areas
        )
    with pytest.raises(InputError, match="a point or a line"):
        read_custom_areas(shapes(tmp_path / "point.geojson", {"P": Point(400_500, 500_500)}), areas)
