"""Deprivation of the made-up county, in the measures of the English Indices of Deprivation 2025."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exclusion.demo.land import Floats, Integers


@dataclass(frozen=True)
class Index:
    """One published score by LSOA with its rank within the county (1 is most deprived, no ties) and its decile."""

    score: Floats
    rank: Integers
    decile: Integers


@dataclass(frozen=True)
class Deprivation:
    """Indices by published name, and underlying indicators by their cleaned name, each by LSOA."""

    indices: dict[str, Index]
    indicators: dict[str, Floats]


def make_deprivation(
    hardship: Floats, age: Floats, rural: Floats, moor: Floats, slow_share: Floats, rng: np.random.Generator
) -> Deprivation:
    """Return indices and indicators from hidden scores by LSOA.

    Scores keep the level and spread of the national ones. Ranks and deciles are within the county, which is the
    whole nation of this made-up publisher, so that a file is as consistent in itself as the published one.
    """

    def near(base: Floats, noise: float) -> Floats:
        return np.asarray(base + rng.normal(0.0, noise, len(base)))

    income = near(0.92 * hardship - 0.12, 0.22)
    employment = near(0.90 * hardship + 0.10 * age - 0.05, 0.24)
    education = near(0.85 * hardship - 0.05, 0.32)
    health = near(0.72 * hardship + 0.18 * age, 0.35)
    crime = near(0.62 * hardship - 0.75 * rural + 0.25, 0.45)
    geographic = near(1.7 * rural + 0.7 * moor - 0.7, 0.30)
    wider = near(0.45 * hardship - 0.25 * rural - 0.2, 0.45)
    barriers = 0.62 * geographic + 0.55 * wider
    indoors = near(0.30 * hardship + 0.55 * rural + 0.2 * moor, 0.50)
    outdoors = near(-0.55 * rural + 0.15 * hardship - 0.3, 0.40)
    living = 0.75 * indoors + 0.40 * outdoors
    overall = (
        0.225 * income + 0.225 * employment + 0.135 * education + 0.135 * health
        + 0.093 * crime + 0.093 * barriers + 0.093 * living
    ) / 0.86  # fmt: skip
    indices: dict[str, Index] = {
        "Index of Multiple Deprivation (IMD)": _index(overall, 17.4 * np.exp(0.80 * overall), 99.0),
        "Income": _index(income, 0.184 * np.exp(0.78 * income), 0.99),
        "Employment": _index(employment, 0.110 * np.exp(0.60 * employment), 0.98),
        "Education, Skills and Training": _index(education, 16.5 * np.exp(0.95 * education), 99.5),
        "Health Deprivation and Disability": _index(health, 0.885 * health, 4.0),
        "Crime": _index(crime, 0.837 * crime, 4.0),
        "Barriers to Housing and Services": _index(barriers, 20.1 * np.exp(0.46 * barriers), 70.0),
        "Living Environment": _index(living, 17.8 * np.exp(0.80 * living), 95.0),
    }
    children = near(0.85 * hardship, 0.35)
    adults = near(0.88 * hardship + 0.15 * age, 0.25)
    subdomains = {
        "Income Deprivation Affecting Children Index (IDACI)": _index(
            children, 0.20 * np.exp(0.75 * children), 0.99
        ),
        "Income Deprivation Affecting Older People (IDAOPI)": _index(
            adults, 0.14 * np.exp(0.65 * adults), 0.99
        ),
        "Children and Young People Sub-domain": _index(children, 0.88 * children, 4.0),
        "Adult Skills Sub-domain": _index(adults, 0.24 * np.exp(0.38 * adults), 0.95),
        "Geographical Barriers Sub-domain": _index(geographic, 0.95 * geographic, 6.0),
        "Wider Barriers Sub-domain": _index(wider, 0.92 * wider, 6.0),
        "Indoors Sub-domain": _index(indoors, 0.95 * indoors, 6.0),
        "Outdoors Sub-domain": _index(outdoors, 0.95 * outdoors, 6.0),
    }
    slow = (slow_share - 0.03) / 0.05
    indicators: dict[str, Any] = {
            "adult_skills_and_english_language_proficiency_indicator": np.round(subdomains["Adult Skills Sub-domain"].score, 3),
            "entry_to_higher_education_indicator": np.round(np.clip(0.58 + 0.12 * near(0.9 * hardship, 0.3), 0.15, 0.98), 3),
            "connectivity_score": np.round(np.clip(near(70.0 - 34.0 * rural - 22.0 * rural * moor, 4.0), 3.3, 98.0), 3),
            "digital_connectivity_broadband_download_and_upload_speeds": np.round(
                np.clip(near(0.55 * np.tanh(slow) + 0.35 * rural + 0.12 * hardship - 0.15, 0.42), -3.9, 3.8), 3
            ),
            "patient_to_gp_ratio": np.round(near(1_750.0 + 120.0 * hardship, 180.0), 3),
            "core_homelessness_rate_percent_of_households": np.round(np.clip(near(0.7 + 0.25 * hardship, 0.1), 0.02, 6.0), 3),
    }  # fmt: skip
    return Deprivation(indices=indices | subdomains, indicators=indicators)


def _index(standard: Floats, score: Any, highest: float) -> Index:
    order = np.argsort(-standard, kind="stable")
    rank = np.empty(len(standard), dtype=np.int64)
    rank[order] = np.arange(1, len(standard) + 1)
    return Index(
        score=np.asarray(np.round(np.minimum(score, highest), 3), dtype=np.float64),
        rank=rank,
        decile=np.asarray(np.ceil(10.0 * rank / len(rank)), dtype=np.int64),
    )
