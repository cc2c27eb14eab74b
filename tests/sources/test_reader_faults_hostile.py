"""What a careless or hostile file can hold beyond a publisher's habits: still one value or one clear sentence."""

import gzip
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_reader_files import (
    LSOAS,
    TENURE,
    TENURE_COUNTS,
    census_csv,
    features,
    ods,
    source,
    write,
    zipped,
)
from test_reader_faults import (
    LIBRARY,
    RUC_HEADER,
    RUC_ROWS,
    Case,
    check,
    has_tenure,
    libraries,
    oa,
    put,
    tenure,
    text,
    users,
)

from exclusion.errors import SourceError
from exclusion.sources import readers
from exclusion.sources.readers import read_source

CENSUS = census_csv(TENURE, TENURE_COUNTS)
MEMBER = "census2021-ts054-lsoa.csv"


def ruc(old: str = "", new: str = "", tail: str = "", encoding: str = "utf-8") -> Callable[[Path], Path]:
    assert not old or old in RUC_ROWS
    return text("r.csv", RUC_HEADER + RUC_ROWS.replace(old, new, 1) + tail, encoding)


def raw(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def first_total(cell: str) -> Callable[[Path], Path]:
    return tenure(CENSUS.replace("E01000002,837", f"E01000002,{cell}"))


def archive(
    method: int = zipfile.ZIP_DEFLATED,
    spoil: Callable[[bytes], bytes] = lambda data: data,
    *,
    is_large: bool = False,
    twice: bool = False,
) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "census2021-ts054.zip"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile itself warns of a name that stands twice
            with zipfile.ZipFile(path, "w", method) as made:
                for _ in range(2 if twice else 1):
                    info = zipfile.ZipInfo(MEMBER)
                    info.compress_type = method
                    with made.open(info, "w", force_zip64=is_large) as handle:
                        handle.write(CENSUS.encode())
        path.write_bytes(spoil(path.read_bytes()))
        return path

    return make


def flagged(data: bytes) -> bytes:
    """Set the bit that says a member is encrypted, in both of its headers."""
    body = bytearray(data)
    body[body.index(b"PK\x03\x04") + 6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    return bytes(body)


def burnt(data: bytes) -> bytes:
    return data[:90] + b"\xff" * 30 + data[120:]


def sheet(change: Callable[[str], str]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = ods(folder / "wimd2019.ods", {"WIMD_2019_ranks": [["LSOA Code"], ["W01000001"]]})
        with zipfile.ZipFile(path) as made:
            parts = {name: made.read(name).decode() for name in made.namelist()}
        changed = change(parts["content.xml"])
        assert changed != parts["content.xml"]
        return zipped(path, {**parts, "content.xml": changed})

    return make


def entities(xml: str) -> str:
    names = "abcdefgh"
    lines = "".join(
        f'<!ENTITY {n} "{"&" + names[i - 1] + ";" if i else "x" * 10}">'.replace(
            f"&{names[i - 1]};", f"&{names[i - 1]};" * 10
        )
        for i, n in enumerate(names)
    )
    start = xml.index("<office:document-content")
    return f"{xml[:start]}<!DOCTYPE d [{lines}]>{xml[start:]}".replace("LSOA Code", "&h;")


def area(ring: list[list[Any]], crs: str | None = None, kind: str = "Polygon") -> Callable[[Path], Path]:
    shape = {"type": kind, "coordinates": [ring]}
    return text("l.geojson", features([({"LSOA21CD": "E01000001", "LSOA21NM": "A"}, shape)], crs=crs))


RING: list[list[Any]] = [[-2.0, 54.0], [-1.99, 54.0], [-1.99, 54.01], [-2.0, 54.0]]


def shapes(crs: str | None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import geopandas
        import shapely

        box = shapely.box(400_000, 400_000, 401_000, 401_000)
        frame = geopandas.GeoDataFrame(
            {"LSOA21CD": ["E01000001"], "LSOA21NM": ["A"]}, geometry=[box], crs=crs
        )
        frame.to_parquet(folder / "b.parquet")
        return folder / "b.parquet"

    return make


def propensity(score: str) -> Callable[[Path], Path]:
    head = "LSOAcode,Region,Local Authority name,Score\r\n"
    return text("d.csv", head + f"E01000001,London,City,{score}\r\nE01000002,London,City,0.5\r\n")


def council(superfast: float) -> Callable[[Path], Path]:
    values = {
        "laName": "H",
        "superfast": superfast,
        "ultrafast": 0.5,
        "fullFibre": 0.1,
        "gigabit": 0.1,
        "belowUso": 0,
    }
    return text("broadband-by-laua.json", json.dumps({"E06000001": values}))


CASES = [
    # Text
    Case("NUL in a name", "ruc21", ruc("Area E01000002", "Ar\0ea"), "lookup_csv", says=("is not text",), error=SourceError),
    Case("NUL in a number", "census_ts054", first_total("8\x0037"), says=("ts054_total", "data row 2", "no number")),
    Case("UTF-16 without its mark", "ruc21", raw("r.csv", (RUC_HEADER + RUC_ROWS).encode("utf-16-le")), "lookup_csv", says=("is not text",), error=SourceError),
    Case("line break in quotes", "ruc21", ruc("Area E01000002", '"Area\r\nE01000002"'), "lookup_csv", lambda t: len(t) == 6 and t["lsoa21cd"][1] == "E01000002"),
    Case("quote that never ends", "ruc21", ruc("Area E01000002", '"Area E01000002'), "lookup_csv", says=("damaged", "Row #2")),
    Case("semicolons", "ruc21", text("r.csv", (RUC_HEADER + RUC_ROWS).replace(",", ";")), "lookup_csv", says=("layout is not the one expected", "LSOA21CD;LSOA21NM")),
    Case("columns in another order", "ruc21", text("r.csv", "Urban_rural_flag,RUC21NM,RUC21CD,LSOA21NM,LSOA21CD\r\n" + "".join(f"Rural,x,RSN1,A,{c}\r\n" for c in LSOAS)), "lookup_csv", lambda t: list(t["lsoa21cd"]) == LSOAS and t["is_rural"].all()),
    Case("header again half-way", "ruc21", ruc(tail=RUC_HEADER + RUC_ROWS), "lookup_csv", says=("data row 7",)),
    Case("row of totals at the end", "census_ts054", tenure(CENSUS + "2021,England and Wales,K04000001," + ",".join(str(6 * c) for c in TENURE_COUNTS) + "\r\n"), says=("lsoa21cd", "K04000001", "data row 7")),
    Case("footnote at the end", "ruc21", ruc(tail="Source: ONS\r\n"), "lookup_csv", says=("damaged", "Row #7", "Source: ONS")),
    # Numbers
    Case("thousands with a comma that fits", "census_ts054", tenure(census_csv(TENURE, [*(f"1,{n}" for n in TENURE_COUNTS[:3]), *TENURE_COUNTS[3:]])), None, lambda t: t["ts054_total"].eq(1837).all()),
    Case("minus sign of typographers", "census_ts054", first_total("\u2212837"), says=("ts054_total", "\u2212837", "data row 2")),
    Case("space that does not break", "census_ts054", first_total("837\u00a0"), None, has_tenure),
    Case("number beyond all numbers", "census_ts054", first_total("1e999"), says=("ts054_total", "E01000002 has inf")),
    Case("per cent sign", "digital_propensity_index", propensity("97.8%"), says=("online_share_pct", "97.8%", "data row 1")),
    Case("infinity", "digital_propensity_index", propensity("inf"), says=("between 0 and 100", "E01000001 has inf")),
    Case("fractions for per cent", "digital_propensity_index", propensity("0.978"), says=("must be in per cent", "0.978", "E01000001")),
    Case("council fractions for per cent", "ofcom_fixed_coverage_lad", council(0.98), "ofcom_laua_json", says=("superfast_pct", "must be in per cent", "0.98", "E06000001")),
    Case("one share as a fraction", "ofcom_fixed_coverage_oa", oa(put(3, "SFBB availability (% premises)", "0.83")), says=("never exceed 'superfast_pct'", "E00000005", "data row 3")),
    Case("formula error in a workbook", "internet_users_2020", users(4, "#DIV/0!"), says=("#DIV/0!", "sheet '1b'", "row 6")),
    # Codes
    Case("code with a space after it", "ruc21", ruc("E01000002,", "E01000002 ,"), "lookup_csv", lambda t: list(t["lsoa21cd"]) == LSOAS),
    Case("code in small letters", "ruc21", ruc("E01000002,", "e01000002,"), "lookup_csv", says=("code of level LSOA", "e01000002", "data row 2")),
    Case("code with a sign nobody sees", "ruc21", ruc("E01000002,", "E01000002\u200b,"), "lookup_csv", says=("code of level LSOA", "data row 2")),
    Case("output area in small letters", "ofcom_fixed_coverage_oa", oa(put(2, "output_area", "e00000003")), says=("oa21cd", "e00000003", "data row 2")),
    # Archives
    Case("member twice under one name", "census_ts054", archive(twice=True), says=("2 members for level LSOA",)),
    Case("member in two folders", "census_ts054", lambda f: zipped(f / "census2021-ts054.zip", {f"a/{MEMBER}": CENSUS, f"b/{MEMBER}": CENSUS}), says=("2 members for level LSOA",)),
    Case("encrypted member", "census_ts054", archive(spoil=flagged), says=(MEMBER, "encrypted"), error=SourceError),
    Case("zip64", "census_ts054", archive(is_large=True), None, has_tenure),
    Case("zip by bzip2", "census_ts054", archive(zipfile.ZIP_BZIP2), None, has_tenure),
    Case("zip by LZMA", "census_ts054", archive(zipfile.ZIP_LZMA), None, has_tenure),
    Case("damaged zip by bzip2", "census_ts054", archive(zipfile.ZIP_BZIP2, burnt), says=("Invalid data stream",), error=SourceError),
    Case("damaged zip by LZMA", "census_ts054", archive(zipfile.ZIP_LZMA, burnt), says=("Corrupt input data",), error=SourceError),
    Case("other bytes than the zip says", "census_ts054", archive(zipfile.ZIP_STORED, lambda data: data.replace(b",837,", b",873,", 1)), says=("damaged", "CRC-32"), error=SourceError),
    Case("words before the zip", "census_ts054", archive(spoil=lambda data: b"junk" * 10 + data), None, has_tenure),
    Case("words after the gzip", "ruc21", raw("r.csv.gz", gzip.compress((RUC_HEADER + RUC_ROWS).encode()) + b"junk"), "lookup_csv", says=("damaged",), error=SourceError),
    Case("row repeated two thousand million times", "wimd2019", sheet(lambda xml: xml.replace("<table:table-row>", '<table:table-row table:number-rows-repeated="2000000000">', 1)), "wimd2019_ods", says=("more than 1,048,576 rows",), error=SourceError),
    Case("cell repeated two thousand million times", "wimd2019", sheet(lambda xml: xml.replace('table:number-columns-repeated="16000"/>', 'table:number-columns-repeated="2000000000" office:value-type="float" office:value="1"/>', 1)), "wimd2019_ods", says=("repeated 2,000,000,000 times",), error=SourceError),
    Case("repeated as often as a word says", "wimd2019", sheet(lambda xml: xml.replace('"16000"', '"many"', 1)), "wimd2019_ods", says=("damaged", "many"), error=SourceError),
    Case("entity bomb", "wimd2019", sheet(entities), "wimd2019_ods", says=("damaged",), error=SourceError),
    # Shapes
    Case("axes swapped", "lsoa21_boundaries", area([[y, x] for x, y in RING]), "arcgis_features", says=("E01000001", "coordinate system")),
    Case("corner that is no number", "lsoa21_boundaries", area([RING[0], [float("nan"), 54.0], *RING[2:]]), "arcgis_features", says=("cannot be read as boundaries", "NaN"), error=SourceError),
    Case("corner that is null", "lsoa21_boundaries", area([RING[0], [None, 54.0], *RING[2:]]), "arcgis_features", says=("cannot be read as boundaries",), error=SourceError),
    Case("coordinate system that does not exist", "lsoa21_boundaries", area(RING, "99999"), "arcgis_features", says=("EPSG:99999",), error=SourceError),
    Case("JSON nested without end", "lsoa21_boundaries", text("l.geojson", '{"features":' + "[" * 100_000), "arcgis_features", says=("recursion",), error=SourceError),
    Case("metres under another grid's name", "lsoa21_boundaries", shapes("EPSG:3857"), "boundaries_parquet", says=("E01000001", "coordinate system")),
    Case("no coordinate system", "lsoa21_boundaries", shapes(None), "boundaries_parquet", says=("in which coordinate system",)),
    Case("library at 0, 0", "libraries", libraries(LIBRARY.replace("418800,613300", "0,0") + LIBRARY.replace("Alnwick", "Amble")), None, lambda t: t["x_m"].isna().tolist() == [True, False] and t["y_m"].isna().tolist() == [True, False]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_file_ends_in_the_right_value_or_one_clear_sentence(case: Case, tmp_path: Path):
    check(case, tmp_path)


def test_a_fault_of_this_machine_is_not_laid_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(readers, "reader_named", lambda _: full)
    with pytest.raises(OSError, match="No space left"):
        read_source(write(tmp_path / "r.csv", "x"), source("ruc21"), "lookup_csv")
