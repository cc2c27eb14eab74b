"""Published levels that an estimate can be brought to, each with its own definition, and the survey that shapes them."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from exclusion.errors import ContractError, InputError

#: Columns of the tidy table of ONS Internet users (`sources.readers_internet_use`) that are read here.
INTERNET_USERS_COLUMNS = ("subject", "unit", "nuts_cd", "group", "name", "use", "year", "value")

_NUTS1 = {
    "UKC": "E12000001",
    "UKD": "E12000002",
    "UKE": "E12000003",
    "UKF": "E12000004",
    "UKG": "E12000005",
    "UKH": "E12000006",
    "UKI": "E12000007",
    "UKJ": "E12000008",
    "UKK": "E12000009",
    "UKL": "W92000004",
    "UKM": "S92000003",
    "UKN": "N92000002",
}

_LEVEL_KEYS = {
    "id",
    "title",
    "definition",
    "year",
    "country",
    "level_pct",
    "level_people",
    "base_people",
    "source",
    "pattern",
    "note",
}


@dataclass(frozen=True)
class Level:
    """One published national figure: `level` is a share between 0 and 1, None where each area keeps its own."""

    id: str
    title: str
    definition: str
    year: int
    country: str
    level: float | None
    source: str
    pattern: str
    note: str

    @property
    def label(self) -> str:
        """The words that a map or a list puts beside the number."""
        return f"{self.title} ({self.definition}; {self.country}, {self.year})"


@dataclass(frozen=True)
class Pattern:
    """A survey's shape below the national level: rates between 0 and 1 of adults aged 16 and over.

    `cells` has `band, is_disabled, people_thousand, rate`, `regions` (index: region code, Wales W92000004) has
    `people_thousand, rate`, and so has `nations` of Scotland and Northern Ireland; `effective_sample` is the size of the simple random sample that would be as precise.
    """

    source: str
    level: float
    effective_sample: float
    people_thousand: float
    cells: pd.DataFrame
    regions: pd.DataFrame
    nations: pd.DataFrame


@dataclass(frozen=True)
class RatesAlone:
    """How far areas lie from what rates by age and disability imply, in log-odds about the mean, and whence that is known.

    `shared` is the correlation of errors of two areas of one council, `rank_correlation` that of the rates with the
    observed share, `areas` how many it was seen on.
    """

    source: str
    low: float
    high: float
    confidence: float
    shared: float
    rank_correlation: float
    areas: int


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(resources.files("exclusion.estimate").joinpath("levels.toml").read_text("utf-8"))


def default_level() -> str:
    """Return the id of the level that is used unless another is asked for."""
    return str(_document()["default"])


def levels() -> dict[str, Level]:
    """Return all levels by id, in the order of the file."""
    found = {}
    for entry in _document()["level"]:
        unknown = sorted(set(entry) - _LEVEL_KEYS)
        if unknown:
            raise ContractError(f"levels.toml: the level {entry.get('id')} has an unknown key {unknown[0]}.")
        level = None
        if "level_pct" in entry:
            level = entry["level_pct"] / 100
        elif "level_people" in entry:
            level = entry["level_people"] / entry["base_people"]
        found[entry["id"]] = Level(
            id=entry["id"],
            title=entry["title"],
            definition=entry["definition"],
            year=entry["year"],
            country=entry["country"],
            level=level,
            source=entry["source"],
            pattern=entry["pattern"],
            note=entry["note"],
        )
    return found


def find_level(name: str, called: str = "target") -> Level:
    """Return a level by id; raises InputError that lists the ids where there is none of that name.

    `called` is the name by which the person gave it.
    """
    known = levels()
    if name not in known:
        raise InputError(f"{called} {name}: there is no such target level; choose one of {', '.join(known)}.")
    return known[name]


def national_household_share() -> float:
    """Return the share of households of England and Wales that did not answer the Census online, 0 to 1."""
    return float(_document()["census_2021"]["household_offline_pct"]) / 100


def rates_alone() -> RatesAlone:
    """Return the scatter of areas about published rates, as observed in England and Wales."""
    kept = _document()["rates_alone"]
    return RatesAlone(
        source=str(kept["source"]),
        low=float(kept["low_log_odds"]),
        high=float(kept["high_log_odds"]),
        confidence=float(kept["confidence"]),
        shared=float(kept["shared"]),
        rank_correlation=float(kept["rank_correlation"]),
        areas=int(kept["areas"]),
    )


def pattern_of(internet_users: pd.DataFrame | None = None) -> Pattern:
    """Return the survey's shape: from the workbook's tidy table where given, else from the rates in levels.toml.

    `internet_users` is the long table of `sources.readers_internet_use`, one row a cell of the workbook. The latest
    year with figures is taken. Raises ContractError where a column or a figure is missing.
    """
    kept = _document()["ons_2020"]
    cells = pd.DataFrame(kept["age"]).rename(columns={"people": "people_thousand"})
    regions, nations = (
        pd.DataFrame(kept[name]).rename(columns={"people": "people_thousand"}).set_index("code")
        for name in ("region", "nation")
    )
    source = str(kept["source"])
    if internet_users is not None:
        cells, regions, nations = _from_workbook(internet_users, cells, regions, nations)
        source = f"{source}; read from the workbook supplied"
    for frame in (cells, regions, nations):
        frame["rate"] = (frame["lapsed_pct"] + frame["never_pct"]) / 100
    return Pattern(
        source=source,
        level=float(kept["level_pct"]) / 100,
        effective_sample=float(kept["effective_sample"]),
        people_thousand=float(kept["people"]),
        cells=cells,
        regions=regions,
        nations=nations,
    )


def _from_workbook(
    users: pd.DataFrame, cells: pd.DataFrame, regions: pd.DataFrame, nations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    missing = [name for name in INTERNET_USERS_COLUMNS if name not in users]
    if missing:
        raise ContractError(f"The table of internet users has no column {', '.join(missing)}.")
    figures = users[users["value"].notna()]
    by_age = figures[(figures["subject"] == "age_disability") & (figures["group"] != "All")]
    by_age = by_age.assign(
        band=by_age["group"].str.strip(), is_disabled=~by_age["name"].str.strip().str.startswith("Not")
    )
    by_region = figures[(figures["subject"] == "region") & figures["nuts_cd"].isin(_NUTS1)]
    by_region = by_region.assign(code=by_region["nuts_cd"].map(_NUTS1))
    new_cells = cells[["band", "is_disabled"]].merge(
        _latest(by_age, ["band", "is_disabled"]),
        on=["band", "is_disabled"],
        how="left",
        validate="one_to_one",
    )
    latest = _latest(by_region, ["code"]).set_index("code")
    new_regions = regions[["name"]].join(latest, how="left", validate="one_to_one")
    # A workbook cut down to England and Wales keeps the rates of the other nations as they are held here.
    new_nations = nations[["name"]].join(latest, how="left", validate="one_to_one").fillna(nations)
    for frame, words in ((new_cells, "age and disability"), (new_regions, "region")):
        if frame[["people_thousand", "lapsed_pct", "never_pct"]].isna().any(axis=None):
            raise ContractError(
                f"The table of internet users lacks a figure by {words} in its latest year; supply the ONS workbook "
                "of 2020 or none."
            )
    return new_cells, new_regions, new_nations


def _latest(figures: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return people and the two kinds of non-users of the latest year, one row a group."""
    latest = figures[figures["year"] == figures["year"].max()]
    people = latest[latest["unit"] == "thousands"].groupby(keys)["value"].sum().rename("people_thousand")
    rates = latest[latest["unit"] == "percent"].pivot_table(
        index=keys, columns="use", values="value", aggfunc="first"
    )
    rates = rates.reindex(columns=["over_3_months_ago", "never"]).set_axis(
        ["lapsed_pct", "never_pct"], axis=1
    )
    return rates.join(people, how="outer").reset_index()
