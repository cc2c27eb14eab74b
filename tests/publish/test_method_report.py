"""The method report: ten steps, made from the results, every chart with its numbers, nothing from data unescaped."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

from exclusion.publish.charts import Legend, bars, columns, grid, intervals
from exclusion.publish.method_inputs import data_section, framework_section
from exclusion.publish.method_report import build_method_report
from tests.axe import violations
from tests.publish.method_made import made_facts

LEGEND = Legend("one", "A <caption>", 'What "it" shows')
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    return made_facts(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def page(facts):
    return build_method_report(facts).decode()


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_ten_steps_stand_in_order_each_reached_from_the_contents(page):
    heads = re.findall(r'<h2 id="(\w+)">(\d+)\. ([^<]+)</h2>', page)
    assert [int(number) for _, number, _ in heads] == list(range(1, 11))
    assert [key for key, *_ in heads] == [
        "framework", "data", "missing", "correlations", "normalisation", "weights", "uncertainty", "sensitivity",
        "backtest", "limits",
    ]  # fmt: skip
    for key, _, _ in heads:
        assert f'<a href="#{key}">' in page
    assert "<script" not in page
    assert re.search(r"(?:src|href)=\"https?:", page) is None


def test_every_chart_is_named_described_and_has_its_numbers_in_a_table(page):
    figures = re.findall(r'<figure class="chart">.*?</figure>', page, flags=re.DOTALL)
    assert len(figures) >= 10
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for figure in figures:
        svg = ET.fromstring(
            re.search(r"<svg.*?</svg>", figure, flags=re.DOTALL)
            .group()
            .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        )
        assert svg.attrib["role"] == "img"
        for key in svg.attrib["aria-labelledby"].split():
            assert key in ids
        assert all(svg.find(f"{SVG}{tag}").text for tag in ("title", "desc"))
        assert len(re.findall(r"<tr>", figure)) >= 2
        assert "nan" not in text_of(figure).lower().split()


def test_it_says_what_was_done_and_nothing_else(facts, page, tmp_path):
    said = text_of(page)
    assert "100 plausible versions of the index were made (seed 20260101)" in said
    assert "which single indicator, if any, is left out" in said
    assert "7 of 1,280 values (0.55%) had to be filled in" in said
    assert "A limit of the estimate." in said
    assert "A caveat of the back-test." in said
    moran = facts.sensitivity["clusters"]["moran_i"]
    assert f"Moran&#x27;s I {moran:.3f}" in said or f"Moran's I {moran:.3f}" in said
    assert "a peer that is absent" not in said
    other = made_facts(
        tmp_path,
        uncertainty={"leave_one_out": False, "people_offline": False, "seed": 7},
        index={"score": "normal", "version": "9.9"},
        rural={"mode": "none"},
    )
    changed = text_of(build_method_report(other).decode())
    assert "version 9.9" in changed
    assert "seed 7" in changed
    assert "domains by the normal score of the rank" in changed
    assert "There is no rural term" in changed
    for gone in (
        "is left out",
        "People offline are drawn",
        "how much remoteness counts",
        "exponential of the rank",
    ):
        assert gone not in changed


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"aggregation": "power", "power": 2.0}, "Risk is the power mean (p = 2) of the domain scores"),
        (
            {"aggregation": "geometric", "offset": 1.0},
            "Risk is the geometric mean, 1 added to each first, of the",
        ),
        ({"aggregation": "arithmetic"}, "Risk is the arithmetic mean of the domain scores"),
    ],
)
def test_the_mean_is_the_one_that_was_taken(facts, index, words):
    method = dict(facts.index["method"])
    method["index"] = method["index"] | index
    assert words in text_of(framework_section(method, facts.estimate, facts.index))


def test_leaving_one_indicator_out_stands_apart_with_its_own_figures(facts, page):
    rows = facts.sensitivity["effects"]["without"]
    assert [row["label"] for row in rows] == [one["label"] for one in facts.index["method"]["indicators"]]
    assert sum(row["weight_pct"] for row in rows) == pytest.approx(100.0, abs=0.1)
    said = text_of(page)
    assert "On average 8 of 9 versions lack one of the 8 indicators" in said
    worst = min(rows, key=lambda row: row["worst_tenth_overlap_pct"])
    assert f"Without {worst['label'].lower()} the worst tenth changes most" in said


def test_each_indicator_leads_to_the_sources_it_was_made_from(facts):
    record = {"publisher": "A publisher", "vintage": "2026", "obtained": "by hand", "stands_in_for": ""}
    sources = {
        "iod2025_file8": {**record, "title": "Indices, file 8"},
        "ages_elsewhere": {**record, "title": "Ages", "stands_in_for": "census_ts007a"},
        "census_ts062": {**record, "title": "Occupations"},
    }
    table = data_section(facts.index["method"], sources, [])
    rows = [
        re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", row)
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]
    found = {row[0]: row[1] for row in rows}
    assert found["Slow broadband"] == "Indices, file 8"
    assert found["Aged 75 and over"] == "Ages"
    assert found["Routine and semi-routine work"] == "Occupations"
    assert found["Disabled residents"] == "census ts038"


def test_a_place_in_wales_is_told_that_the_report_is_in_english(facts, page):
    assert "Saesneg" not in page
    here = facts.results.rename(index=lambda code: "W" + code[1:])
    welsh = build_method_report(dataclasses.replace(facts, results=here)).decode()
    assert '<span lang="cy">Mae\'r adroddiad hwn ar gael yn Saesneg yn unig.</span>' in welsh


def test_the_same_results_give_the_same_bytes(facts, tmp_path):
    assert build_method_report(facts) == build_method_report(made_facts(tmp_path))


def test_where_no_effects_or_clusters_could_be_had_it_says_why(facts, tmp_path):
    few = made_facts(tmp_path, n=9, uncertainty={"weights": {"kind": "fixed"}, "normalisation": [], "aggregation": [],
                     "sampling_error": False, "imputation": False, "leave_one_out": False})  # fmt: skip
    said = text_of(build_method_report(few).decode())
    assert "needs two or more uncertain factors" in said
    assert "Spatial diagnostics" in said or "Moran" in said


def test_names_and_notes_from_data_are_shown_as_text(tmp_path):
    bad = "<script>alert(1)</script>\u202e"
    page = build_method_report(made_facts(tmp_path, name=bad, note=bad)).decode()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def numbers(html):
    return re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", html)


def test_bars_go_both_ways_and_say_their_numbers():
    made = bars(LEGEND, ("a", "b"), [("first", (10.0, -5.0)), ("x" * 90, (0.0, -0.001))], head="Part")
    assert numbers(made)[3:] == ["first", "10.0%", "-5.0%", "x" * 90, "0.0%", "0.0%"]
    widths = [float(w) for w in re.findall(r'<rect class="\w+" x="[^"]+" y="[^"]+" width="([^"]+)"', made)][
        2:
    ]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert "A &lt;caption&gt;" in made
    assert "What &quot;it&quot; shows" in made


def test_columns_intervals_and_grids_hold_what_they_are_given():
    made = columns(LEGEND, ("areas",), (0, 5, 10), ((3, 1234),), axis="score", head="Score")
    assert numbers(made) == ["Score", "areas", "0 to 5", "3", "5 to 10", "1,234"]
    made = intervals(
        LEGEND, [("one", 2, 1, 3), ("two", 6, 4, 6)], most=6, axis="rank", heads=("A", "R", "F", "T")
    )
    assert numbers(made)[4:] == ["one", "2", "1", "3", "two", "6", "4", "6"]
    assert re.findall(r'text-anchor="middle">(\d+)</text>', made) == ["1", "2", "4", "5", "6"]
    made = grid(LEGEND, ("p", "q"), ((1.0, None), (-0.25, 1.0)), head="I")
    assert numbers(made)[3:] == ["1 p", "+1.00", "", "2 q", "-0.25", "+1.00"]


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (320, "dark")])
def test_the_page_reads_without_a_fault_and_without_scrolling_sideways(
    page, tmp_path, request, width, scheme
):
    path = tmp_path / "method.html"
    path.write_text(page, encoding="utf-8")
    watching = request.getfixturevalue("watched")
    shown = watching(viewport={"width": width, "height": 800}, color_scheme=scheme).open(path, has_map=False)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    left_out = shown.evaluate(
        "[...document.querySelectorAll('.chart svg')].filter(s => [...s.querySelectorAll('text')].some("
        "t => { const a = t.getBoundingClientRect(), b = s.getBoundingClientRect();"
        " return a.left < b.left - 1 || a.right > b.right + 1; })).length"
    )
    assert left_out == 0
    assert violations(shown) == []
