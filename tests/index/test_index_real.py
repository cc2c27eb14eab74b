"""The published English index to the last rank, the measured tables of the method reference, and the back-test."""

import sys

import numpy as np
import pandas as pd
import pytest

from exclusion.geography.census_names import census_column
from exclusion.index.backtest import agreement, is_held_out
from exclusion.index.coherence import importance
from exclusion.index.engine import build
from exclusion.index.spec import load_spec
from exclusion.index.transforms import exponential_score, ranks_descending

pytestmark = pytest.mark.real

_DOMAINS = {
    "income": "Income",
    "employment": "Employment",
    "education": "Education, Skills and Training",
    "health": "Health Deprivation and Disability",
    "crime": "Crime",
    "barriers": "Barriers to Housing and Services",
    "living_environment": "Living Environment",
}
_RANK = "Rank (where 1 is most deprived)"


@pytest.fixture(scope="module")
def file7(real):
    path = next((real / "deprivation").glob("File_7*.csv"))
    return pd.read_csv(path, encoding="utf-8-sig").set_index("LSOA code (2021)").rename_axis("lsoa21cd")


@pytest.fixture(scope="module")
def imd(file7):
    table = pd.DataFrame({f"iod2025_{k}_rank": file7[f"{v} {_RANK}"] for k, v in _DOMAINS.items()})
    return build(load_spec("imd2025"), table, label="in England")


def test_g3_every_published_rank_and_score(file7, imd):
    published_rank = file7[f"Index of Multiple Deprivation (IMD) {_RANK}"].to_numpy()
    published_score = file7["Index of Multiple Deprivation (IMD) Score"].to_numpy()
    assert len(imd.table) == 33755
    assert (imd.table["risk_rank"].to_numpy() == published_rank).all()
    assert np.abs(imd.table["risk_score"].to_numpy() - published_score).max() <= 0.0005
    table = imd.table.set_index("lsoa21cd")["risk_score"].round(3)
    assert table["E01021988"] == 94.223
    assert table["E01023700"] == 0.165


def test_g3_variants_fail_as_the_reference_says(file7):
    """`min` ties lose two ranks; dividing the weights by 0.999 moves scores by up to 0.094 and no rank."""
    published_rank = file7[f"Index of Multiple Deprivation (IMD) {_RANK}"].to_numpy()
    published_score = file7["Index of Multiple Deprivation (IMD) Score"].to_numpy()
    weights = np.array([0.225, 0.225, 0.135, 0.135, 0.093, 0.093, 0.093])
    ranks = np.vstack([file7[f"{name} {_RANK}"].to_numpy(float) for name in _DOMAINS.values()])
    n = ranks.shape[1]
    as_published = weights @ exponential_score((n - ranks + 1) / n)
    assert (ranks_descending(as_published) == published_rank).sum() == 33753
    averaged = np.vstack([pd.Series(r).rank(method="average").to_numpy() for r in ranks])
    rescaled = (weights / 0.999) @ exponential_score((n - averaged + 1) / n)
    assert (ranks_descending(rescaled) == published_rank).all()
    assert np.abs(rescaled - published_score).max() == pytest.approx(0.094, abs=0.001)


def test_importance_of_the_published_domains(imd):
    """Method reference 2.11: weights .093 for Barriers but a covariance share of .021."""
    table = importance(imd)
    domains = table[table["level"] == "domain"].set_index("id")
    share = (domains["covariance_share_pct"] / 100).round(3)
    effect = domains["main_effect"].round(2)
    expected = {
        "income": (0.272, 0.91),
        "employment": (0.274, 0.92),
        "health": (0.151, 0.78),
        "education": (0.151, 0.79),
        "crime": (0.098, 0.69),
        "living_environment": (0.034, 0.10),
        "barriers": (0.021, 0.04),
    }
    for name, (covariance, main) in expected.items():
        assert share[f"{name}_domain"] == pytest.approx(covariance, abs=0.0011)
        assert effect[f"{name}_domain"] == pytest.approx(main, abs=0.011)
    assert domains["covariance_share_pct"].sum() == pytest.approx(100.0)


@pytest.fixture(scope="module")
def indicators(real, file7):
    """The columns that the default spec reads, straight from the publishers' files."""
    tables = {"ts011": None, "ts038": None, "ts054": None, "ts062": None, "ts065": None}
    for name in tables:
        frame = pd.read_csv(real / "census2021" / f"census2021-{name}.zip").set_index("geography code")
        frame = frame.drop(columns=["date", "geography"])
        tables[name] = frame.rename(columns=lambda header, name=name: census_column(name, header))
    out = pd.concat(tables.values(), axis=1).sort_index().rename_axis("lsoa21cd")
    ages = pd.read_csv(real / "census2021" / "census2021_age_bands_lsoa21.csv.gz").set_index("geography code")
    out["residents"] = ages["Total"]
    for column, headers in {
        "age_65_74": ["Aged 65 to 74 years"],
        "age_75_79": ["Aged 75 to 79 years"],
        "age_80_84": ["Aged 80 to 84 years"],
        "age_85plus": ["Aged 85 years and over"],
    }.items():
        out[column] = ages[headers].sum(axis=1)
    iod = pd.read_csv(real / "deprivation" / "imd2025_england_lsoa21_indicators.csv.gz").set_index(
        "lsoa21_code"
    )
    out["broadband_deficit"] = iod["digital_connectivity_broadband_download_and_upload_speeds"]
    out["broadband_deficit__status"] = np.where(out["broadband_deficit"].notna(), "fallback", "not_published")
    out["iod2025_connectivity_score"] = iod["connectivity_score"]
    lookup = pd.read_csv(real / "lookups" / "lsoa21_ward24_lad24_ew.csv.gz").set_index("lsoa21_code")
    out["lad_cd"] = lookup["ltla24_code"]
    regions = pd.read_csv(real / "lookups" / "lad24_region24_en.csv.gz").set_index("ltla24_code")
    out["rgn_cd"] = out["lad_cd"].map(regions["region24_code"])
    msoa = pd.read_csv(real / "lookups" / "lsoa21_msoa21_ew_derived_by_name.csv.gz").set_index("LSOA21CD")
    out["msoa21cd"] = msoa["MSOA21CD"]
    ruc = pd.read_csv(real / "ruc" / "LSOA21_RUC21_EW_LU.csv").set_index("LSOA21CD")
    out["ruc21cd"], out["is_rural"] = ruc["RUC21CD"], ruc["Urban_rural_flag"] == "Rural"
    return out


@pytest.fixture(scope="module")
def national(indicators):
    return build(load_spec("default"), indicators, label="in England and Wales")


@pytest.fixture(scope="module")
def observed(real):
    fit = pd.read_csv(real / "lookups" / "lsoa11_lsoa21_lad22_exact_fit_ew.csv.gz", encoding="utf-8-sig")
    old = next(column for column in fit.columns if column.endswith("LSOA11CD"))
    unchanged = fit[fit["CHGIND"] == "U"].set_index("LSOA21CD")[old]
    dpi = pd.read_csv(real / "digital" / "digital_propensity_index_2021_lsoa11.csv").set_index("LSOAcode")[
        "Score"
    ]
    peer = pd.read_csv(real / "peers" / "deri_v1_6_components_gb_lsoa11_dz11.csv.gz").set_index(
        "lsoa11_dz11_code"
    )
    return pd.DataFrame(
        {"offline": 100 - unchanged.map(dpi), "deri": unchanged.map(peer["deri_score_national"])}
    )


def test_the_default_index_ranks_held_out_councils_as_people_behave(indicators, national, observed, capsys):
    ours = national.table.set_index("lsoa21cd")["risk_score"]
    like = build(load_spec("deri"), indicators).table.set_index("lsoa21cd")["risk_score"]
    held_out = indicators[is_held_out(indicators["lad_cd"])]
    scores = {"default": ours, "deri_like": like, "deri_v1_6": observed["deri"]}
    found = agreement(
        {name: s.reindex(held_out.index) for name, s in scores.items()}, observed["offline"], held_out
    )
    with capsys.disabled():
        sys.stdout.write("\n" + found.round(3).to_string(index=False) + "\n")
    found = found.set_index("index")
    assert found.loc["default", "spearman"] >= 0.75
    assert found.loc["default", "spearman"] > found.loc["deri_v1_6", "spearman"] + 0.1
    assert found.loc["default", "worst_tenth_overlap_pct"] > found.loc["deri_v1_6", "worst_tenth_overlap_pct"]
    assert found.loc["default", "councils"] >= 100


def test_nations_rank_together_and_missing_broadband_is_visible(national):
    table = national.table
    welsh = table["lsoa21cd"].str.startswith("W")
    assert len(table) == 35672
    assert table["is_ranked"].all()
    assert (table.loc[welsh, "observed_weight_pct"].round(6) == 90.0).all()
    assert (national.status.loc[welsh.to_numpy(), "slow_broadband"] == "neutral (not_published)").all()
    assert table.loc[welsh, "connection_score"].isna().all()
    assert (table.loc[welsh, "connection_contribution"].abs() < 1e-9).all()
    assert table.loc[welsh, "reason"].str.contains("No figure is published here for slow broadband").all()


def test_a_county_is_ranked_nationally_by_the_reference_to_the_last_bit(indicators, national):
    county = indicators[indicators["lad_cd"] == "E06000057"]
    found = build(load_spec("default"), county, national.reference)
    inside = national.table.set_index("lsoa21cd").loc[county.index].reset_index()
    assert len(county) == 200
    for column in (
        "risk_score",
        "exclusion_score",
        "risk_rank",
        "exclusion_rank",
        "skills_rank",
        "needs_type",
        "reason",
    ):
        pd.testing.assert_series_equal(found.table[column], inside[column])
    assert not found.warnings
    alone = build(load_spec("default"), county, label="in Northumberland")
    assert "relative to the 200 areas of this table alone" in " ".join(alone.warnings)


def test_the_rural_variants_of_the_reference(real, file7):
    """Method reference 4.4: formulation B with the rank of 100 - connectivity, at three values of lambda."""
    iod = pd.read_csv(real / "deprivation" / "imd2025_england_lsoa21_indicators.csv.gz").set_index(
        "lsoa21_code"
    )
    ruc = pd.read_csv(real / "ruc" / "LSOA21_RUC21_EW_LU.csv").set_index("LSOA21CD").loc[file7.index]
    from scipy.stats import rankdata

    from exclusion.index.rural import rural_factor

    parts = [
        iod["adult_skills_and_english_language_proficiency_indicator"].reindex(file7.index),
        file7["Income Score (rate)"],
        iod["digital_connectivity_broadband_download_and_upload_speeds"].reindex(file7.index),
        file7["Health Deprivation and Disability Score"],
    ]
    n = len(file7)
    base = np.array([0.3, 0.3, 0.2, 0.2]) @ np.vstack([exponential_score(rankdata(p) / n) for p in parts])
    h = (rankdata(100 - iod["connectivity_score"].reindex(file7.index)) - 1) / (n - 1)
    top = ranks_descending(base) <= 0.1 * n
    rural = (ruc["Urban_rural_flag"] == "Rural").to_numpy()
    further = ruc["RUC21CD"].isin(["UF1", "RLF1", "RSF1"]).to_numpy()
    for lambda_, rural_share, further_share, overlap, shift in (
        (0.0, 2.3, 6.2, 100.0, 0),
        (0.25, 3.6, 7.0, 93.3, 688),
        (0.5, 5.5, 8.7, 86.9, 1263),
        (1.0, 8.9, 11.6, 77.0, 2162),
    ):
        weighted = ranks_descending(base * rural_factor(h, lambda_, 10.0))
        inside = weighted <= 0.1 * n
        assert 100 * rural[inside].mean() == pytest.approx(rural_share, abs=0.051)
        assert 100 * further[inside].mean() == pytest.approx(further_share, abs=0.051)
        assert 100 * (inside & top).sum() / top.sum() == pytest.approx(overlap, abs=0.051)
        assert np.abs(weighted - ranks_descending(base)).mean() == pytest.approx(shift, abs=0.51)
