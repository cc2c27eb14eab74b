"""Steps one to six of the method report: framework, data, missing data, correlations, normalisation, weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from exclusion.publish.charts import Legend, bars, columns, grid, scrolled
from exclusion.publish.map.markup import paragraphs, table

_SCORES = {
    "exponential": "the exponential of the rank, from 0 to 100, as the English Indices of Deprivation use it, so that only the most excluded areas score high",
    "normal": "the normal score of the rank",
    "minmax": "min-max, from 0 for the least excluded area to the top of the scale for the most",
    "goalposts": "the distance between two fixed goalposts",
    "zscore": "standard scores (z)",
    "prank": "percentage ranks",
    "identity": "the values themselves",
}
# Figures that are put together here, and the sources of which one or more are at hand.
_MADE_FROM = {
    "census_age_bands": ("census_ts007a",),
    "broadband_deficit": ("ofcom_fixed_coverage_oa", "ofcom_fixed_coverage_lad", "iod2025_file8"),
}
_STAND_IN_WORDS = {
    "fallback": "from a stand-in source",
    "modelled": "modelled, not observed",
    "carried": "carried over from areas of 2011",
}


def framework_section(
    method: Mapping[str, Any], estimate: Mapping[str, Any], index: Mapping[str, Any]
) -> str:
    """Return step one: what is measured, and the tree of domains and indicators."""
    about, rural = method["index"], method["rural"]
    said = [
        (
            f"{about['label']}, version {about['version']}: {len(method['indicators'])} indicators in {len(method['domains'])} "
            f"domains. Risk is {_mean(about)} of the domain scores by their weights."
        ),
        _rural_sentence(rural, index),
        f"Beside it, and not part of it, stands an estimate of people offline: {estimate['definition']} ({estimate['level']['year']}).",
    ]
    labels = {domain["id"]: domain["label"] for domain in method["domains"]}
    rows = [
        [
            one["label"],
            labels[one["domain"]],
            "more is more excluded" if one["direction"] == "+" else "more is less excluded",
            one["made_from"],
        ]
        for one in method["indicators"]
    ]
    heads = [
        ("Indicator", False),
        ("Domain", False),
        ("Direction", False),
        ("Made from (column names)", False),
    ]
    acknowledged = [
        f"{one['label']}: {one['overlap_ack']}" for one in method["indicators"] if one["overlap_ack"]
    ]
    return (
        paragraphs(said)
        + scrolled("Indicators and domains", table("Indicators and domains", heads, rows, name="tree"))
        + (f"<h3>Overlaps, acknowledged</h3>\n{paragraphs(acknowledged)}" if acknowledged else "")
    )


def _mean(about: Mapping[str, Any]) -> str:
    kind = about["aggregation"]
    name = f"the power mean (p = {about['power']:g})" if kind == "power" else f"the {kind} mean"
    return f"{name}, {about['offset']:g} added to each first," if about["offset"] else name


def _rural_sentence(rural: Mapping[str, Any], index: Mapping[str, Any]) -> str:
    measure = index["meta"]["rural_measure"]
    if measure is None or not index["meta"]["rural_lambda"]:
        return "There is no rural term: the exclusion index equals risk."
    label = next((m["label"] for m in rural["measures"] if m["column"] == measure), measure)
    return (
        f"The exclusion index is risk times (1 + {rural['lambda']:g} h), h from 0 (near) to 1 (remote) by {label}, never more "
        f"than {rural['cap']:g} times risk. Remoteness is counted nowhere else. Both ranks are always shown."
    )


def data_section(
    method: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]], stand_ins: Sequence[str]
) -> str:
    """Return step two: which source each indicator comes from, and of when."""
    rows = []
    for one in method["indicators"]:
        found = _sources_of(one["source"], sources)
        rows.append(
            [
                one["label"],
                _each(found, "title") or one["source"].replace("_", " "),
                _each(found, "publisher") or "made here from the sources listed",
                _each(found, "vintage") or one["as_of"] or "see the sources",
                _each(found, "obtained"),
            ]
        )
    heads = [
        ("Indicator", False), ("Source", False), ("Publisher", False), ("Vintage", False), ("How obtained", False),
    ]  # fmt: skip
    return (
        f"<p>{len(sources)} source files were used for this edition. Each is listed with its licence and hash under "
        '<a href="how-this-was-made.html#sources">How this was made</a>.</p>\n'
        + scrolled(
            "Sources of the indicators", table("Sources of the indicators", heads, rows, name="vintages")
        )
        + "<h3>Stand-ins</h3>\n"
        + paragraphs(stand_ins, "No source stood in for another.")
    )


def _sources_of(name: str, sources: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the records of what an indicator was made from: the source itself, what stood in for it, or its parts."""
    wanted = (name, *_MADE_FROM.get(name, ()))
    return [
        record for key, record in sources.items() if key in wanted or record.get("stands_in_for") in wanted
    ]


def _each(records: Sequence[Mapping[str, Any]], field: str) -> str:
    return "; ".join(dict.fromkeys(str(record[field]) for record in records if record.get(field)))


def missing_section(method: Mapping[str, Any]) -> str:
    """Return step three: what is missing, and what was put in its place."""
    areas, ranked = method["areas"], method["ranked"]
    absent = sum(row["absent"] for row in method["missing"])
    cells = areas * len(method["missing"])
    other: dict[str, int] = {}
    for row in method["missing"]:
        for word, count in row["by_status"].items():
            if word in _STAND_IN_WORDS:
                other[word] = other.get(word, 0) + count
    said = [
        f"{absent:,} of {cells:,} values ({100 * absent / cells:.2f}%) had to be filled in. Missing is never taken for zero.",
        *(f"{count:,} values are {_STAND_IN_WORDS[word]}." for word, count in sorted(other.items())),
        (
            f"{ranked:,} of {areas:,} areas are ranked. An area with less than "
            f"{100 * method['index']['min_observed_weight']:.0f}% of the index's weight observed is not ranked."
        ),
    ]
    ladders: dict[str, list[str]] = {}
    for one in method["indicators"]:
        ladders.setdefault(", else ".join(_rung(r) for r in one["ladder"]), []).append(one["label"].lower())
    said += [
        f"In place of a missing value comes {ladder} (for {'; '.join(labels)})."
        for ladder, labels in sorted(ladders.items())
    ]
    rows = [
        [row["label"], f"{row['present']:,}", f"{row['absent']:,}", _statuses(row["by_status"])]
        for row in method["missing"]
    ]
    heads = [
        ("Indicator", False),
        ("With a value", True),
        ("Filled in", True),
        ("How each value came about", False),
    ]
    most = max(method["missing"], key=lambda row: row["absent"])
    legend = Legend(
        "absent",
        "Areas where a value had to be filled in, by indicator",
        "No indicator lacks a value anywhere."
        if not absent
        else f"Most are missing of {most['label'].lower()}: {most['absent']:,} of {areas:,} areas.",
    )
    chart = bars(
        legend,
        ("share of areas",),
        [(row["label"], [100 * row["absent"] / areas]) for row in method["missing"]],
        head="Indicator",
    )
    return (
        paragraphs(said)
        + chart
        + scrolled("Missing values", table("Missing values", heads, rows, name="missing-all"))
    )


def _rung(rung: str) -> str:
    kind, _, columns_ = rung.partition(":")
    names = (
        columns_.replace("msoa21cd", "the neighbourhood")
        .replace("lad_cd", "the council")
        .replace("ruc21cd", "the rural class")
    )
    return {
        "parent": f"the rate of {names}",
        "group_median": f"the median within {names.replace('+', ' and ')}",
        "neutral": "the middle of the scale",
    }[kind]


def _statuses(by_status: Mapping[str, int]) -> str:
    return "; ".join(f"{word.replace('_', ' ')}: {count:,}" for word, count in sorted(by_status.items()))


def correlation_section(method: Mapping[str, Any]) -> str:
    """Return step four: how indicators go together, and what that warns of."""
    held = method["correlations"]
    pairs = [
        (abs(value), value, held["labels"][i], held["labels"][j])
        for i, row in enumerate(held["values"])
        for j, value in enumerate(row)
        if i < j and value is not None
    ]
    said = "Only one indicator, so there is nothing to compare."
    if pairs:
        _, value, first, second = max(pairs)
        said = f"The strongest correlation, {value:+.2f}, is between {first.lower()} and {second.lower()}."
    legend = Legend("grid", "Correlations of the indicators' scores", said)
    remote = method["remoteness_correlation"]
    text = [
        *(method["flags"] or ["No pair is redundant or in conflict, and no domain is mute."]),
        *([] if remote is None else [f"Risk has a rank correlation of {remote:+.2f} with remoteness."]),
    ]
    return paragraphs(text) + (
        grid(legend, held["labels"], held["values"], head="Indicator") if pairs else ""
    )


def normalisation_section(method: Mapping[str, Any]) -> str:
    """Return step five: how values become scores, and how the scores are spread."""
    about, scores = method["index"], method["scores"]
    said = [
        f"Indicators are scored by {_SCORES[about['indicator_score']]}; domains by {_SCORES[about['score']]}.",
        f"Tied areas share {'their average' if about['ties'] == 'average' else 'the smallest'} rank.",
    ]
    own = [one for one in method["indicators"] if one["score"] not in {None, about["indicator_score"]}]
    said += [f"{one['label']} is scored by {_SCORES[one['score']]}." for one in own]
    treated = [one["label"] for one in method["indicators"] if one["treat"]]
    shrunk = [one["label"] for one in method["indicators"] if one["shrink"]]
    said.append(
        f"Outliers are treated in: {', '.join(treated)}." if treated else "No outlier treatment was declared."
    )
    said.append(
        f"Shrinkage towards the group's rate was declared for: {', '.join(shrunk)}."
        if shrunk
        else "No small-area shrinkage was declared."
    )
    risk = scores["risk"]
    top = max(range(len(risk)), key=lambda b: risk[b])
    legend = Legend(
        "scores",
        "How many areas have which score",
        f"More areas lie between {scores['edges'][top]:g} and {scores['edges'][top + 1]:g} by risk than in any other step of the scale.",
    )
    chart = columns(
        legend,
        ("risk", "exclusion index"),
        scores["edges"],
        (risk, scores["exclusion"]),
        axis="score",
        head="Score",
    )
    return paragraphs(said) + chart


def weights_section(method: Mapping[str, Any], index: Mapping[str, Any]) -> str:
    """Return step six: the weights as stated, beside what each part really moves."""
    rows = method["importance"]
    domains = [row for row in rows if row["level"] == "domain"]
    total = sum(domain["weight_pct"] for domain in method["domains"])
    said = [
        (
            f"Weights sum to {total:.4g}%, as declared; they are never rescaled. A weight is not an importance: the second bar is "
            "the share of the spread of risk that a part really moves."
        )
    ]
    factor = [domain["label"] for domain in method["domains"] if domain["combine"] == "factor_ml"]
    if factor:
        said.append(f"Inside {', '.join(factor)} the weights come from a one-factor model.")
    said += list(index["rural_effect"])
    widest = max(domains, key=lambda row: abs(row["covariance_share_pct"] - row["weight_pct"]))
    legend = Legend(
        "importance",
        "Weight and importance of the domains",
        f"The gap is widest for {widest['label'].lower()}: weight {widest['weight_pct']:.1f}%, share of the ranking moved "
        f"{widest['covariance_share_pct']:.1f}%.",
    )
    series = ("weight", "share of the ranking moved")
    chart = bars(
        legend,
        series,
        [(row["label"], [row["weight_pct"], row["covariance_share_pct"]]) for row in domains],
        head="Domain",
    )
    indicators = bars(
        Legend(
            "importance-indicators",
            "Weight and importance of the indicators",
            "The same for each indicator, as a share of the whole index.",
        ),
        series,
        [
            (row["label"], [row["weight_pct"], row["covariance_share_pct"]])
            for row in rows
            if row["level"] == "indicator"
        ],
        head="Indicator",
    )
    alone = [[row["label"], row["level"], f"{row['main_effect']:.2f}"] for row in rows]
    heads = [("Part", False), ("Level", False), ("How well it alone fixes risk, 0 to 1", True)]
    return (
        paragraphs(said)
        + chart
        + indicators
        + scrolled("Main effects", table("Main effects", heads, alone, name="main-effects"))
    )
