"""Bytes that are the same on every run: CSV, JSON, zips without clocks, workbooks with a fixed date."""

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# The oldest moment a zip can hold; a real clock would change the bytes.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_WORKBOOK_DATE = dt.datetime(2021, 4, 6, tzinfo=dt.UTC)

Row = Sequence[Any]


def csv_bytes(
    rows: Iterable[Row],
    *,
    has_bom: bool = False,
    newline: str = "\r\n",
    is_quoted: bool = False,
    encoding: str = "utf-8",
) -> bytes:
    """Return rows as CSV; every text quoted with `is_quoted`, else only where it must be."""
    text = io.StringIO()
    style = csv.QUOTE_NONNUMERIC if is_quoted else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator=newline, quoting=style).writerows(rows)  # type: ignore[arg-type]
    return (b"\xef\xbb\xbf" if has_bom else b"") + text.getvalue().encode(encoding)


def json_bytes(value: Any) -> bytes:
    """Return compact JSON in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of the members in the order given, with a fixed date and no trace of the machine."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            # Archives of archives are stored, so that they are packed once.
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".zip") else zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data, compresslevel=6)
    return out.getvalue()


def workbook_bytes(sheets: Mapping[str, Iterable[Row]]) -> bytes:
    """Return an Excel workbook of plain cells; None and NaN are empty cells."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "nan_inf_to_errors": False})
    book.set_properties({"created": _WORKBOOK_DATE, "author": "Demonstration data"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for row_number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell is not None and cell == cell and cell != "":  # noqa: PLR0124 (NaN is not itself)
                    sheet.write(row_number, column, cell)
    book.close()
    return out.getvalue()
