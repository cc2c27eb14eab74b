"""What changed between two editions: how much, and why; what was added, lost and drawn anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import InputError
from exclusion.publish.columns import CHANGE_LIST
from exclusion.publish.lists import rounded

if TYPE_CHECKING:
    from exclusion.index.spec import Spec

CAUSES = ("data", "reference", "method", "boundary")
# A change of score below this is rounding.
_MOVED = 5e-5


@dataclass(frozen=True)
class EditionTables:
    """One published edition as a comparison reads it.

    manifest; results: the place's areas by `lsoa21cd`; index_input: what the index was made from, all ranked areas,
    by `lsoa21cd`; spec: how. The last two are None for editions published without them.
    """

    name: str
    manifest: Mapping[str, Any]
    results: pd.DataFrame
    index_input: pd.DataFrame | None = None
    spec: "Spec | None" = None


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    areas: CHANGE_LIST, one row an area of either edition, the largest moves first; summary: sentences; entered, left:
    codes of the worst tenth; sources: `source, change`; drift: `table column change`.
    """

    before: str
    after: str
    label: str
    areas: pd.DataFrame
    summary: tuple[str, ...]
    entered: tuple[str, ...]
    left: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    drift: tuple[tuple[str, str], ...]
    notice: str = ""


def compare(before: EditionTables, after: EditionTables) -> Comparison:
    """Compare two editions; InputError where they have no area in common or one is made up and the other real."""
    if bool(before.manifest["is_demonstration"]) != bool(after.manifest["is_demonstration"]):
        raise InputError(
            f"{before.name} and {after.name}: one is of a made-up place, so they cannot be compared."
        )
    common = before.results.index.intersection(after.results.index)
    if common.empty:
        raise InputError(
            f"{before.name} and {after.name} have no area in common; compare two editions of one place."
        )
    areas = _areas(before, after)
    terms, why_not = _terms(before, after)
    for name in CAUSES:
        areas[name] = terms[name].reindex(areas.index) if terms is not None else np.nan
    areas["main_cause"] = _main_cause(areas)
    areas["worst_tenth"] = _worst_tenth(areas, before, after)
    order = areas.assign(size=areas["rank_change"].abs()).sort_values(
        ["size", "lsoa21cd"], ascending=[False, True], na_position="last"
    )
    table = rounded(order.reset_index().reindex(columns=[c.name for c in CHANGE_LIST]), CHANGE_LIST)
    entered = tuple(sorted(areas.index[areas["worst_tenth"] == "entered"]))
    left = tuple(sorted(areas.index[areas["worst_tenth"] == "left"]))
    sources = tuple(_sources(before.manifest["sources"], after.manifest["sources"]))
    return Comparison(
        before=before.name,
        after=after.name,
        label=str(after.manifest["label"]),
        areas=table,
        summary=tuple(_summary(before, after, areas, why_not=why_not, sources=len(sources))),
        entered=entered,
        left=left,
        sources=sources,
        drift=tuple(_drift(before, after)),
        notice=str(after.manifest.get("notice", "")),
    )


def _areas(before: EditionTables, after: EditionTables) -> pd.DataFrame:
    """Return ranks, people and risk of both editions side by side for all areas of either."""
    index = before.results.index.union(after.results.index)
    old, new = before.results.reindex(index), after.results.reindex(index)
    out = pd.DataFrame(index=index.rename("lsoa21cd"))
    for name in ("lsoa21nm", "lad_nm"):
        out[name] = new[name].fillna(old[name])
    out["neighbourhood"] = (
        new["msoa_hcl_nm"].fillna(new["msoa21nm"]).fillna(old["msoa_hcl_nm"]).fillna(old["msoa21nm"])
    )
    for name, change in (
        ("exclusion_rank", "rank_change"),
        ("people_offline", "people_change"),
        ("risk_score", "risk_change"),
    ):
        out[f"{name}_before"], out[f"{name}_after"] = old[name].astype(float), new[name].astype(float)
        out[change] = out[f"{name}_after"] - out[f"{name}_before"]
    return out


def _terms(before: EditionTables, after: EditionTables) -> tuple[pd.DataFrame | None, str]:
    """Return the exact parts of the change of risk for areas of both editions, or None and why not.

    data, reference and method are those of `index.change.change_terms`. What today's code makes of the earlier
    edition's own tables differently from what was published is a change of code, and counts as method.
    """
    from exclusion.index.change import change_terms
    from exclusion.index.engine import build

    tables = (before.index_input, after.index_input, before.spec, after.spec)
    if any(one is None for one in tables):
        return None, "One of the editions was published without the tables that tell causes apart."
    assert before.index_input is not None
    assert after.index_input is not None
    assert before.spec is not None
    assert after.spec is not None
    try:
        old, new = build(before.spec, before.index_input), build(after.spec, after.index_input)
        fresh = after.index_input.index.difference(before.index_input.index)
        # Areas without a past have no parts; a stand-in past is given for them and dropped again.
        anchor = before.index_input.index[0]
        carried = after.index_input.loc[fresh] if len(fresh) else None
        parents = (
            pd.DataFrame({"lsoa21cd": fresh, "parent_cd": anchor, "weight": 1.0}) if len(fresh) else None
        )
        found = change_terms(old, new, after.index_input, carried=carried, parents=parents).drop(index=fresh)
    except InputError as error:
        return None, f"The causes cannot be told apart: {error}"
    published_old = before.results["risk_score"].astype(float).reindex(found.index)
    published_new = after.results["risk_score"].astype(float).reindex(found.index)
    code = (published_new - found["score_after"]) - (published_old - found["score_before"])
    return found.assign(method=found["method"] + code, boundary=found["geography"])[list(CAUSES)], ""


def _main_cause(areas: pd.DataFrame) -> list[str]:
    parts = areas[list(CAUSES)].to_numpy(float)
    found = []
    for row, change, old, new in zip(
        parts, areas["risk_change"], areas["risk_score_before"], areas["risk_score_after"], strict=True
    ):
        if np.isnan(old) and not np.isnan(new):
            found.append("new area")
        elif np.isnan(new) and not np.isnan(old):
            found.append("area gone")
        elif np.isnan(row).any() or np.isnan(change):
            found.append("not known")
        elif np.abs(row).max() < _MOVED:
            found.append("none")
        else:
            found.append(CAUSES[int(np.abs(row).argmax())])
    return found


def _worst_tenth(areas: pd.DataFrame, before: EditionTables, after: EditionTables) -> list[str]:
    was = (areas["exclusion_rank_before"] <= before.manifest["ranked_areas"] / 10).to_numpy()
    now = (areas["exclusion_rank_after"] <= after.manifest["ranked_areas"] / 10).to_numpy()
    words = {
        (True, True): "stayed in",
        (False, True): "entered",
        (True, False): "left",
        (False, False): "outside",
    }
    return [words[bool(a), bool(b)] for a, b in zip(was, now, strict=True)]


def _summary(
    before: EditionTables,
    after: EditionTables,
    areas: pd.DataFrame,
    *,
    why_not: str,
    sources: int,
) -> list[str]:
    old, new = before.manifest, after.manifest
    change = int(new["people_offline"]) - int(old["people_offline"])
    moved = areas["rank_change"].abs() > 0
    known, farthest = int(areas["rank_change"].notna().sum()), areas["rank_change"].abs().max()
    entered, left = (int((areas["worst_tenth"] == word).sum()) for word in ("entered", "left"))
    said = [
        f"People offline: {old['people_offline']:,} before, {new['people_offline']:,} after ({change:+,}).",
        f"{int(moved.sum()):,} of {known:,} area{'s' if known != 1 else ''} {'has' if moved.sum() == 1 else 'have'} another "
        "exclusion rank"
        + (
            f"; the largest move is {int(farthest):,} place{'s' if farthest != 1 else ''}."
            if moved.any()
            else "."
        ),
        f"{entered:,} area{'s' if entered != 1 else ''} entered the worst tenth and {left:,} left it.",
        f"{sources:,} source{'s' if sources != 1 else ''} changed.",
    ]
    if old["ranked_areas"] != new["ranked_areas"]:
        said.append(
            f"Ranks run over {new['ranked_areas']:,} areas and ran over {old['ranked_areas']:,} before, so ranks are not alike."
        )
    if not why_not:
        counts = areas["main_cause"].value_counts()
        causes = ", ".join(
            f"{name} {int(counts[name]):,}"
            for name in (*CAUSES, "none", "new area", "area gone", "not known")
            if counts.get(name, 0)
        )
        said.append(f"Main cause of the change of risk, by areas: {causes}.")
        size = areas[list(CAUSES)].abs().mean()
        said.append(
            "Mean size of each part, in points of risk: "
            + ", ".join(f"{name} {float(size[name]):.3f}" for name in CAUSES)
            + "."
        )
    else:
        said.append(why_not)
    keys = sorted(set(old["parameters"]) | set(new["parameters"]))
    said += [
        f"The choice {key} was {old['parameters'].get(key)} and is {new['parameters'].get(key)}."
        for key in keys
        if old["parameters"].get(key) != new["parameters"].get(key)
    ]
    return said + declared_otherwise(before.spec, after.spec)


def declared_otherwise(old: "Spec | None", new: "Spec | None") -> list[str]:
    """Return what was declared otherwise, in the words of a committee: weights of domains and of remoteness first.

    Files of one name may differ, and the name of a file says nothing of what is in it.
    """
    if old is None or new is None or old == new:
        return []
    said = []
    for name in dict.fromkeys([*old.domains, *new.domains]):
        was, now = old.domains.get(name), new.domains.get(name)
        if was is None and now is not None:
            said.append(f"{now.label} is a new part of the index, with a weight of {100 * now.weight:g}%.")
        elif now is None and was is not None:
            said.append(
                f"{was.label} is no longer a part of the index; its weight was {100 * was.weight:g}%."
            )
        elif was is not None and now is not None and was.weight != now.weight:
            said.append(f"The weight of {now.label} was {100 * was.weight:g}% and is {100 * now.weight:g}%.")
    if old.rural.lambda_ != new.rural.lambda_:
        said.append(
            f"The weight for remoteness (lambda) was {old.rural.lambda_:g} and is {new.rural.lambda_:g}."
        )
    rest = [
        spec.model_copy(update={"domains": {}, "rural": spec.rural.model_copy(update={"lambda_": 0.0})})
        for spec in (old, new)
    ]
    others = [
        {name: domain.model_copy(update={"weight": 0.0}) for name, domain in spec.domains.items()}
        for spec in (old, new)
    ]
    if rest[0] != rest[1] or (others[0] != others[1] and set(others[0]) == set(others[1])):
        said.append(
            "The specifications differ in other points too: spec.json of both editions holds them in full."
            if said
            else "The specifications differ: spec.json of both editions holds them in full."
        )
    return said


def _sources(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each source that is new, gone or has another file, with what changed."""
    found = []
    for key in sorted(set(old) | set(new)):
        if key not in new:
            found.append((str(old[key]["title"]), "no longer used"))
        elif key not in old:
            found.append((str(new[key]["title"]), f"new: {new[key]['vintage']}"))
        elif old[key]["sha256"] != new[key]["sha256"]:
            a, b = old[key], new[key]
            what = (
                f"{a['vintage']} to {b['vintage']}"
                if a["vintage"] != b["vintage"]
                else f"another file of {b['vintage']}"
            )
            if a.get("licence") != b.get("licence"):
                what += f"; licence {a.get('licence')} to {b.get('licence')}"
            found.append((str(b["title"]), f"{what} ({a['bytes']:,} to {b['bytes']:,} bytes)"))
    return found


def _drift(before: EditionTables, after: EditionTables) -> list[tuple[str, str]]:
    """Return columns of the published tables that came, went or changed type."""
    found = []
    for table, old, new in (
        ("results", before.results, after.results),
        ("index_input", before.index_input, after.index_input),
    ):
        if old is None or new is None:
            continue
        for name in sorted(set(old.columns) | set(new.columns)):
            if name not in new:
                found.append((f"{table}.{name}", "gone"))
            elif name not in old:
                found.append((f"{table}.{name}", f"new ({new[name].dtype})"))
            elif old[name].dtype != new[name].dtype:
                found.append((f"{table}.{name}", f"{old[name].dtype} to {new[name].dtype}"))
    return found
