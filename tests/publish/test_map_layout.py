"""Where the parts of the map's page stand: near, in one order for eye and keyboard, and none over another."""

from dataclasses import replace
from itertools import pairwise

import pytest

from exclusion.publish.map.content import Context
from exclusion.publish.map.page import build_page
from exclusion.publish.plan_page import bars
from tests.publish.map_made import made_content

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop warns when pytest turns warnings into errors.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CONTENT = made_content()
PHONE = {"width": 320, "height": 640}
# Left, top, right and bottom on the page of what a keyboard stops at, in its order; the map's own buttons lie on it.
STOPS = """() => Array.from(document.querySelectorAll('main a, main button, main select, main input, main summary, main [tabindex="0"]'))
  .filter(e => !e.disabled && !e.closest('.move') && e.checkVisibility())
  .map(e => e.getBoundingClientRect()).map(b => [b.left, b.top + scrollY, b.right, b.bottom + scrollY])"""
BOX = "name => { const b = document.querySelector(name).getBoundingClientRect(); return [b.left, b.top + scrollY, b.right, b.bottom + scrollY]; }"


def test_on_a_narrow_screen_the_map_is_near_and_its_key_is_on_the_same_screen(watched, folder):
    page = watched(viewport=PHONE).open(folder / "council.html")
    _, top, _, bottom = page.evaluate(BOX, ".map-box")
    assert top < 1.5 * PHONE["height"]
    assert bottom - top < PHONE["height"] - 150
    _, key, _, last_class = page.evaluate(BOX, "#key-body .classes")
    assert 0 < key - bottom < 80
    assert last_class - top < PHONE["height"]


@pytest.mark.parametrize("size", [(740, 330), (320, 256), (640, 400)], ids=["phone lying", "400%", "200%"])
def test_a_low_screen_has_page_beside_the_map_to_move_it_by(watched, folder, size):
    page = watched(viewport={"width": size[0], "height": size[1]}).open(folder / "council.html")
    _, top, _, bottom = page.evaluate(BOX, ".map-box")
    assert bottom - top <= 0.76 * size[1]
    left, row_top, right, row_bottom = page.evaluate(BOX, ".move")
    assert right - left > 5 * (row_bottom - row_top)


@pytest.mark.parametrize("is_open", [False, True])
def test_on_a_narrow_screen_eye_and_keyboard_go_the_same_way_down(watched, folder, is_open):
    page = watched(viewport=PHONE).open(folder / "council.html")
    if is_open:
        for part in page.locator("summary").all():
            part.click()
        assert page.is_visible("#rural")
    stops = page.evaluate(STOPS)
    assert len(stops) > 20
    for (left, top, _, _), (next_left, next_top, _, next_bottom) in pairwise(stops):
        is_below = next_top >= top
        is_beside = next_left > left and next_bottom > top
        assert is_below or is_beside, (left, top, next_left, next_top)


def test_where_there_is_room_nothing_is_folded_and_the_tries_stand_under_the_map(watched, folder):
    page = watched().open(folder / "council.html", "#a=E01000002")
    assert page.locator("summary:visible").count() == 0
    assert page.is_visible("#rural")
    find, area_map, side, tries = (
        page.evaluate(BOX, name) for name in (".controls", ".map-part", ".side", "#tries")
    )
    assert find[2] < area_map[0] < area_map[2] < side[0]
    assert find[1] == area_map[1] == side[1]
    # The card is longer than the map: the tries do not wait for its end.
    assert side[3] > tries[1] + 200
    assert tries[0] == area_map[0]
    assert 0 < tries[1] - area_map[3] < 200


def test_turning_the_screen_unfolds_the_choices_and_keeps_the_one_in_use_open(watched, folder):
    page = watched(viewport=PHONE).open(folder / "council.html")
    assert page.is_hidden("#rural")
    page.set_viewport_size({"width": 1000, "height": 640})
    page.wait_for_selector("#rural")
    page.focus("#rural")
    page.set_viewport_size(PHONE)
    page.wait_for_function("() => !document.querySelector('main > .fold').open")
    assert page.evaluate("document.activeElement.id") == "rural"
    assert page.is_visible("#rural")


def test_no_name_stands_under_the_buttons_of_a_narrow_map(watched, tmp_path):
    west, _, east, north = CONTENT.areas.total_bounds
    names = CONTENT.context.place_names.iloc[[0] * 8].assign(
        name=[f"Place {at}" for at in range(8)],
        x_m=[west + (east - west) * at / 7 for at in range(8)],
        y_m=north,
    )
    path = tmp_path / "names.html"
    path.write_bytes(build_page(replace(CONTENT, context=Context(place_names=names))))
    page = watched(viewport=PHONE).open(path)
    # The place lies below the row of buttons; moved up a little, its northern edge lies under it.
    assert page.evaluate(BOX, ".move")[3] < page.evaluate(
        "exclusion.page.map.latLngToContainerPoint([exclusion.page.bounds[1][0], exclusion.page.bounds[0][1]]).y"
        " + exclusion.page.map.getContainer().getBoundingClientRect().top + scrollY"
    )
    for by in (0, 20, 40, 60):
        page.evaluate(f"exclusion.page.fitPlace(); exclusion.page.map.panBy([0, {by}])")
        row = page.evaluate(BOX, ".move")
        for name in page.locator(".place-name span").all():
            box = name.evaluate(f"e => ({BOX})('#' + (e.id = 'name'))")
            name.evaluate("e => e.removeAttribute('id')")
            apart = box[2] <= row[0] or box[0] >= row[2] or box[3] <= row[1] or box[1] >= row[3]
            assert apart, (by, name.inner_text())
    assert page.locator(".place-name span").count() > 0


def test_a_click_brings_no_cross_but_a_key_does(watched, folder):
    page = watched().open(folder / "council.html")
    page.locator(".folium-map").click(position={"x": 200, "y": 300})
    assert page.evaluate("document.activeElement.classList.contains('folium-map')")
    assert page.is_hidden(".cross")
    page.keyboard.press("ArrowRight")
    assert page.is_visible(".cross")


def test_credits_stand_in_the_page_with_scripts_off_too(watched, folder):
    page = watched(java_script_enabled=False).open(folder / "council.html", has_map=False)
    assert "Contains OS data." in page.inner_text(".credits")
    assert page.is_hidden(".map-part")
    page = watched().open(folder / "council.html")
    assert page.locator(".credit").all_inner_texts() == list(CONTENT.edition.attribution)


def test_a_link_that_is_copied_is_told_where_everybody_sees_it(watched, folder):
    page = watched().open(folder / "council.html")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: {writeText: async () => {}}})")
    page.click("#copy-link")
    page.wait_for_function("() => document.getElementById('share-told').textContent === 'Link copied.'")
    other = watched().open(folder / "council.html")
    other.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    other.click("#copy-link")
    other.wait_for_function("() => document.getElementById('share-told').textContent.includes('address bar')")


def test_the_numbers_of_a_plans_bars_stay_readable_where_there_is_little_room(watched, tmp_path):
    path = tmp_path / "bars.html"
    drawn = bars([123_456.0, 40_000.0, 0.0], [True, False, False])
    path.write_text(f"<!DOCTYPE html><body style='margin: 26px'>{drawn}</body>", encoding="utf-8")
    page = watched(viewport={"width": 320, "height": 400}).open(path, has_map=False)
    boxes = "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.right, b.height])"
    numbers, lengths = (page.eval_on_selector_all(kind, boxes) for kind in ("text", "rect"))
    assert all(height >= 12 for _, _, height in numbers)
    assert max(right for _, right, _ in numbers) < min(left for left, _, _ in lengths)
    assert max(right for _, right, _ in lengths) <= 320 - 26
    widths = [right - left for left, right, _ in lengths]
    assert widths == pytest.approx([widths[0], widths[0] * 40_000 / 123_456, 0], abs=0.5)
