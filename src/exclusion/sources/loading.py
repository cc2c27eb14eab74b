"""From a snapshot to a table, by the reader that its record names."""

import importlib.util
from pathlib import Path
from typing import Any

from exclusion.errors import SourceError
from exclusion.files import sha256_of
from exclusion.sources.catalogue import Catalogue, catalogue
from exclusion.sources.readers import READERS, read_source
from exclusion.sources.records import Snapshot


def reader_version(name: str) -> str:
    """Return a short hash of the module that holds a reader, so that a changed reader shows in the record.

    "none" stands for a layout that is used as the file it is.
    """
    if name not in READERS:
        return "none"
    module = READERS[name].partition(":")[0]
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise SourceError(f"The reader '{name}' is registered in {module}, which does not exist.")
    return sha256_of(Path(spec.origin))[:12]


def load(snapshot: Snapshot, *, of: Catalogue | None = None) -> Any:
    """Read a snapshot with its reader into a tidy table.

    From another server than the publisher's own (a demonstration, a test) the publisher's national row count is
    not asked of the file. Raises what the reader raises: SourceError or ContractError naming file and row.
    """
    source = (of or catalogue()).source(snapshot.source_id)
    if snapshot.realm == "substitute":
        source = source.model_copy(update={"expected_rows": None, "may_be_partial": True})
    return read_source(snapshot.path, source, snapshot.reader)


def try_reader(snapshot: Snapshot) -> None:
    """Read a new file once, so that one that cannot be used never takes the place of one that can."""
    if snapshot.reader in READERS:
        load(snapshot)
