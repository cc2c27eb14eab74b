"""A tiny world of publishers for the retrieval tests: a catalogue, their files, and clocks that do not wait."""

import datetime as dt
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from exclusion.demo.server import PublisherServer
from exclusion.sources.catalogue import Catalogue, load_catalogue
from exclusion.sources.pull import PullReport, pull
from exclusion.sources.transport import Timing

CATALOGUE = """
[publishers.statistics]
name = "Office of Made-up Statistics"
base = "https://statistics.invalid/root"
landing_page = "https://statistics.invalid/"
min_interval_s = 0.0
pause_after_429_s = 5.0

[publishers.geography]
name = "Made-up Geography Portal"
base = "https://geography.invalid/rest/services"
landing_page = "https://geography.invalid/"
min_interval_s = 0.0

[publishers.nomis]
name = "Made-up Nomis"
base = "https://nomis.invalid"
landing_page = "https://nomis.invalid/"
min_interval_s = 0.0

[publishers.overpass]
name = "Made-up Overpass"
base = "https://overpass.invalid"
landing_page = "https://overpass.invalid/"
max_parallel = 1
min_interval_s = 2.0
pause_after_429_s = 30.0

{sources}
"""

SOURCE = """
[sources.{id}]
publisher = "{publisher}"
title = "Made-up {id}"
landing_page = "https://{publisher}.invalid/{id}"
protocol = "{protocol}"
vintage = "2021"
cadence = "annual"
licence = "OGL-UK-3.0"
licence_url = "https://example.invalid/"
credit = "Made up."
geography = "lsoa21"
geography_vintage = "2021"
nations = ["England", "Wales"]
{more}
"""

DEFINITIONS = {
    "table": (
        "statistics",
        "http_file",
        'address = "files/table.csv"\nmedia = "csv"\nreader = "lookup_csv"\nis_required = true\ninbox = [{ pattern = "table*.csv", reader = "lookup_csv" }, { pattern = "spare_table*.csv*", reader = "lookup_csv" }]',
    ),
    "archive": (
        "statistics",
        "http_file",
        'address = "files/archive.zip?v=42"\nmedia = "zip"\nreader = "nomis_census_zip"\ninbox = [{ pattern = "archive*.zip", reader = "nomis_census_zip" }]\nalternatives = [{ source = "stand_in", nations = ["England"], map_note = "The stand-in is used." }]',
    ),
    "stand_in": (
        "statistics",
        "http_file",
        'address = "files/stand_in.csv"\nmedia = "csv"\nreader = "lookup_csv"\ninbox = [{ pattern = "stand_in*.csv", reader = "lookup_csv" }]',
    ),
    "moving": (
        "statistics",
        "http_file",
        'address = "media/old/moving.csv"\nlink = { page = "pages/moving", pattern = "moving[^<>]*[.]csv" }\nmedia = "csv"\nreader = "lookup_csv"',
    ),
    "moving_too": (
        "statistics",
        "http_file",
        'address = "media/old/moving.csv"\nlink = { page = "pages/moving", pattern = "moving[^<>]*[.]csv" }\nmedia = "csv"\nreader = "centroids_csv"',
    ),
    "found": (
        "statistics",
        "http_file",
        'file_name = "found.csv"\nlink = { page = "pages/found", pattern = "found[^<>]*[.]csv" }\nmedia = "csv"\nreader = "lookup_csv"',
    ),
    "county": (
        "statistics",
        "http_file",
        'address = "roads/{county}-latest.csv"\nmedia = "csv"\nreader = "lookup_csv"\ninbox = [{ pattern = "{county}-*.csv", reader = "lookup_csv" }]',
    ),
    "by_hand": (
        "statistics",
        "by_hand",
        'inbox = [{ pattern = "by_hand*.csv", reader = "lookup_csv", vintage = "as supplied" }]',
    ),
    "lookup": (
        "geography",
        "arcgis",
        'media = "json"\nreader = "arcgis_table"\nis_required = true\n[sources.lookup.arcgis]\nservice = "LOOKUP_LU"\nkey = "LSOA21CD"\nout_fields = ["LSOA21CD", "LAD24CD"]',
    ),
    "shapes": (
        "geography",
        "arcgis",
        'media = "geojson"\nreader = "arcgis_features"\n[sources.shapes.arcgis]\nservice = "SHAPES_BGC"\nkey = "LSOA21CD"\nout_fields = ["LSOA21CD"]\nhas_geometry = true',
    ),
    "estimates": (
        "nomis",
        "nomis_api",
        'media = "csv"\nreader = "nomis_mid_year_csv"\n[sources.estimates.nomis]\ndataset = "NM_1_1"\nrow_key = ["GEOGRAPHY_CODE", "C_AGE"]\ncells_per_page = 40\n[sources.estimates.nomis.parameters]\ngeography = "TYPE151"\nc_age = "200,201"\ndate = "latest"',
    ),
    "halls": (
        "overpass",
        "overpass",
        'media = "json"\nreader = "lookup_csv"\ninbox = [{ pattern = "{county}-*.csv", reader = "lookup_csv" }]\n[sources.halls.overpass]\nbox = [50.0, -2.0, 52.0, 1.0]\nquery = \'[out:json][bbox:{south},{west},{north},{east}];nwr[amenity];out center tags;\'',
    ),
}


def make_catalogue(folder: Path, *ids: str) -> Catalogue:
    """Write and load the catalogue of the made-up publishers, or of some of its sources."""
    text = "".join(
        SOURCE.format(id=name, publisher=publisher, protocol=protocol, more=more)
        for name, (publisher, protocol, more) in DEFINITIONS.items()
        if not ids or name in ids
    )
    path = folder / "catalogue.toml"
    path.write_text(CATALOGUE.replace("{sources}", text))
    return load_catalogue(path)


def csv_bytes(rows: int = 200, *, tag: str = "a") -> bytes:
    """Return a CSV of made-up areas."""
    lines = [f"E0100{number:04d},{tag}{number % 7}" for number in range(rows)]
    return ("LSOA21CD,value\n" + "\n".join(lines) + "\n").encode()


def zip_bytes(**members: bytes) -> bytes:
    """Return a zip of members, the double underscore in a name standing for the dot, with fixed times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", ".")), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def put(path: Path, data: bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def lookup_features(rows: int = 90) -> list[dict]:
    """Return the features of the made-up lookup, not in the order of their key."""
    codes = [f"E0100{(number * 37) % rows:04d}" for number in range(rows)]
    return [
        {"attributes": {"LSOA21CD": code, "LAD24CD": "E06000057", "FID": n}} for n, code in enumerate(codes)
    ]


def shape_features(rows: int = 12) -> list[dict]:
    """Return square areas side by side."""
    features = []
    for number in range(rows):
        x = -2 + number / 100
        ring = [[x, 55.0], [x + 0.01, 55.0], [x + 0.01, 55.01], [x, 55.01], [x, 55.0]]
        features.append(
            {
                "attributes": {"LSOA21CD": f"E0100{rows - number:04d}"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    return features


def estimate_rows(areas: int = 50) -> bytes:
    """Return a Nomis dataset of three ages for each area."""
    lines = ["DATE,GEOGRAPHY_CODE,C_AGE,OBS_VALUE"]
    lines += [f"2024,E0100{a:04d},{age},{1000 + a}" for a in range(areas) for age in (200, 201, 209)]
    return ("\n".join(lines) + "\n").encode()


def hall_elements() -> list[dict]:
    """Return halls in both bands of the made-up query."""
    return [
        {
            "type": "node",
            "id": 10 - n,
            "lat": 50.25 + n * 0.3,
            "lon": -1.0,
            "tags": {"amenity": "community_centre"},
        }
        for n in range(6)
    ] + [{"type": "way", "id": 3, "center": {"lat": 51.0, "lon": 0.5}, "tags": {"amenity": "townhall"}}]


def make_publishers(root: Path) -> Path:
    """Write the made-up publishers' files and return their folder."""
    put(root / "statistics/files/files/table.csv", csv_bytes())
    put(
        root / "statistics/files/files/archive.zip",
        zip_bytes(**{"census2021-ts001-lsoa__csv": csv_bytes(400)}),
    )
    put(root / "statistics/files/files/stand_in.csv", csv_bytes(150, tag="s"))
    put(root / "statistics/files/media/new/moving_2025.csv", csv_bytes(160, tag="m"))
    put(
        root / "statistics/files/pages/moving/index.html",
        b'<html><body><a href="/root/media/new/moving_2025.csv">Moving</a> <a href="/other.csv">x</a></body></html>',
    )
    put(root / "statistics/files/media/found_v2.csv", csv_bytes(170, tag="f"))
    put(
        root / "statistics/files/pages/found/index.html",
        b"<html><body><a href='https://statistics.invalid/root/media/found_v2.csv?x=1&amp;y=2'>Found</a></body></html>",
    )
    put(root / "statistics/files/roads/rutland-latest.csv", csv_bytes(120, tag="r"))
    lookup = {"key": "LSOA21CD", "max_record_count": 40, "geometry_type": None, "features": lookup_features()}
    put(root / "geography/arcgis/LOOKUP_LU.json", json.dumps(lookup).encode())
    shapes = {
        "key": "LSOA21CD",
        "max_record_count": 5,
        "geometry_type": "esriGeometryPolygon",
        "features": shape_features(),
    }
    put(root / "geography/arcgis/SHAPES_BGC.json", json.dumps(shapes).encode())
    put(root / "nomis/api/NM_1_1.csv", estimate_rows())
    put(root / "overpass/overpass/halls.json", json.dumps({"elements": hall_elements()}).encode())
    return root


@dataclass
class FakeClock:
    """A clock that moves only when somebody sleeps, and remembers for how long."""

    at: float = 1_000.0
    start: dt.datetime = dt.datetime(2026, 11, 1, 12, 0, tzinfo=dt.UTC)
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def now(self) -> dt.datetime:
        return self.start + dt.timedelta(seconds=self.at - 1_000.0)

    def pass_days(self, days: float) -> None:
        self.at += days * 86_400

    @property
    def timing(self) -> Timing:
        return Timing(clock=self.clock, sleep=self.sleep, now=self.now)


@dataclass
class World:
    """Publishers on this machine, a store beside them, and a clock that does not wait."""

    folder: Path
    server: PublisherServer
    clock: FakeClock

    def pull(self, source: str, raw: str, *, of, **more) -> PullReport:
        return pull(
            [source],
            raw=self.folder / raw,
            bases=self.server.bases(),
            of=of,
            check=None,
            timing=self.clock.timing,
            **more,
        )


def changed_catalogue(world: World, source: str, changes: dict) -> Catalogue:
    """Return the catalogue with some fields of one source changed and nothing to stand in for it."""
    of = make_catalogue(world.folder)
    publishers = {
        name: p.model_copy(update={"read_timeout_s": 0.25}) if name == "statistics" else p
        for name, p in of.publishers.items()
    }
    sources = {
        **of.sources,
        source: of.sources[source].model_copy(update={**changes, "is_required": False, "alternatives": ()}),
    }
    return of.model_copy(update={"sources": sources, "publishers": publishers})
