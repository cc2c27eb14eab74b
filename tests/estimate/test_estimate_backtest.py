"""Scores against scipy and by hand, and the report: whole, plain, without scripts, the same bytes twice."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from exclusion.errors import ContractError, InputError
from exclusion.estimate.backtest import hits, overlap, spearman, within_councils, worst_tenth
from exclusion.estimate.charts import residual_map
from exclusion.estimate.feature_families import families
from exclusion.estimate.people import estimate_people_offline
from exclusion.estimate.report import report_dict, report_html, write_report


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=50))
def test_rank_correlation_is_scipys(pairs):
    left, right = np.array(pairs, float).T
    if len(set(left)) < 2 or len(set(right)) < 2:
        assert np.isnan(spearman(left, right))
    else:
        assert spearman(left, right) == pytest.approx(spearmanr(left, right)[0], abs=1e-12)


def test_worst_tenth_by_hand():
    values = np.arange(30.0)
    assert worst_tenth(values).tolist() == [0.0] * 27 + [1.0] * 3
    assert overlap(values, values) == 1
    assert overlap(values, -values) == 0
    other = values.copy()
    other[[0, 29]] = other[[29, 0]]
    assert overlap(values, other) == pytest.approx(2 / 3)


def test_areas_that_tie_at_the_edge_share_what_is_left():
    # Twenty areas, so two places: one is clear, four tie for the other.
    observed = np.array([9.0] + [8.0] * 4 + [1.0] * 15)
    assert worst_tenth(observed).tolist() == [1.0] + [0.25] * 4 + [0.0] * 15
    estimate = np.arange(20.0)[::-1].copy()
    assert overlap(estimate, observed) == pytest.approx((1 + 0.25) / 2)
    assert hits(estimate, observed) == 1.0


@given(st.lists(st.floats(-9, 9).map(lambda value: round(value, 1)), min_size=10, max_size=80))
def test_the_worst_tenth_is_a_tenth(values):
    mask = worst_tenth(np.array(values))
    assert mask.sum() == pytest.approx(max(1, round(len(values) / 10)))
    assert ((mask >= 0) & (mask <= 1)).all()


def test_within_councils_leaves_small_ones_out():
    councils = np.array(["a"] * 20 + ["b"] * 19)
    observed = np.arange(39.0)
    estimate = observed.copy()
    estimate[20:] = -estimate[20:]
    assert within_councils(estimate, observed, councils) == (pytest.approx(1.0), 1)


def test_the_back_test_uses_held_out_estimates_only(made, estimate):
    test = estimate.backtest
    shown = estimate.people.loc[test.residuals.index, "backtest_share_pct"]
    np.testing.assert_allclose(test.residuals["estimate_pct"], shown)
    observed = estimate.people.loc[test.residuals.index, "observed_share_pct"]
    assert test.scores.loc["this estimate", "spearman"] == pytest.approx(spearmanr(shown, observed)[0])
    assert test.facts["areas"] == made.yardstick["dpi_carry"].eq("U").sum()
    groups = test.groups.set_index(["kind", "group"])
    assert groups.loc[("all", "all areas"), "coverage"] == pytest.approx(test.residuals["is_covered"].mean())
    assert test.calibration["areas"].sum() == test.facts["areas"]


def test_peers_stand_on_the_same_rows(made, estimate):
    scores = estimate.backtest.scores
    assert {"DERI v1.6", "aged 65 and over alone", "deprivation alone (Census households)"} <= set(
        scores.index
    )
    assert scores.loc["DERI v1.6", "areas"] == scores.loc["this estimate", "areas"]
    rows = estimate.backtest.residuals.index
    expected = spearmanr(made.yardstick.loc[rows, "deri_score"], estimate.backtest.residuals["observed_pct"])[
        0
    ]
    assert scores.loc["DERI v1.6", "spearman"] == pytest.approx(expected)


def test_the_dictionary_and_the_text_hold_the_figures(estimate):
    test = estimate.backtest
    plain = json.loads(json.dumps(test.to_dict(), allow_nan=False))
    assert plain["facts"]["areas"] == test.facts["areas"]
    assert plain["features"]["no_car"]
    assert len(plain["caveats"]) >= 4
    text = test.text()
    assert "DERI v1.6" in text
    assert f"{test.scores.loc['this estimate', 'spearman']:.3f}" in text


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.open, self.ids, self.labels, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag not in {"meta", "br", "line", "circle", "path", "rect"}:
            self.open.append(tag)
        if "id" in named:
            self.ids.append(named["id"])
        self.labels += (named.get("aria-labelledby") or "").split()

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page_of(html):
    page = _Page()
    page.feed(html)
    assert page.open == []
    return page


def test_the_report_is_whole_and_asks_nothing_of_the_network(made, estimate):
    html = report_html(estimate, points=made.table, notice="Demonstration data: not a real place")
    page = page_of(html)
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags
    assert "link" not in tags
    assert not re.search(r"https?://|url\(|@import|\bon\w+=", html)
    assert tags.count("h1") == 1
    assert dict(page.tags[[tag for tag, _ in page.tags].index("html")][1])["lang"] == "en-GB"
    assert len(page.ids) == len(set(page.ids))
    assert set(page.labels) <= set(page.ids)
    assert tags.count("caption") == tags.count("table")
    assert all("scope" in named for tag, named in page.tags if tag == "th")
    assert "Demonstration data: not a real place" in html
    words = "".join(page.text)
    for sentence in (*estimate.backtest.caveats, *estimate.notes):
        assert sentence in words


def test_areas_are_called_by_their_names_and_the_other_pages_are_a_link_away(made, estimate):
    names = pd.Series("Hill & Dale", index=made.table.index)
    html = report_html(estimate, names=names, links={"All places": "../index.html"})
    worst = html.split("The twenty areas with the largest errors", 2)[-1].split("</table>")[0]
    assert len(re.findall(r'<th scope="row">Hill &amp; Dale \S+</th>', worst)) == min(
        20, estimate.backtest.facts["areas"]
    )
    assert '<nav><a href="../index.html">All places</a></nav>' in html
    assert "<nav>" not in report_html(estimate)


def test_the_map_draws_every_area_once(made, estimate):
    html = report_html(estimate, points=made.table)
    legend = re.findall(r": ([\d,]+) areas</li>", html)
    assert sum(int(count.replace(",", "")) for count in legend) == estimate.backtest.facts["areas"]
    assert len(re.findall(r"M[\d.]+ [\d.]+h", html)) == estimate.backtest.facts["areas"]
    assert "No map" in report_html(estimate)


def test_a_national_map_is_light_and_every_cell_is_the_mean_of_its_areas():
    rng = np.random.default_rng(4)
    count = 20_000
    index = pd.Index([f"a{number}" for number in range(count)])
    points = pd.DataFrame(
        {"x_m": rng.uniform(0, 500_000, count), "y_m": rng.uniform(0, 600_000, count)}, index=index
    )
    # In the west every point holds an area 8 above and one 5 below: mean 1.5, light orange. The east is grey.
    west = points["x_m"] < 240_000
    value = np.where(west, np.where(np.arange(count) % 2, 8.0, -5.0), 0.5)
    points.loc[west, ["x_m", "y_m"]] = np.repeat(points.loc[west, ["x_m", "y_m"]].to_numpy()[::2], 2, axis=0)[
        : west.sum()
    ]
    value[west] = np.tile([8.0, -5.0], count)[: west.sum()]
    html = residual_map(pd.DataFrame({"residual_pp": value}, index=index), points=points)
    drawn = {
        colour: sum(int(run) for run in re.findall(r"h(\d+)", path))
        for path, colour in re.findall(r'<path d="([^"]+)" transform[^>]+ stroke="([^"]+)"', html)
    }
    grey, orange, purple = (drawn.get(colour, 0) for colour in ("#d9d9d9", "#f1a340", "#542788"))
    assert 0.4 * west.sum() < orange <= west.sum() / 2
    assert 0.8 * (~west).sum() < grey <= (~west).sum()
    assert purple == 0
    assert len(html) < 10 * count
    legend = [int(number.replace(",", "")) for number in re.findall(r": ([\d,]+) areas</li>", html)]
    assert sum(legend) == count
    assert "mean over its areas" in html


def test_the_map_draws_shapes_and_refuses_degrees(made, estimate):
    import geopandas as gpd

    shapes = gpd.GeoSeries.from_xy(
        made.table["x_m"], made.table["y_m"], index=made.table.index, crs=27700
    ).buffer(400)
    html = report_html(estimate, geometry=shapes)
    page_of(html)
    assert html.count("L") > estimate.backtest.facts["areas"]
    with pytest.raises(ContractError, match="27700"):
        report_html(estimate, geometry=shapes.to_crs(4326))


def test_what_it_was_made_from_stands_in_words_and_every_column_is_a_click_away(estimate):
    html = report_html(estimate)
    made_from = html.split("<h2>What it was made from</h2>", 1)[1]
    table, details = made_from.split("<h3>Every column by name</h3>", 1)
    features = {driver: names for driver, names in estimate.backtest.features.items() if names}
    assert "(Census 2021, TS045)" in table
    # No name of a column stands in the table, and each stands once under the closed lists.
    assert not re.search(r"[a-z0-9]+_[a-z0-9]+", re.sub(r"<[^>]+>", "", table))
    assert details.count("<details>") == len(features)
    own = [
        name for names in features.values() for name in names if not re.match(r"near\d+_(?!distance)", name)
    ]
    assert own
    listed = re.split(r", |<[^>]+>", details)
    assert sorted(name for name in listed if name in set(own)) == sorted(own)
    # The counts in words add up to the count of the group.
    rows = re.findall(
        r'<tr><th scope="row">.*?</th><td>([\d,]+)</td><td class="words">(.*?)</td></tr>', table
    )
    assert len(rows) == len(features)
    for count, words in rows:
        parts = [int(part.rsplit(": ", 1)[1].replace(",", "")) for part in words.split("; ")]
        assert sum(parts) == int(count.replace(",", ""))


def test_a_column_of_no_known_family_is_counted_under_its_own_name():
    assert families(["near8_ts045_total", "ts045_none", "something_new", "ts045_one"]) == [
        ("cars and vans in the household (Census 2021, TS045)", 2),
        ("something_new", 1),
        ("means of the same figures over the nearest areas", 1),
    ]


def test_the_files_are_the_same_twice_and_the_json_says_the_same(made, estimate, tmp_path):
    one = write_report(estimate, tmp_path / "one", points=made.table)
    two = write_report(estimate, tmp_path / "two", points=made.table)
    for left, right in zip(one, two, strict=True):
        assert left.read_bytes() == right.read_bytes()
    kept = json.loads(one[1].read_text("utf-8"))
    assert kept == json.loads(json.dumps(report_dict(estimate)))
    assert kept["estimate"]["definition"] == estimate.level.label


def test_text_from_outside_cannot_become_markup(estimate):
    html = report_html(estimate, title="<script>alert(1)</script>", notice="a & <b>")
    assert "<script" not in html
    assert "a &amp; &lt;b&gt;" in html


def test_the_synthetic_estimate_has_no_report(made):
    with pytest.raises(InputError, match="no back-test"):
        report_html(estimate_people_offline(made.table, None, method="synthetic"))
