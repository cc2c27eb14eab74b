"""Steps seven and eight of the method report: how sure the ranks are, what drives them, and where need clusters."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from exclusion.publish.charts import Legend, bars, columns, intervals, scrolled, signed
from exclusion.publish.lists import solid_lines
from exclusion.publish.map.content import Edition
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.markup import paragraphs, table

_SHOWN_AREAS = 25
_SHOWN_PLACES = 40
_TARGETS = {
    "mean_rank_shift_pct": "how far ranks move on average",
    "worst_tenth_overlap_pct": "which areas are in the worst tenth",
    "council_list_overlap_pct": "which areas are on their council's list of ten",
}


def uncertainty_section(
    method: Mapping[str, Any], results: pd.DataFrame, places: pd.DataFrame, edition: Edition
) -> str:
    """Return step seven: what was drawn, what the versions agree on, and the ranks of areas and councils with intervals."""
    draws = method["draws"]
    shift, overlap, width = draws["shift_pct"], draws["overlap_pct"], draws["width_pct"]
    said = [
        (
            f"{draws['draws']:,} plausible versions of the index were made (seed {draws['seed']}). In each, drawn afresh: "
            f"{'; '.join(_drawn(method))}."
        ),
        (
            f"In half of the versions ranks move by {shift['50']:.1f}% of all ranked areas or more on average, and "
            f"{overlap['50']:.0f}% or more of the worst tenth stays in it."
        ),
        f"The {draws['interval_pct']:.0f}% interval of half of the areas is wider than {width['50']:.1f}% of all ranks.",
        f"The worst tenth: {draws['solid']}" if draws["solid"] else "",
        *solid_lines(results, draws["draws"], where="of this place"),
    ]
    if method["uncertain"]["people_offline"]:
        said.append(
            "People offline are drawn within their own intervals; the errors of two areas of one council have a correlation of "
            f"{draws['shared_error']:.2f}, measured on held-out areas. Errors of the survey behind the national level are not in it."
        )
    legend = Legend(
        "chances",
        "In how many versions each area is in the worst tenth",
        f"{draws['chances'][0]:,} areas are in the worst tenth in less than 10% of versions and {draws['chances'][-1]:,} in 90% or more.",
    )
    text = paragraphs(said) + columns(
        legend,
        ("areas",),
        list(range(0, 101, 10)),
        (draws["chances"],),
        axis="% of versions in the worst tenth",
        head="% of versions",
    )
    rows = [[row["words"], f"{row['areas']:,}"] for row in draws["stability"]]
    heads = [("In words", False), ("Areas", True)]
    text += scrolled(
        "Areas by how sure it is", table("Areas by how sure it is", heads, rows, name="stability")
    )
    share = f"{draws['interval_pct']:.0f}% of versions"
    return text + _areas(results, edition, share) + _places(places, results, share)


def _drawn(method: Mapping[str, Any]) -> list[str]:
    declared = method["uncertain"]
    low, high = declared["rural_lambda"] or (0.0, 0.0)
    words = {
        "weights": f"the weights, around those stated (Dirichlet, concentration {declared['weights']['concentration']:g})",
        "normalisation": f"how scores are scaled ({', '.join(declared['normalisation'])})",
        "aggregation": f"how domains are combined ({', '.join(_mean(kind) for kind in declared['aggregation'])})",
        "sampling_error": "the sampling error of counts, shared within a source",
        "imputation": "the values that were filled in",
        "rural_lambda": f"how much remoteness counts (from {low:g} to {high:g})",
        "leave_one_out": "which single indicator, if any, is left out",
    }
    return [words[name] for name in method["draws"]["factors"]]


def _mean(kind: str) -> str:
    name, _, power = kind.partition(":")
    return f"power mean, p = {power}" if power else f"{name} mean"


def _areas(results: pd.DataFrame, edition: Edition, share: str) -> str:
    held = results.dropna(subset=["exclusion_rank"]).sort_values("exclusion_rank").head(_SHOWN_AREAS)
    if held.empty:
        return ""
    names = held["msoa_hcl_nm"].fillna(held["msoa21nm"]).astype(str) + " (" + held["lsoa21nm"].str[-4:] + ")"
    first = held.iloc[0]
    legend = Legend(
        "area-ranks",
        f"Exclusion ranks of the {len(held)} highest areas of {edition.place_name}, with intervals",
        f"{names.iloc[0]} has rank {int(first['exclusion_rank']):,}, and between {int(first['exclusion_rank_low']):,} and "
        f"{int(first['exclusion_rank_high']):,} in {share}. The dot is the rank as published.",
    )
    rows = [
        (name, float(row.exclusion_rank), float(row.exclusion_rank_low), float(row.exclusion_rank_high))
        for name, row in zip(names, held.itertuples(), strict=True)
    ]
    most = max(high for *_, high in rows)
    return intervals(
        legend,
        rows,
        most=most,
        axis="exclusion rank (1 is the most excluded)",
        heads=("Area", "Rank", "From", "To"),
    )


def _places(places: pd.DataFrame, results: pd.DataFrame, share: str) -> str:
    """Return the ranks of councils: all of them, or those around the place's own where there are many."""
    councils = places[(places["level"] == "council") & places["rank"].notna()].sort_values("rank")
    if len(councils) < 2:
        return ""
    here = set(results["lad_cd"])
    shown = councils
    if len(councils) > _SHOWN_PLACES:
        mine = councils[councils["code"].isin(here)]
        room = max(_SHOWN_PLACES - len(mine), 0)
        shown = pd.concat([mine.head(_SHOWN_PLACES), councils[~councils["code"].isin(here)].head(room)])
        shown = shown.sort_values("rank")
    first = shown.iloc[0]
    which = "all councils" if len(shown) == len(councils) else "this place and the councils that rank highest"
    legend = Legend(
        "council-ranks",
        f"Ranks of councils by average exclusion rank, with intervals: {which}",
        f"{first['name']} has rank {int(first['rank']):,} of {len(councils):,}, and {_between(first)} in {share}.",
    )
    rows = [
        (str(row.name_), float(row.rank), float(row.rank_low), float(row.rank_high))
        for row in shown.rename(columns={"name": "name_"}).itertuples()
    ]
    return intervals(
        legend,
        rows,
        most=float(len(councils)),
        axis="rank among councils (1 is the most excluded)",
        heads=("Council", "Rank", "From", "To"),
    )


def _between(row: Mapping[str, Any]) -> str:
    low, high = f"{row['rank_low']:,.0f}", f"{row['rank_high']:,.0f}"
    return f"ranks from {low} to {high}" if low != high else f"rank {low}"


def sensitivity_section(record: Mapping[str, Any], results: pd.DataFrame) -> str:
    """Return step eight: first-order and total effects, what single ranks hang on, and where certain need clusters."""
    effects = record["effects"]
    if "why_not" in effects:
        text = paragraphs([effects["why_not"]])
    else:
        text = _effects(effects) + _without(effects["without"])
        here = results["main_factor"].dropna().map(effects["words"]).value_counts()
        said = [
            f"{count:,} of the place's {len(results):,} areas have a rank that hangs mostly on {word}."
            for word, count in here.items()
        ]
        text += "<h3>What the ranks of this place hang on</h3>\n" + paragraphs(
            said, "No rank moves in any version."
        )
    return text + "<h3>Where certain need clusters</h3>\n" + _clusters(record["clusters"], results)


def _effects(effects: Mapping[str, Any]) -> str:
    rows = pd.DataFrame(effects["overall"])
    said = [
        (
            f"Sobol' indices from {effects['versions']:,} versions (base {effects['base']:,}, {_set_by(effects)}). The first "
            "bar is the effect of a choice by itself, the second with all that it does together with others. Small negative "
            "values are noise of the estimate; the table gives its 95% half-width."
        )
    ]
    text = paragraphs(said)
    for target, words in _TARGETS.items():
        part = rows[rows["target"] == target].sort_values("total", ascending=False, kind="stable")
        top = part.iloc[0]
        legend = Legend(
            f"effects-{target.replace('_', '-')}",
            f"What decides {words}",
            f"The largest total effect is that of {effects['words'][top['factor']]}: {100 * top['total']:.0f}% of the variance.",
        )
        text += bars(
            legend,
            ("by itself", "with all it does together with others"),
            [(effects["words"][row.factor], [100 * row.first, 100 * row.total]) for row in part.itertuples()],
            decimals=0,
            head="Choice",
        )
    numbers = [
        [
            effects["words"][row.factor],
            _TARGETS[row.target],
            f"{signed(row.first, 3)} ± {row.first_conf:.3f}",
            f"{signed(row.total, 3)} ± {row.total_conf:.3f}",
        ]
        for row in rows.itertuples()
    ]
    heads = [("Choice", False), ("Decides", False), ("First-order effect", True), ("Total effect", True)]
    caption = "All effects, with 95% half-widths"
    return text + scrolled(caption, table(caption, heads, numbers, name="effects-all"))


def _set_by(effects: Mapping[str, Any]) -> str:
    return "as asked for" if effects["is_base_asked"] else "set by the number of areas"


def _without(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what leaving out each indicator does, apart from all other choices; empty where none can be left out."""
    if not rows:
        return ""
    count = len(rows)
    worst = min(rows, key=lambda row: row["worst_tenth_overlap_pct"])
    heaviest = max(rows, key=lambda row: row["weight_pct"])
    said = (
        f"On average {count:,} of {count + 1:,} versions lack one of the {count:,} indicators (Saisana, Saltelli & Tarantola 2005), "
        f"which takes up to {heaviest['weight_pct']:.1f}% of the weight away at a stroke ({heaviest['label'].lower()}): a test of the "
        "index's skeleton rather than of its joints. So it is shown here by itself as well, with all else as stated."
    )
    legend = Legend(
        "without",
        "The worst tenth without one indicator",
        f"Without {worst['label'].lower()} the worst tenth changes most: {worst['worst_tenth_overlap_pct']:.0f}% of it stays.",
    )
    chart = bars(
        legend,
        ("of the worst tenth stays in it", "average shift, in % of the ranks"),
        [
            (row["label"], [row["worst_tenth_overlap_pct"], row["mean_rank_shift_pct"]])
            for row in sorted(rows, key=lambda row: row["worst_tenth_overlap_pct"])
        ],
        head="Left out",
    )
    return f"<h3>Without one indicator</h3>\n{paragraphs([said])}{chart}"


def _clusters(record: Mapping[str, Any], results: pd.DataFrame) -> str:
    if "why_not" in record:
        return paragraphs([record["why_not"]])
    hot = record["hot_spots"].get("hot spot", 0)
    here = results.index[results["hot_spot"] == "hot spot"]
    said = [
        (
            f"On the chance of being in the worst tenth, over {record['areas']:,} areas with {record['neighbours']} nearest neighbours: "
            f"Moran's I {record['moran_i']:.3f} (expected without clustering {record['moran_expected']:.4f}; p {_p(record['moran_p'])}, "
            f"{record['global_permutations']:,} permutations)."
        ),
        (
            f"{hot:,} areas are in hot spots of certain need (Getis-Ord Gi*, {record['permutations']:,} permutations, false discoveries "
            f"held to 5%); {len(here):,} of them are in this place."
        ),
        "Clusters (local Moran): "
        + "; ".join(f"{word}: {count:,}" for word, count in record["clusters"].items())
        + " areas.",
    ]
    rows = [
        [
            f"{row['neighbours']:.0f} nearest",
            f"{row['moran_i']:.3f}",
            f"{row['areas_in_high_clusters']:,.0f}",
            "" if row["overlap_with_8_pct"] is None else f"{row['overlap_with_8_pct']:.0f}%",
        ]
        for row in record["neighbour_definitions"]
    ]
    heads = [
        ("Neighbours", False), ("Moran's I", True), ("Areas in high clusters", True), ("Of the clusters with 8, kept", True),
    ]  # fmt: skip
    caption = "If neighbours were defined otherwise"
    text = paragraphs(said) + scrolled(caption, table(caption, heads, rows, name="neighbours"))
    if len(here):
        named = results.loc[here].sort_values("exclusion_rank")
        names = named["msoa_hcl_nm"].fillna(named["msoa21nm"]).astype(str)
        counts = names.value_counts(sort=False)
        items = "".join(f"<li>{e(name)}: {count} areas</li>\n" for name, count in counts.items())
        text += f"<details><summary>Neighbourhoods of this place in hot spots</summary><ul>\n{items}</ul></details>\n"
    return text


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"
