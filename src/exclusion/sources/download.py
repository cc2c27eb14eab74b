"""One file by HTTP: conditional, resumable, streamed to a part file, measured and looked at before it counts."""

import dataclasses
import html
import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urljoin, urlsplit

import requests

from exclusion.errors import SourceError
from exclusion.sources.fetched import Fetched, Task, Unchanged
from exclusion.sources.snapshots import disk_fault
from exclusion.sources.sniffing import fault_of
from exclusion.sources.transport import Client, PermanentFault, TransientFault, chunks

_GONE = frozenset({404, 410})


def _append(handle: BinaryIO, chunk: bytes) -> None:
    """Write one chunk; a test puts a full disk here."""
    handle.write(chunk)


def _validators(response: requests.Response) -> dict[str, str]:
    names = {"etag": "ETag", "last_modified": "Last-Modified"}
    return {key: response.headers[name] for key, name in names.items() if name in response.headers}


def _strong(validators: dict[str, str]) -> str | None:
    """Return the validator that may stand in If-Range: a strong ETag, else the date."""
    etag = validators.get("etag")
    return etag if etag and not etag.startswith("W/") else validators.get("last_modified")


class _Part:
    """An unfinished download with what is needed to go on with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes = path.with_suffix(".json")

    def state(self) -> tuple[int, dict[str, str]]:
        """Return how many bytes there are and their validators; a part without notes is begun again."""
        try:
            notes = json.loads(self.notes.read_text(encoding="utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0, {}
        if size == 0 or not _strong(notes):
            return 0, {}
        return size, notes

    def begin(self, validators: dict[str, str]) -> None:
        self.path.unlink(missing_ok=True)
        self.notes.write_text(json.dumps(validators), encoding="utf-8")

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)


def _total(response: requests.Response, start: int) -> int | None:
    """Return how long the whole file will be, where the server says so in a way that can be trusted."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return None
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _resumes(response: requests.Response, start: int) -> bool:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status_code == 206 and match is not None and int(match.group(1)) == start


def _conditions(task: Task, start: int, notes: dict[str, str]) -> dict[str, str]:
    """Return the headers that ask only for what is missing, or only for what has changed."""
    if start:
        return {"Range": f"bytes={start}-", "If-Range": _strong(notes) or ""}
    headers: dict[str, str] = {}
    if task.held is not None and task.held.etag:
        headers["If-None-Match"] = task.held.etag
    if task.held is not None and task.held.last_modified:
        headers["If-Modified-Since"] = task.held.last_modified
    return headers


def _store(response: requests.Response, task: Task, part: _Part, start: int) -> None:
    """Append a body to the part file and check its length against what was announced and allowed."""
    total = _total(response, start)
    ceiling = task.source.max_megabytes << 20
    limit = f"over the limit of {task.source.max_megabytes} MB for source {task.source.id}"
    if total is not None and total > ceiling:
        part.drop()
        raise PermanentFault(f"{response.url} is {total:,} bytes, {limit}")
    done = start
    with part.path.open("ab") as handle:
        for chunk in chunks(response):
            done += len(chunk)
            if done > ceiling:
                break
            _append(handle, chunk)
            task.tell("downloading", done, total)
        handle.flush()
        os.fsync(handle.fileno())
    if done > ceiling:
        part.drop()
        raise PermanentFault(f"{response.url} goes on and on, {limit}")
    if total is not None and done != total:
        raise TransientFault(f"{response.url} ended after {done:,} of {total:,} bytes")
    if task.source.media == "csv" and _may_be_cut(response) and not _ends_with_line(part.path):
        part.drop()
        raise TransientFault(
            f"{response.url} ended in the middle of a line after {done:,} bytes, and does not say how many there are"
        )


def _may_be_cut(response: requests.Response) -> bool:
    """Tell whether the end of a body looks the same as a line that broke: no length, no chunks, nothing packed."""
    headers = response.headers
    is_framed = "Content-Length" in headers or "chunked" in headers.get("Transfer-Encoding", "")
    return not is_framed and headers.get("Content-Encoding", "identity") == "identity"


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as handle:
        handle.seek(-min(path.stat().st_size, 1), os.SEEK_END)
        return handle.read() in {b"\n", b"\r", b""}


def _refuse_if_no_file(response: requests.Response, part: _Part) -> None:
    if response.status_code == 206:
        part.drop()
        raise TransientFault(f"{response.url} sent another range than was asked for")
    if response.status_code != 200:
        raise PermanentFault(f"{response.url} answered HTTP {response.status_code}, which is no file")


def _receive(
    client: Client, task: Task, address: str, part: _Part
) -> tuple[requests.Response, dict[str, str]] | Unchanged:
    """Make one try: ask for what is missing, append it, and check the length."""
    start, notes = part.state()
    try:
        with client.open("GET", address, headers=_conditions(task, start, notes)) as response:
            validators = _validators(response)
            if response.status_code == 304:
                return Unchanged(validators.get("etag"), validators.get("last_modified"))
            if not _resumes(response, start):
                _refuse_if_no_file(response, part)
                start = 0
                part.begin(validators)
            _store(response, task, part, start)
            return response, validators
    except PermanentFault as fault:
        if fault.status != 416:
            raise
        part.drop()
        raise TransientFault(f"{client.address(address)} would not go on from byte {start:,}") from fault


def _file_name(task: Task, final_address: str) -> str:
    if task.source.file_name:
        return task.source.file_name
    name = PurePosixPath(unquote(urlsplit(final_address).path)).name
    return re.sub(r"[^A-Za-z0-9._()+-]", "_", name)[:120].lstrip(".") or f"{task.source.id}.bin"


def download(client: Client, task: Task, address: str) -> Fetched | Unchanged:
    """Fetch one address whole, or learn that it has not changed.

    Raises PermanentFault for what the publisher does wrong, SourceError for a disk that is full.
    """
    task.tell("checking")
    part = _Part(task.part)
    try:
        task.work.mkdir(parents=True, exist_ok=True)
        result = client.patiently(lambda: _receive(client, task, address, part))
        if isinstance(result, Unchanged):
            return result
        response, validators = result
        fault = fault_of(part.path, task.source.media)
    except OSError as error:
        part.drop()
        raise disk_fault(error, task.work.parent.parent) from error
    part.notes.unlink(missing_ok=True)
    if fault is not None:
        part.drop()
        raise PermanentFault(f"what {response.url} sent {fault}")
    return Fetched(
        path=part.path,
        file=_file_name(task, response.url),
        final_address=response.url,
        revision=validators.get("etag") or validators.get("last_modified"),
        **validators,
    )


def find_link(client: Client, task: Task) -> str:
    """Look for a file's present address on its publisher's page; the last that matches in sorted order is taken.

    Returns an address as the page gives it, made absolute against the publisher's own page.
    """
    link = task.source.link
    if link is None:
        raise SourceError(f"Source {task.source.id} has no page on which to look for its file.")
    body, response = client.patiently(lambda: client.read(link.page, ceiling=16 << 20))
    page = body.decode("utf-8", "replace")
    found = {
        urljoin(f"{client.publisher.base}/{link.page}", html.unescape(href).strip())
        for href in re.findall(r"""href\s*=\s*["']([^"']+)["']""", page, re.IGNORECASE)
        if re.search(link.pattern, html.unescape(href))
    }
    if not found:
        raise PermanentFault(f"no link on {response.url} matches the file of {task.source.id}")
    return max(found)


def fetch_file(
    client: Client, task: Task, link_client: Client | None, rebase: "Rebase"
) -> Fetched | Unchanged:
    """Fetch a source's file: where it was found last, at its known address, else by the link on its page."""
    source = task.source
    found_at = task.held.found_at if task.held is not None else None
    gone: PermanentFault | None = None
    if found_at is not None or source.address is not None:
        try:
            if found_at is not None:
                owner, address = rebase(found_at, client)
                return _found(download(owner, task, address), found_at)
            return download(client, task, source.fill(source.address or "", task.parameters))
        except PermanentFault as fault:
            if fault.status not in _GONE or link_client is None:
                raise
            gone = fault
    if link_client is None:
        raise PermanentFault(f"source {source.id} has neither an address nor a page to look for it on")
    try:
        published = find_link(link_client, task)
    except PermanentFault as fault:
        raise PermanentFault(f"{gone}; {fault}" if gone else str(fault)) from fault
    owner, address = rebase(published, client)
    fetched = _found(download(owner, task, address), published)
    if isinstance(fetched, Fetched) and gone is not None:
        message = f"The file of {source.id} has moved to {published}: put the new address in the catalogue."
        return dataclasses.replace(fetched, message=message)
    return fetched


def _found(result: Fetched | Unchanged, address: str) -> Fetched | Unchanged:
    return dataclasses.replace(result, found_at=address) if isinstance(result, Fetched) else result


class Rebase:
    """Turn a publisher's own address into the client and relative path that serve it in this run."""

    def __init__(self, clients: "dict[str, Client]", of: "list[tuple[str, str]]") -> None:
        """Take this run's clients by publisher id, and (publisher's own base, id) pairs."""
        self._clients = clients
        self._bases = sorted(of, key=lambda pair: -len(pair[0]))

    def __call__(self, address: str, otherwise: Client) -> tuple[Client, str]:
        """Return the client for an address and the path relative to its base."""
        for base, name in self._bases:
            if address.startswith(f"{base}/") and name in self._clients:
                return self._clients[name], address[len(base) + 1 :]
        return otherwise, address
