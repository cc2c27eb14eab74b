"""Reading wide numeric CSV by the compiled pass, pieces side by side.

A piece is a whole part where there are many of moderate size (Ofcom's 121 postcode files), else a block of lines.
Reading, unpacking and parsing let other threads run; pieces are taken up in the order of the file, so the table and
the first fault told are the same however many threads there are.
"""

import contextlib
import os
import queue
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exclusion.sources.contracts import fail
from exclusion.sources.readers_wide_kernel import DECIMAL, SKIP, TEXT, WHOLE, key_forms, parse_block
from exclusion.sources.readers_wide_parts import Check, NotPlainError, Part, Wanted, Wide

_BLOCK = 1 << 20
# Parts up to this size are read whole, each by one thread.
_PART = 1 << 24
_MOST_THREADS = 4
# Room past the text: for a last line feed, and for the compiled pass, which looks a few bytes ahead.
_SLACK = 8


class _Layout:
    """Which column of a file goes where, in the terms of the compiled pass."""

    def __init__(self, wanted: Wanted, header: Sequence[str], places: dict[str, int]) -> None:
        self.places = places
        self.whole = [c for c in places if wanted.fields[c].kind == "integer"]
        self.decimal = [c for c in places if wanted.fields[c].kind == "number"]
        self.kinds = np.full(len(header), SKIP, np.int8)
        self.slots = np.zeros(len(header), np.int64)
        for kind, names in ((WHOLE, self.whole), (DECIMAL, self.decimal), (TEXT, [wanted.key])):
            for slot, name in enumerate(names):
                self.kinds[places[name]], self.slots[places[name]] = kind, slot


class _Layouts:
    """Layouts by header, for most parts have the same one."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._known: dict[bytes, _Layout] = {}

    def of(self, first: bytes, part: Part) -> _Layout:
        if first not in self._known:
            self._known[first] = _Layout(self._wanted, *self._wanted.header(first, part))
        return self._known[first]


class _Room:
    """Memory for one piece, used again for others: the text to parse and what comes of it."""

    def __init__(self) -> None:
        self.raw = bytearray()
        self._flat = {name: np.empty(0, dtype) for name, dtype in _FLAT.items()}

    def text(self, size: int) -> bytearray:
        """Return memory for at least `size` bytes of text; what it held is kept."""
        if len(self.raw) < size:
            grown = bytearray(size)
            grown[: len(self.raw)] = self.raw
            self.raw = grown
        return self.raw

    def array(self, name: str, size: int) -> np.ndarray[Any, Any]:
        """Return an array of at least `size` values, with whatever it held."""
        if len(self._flat[name]) < size:
            self._flat[name] = np.empty(size, _FLAT[name])
        return self._flat[name]


_FLAT = {
    "wholes": np.int32, "decimals": np.float32, "letters": np.uint8, "ends": np.int64, "keys": np.int64,
    "turns": np.int64, "forms": np.int64,
}  # fmt: skip


@dataclass(frozen=True)
class _Piece:
    """What came of some lines; arrays lie in the room and hold until it is given back."""

    part: Part
    layout: _Layout
    room: _Room
    size: int
    rows: int
    columns: dict[str, np.ndarray[Any, Any]]
    letters: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]
    keys: np.ndarray[Any, Any]
    forms: dict[int, str]

    def word(self, row: int) -> str:
        """Return the key of a row."""
        return _word(self.letters, self.ends, row)


def _word(letters: np.ndarray[Any, Any], ends: np.ndarray[Any, Any], row: int) -> str:
    start = int(ends[row - 1]) if row else 0
    return letters[start : int(ends[row])].tobytes().decode("ascii")


def _parse(part: Part, layout: _Layout, room: _Room, start: int, stop: int) -> _Piece:
    """Parse the complete lines in the room's text from `start` to `stop`; NotPlainError for a cell not known."""
    # No row is shorter than its commas and its line feed.
    most = (stop - start) // len(layout.kinds) + 2
    wholes = room.array("wholes", most * len(layout.whole))[: most * len(layout.whole)]
    decimals = room.array("decimals", most * len(layout.decimal))[: most * len(layout.decimal)]
    wholes, decimals = wholes.reshape(-1, most), decimals.reshape(-1, most)
    letters, ends, keys = (
        room.array("letters", stop - start),
        room.array("ends", most),
        room.array("keys", most),
    )
    data = np.frombuffer(room.raw, np.uint8)[start:]
    rows, used, fault = parse_block(
        data, stop - start, layout.kinds, layout.slots, wholes, decimals, letters, ends, keys, 0, 0
    )
    if fault >= 0:
        raise NotPlainError
    turns, numbers = room.array("turns", most), room.array("forms", most)
    count = key_forms(keys[:rows], turns, numbers)
    forms, first = np.unique(numbers[:count], return_index=True)
    words = {int(f): _word(letters, ends, int(turns[i])) for f, i in zip(forms, first, strict=True)}
    columns: dict[str, np.ndarray[Any, Any]] = {n: wholes[i, :rows] for i, n in enumerate(layout.whole)}
    columns |= {n: decimals[i, :rows] for i, n in enumerate(layout.decimal)}
    return _Piece(
        part, layout, room, stop - start, int(rows), columns, letters[:used], ends[:rows], keys[:rows], words
    )


def _whole_part(part: Part, layouts: _Layouts, room: _Room) -> _Piece:
    """Read one part whole and parse it."""
    with part.open() as stream:
        raw, held = room.text(part.size + _SLACK + 1), 0
        while got := stream.readinto(memoryview(raw)[held:-_SLACK]):  # type: ignore[attr-defined]
            held += got
            if held == len(raw) - _SLACK:
                raw = room.text(2 * len(raw))
    if held and raw[held - 1] != ord("\n"):
        raw[held] = ord("\n")
        held += 1
    start = raw.find(b"\n", 0, held) + 1
    return _parse(part, layouts.of(bytes(raw[:start]), part), room, start, held)


def _lines(
    part: Part, layouts: _Layouts, rooms: "queue.SimpleQueue[_Room]"
) -> Iterator[tuple[_Layout, _Room, int]]:
    """Read a part block by block; yield rooms with how many bytes of whole lines stand in their text."""
    with part.open() as stream:
        layout = layouts.of(stream.readline(), part)
        rest = b""
        while True:
            room = rooms.get()
            raw = room.text(2 * _BLOCK + _SLACK)
            raw[: len(rest)] = rest
            held = len(rest)
            got = stream.readinto(memoryview(raw)[held : held + _BLOCK])  # type: ignore[attr-defined]
            stop = held + got
            if got == 0:
                raw[held] = ord("\n")
                if held:
                    yield layout, room, held + 1
                else:
                    rooms.put(room)
                return
            last = raw.rfind(b"\n", 0, stop) + 1
            if last == 0 and stop > _BLOCK:
                raise NotPlainError
            rest = bytes(raw[last:stop])
            if last:
                yield layout, room, last
            else:
                rooms.put(room)


def _pieces(parts: Sequence[Part], wanted: Wanted) -> Generator[_Piece]:
    """Yield the pieces of all parts in their order; each holds until the next is asked for."""
    layouts = _Layouts(wanted)
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    rooms: queue.SimpleQueue[_Room] = queue.SimpleQueue()
    for _ in range(threads + 1):
        rooms.put(_Room())
    waiting: deque[Future[_Piece]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="read") as pool:

        def taken(most: int) -> Iterator[_Piece]:
            while len(waiting) > most:
                piece = waiting.popleft().result()
                yield piece
                rooms.put(piece.room)

        if len(parts) > 1 and all(part.size <= _PART for part in parts):
            for part in parts:
                yield from taken(threads)
                waiting.append(pool.submit(_whole_part, part, layouts, rooms.get()))
        else:
            for part in parts:
                for layout, room, stop in _lines(part, layouts, rooms):
                    waiting.append(pool.submit(_parse, part, layout, room, 0, stop))
                    # One room is left for the block that is read next.
                    yield from taken(threads - 1)
                yield from taken(0)
        yield from taken(0)


class _Growing:
    """A column that grows: made once for the rows expected, enlarged where there are more."""

    def __init__(self, dtype: Any, room: int) -> None:
        self._array, self._used = np.empty(room, dtype), 0

    def add(self, values: np.ndarray[Any, Any]) -> None:
        end = self._used + len(values)
        if end > len(self._array):
            grown = np.empty(max(end, int(len(self._array) * 1.3)), self._array.dtype)
            grown[: self._used] = self._array[: self._used]
            self._array = grown
        self._array[self._used : end] = values
        self._used = end

    def taken(self) -> np.ndarray[Any, Any]:
        # What was never written to takes no memory, so a view with spare room behind it costs nothing.
        return self._array[: self._used]


def read_compiled(parts: Sequence[Part], wanted: Wanted, check: Check) -> Wide:
    """Read parts with the same columns into one table; NotPlainError where a cell is not one the pass knows."""
    total = sum(part.size for part in parts)
    known: list[str] | None = None
    kept: dict[str, _Growing] = {}
    forms: dict[int, str] = {}
    rows = used = 0
    is_rising, last = True, -1
    with contextlib.closing(_pieces(parts, wanted)) as pieces:
        for piece in pieces:
            known = wanted.same(known, list(piece.layout.places), piece.part)
            check(piece.columns, piece.word, rows)
            if piece.rows == 0:
                continue
            if not kept:
                # The first piece tells how long a row is.
                scale = 1.05 * max(total / piece.size, 1.0)
                room = int(piece.rows * scale) + 1_000
                kept = {
                    c: _Growing(piece.columns[c].dtype, room)
                    for c in known
                    if c != wanted.key and wanted.keep(c)
                }
                ends = _Growing(np.int64, room + 1)
                ends.add(np.zeros(1, np.int64))
                text = _Growing(np.uint8, int(len(piece.letters) * scale) + 10_000)
            for name, column in kept.items():
                column.add(piece.columns[name])
            is_rising = is_rising and last < piece.keys[0] and bool((piece.keys[1:] > piece.keys[:-1]).all())
            last = int(piece.keys[-1])
            ends.add(piece.ends + used)
            text.add(piece.letters)
            forms |= piece.forms
            rows, used = rows + piece.rows, used + len(piece.letters)
    if not kept:
        raise fail(wanted.source, parts[0].name, "there is no row of data in the file")
    columns = {name: column.taken() for name, column in kept.items()}
    return Wide(_texts(text.taken(), ends.taken()), is_rising, columns, tuple(forms.values()))


def _texts(letters: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> pd.Series:
    """Return texts that lie end to end as a column, without copying them; `offsets` begins with 0."""
    import pyarrow as pa

    array = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(letters))
    return pd.Series(pd.array(array, dtype="str"))
