"""Which pages an edition has: names, languages, postcodes, and that they are made once for any number of workers."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from exclusion.publish.edition_pages import (
    EditionTables,
    council_hrefs,
    edition_pages,
    plan_within,
    whole_page,
)
from exclusion.publish.map.page import build_page
from tests.publish.map_made import DOMAINS, made_content, made_edition

CONTENT = made_content()


def tables(**changes):
    areas = CONTENT.areas.assign(area_km2=1.0, msoa_hcl_nm=CONTENT.areas["wd_nm"])
    results = CONTENT.table.join(areas.set_index("lsoa21cd")[["rgn_nm"]] if "rgn_nm" in areas else [])
    settings = {
        "areas": areas, "results": results, "venues": CONTENT.venues, "edition": made_edition(31), "domains": DOMAINS,
        "plan": CONTENT.plan, "reach": CONTENT.reach, "postcodes": CONTENT.postcodes,
    }  # fmt: skip
    return EditionTables(**(settings | changes))


def test_a_place_of_several_councils_has_a_page_for_all_and_one_for_each_the_same_each_time():
    pages = dict(edition_pages(tables(), "Two councils", "two-councils"))
    assert sorted(pages) == ["all-areas.html", "fellshire.html", "marrick.html"]
    assert pages == dict(edition_pages(tables(), "Two councils", "two-councils"))
    assert all('id="data-postcodes"' in page.decode() for page in pages.values())
    assert all('id="tries"' in page.decode() for page in pages.values())


def test_one_council_of_wales_has_two_pages_and_the_whole_is_its_page():
    areas = CONTENT.areas.assign(lad_cd="W06000999", lad_nm="Marrick", area_km2=1.0, msoa_hcl_nm="x")
    pages = dict(edition_pages(tables(areas=areas), "Marrick", "marrick"))
    assert sorted(pages) == ["marrick-cy.html", "marrick.html"]
    assert 'href="marrick-cy.html"' in pages["marrick.html"].decode()
    assert '<html lang="cy">' in pages["marrick-cy.html"].decode()


def test_without_postcodes_the_page_says_so_and_does_not_ask_for_one():
    (page,) = [
        page for file, page in edition_pages(tables(postcodes=None), "x", "x") if file == "marrick.html"
    ]
    text = page.decode()
    assert 'id="data-postcodes"' not in text
    assert "This page holds no postcodes" in text
    assert re.search(r'id="find-hint">Name, code or ward<', text)


def test_councils_of_one_name_do_not_overwrite_each_other():
    areas = CONTENT.areas.assign(lad_nm="Newtown")
    hrefs = council_hrefs(areas)
    assert hrefs == {"E06000998": "newtown-e06000998.html", "E06000999": "newtown-e06000999.html"}


def test_classes_are_the_whole_countrys_where_the_place_is_a_part():
    more = pd.concat([CONTENT.table, CONTENT.table.set_axis([f"x{at}" for at in range(31)])])
    _, content = whole_page(tables(results=more.rename_axis("lsoa21cd")), "x", "x")
    assert set(content.national_breaks) >= {"exclusion_score", "people_offline", "skills_score"}
    assert whole_page(replace(tables()), "x", "x")[1].national_breaks == {}


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_councils_part_of_a_plan_keeps_the_numbers_of_the_whole(watched, tmp_path):
    far = pd.DataFrame(
        {
            "venue_id": ["far"],
            "name": ["Far Hall"],
            "kind": "library",
            "is_existing": False,
            "x_m": 9e5,
            "y_m": 9e5,
        }
    )
    venues = pd.concat([CONTENT.venues, far], ignore_index=True)
    whole = replace(CONTENT.plan, venue_ids=("v05", "far", "v07"), newly_reached=(120.4, 90.0, 60.0))
    plan = plan_within(whole, venues, CONTENT.areas)
    assert (plan.venue_ids, plan.numbers, plan.venues_in_all) == (("v05", "v07"), (1, 3), 3)
    path = tmp_path / "part.html"
    path.write_bytes(build_page(replace(CONTENT, plan=plan)))
    page = watched().open(path)
    assert sorted(page.locator(".leaflet-marker-pane .mark-plan").all_inner_texts()) == ["1", "3"]
    assert page.eval_on_selector_all("#plan ol li", "all => all.map(one => one.value)") == [1, 3]
    assert page.inner_text("#plan p >> nth=0").startswith("2 of the plan's 3 venues, here and near by.")
    path.write_bytes(build_page(CONTENT))
    assert watched().open(path).inner_text("#plan p >> nth=0").startswith("2 venues, chosen in this order")
