"""The method report: one page an edition, in the ten steps of the OECD/JRC Handbook, made from the edition's results.

OECD/JRC 2008, Handbook on Constructing Composite Indicators, doi 10.1787/9789264043466-en. Every number and every list
is read from what the steps recorded, so the page cannot say what was not done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from exclusion.publish.charts import Legend, bars, scrolled
from exclusion.publish.map.content import Edition
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.markup import paragraphs, table
from exclusion.publish.map.plain_page import plain_page
from exclusion.publish.map.words import words_of
from exclusion.publish.method_certainty import sensitivity_section, uncertainty_section
from exclusion.publish.method_inputs import (
    correlation_section,
    data_section,
    framework_section,
    missing_section,
    normalisation_section,
    weights_section,
)

METHOD_HREF = "method.html"
_IN_ENGLISH = (
    '<p class="hint"><span lang="cy">Mae\'r adroddiad hwn ar gael yn Saesneg yn unig.</span> '
    "This report is in English only.</p>\n"
)


@dataclass(frozen=True)
class MethodFacts:
    """Carry what the steps recorded: `index.json`, `sensitivity.json`, `estimate.json` and the back-test's JSON.

    `results` are the place's rows of `join_results`, `places` the roll-ups of all levels, `sources` and `stand_ins`
    those of the edition's facts.
    """

    edition: Edition
    index: Mapping[str, Any]
    sensitivity: Mapping[str, Any]
    estimate: Mapping[str, Any]
    backtest: Mapping[str, Any]
    sources: Mapping[str, Mapping[str, Any]]
    stand_ins: Sequence[str]
    results: pd.DataFrame
    places: pd.DataFrame


def build_method_report(facts: MethodFacts) -> bytes:
    """Return the page as UTF-8 HTML, in the page shell of the other plain pages."""
    method = facts.index["method"]
    sections = (
        ("framework", "Framework", framework_section(method, facts.estimate, facts.index)),
        ("data", "Data and their vintages", data_section(method, facts.sources, facts.stand_ins)),
        ("missing", "Missing data", missing_section(method)),
        ("correlations", "Correlations", correlation_section(method)),
        ("normalisation", "Normalisation", normalisation_section(method)),
        ("weights", "Weights and importance", weights_section(method, facts.index)),
        (
            "uncertainty",
            "Uncertainty",
            uncertainty_section(method, facts.results, facts.places, facts.edition),
        ),
        ("sensitivity", "Sensitivity and clusters", sensitivity_section(facts.sensitivity, facts.results)),
        ("backtest", "Back-test", _backtest(facts)),
        ("limits", "Limits", _limits(facts)),
    )
    edition = facts.edition
    contents = "".join(f'<li><a href="#{key}">{e(title)}</a></li>\n' for key, title, _ in sections)
    body = (
        f'<div class="method">\n<h1>Method report: {e(edition.place_name)}</h1>\n'
        f'<p class="lead">How the ranks of this edition were made and how far they can be trusted, in the ten steps of the '
        f"OECD/JRC handbook on composite indicators. Ranks run from 1, the most excluded, among {e(edition.ranked_among)}. "
        "Every figure below was computed with this edition.</p>\n"
        + (_IN_ENGLISH if facts.results.index.str.startswith("W").any() else "")
        + f'<nav class="contents" aria-label="Ten steps"><ol>\n{contents}</ol></nav>\n'
        + "".join(
            f'<section aria-labelledby="{key}"><h2 id="{key}">{number}. {e(title)}</h2>\n{text}</section>\n'
            for number, (key, title, text) in enumerate(sections, start=1)
        )
        + "</div>\n"
    )
    words = words_of("en")
    links = (
        (edition.index_href, words("page.to_index")),
        (edition.provenance_href, words("page.to_made")),
    )
    title = f"Method report: {edition.place_name}, {edition.date_text}"
    return plain_page(edition, words, title=title, body=body, styles=("charts.css",), links=links)


def _backtest(facts: MethodFacts) -> str:
    test = facts.backtest["backtest"]
    scores = [row for row in test["scores"] if row["spearman"] is not None]
    text = paragraphs([*facts.estimate["backtest"], *facts.index["backtest"]], "No back-test was made.")
    if scores:
        best = max(scores, key=lambda row: row["spearman"])
        legend = Legend(
            "agreement",
            "How well each predictor ranks the areas that were held out",
            f"Rank correlation with the observed share offline on {test['facts']['areas']:,} areas of "
            f"{test['facts']['councils']} councils; the highest is {best['predictor']} with {best['spearman']:.3f}.",
        )
        text += bars(
            legend,
            ("rank correlation",),
            [(row["predictor"], [row["spearman"]]) for row in scores],
            unit="",
            decimals=3,
            head="Predictor",
        )
        rows = [
            [
                row["predictor"],
                f"{row['areas']:,}",
                f"{row['spearman']:.3f}",
                f"{100 * row['worst_tenth_overlap']:.0f}%",
                "" if row["within_council_spearman"] is None else f"{row['within_council_spearman']:.3f}",
            ]
            for row in scores
        ]
        heads = [
            ("Predictor", False), ("Areas", True), ("Rank correlation", True), ("Shared worst tenth", True),
            ("Within councils (mean)", True),
        ]  # fmt: skip
        text += scrolled(
            "Agreement with the observed share",
            table("Agreement with the observed share", heads, rows, name="agreement-all"),
        )
    return (
        text
        + '<p><a href="back-test.html">The whole back-test: calibration, groups, map of residuals</a></p>\n'
    )


def _limits(facts: MethodFacts) -> str:
    index, test = facts.index, facts.backtest["backtest"]
    said = [
        "The rank intervals are of each area by itself: they do not say that all ranks hold at once.",
        "They cover what was a choice or a sample in this index; they do not cover what no source measures.",
        *index["warnings"],
        *index["notes"],
        *facts.estimate["notes"],
        *test["caveats"],
    ]
    return paragraphs(dict.fromkeys(said))
