"""The entry of an edition for an open-data portal: DCAT 3 as JSON-LD, with every file's size, type and checksum.

It has what DCAT-AP 3 makes mandatory or recommends of a dataset and its files, so that a portal's harvester takes it as it
is; codes are those of the vocabularies that DCAT-AP names.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from exclusion.files import stable_json
from exclusion.publish.csvw import licence_of

PORTAL_FILE = "dcat.json"
_CODES = "http://publications.europa.eu/resource/authority"
_MEDIA = "https://www.iana.org/assignments/media-types"
# By a file's ending: its media type, and its code in the table of file types of the EU's Publications Office.
_TYPES = {
    ".csv": ("text/csv", "CSV"),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"),
    ".ods": ("application/vnd.oasis.opendocument.spreadsheet", "ODS"),
    ".gpkg": ("application/geopackage+sqlite3", "GPKG"),
    ".geojson": ("application/geo+json", "GEOJSON"),
    ".parquet": ("application/vnd.apache.parquet", "PARQUET"),
    ".html": ("text/html", "HTML"),
    ".json": ("application/json", "JSON"),
    ".tif": ("image/tiff", "TIFF"),
}
_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geosparql": "http://www.opengis.net/ont/geosparql#",
    "prov": "http://www.w3.org/ns/prov#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
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
    publisher: str = "",
    contact: str = "",
) -> bytes:
    """Return DCAT in JSON-LD; `files` is file name to title, SHA-256 and bytes, `bounds` west, south, east, north.

    The address of a file is its name, relative to wherever the folder is published. There is no clock in it: an edition
    is never changed, and its date is that of the newest source. `publisher` is the body that publishes it and `contact`
    its e-mail address; where one is empty the entry is without it.
    """
    west, south, east, north = (round(float(value), 4) for value in bounds)
    newest = max((str(s["retrieved"]) for s in sources.values()), default="")
    dates = {name: _typed("date", newest) for name in ("dct:issued", "dct:modified")} if newest else {}
    record: dict[str, Any] = {
        "@context": _CONTEXT,
        "@id": edition,
        "@type": "dcat:Dataset",
        "dct:identifier": edition,
        "dct:title": f"Digital exclusion in {place}, by small area",
        "dct:description": about,
        "dct:language": {"@id": f"{_CODES}/language/ENG"},
        **dates,
        **_published_by(publisher, contact),
        "dct:accessRights": {"@id": f"{_CODES}/access-right/PUBLIC"},
        "dct:license": {"@id": licence_of()},
        "dct:rights": list(credit_lines),
        "dcat:keyword": ["digital exclusion", "digital inclusion", area_kind, "people offline", "rural access", "local government"],
        "dcat:theme": {"@id": f"{_CODES}/data-theme/SOCI"},
        "dct:spatial": {
            "@type": "dct:Location",
            "dcat:bbox": {
                "@type": "geosparql:wktLiteral",
                "@value": f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))",
            },
        },
        "prov:wasDerivedFrom": [
            {
                "@type": "prov:Entity",
                "dct:title": str(source["title"]),
                "dct:publisher": {"@type": "foaf:Agent", "foaf:name": str(source["publisher"])},
                "dcat:version": str(source["vintage"]),
                "dct:rights": str(source["licence"]),
                "spdx:checksum": _checksum(str(source["sha256"])),
            }
            for _, source in sorted(sources.items())
        ],
        "dcat:distribution": [
            {
                "@type": "dcat:Distribution",
                "dct:title": title,
                "dcat:accessURL": {"@id": name},
                "dcat:downloadURL": {"@id": name},
                **_type_of(name),
                **dates,
                "dct:license": {"@id": licence_of()},
                "dcat:byteSize": _typed("nonNegativeInteger", str(size)),
                "spdx:checksum": _checksum(sha256),
            }
            for name, (title, sha256, size) in sorted(files.items())
        ],
    }  # fmt: skip
    return stable_json(record).encode()


def _typed(kind: str, value: str) -> dict[str, str]:
    return {"@type": f"xsd:{kind}", "@value": value}


def _checksum(sha256: str) -> dict[str, Any]:
    return {
        "@type": "spdx:Checksum",
        "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
        "spdx:checksumValue": _typed("hexBinary", sha256),
    }


def _type_of(name: str) -> dict[str, Any]:
    media, code = _TYPES[PurePosixPath(name).suffix]
    return {
        "dcat:mediaType": {"@id": f"{_MEDIA}/{media}"},
        "dct:format": {"@id": f"{_CODES}/file-type/{code}"},
    }


def _published_by(publisher: str, contact: str) -> dict[str, Any]:
    """Return publisher and contact point, each only where it is known."""
    found: dict[str, Any] = {}
    if publisher:
        found["dct:publisher"] = {"@type": "foaf:Organization", "foaf:name": publisher}
    if contact:
        who = {"vcard:fn": publisher} if publisher else {}
        found["dcat:contactPoint"] = {
            "@type": "vcard:Organization",
            **who,
            "vcard:hasEmail": {"@id": f"mailto:{contact}"},
        }
    return found
