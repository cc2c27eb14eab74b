"""Small files in the publishers' layouts, made by the tests that read them."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from exclusion.sources.catalogue import Source, catalogue

LSOAS = ["E01000001", "E01000002", "E01000003", "E01033769", "W01000001", "W01001959"]


def source(source_id: str, **changes: Any) -> Source:
    """Return a catalogue entry as it is read from a small made file: without the publisher's own row count."""
    return catalogue().source(source_id).model_copy(update={"expected_rows": None} | changes)


def write(path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def zip_bytes(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def csv_text(rows: list[list[Any]]) -> str:
    return pd.DataFrame(rows[1:], columns=rows[0]).to_csv(index=False, lineterminator="\r\n")


# --- Census -------------------------------------------------------------------------------------------------------

TENURE = [
    "Tenure of household: Total: All households", "Tenure of household: Owned", "Tenure of household: Owned: Owns outright",
    "Tenure of household: Owned: Owns with a mortgage or loan", "Tenure of household: Shared ownership",
    "Tenure of household: Shared ownership: Shared ownership", "Tenure of household: Social rented",
    "Tenure of household: Social rented: Rents from council or Local Authority",
    "Tenure of household: Social rented: Other social rented", "Tenure of household: Private rented",
    "Tenure of household: Private rented: Private landlord or letting agency",
    "Tenure of household: Private rented: Other private rented", "Tenure of household: Lives rent free",
]  # fmt: skip
TENURE_COUNTS = [837, 481, 337, 144, 4, 4, 22, 18, 4, 329, 280, 49, 1]

_BLOCK = [
    "", ":In employment", ":In employment:Employee", ": In employment: Employee: Part-time", ": In employment: Employee: Full-time",
    ":In employment:Self-employed with employees", ": In employment: Self-employed with employees: Part-time",
    ": In employment: Self-employed with employees: Full-time", ":In employment:Self-employed without employees",
    ": In employment: Self-employed without employees: Part-time", ": In employment: Self-employed without employees: Full-time",
    ": Unemployed",
]  # fmt: skip
ACTIVITY = [
    "Economic activity status: Total: All usual residents aged 16 years and over",
    *[f"Economic activity status: Economically active (excluding full-time students){tail}" for tail in _BLOCK],
    *[f"Economic activity status: Economically active and a full-time student{tail}" for tail in _BLOCK],
    "Economic activity status: Economically inactive",
    *[
        f"Economic activity status: Economically inactive: {why}"
        for why in ("Retired", "Student", "Looking after home or family", "Long-term sick or disabled", "Other")
    ],
]  # fmt: skip
_ACTIVE = [60, 55, 40, 15, 25, 6, 2, 4, 9, 3, 6, 5]
_STUDENTS = [10, 8, 6, 5, 1, 1, 1, 0, 1, 1, 0, 2]
ACTIVITY_COUNTS = [110, *_ACTIVE, *_STUDENTS, 40, 20, 5, 6, 7, 2]

HOUSEHOLDS = [
    "Total", "One person household", "One person household: Aged 66 years and over", "One person household: Other",
    "Single family household", "Single family household: All aged 66 years and over",
    "Single family household: Married or civil partnership couple",
    "Single family household: Married or civil partnership couple: No children",
    "Single family household: Married or civil partnership couple: Dependent children",
    "Single family household: Married or civil partnership couple: All children non-dependent",
    "Single family household: Cohabiting couple family", "Single family household: Cohabiting couple family: No children",
    "Single family household: Cohabiting couple family: With dependent children",
    "Single family household: Cohabiting couple family: All children non-dependent",
    "Single family household: Lone parent family", "Single family household: Lone parent family: With dependent children",
    "Single family household: Lone parent family: All children non-dependent",
    "Single family household: Other single family household",
    "Single family household: Other single family household: Other family composition", "Other household types",
    "Other household types: With dependent children",
    "Other household types: Other, including all full-time students and all aged 66 years and over",
]  # fmt: skip
HOUSEHOLD_HEADERS = [f"Household composition: {name}; measures: Value" for name in HOUSEHOLDS]
HOUSEHOLD_COUNTS = [100, 30, 12, 18, 60, 10, 25, 8, 14, 3, 12, 5, 6, 1, 11, 8, 3, 2, 2, 10, 4, 6]

AGES = ["Age: Total", "Age: Aged 4 years and under"] + [
    f"Age: Aged {low} to {low + 4} years" for low in range(5, 85, 5)
] + ["Age: Aged 85 years and over"]  # fmt: skip
AGE_COUNTS = [180, *[10] * 18]


def census_csv(headers: list[str], counts: list[Any], codes: list[str] | None = None) -> str:
    rows: list[list[Any]] = [["date", "geography", "geography code", *headers]]
    rows += [[2021, f"Somewhere {code}", code, *counts] for code in codes or LSOAS]
    return csv_text(rows)


def census_zip(path: Path, text: str, member: str = "census2021-ts054-lsoa.csv") -> Path:
    other = census_csv(["Tenure of household: Total: All households"], [1], ["E92000001"])
    level = member.split("-")[1] if "-" in member else "ts054"
    return zipped(
        path, {f"census2021-{level}-ctry.csv": other, member: text, f"metadata/{level}-2021-1.txt": "Notes."}
    )


# --- Ofcom --------------------------------------------------------------------------------------------------------

SHARES = [
    "SFBB availability (% premises)", "UFBB (100Mbit/s) availability (% premises)", "UFBB availability (% premises)",
    "Gigabit availability (% premises)", "% of premises with NGA",
    "% of premises unable to receive decent broadband from fixed or FWA",
    "% of premises able to receive decent broadband from FWA", "% of premises unable to receive 2Mbit/s",
    "% of premises unable to receive 5Mbit/s", "% of premises unable to receive 10Mbit/s",
    "% of premises unable to receive 30Mbit/s", "% of premises with 0<2Mbit/s download speed",
    "% of premises with 2<5Mbit/s download speed", "% of premises with 5<10Mbit/s download speed",
    "% of premises with 10<30Mbit/s download speed", "% of premises with 30<300Mbit/s download speed",
    "% of premises with >=300Mbit/s download speed",
]  # fmt: skip
COUNTS = [
    "Number of premises with SFBB availability", "Number of premises with UFBB (100Mbit/s) availability",
    "Number of premises with UFBB availability", "Number of premises with Gigabit availability",
    "Number of premises with NGA", "Number of premises unable to receive decent broadband from fixed or FWA",
    "Number of premises able to receive decent broadband from FWA", "Number of premises unable to receive 2Mbit/s",
    "Number of premises unable to receive 5Mbit/s", "Number of premises unable to receive 10Mbit/s",
    "Number of premises unable to receive 30Mbit/s", "Number of premises with 0<2Mbit/s download speed",
    "Number of premises with 2<5Mbit/s download speed", "Number of premises with 5<10Mbit/s download speed",
    "Number of premises with 10<30Mbit/s download speed", "Number of premises with 30<300Mbit/s download speed",
    "Number of premises with >=300Mbit/s download speed",
]  # fmt: skip


def ofcom_counts(premises: int, sfbb: int, ufbb100: int, ufbb300: int, gigabit: int) -> list[int]:
    """Return the 17 counts in the order of COUNTS for one row, thresholds as given."""
    below30 = premises - sfbb
    below10 = below30 // 2
    return [
        sfbb, ufbb100, ufbb300, gigabit, ufbb100, below10, premises, 0, 0, below10, below30, 0, 0, below10, below30 - below10,
        sfbb - ufbb300, ufbb300,
    ]  # fmt: skip


def ofcom_rows(rows: list[tuple[str, int, int, int, int, int]]) -> list[list[Any]]:
    table: list[list[Any]] = [["output_area", "All Premises", "All Matched Premises", *SHARES, *COUNTS]]
    for code, premises, *speeds in rows:
        counts = ofcom_counts(premises, *speeds)
        table.append(
            [
                code,
                premises,
                premises,
                *[round(100 * n / premises, 1) if premises else 0 for n in counts],
                *counts,
            ]
        )
    return table


OFCOM = [
    ("E00000001", 100, 95, 90, 85, 80), ("E00000003", 50, 50, 50, 40, 40), ("E00000005", 10, 5, 4, 3, 2),
    ("W00000001", 80, 60, 40, 20, 10), ("S00135307", 30, 30, 30, 30, 30), ("N20000001", 20, 20, 20, 20, 20),
]  # fmt: skip


def ofcom_zip(
    path: Path, text: str | bytes, *, nested: bool = True, name: str = "202601_fixed_oa_coverage_r1"
) -> Path:
    """Write the archive as Ofcom nests it, with the residential twin beside the table of all premises."""
    twin = name.replace("_oa_", "_oa_res_")
    inner = {
        f"{name}/{name}.csv": text,
        f"{twin}/{twin}.csv": csv_text(ofcom_rows([("E00000001", 1, 1, 1, 1, 1)])),
    }
    if not nested:
        return zipped(path, inner)
    return zipped(
        path, {f"202601_fixed_coverage_r1/{name}.zip": zip_bytes(inner), "about.txt": "About this data"}
    )


# --- Workbooks and open documents ----------------------------------------------------------------------------------


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    if cell is not None and cell != "":
                        sheet.write(r, c, cell)
    return path


def ods(path: Path, sheets: dict[str, list[list[Any]]], *, tail: str = "") -> Path:
    """Write an .ods by hand: office:value cells, repeated cells and rows, as LibreOffice writes them."""

    def cell(value: Any) -> str:
        if value is None or value == "":
            return "<table:table-cell/>"
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p></table:table-cell>'
        text = str(value).replace("&", "&amp;").replace("<", "&lt;")
        return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    body = ""
    for name, rows in sheets.items():
        lines = "".join(
            f'<table:table-row>{"".join(map(cell, row))}<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
            for row in rows
        )
        blank = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
        body += f'<table:table table:name="{name}">{lines}{blank}</table:table>'
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped(
        path,
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": xml[: len(xml) - len(tail)] if tail else xml,
        },
    )


# --- Boundaries and places -------------------------------------------------------------------------------------------


def square(x: float, y: float, side: float = 500.0) -> list[list[list[float]]]:
    return [[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]]


def features(items: list[tuple[dict[str, Any], dict[str, Any] | None]], *, crs: str | None = "27700") -> str:
    body: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": p, "geometry": g} for p, g in items],
    }
    if crs:
        body["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{crs}"}}
    return json.dumps(body)


def lsoa_features(codes: list[str] | None = None, *, crs: str | None = "27700") -> str:
    items: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
        (
            {"LSOA21CD": code, "LSOA21NM": f"Area {code}", "FID": i},
            {"type": "Polygon", "coordinates": square(400_000 + 500 * i, 600_000)},
        )
        for i, code in enumerate(codes or LSOAS)
    ]
    return features(items, crs=crs)


def overpass(elements: list[dict[str, Any]], **more: Any) -> str:
    head = {
        "version": 0.6,
        "generator": "Overpass API",
        "osm3s": {"timestamp_osm_base": "2026-11-01T00:00:00Z"},
    }
    return json.dumps(head | {"elements": elements} | more)
