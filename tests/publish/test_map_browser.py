"""The pages in headless Chromium, from file://, with the network off: no error, no request, the figures agree."""

import json
import re
from dataclasses import replace
from pathlib import Path

import folium
import pandas as pd
import pytest

from exclusion.publish.map.page import build_page, map_page
from tests.axe import violations
from tests.publish.map_made import made_content
from tests.watched_page import status

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop warns when pytest turns warnings into errors.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CONTENT = made_content()


def test_table_map_and_card_tell_the_same_figures(watched, folder):
    page = watched().open(folder / "council.html")
    keys = page.eval_on_selector_all("#measure option", "all => all.map(one => one.value)")
    for key in ("exclusion_score", "help_min", "offline_share_pct"):
        assert key in keys
        page.select_option("#measure", key)
        heads = [re.split("\xa0[↕▲]", head)[0] for head in page.locator("#areas thead th").all_inner_texts()]
        label = page.eval_on_selector("#measure", "e => e.selectedOptions[0].textContent")
        at = [head.strip() for head in heads].index(label)
        for row in page.locator("#areas tbody tr").all()[:5]:
            cells = row.locator("th, td").all_inner_texts()
            code = CONTENT.areas.set_index("lsoa21nm").loc[cells[0], "lsoa21cd"]
            value = CONTENT.table.loc[code, key]
            assert (
                cells[at] == "not known"
                if value != value
                else float(cells[at]) == pytest.approx(value, abs=0.5)
            )


def test_top_n_rural_and_the_rank_list_follow_each_other(watched, folder):
    page = watched().open(folder / "council.html")
    page.fill("#top-number", "7")
    page.press("#top-number", "Enter")
    assert page.locator("#areas tbody tr").count() == 7
    assert "7 of 31 areas shown." in status(page)
    page.select_option("#rural", "urban")
    names = page.locator("#areas tbody button").all_inner_texts()
    rural = CONTENT.areas.set_index("lsoa21nm")["is_rural"]
    assert not any(rural[name] for name in names)
    page.click("#areas tbody button >> nth=2")
    assert page.inner_text("#card-title") == names[2]
    assert page.locator("tr[aria-current=true] button").inner_text() == names[2]
    page.click("#reset")
    assert page.locator("#areas tbody tr").count() == len(CONTENT.areas)


def test_minutes_on_the_ground_lie_over_the_areas_with_a_key_of_their_own(watched, folder):
    page = watched().open(folder / "council.html")
    page.select_option("#surface", "with_car")
    page.wait_for_selector("img.surface[alt='Minutes to existing help, with a car']")
    assert page.eval_on_selector("img.surface", "image => image.decode().then(() => image.naturalWidth)") == 7
    assert page.inner_text("#map-title") == "Fellshire: Minutes to existing help, with a car"
    texts = page.locator("#key-body ul >> nth=0 >> li").all_inner_texts()
    assert [texts[0], texts[1], texts[-1], len(texts)] == [
        "below 5 minutes", "5 to 10 minutes", "45 or more minutes", 7,
    ]  # fmt: skip
    assert "laid over the map" in status(page)
    assert "ground=with_car" in page.url
    page.goto(page.url.replace("with_car", "without_car"))
    page.reload()
    page.wait_for_selector("img.surface[alt='Minutes to existing help, without a car']")
    page.select_option("#surface", "")
    page.wait_for_selector("img.surface", state="detached")
    assert page.inner_text("#map-title") == "Fellshire: Exclusion index"
    assert "ground" not in page.url


def road_ink(page) -> int:
    """Return how many pixels of the roads' own canvas are drawn on, 0 where it is not there."""
    return page.evaluate(
        """() => Array.from(document.querySelectorAll(".leaflet-roads-pane canvas")).map(canvas => {
          const copy = document.createElement("canvas");
          [copy.width, copy.height] = [canvas.width, canvas.height];
          const context = copy.getContext("2d", {willReadFrequently: true});
          context.drawImage(canvas, 0, 0);
          const data = context.getImageData(0, 0, copy.width, copy.height).data;
          return data.filter((value, at) => at % 4 === 3 && value > 0).length;
        }).reduce((sum, one) => sum + one, 0)"""
    )


def test_main_roads_are_switched_by_keyboard_kept_in_the_link_and_printed(watched, folder):
    page = watched().open(folder / "council.html")
    assert road_ink(page) > 500
    assert "Main road" in page.inner_text("#key-body")
    page.focus("#layer-roads")
    page.keyboard.press("Space")
    assert road_ink(page) == 0
    assert "Main road" not in page.inner_text("#key-body")
    assert "hide=roads" in page.url
    again = watched().open(folder / "council.html", "#hide=roads")
    assert not again.is_checked("#layer-roads")
    assert road_ink(again) == 0

    def sheet() -> str:
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        drawn = page.evaluate("document.querySelector('#print-sheet canvas').toDataURL()")
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        return drawn

    without = sheet()
    page.check("#layer-roads")
    assert sheet() != without


@pytest.mark.parametrize(
    ("asked", "first"), [("marick", "Marrick"), ("warrd", "Ward 0"), ("mrarick", "Marrick")]
)
def test_a_name_typed_wrong_finds_the_names_like_it_and_says_so(watched, folder, asked, first):
    page = watched().open(folder / "council.html")
    page.fill("#find-text", asked)
    assert page.inner_text("#find-list li >> nth=0 >> span >> nth=0") == first
    assert page.inner_text("#find-told").startswith(f"Nothing is called {asked}. Like it: ")
    assert status(page) == page.inner_text("#find-told")
    assert violations(page) == []
    page.fill("#find-text", "Fellshire 001A")
    assert page.inner_text("#find-told") == ""


def test_where_nothing_is_found_everybody_is_told(watched, folder):
    page = watched().open(folder / "council.html")
    page.fill("#find-text", "zzzyx qqq")
    assert page.is_hidden("#find-list")
    assert page.inner_text("#find-told") == "Nothing found for zzzyx qqq"
    page.fill("#find-text", "ZE99 9ZZ")
    assert page.inner_text("#find-told") == "Nothing found for ZE99 9ZZ"


def test_apostrophes_hyphens_and_accents_need_not_be_typed(watched, tmp_path):
    names = ["King's Lynn 001A", "Ynys Môn 001B", "Stoke-on-Trent 002C", *CONTENT.areas["lsoa21nm"].iloc[3:]]
    path = tmp_path / "names.html"
    path.write_bytes(build_page(replace(CONTENT, areas=CONTENT.areas.assign(lsoa21nm=names))))
    page = watched().open(path)
    for asked, name in (("kings lynn", names[0]), ("ynys mon", names[1]), ("stoke on trent 002c", names[2])):
        page.fill("#find-text", asked)
        assert page.inner_text("#find-list li >> nth=0 >> span >> nth=0") == name


def test_a_click_on_the_map_chooses_the_area_under_it(watched, folder):
    page = watched().open(folder / "council.html")
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5)
    name = page.inner_text("#card-title")
    assert name.startswith("Fellshire")
    assert page.locator("tr.chosen button").inner_text() == name


def test_a_link_brings_the_whole_state_back(watched, folder):
    page = watched().open(folder / "council.html")
    page.select_option("#measure", "risk_score")
    page.check("#patterns")
    page.select_option("#classes-from", "page")
    page.fill("#top-number", "9")
    page.press("#top-number", "Enter")
    page.select_option("#try-venue", "v06")
    page.click("#try-add")
    page.check("#covered")
    page.click("#areas tbody button >> nth=1")
    texts = [page.inner_text(name) for name in ("#key", "#card-body", "#areas", "#try-result")]
    fragment = page.evaluate("location.hash")
    again = watched().open(folder / "council.html", fragment)
    assert [again.inner_text(name) for name in ("#key", "#card-body", "#areas", "#try-result")] == texts
    strange = watched().open(
        folder / "council.html", "#m=nothing&a=E09&x=nobody&v=a,b,c&top=-4&t=999&rural=sea"
    )
    assert strange.locator("#areas tbody tr").count() == len(CONTENT.areas)


@pytest.mark.parametrize(
    ("fragment", "title"),
    [("#a=E01000002", "Area brief"), ("#x=v05&x=v06", "Brief of a try"), ("#two=1", "Fellshire")],
)
def test_paper_is_one_page_with_the_map_on_it(watched, folder, fragment, title):
    page = watched().open(folder / "council.html", fragment)
    document = page.pdf(prefer_css_page_size=True, print_background=True)
    assert re.findall(rb"/Count (\d+)", document) == [b"1"]
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.inner_text("#print-sheet h1").startswith(title)
    assert page.locator("#print-sheet canvas").count() == 1
    assert "Contains OS data." in page.inner_text("#print-sheet")
    assert "23 November 2026" in page.inner_text("#print-sheet")


def test_a_brief_with_texts_as_long_as_real_ones_is_one_page(watched, tmp_path):
    """Texts, gaps and credits as long as the longest of Northumberland's."""
    reason = (
        "At higher risk of digital exclusion than 99 in 100 areas in England and Wales, mainly because 31% of residents are "
        "disabled (17% in a typical area), 38% of adults have not worked for a year or more, so they do not go online for work "
        "(26% in a typical area) and 35% of adults are in routine or semi-routine work, which seldom teaches digital skills (23% "
        "in a typical area). The nearest help in person is 31 minutes away, so the exclusion index counts its need 4% more."
    )
    action = (
        "Run regular one-to-one sessions with a digital champion, and offer basic digital skills courses. Offer help at home, by "
        "telephone and through GP surgeries, and keep an offline way to use each service. Promote social tariffs, free data "
        "(National Databank) and refurbished devices at food banks and jobcentres. Check broadband coverage and vouchers."
    )
    hangs = "This rank hangs mostly on which single indicator is left out. It moves furthest without routine work."
    table = CONTENT.table.assign(
        reason=reason, action=action, rank_hangs_on=hangs, hot_spot="hot spot", no_car_pct__status="fallback",
        nearest_venue_nm="Berwick-upon-Tweed Library and Customer Information Centre",
    )  # fmt: skip
    credit = "Source: Office for National Statistics licensed under the Open Government Licence v.3.0. Contains OS data {at}."
    edition = replace(CONTENT.edition, attribution=tuple(credit.format(at=at) for at in range(14)))
    path = tmp_path / "long.html"
    path.write_bytes(build_page(replace(CONTENT, table=table, edition=edition)))
    page = watched().open(path, "#a=E01000002")
    assert re.findall(rb"/Count (\d+)", page.pdf(prefer_css_page_size=True, print_background=True)) == [b"1"]
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    sheet = page.inner_text("#print-sheet")
    for text in (
        reason,
        action,
        hangs,
        "What moves the exclusion index here",
        "Data gaps",
        credit.format(at=13),
    ):
        assert text in sheet


def test_a_folium_child_is_drawn_and_events_reach_it(watched, tmp_path):
    page_object = map_page(CONTENT)
    folium.Marker([54.65, -2.0]).add_to(page_object.map)
    group = folium.FeatureGroup(name="Mine").add_to(page_object.map)
    folium.GeoJson({"type": "Point", "coordinates": [-2.0, 55.1]}, marker=folium.CircleMarker()).add_to(group)
    path = tmp_path / "child.html"
    path.write_bytes(page_object.page_bytes())
    page = watched().open(path)
    assert page.locator("img.leaflet-marker-icon").count() >= 1
    assert page.locator("img.leaflet-marker-icon").first.get_attribute("src").startswith("data:")


def test_the_documented_layers_of_ones_own_are_drawn_and_switched(watched, tmp_path, monkeypatch):
    page_of_docs = (Path(__file__).resolve().parents[2] / "docs" / "map.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"(?s)```python\n(.*?)```", page_of_docs)
    table = CONTENT.table.reset_index().drop(columns=["is_ranked"])
    CONTENT.areas.merge(table, on="lsoa21cd").to_parquet(tmp_path / "areas.parquet")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/map.md", "exec"), {"__name__": "example"})
    page = watched().open(tmp_path / "with-our-bus.html")
    assert page.locator(".leaflet-marker-icon strong").inner_text() == "Bus"
    line = page.locator('path[stroke="#b3261e"]')
    assert line.count() == 1
    page.locator(".leaflet-marker-icon").hover()
    assert page.inner_text(".leaflet-tooltip-pane") == "Every Tuesday, {{9:30}} to <noon>"
    page.uncheck(".leaflet-control-layers-overlays label:has-text('Our digital bus') input")
    assert line.count() == 0
    page.check(".leaflet-control-layers-overlays label:has-text('Our digital bus') input")
    assert line.count() == 1
    assert page.locator("#areas tbody tr").count() == len(CONTENT.areas)


def test_the_overview_finds_places(watched, folder):
    page = watched().open(folder / "index.html", has_map=False)
    page.fill("#place-text", "marr")
    assert page.locator("#places tbody tr:visible").count() == 1
    assert page.inner_text("#place-count") == "1 of 2 places shown"


def test_pixels_belong_to_the_areas_that_hold_them(watched, folder):
    """Every pixel of a drawn window is the area that the exact pick finds there: neighbours meet, no gap between."""
    page = watched().open(folder / "council.html", "#v=55.15,-1.95,10.4")
    result = page.evaluate(
        """() => {
          const text = [];
          for (const zoom of [-6, -5, -4, -3]) {
            const g = exclusion.page.geometry, scale = Math.pow(2, zoom);
            const box = g.box(Array.from({length: g.areaCount}, (_, i) => i));
            const left = Math.floor(box[0] * scale), top = Math.floor(box[1] * scale);
            const width = Math.ceil(box[2] * scale) - left, height = Math.ceil(box[3] * scale) - top;
            const ids = exclusion.raster.fill(g, g.level(scale), left, top, width, height, new Uint16Array(width * height));
            let wrong = 0, holes = 0;
            for (let y = 2; y < height - 2; y++) for (let x = 2; x < width - 2; x++) {
              const id = ids[y * width + x];
              const exact = g.pick((left + x + 0.5) / scale, (top + y + 0.5) / scale) + 1;
              if (id !== exact) wrong++;
              const beside = [ids[y * width + x - 1], ids[y * width + x + 1], ids[(y - 1) * width + x], ids[(y + 1) * width + x]];
              if (!id && beside.every(one => one)) holes++;
            }
            text.push({wrong: wrong / (width * height), holes: holes});
          }
          return JSON.stringify(text);
        }"""
    )
    for entry in json.loads(result):
        assert entry["holes"] == 0
        # Thinning moves an edge by at most half a pixel, so only pixels on edges may differ from the exact pick.
        assert entry["wrong"] < 0.05


def test_marks_give_way_to_the_map_where_they_crowd_and_come_back_on_zooming_in(watched, tmp_path):
    # A thousand venues over thirty areas: more than one for every 400 pixels of the view.
    side = 32
    venues = pd.DataFrame(
        [
            {"venue_id": f"m{at}", "name": f"Hall {at}", "kind": "village_hall", "is_existing": True}
            for at in range(side * side)
        ]
    )
    west, south, east, north = CONTENT.areas.total_bounds
    venues["x_m"] = [west + (east - west) * (at % side + 0.5) / side for at in range(side * side)]
    venues["y_m"] = [south + (north - south) * (at // side + 0.5) / side for at in range(side * side)]
    (tmp_path / "crowded.html").write_bytes(
        build_page(replace(CONTENT, venues=venues, plan=None, reach=None))
    )
    page = watched(viewport={"width": 900, "height": 700}).open(tmp_path / "crowded.html", has_map=True)
    assert page.locator(".leaflet-marker-pane .mark-existing").count() == 0
    assert "Zoom in to see the places that give help." in page.inner_text("#key-body")
    page.evaluate("exclusion.page.map.setZoom(exclusion.page.map.getZoom() + 1, {animate: false})")
    assert "marks-dots" in page.get_attribute(".leaflet-container", "class")
    page.evaluate("exclusion.page.map.setZoom(exclusion.page.map.getZoom() + 2, {animate: false})")
    shown = page.locator(".leaflet-marker-pane .mark-existing").count()
    assert 0 < shown < side * side / 4
    assert "marks-dots" not in page.get_attribute(".leaflet-container", "class")
    assert "Zoom in" not in page.inner_text("#key-body")
    assert violations(page) == []
