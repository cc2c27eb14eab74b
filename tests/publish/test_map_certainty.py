"""What a rank hangs on, on the map's card: as text, only where it is known, not on the national page."""

from dataclasses import replace

import pytest

from exclusion.publish.map.page import build_page
from tests.publish.map_made import made_content

HANGS = "This rank hangs mostly on the weight of <b>connection</b>."


def content():
    made = made_content()
    table = made.table.copy()
    table["rank_hangs_on"] = ["", *[HANGS] * (len(table) - 1)]
    table["hot_spot"] = ["no cluster", "hot spot", *[None] * (len(table) - 2)]
    return replace(made, table=table)


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_card_says_what_the_rank_hangs_on(tmp_path, request):
    path = tmp_path / "council.html"
    path.write_bytes(build_page(content()))
    page = request.getfixturevalue("watched")().open(path)
    cards = {}
    for name in list(content().areas["lsoa21nm"])[:3]:
        page.fill("#find-text", name)
        page.press("#find-text", "ArrowDown")
        page.press("#find-text", "Enter")
        page.wait_for_function("name => document.querySelector('#card-title').innerText === name", arg=name)
        cards[name] = page.inner_text("#card")
    first, second, third = cards.values()
    assert "hangs mostly" not in first
    assert f"{HANGS} It lies in a cluster of areas in need that chance does not explain." in second
    assert HANGS in third
    assert "hot spot" not in third


def test_the_national_page_leaves_it_out():
    national = replace(content(), is_national=True, venues=None, plan=None, reach=None)
    bare = replace(national, table=national.table.drop(columns=["rank_hangs_on", "hot_spot"]))
    assert build_page(national) == build_page(bare)
    assert build_page(content()) != build_page(made_content())
