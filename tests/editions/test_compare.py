"""Comparing editions: exact parts of every change, the worst tenth, sources, columns, and what cannot be compared."""

import numpy as np
import pytest

from exclusion.editions.compare import CAUSES, EditionTables, compare, declared_otherwise
from exclusion.editions.compare_pages import markdown_of, page_of
from exclusion.errors import InputError
from exclusion.index.engine import build
from exclusion.index.spec import load_spec
from exclusion.publish.columns import CHANGE_LIST
from tests.index.made import table

SPEC = load_spec("default")


def source(sha="a", vintage="2021"):
    return {"title": "Census", "vintage": vintage, "sha256": sha * 64, "licence": "OGL-UK-3.0", "bytes": 10}


def made(name, index_input, spec=SPEC, *, keep=None, sources=None, **manifest):
    """An edition as it would be published from an index input."""
    result = build(spec, index_input)
    rows = result.table.set_index("lsoa21cd").join(index_input[["people_offline"]])
    rows["lsoa21nm"], rows["lad_nm"], rows["msoa_hcl_nm"], rows["msoa21nm"] = "A | b", "Council", None, "M"
    rows = rows if keep is None else rows.loc[keep]
    facts = {
        "label": "Fellshire", "is_demonstration": False, "ranked_areas": len(index_input), "parameters": {"choose": 5},
        "people_offline": int(rows["people_offline"].sum()), "sources": sources or {"census": source()}, **manifest,
    }  # fmt: skip
    return EditionTables(name, facts, rows, index_input, spec)


@pytest.fixture(scope="module")
def first():
    return made("one", table(200))


def parts(found):
    return found.areas.set_index("lsoa21cd")[list(CAUSES)].astype(float)


def test_an_edition_compared_with_itself_has_no_change(first):
    found = compare(first, first)
    assert set(found.areas["main_cause"]) == {"none"}
    assert (found.entered, found.left, found.sources, found.drift) == ((), (), (), ())
    assert tuple(found.areas.columns) == tuple(column.name for column in CHANGE_LIST)


def test_new_data_of_one_area_is_data_there_and_reference_elsewhere(first):
    changed = first.index_input.copy()
    code = changed.index[17]
    changed.loc[code, "help_min"] = 5.0
    changed.loc[code, "broadband_deficit"] = changed["broadband_deficit"].max() * 3
    found = compare(first, made("two", changed, sources={"census": source("b", "2022"), "ofcom": source()}))
    rows = found.areas.set_index("lsoa21cd")
    assert rows.loc[code, "main_cause"] == "data"
    others = parts(found).drop(index=code)
    assert np.abs(others["data"]).max() < 1e-9
    assert np.abs(others["reference"]).max() > 0
    assert found.sources == (("Census", "2021 to 2022 (10 to 10 bytes)"), ("Census", "new: 2021"))


def test_another_specification_is_method_and_the_parts_sum_to_the_change(first):
    weights = dict(zip(SPEC.domains, (0.10, 0.20, 0.35, 0.35), strict=True))
    domains = {
        name: domain.model_copy(update={"weight": weights[name]}) for name, domain in SPEC.domains.items()
    }
    spec = SPEC.model_copy(update={"domains": domains})
    changed = table(200, seed=1)
    changed["broadband_deficit"] = changed["broadband_deficit"].to_numpy()[::-1]
    found = compare(first, made("two", changed, spec))
    total = parts(found).sum(axis=1)
    change = found.areas.set_index("lsoa21cd")["risk_change"].astype(float)
    assert np.abs(total - change).max() < 3e-4
    assert np.abs(parts(found)["method"]).max() > 0.1
    label = SPEC.domains["skills"].label
    assert f"The weight of {label} was 35% and is 10%." in found.summary
    assert not [text for text in found.summary if "differ" in text]
    assert (parts(found)["boundary"] == 0).all()


def test_what_was_declared_otherwise_is_said(first):
    other = SPEC.model_copy(
        update={
            "rural": SPEC.rural.model_copy(update={"lambda_": 0.0}),
            "domains": {k: v for k, v in SPEC.domains.items() if k != "connection"},
        }
    )
    said = declared_otherwise(SPEC, other)
    assert "The weight for remoteness (lambda) was 0.25 and is 0." in said
    assert "Connection is no longer a part of the index; its weight was 10%." in said
    assert not [text for text in said if "differ" in text]
    ties = SPEC.model_copy(update={"stratify": ()})
    assert declared_otherwise(SPEC, ties) == [
        "The specifications differ: spec.json of both editions holds them in full."
    ]
    assert declared_otherwise(SPEC, SPEC) == []
    assert "Connection is a new part of the index, with a weight of 10%." in declared_otherwise(other, SPEC)


def test_one_area_and_one_place_are_told_of_in_the_singular(first):
    rows = first.results.copy()
    rank = rows["exclusion_rank"].astype(float)
    moved = rank.replace({20.0: 21.0, 21.0: 20.0})
    second = EditionTables(
        "two", first.manifest, rows.assign(exclusion_rank=moved), first.index_input, first.spec
    )
    said = compare(first, second).summary
    assert "2 of 200 areas have another exclusion rank; the largest move is 1 place." in said
    assert "1 area entered the worst tenth and 1 left it." in said


def test_code_that_scores_the_same_tables_otherwise_is_method(first):
    second = made("two", first.index_input)
    moved = second.results.assign(risk_score=second.results["risk_score"] + 1.5)
    found = compare(first, EditionTables("two", second.manifest, moved, second.index_input, second.spec))
    assert set(found.areas["main_cause"]) == {"method"}
    assert parts(found)["method"].round(4).eq(1.5).all()


def test_areas_that_enter_and_leave_the_worst_tenth_are_named(first):
    changed = first.index_input.copy()
    order = first.results["exclusion_rank"].sort_values().index
    best, worst = order[-1], order[0]
    changed.loc[[best, worst]] = changed.loc[[worst, best]].to_numpy()
    found = compare(first, made("two", changed))
    rows = found.areas.set_index("lsoa21cd")
    assert best in found.entered
    assert worst in found.left
    assert rows.loc[best, "worst_tenth"] == "entered"
    text = markdown_of(found)
    assert f"| {best} |" in text
    assert "A \\| b" not in text  # the neighbourhood is shown, not the name with a bar
    page = page_of(found)
    assert b"default-src 'none'" in page
    assert best.encode() in page


def test_new_and_lost_areas_and_columns_are_said(first):
    whole = first.index_input
    before = made("one", whole.iloc[:-5])
    after = made("two", whole.iloc[3:])
    after = EditionTables(
        "two", after.manifest, after.results.drop(columns="reason").assign(extra=1), after.index_input, SPEC
    )
    found = compare(before, after)
    causes = found.areas["main_cause"].value_counts()
    assert (causes["new area"], causes["area gone"]) == (5, 3)
    assert ("results.reason", "gone") in found.drift
    assert ("results.extra", "new (int64)") in found.drift
    kept = found.areas[~found.areas["main_cause"].isin(["new area", "area gone"])].set_index("lsoa21cd")
    assert (
        np.abs(kept[list(CAUSES)].astype(float).sum(axis=1) - kept["risk_change"].astype(float)).max() < 3e-4
    )


def test_without_the_inputs_the_change_is_told_and_the_cause_is_not_guessed(first):
    bare = EditionTables("old", first.manifest, first.results)
    found = compare(bare, first)
    assert set(found.areas["main_cause"]) == {"not known"}
    assert any("without the tables" in text for text in found.summary)


def test_editions_of_other_places_or_of_a_made_up_one_are_refused(first):
    elsewhere = first.results.set_axis([f"W{1_000_000 + at:08d}" for at in range(len(first.results))])
    with pytest.raises(InputError, match="no area in common"):
        compare(first, EditionTables("x", first.manifest, elsewhere))
    with pytest.raises(InputError, match="made-up"):
        compare(first, EditionTables("x", {**first.manifest, "is_demonstration": True}, first.results))
