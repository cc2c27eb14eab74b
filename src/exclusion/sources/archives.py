"""Archives opened safely: no traversal, no bombs, no surprise, and never a file written under a member's name.

Members are read as streams, so a name such as `../../etc/passwd` has nowhere to go; it is refused all the same,
because an archive that holds one is not the publisher's. Zips inside zips are searched to a stated depth.
"""

import contextlib
import fnmatch
import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self, cast

from exclusion.errors import SourceError

# The largest honest member is content.xml of DfT's connectivity workbook, about 1 GB from 68 MB (ratio 15);
# census tables compress about 6 to 1. Deflate cannot exceed 1032 to 1, which only made-up data come near.
MAX_MEMBER_BYTES = 3_000_000_000
MAX_TOTAL_BYTES = 6_000_000_000
MAX_MEMBERS = 20_000
MAX_RATIO = 200
RATIO_FROM_BYTES = 20_000_000
MAX_DEPTH = 2
_IN_MEMORY = 64 << 20
_BUFFER = 1 << 20
# Whoever reads more than this at a time gets it without a copy.
_STREAM_BUFFER = 1 << 17
_SYMLINK = 0o120000
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Member:
    """One file in an archive: its path from the outermost archive inwards, and its size when unpacked."""

    path: tuple[str, ...]
    size: int

    @property
    def name(self) -> str:
        """The file name alone."""
        return PurePosixPath(self.path[-1]).name

    def __str__(self) -> str:
        return "!".join(self.path)


def _refuse(archive: str, why: str) -> SourceError:
    return SourceError(
        f"{archive} was not opened: {why}. Download it again from the publisher, or remove it from the inbox."
    )


def _check_names(archive: str, infos: list[zipfile.ZipInfo]) -> None:
    if len(infos) > MAX_MEMBERS:
        raise _refuse(archive, f"it lists {len(infos):,} members, more than {MAX_MEMBERS:,}")
    total = 0
    for info in infos:
        name = info.orig_filename or info.filename
        parts = name.replace("\\", "/").split("/")
        if "\x00" in name or ".." in parts or parts[0] == "" or (len(parts[0]) == 2 and parts[0][1] == ":"):
            raise _refuse(archive, f"its member {name!r} points outside the archive")
        if (info.external_attr >> 16) & 0o170000 == _SYMLINK:
            raise _refuse(archive, f"its member {name!r} is a link")
        if info.flag_bits & _ENCRYPTED:
            raise _refuse(archive, f"its member {name!r} is encrypted")
        if info.file_size > MAX_MEMBER_BYTES:
            raise _refuse(archive, f"its member {name!r} would unpack to {info.file_size:,} bytes")
        if info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise _refuse(
                archive,
                f"its member {name!r} would unpack {info.compress_size:,} bytes to {info.file_size:,}, "
                "which looks like a zip bomb",
            )
        total += info.file_size
    if total > MAX_TOTAL_BYTES:
        raise _refuse(archive, f"it would unpack to {total:,} bytes in all")


@contextlib.contextmanager
def _faults_named(archive: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, gzip.BadGzipFile) as fault:
        raise _refuse(archive, f"it is damaged or cut short ({fault})") from fault


class _Stream(io.RawIOBase):
    """A member's bytes, counted against a ceiling, with damage reported under the archive's name."""

    def __init__(self, inner: BinaryIO, archive: str, ceiling: int) -> None:
        super().__init__()
        self._inner = inner
        self._archive = archive
        self._left = ceiling
        # A file fills the reader's own memory; what is unpacked comes as bytes in any case.
        self._is_file = isinstance(inner, io.BufferedReader)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer)).cast("B")
        with _faults_named(self._archive):
            if self._is_file:
                got = int(self._inner.readinto(view))  # type: ignore[attr-defined]
            else:
                data = self._inner.read(len(view))
                got = len(data)
                view[:got] = data
        self._left -= got
        if self._left < 0:
            raise _refuse(self._archive, "a member unpacks to more bytes than it declares")
        return got

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


@contextlib.contextmanager
def _opened(source: Path | BinaryIO, label: str) -> Iterator[zipfile.ZipFile]:
    with _faults_named(label), contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
        except OSError as fault:
            raise SourceError(f"{label} cannot be read: {fault.strerror or fault}.") from fault
        except ValueError as fault:
            raise _refuse(label, f"it is damaged ({fault})") from fault
        _check_names(label, archive.infolist())
        yield archive


@contextlib.contextmanager
def _inner_archive(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> Iterator[zipfile.ZipFile]:
    inner_label = f"{label}!{info.filename}"
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        with _faults_named(label), archive.open(info) as stream:
            left = info.file_size
            while chunk := stream.read(_BUFFER):
                left -= len(chunk)
                if left < 0:
                    raise _refuse(inner_label, "it unpacks to more bytes than it declares")
                spool.write(chunk)
        spool.seek(0)
        with _opened(cast("BinaryIO", spool), inner_label) as inner:
            yield inner


def _files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return sorted((i for i in archive.infolist() if not i.is_dir()), key=lambda i: i.filename)


def _walk(archive: zipfile.ZipFile, label: str, depth: int, above: tuple[str, ...]) -> Iterator[Member]:
    for info in _files(archive):
        path = (*above, info.filename)
        yield Member(path, info.file_size)
        if info.filename.lower().endswith(".zip"):
            if depth >= MAX_DEPTH:
                raise _refuse(label, f"archives are nested more than {MAX_DEPTH + 1} deep ({'!'.join(path)})")
            with _inner_archive(archive, info, label) as inner:
                yield from _walk(inner, f"{label}!{info.filename}", depth + 1, path)


def list_members(path: Path) -> list[Member]:
    """List every file in a zip and in the zips inside it, sorted by path; an unsafe archive is a SourceError."""
    with _opened(path, path.name) as archive:
        return list(_walk(archive, path.name, 0, ()))


def _matches(member: Member, pattern: str, excluding: str | None) -> bool:
    name = member.name.lower()
    if excluding is not None and fnmatch.fnmatchcase(name, excluding.lower()):
        return False
    return fnmatch.fnmatchcase(name, pattern.lower())


def find_members(path: Path, pattern: str, *, excluding: str | None = None) -> list[Member]:
    """List the members whose file name matches a glob (case does not matter); none is a SourceError."""
    members = list_members(path)
    found = [m for m in members if _matches(m, pattern, excluding)]
    if not found:
        names = ", ".join(str(m) for m in members[:12]) or "nothing"
        more = f" and {len(members) - 12} more" if len(members) > 12 else ""
        raise SourceError(f"{path.name} holds no member that matches '{pattern}'; it holds {names}{more}.")
    return found


class OpenArchive:
    """An archive held open, so that each of its members costs no more than its own bytes.

    A context manager; zips inside are unpacked once, when first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = contextlib.ExitStack()
        self._archives: dict[tuple[str, ...], zipfile.ZipFile] = {}

    def __enter__(self) -> Self:
        self._archives[()] = self._stack.enter_context(_opened(self._path, self._path.name))
        return self

    def __exit__(self, *_: object) -> None:
        self._archives.clear()
        self._stack.close()

    def _archive(self, path: tuple[str, ...]) -> zipfile.ZipFile:
        for depth in range(1, len(path) + 1):
            if path[:depth] not in self._archives:
                above = self._archives[path[: depth - 1]]
                label = "!".join((self._path.name, *path[: depth - 1]))
                inner = _inner_archive(above, above.getinfo(path[depth - 1]), label)
                self._archives[path[:depth]] = self._stack.enter_context(inner)
        return self._archives[path]

    @contextlib.contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        """Open one listed member as a buffered binary stream; damage met while reading is a SourceError."""
        archive = self._archive(member.path[:-1])
        info = archive.getinfo(member.path[-1])
        label = "!".join((self._path.name, *member.path))
        with _faults_named(label):
            inner = archive.open(info)
        stream = io.BufferedReader(_Stream(cast("BinaryIO", inner), label, info.file_size), _STREAM_BUFFER)
        with stream:
            yield cast("BinaryIO", stream)


@contextlib.contextmanager
def open_path(path: Path, member: Member) -> Iterator[BinaryIO]:
    """Open one listed member of an archive as a buffered binary stream; see `OpenArchive.open`."""
    with OpenArchive(path) as archive, archive.open(member) as stream:
        yield stream


@contextlib.contextmanager
def open_member(path: Path, pattern: str, *, excluding: str | None = None) -> Iterator[BinaryIO]:
    """Open the one member whose file name matches a glob such as `*lsoa*.csv`, also inside inner zips.

    `excluding` is a second glob that a member must not match. No match, more than one match, a name that points
    outside, a bomb, an encrypted, damaged or cut-short archive are each a SourceError naming the archive.
    """
    found = find_members(path, pattern, excluding=excluding)
    if len(found) > 1:
        names = ", ".join(str(m) for m in found[:6])
        raise SourceError(
            f"{path.name} holds {len(found)} members that match '{pattern}' ({names}); one was expected."
        )
    with open_path(path, found[0]) as stream:
        yield stream


@contextlib.contextmanager
def open_plain(path: Path, *, ceiling: int = MAX_MEMBER_BYTES) -> Iterator[BinaryIO]:
    """Open a plain or gzip file (told by its first bytes) as a binary stream, counted against a ceiling."""
    try:
        raw = path.open("rb")
    except OSError as fault:
        raise SourceError(f"{path.name} cannot be read: {fault.strerror}.") from fault
    with raw:
        is_gzip = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        inner = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        with io.BufferedReader(_Stream(inner, path.name, ceiling), _STREAM_BUFFER) as stream:
            yield cast("BinaryIO", stream)
