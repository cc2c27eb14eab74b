"""Pages with hostile texts, damaged data, foreign scripts or none: what is written is shown, and nothing runs."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.publish.map.content import Domain
from exclusion.publish.map.page import build_page
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
