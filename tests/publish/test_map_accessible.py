"""The pages for people who use a keyboard, a screen reader, large print, forced colours or a narrow screen."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from exclusion.publish.map.page import build_page
from tests.axe import AXE_RUN, AXE_TAGS, axe_source, violations
from tests.publish.map_made import made_content
from tests.watched_page import status

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop warns when pytest turns warnings into errors.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CONTENT = made_content()


@pytest.mark.parametrize("name", ["council", "nation", "index", "how-this-was-made"])
@pytest.mark.parametrize("width", [1280, 320])
def test_every_page_opens_offline_without_a_fault_and_reflows(watched, folder, name, width):
    page = watched(viewport={"width": width, "height": 800}).open(
        folder / f"{name}.html", has_map=name in ("council", "nation")
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 320 and name in ("index", "how-this-was-made", "nation"):
        assert violations(page) == []


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
        if "viewport" in context and state == "opened":
            for part in page.locator(".fold > summary").all():
                part.click()
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
