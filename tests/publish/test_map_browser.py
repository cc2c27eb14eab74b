"""The pages in headless Chromium, from file://, with the network off: no error, no request, by keyboard, by name."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import folium
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.publish.map.content import Domain
from exclusion.publish.map.index_page import Files, PlaceRow, build_index
from exclusion.publish.map.overview import council_outlines
from exclusion.publish.map.page import build_page, map_page
from exclusion.publish.map.provenance import build_provenance
from tests.publish.map_made import made_content
from tests.publish.test_map_pages import HOSTILE
from tests.watched_page import Watched

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop warns when pytest turns warnings into errors.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CONTENT = made_content()
BREAKS = {"exclusion_score": (30.0, 45.0, 60.0, 75.0)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("maps")
    (place / "council.html").write_bytes(build_page(replace(CONTENT, national_breaks=BREAKS)))
    (place / "welsh.html").write_bytes(
        build_page(replace(CONTENT, national_breaks=BREAKS, language="cy", other_language="council.html"))
    )
    (place / "nation.html").write_bytes(
        build_page(
            replace(
                CONTENT,
                is_national=True,
                venues=None,
                plan=None,
                reach=None,
                pages={"E06000998": "council.html"},
            )
        )
    )
    outlines = council_outlines(CONTENT.areas)
    rows = (
        PlaceRow("Fellshire", "council.html", 30, 900, 9.5, 3, outline=outlines["E06000999"]),
        PlaceRow("Marrick", "nation.html", 1, outline=outlines["E06000998"]),
    )
    files = Files("Fellshire", (("Ranked areas (CSV)", "ranked.csv"), ("Method report", "council.html")))
    (place / "index.html").write_bytes(
        build_index(CONTENT.edition, rows, national_href="nation.html", lists=(files,))
    )
    (place / "how-this-was-made.html").write_bytes(build_provenance(CONTENT.edition))
    return place


def status(page) -> str:
    return page.inner_text("#status")


@pytest.mark.parametrize("name", ["council", "nation", "index", "how-this-was-made"])
@pytest.mark.parametrize("width", [1280, 320])
def test_every_page_opens_offline_without_a_fault_and_reflows(watched, folder, name, width):
    page = watched(viewport={"width": width, "height": 800}).open(
        folder / f"{name}.html", has_map=name in ("council", "nation")
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 320 and name in ("index", "how-this-was-made", "nation"):
        assert violations(page) == []


AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_source() -> str:
    package = pytest.importorskip("axe_playwright_python")
    return next(Path(package.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")


# What is in order is left in the browser: it is every element of the page, once a rule.
AXE_RUN = """async ([where, tags]) => {
  const found = await axe.run(where || document, {runOnly: tags, resultTypes: ["violations", "incomplete"]});
  return {violations: found.violations, incomplete: found.incomplete};
}"""


def violations(page) -> list[str]:
    page.evaluate(axe_source() + ";0")
    found = page.evaluate(AXE_RUN, ["", AXE_TAGS])
    # What axe could not decide must be its known limits: contrast over images, and hidden text.
    assert {one["id"] for one in found["incomplete"]} <= {"color-contrast", "aria-valid-attr-value"}
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]


def act_on_state(page, state: str) -> None:
    if state == "two":
        page.check("#two")
        page.check("#patterns")
    elif state == "search":
        page.fill("#find-text", "fell")
        page.press("#find-text", "ArrowDown")
    elif state == "area":
        page.click("#areas tbody button >> nth=0")
    elif state == "try":
        page.select_option("#try-venue", "v05")
        page.click("#try-add")
        page.check("#try-b")
        page.click("#try-best")
        page.check("#covered")
        page.select_option("#appearance", "auto")
    elif state == "ground":
        page.select_option("#surface", "without_car")
        page.wait_for_selector("img.surface")
    elif state == "empty":
        page.select_option("#rural", "rural")
        page.fill("#top-number", "1")
        page.press("#top-number", "Enter")
    elif state == "not found":
        page.fill("#find-text", "marick")
    elif state == "table":
        page.click("#sort-name")
        page.fill("#find-text", "")
    elif state == "print":
        page.click("#areas tbody button >> nth=0")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")


STATES = ("opened", "two", "search", "area", "try", "ground", "not found", "table", "empty", "print")


@pytest.mark.parametrize(
    ("name", "context"),
    [
        pytest.param("council", {"color_scheme": "light"}, id="light"),
        pytest.param("council", {"color_scheme": "dark"}, id="dark"),
        pytest.param("council", {"forced_colors": "active", "color_scheme": "dark"}, id="forced"),
        pytest.param(
            "council", {"viewport": {"width": 320, "height": 640}, "reduced_motion": "reduce"}, id="narrow"
        ),
        pytest.param("welsh", {"color_scheme": "light"}, id="welsh"),
    ],
)
def test_axe_finds_nothing_in_any_state(watched, folder, name, context):
    page = watched(**context).open(folder / f"{name}.html")
    # Browsers print without forced colours.
    for state in STATES[:-1] if "forced_colors" in context else STATES:
        act_on_state(page, state)
        assert violations(page) == [], state
        if "viewport" in context and state != "print":
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, state


def test_axe_finds_nothing_with_any_indicator(watched, folder):
    page = watched().open(folder / "council.html")
    page.evaluate(axe_source() + ";0")
    for key in page.eval_on_selector_all("#measure option", "all => all.map(one => one.value)"):
        page.select_option("#measure", key)
        # Only the key, the controls and the map's title change with the indicator.
        found = page.evaluate(AXE_RUN, [".tool", AXE_TAGS])
        assert found["violations"] == [], key
        assert page.inner_text("#map-title").startswith("Fellshire: ")


@pytest.mark.parametrize(
    "context", [{"color_scheme": "dark"}, {"forced_colors": "active"}], ids=["dark", "forced"]
)
@pytest.mark.parametrize("name", ["nation", "index", "how-this-was-made"])
def test_axe_finds_nothing_on_the_other_pages(watched, folder, name, context):
    assert violations(watched(**context).open(folder / f"{name}.html", has_map=name == "nation")) == []


def test_a_walk_by_keyboard_alone_from_postcode_to_download(watched, folder):
    page = watched().open(folder / "council.html")

    def tab_to(name: str, most: int = 60) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == name:
                return
        pytest.fail(f"{name} is not reached by Tab")

    page.keyboard.press("Tab")
    assert "Skip" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "find-text"
    page.keyboard.type("ne46 1ab")
    assert status(page) == "1 result"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.inner_text("#card-title") == "Fellshire 001B"
    assert page.evaluate("document.activeElement.id") == "card-title"
    tab_to("minutes")
    page.keyboard.type("10")
    tab_to("try-venue", 2)
    page.keyboard.type("Village Hall 5")
    tab_to("try-add", 2)
    page.keyboard.press("Enter")
    assert re.match(
        r"Village Hall 5 added: [\d,]+ more adults offline within 10 minutes, [\d,]+ in all\.", status(page)
    )
    tab_to("download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert download.value.suggested_filename == "digital-exclusion-fellshire.csv"
    assert rows[0] == ["Demonstration data: not a real place"]
    assert len(rows) == 4 + len(CONTENT.areas)


def test_the_map_itself_works_by_keyboard_and_lets_go_of_focus(watched, folder):
    page = watched().open(folder / "council.html")
    page.focus(".folium-map")
    page.keyboard.press("Enter")
    assert page.inner_text("#card-title").startswith("Fellshire")
    assert re.search(r"Exclusion index: [\d.]+", status(page))
    before = page.evaluate("location.hash")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    assert page.evaluate("location.hash") != before
    page.keyboard.press("Escape")
    assert page.inner_text("#card-title") == "Area"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.move') !== null")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.closest('.map-box')") is None


def test_screen_reader_names(watched, folder):
    page = watched().open(folder / "council.html")
    for role, name in (
        ("application", re.compile("Map of Fellshire")), ("combobox", "Find an area"), ("combobox", "Colour the map by"),
        ("slider", "Show only the highest"), ("spinbutton", "Number of areas"), ("checkbox", re.compile("Two variables")),
        ("button", "Zoom in"), ("button", "Move left"), ("button", "Add to the try"), ("button", "Best next venue"),
        ("button", re.compile("Download")), ("region", "Try a venue"), ("region", "The proposed plan"), ("main", None),
        ("heading", "Digital exclusion in Fellshire"), ("table", re.compile("areas, sorted by")),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name).count() >= 1, (role, name)
    assert (
        page.get_by_role("columnheader", name=re.compile("Exclusion rank")).get_attribute("aria-sort")
        == "ascending"
    )
    assert page.locator("#status").get_attribute("aria-live") == "polite"


def test_targets_are_large_enough_and_focus_is_seen(watched, folder):
    page = watched().open(folder / "council.html", "#x=v05")
    small = page.evaluate(
        """() => Array.from(document.querySelectorAll('button, select, input, summary, header a, footer a')).filter(e => {
          const b = e.getBoundingClientRect();
          return b.width && (b.width < 24 || (b.height < 24 && !e.closest('footer')));
        }).map(e => e.id || e.textContent)"""
    )
    assert small == []
    page.keyboard.press("Tab")
    page.focus("#measure")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_table_map_and_card_tell_the_same_figures(watched, folder):
    page = watched().open(folder / "council.html")
    keys = page.eval_on_selector_all("#measure option", "all => all.map(one => one.value)")
    for key in ("exclusion_score", "help_min", "offline_share_pct"):
        assert key in keys
        page.select_option("#measure", key)
        heads = [
            head.split(" ↕")[0].split(" ▲")[0] for head in page.locator("#areas thead th").all_inner_texts()
        ]
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


def reached(venues: set[str], minutes: float) -> float:
    pairs = CONTENT.reach.pairs
    here = pairs[pairs["venue_id"].isin(venues) & (pairs["minutes"] <= minutes)]["demand_id"].unique()
    return float(CONTENT.reach.demand.set_index("demand_id").loc[here, "people_offline"].sum())


def test_tries_tell_the_people_of_the_reach_tables_and_can_be_undone_and_compared(watched, folder):
    page = watched().open(folder / "council.html")
    page.select_option("#minutes", "10")
    today = {f"v{at:02d}" for at in range(4)}

    def shown() -> list[int]:
        return [
            int(text.replace(",", "").replace("+", ""))
            for text in page.locator("#try-result dd").all_inner_texts()
        ]

    now = reached(today, 10)
    assert shown() == pytest.approx([now, now, 0], abs=1)
    page.select_option("#try-venue", "v06")
    page.click("#try-add")
    both = reached(today | {"v06"}, 10)
    assert shown() == pytest.approx([now, both, both - now], abs=1)
    page.check("#try-b")
    page.click("#try-best")
    best = max(reached(today | {f"v{at:02d}"}, 10) for at in range(4, 12))
    assert shown()[1] == pytest.approx(best, abs=1)
    assert page.locator("#try-compare tbody tr").count() == 4
    page.click("#try-undo")
    assert shown()[2] == 0
    page.check("#try-a")
    page.click("#try-list button")
    assert shown()[2] == 0
    page.click("#try-plan")
    assert shown()[1] == pytest.approx(reached(today | {"v05", "v07"}, 10), abs=1)


def test_a_click_with_the_try_switched_on_takes_the_nearest_known_venue(watched, folder):
    page = watched().open(folder / "council.html")
    page.check("#try-on-map")
    page.locator(".folium-map").scroll_into_view_if_needed()
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.75)
    assert "added" in status(page)
    assert "km from the point" in page.inner_text("#try-snapped")


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


def test_without_scripts_the_page_is_a_readable_table(watched, folder):
    page = watched(java_script_enabled=False).open(folder / "council.html", has_map=False)
    assert page.locator("#areas tbody tr").count() == len(CONTENT.areas)
    assert page.is_visible("noscript p")
    assert not page.is_visible("#measure")
    assert page.is_visible("#plan")


def test_hostile_texts_and_values_are_shown_and_the_page_works(watched, tmp_path):
    count = len(CONTENT.areas)
    names = [HOSTILE[at % len(HOSTILE)] + f" {at}" for at in range(count)]
    table = CONTENT.table.assign(
        reason=names, action=names, needs_type=names, nearest_venue_nm=names,
        people_offline=[float("nan"), -3.0, 0.0, *CONTENT.table["people_offline"].iloc[3:]],
    )  # fmt: skip
    areas = CONTENT.areas.assign(lsoa21nm=names, wd_nm=names)
    venues = CONTENT.venues.assign(name=[HOSTILE[at % len(HOSTILE)] for at in range(12)], kind="=cmd|x")
    evil = HOSTILE[0] + HOSTILE[1] + HOSTILE[4]
    places = CONTENT.context.place_names.assign(name=[HOSTILE[0], HOSTILE[8]])
    content = replace(
        CONTENT, areas=areas, table=table, venues=venues, plan=replace(CONTENT.plan, title=evil, bound_text=evil),
        context=replace(CONTENT.context, place_names=places), edition=replace(CONTENT.edition, place_name=evil, name=evil),
        domains=(Domain("skills", evil, 55.0), Domain("connection", HOSTILE[8], 45.0)),
    )  # fmt: skip
    path = tmp_path / "hostile.html"
    path.write_bytes(build_page(content))
    page = watched().open(path, "#cand=1&x=v05")
    assert page.locator("img").count() == 0
    assert evil in page.title()
    assert evil in page.inner_text("h1")
    assert page.inner_text("#plan-title") == evil
    assert HOSTILE[0] in page.locator(".place-name").all_inner_texts()
    page.click("#sort-name")
    shown = page.locator("#areas tbody button").all_inner_texts()
    assert any(text.startswith("{{7*191}}") for text in shown)
    assert any(text.startswith("<img src=x onerror=alert(1)>") for text in shown)
    page.select_option("#measure", "people_offline")
    row = page.locator("#row-1 td").all_inner_texts()
    assert "-3" in row
    assert "not known" in page.locator("#row-0 td").all_inner_texts()
    page.fill("#find-text", "{{7")
    page.press("#find-text", "Enter")
    assert "{{7*191}}" in page.inner_text("#card-title")
    assert evil in page.inner_text("#card-body")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#print-sheet img").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    with page.expect_download() as download:
        page.click("#download")
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    cells = [cell for line in rows for cell in line]
    assert not [cell for cell in cells if re.match(r"\s*[=+@\t\r|%]", cell)]
    assert not [cell for cell in cells if cell.startswith("-") and not re.fullmatch(r"-\d+(\.\d+)?", cell)]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert "-3" in cells


def test_no_text_in_a_saved_csv_is_a_formula_or_is_lost(watched, folder):
    """Whatever stands in a cell comes back as it was, behind an apostrophe where a spreadsheet would run it."""
    page = watched().open(folder / "council.html")

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(HOSTILE),
            min_size=1,
            max_size=6,
        )
    )
    def check(texts):
        written = page.evaluate("texts => texts.map(exclusion.csv.cell).join(',')", ["first", *texts])
        (row,) = csv.reader(io.StringIO(written, newline=""))
        for text, cell in zip(texts, row[1:], strict=True):
            assert cell in (text, f"'{text}")
            assert not re.match(r"\s*[=+@\t\r|%-]", cell) or re.fullmatch(r"-\d+(\.\d+)?", cell)

    check()


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


def test_a_damaged_block_leaves_the_table_and_says_so(browser, folder, tmp_path):
    text = (folder / "council.html").read_text(encoding="utf-8")
    broken = re.sub(r'(id="data-areas"[^>]*>)[^<]{200}', r"\1", text)
    path = tmp_path / "broken.html"
    path.write_text(broken, encoding="utf-8")
    one = Watched(browser)
    page = one.page
    page.goto(path.as_uri())
    page.wait_for_selector("html.failed")
    assert page.is_visible("#failure")
    assert page.locator("#areas tbody tr").count() == len(CONTENT.areas)
    one.context.close()


def test_an_injected_script_does_not_run(browser, folder, tmp_path):
    text = (folder / "council.html").read_text(encoding="utf-8")
    path = tmp_path / "injected.html"
    path.write_text(
        text.replace("</main>", "<script>document.title = 'taken'</script></main>"), encoding="utf-8"
    )
    one = Watched(browser)
    one.page.goto(path.as_uri())
    one.page.wait_for_selector("html.ready")
    assert "Fellshire" in one.page.title()
    assert any("Content Security Policy" in fault for fault in one.faults)
    one.context.close()


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


def test_forced_colours_keep_the_map_and_its_key_readable(watched, folder):
    page = watched(forced_colors="active", color_scheme="dark").open(folder / "council.html")
    kept = page.evaluate("getComputedStyle(document.querySelector('.folium-map')).backgroundColor")
    assert kept == "rgb(233, 237, 239)"
    colours = page.eval_on_selector_all(
        "#key .swatch", "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(colours)) == len(colours) >= 5


def test_a_welsh_page_works_is_accessible_and_the_switch_keeps_the_view(watched, tmp_path):
    path = tmp_path / "marrick-cy.html"
    path.write_bytes(build_page(replace(CONTENT, language="cy", other_language="marrick.html")))
    page = watched().open(path)
    page.click("#areas tbody button >> nth=0")
    page.select_option("#measure", "help_min")
    assert page.inner_text("#card h3 >> nth=0") == "Pam"
    assert page.get_attribute("#card .reason", "lang") == "en-GB"
    assert page.get_attribute("#areas tbody tr:first-child td:last-child", "lang") == "en-GB"
    assert page.inner_text("#map-title") == "Fellshire: Amser i'r cymorth agosaf"
    link = page.get_attribute("#other-language", "href")
    assert "/marrick.html#" in link
    assert "m=help_min" in link
    assert violations(page) == []


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
