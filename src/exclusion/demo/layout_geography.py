"""The Open Geography Portal's layers and lookups of the made-up county, in the portal's own fields."""

from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from exclusion.demo.county import SUB_BOARD_CODE, County
from exclusion.demo.encoding import csv_bytes, json_bytes
from exclusion.demo.land import Floats
from exclusion.demo.nesting import RUC_NAMES

# Real layers have caps of 1,000 and 2,000 rows; small ones make even a small county come in pages.
_CAP_SHAPES, _CAP_ROWS = 80, 500
_RUC11 = {
    "U": ("C1", "Urban city and town"), "RL": ("D1", "Rural town and fringe"), "RS": ("E1", "Rural village and dispersed"),
}  # fmt: skip


def to_degrees(points: Floats) -> Floats:
    """Return longitude and latitude (EPSG:4326, seven decimals, about a centimetre) of EPSG:27700 metres."""
    lon, lat = _transformer().transform(points[:, 0], points[:, 1])
    return np.round(np.column_stack([lon, lat]), 7)


@lru_cache(maxsize=1)
def _transformer() -> Any:
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)


def layer(
    key: str,
    attributes: list[dict[str, Any]],
    shapes: NDArray[np.object_] | None = None,
    *,
    cap: int = _CAP_ROWS,
) -> bytes:
    """Return a feature layer as the local server keeps it; shapes are in EPSG:27700 and become degrees."""
    kind = None
    geometries: list[Any] = [None] * len(attributes)
    if shapes is not None:
        geometries = [
            {"type": shape["type"], "coordinates": shape["coordinates"]}
            for shape in map(shapely.geometry.mapping, shapely.transform(shapes, to_degrees))
        ]
        kind = "esriGeometryPoint" if geometries[0]["type"] == "Point" else "esriGeometryPolygon"
    features = [{"attributes": a, "geometry": g} for a, g in zip(attributes, geometries, strict=True)]
    return json_bytes({"key": key, "max_record_count": cap, "geometry_type": kind, "features": features})


def lsoa_boundaries(county: County) -> bytes:
    """Return the LSOA boundary layer with the portal's own columns."""
    x, y = shapely.get_coordinates(shapely.point_on_surface(county.lsoa)).T
    degrees = to_degrees(np.column_stack([x, y]))
    rows = [
        {
            "FID": i + 1, "LSOA21CD": county.lsoa_code[i], "LSOA21NM": county.lsoa_name[i], "LSOA21NMW": " ",
            "BNG_E": int(x[i]), "BNG_N": int(y[i]), "LAT": round(degrees[i, 1], 5), "LONG": round(degrees[i, 0], 5),
            "GlobalID": _global_id(i),
        }
        for i in range(county.lsoa_count)
    ]  # fmt: skip
    return layer("LSOA21CD", rows, county.lsoa, cap=_CAP_SHAPES)


def lsoa_boundaries_coarse(county: County) -> bytes:
    """Return the super generalised layer: edges simplified together, so that they still meet."""
    coarse = shapely.coverage_simplify(county.lsoa, 200.0)
    rows = [
        {"FID": i + 1, "LSOA21CD": county.lsoa_code[i], "LSOA21NM": county.lsoa_name[i]}
        for i in range(county.lsoa_count)
    ]
    return layer("LSOA21CD", rows, coarse, cap=_CAP_SHAPES)


def msoa_boundaries(county: County) -> bytes:
    """Return the MSOA boundary layer."""
    rows = [
        {"FID": i + 1, "MSOA21CD": code, "MSOA21NM": name}
        for i, (code, name) in enumerate(zip(county.msoa_code, county.msoa_name, strict=True))
    ]
    return layer("MSOA21CD", rows, county.msoa, cap=_CAP_SHAPES)


def lad_boundaries(county: County) -> bytes:
    """Return the district boundary layer."""
    rows = [
        {"FID": i + 1, "LAD24CD": code, "LAD24NM": name, "LAD24NMW": " "}
        for i, (code, name) in enumerate(zip(county.district_code, county.district_name, strict=True))
    ]
    return layer("LAD24CD", rows, county.district)


def region_boundaries(county: County) -> bytes:
    """Return the region boundary layer: the county is the whole region."""
    code, name = county.region
    whole = np.array([shapely.coverage_union_all(county.district)])
    return layer("RGN25CD", [{"FID": 1, "RGN25CD": code, "RGN25NM": name}], whole)


def centroids(county: County) -> bytes:
    """Return the population-weighted centroids of the LSOAs."""
    rows = [
        {"FID": i + 1, "LSOA21CD": county.lsoa_code[i], "GlobalID": _global_id(i + 5_000)}
        for i in range(county.lsoa_count)
    ]
    return layer("LSOA21CD", rows, shapely.points(county.centroid), cap=_CAP_SHAPES)


def ward_lookup(county: County) -> bytes:
    """Return the best-fit lookup from LSOA to ward and district."""
    return layer("LSOA21CD", [
        {
            "ObjectId": i + 1, **_lsoa(county, i), "WD24CD": county.ward_code[w], "WD24NM": county.ward_name[w],
            "WD24NMW": " ", **_district(county, i, "LAD24"),
        }
        for i, w in enumerate(county.nesting.ward.tolist())
    ])  # fmt: skip


def lad23_lookup(county: County) -> bytes:
    """Return the lookup from LSOA to the districts of April 2023."""
    return layer("LSOA21CD", [
        {"ObjectId": i + 1, **_lsoa(county, i), "LSOA21NMW": " ", **_district(county, i, "LAD23"), "LAD23NMW": " "}
        for i in range(county.lsoa_count)
    ])  # fmt: skip


def oa_lookup(county: County) -> bytes:
    """Return the exact-fit lookup from output area to LSOA, MSOA and district."""
    rows: list[dict[str, Any]] = []
    for oa in sorted(range(len(county.oa_code)), key=county.oa_code.__getitem__):
        i = int(county.nesting.lsoa[oa])
        m = int(county.nesting.msoa[i])
        rows.append(
            {
                "ObjectId": len(rows) + 1, "OA21CD": county.oa_code[oa], **_lsoa(county, i), "LSOA21NMW": " ",
                "MSOA21CD": county.msoa_code[m], "MSOA21NM": county.msoa_name[m], "MSOA21NMW": " ",
                **_district(county, i, "LAD22"), "LAD22NMW": " ",
            }
        )  # fmt: skip
    return layer("OA21CD", rows)


def exact_fit(county: County) -> bytes:
    """Return the lookup from LSOA 2011 to LSOA 2021, its first header damaged as published."""
    return layer("ObjectId", [
        {
            "F_LSOA11CD": county.lsoa11_code[old], "LSOA11NM": county.lsoa11_name[old], **_lsoa(county, new),
            "CHGIND": str(county.nesting.change[new]), **_district(county, new, "LAD22"), "LAD22NMW": "", "ObjectId": number + 1,
        }
        for number, (old, new) in enumerate(county.exact_fit)
    ])  # fmt: skip


def ruc21(county: County) -> bytes:
    """Return the Rural Urban Classification 2021 of the LSOAs."""
    return layer("LSOA21CD", [
        {
            **_lsoa(county, i), "RUC21CD": str(code), "RUC21NM": RUC_NAMES[str(code)],
            "Urban_rural_flag": "Urban" if str(code).startswith("U") else "Rural", "ObjectId": i + 1,
        }
        for i, code in enumerate(county.nesting.ruc)
    ])  # fmt: skip


def ruc11(county: County) -> bytes:
    """Return the Rural Urban Classification 2011 of the LSOAs of 2011."""
    rows = []
    for number, (old, new) in enumerate(_first_successor(county).items()):
        code, name = _RUC11[str(county.nesting.ruc[new])[:-2]]
        rows.append(
            {
                "LSOA11CD": county.lsoa11_code[old], "LSOA11NM": county.lsoa11_name[old], "RUC11CD": code, "RUC11": name,
                "FID": number + 1,
            }
        )  # fmt: skip
    return layer("LSOA11CD", rows)


def region_lookup(county: County) -> bytes:
    """Return the lookup from district to region."""
    code, name = county.region
    return layer("LAD24CD", [
        {"LAD24CD": lad, "LAD24NM": lad_name, "RGN24CD": code, "RGN24NM": name, "ObjectId": i + 1}
        for i, (lad, lad_name) in enumerate(zip(county.district_code, county.district_name, strict=True))
    ])  # fmt: skip


def county_lookup(county: County) -> bytes:
    """Return the lookup from district to county."""
    from exclusion.demo.county import COUNTY_CODE

    return layer("LTLA23CD", [
        {"LTLA23CD": lad, "LTLA23NM": name, "UTLA23CD": COUNTY_CODE, "UTLA23NM": county.name, "ObjectId": i + 1}
        for i, (lad, name) in enumerate(zip(county.district_code, county.district_name, strict=True))
    ])  # fmt: skip


def care_board_lookup(county: County) -> bytes:
    """Return the lookup from LSOA to integrated care board."""
    code, name = county.care_board
    return layer("LSOA21CD", [
        {
            **_lsoa(county, i), "SICBL24CD": SUB_BOARD_CODE, "SICBL24CDH": "99X", "SICBL24NM": f"{name} - 99X",
            "ICB24CD": code, "ICB24CDH": "Q9X", "ICB24NM": name, **_district(county, i, "LAD24"), "ObjectId": i + 1,
        }
        for i in range(county.lsoa_count)
    ])  # fmt: skip


def lad_codes(county: County) -> bytes:
    """Return every district code there ever was, with its present one; one district was given a new code."""
    from exclusion.demo.county import COUNTY_CODE

    header = (
        "LADCD", "LADNM", "LADCD_ACTIVE", "LADNM_ACTIVE", "UTLACD", "UTLANM", "CAUTHCD", "CAUTHNM", "RGNCD", "RGNNM",
        "CTRYCD", "CTRYNM", "EWCD", "EWNM", "GBCD", "GBNM", "UKCD", "UKNM", "Current", "LAD20CD", "LAD20NM",
    )  # fmt: skip
    above = (
        COUNTY_CODE, county.name, "", "", *county.region, "E92000001", "England", "K04000001", "England and Wales",
        "K03000001", "Great Britain", "K02000001", "United Kingdom",
    )  # fmt: skip
    rows = [
        (code, name, code, name, *above, "TRUE", code, name)
        for code, name in zip(county.district_code, county.district_name, strict=True)
    ]
    code, name = county.district_code[4], county.district_name[4]
    rows.append(("E07900099", "Quernmouth", code, name, *above, "FALSE", code, name))
    return csv_bytes([header, *rows], newline="\n")


def msoa_names(county: County) -> bytes:
    """Return the House of Commons Library's names of MSOAs."""
    header = (
        "msoa21cd",
        "msoa21nm",
        "msoa21nmw",
        "msoa21hclnm",
        "msoa21hclnmw",
        "localauthorityname",
        "type",
    )
    rows = []
    for i, (code, name) in enumerate(zip(county.msoa_code, county.msoa_name, strict=True)):
        district = county.district_name[int(county.nesting.district[county.nesting.msoa == i][0])]
        rows.append((code, name, name, county.msoa_local_name[i], "", district, "Present in 2011"))
    return csv_bytes([header, *rows], has_bom=True)


def _lsoa(county: County, i: int) -> dict[str, str]:
    return {"LSOA21CD": county.lsoa_code[i], "LSOA21NM": county.lsoa_name[i]}


def _district(county: County, i: int, prefix: str) -> dict[str, str]:
    d = int(county.nesting.district[i])
    return {f"{prefix}CD": county.district_code[d], f"{prefix}NM": county.district_name[d]}


def _first_successor(county: County) -> dict[int, int]:
    """Return one LSOA of 2021 for each LSOA of 2011."""
    out: dict[int, int] = {}
    for old, new in county.exact_fit:
        out.setdefault(old, new)
    return out


def _global_id(number: int) -> str:
    import uuid

    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"larkenshire {number}"))
