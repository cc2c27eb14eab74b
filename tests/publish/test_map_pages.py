"""What the pages hold before any script runs: language, policy, the whole table, texts as they were given."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import folium
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError
from exclusion.publish.map.assets import _without_comments, vendored
from exclusion.publish.map.councils import council_contents, council_pages, national_breaks
from exclusion.publish.map.elements import PublicPage, plain_text
from exclusion.publish.map.index_page import PlaceRow, build_index
from exclusion.publish.map.markup import cleaned
from exclusion.publish.map.measures import columns_of
from exclusion.publish.map.page import build_page, map_page
from exclusion.publish.map.provenance import build_provenance
from exclusion.publish.map.words import words_of
from tests.publish.map_made import made_content, made_edition

CONTENT = made_content()
HOSTILE = (
    "<img src=x onerror=alert(1)>", "{{7*191}}", "{% raw %}", "{# gone #}", "</script><script>alert(1)</script>",
    "Ysbyty \u202e gnp.exe", "\U0001f4a9 Hall", "x" * 300, '=HYPERLINK("http://x")', "a & b \" ' > c", "]]>", "<!--",
)  # fmt: skip


class Reader(HTMLParser):
    """Texts of table cells, tags with their attributes, and the title."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.inside: list[str] = []
        self.title = ""
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if self.rows and any(tag in ("td", "th") for tag in self.inside[-4:]):
            self.rows[-1][-1] += data.strip("\n")
        if "title" in self.inside:
            self.title += data


def pages() -> dict[str, bytes]:
    edition = CONTENT.edition
    return {
        "council": build_page(CONTENT),
        "nation": build_page(replace(CONTENT, is_national=True, venues=None, plan=None, reach=None)),
        "index": build_index(
            edition,
            (PlaceRow("Fellshire", "fellshire.html", 30, 900, 9.5, 3), PlaceRow("Marrick", "m.html", 1)),
        ),
        "made": build_provenance(edition),
    }


@pytest.fixture(scope="module")
def built() -> dict[str, bytes]:
    return pages()


@pytest.mark.parametrize("kind", ["council", "nation", "index", "made"])
def test_each_page_has_language_title_landmarks_and_a_policy_without_network(built, kind):
    page = Reader(built[kind])
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en-GB"}) in page.tags
    assert "Fellshire" in page.title
    assert "23 November 2026" in page.title
    assert tags.count("h1") == 1
    assert {"main", "header", "footer"} <= set(tags)
    meta = {
        attributes.get("name") or attributes.get("http-equiv"): attributes.get("content")
        for tag, attributes in page.tags
        if tag == "meta"
    }
    assert meta["viewport"] == "width=device-width, initial-scale=1"
    policy = meta["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "http" not in policy
    for tag, attributes in page.tags:
        for name in ("src", "data", "action", "srcset", "poster"):
            assert attributes.get(name) in (None, ""), (tag, name)
        if tag == "link":
            pytest.fail("a page links to nothing outside itself")
        assert not any(name.startswith("on") for name in attributes), "no inline handlers"
    text = built[kind].decode()
    for address in re.findall(r"url\(([^)]*)\)", text):
        assert address.strip("\"'").startswith(("data:", "#")), address
    assert "Demonstration data: not a real place" in text


@pytest.mark.parametrize("kind", ["council", "nation", "index", "made"])
def test_the_same_content_gives_the_same_bytes(built, kind):
    assert pages()[kind] == built[kind]


def test_without_scripts_the_council_page_has_every_area_in_order(built):
    rows = [row for row in Reader(built["council"]).rows if row and row[0].startswith("Fellshire")]
    assert len(rows) == len(CONTENT.areas)
    ranks = [int(row[1]) for row in rows if row[1] != "not known"]
    assert ranks == sorted(ranks)
    at = CONTENT.table.sort_values("exclusion_rank").index[0]
    assert rows[0][0] == CONTENT.areas.set_index("lsoa21cd").loc[at, "lsoa21nm"]
    assert CONTENT.table.loc[at, "reason"] in rows[0]


def test_words_above_the_map_equal_the_table(built):
    lead = html.unescape(" ".join(re.findall(r'<p class="lead">(.*?)</p>', built["council"].decode())))
    total = sum(int(f"{value:.0f}") for value in CONTENT.table["people_offline"])
    assert f"{total:,}" in lead
    names = CONTENT.areas.set_index("lsoa21cd").loc[
        CONTENT.table.sort_values("exclusion_rank").index[:5], "lsoa21nm"
    ]
    assert "Highest on the exclusion index: " + "; ".join(names) in lead


def test_the_page_says_who_counts_as_offline():
    def page_with(definition):
        return build_page(replace(CONTENT, edition=replace(CONTENT.edition, definition=definition))).decode()

    said = page_with("adults who <cannot> do all eight tasks (2024)")
    assert "Offline here means: adults who &lt;cannot&gt; do all eight tasks (2024)." in said
    assert "Offline here means" not in page_with("")
    content = replace(CONTENT, edition=replace(CONTENT.edition, definition="adults who cannot"))
    notes = {column.measure.key: column.measure.note for column in columns_of(content, words_of("en"))}
    for key in ("people_offline", "offline_share_pct"):
        assert notes[key].startswith("Offline here: adults who cannot.")
    assert "Offline" not in notes["risk_score"]


def test_optional_parts_are_left_out_not_faked():
    table = CONTENT.table[["risk_score", "risk_rank"]]
    bare = replace(CONTENT, table=table, venues=None, plan=None, reach=None, postcodes=None, domains=())
    text = build_page(bare).decode()
    for name in (
        'id="tries"',
        'id="plan"',
        'id="two"',
        'id="layer-existing"',
        'id="data-reach"',
        'id="data-postcodes"',
    ):
        assert name in build_page(CONTENT).decode() or name == 'id="two"'
        assert name not in text
    assert "people offline" not in text.split("<main")[1].split("</main>")[0].lower()
    empty = build_provenance(made_edition(3, sources=(), backtest=(), fallbacks=())).decode()
    assert "No back-test was recorded for this edition." in empty
    assert "No stand-in was used." in empty


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_as_written(text):
    areas = CONTENT.areas.assign(lsoa21nm=[text, *CONTENT.areas["lsoa21nm"].iloc[1:]], wd_nm=text)
    venues = CONTENT.venues.assign(name=text)
    edition = made_edition(len(areas), place_name=text, attribution=(text,), notice=text)
    page = build_page(replace(CONTENT, areas=areas, venues=venues, edition=edition))
    reader = Reader(page)
    assert cleaned(text).strip() in [cell.strip() for row in reader.rows for cell in row]
    assert [tag for tag, _ in reader.tags].count("img") == 0
    plain = Reader(build_page(CONTENT))
    assert [tag for tag, _ in reader.tags if tag == "script"] == [
        tag for tag, _ in plain.tags if tag == "script"
    ]
    rows = (PlaceRow(text, text, 1), PlaceRow("Marrick", "m.html", 1))
    assert (
        cleaned(text).strip()
        in Reader(build_index(edition, rows)).rows[1][0] + Reader(build_index(edition, rows)).rows[2][0]
    )


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_name_in_the_index_is_shown_as_written(name):
    reader = Reader(build_index(made_edition(1), (PlaceRow(f"a{name}b", "x.html", 1),)))
    shown = f"a{cleaned(name)}b".encode("utf-8", "replace").decode()
    assert shown.replace("\n", "") in "".join(reader.rows[1][0]).replace("\n", "")


def test_ordinary_folium_children_keep_working_and_their_text_is_not_executed():
    page = map_page(CONTENT)
    assert isinstance(page, PublicPage)
    folium.Marker(
        [55.0, -2.0], popup=folium.Popup(plain_text("{{7*191}} <b>{% x %}")), icon=folium.DivIcon(html="x")
    ).add_to(page.map)
    text = page.render()
    assert "L.marker(" in text
    assert "1337" not in text.replace("sha256", "")
    assert text == page.render()


def test_plain_text_leaves_no_template_mark():
    for text in HOSTILE:
        for mark in ("{{", "}}", "{%", "%}", "{#", "#}"):
            assert mark not in plain_text(text)
        assert html.unescape(plain_text(text)) == cleaned(text)


def test_vendored_files_are_checked(monkeypatch):
    assert "1.9.4" in vendored("leaflet.js")
    monkeypatch.setattr(
        "exclusion.publish.map.assets.tomllib.loads", lambda _: {"leaflet.css": {"sha256": "0" * 64}}
    )
    vendored.cache_clear()
    with pytest.raises(ContractError, match="leaflet.css"):
        vendored("leaflet.css")
    vendored.cache_clear()


def test_comment_lines_go_and_code_stays():
    assert _without_comments("// a\n  var x = 1; // b\n\n  y();\n") == "var x = 1; // b\ny();\n"


def test_a_venue_or_context_in_another_grid_is_refused():
    with pytest.raises(ContractError, match="venue_id"):
        build_page(replace(CONTENT, venues=CONTENT.venues.drop(columns="venue_id")))
    with pytest.raises(ContractError, match="more than once"):
        build_page(replace(CONTENT, venues=pd.concat([CONTENT.venues, CONTENT.venues])))
    outlines = CONTENT.context.outlines.to_crs(4326)
    with pytest.raises(ContractError, match="EPSG:27700"):
        build_page(replace(CONTENT, context=replace(CONTENT.context, outlines=outlines)))


def test_councils_are_cut_from_the_nation_with_one_set_of_classes():
    parts = list(council_contents(CONTENT))
    assert [lad_cd for lad_cd, _, _ in parts] == ["E06000998", "E06000999"]
    assert sum(len(part.areas) for _, part, _ in parts) == len(CONTENT.areas)
    assert {part.edition.place_name for _, part, _ in parts} == {"Fellshire", "Marrick"}
    assert all(
        part.national_breaks == national_breaks(CONTENT.table, CONTENT.domains) for _, part, _ in parts
    )
    built = {lad_cd: page for lad_cd, _, page in council_pages(CONTENT)}
    # Cut from the shared edges or encoded alone, a council's page shows the same number of areas and the same figures.
    alone = {lad_cd: build_page(part) for lad_cd, part, _ in parts}
    assert {lad_cd: Reader(page).rows for lad_cd, page in built.items()} == {
        lad_cd: Reader(page).rows for lad_cd, page in alone.items()
    }
    nameless = replace(CONTENT, areas=CONTENT.areas.assign(lad_cd=None))
    with pytest.raises(ContractError, match="lad_cd"):
        list(council_contents(nameless))


def test_a_welsh_page_says_so_and_uses_the_terms_at_hand():
    text = build_page(replace(CONTENT, language="cy")).decode()
    assert '<html lang="cy">' in text
    assert "Neidio i&#x27;r tabl" in text
