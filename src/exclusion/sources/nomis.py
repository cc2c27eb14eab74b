"""The Nomis API: a dataset in pages of at most 25,000 cells, checked against the count it states of itself.

A mistyped parameter is answered with HTTP 200 and nothing, or a header alone; so no rows is an error, and the
rows received must equal RECORD_COUNT. Pages are joined in the order of the rows' own key.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from exclusion.errors import SourceError
from exclusion.files import atomic_path
from exclusion.sources.catalogue import NomisQuery
from exclusion.sources.fetched import Fetched, Task, Unchanged
from exclusion.sources.snapshots import disk_fault
from exclusion.sources.transport import Client, PermanentFault, TransientFault

_COUNT = "RECORD_COUNT"


def data_path(query: NomisQuery) -> str:
    """Return the dataset's path below the publisher's base."""
    return f"api/v01/dataset/{query.dataset}.data.csv"


def _parameters(query: NomisQuery, offset: int, limit: int) -> Mapping[str, str]:
    return {**query.parameters, "RecordOffset": str(offset), "RecordLimit": str(limit)}


def _parse(body: bytes, where: str, query: NomisQuery) -> tuple[list[str], list[list[str]]]:
    text = body.decode("utf-8-sig", "replace")
    if text.lstrip()[:1] == "<":
        raise TransientFault(f"{where} answered a web page")
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        raise PermanentFault(f"{where} answered nothing: Nomis does so when a parameter is mistyped")
    header = [name.strip().upper() for name in rows[0]]
    missing = [name for name in (*query.row_key, _COUNT) if name not in header]
    if missing:
        raise PermanentFault(f"{where} lacks the column {missing[0]}; it has {', '.join(header[:12])}")
    if any(len(row) != len(header) for row in rows[1:]):
        raise TransientFault(f"{where} answered a row that was cut short")
    return header, rows[1:]


@dataclass
class _Table:
    """The rows so far, and what every page must agree on."""

    address: str
    query: NomisQuery
    header: list[str] = field(default_factory=list)
    rows: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    received: int = 0
    total: int | None = None

    def add(self, header: list[str], page: list[list[str]]) -> None:
        """Take one page in, or say what is wrong with it."""
        if self.total is not None and header != self.header:
            raise PermanentFault(f"{self.address} changed its columns between pages")
        self.header = header
        if not page and self.total is None:
            raise PermanentFault(
                f"{self.address} answered no rows: Nomis does so when a parameter is mistyped"
            )
        if not page:
            raise PermanentFault(
                f"{self.address} answered an empty page at row {self.received:,} of {self.total:,}"
            )
        counts = {row[header.index(_COUNT)] for row in page}
        if len(counts) != 1 or not (stated := counts.pop()).isdigit():
            raise PermanentFault(f"{self.address} does not state one {_COUNT}")
        if self.total is not None and int(stated) != self.total:
            raise PermanentFault(
                f"{self.address} changed its {_COUNT} from {self.total:,} to {stated} between pages"
            )
        self.total = int(stated)
        places = [header.index(name) for name in self.query.row_key]
        for row in page:
            key = tuple(row[i] for i in places)
            if key in self.rows:
                raise PermanentFault(f"{self.address} gave the row {' / '.join(key)} twice")
            self.rows[key] = row
        self.received += len(page)

    @property
    def is_whole(self) -> bool:
        """Tell whether every row that was announced has come; more than announced is a fault."""
        if self.total is not None and self.received > self.total:
            raise PermanentFault(f"{self.address} gave {self.received:,} rows where it states {self.total:,}")
        return self.received == self.total


def fetch_dataset(client: Client, task: Task) -> Fetched | Unchanged:
    """Fetch a query of a dataset whole into one CSV with the publisher's own columns, sorted by the rows' key."""
    query = task.source.nomis
    if query is None:
        raise SourceError(f"Source {task.source.id} describes no Nomis query.")
    path = data_path(query)
    table = _Table(client.address(path), query)
    held = task.held.etag if task.held is not None else None
    etag: str | None = None
    task.tell("checking")
    while not table.is_whole:
        params = _parameters(query, table.received, query.cells_per_page)
        conditional = {"If-None-Match": held} if held and table.total is None else None

        def ask(
            params: Mapping[str, str] = params, conditional: Mapping[str, str] | None = conditional
        ) -> tuple[list[str], list[list[str]], str | None] | None:
            body, response = client.read(path, params=params, headers=conditional)
            if response.status_code == 304:
                return None
            return *_parse(body, table.address, query), response.headers.get("ETag")

        answer = client.patiently(ask)
        if answer is None:
            return Unchanged(held)
        etag = answer[2] if table.total is None else etag
        table.add(answer[0], answer[1])
        task.tell("downloading", table.received, table.total, "rows")
    target = task.part.with_suffix(".csv")
    try:
        with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(table.header)
            writer.writerows(table.rows[key] for key in sorted(table.rows))
    except OSError as fault:
        raise disk_fault(fault, task.work.parent.parent) from fault
    return Fetched(
        path=target,
        file=task.source.file_name or f"{query.dataset}.csv",
        final_address=table.address,
        etag=etag,
        revision=etag or f"{table.total} rows",
    )
