"""2011 to 2021: every change code, totals kept, nothing lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion.errors import ContractError
from exclusion.geography.crosswalk import carry_counts, carry_rates, change_by_area

FIT = pd.DataFrame(
    [
        ("E01000001", "E01000001", "U"),
        ("E01000002", "E01000021", "S"),
        ("E01000002", "E01000022", "S"),
        ("E01000003", "E01000031", "M"),
        ("E01000004", "E01000031", "M"),
        ("E01000005", "E01000051", "X"),
        ("E01000006", "E01000051", "X"),
        ("E01000006", "E01000061", "X"),
    ],
    columns=["lsoa11cd", "lsoa21cd", "chgind"],
)
RESIDENTS21 = pd.Series(
    {
        "E01000001": 900,
        "E01000021": 300,
        "E01000022": 600,
        "E01000031": 1500,
        "E01000051": 800,
        "E01000061": 200,
    }
)


def rates(**values):
    return pd.DataFrame({"share": values}).rename_axis("lsoa11cd")


def test_a_rate_is_copied_split_and_merged_by_population():
    values = rates(
        E01000001=10.0, E01000002=20.0, E01000003=0.0, E01000004=40.0, E01000005=1.0, E01000006=2.0
    )
    weight = pd.Series({"E01000003": 300.0, "E01000004": 100.0, "E01000005": 1.0, "E01000006": 1.0})
    carried = carry_rates(values, FIT, weight11=weight)
    assert carried.loc["E01000001", "share"] == 10.0
    assert carried.loc["E01000021", "share"] == carried.loc["E01000022", "share"] == 20.0
    assert carried.loc["E01000031", "share"] == pytest.approx(10.0)
    assert carried["change"].to_dict() == {
        "E01000001": "U", "E01000021": "S", "E01000022": "S", "E01000031": "M", "E01000051": "X", "E01000061": "X",
    }  # fmt: skip


def test_a_merged_area_with_an_unknown_part_stays_unknown():
    values = rates(E01000003=5.0, E01000004=np.nan)
    assert np.isnan(carry_rates(values, FIT).loc["E01000031", "share"])


def test_an_area_that_is_not_in_the_values_is_null_not_zero():
    assert np.isnan(
        carry_counts(rates(E01000001=3.0), FIT, residents21=RESIDENTS21).loc["E01000021", "share"]
    )


@given(st.lists(st.integers(0, 5000), min_size=6, max_size=6))
def test_counts_keep_their_total_whatever_changed(counts):
    values = pd.DataFrame({"people": dict(zip(sorted(FIT["lsoa11cd"].unique()), counts, strict=True))})
    carried = carry_counts(values, FIT, residents21=RESIDENTS21)
    assert carried["people"].sum() == pytest.approx(sum(counts))
    assert carried.loc["E01000001", "people"] == counts[0]
    assert carried.loc["E01000021", "people"] == pytest.approx(counts[1] / 3)


def test_a_code_that_the_table_does_not_know_is_named():
    with pytest.raises(ContractError, match="E01099999"):
        carry_rates(rates(E01099999=1.0), FIT)


@pytest.mark.real
def test_the_real_exact_fit_has_the_published_changes(real):
    table = pd.read_csv(real / "lookups/lsoa11_lsoa21_lad22_exact_fit_ew.csv.gz", encoding="utf-8-sig")
    fit = table.rename(columns={"F_LSOA11CD": "lsoa11cd", "LSOA21CD": "lsoa21cd", "CHGIND": "chgind"})
    change = change_by_area(fit)
    assert len(change) == 35_672
    assert change.value_counts()["U"] == 33_647
    ones = pd.DataFrame({"n": 1.0}, index=pd.Index(fit["lsoa11cd"].unique(), name="lsoa11cd"))
    carried = carry_counts(ones, fit, residents21=pd.Series(1000.0, index=change.index))
    assert carried["n"].sum() == pytest.approx(34_753)
