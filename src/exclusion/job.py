"""The job: what one run is asked to do, in a form that a command line, a flow and a record can share."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Job(BaseModel):
    """One run: which place, from which files, under which choices.

    `home` is the folder that holds `data/` and `maps/`. Paths are kept as given. `spec` is the name of a shipped
    index specification or a path to one. `accept` names sources whose file may rightly have shrunk by a third or more;
    `accept_gates` names publish gates whose failure `accepted_by` takes, and `why`. `bases` points publishers at
    another server for this run. `as_of` makes an edition of the copies that were held on a day of the past, asks nobody
    and does not serve it. `within_min` counts its last minute as within. `draws` is how many versions of the index are drawn, the spec's own
    number where it is None; `sensitivity_base` the base N of the sensitivity analysis, which takes N (d + 2) versions for d
    choices, set by the number of areas where it is None; `reference` the reference.npz of an earlier edition, against which this one is also
    scored. `roads` is a road extract given by hand, `engine` what measures travel times. `publisher` and `contact` are
    the body that publishes the edition and its e-mail address, for the entry of an open-data portal. `is_demo` makes the fictional
    county's publishers and pulls from them on loopback.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Path()
    places: tuple[str, ...] = ()
    inbox: Path | None = None
    is_demo: bool = False
    is_offline: bool = False
    as_of: dt.date | None = None
    spec: str = "default"
    target: str | None = None
    draws: int | None = Field(default=None, ge=100, le=65_535)
    sensitivity_base: Literal[64, 128, 256, 512, 1024, 2048, 4096, 8192] | None = None
    reference: Path | None = None
    choose: int = Field(default=5, ge=0)
    within_min: float = Field(default=20.0, gt=0, le=180)
    venues: Path | None = None
    roads: Path | None = None
    engine: Literal["auto", "roads", "friction", "straight"] = "auto"
    keep: int = Field(default=5, ge=1)
    accept: tuple[str, ...] = ()
    accept_gates: tuple[str, ...] = ()
    why: str = ""
    accepted_by: str = ""
    publisher: str = ""
    contact: str = ""
    bases: Mapping[str, str] = Field(default_factory=dict)

    @property
    def raw(self) -> Path:
        """Return the folder of snapshots and their ledger; the made-up county keeps its own."""
        return self.home / "data" / "raw" / "demo" if self.is_demo else self.home / "data" / "raw"

    @property
    def demo_inbox(self) -> Path:
        """Return the folder of the files that the made-up county's council was handed."""
        return self.raw / "inbox"

    @property
    def processed(self) -> Path:
        """Return the folder of tables."""
        return self.home / "data" / "processed"

    @property
    def steps(self) -> Path:
        """Return the store of step outputs; the made-up county keeps its own."""
        return self.processed / "steps" / ("demo" if self.is_demo else "real")

    @property
    def maps(self) -> Path:
        """Return the folder of published pages."""
        return self.home / "maps"

    def gate_report(self, slug: str) -> Path:
        """Return where it is written why an edition of a place was not published."""
        return self.processed / "not-published" / f"{slug}.md"
