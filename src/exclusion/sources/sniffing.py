"""Is this file what it should be? Told by its first and last bytes, before anything is built on it."""

import zipfile
import zlib
from pathlib import Path

from exclusion.sources.catalogue import Source

_HEAD = 4096
_ZIPPED = {"zip", "xlsx", "ods"}
_BY_SUFFIX = {
    ".zip": "zip",
    ".xlsx": "xlsx",
    ".ods": "ods",
    ".gz": "gzip",
    ".csv": "csv",
    ".json": "json",
    ".geojson": "geojson",
    ".tif": "tif",
    ".tiff": "tif",
    ".pbf": "pbf",
    ".parquet": "parquet",
    ".gpkg": "gpkg",
}


def media_of(path: Path, source: Source | None = None) -> str | None:
    """Return the kind of file expected, by its suffix, else as the catalogue says."""
    return _BY_SUFFIX.get(path.suffix.lower()) or (source.media if source else None)


def _looks_like_html(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start[:512]


def _zip_fault(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, zlib.error):
        return "is a zip that was cut short or damaged"
    return None


_STARTS: dict[str, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b",),
    "tif": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "gpkg": (b"SQLite format 3\x00",),
    "parquet": (b"PAR1",),
    "zip": (b"PK",),
    "xlsx": (b"PK",),
    "ods": (b"PK",),
}
_NOT_CSV = (b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"{", b"PAR1")


def _begins_as(head: bytes, media: str | None) -> bool:
    if media in _STARTS:
        return head.startswith(_STARTS[media])
    if media == "pbf":
        return b"OSMHeader" in head[:64]
    if media in {"json", "geojson"}:
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
    return media != "csv" or not (b"\x00" in head or head.startswith(_NOT_CSV))


def fault_of(path: Path, media: str | None) -> str | None:
    """Return what is wrong with a file that should be of the given kind, in a few words, or None.

    An HTML page in place of data, an empty file, wrong first bytes, and archives or Parquet files cut short are
    found; a fault deeper inside is found by the reader.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
        handle.seek(-min(size, 8), 2)
        tail = handle.read()
    if size == 0:
        return "is empty"
    if media != "html" and _looks_like_html(head):
        return "is a web page, not data"
    if not _begins_as(head, media):
        return f"does not begin as a {media} file does"
    if media == "parquet" and not tail.endswith(b"PAR1"):
        return "is a Parquet file that was cut short"
    return _zip_fault(path) if media in _ZIPPED else None
