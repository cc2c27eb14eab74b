"""The catalogue of sources: what is fetched, from whom, under which licence, and what may stand in for it.

The text is `catalogue.toml` beside this module. Every table is a frozen model; a key that is not known is an
error that names it, so a slip of the pen cannot quietly switch a check off.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from exclusion.errors import InputError

CATALOGUE_PATH = Path(__file__).with_name("catalogue.toml")

Nation = Literal["England", "Wales", "Scotland", "Northern Ireland"]
Protocol = Literal["http_file", "arcgis", "nomis_api", "overpass", "by_hand"]
Cadence = Literal["once", "census", "irregular", "annual", "half_yearly", "quarterly", "weekly", "daily"]

# How long after retrieval a newer release is to be expected, in days; none is expected of a census or a
# discontinued series.
CADENCE_DAYS: Mapping[str, int | None] = {
    "once": None,
    "census": None,
    "irregular": 730,
    "annual": 366,
    "half_yearly": 183,
    "quarterly": 92,
    "weekly": 7,
    "daily": 1,
}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Publisher(_Model):
    """One publisher's server and the manners it asks for."""

    id: str
    name: str
    base: str = Field(pattern=r"^https?://[^\s]+[^/]$")
    landing_page: str
    max_parallel: int = Field(default=2, ge=1, le=8)
    min_interval_s: float = Field(default=0.2, ge=0)
    pause_after_429_s: float = Field(default=5.0, ge=0)
    connect_timeout_s: float = Field(default=10.0, gt=0)
    read_timeout_s: float = Field(default=60.0, gt=0)
    user_agent_style: Literal["plain", "compatible"] = "plain"
    note: str = ""


class InboxPattern(_Model):
    """A file name (glob, case does not matter, parameters in braces) and the reader for that layout.

    `vintage` is given where a file of that name is of another date than the download.
    """

    pattern: str
    reader: str
    vintage: str | None = None


class Alternative(_Model):
    """A source that may stand in, the nations it can speak for, and the sentence the map must carry."""

    source: str
    nations: tuple[Nation, ...]
    map_note: str


class LinkOnPage(_Model):
    """Where to look for the file when its address has moved: a page and a pattern of the link on it.

    The page is relative to the base of `publisher`, which is the source's own unless another is named.
    """

    page: str
    pattern: str
    publisher: str | None = None


class ArcgisLayer(_Model):
    """One layer of a feature service: its key, the fields asked for and whether shapes come with them."""

    service: str
    layer: int = 0
    key: str
    where: str = "1=1"
    out_fields: tuple[str, ...] = ("*",)
    has_geometry: bool = False
    is_distinct: bool = False
    newer_pattern: str | None = None


class NomisQuery(_Model):
    """One query of the Nomis API; `cells_per_page` stays within the guest limit of 25,000."""

    dataset: str
    parameters: Mapping[str, str]
    row_key: tuple[str, ...]
    cells_per_page: int = Field(default=25_000, ge=1, le=1_000_000)


class OverpassQuery(_Model):
    """One Overpass query, asked band by band over a box (south, west, north, east in degrees)."""

    query: str
    box: tuple[float, float, float, float]
    band_degrees: float = Field(default=1.0, gt=0)
    minimum_elements: int = Field(default=0, ge=0)


class Source(_Model):
    """One publisher's dataset.

    `address` is relative to the publisher's base and may hold `{parameters}`. `columns` gives the tidy name of
    each column that a general reader must find, with the pattern its header is known by. `options` are for the
    reader. `expected_rows` and `key` are the publisher's own count and unique key of the whole file.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    publisher: str
    title: str
    landing_page: str
    protocol: Protocol
    address: str | None = None
    file_name: str | None = None
    link: LinkOnPage | None = None
    arcgis: ArcgisLayer | None = None
    nomis: NomisQuery | None = None
    overpass: OverpassQuery | None = None
    parameters: Mapping[str, str] = Field(default_factory=dict)
    vintage: str
    cadence: Cadence
    max_age_days: int = Field(default=1096, ge=1)
    licence: str
    licence_url: str
    credit: str
    geography: str
    geography_vintage: str
    nations: tuple[Nation, ...]
    reader: str | None = None
    media: Literal["zip", "gzip", "csv", "json", "geojson", "xlsx", "ods", "tif", "pbf", "html"] | None = None
    key: tuple[str, ...] = ()
    expected_rows: int | None = None
    may_be_partial: bool = False
    is_required: bool = False
    needed_for: tuple[str, ...] = ()
    needed_with: tuple[str, ...] = ()
    is_peer: bool = False
    max_megabytes: int = Field(default=400, ge=1)
    may_shrink: bool = False
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    alternatives: tuple[Alternative, ...] = ()
    inbox: tuple[InboxPattern, ...] = ()
    columns: Mapping[str, str] = Field(default_factory=dict)
    options: Mapping[str, str | int | float | bool | tuple[str, ...]] = Field(default_factory=dict)
    note: str = ""

    @model_validator(mode="after")
    def _protocol_has_its_parts(self) -> Self:
        part = {
            "http_file": self.address or self.link,
            "arcgis": self.arcgis,
            "nomis_api": self.nomis,
            "overpass": self.overpass,
            "by_hand": self.inbox,
        }[self.protocol]
        if not part:
            raise ValueError(f"protocol {self.protocol} lacks the keys that describe it")
        if self.protocol != "by_hand" and self.reader is None:
            raise ValueError("a source that is downloaded needs a reader")
        for pattern in self.columns.values():
            re.compile(pattern)
        return self

    def fill(
        self, template: str, parameters: Mapping[str, str] | None = None, *, blank: str | None = None
    ) -> str:
        """Fill `{name}` in a template from this run's parameters, then the source's own; else with `blank`."""
        values = {**self.parameters, **(parameters or {})}

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if values.get(name):
                return values[name]
            if blank is not None:
                return blank
            raise InputError(
                f"Source {self.id} needs the parameter '{name}' to be asked for: {self.note or template}"
            )

        return re.sub(r"\{([a-z_]+)\}", value, template)

    @property
    def readers(self) -> tuple[str, ...]:
        """Every reader name that this source may use, the download's first."""
        names = [self.reader] if self.reader else []
        return tuple(dict.fromkeys([*names, *(entry.reader for entry in self.inbox)]))


class Catalogue(_Model):
    """Publishers and sources by id, checked against each other."""

    publishers: Mapping[str, Publisher]
    sources: Mapping[str, Source]

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        for source in self.sources.values():
            if source.publisher not in self.publishers:
                raise ValueError(f"source {source.id} names the unknown publisher '{source.publisher}'")
            for other in (*(a.source for a in source.alternatives), *source.needed_with):
                if other not in self.sources or other == source.id:
                    raise ValueError(f"source {source.id} names the unknown source '{other}'")
            if source.link and (source.link.publisher or source.publisher) not in self.publishers:
                raise ValueError(f"source {source.id} names the unknown publisher '{source.link.publisher}'")
        return self

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The ids of the sources without which there is no map."""
        return tuple(sorted(s.id for s in self.sources.values() if s.is_required))

    def source(self, source_id: str) -> Source:
        """Return one source; an unknown id is an InputError with the nearest names."""
        try:
            return self.sources[source_id]
        except KeyError:
            import difflib

            near = difflib.get_close_matches(source_id, self.sources, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else "see `exclusion sources` for the list."
            raise InputError(f"There is no source '{source_id}' in the catalogue: {hint}") from None

    def publisher_of(self, source: Source) -> Publisher:
        """Return the publisher of a source."""
        return self.publishers[source.publisher]


def load_catalogue(path: Path = CATALOGUE_PATH) -> Catalogue:
    """Read and check a catalogue file; raise InputError naming the file, the entry and the key."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise InputError(f"The catalogue {path} cannot be read: {fault.strerror}.") from fault
    except tomllib.TOMLDecodeError as fault:
        raise InputError(f"The catalogue {path} is not valid TOML: {fault}.") from fault
    for table in ("publishers", "sources"):
        for name, entry in raw.get(table, {}).items():
            if isinstance(entry, dict):
                entry.setdefault("id", name)
    try:
        return Catalogue.model_validate(raw)
    except ValidationError as fault:
        lines = []
        for error in fault.errors(include_url=False):
            where = ".".join(str(part) for part in error["loc"]) or "the file"
            what = "is not a known key" if error["type"] == "extra_forbidden" else error["msg"]
            lines.append(f"{where}: {what}")
        raise InputError(
            f"The catalogue {path.name} has {len(lines)} fault(s): {'; '.join(lines)}."
        ) from fault


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the project's own catalogue, read once."""
    return load_catalogue()
