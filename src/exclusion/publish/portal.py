"""The entry of an edition for an open-data portal: DCAT 3 as JSON-LD, with every file's size, type and checksum."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from exclusion.files import stable_json
from exclusion.publish.csvw import licence_of

PORTAL_FILE = "dcat.json"
_TYPES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html",
    ".json": "application/json",
}


def dcat_bytes(
    files: Mapping[str, tuple[str, str, int]],
    *,
    edition: str,
    place: str,
    about: str,
    bounds: Sequence[float],
    sources: Mapping[str, Mapping[str, Any]],
    credit_lines: Sequence[str],
    area_kind: str = "LSOA 2021",
) -> bytes:
    """Return DCAT in JSON-LD; `files` is file name to title, SHA-256 and bytes, `bounds` west, south, east, north.

    The address of a file is its name, relative to wherever the folder is published. There is no clock in it: the
    date is that of the newest source.
    """
    west, south, east, north = (round(float(value), 4) for value in bounds)
    newest = max((str(s["retrieved"]) for s in sources.values()), default="")
    record: dict[str, Any] = {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "spdx": "http://spdx.org/rdf/terms#",
            "prov": "http://www.w3.org/ns/prov#", "locn": "http://www.w3.org/ns/locn#",
        },
        "@id": edition,
        "@type": "dcat:Dataset",
        "dct:identifier": edition,
        "dct:title": f"Digital exclusion in {place}, by small area",
        "dct:description": about,
        "dct:language": "en",
        "dct:modified": newest,
        "dct:license": {"@id": licence_of()},
        "dct:rights": list(credit_lines),
        "dcat:keyword": ["digital exclusion", "digital inclusion", area_kind, "people offline", "rural access", "local government"],
        "dcat:theme": "Society",
        "dct:spatial": {"@type": "dct:Location", "dcat:bbox": f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"},
        "prov:wasDerivedFrom": [
            {"dct:title": str(s["title"]), "dct:publisher": str(s["publisher"]), "dct:issued": str(s["vintage"]), "dct:license": str(s["licence"]), "spdx:checksumValue": str(s["sha256"])}
            for _, s in sorted(sources.items())
        ],
        "dcat:distribution": [
            {
                "@type": "dcat:Distribution",
                "dct:title": title,
                "dcat:downloadURL": {"@id": name},
                "dcat:mediaType": _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream"),
                "dcat:byteSize": size,
                "spdx:checksum": {"spdx:algorithm": "SHA-256", "spdx:checksumValue": sha256},
            }
            for name, (title, sha256, size) in sorted(files.items())
        ],
    }  # fmt: skip
    return stable_json(record).encode()
