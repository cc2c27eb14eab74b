"""One connection to the local publishers: requests read, faults laid over the answers, bodies sent or broken off."""

import email.utils
import hashlib
import re
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

_CHUNK = 64 << 10
_TYPES = {
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".tif": "image/tiff",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}


@dataclass(frozen=True)
class Fault:
    """One scripted misbehaviour for one request; fields that are left out leave the answer as it was.

    `cut_after` sends that many bytes of the body and then breaks off, by a reset where `is_reset`. `query`
    replaces query parameters before the answer is made; `transform` changes the answer's body. Without a length the
    body ends where the connection does.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str | None = None
    cut_after: int | None = None
    is_reset: bool = False
    delay_s: float = 0.0
    query: Mapping[str, str] = field(default_factory=dict)
    transform: Callable[[bytes], bytes] | None = None
    ignores_range: bool = False
    has_validators: bool = True
    has_length: bool = True


OK = Fault()


@dataclass(frozen=True)
class Request:
    """One request as it was answered."""

    method: str
    path: str
    status: int
    body_bytes: int
    headers: Mapping[str, str]


@dataclass
class Answer:
    """What is sent back, before faults are laid over it."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


class Owner(Protocol):
    """The server behind a connection: it makes answers and keeps the record."""

    def next_fault(self, path: str) -> Fault:
        """Return the fault laid over the next request for a path."""

    def answer(self, publisher: str, path: str, query: dict[str, str], agent: str) -> Answer | Path:
        """Make the answer to one request: a body, or the static file to be sent."""

    def cached(self, path: Path, read: Callable[[Path], Any]) -> Any:
        """Return what `read` makes of a file, kept until the file changes."""

    def record(self, request: Request) -> None:
        """Keep a request as it was answered."""


class QuietServer(ThreadingHTTPServer):
    """A threading server that does not print a traceback when a client goes away."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that break off are part of what is tested."""


class Handler(BaseHTTPRequestHandler):
    """Answer one connection."""

    protocol_version = "HTTP/1.1"
    owner: Owner
    disable_nagle_algorithm = True
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing: requests are recorded instead."""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve({})

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._serve({})

    def do_POST(self) -> None:
        """Answer a POST with a form body."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self._serve(dict(parse_qsl(body, keep_blank_values=True)))

    def _serve(self, form: dict[str, str]) -> None:
        fault = self.owner.next_fault(self.path)
        if fault.delay_s:
            time.sleep(fault.delay_s)
        parts = urlsplit(self.path)
        publisher, _, path = unquote(parts.path).lstrip("/").partition("/")
        query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **form, **fault.query}
        agent = self.headers.get("User-Agent") or ""
        answer = self.owner.answer(publisher, path, query, agent)
        if isinstance(answer, Path):
            answer = self._file(answer, fault)
        elif not fault.has_validators:
            answer.headers.pop("ETag", None)
        elif answer.headers.get("ETag", "none") in self.headers.get("If-None-Match", ""):
            answer.status, answer.body = 304, b""
        if fault.transform is not None:
            answer.body = fault.transform(answer.body)
        if fault.body is not None:
            answer.body = fault.body
            answer.content_type = fault.content_type or answer.content_type
        if fault.status is not None:
            answer.status = fault.status
            if fault.body is None and fault.status >= 300:
                answer.body, answer.content_type = f"status {fault.status}".encode(), "text/plain"
        answer.headers.update(fault.headers)
        self._send(answer, fault)

    def _file(self, file: Path, fault: Fault) -> Answer:
        data: bytes
        data, etag = self.owner.cached(file, _read_bytes)
        modified = email.utils.formatdate(int(file.stat().st_mtime), usegmt=True)
        headers = {"Accept-Ranges": "bytes"}
        if fault.has_validators:
            headers |= {"ETag": etag, "Last-Modified": modified}
        kind = _TYPES.get(file.suffix, "application/octet-stream")
        changed = self.headers.get("If-None-Match", "")
        since = self.headers.get("If-Modified-Since", "")
        if fault.has_validators and (etag in changed or (not changed and since == modified)):
            return Answer(304, b"", kind, headers)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        is_same = self.headers.get("If-Range") in {None, etag, modified}
        if asked and is_same and not fault.ignores_range:
            start = int(asked.group(1))
            if start >= len(data):
                headers["Content-Range"] = f"bytes */{len(data)}"
                return Answer(416, b"", kind, headers)
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return Answer(206, data[start:], kind, headers)
        return Answer(200, data, kind, headers)

    def _send(self, answer: Answer, fault: Fault) -> None:
        has_body = self.command != "HEAD" and answer.status != HTTPStatus.NOT_MODIFIED
        body = answer.body if has_body else b""
        sent = body if fault.cut_after is None else body[: fault.cut_after]
        self.send_response(answer.status)
        if has_body:
            self.send_header("Content-Type", answer.content_type)
        if not fault.has_length:
            self.send_header("Connection", "close")
            self.close_connection = True
        elif has_body or self.command == "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        request = Request(self.command, self.path, answer.status, len(sent), dict(self.headers.items()))
        # Recorded before the body goes out, so that a client that has read it all finds it in the record.
        self.owner.record(request)
        self.end_headers()
        for start in range(0, len(sent), _CHUNK):
            self.wfile.write(sent[start : start + _CHUNK])
        if fault.cut_after is not None:
            self.wfile.flush()
            if fault.is_reset:
                # Linger of zero seconds makes the close a reset, as a broken line does.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True


def _read_bytes(path: Path) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, f'"{hashlib.sha256(data).hexdigest()[:20]}"'
