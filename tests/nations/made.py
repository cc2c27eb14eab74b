"""A made Scottish council and a made Northern Irish one, in the layouts of their publishers, written into an inbox.

Names and codes of councils are real, because a name tells the nation; zones, people and places are made up.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import box

from tests.sources.made_reader_files import workbook, zipped

COUNCIL, COUNCIL_NM = "S12000005", "Clackmannanshire"
DISTRICT, DISTRICT_NM = "N09000003", "Belfast"
AGES_20 = [
    "0 - 4", "5 - 9", "10 - 14", "15", "16 - 17", "18 - 19", "20 - 24", "25 - 29", "30 - 34", "35 - 39", "40 - 44", "45 - 49",
    "50 - 54", "55 - 59", "60 - 64", "65 - 69", "70 - 74", "75 - 79", "80 - 84", "85 and over",
]  # fmt: skip
CELL_M = 1000.0


@dataclass(frozen=True)
class Made:
    """One made nation: zones (27700) with `code, name`, older zones where it has them, and people by zone."""

    inbox: Path
    zones: gpd.GeoDataFrame
    old: gpd.GeoDataFrame | None
    residents: pd.Series
    no_car: pd.Series


def grid(west, south, columns, rows, *, height=CELL_M, first, prefix, name):
    """Return a grid of zones in EPSG:27700, coded on from `first`."""
    cells = [
        box(west + i * CELL_M, south + j * height, west + (i + 1) * CELL_M, south + (j + 1) * height)
        for j in range(rows)
        for i in range(columns)
    ]
    codes = [f"{prefix}{first + n:0{9 - len(prefix)}d}" for n in range(len(cells))]
    names = [f"{name} {n + 1:02d}" for n in range(len(cells))]
    return gpd.GeoDataFrame({"code": codes, "name": names}, geometry=cells, crs="EPSG:27700")


def people(zones, seed):
    """Return residents by the twenty ages, a row a zone: zones differ in how old they are."""
    chance = np.random.default_rng(seed)
    weights = np.array([5, 5, 5, 1, 2, 2, 6, 6, 6, 6, 6, 6, 7, 7, 6, 6, 5, 4, 3, 2], dtype=float)
    tilt = np.linspace(-0.8, 0.8, len(zones))[chance.permutation(len(zones))]
    tables = []
    for lean in tilt:
        own = weights * np.exp(lean * np.linspace(-1, 1, 20))
        tables.append(chance.multinomial(int(chance.integers(600, 1000)), own / own.sum()))
    return pd.DataFrame(tables, index=zones["code"], columns=AGES_20), pd.Series(tilt, index=zones["code"])


def csv_bytes(rows):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def superweb(title, rows, ending=True):
    """Return a table as Scotland's Census's builder gives it: title lines above, remarks below, a comma at the ends."""
    tail = [""] if ending else []
    body = [[*row, *tail] for row in rows]
    above = [
        ["Scotland's Census 2022 - National Records of Scotland"],
        [title],
        [],
        ["Counting: Residents"],
        [],
    ]
    below = [[], ["INFO", "Data has been perturbed"], ["(c) Crown copyright 2024"]]
    return csv_bytes([*above, *body, *below])


def builder(variable, rows):
    """Return a table as NISRA's Flexible Table Builder gives it."""
    head = [
        "Census 2021 Data Zone Code",
        "Census 2021 Data Zone Label",
        f"{variable} Code",
        f"{variable} Label",
        "Count",
    ]
    return csv_bytes([head, *rows])


def shapefile(path, frame, stem):
    """Write a zipped shapefile."""
    folder = path.parent / f".{stem}"
    folder.mkdir(exist_ok=True)
    frame.to_file(folder / f"{stem}.shp", engine="pyogrio")
    zipped(path, {file.name: file.read_bytes() for file in sorted(folder.iterdir())})
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    return path


def council_codes(path):
    """Write the list of council codes in the layout of geo-lookups."""
    rows = [
        [
            "LADCD",
            "LADNM",
            "LADCD_ACTIVE",
            "LADNM_ACTIVE",
            "UTLACD",
            "UTLANM",
            "CAUTHCD",
            "CAUTHNM",
            "RGNCD",
            "RGNNM",
            "CTRYNM",
            "Current",
        ]
    ]
    for code, name, nation in (
        (COUNCIL, COUNCIL_NM, "Scotland"),
        (DISTRICT, DISTRICT_NM, "Northern Ireland"),
    ):
        rows.append([code, name, code, name, code, name, "", "", "", "", nation, "True"])
    path.write_bytes(csv_bytes(rows))


def ofcom(path, output_areas, seed):
    """Write Ofcom's coverage by output area as its CSV."""
    chance = np.random.default_rng(seed)
    head = [
        "output_area", "All Premises", "All Matched Premises", "Number of premises with SFBB availability",
        "Number of premises with UFBB (100Mbit/s) availability", "Number of premises with UFBB availability",
        "Number of premises with Gigabit availability", "Number of premises unable to receive 30Mbit/s",
    ]  # fmt: skip
    rows = [head]
    for code in output_areas:
        premises = int(chance.integers(100, 200))
        fast = int(premises * chance.uniform(0.5, 1))
        below = premises - int(fast + (premises - fast) * 0.8)
        rows.append([code, premises, premises, premises - below, fast, fast, int(fast * 0.9), below])
    path.write_bytes(csv_bytes(rows))


def write_postcodes(path, zones, old, seed, each=12):
    """Write Code-Point Open's zip: `each` postcodes in every zone, one without coordinates."""
    chance = np.random.default_rng(seed)
    rows, number = [], 0
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    for shape in zones.geometry:
        west, south, east, north = shape.bounds
        for _ in range(each):
            unit = f"{number // 400 % 9 + 1}{letters[number // 20 % 20]}{letters[number % 20]}"
            x, y = chance.uniform(west + 1, east - 1), chance.uniform(south + 1, north - 1)
            rows.append(
                [
                    f"FK{10 + number // 3600}{unit}",
                    10,
                    round(x),
                    round(y),
                    "S92000003",
                    "",
                    "",
                    "",
                    COUNCIL,
                    "S13002516",
                ]
            )
            number += 1
    rows.append(["FK999AA", 90, 0, 0, "S92000003", "", "", "", COUNCIL, "S13002516"])
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return zipped(path, {"Data/CSV/fk.csv": text.getvalue()})


def make_scotland(inbox, seed=5):
    """Write a Scottish council of 48 Data Zones of 2022 over 40 of 2011, and return it."""
    inbox.mkdir(parents=True, exist_ok=True)
    zones = grid(285_000, 690_000, 8, 6, first=1013500, prefix="S0", name="Made Zone")
    old = grid(285_000, 690_000, 8, 5, height=1200.0, first=1006600, prefix="S0", name="Older Zone")
    ages, tilt = people(zones, seed)
    chance = np.random.default_rng(seed + 1)
    residents = ages.sum(axis=1)
    households = (residents / 2.2).round().astype(int)
    no_car = (households * np.clip(0.25 + 0.15 * tilt, 0.02, 0.9)).round().astype(int)
    frame = zones.rename(columns={"code": "DZCode", "name": "DZName"}).assign(TotPop2022=residents.to_numpy())
    shapefile(inbox / "SG_DataZoneBdry_2022.zip", frame, "SG_DataZone_Bdry_2022")
    shapefile(
        inbox / "SG_DataZoneBdry_2011.zip",
        old.rename(columns={"code": "DataZone", "name": "Name"}),
        "SG_DataZone_Bdry_2011",
    )
    lookup = [
        [
            "DZ22_Code", "DZ22_Name", "IZ22_Code", "IZ22_Name", "MMWard_Code", "MMWard_Name", "LA_Code", "LA_Name",
            "UR2_Code", "UR8_Code", "UR8_Name", "Country_Code",
        ]
    ]  # fmt: skip
    for n, (code, name) in enumerate(zip(zones["code"], zones["name"], strict=True)):
        group, ward, urban = n // 4, n // 12, min(n // 6 + 1, 8)
        lookup.append(
            [code, name, f"S02{2500 + group:06d}", f"Made Place {group + 1:02d}", f"S13{2516 + ward:06d}", f"Ward {ward + 1}",
             COUNCIL, COUNCIL_NM, 2 if urban > 5 else 1, urban, f"Class {urban}", "S92000003"]
        )  # fmt: skip
    (inbox / "DataZone2022lookup_2024-12-16.csv").write_bytes(csv_bytes(lookup))
    output_areas = [
        (f"S00{135000 + 2 * n + k:06d}", code) for n, code in enumerate(zones["code"]) for k in (0, 1)
    ]
    (inbox / "OA22_DZ22_IZ22.csv").write_bytes(csv_bytes([["OA22", "DZ22"], *output_areas]))
    ofcom(inbox / "202601_fixed_oa_coverage_r2.csv", [oa for oa, _ in output_areas], seed)
    rows = []
    for code in zones["code"]:
        for label in ("All people", *AGES_20):
            total = int(residents[code] if label == "All people" else ages.loc[code, label])
            rows += [
                [code, label, "All people", f"{total:,}"],
                [code, label, "Female", total // 2],
                [code, label, "Male", total - total // 2],
            ]
    (inbox / "Table UV102b - Age (20) by sex.csv").write_bytes(superweb("Table UV102b", rows))
    rows = []
    for code in zones["code"]:
        rows += [[code, "All occupied households", int(households[code])]]
        rows += [[code, "Number of cars or vans in household: No cars or vans", int(no_car[code])]]
        rows += [
            [
                code,
                "Number of cars or vans in household: One car or van",
                int(households[code] - no_car[code]),
            ]
        ]
    (inbox / "Table UV405 - Car or van availability.csv").write_bytes(superweb("Table UV405", rows))
    rows = []
    for code in zones["code"]:
        social = int(households[code] * chance.uniform(0.05, 0.5))
        rows += [
            [code, "All occupied households", int(households[code])],
            [code, "Owned: Total", int(households[code]) - social],
        ]
        rows += [[code, "Social rented: Total", social], [code, "Social rented: Council (LA)", social]]
    (inbox / "Table UV404 - Household tenure.csv").write_bytes(superweb("Table UV404", rows))
    rows = []
    for code in zones["code"]:
        little, lot = (int(residents[code] * chance.uniform(0.05, 0.2)) for _ in range(2))
        rows += [
            [code, "All people", int(residents[code])],
            [code, "Day-to-day activities limited a lot", lot],
        ]
        rows += [[code, "Day-to-day activities limited a little", little]]
        rows += [[code, "Day-to-day activities not limited", int(residents[code]) - little - lot]]
    (inbox / "Table UV303 - Disability.csv").write_bytes(superweb("Table UV303", rows))
    rows = []
    adults = residents - ages[AGES_20[:4]].sum(axis=1)
    for code in zones["code"]:
        semi, routine = (int(adults[code] * chance.uniform(0.05, 0.2)) for _ in range(2))
        rows += [
            [code, "All people aged 16 and over", int(adults[code])],
            [code, "L12: Semi-routine occupations", semi],
        ]
        rows += [[code, "L13: Routine occupations", routine]]
    (inbox / "Table UV607 - NS-SeC.csv").write_bytes(superweb("Table UV607", rows))
    indicators = [["Data_Zone", "Intermediate_Zone", "Council_area", "Total_population", "Working_age_population", "Income_rate", "Income_count", "Employment_rate", "Employment_count"]]  # fmt: skip
    ranks = [
        ["Data_Zone", "SIMD2020v2_Rank", "SIMD2020v2_Income_Domain_Rank", "SIMD2020_Employment_Domain_Rank", "SIMD2020_Health_Domain_Rank",
         "SIMD2020_Education_Domain_Rank", "SIMD2020_Access_Domain_Rank", "SIMD2020_Crime_Domain_Rank", "SIMD2020_Housing_Domain_Rank"]
    ]  # fmt: skip
    for n, code in enumerate(old["code"]):
        total = int(chance.integers(600, 1100))
        working = int(total * 0.6)
        income, job = int(total * chance.uniform(0.02, 0.3)), int(working * chance.uniform(0.02, 0.3))
        indicators.append(
            [code, "Place", COUNCIL_NM, total, working, income / total, income, job / working, job]
        )
        ranks.append([code, *((n + 7 * k) % 40 + (1.5 if n == 3 and not k else 1.0) for k in range(8))])
    workbook(inbox / "SIMD_2020v2_indicators.xlsx", {"Readme": [["Notes"]], "Data": indicators})
    workbook(inbox / "SIMD_2020v2_ranks.xlsx", {"SIMD 2020v2 ranks": ranks})
    write_postcodes(inbox / "codepo_gb.zip", zones, old, seed)
    council_codes(inbox / "la_all_codes.csv")
    return Made(inbox, zones, old, residents, no_car)


def make_northern_ireland(inbox, seed=6):
    """Write a Northern Irish council of 30 Data Zones of 2021, and return it."""
    inbox.mkdir(parents=True, exist_ok=True)
    zones = grid(145_000, 528_000, 6, 5, first=0, prefix="N2000", name="Made Town").assign(
        code=[f"N2000{n:04d}" for n in range(1, 31)]
    )
    ages, tilt = people(zones, seed)
    chance = np.random.default_rng(seed + 1)
    residents = ages.sum(axis=1)
    households = (residents / 2.3).round().astype(int)
    no_car = (households * np.clip(0.25 + 0.15 * tilt, 0.02, 0.9)).round().astype(int)
    frame = zones.rename(columns={"code": "DZ2021_cd", "name": "DZ2021_nm"}).to_crs(4326)
    zipped(inbox / "geography-dz2021-geojson.zip", {"DZ2021.geojson": frame.to_json()})
    lookup = [["DZ2021_code", "DZ2021_name", "SDZ2021_code", "SDZ2021_name", "DEA2014_code", "DEA2014_name", "LGD2014_code", "LGD2014_name", "SETTLEMENT2015_name", "SETTLEMENT2015_Band"]]  # fmt: skip
    bands = ["A", "C", "E", "F", ""]
    for n, (code, name) in enumerate(zip(zones["code"], zones["name"], strict=True)):
        lookup.append([code, name, f"N2100{n // 5 + 1:04d}", f"Made Quarter {n // 5 + 1}", f"N1000{101 + n // 15:04d}", f"Electoral Area {n // 15 + 1}",
                       DISTRICT, DISTRICT_NM, "", bands[n // 6]])  # fmt: skip
    workbook(
        inbox / "geography-data-zone-and-super-data-zone-lookups-v3.xlsx",
        {"Notes": [["Lookups"]], "DZ2021_lookup": lookup},
    )
    named = dict(zip(zones["code"], zones["name"], strict=True))
    rows = []
    for code in zones["code"]:
        by_year = spread_by_year(ages.loc[code], chance)
        rows += [
            [code, named[code], year, f"{year}" if year < 85 else "85+", int(count)]
            for year, count in enumerate(by_year)
        ]
    (inbox / "ni_age.csv").write_bytes(builder("Age - 86 Categories", rows))

    def table(file, variable, categories):
        body = [
            [code, named[code], k, label, int(counts[code])]
            for code in zones["code"]
            for k, (label, counts) in enumerate(categories)
        ]
        (inbox / file).write_bytes(builder(variable, body))

    social = (households * chance.uniform(0.05, 0.3, len(zones))).astype(int)
    table(
        "ni_cars.csv",
        "Car or Van Availability",
        [
            ("No cars or vans in household", no_car),
            ("1 or more cars or vans in household", households - no_car),
        ],
    )
    table(
        "ni_tenure.csv",
        "Tenure - 7 Categories",
        [
            ("Owner occupied: Owns outright", households - social),
            ("Social rented: Northern Ireland Housing Executive", social),
        ],
    )
    adults = residents - ages[AGES_20[:4]].sum(axis=1)
    semi, routine = ((adults * chance.uniform(0.05, 0.2, len(zones))).astype(int) for _ in range(2))
    children = residents - adults
    table(
        "ni_nssec.csv",
        "National Statistics Socio-economic Classification",
        [
            ("L12: Semi-routine occupations", semi),
            ("L13: Routine occupations", routine),
            ("L1 to L11", adults - semi - routine),
            ("No code required", children),
        ],
    )
    none = (adults * chance.uniform(0.1, 0.4, len(zones))).astype(int)
    table(
        "ni_qualifications.csv",
        "Highest Level of Qualification",
        [("No qualifications", none), ("Level 1 and above", adults - none), ("No code required", children)],
    )
    two = (households * chance.uniform(0.05, 0.3, len(zones))).astype(int)
    table(
        "ni_household_deprivation.csv",
        "Household Deprivation",
        [("Household is not deprived in any dimension", households - 2 * two), ("Household is deprived in 1 dimension", two - two // 4 - two // 8 + two // 4 + two // 8 - two // 2),
         ("Household is deprived in 2 dimensions", two), ("Household is deprived in 3 dimensions", two // 4), ("Household is deprived in 4 dimensions", two // 2 - two // 4)],
    )  # fmt: skip
    ofcom(inbox / "202601_fixed_oa_coverage_r2.csv", list(zones["code"]), seed)
    soas = [f"95GG{n + 1:02d}S1" for n in range(6)]
    head = ["LGD2014name", "SOA2001", "SOA2001name", "Multiple Deprivation Measure Rank \n(where 1 is most deprived)", "Income Domain Rank \n(where 1 is most deprived)", "Employment Domain Rank \n(where 1 is most deprived)", "Access to Services Domain Rank \n(where 1 is most deprived)"]  # fmt: skip
    workbook(inbox / "NIMDM17_SOAresults.xlsx", {"Metadata": [["NIMDM"]], "MDM": [head, *([DISTRICT_NM, soa, soa, *((n + k) % 6 + 1 for k in range(4))] for n, soa in enumerate(soas))]})  # fmt: skip
    council_codes(inbox / "la_all_codes.csv")
    return Made(inbox, zones, None, residents, no_car)


def spread_by_year(bands, chance):
    """Return residents by single year of age, 0 to 84 and 85 and over, from the twenty bands."""
    years = np.zeros(86, dtype=int)
    for label, count in bands.items():
        if label == "85 and over":
            years[85] += count
            continue
        first, _, last = label.partition(" - ")
        low, high = int(first), int(last or first)
        years[low : high + 1] += chance.multinomial(count, np.full(high - low + 1, 1 / (high - low + 1)))
    return years


def write_soa_crosswalk(made):
    """Write a crosswalk of Super Output Areas to Data Zones, five zones each."""
    rows = [["soa01cd", "dz21cd", "people"]]
    rows += [
        [f"95GG{n // 5 + 1:02d}S1", code, int(made.residents[code])]
        for n, code in enumerate(made.zones["code"])
    ]
    (made.inbox / "soa01_dz21.csv").write_bytes(csv_bytes(rows))
