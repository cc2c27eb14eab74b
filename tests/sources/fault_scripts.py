"""What a publisher's server is told to do wrong, and the case that is made of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from exclusion.demo.server import Fault

HTML = (
    b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body>Checking your browser</body></html>"
)
Script = tuple[str, tuple[Fault, ...], bool]


def once(match: str, *faults: Fault) -> Script:
    return match, faults, False


def always(match: str, *faults: Fault) -> Script:
    return match, faults, True


def page(body: bytes = HTML, kind: str = "text/html", **more) -> Fault:
    return Fault(status=200, body=body, content_type=kind, **more)


def arc_error(code: int, message: str = "Invalid URL") -> Fault:
    body = json.dumps({"error": {"code": code, "message": message, "details": ["x"]}}).encode()
    return Fault(status=200, body=body, content_type="application/json")


def edit_json(change: Callable[[dict], None]) -> Fault:
    def transform(body: bytes) -> bytes:
        value = json.loads(body)
        change(value)
        return json.dumps(value).encode()

    return Fault(transform=transform)


def cut(share: float) -> Fault:
    return Fault(transform=lambda body: body[: int(len(body) * share)])


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    script: tuple[Script, ...] = ()
    expect: str | None = None
    prepare: Callable[[Path], None] | None = None
    slept_at_least: float = 0.0
    requests: int | None = None
    changes: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name
