"""The back-test report: one HTML file without scripts, readable by screen reader and in print, and its JSON."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import InputError
from exclusion.estimate.backtest import BackTest
from exclusion.estimate.charts import calibration_chart, residual_map
from exclusion.estimate.feature_families import families
from exclusion.files import stable_json, write_text

if TYPE_CHECKING:
    from exclusion.estimate.people import Estimate

_STYLE = """
:root{color-scheme:light}
body{font:1rem/1.5 system-ui,"Segoe UI",Arial,sans-serif;color:#1a1a1a;background:#fff;max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.75rem;line-height:1.2}h2{font-size:1.3rem;margin-top:2rem}
.notice{border-left:.4rem solid #8a1c00;background:#fdf1ec;padding:.6rem 1rem;font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.5rem 0 1rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{padding:.25rem .7rem;border-bottom:1px solid #c8c8c8;text-align:right}
th[scope=row],td.words,th.words{text-align:left}
th[scope=row]{min-width:12rem}
thead th{border-bottom:2px solid #555;vertical-align:bottom}
tr.ours{background:#eef3fb;font-weight:600}
svg{max-width:100%;height:auto;border:1px solid #c8c8c8}
figure{margin:1rem 0}
h3{font-size:1.1rem}details{margin:.3rem 0}summary{cursor:pointer;padding:.2rem 0}.columns{overflow-wrap:anywhere}
td.words{min-width:18rem}
nav a{margin-right:1.2rem}
@media(max-width:34rem){th[scope=row]{min-width:7rem}th,td{padding:.25rem .4rem}}
@media print{body{max-width:none}nav{display:none}}
"""

_SCORE_HEADS = {
    "predictor": "Predictor",
    "areas": "Areas",
    "spearman": "Rank correlation",
    "worst_tenth_overlap": "Shared worst tenth",
    "worst_tenth_hits": "Shared, ties counted in",
    "within_council_spearman": "Rank correlation within councils (mean)",
    "within_councils": "Councils with 20 areas or more",
    "spearman_england": "England",
    "spearman_wales": "Wales",
    "rural_share_of_worst_tenth": "Rural share of its worst tenth",
}
_GROUP_HEADS = {
    "group": "Group",
    "areas": "Areas",
    "councils": "Councils",
    "spearman": "Rank correlation",
    "worst_tenth_overlap": "Shared worst tenth",
    "coverage": "Inside the interval",
    "mean_observed_pct": "Observed, mean %",
    "mean_estimate_pct": "Estimate, mean %",
    "mean_absolute_error_pp": "Mean error, points",
    "deri_spearman": "DERI, rank correlation",
}
_CALIBRATION_HEADS = {
    "bin": "Tenth",
    "areas": "Areas",
    "mean_estimate_pct": "Estimate, mean %",
    "mean_observed_pct": "Observed, mean %",
    "standard_error_pp": "Standard error, points",
    "coverage": "Inside the interval",
}
_SHARES = {"worst_tenth_hits", "worst_tenth_overlap", "coverage", "rural_share_of_worst_tenth"}


def report_dict(estimate: "Estimate") -> dict[str, Any]:
    """Return the whole report as plain values: the target, the back-test, and the notes."""
    test = _backtest(estimate)
    return {"estimate": estimate.facts, "notes": list(estimate.notes), "backtest": test.to_dict()}


def report_html(
    estimate: "Estimate",
    *,
    title: str = "How well the estimate does",
    notice: str | None = None,
    points: pd.DataFrame | None = None,
    geometry: Any = None,
    names: pd.Series | None = None,
    links: Mapping[str, str] | None = None,
) -> str:
    """Return the report as one HTML page.

    `points` (index `lsoa21cd`; `x_m, y_m` in EPSG:27700 metres) or `geometry` (a GeoSeries of areas in EPSG:27700,
    same index) place the map of residuals; without either there is none and the page says so. `notice` stands at
    the top, for example that the data are made up. `names` (index `lsoa21cd`) are what residents call the areas;
    `links` are the pages beside this one, addresses by words. Raises InputError for an estimate without a back-test.
    """
    test = _backtest(estimate)
    facts = test.facts
    body = [
        _links(links or {}),
        f"<h1>{escape(title)}</h1>",
        f'<p class="notice">{escape(notice)}</p>' if notice else "",
        _summary(test),
        "<h2>Beside the peer index and single indicators</h2>",
        (
            "<p>All on the same areas. A rank correlation of 1 is the observed order itself; the shared worst tenth is "
            "how many of the tenth of areas with the highest observed shares a predictor finds; areas that tie at its edge "
            "share the places that are left, or are all counted in, as the column says.</p>"
        ),
        _table(
            test.scores.reset_index(),
            _SCORE_HEADS,
            "Predictors against the observed share",
            ours="this estimate",
        ),
        _peers(facts),
        "<h2>By nation, region and rural class</h2>",
        *_group_tables(test.groups),
        "<h2>Calibration</h2>",
        (
            "<p>Areas in tenths by their estimate. Points on the line mean that estimates are neither too high nor too "
            "low at that level.</p>"
        ),
        calibration_chart(test.calibration),
        _table(test.calibration, _CALIBRATION_HEADS, "Estimate and observation by tenth of areas"),
        "<h2>Where it was wrong</h2>",
        residual_map(test.residuals, points=points, geometry=geometry),
        _residual_table(test.residuals, names),
        "<h2>A reason to distrust it</h2>",
        _items(test.caveats),
        "<h2>What the estimate shows</h2>",
        _items(estimate.notes),
        _regions(estimate.facts),
        "<h2>What it was made from</h2>",
        _features(test),
    ]
    return _page(title, "\n".join(part for part in body if part))


def write_untested(
    estimate: "Estimate", folder: Path, *, notice: str | None = None, links: Mapping[str, str] | None = None
) -> None:
    """Write `backtest.html`, `backtest.json` and `backtest.txt` of an estimate that could not be tested: they say why."""
    why = str(estimate.facts["why_no_backtest"])
    title = "How well the estimate does"
    body = (
        f"{_links(links or {})}<h1>{escape(title)}</h1>\n"
        + (f'<p class="notice">{escape(notice)}</p>\n' if notice else "")
        + f"<p><strong>{escape(why)}</strong></p>\n<h2>What the estimate shows</h2>\n{_items(estimate.notes)}"
    )
    write_text(folder / "backtest.html", _page(title, body))
    record = {"facts": {"areas": 0, "councils": 0}, "scores": [], "caveats": [why], "why_not": why}
    whole = {"estimate": estimate.facts, "notes": list(estimate.notes), "backtest": record}
    write_text(folder / "backtest.json", stable_json(whole))
    write_text(folder / "backtest.txt", why + "\n")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}"
        "\n</main>\n</body>\n</html>\n"
    )


def write_report(
    estimate: "Estimate",
    folder: Path,
    *,
    title: str = "How well the estimate does",
    notice: str | None = None,
    points: pd.DataFrame | None = None,
    geometry: Any = None,
    names: pd.Series | None = None,
    links: Mapping[str, str] | None = None,
) -> tuple[Path, Path]:
    """Write `backtest.html` and `backtest.json` into a folder and return their paths; same input, same bytes."""
    html, data = folder / "backtest.html", folder / "backtest.json"
    page = report_html(
        estimate, title=title, notice=notice, points=points, geometry=geometry, names=names, links=links
    )
    write_text(html, page)
    write_text(data, stable_json(report_dict(estimate)))
    return html, data


def _backtest(estimate: "Estimate") -> BackTest:
    if estimate.backtest is None:
        raise InputError(
            "The synthetic estimate has no back-test to report; supply a yardstick with three councils or more."
        )
    return estimate.backtest


def _summary(test: BackTest) -> str:
    facts, scores = test.facts, test.scores
    own = scores.loc["this estimate"]
    words = (
        f"On {facts['areas']:,} areas of {facts['councils']} councils, each council held out of the fit that "
        f"estimates it ({facts['folds']} folds), the estimate has a rank correlation of {own['spearman']:.3f} with "
        f"the observed share of households that did not answer the Census online in March 2021, and finds "
        f"{own['worst_tenth_overlap']:.1%} of the worst tenth."
    )
    if "DERI v1.6" in scores.index:
        peer = scores.loc["DERI v1.6"]
        words += (
            f" The Digital Exclusion Risk Index v1.6 has {peer['spearman']:.3f} and {peer['worst_tenth_overlap']:.1%} "
            "on the same areas."
        )
    words += (
        f" Intervals of {facts['confidence']:.0%} hold {facts['coverage']:.1%} of held-out observations. Rural areas "
        f"are {facts['rural_share']:.1%} of the areas, {facts['rural_share_of_observed_worst']:.1%} of the observed "
        f"worst tenth and {facts['rural_share_of_estimated_worst']:.1%} of the estimated one."
    )
    return f"<p>{escape(words)}</p>"


def _peers(facts: Any) -> str:
    lost = facts["peers_not_at_hand"]
    return f"<p>Not at hand for these areas: {escape(', '.join(lost))}.</p>" if lost else ""


def _group_tables(groups: pd.DataFrame) -> list[str]:
    return [
        _table(
            groups[groups["kind"] == kind],
            _GROUP_HEADS,
            f"Back-test by {kind}" if kind != "all" else "All areas",
        )
        for kind in groups["kind"].unique()
    ]


def _links(links: Mapping[str, str]) -> str:
    parts = (f'<a href="{escape(href, quote=True)}">{escape(words)}</a>' for words, href in links.items())
    return f"<nav>{' '.join(parts)}</nav>" if links else ""


def _residual_table(residuals: pd.DataFrame, names: pd.Series | None) -> str:
    worst = residuals.reindex(
        residuals["residual_pp"].abs().sort_values(ascending=False, kind="stable").index
    )
    shown = worst.head(20).rename_axis("area").reset_index()
    if names is not None:
        shown["area"] = [f"{names.get(code, '')} {code}".strip() for code in shown["area"]]
    heads = {
        "area": "Area",
        "estimate_pct": "Estimate, %",
        "low_pct": "Low, %",
        "high_pct": "High, %",
        "observed_pct": "Observed, %",
        "residual_pp": "Observed less estimate, points",
    }
    return _table(shown, heads, "The twenty areas with the largest errors, estimates held out")


def _regions(facts: dict[str, Any]) -> str:
    if not facts["regions"]:
        return ""
    heads = {
        "code": "Region",
        "survey_pct": "Survey, %",
        "standard_error_pp": "Standard error, points",
        "from_areas_pct": "From areas, %",
        "weight_of_survey": "Weight of the survey",
        "used_pct": "Used, %",
    }
    return _table(
        pd.DataFrame(facts["regions"]),
        heads,
        "Region levels: the survey's, shrunk towards the areas' by its error",
    )


def _features(test: BackTest) -> str:
    groups = {driver: names for driver, names in test.features.items() if names}
    rows = "".join(
        f'<tr><th scope="row">{escape(driver.replace("_", " "))}</th><td>{len(names):,}</td>'
        f'<td class="words">{_in_words(names)}</td></tr>'
        for driver, names in groups.items()
    )
    columns = "".join(
        f"<details><summary>Columns of {escape(driver.replace('_', ' '))}</summary>"
        f'<p class="columns">{escape(", ".join(_stems(names)))}</p></details>'
        for driver, names in groups.items()
    )
    absent = f"<p>Not at hand, and so not used: {escape('; '.join(test.absent))}.</p>" if test.absent else ""
    caption = "What the estimate knows of each area, by what it tells of"
    return (
        f"<p>{sum(map(len, groups.values())):,} figures of each area, all from published tables.</p>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>'
        '<thead><tr><th scope="col" class="words">It tells of</th><th scope="col">Figures</th>'
        '<th scope="col" class="words">What they are, and how many of each</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{absent}"
        f"<h3>Every column by name</h3><p>For analysts: the names as they stand in the tables.</p>{columns}"
    )


def _in_words(names: tuple[str, ...]) -> str:
    return escape("; ".join(f"{words}: {count:,}" for words, count in families(names)))


def _stems(names: tuple[str, ...]) -> list[str]:
    own = [name for name in names if not name.startswith("near") or "distance" in name]
    around = len(names) - len(own)
    return own + ([f"and {around} means over neighbouring areas"] if around else [])


def _items(sentences: tuple[str, ...]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _table(frame: pd.DataFrame, heads: dict[str, str], caption: str, *, ours: str | None = None) -> str:
    columns = [name for name in heads if name in frame]
    first = columns[0]
    head = "".join(
        f'<th scope="col"{" class=words" if name == first else ""}>{escape(heads[name])}</th>'
        for name in columns
    )
    rows = []
    for record in frame.to_dict("records"):
        cells = [f'<th scope="row">{escape(str(record[first]))}</th>']
        cells += [f"<td>{_cell(name, record[name])}</td>" for name in columns[1:]]
        mark = ' class="ours"' if ours is not None and record[first] == ours else ""
        rows.append(f"<tr{mark}>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(name: str, value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}"
    if isinstance(value, (float, np.floating)):
        if not np.isfinite(value):
            return '<span aria-label="no figure">–</span>'  # noqa: RUF001
        return f"{value:.1%}" if name in _SHARES else f"{value:.3f}" if "spearman" in name else f"{value:.2f}"
    return escape(str(value))
