"""Files that are whole or absent: atomic writes, content hashes and stable JSON."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from exclusion.errors import InputError

_CHUNK = 1 << 20
# A full disk is a fault of the machine, and is told as one; all else that stops a file from being made is about its place.
_FULL = {errno.ENOSPC, errno.EDQUOT}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_parts(parts: Iterable[str | bytes]) -> str:
    """Return one SHA-256 over several parts, each length-prefixed so that parts cannot run together."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it into place on success, remove it on failure.

    The data are flushed to disk before the rename, so that a crash leaves either the old file or the new one. Who may
    read it is the user's own choice (umask), as for any file a person makes. InputError where no file can be made
    there: it is a folder or a device, lies in a file, or may not be written.
    """
    with _told_where(target):
        if target.exists() and not target.is_file():
            what = "a folder" if target.is_dir() else "no ordinary file"
            raise InputError(f"{target} is {what}, and nothing can be written over it: name a file.")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        with _told_where(target):
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_parts(target: Path) -> None:
    """Remove what killed writers of a file left beside it; the caller sees to it that nobody is writing it now."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        left.unlink(missing_ok=True)


@contextlib.contextmanager
def _told_where(target: Path) -> Iterator[None]:
    """Raise InputError that names the file for what the system refuses; a full disk stays what it is."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise
        raise InputError(
            f"{target} cannot be written ({(error.strerror or str(error)).lower()}): name a file in a folder that is "
            "yours to write."
        ) from error


def write_bytes(target: Path, data: bytes) -> None:
    """Write bytes to a file atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Write text to a file atomically as UTF-8 with newlines as given."""
    write_bytes(target, text.encode())


def stable_json(value: Any, *, indent: int | None = 2) -> str:
    """Return JSON with sorted keys, the same text for the same value; NaN and infinity are errors."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent) + "\n"
