"""Trying venues on the map: whom they reach, who stays out, and that everybody is told what an action did."""

from dataclasses import replace

import pytest

from exclusion.publish.map.page import build_page
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
    everybody = float(CONTENT.reach.demand["people_offline"].sum())
    assert shown() == pytest.approx([now, now, 0, everybody - now], abs=1)
    page.select_option("#try-venue", "v06")
    page.click("#try-add")
    both = reached(today | {"v06"}, 10)
    assert shown() == pytest.approx([now, both, both - now, everybody - both], abs=1)
    page.check("#try-b")
    page.click("#try-best")
    best = max(reached(today | {f"v{at:02d}"}, 10) for at in range(4, 12))
    assert shown()[1] == pytest.approx(best, abs=1)
    assert page.locator("#try-compare tbody tr").count() == 5
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
    assert "km from the point" in page.inner_text("#try-told")


def test_the_tries_say_who_stays_out_and_where(watched, folder):
    page = watched().open(folder / "council.html")
    page.select_option("#minutes", "10")
    page.select_option("#try-venue", "v06")
    page.click("#try-add")
    pairs, demand = CONTENT.reach.pairs, CONTENT.reach.demand
    venues = {"v06", *(f"v{at:02d}" for at in range(4))}
    here = pairs.loc[pairs["venue_id"].isin(venues) & (pairs["minutes"] <= 10), "demand_id"]
    left = demand[~demand["demand_id"].isin(here)].groupby("lsoa21cd")["people_offline"].sum()
    names = CONTENT.areas.set_index("lsoa21cd")["lsoa21nm"]
    most = left.sort_values(ascending=False).head(5)
    assert len(most) == 5
    title = page.locator("#try-result h3", has_text="Areas with most people offline still out of reach")
    assert title.locator("xpath=following-sibling::ol/li").all_inner_texts() == [
        f"{names[code]}: {people:.0f}" for code, people in most.items()
    ]


def test_neighbourhoods_are_called_as_people_call_them(watched, tmp_path):
    areas = CONTENT.areas.assign(msoa_hcl_nm="Fell End")
    path = tmp_path / "known.html"
    path.write_bytes(build_page(replace(CONTENT, areas=areas)))
    page = watched().open(path, "#a=E01000002")
    assert page.inner_text("#card-body p >> nth=0") == "Fell End, Ward 0, Fellshire, E01000002"
    page.click("#try-best")
    gains = page.locator("#try-result ol").first.locator("li").all_inner_texts()
    assert gains
    assert all(text.startswith("Fell End (Fellshire ") for text in gains)
    page.hover(".folium-map", position={"x": 250, "y": 300})
    assert page.locator(".area-tip").inner_text().startswith("Fell End (Fellshire ")


def test_the_tip_tells_both_variables_of_a_map_of_two(watched, folder):
    page = watched().open(folder / "council.html", "#two=1")
    page.focus(".folium-map")
    page.keyboard.press("Enter")
    area = page.evaluate("exclusion.page.model.state.area")
    row = CONTENT.table.iloc[area]
    said = f"Exclusion index: {row['exclusion_score']:.1f} points, Time to the nearest help: {row['help_min']:.0f} minutes"
    assert status(page).endswith(said)


def test_whatever_an_action_did_is_seen_and_heard(watched, folder):
    page = watched().open(folder / "council.html")

    def told() -> str:
        assert status(page) == page.inner_text("#try-told")
        return page.inner_text("#try-told")

    page.click("#try-add")
    assert told() == "Choose a venue from the list first."
    assert page.evaluate("document.activeElement.id") == "try-venue"
    page.select_option("#try-venue", "v06")
    page.click("#try-add")
    assert told().startswith("Village Hall 6 added: ")
    page.click("#try-add")
    assert told() == "Village Hall 6 is already in this try."
    page.click("#try-undo")
    assert "more than now" in told()
    for _ in range(9):
        page.click("#try-best")
    assert told() == "No other venue would bring more people within 20 minutes."
    page.click("#try-clear")
    assert told() == "Try A is empty."
    assert violations(page) == []


def test_on_a_narrow_screen_the_answer_stands_by_the_button_that_was_pressed(watched, folder):
    page = watched(viewport={"width": 320, "height": 640}).open(folder / "council.html")
    page.focus("#try-best")
    page.keyboard.press("Enter")
    assert page.inner_text("#try-told")
    box, button = (page.locator(name).bounding_box() for name in ("#try-told", "#try-best"))
    assert 0 < box["y"] < box["y"] + box["height"] < 640
    assert 0 < box["y"] - button["y"] < 160


def test_a_venue_tried_from_the_card_leads_to_what_it_adds(watched, folder):
    page = watched(viewport={"width": 320, "height": 640}).open(folder / "council.html", "#a=E01000002")
    page.click("#card-try_here")
    assert page.evaluate("document.activeElement.id") == "tries-title"
    top = page.evaluate("document.activeElement.getBoundingClientRect().top")
    assert 0 <= top < 640
    assert "It is the nearest place with known travel times" in status(page)


def test_a_sheet_of_the_plan_has_its_numbers_whatever_is_tried(watched, folder):
    page = watched().open(folder / "council.html")

    def sheet(kind: str) -> tuple[str, str]:
        page.evaluate(f"exclusion.page.sheet.fill('{kind}')")
        drawn = page.evaluate("document.querySelector('#print-sheet canvas').toDataURL()")
        return drawn, page.evaluate("document.querySelector('#print-sheet .marks').textContent")

    before, key = sheet("plan")
    assert "In the proposed plan, in order of choice" in key
    page.click("#try-plan")
    assert sheet("plan") == (before, key)
    tried, key_of_try = sheet("try")
    assert tried != before
    assert "In your try" in key_of_try
    assert "In the proposed plan" not in key_of_try
