"""The overview map of the front page: councils as links in the colours of the maps, small, and safe for any name."""

import re

import geopandas as gpd
import pytest
from shapely.geometry import Polygon, box

from exclusion.editions.changes import changes_said
from exclusion.errors import ContractError
from exclusion.publish.map.index_page import Files, PlaceRow, build_index
from exclusion.publish.map.overview import GRID_M, Outline, council_outlines
from tests.publish.map_made import made_areas, made_edition


def ground_km2(path: str) -> float:
    """The area within a path, from its steps alone."""
    total = 0.0
    for begin, steps in re.findall(r"M(-?\d+ ?-?\d+)l([^z]*)z", path):
        x, y = map(int, re.findall(r"-?\d+", begin))
        numbers = list(map(int, re.findall(r"-?\d+", steps)))
        points = [(x, y)]
        for right, down in zip(numbers[::2], numbers[1::2], strict=True):
            points.append((points[-1][0] + right, points[-1][1] + down))
        total += Polygon(points).area
    return total * GRID_M**2 / 1e6


def test_outlines_hold_their_councils_ground_and_meet_in_the_same_vertices():
    areas = made_areas()
    outlines = council_outlines(areas)
    for lad_cd, here in areas.groupby("lad_cd"):
        assert ground_km2(outlines[lad_cd].path) == pytest.approx(here.area.sum() / 1e6, rel=0.03)
    assert Outline.from_json(outlines["E06000999"].as_json()) == outlines["E06000999"]
    assert Outline.from_json(None) is None


def test_islets_are_left_out_and_an_island_council_never_is():
    shapes = [box(0, 0, 90_000, 90_000), box(95_000, 0, 95_020, 20), box(99_000, 0, 99_010, 10)]
    areas = gpd.GeoDataFrame({"lad_cd": ["a", "a", "b"]}, geometry=shapes, crs=27700)
    outlines = council_outlines(areas)
    assert outlines["a"].path.count("M") == 1
    assert outlines["b"].path.count("M") == 1
    with pytest.raises(ContractError, match="27700"):
        council_outlines(areas.to_crs(4326))


def page_of(*shares):
    outline = Outline("M0 0l5 0 0 5z", (0, 0, 5, 5))
    rows = tuple(
        PlaceRow(f"Place {at}", f"p{at}.html", 1, offline_share_pct=share, outline=outline)
        for at, share in enumerate(shares)
    )
    return build_index(made_edition(1), rows).decode()


def test_places_are_classed_by_fifths_and_the_key_counts_them():
    text = page_of(*range(1, 11), None)
    assert [text.count(f'<path class="k{name}"') for name in (0, 1, 2, 3, 4, "none")] == [2, 2, 2, 2, 2, 1]
    assert "Share of adults offline" in text
    assert '1.0% to 2.0% <span class="quiet">2 places</span>' in text
    assert 'Not known <span class="quiet">1 place</span>' in text
    few = page_of(7.0, 7.0, 9.0)
    assert [few.count(f'<path class="k{name}"') for name in (0, 1)] == [2, 1]
    assert '<path class="knone"' in page_of(None, None)


def test_one_place_needs_no_overview():
    assert "<svg" not in page_of(5.0)


def test_a_name_on_the_overview_is_text():
    outline = Outline("M0 0l5 0 0 5z", (0, 0, 5, 5))
    name = "<img onerror=alert(1)>{{7*191}}"
    rows = tuple(PlaceRow(name, '"><script>', 1, outline=outline) for _ in range(2))
    text = build_index(made_edition(1), rows).decode()
    assert "<img" not in text
    assert '"><script>' not in text
    assert "1337" not in text


def test_what_changed_is_said_in_sentences():
    changes = {
        "previous": "fellshire-1", "people_offline": 1_200, "people_offline_before": 1_100,
        "sources": [f"source {at}: new (2026)" for at in range(7)],
        "moves": [{"area": "Marrick 001A", "council": "Marrick", "rank_before": 1_500, "rank_after": 12}],
    }  # fmt: skip
    (text,) = changes_said("Fellshire", changes)
    assert text.startswith(
        "Fellshire, since edition fellshire-1: the estimate of adults offline went from 1,100 to 1,200."
    )
    assert "source 4: new (2026); and 2 more." in text
    assert "Marrick 001A in Marrick from 1,500 to 12." in text
    assert "ranks do not compare" in changes_said("x", changes | {"moves": None})[0]
    assert "No area changed its rank" in changes_said("x", changes | {"moves": []})[0]
    assert "The data are the same." in changes_said("x", changes | {"sources": []})[0]
    assert changes_said("x", None) == changes_said("x", changes | {"previous": None}) == []


def test_files_stand_under_what_they_are_for_and_none_is_lost():
    names = ["plan.json", "ranked.csv", "map.tif", "method.html", "all.xlsx", "odd.thing", "areas.gpkg"]
    files = Files("Fellshire", tuple((name.upper(), f"edition/{name}") for name in names))
    text = build_index(made_edition(1), (PlaceRow("Fellshire", "f.html", 1),), lists=(files,)).decode()
    shown = text[text.index('id="lists-title"') :]
    headings = re.findall(r"<h4>(.*?)</h4>", shown)
    assert headings == [
        "To read and print", "Lists and tables", "For maps of your own (GIS)", "Figures and proofs for programs",
    ]  # fmt: skip
    assert re.findall(r'<li><a href="edition/(.*?)">', shown) == [
        "method.html", "all.xlsx", "ranked.csv", "areas.gpkg", "map.tif", "plan.json", "odd.thing",
    ]  # fmt: skip
    alone = build_index(made_edition(1), (), lists=(Files("F", (("a", "a.csv"),)),)).decode()
    assert re.findall(r"<h4>(.*?)</h4>", alone) == ["Lists and tables"]
