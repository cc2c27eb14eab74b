"""What is known of people going online: the Digital Propensity Index, and the peer risk index of Greater Manchester."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from exclusion.sources.contracts import (
    Contract,
    code,
    fail,
    finish,
    number,
    percentage,
    refuse_fractions,
    text,
)
from exclusion.sources.readers_sheets import find_header, open_workbook, sheet_rows
from exclusion.sources.readers_text import field, load_text, read_columns, resolve, tidy_text, to_numbers

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_DPI = {
    "lsoa11cd": field(r"LSOA ?code( \(2011\))?", "LSOA11CD"),
    "region": field("Region( name)?", is_optional=True),
    "lad_nm": field("Local Authority( District)?( name)?", "LAD.*NM"),
    "online_share_pct": field("Score", "Digital propensity (index|score)", kind="number"),
}
_DPI_RULES = {
    "lsoa11cd": code("lsoa", 2011),
    "region": text(is_nullable=True),
    "lad_nm": text(),
    "online_share_pct": percentage(),
    "offline_share_pct": percentage(),
}


def read_digital_propensity_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the ONS Digital Propensity Index, LSOA 2011.

    Columns `lsoa11cd, region, lad_nm, online_share_pct` (share of households that answered the Census online) and
    `offline_share_pct` = 100 less that. Any subset of areas will do: whole councils may be left out.
    """
    return _finish_dpi(read_columns(load_text(path, source), _DPI, source), source, path.name)


def read_digital_propensity_xlsx(path: Path, source: "Source") -> pd.DataFrame:
    """Read the Digital Propensity Index from a workbook, whichever sheet and row its header stands in."""
    book = open_workbook(path, source)
    pattern = "|".join(_DPI["lsoa11cd"].patterns)
    for sheet in book.sheet_names:
        rows = sheet_rows(book, sheet)
        where = f"{path.name}, sheet '{sheet}'"
        if not any("lsoa" in str(cell).lower() for row in rows[:40] for cell in row):
            continue
        top = find_header(rows, pattern, source, where)
        places = resolve([str(cell) for cell in rows[top]], _DPI, source, where)
        body = [row for row in rows[top + 1 :] if str(row[places["lsoa11cd"]]).strip()]
        frame = pd.DataFrame({name: [str(row[place]) for row in body] for name, place in places.items()})
        for name in frame:
            if name == "online_share_pct":
                frame[name] = to_numbers(frame[name], "number", name, source, where)
            else:
                frame[name] = tidy_text(frame[name])
        return _finish_dpi(frame, source, where)
    raise fail(source, path, f"no sheet holds LSOA codes among {', '.join(book.sheet_names)}")


def _finish_dpi(frame: pd.DataFrame, source: "Source", name: str) -> pd.DataFrame:
    refuse_fractions(frame, "online_share_pct", source, name)
    # Scores have one decimal; so must the shares that are offline, or 100 - 97.8 reads 2.2000000000000028.
    frame = frame.assign(offline_share_pct=(100.0 - frame["online_share_pct"]).round(6))
    rules = {column: _DPI_RULES[column] for column in frame}
    return finish(frame, Contract(source.title, ("lsoa11cd",), rules), source, name)


_DERI = {
    "lsoa11cd": field("lsoa11_dz11_code", "lsoa11cd", "area_cd"),
    "deri_broadband": field("broadband_comp_national", "deri_broadband", kind="number"),
    "deri_demography": field("demography_comp_national", "deri_demography", kind="number"),
    "deri_deprivation": field("deprivation_comp_national", "deri_deprivation", kind="number"),
    "deri_score": field("deri_score_national", "deri_score", kind="number"),
}


def read_deri_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the Digital Exclusion Risk Index v1.6, the peer: 0 to 10 within each nation, higher is riskier.

    Columns `lsoa11cd` (LSOA 2011, data zone 2011 in Scotland), `deri_broadband, deri_demography, deri_deprivation,
    deri_score`; a blank is null and its `<column>__status` says `missing`.
    """
    frame = read_columns(load_text(path, source), _DERI, source)
    rules = {"lsoa11cd": code("lsoa_or_dz", 2011)}
    for name in list(_DERI)[1:]:
        if frame[name].isna().any():
            frame[f"{name}__status"] = (
                frame[name].isna().map({True: "missing", False: "observed"}).astype("str")
            )
        rules[name] = number(0, 10, has_status=f"{name}__status" in frame)
    return finish(frame, Contract(source.title, ("lsoa11cd",), rules), source, path)
