"""The catalogue, polite and checked retrieval, one reader per publisher's layout, the ledger and the inbox."""

import logging

from exclusion.sources.bars import Bars
from exclusion.sources.catalogue import Catalogue, Publisher, Source, catalogue, load_catalogue
from exclusion.sources.fetched import Progress
from exclusion.sources.loading import load
from exclusion.sources.pull import Missing, PullReport, manifest, pull
from exclusion.sources.records import Record, Snapshot
from exclusion.sources.snapshots import RawStore
from exclusion.sources.status import (
    SourceStatus,
    UpstreamCheck,
    check_sources,
    list_sources,
    pin_source,
    prune_sources,
    unpin_source,
)

__all__ = [
    "Bars",
    "Catalogue",
    "Missing",
    "Progress",
    "Publisher",
    "PullReport",
    "RawStore",
    "Record",
    "Snapshot",
    "Source",
    "SourceStatus",
    "UpstreamCheck",
    "catalogue",
    "check_sources",
    "list_sources",
    "load",
    "load_catalogue",
    "manifest",
    "pin_source",
    "prune_sources",
    "pull",
    "unpin_source",
]

# A library is silent unless its user listens: without these, warnings would go to stderr by themselves.
for _name in ("exclusion.sources", "stamina"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
