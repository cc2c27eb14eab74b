"""Columns of the page: integers that print as they were published, missing apart from zero, classes in order."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError, InputError
from exclusion.index.needs import NOT_ASSESSED, type_labels
from exclusion.index.spec import load_spec
from exclusion.publish.map.content import checked
from exclusion.publish.map.measures import (
    Column,
    category_column,
    columns_of,
    number_column,
    number_text,
    scaled_integers,
)
from exclusion.publish.map.plain_names import input_name, needs_name, settlements
from exclusion.publish.map.words import words_of
from tests.publish.map_made import made_content

CONTENT = made_content()


@settings(deadline=None, max_examples=60)
@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_number_text_reads_back(scaled, decimals):
    text = number_text(scaled, decimals)
    assert float(text.replace(",", "")) == pytest.approx(scaled / 10**decimals)
    assert len(text.split(".")[1] if decimals else "") == decimals


def test_rounding_goes_by_the_decimal_text():
    scaled, is_known = scaled_integers([0.285, 2.5, -2.5, np.nan, None, np.inf], 2)
    assert scaled.tolist() == [29, 250, -250, 0, 0, 0]
    assert is_known.tolist() == [True, True, True, False, False, False]
    assert scaled_integers([0.5, 1.5, 2.5], 0)[0].tolist() == [1, 2, 3]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.floats(-1e9, 1e9)
        | st.builds(
            lambda tens, down: (10 * tens + 5) / 10**down, st.integers(-(10**6), 10**6), st.integers(1, 4)
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 4),
)
def test_whole_columns_are_rounded_as_each_decimal_text_is(values, decimals):
    texts = [Decimal(repr(value)).scaleb(decimals) for value in values]
    expected = [int(text.quantize(Decimal(1), ROUND_HALF_UP)) for text in texts]
    assert scaled_integers(np.array(values), decimals)[0].tolist() == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(-5_000, 90_000)), min_size=1, max_size=40))
def test_missing_zero_and_negative_stay_apart(values):
    content = replace(CONTENT, table=pd.DataFrame({"risk_score": pd.array(values, dtype="Float64")}))
    column = number_column(content, "risk_score", label="Risk", decimals=1)
    for at, value in enumerate(values):
        text = column.text(at)
        if value is None:
            assert text == ""
        else:
            assert float(text.replace(",", "")) == pytest.approx(value, abs=0.0500001)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=80))
def test_classes_from_the_page_are_in_order_and_none_is_empty(values):
    content = replace(CONTENT, table=pd.DataFrame({"people_offline": values}))
    measure = number_column(content, "people_offline", label="People", is_shown=True).measure
    assert list(measure.breaks) == sorted(set(measure.breaks))
    classes = np.digitize(values, measure.breaks)
    assert set(classes) == set(range(len(measure.breaks) + 1))


def test_published_limits_are_taken_as_they_are():
    content = replace(CONTENT, national_breaks={"risk_score": (30.0, 40.0, 50.0, 60.05)})
    column = number_column(content, "risk_score", label="Risk", decimals=1, is_shown=True)
    assert [value + column.measure.offset for value in column.measure.breaks] == [300, 400, 500, 601]
    assert column.measure.classes_from == "nation"


def test_an_absurd_value_is_named():
    content = replace(CONTENT, table=pd.DataFrame({"adults": [1.0, 1e12]}))
    with pytest.raises(ContractError, match="adults"):
        number_column(content, "adults", label="Adults")


def test_categories_keep_blank_apart():
    column: Column = category_column(["b", None, "a", " ", "b"], key="k", label="K", is_shown=True)
    assert [column.text(at) for at in range(5)] == ["b", "", "a", "", "b"]


def test_absent_columns_leave_their_measure_out():
    content = checked(made_content())
    table = content.table.drop(columns=["help_min", "chance_worst_tenth_pct"])
    keys = {column.measure.key for column in columns_of(replace(content, table=table), words_of("en"))}
    assert "help_min" not in keys
    assert "chance_worst_tenth_pct" not in keys
    assert "exclusion_score" in keys


def test_domains_come_from_the_content():
    content = made_content()
    keys = [
        column.measure.key
        for column in columns_of(replace(content, domains=content.domains[:1]), words_of("en"))
    ]
    assert "skills_score" in keys
    assert "connection_score" not in keys


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda c: {"language": "fr"}, InputError, "fr"),
        (lambda c: {"areas": c.areas.to_crs(4326)}, ContractError, "EPSG:27700"),
        (lambda c: {"table": c.table.iloc[1:]}, ContractError, "E01000000"),
        (lambda c: {"table": pd.concat([c.table, c.table.iloc[:1]])}, ContractError, "more than once"),
        (lambda c: {"areas": c.areas.drop(columns="lsoa21cd")}, ContractError, "lsoa21cd"),
    ],
)
def test_broken_content_is_named(change, error, words):
    content = made_content()
    with pytest.raises(error, match=words):
        checked(replace(content, **change(content)))


def test_rows_come_in_order_of_code_whatever_the_order_given():
    content = made_content()
    shuffled = replace(
        content,
        areas=content.areas.sample(frac=1, random_state=1),
        table=content.table.sample(frac=1, random_state=2),
    )
    again = checked(shuffled)
    assert list(again.areas.index) == sorted(content.areas["lsoa21cd"])
    assert (again.table.index == again.areas.index).all()


def test_welsh_catalogue_has_no_strange_key_and_falls_back():
    english, welsh = words_of("en"), words_of("cy")
    assert set(welsh.entries) == set(english.entries)
    assert welsh("find.council") == "Cyngor"
    assert welsh("try.lead") == english("try.lead")


def test_needs_types_and_inputs_have_plain_names():
    words = words_of("en")
    spec = load_spec(Path(str(resources.files("exclusion.index").joinpath("specs", "default.toml"))))
    for kind in (*type_labels(spec), NOT_ASSESSED):
        assert needs_name(kind, words)[:1].isupper()
        assert "-led" not in needs_name(kind, words)
    assert needs_name("Our own type", words) == "Our own type"
    assert needs_name(None, words) is None
    assert input_name("age_0_15", words) == input_name("age_16_24", words) == "Residents by age"
    assert input_name("iod2025_income_domain_numerator", words).startswith("Deprivation figures")
    assert input_name("new_thing_pct", words) == "New thing"


def test_neighbourhoods_are_labelled_by_their_settlement():
    names = pd.Series(
        ["Morpeth North & Pegswood", "Morpeth South", "Kings Heath", "Kings Norton North", "Larkminster Quay",
         "Larkminster Castle Garth", "Amble, Warkworth and Longhoughton", "North Shields", None, "Berwick-upon-Tweed Town"]
    )  # fmt: skip
    found = settlements(names)
    assert found[found.notna()].tolist() == [
        "Morpeth", "Morpeth", "Kings Heath", "Kings Norton", "Larkminster", "Larkminster", "Amble", "North Shields",
        "Berwick-upon-Tweed",
    ]  # fmt: skip
    assert found.isna().tolist() == names.isna().tolist()
