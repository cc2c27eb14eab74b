"""Briefs: numbers as people say them, easy to read, one page on paper, pictures that say what they show."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion.errors import InputError
from exclusion.publish.briefs.content import Scope, area_brief, place_brief, plan_brief
from exclusion.publish.briefs.page import build_brief, build_list
from exclusion.publish.briefs.pictures import fifth_of, interval
from exclusion.publish.briefs.spoken import (
    amount,
    apart,
    between,
    leading,
    minutes,
    money,
    one_in,
    ordinal,
    people,
)
from tests.publish.lists_made import made_results
from tests.publish.map_made import DOMAINS, made_edition

AREAS, RESULTS = made_results()
PLAN = {
    "place": "Fellshire", "within_min": 20.0, "people_offline": 6_000.0, "reached_before": 3_000.0, "reached": 4_500.0,
    "bound": 4_500.0, "is_proven": True, "venues": [{"venue_id": "v1", "name": "Old Mill", "newly_reached": 900.0}, {"venue_id": "v2", "name": "New Hall", "newly_reached": 600.0}],
}  # fmt: skip
NAMES = ("Fellshire", "Marrick", "Neighbourhood", "Old Mill", "New Hall")


@pytest.fixture(scope="module")
def scope():
    results = RESULTS.assign(
        needs_type=[
            "skills-led",
            "cost-led",
            "age/health-led",
            "connection-led",
            "multiple",
            "lower priority",
        ][0:1]
        * len(RESULTS)
    )
    return Scope(
        results,
        len(results),
        "31 areas of Fellshire",
        "adults aged 16 and over without internet access at home",
        DOMAINS,
        PLAN,
        tested="We tested it on places it had not seen. It found about 6 in 10 of their worst areas.",
    )


def briefs(scope):
    yield "place", place_brief(scope, "Fellshire", scope.results)
    yield "council", place_brief(scope, "Marrick", scope.results[scope.results["lad_nm"] == "Marrick"])
    for kind in ("skills-led", "cost-led", "age/health-led", "connection-led", "multiple", "lower priority"):
        yield kind, place_brief(scope, "Marrick", scope.results.assign(needs_type=kind))
    unknown = scope.results.assign(people_offline_beyond_20_min=float("nan"), help_min=float("nan"))
    yield "Wales", place_brief(scope, "Marrick", unknown)
    for code in scope.results.index[:8]:
        yield code, area_brief(scope, code)
    yield "plan", plan_brief(scope, "Fellshire", scope.results)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "nobody"),
        (4, "fewer than 10"),
        (96, "about 96"),
        (1_437, "about 1,400"),
        (38_449, "about 38,000"),
        (1_449_000, "about 1.4 million"),
        (2_000_000, "about 2 million"),
    ],
)
def test_people_are_said_in_two_figures(value, said):
    assert people(value) == said


@given(st.floats(0.5, 1e8))
def test_rounding_is_never_more_than_five_in_a_hundred_off(value):
    assert abs(leading(value) - value) <= max(0.5, 0.05 * value) + 1e-9


@pytest.mark.parametrize(
    ("pct", "said"),
    [
        (0.2, "fewer than 1 in 100"),
        (4.4, "about 4 in 100"),
        (12.4, "about 1 in 8"),
        (33, "about 1 in 3"),
        (34.4, "about 1 in 3"),
        (35, "about 4 in 10"),
        (62, "about 6 in 10"),
        (97, "nearly all"),
    ],
)
def test_shares_are_said_as_one_in_so_many(pct, said):
    assert one_in(pct) == said


@pytest.mark.parametrize(
    ("low", "middle", "high", "said"),
    [
        (9_836, 13_900, 19_278, "between 9,800 and 19,000"),
        (13_517, 14_133, 14_747, "between 13,500 and 14,700"),
        (2_364_000, 2_374_644, 2_386_000, "between 2.36 million and 2.39 million"),
        (64, 64, 64, "about 64"),
    ],
)
def test_a_narrow_range_is_said_with_the_figures_that_tell_it_from_its_estimate(low, middle, high, said):
    assert between(low, high, apart(low, middle, high)) == said


def test_ranges_ranks_minutes_and_money():
    assert between(9_836, 19_278) == "between 9,800 and 19,000"
    assert between(50.1, 50.3) == "about 50"

    assert [ordinal(rank) for rank in (1, 2, 3, 4, 11, 12, 13, 21, 102, 1_113)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "102nd",
        "1,113th",
    ]
    assert money(-120, 5_430) == "from a cost of £120 to a saving of £5,400"
    assert money(29, 2_690) == "between £29 and £2,700"
    assert minutes(1.2) == "about 1 minute"
    assert minutes(47.9) == "about 50 minutes"
    assert amount(0) == "0"


def _syllables(word):
    groups = re.findall(r"[aeiouy]+", re.sub(r"e$", "", word.lower()))
    return max(1, len(groups))


def _grade(sentences):
    """Flesch and Kincaid's grade: 6 is age 11 to 12, 7 is age 12 to 13. Names and numbers count as one short word."""
    text = " ".join(text if text.endswith((".", ":", "?")) else f"{text}." for text in sentences)
    for name in NAMES:
        text = text.replace(name, "Name")
    text = re.sub(r"\([^)]*\d{3}[A-Z]\)", "", text)
    text = re.sub(r"[£]?\d[\d,.]*\d|\d", "six", text)
    parts = [part for part in re.split(r"[.:?]\s", text + " ") if re.search(r"[a-z]", part)]
    words = re.findall(r"[A-Za-z]+", text)
    return 0.39 * len(words) / len(parts) + 11.8 * sum(map(_syllables, words)) / len(words) - 15.59


def test_the_grade_is_that_of_the_formula():
    assert _grade(["The cat sat on the mat."]) == pytest.approx(0.39 * 6 + 11.8 - 15.59, abs=0.01)
    hard = [
        "Interdepartmental rationalisation of multidimensional deprivation methodologies necessitates comprehensive recalibration."
    ]
    assert _grade(hard) > 15


def test_every_brief_reads_at_an_age_of_about_twelve(scope):
    grades = {name: _grade(brief.sentences()) for name, brief in briefs(scope)}
    assert max(grades.values()) <= 7.0, grades
    longest = max(
        len(part.split())
        for _, brief in briefs(scope)
        for text in brief.sentences()
        for part in re.split(r"[.:?] ", text)
    )
    assert longest <= 30


def test_every_brief_says_where_who_why_how_sure_what_to_do_and_what_it_might_save(scope):
    for name, brief in briefs(scope):
        headings = [heading for heading, *_ in brief.sections]
        assert headings[2].startswith("Why"), name
        assert headings[3:] == ["How sure we are", "What to do", "What it might save"], name
        assert headings[0].startswith("Where"), name
        assert all(texts or bullets for _, texts, bullets in brief.sections), name
        said = " ".join(brief.sentences())
        assert "likely" in said, name
        assert not re.search(r"\bnan\b|None of the 0|\{", said), (name, said)


def test_a_brief_says_the_numbers_of_the_results(scope):
    here = scope.results[scope.results["lad_nm"] == "Marrick"]
    brief = place_brief(scope, "Marrick", here)
    assert brief.lead[0].startswith(
        f"{people(here['people_offline'].sum()).capitalize()} adults in Marrick are offline."
    )
    assert brief.people == (
        here["people_offline_low"].sum(),
        here["people_offline"].sum(),
        here["people_offline_high"].sum(),
    )
    worst = int((here["exclusion_rank"] <= scope.ranked / 10).sum())
    assert worst == 0 or "worst tenth" in brief.sections[0][1][0]


def test_what_is_not_known_is_said_and_never_zero(scope):
    unknown = scope.results.assign(people_offline_beyond_20_min=float("nan"), help_min=float("nan"))
    said = " ".join(place_brief(scope, "Powys", unknown).sentences())
    assert "We do not know where help is given here" in said
    assert "minutes" not in said


def test_an_average_place_is_not_said_to_be_worse_than_all_areas(scope):
    skewed = scope.results.assign(
        **{f"{d.key}_contribution": [40.0, *[0.0] * (len(scope.results) - 1)] for d in DOMAINS}
    )
    scope = replace(scope, results=skewed)
    whole = place_brief(scope, "Fellshire", skewed)
    assert [round(value, 9) for _, value in whole.reasons] == [0.0] * len(DOMAINS)
    assert {name: bullets for name, _, bullets in whole.sections}["Why"] == (
        "No single cause stands out here.",
    )
    worst = place_brief(scope, "Fellshire", skewed.head(2))
    assert all(value > 0.5 for _, value in worst.reasons)
    # An area is still set against the typical one, from which its contributions are counted.
    assert {value for _, value in area_brief(scope, skewed.index[0]).reasons} == {40.0}


@pytest.mark.parametrize(("rank", "said"), [(1.0, "is among"), (31.0, "is not among")])
def test_a_place_of_one_area_is_told_of_in_the_singular(scope, rank, said):
    one = scope.results.head(1).assign(exclusion_rank=rank, help_min=60.0, is_beyond_limit=True)
    texts = place_brief(scope, "Skerry", one).sentences()
    assert f"Its one small area {said} the worst tenth of 31 areas of Fellshire." in texts
    assert "The area is:" in texts
    assert any(text.startswith("The way to help is longer: 60 minutes or more (") for text in texts)
    assert not [text for text in texts if "one small areas" in text or "about 60 minutes" in text]


def test_of_an_area_that_is_not_ranked_nothing_is_claimed(scope):
    code = scope.results.index[6]
    unknown = scope.results.assign(needs_type="skills-led")
    unknown.loc[code, "needs_type"] = "not assessed"
    unknown.loc[code, [f"{d.key}_contribution" for d in DOMAINS]] = float("nan")
    said = area_brief(replace(scope, results=unknown), code).sentences()
    assert any(text.startswith("Too little is known of the area to rank it") for text in said)
    assert "Too little is known to say why." in said
    assert "Too little is known to say what would help most. Ask the people who live here." in said
    assert not [text for text in said if "Need is lower" in text or "No single cause" in text]


def test_a_kind_of_need_of_ones_own_brings_its_own_action(scope):
    own = scope.results.assign(needs_type="transport-led", action="Run a bus to the library.")
    said = place_brief(scope, "Fellshire", own).sentences()
    assert "Run a bus to the library." in said
    assert not [text for text in said if "Need is lower" in text]


@pytest.mark.parametrize(
    ("rural", "said"),
    [
        ([1], "All of them live in rural areas."),
        ([0], "All of them live in towns and cities."),
        ([1] + [0] * 30, "of those offline live in rural areas."),
    ],
)
def test_all_is_said_only_of_all(scope, rural, said):
    rows = scope.results.assign(is_rural=(rural * len(scope.results))[: len(scope.results)])
    rows["people_offline"] = [0.01 if flag and 0 in rural else 100.0 for flag in rows["is_rural"]]
    text = " ".join(place_brief(scope, "Fellshire", rows).sentences())
    assert said in text
    assert ("All of them" in text) == (len(set(rows["is_rural"])) == 1)


def test_a_plan_that_leaves_nobody_calls_on_nobody(scope):
    whole = {**PLAN, "reached": PLAN["people_offline"]}
    said = plan_brief(replace(scope, plan=whole), "Fellshire", scope.results).sentences()
    assert "Nobody would still be far from help." in said
    assert not [text for text in said if "Call on them" in text]


def test_a_brief_of_nothing_is_refused(scope):
    with pytest.raises(InputError, match="E01999999"):
        area_brief(scope, "E01999999")
    with pytest.raises(InputError, match="no areas"):
        place_brief(scope, "Nowhere", scope.results.head(0))
    with pytest.raises(InputError, match="too many areas"):
        plan_brief(
            Scope(scope.results, 31, "", "", DOMAINS, {"why_not": "too many areas"}), "x", scope.results
        )


@pytest.fixture(scope="module")
def pages(scope):
    areas, edition = (
        AREAS.set_index("lsoa21cd"),
        made_edition(len(AREAS), notice="Demonstration data: not a real place"),
    )
    code = areas.index[4]
    pins = pd.DataFrame({"x_m": [402_000.0, 408_000.0], "y_m": [584_000.0, 586_000.0]})
    return {
        "place": build_brief(place_brief(scope, "Fellshire", scope.results), scope, edition, areas),
        "area": build_brief(area_brief(scope, code), scope, edition, areas, marked=(code,)),
        "plan": build_brief(plan_brief(scope, "Fellshire", scope.results), scope, edition, areas, pins=pins),
    }


@pytest.mark.parametrize("kind", ["place", "area", "plan"])
def test_each_page_keeps_the_policy_and_each_picture_says_what_it_shows(pages, kind):
    text = pages[kind].decode()
    assert "default-src 'none'; script-src 'none'" in text
    assert not re.search(r"<(script|img|link|iframe)\b", text)
    assert "Demonstration data: not a real place" in text
    pictures = [svg for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL) if "aria-hidden" not in svg]
    assert len(pictures) >= 2
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for svg in pictures:
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        title, words = root.find("title"), root.find("desc")
        assert root.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
        assert title.text
        assert len(words.text) > 20
    assert [int(level) for level in re.findall(r"<h(\d)", text)] == [1, 2, 2, 2, 2, 2, 2]


def test_the_same_results_give_the_same_brief(pages, scope):
    areas, edition = (
        AREAS.set_index("lsoa21cd"),
        made_edition(len(AREAS), notice="Demonstration data: not a real place"),
    )
    assert (
        build_brief(place_brief(scope, "Fellshire", scope.results), scope, edition, areas) == pages["place"]
    )


def test_large_places_are_drawn_as_squares_and_stay_small(scope, monkeypatch):
    monkeypatch.setattr("exclusion.publish.briefs.pictures._MOST_OUTLINES", 5)
    page = build_brief(
        place_brief(scope, "Fellshire", scope.results), scope, made_edition(31), AREAS.set_index("lsoa21cd")
    )
    assert b"h3v3h-3z" in page
    assert len(page) < 60_000


def test_fifths_agree_with_ranks():
    ranks = pd.Series([1, 20, 21, 100, None])
    assert fifth_of(ranks, 100).tolist() == [0, 0, 1, 4, 5]


def test_hostile_names_are_shown_as_written(scope):
    name = '<script>alert("x")</script>{{7*7}}'
    page = build_brief(
        place_brief(scope, name, scope.results), scope, made_edition(31), AREAS.set_index("lsoa21cd")
    )
    assert b"<script>alert" not in page
    assert b"{{7*7}}" in page
    listed = build_list(made_edition(31), [(name, "brief.html")])
    assert b"<script>alert" not in listed


@pytest.mark.browser
def test_each_brief_prints_on_one_page(pages, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    for kind, page in pages.items():
        (tmp_path / f"{kind}.html").write_bytes(page)
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--print-to-pdf={tmp_path / kind}.pdf",
            (tmp_path / f"{kind}.html").as_uri(),
        ]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / f"{kind}.pdf").read_bytes())) == 1, kind


@pytest.mark.browser
def test_a_brief_says_once_that_its_data_are_made_up_on_screen_and_on_paper(pages, watched, tmp_path):
    (tmp_path / "plan.html").write_bytes(pages["plan"])
    page = watched().open(tmp_path / "plan.html", has_map=False)
    for medium in ("screen", "print"):
        page.emulate_media(media=medium)
        said = page.get_by_text("Demonstration data: not a real place").filter(visible=True)
        assert said.count() == 1, medium


def test_a_narrow_range_is_heard_with_the_numbers_that_are_seen():
    shown = interval(13_517, 14_133, 14_747, title="Adults offline")
    assert "The estimate is 14,100; it is likely from 13,500 to 14,700." in shown.svg
    assert re.findall(r">([\d,]+)</text>", shown.svg) == ["13,500", "14,100", "14,700"]
