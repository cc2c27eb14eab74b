"""Reading wide numeric CSV by the compiled pass, pieces side by side.

A piece is a whole part where there are many of moderate size (Ofcom's 121 postcode files), else a block of lines.
Reading, unpacking and parsing let other threads run. Pieces are given their rows of the table in the order of the file,
as soon as their lines are counted, and write straight into them; so the table is the same however many threads there
are.
"""

import contextlib
import os
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exclusion.sources.contracts import fail
from exclusion.sources.readers_wide_kernel import MARGIN, count_lines, parse_lines
from exclusion.sources.readers_wide_keys import (
    KEY_CHARACTERS,
    is_rising_strictly,
    key_forms,
    unpack_keys,
)
from exclusion.sources.readers_wide_limits import Plan, plan, slots_of
from exclusion.sources.readers_wide_parts import NotPlainError, Part, Wanted, Wide

_BLOCK = 1 << 20
# Parts up to this size are read whole, each by one thread.
_PART = 1 << 24
_MOST_THREADS = 4
_LINE_ENDS = b"\r\n"


class _Layout:
    """Which column of a file goes where, and how its lines end."""

    def __init__(self, wanted: Wanted, header: Sequence[str], places: dict[str, int], first: bytes) -> None:
        self.columns = len(header)
        self.names = list(places)
        self.has_returns = first.endswith(_LINE_ENDS)
        self.end = _LINE_ENDS if self.has_returns else b"\n"
        self.plan: Plan = plan(places, self.columns, wanted, has_returns=self.has_returns)


class _Layouts:
    """Layouts by header, for most parts have the same one."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._known: dict[bytes, _Layout] = {}

    def of(self, first: bytes, part: Part) -> _Layout:
        if first not in self._known:
            header, places = self._wanted.header(first, part)
            self._known[first] = _Layout(self._wanted, header, places, first)
        return self._known[first]


class _Room:
    """Memory for the text of one piece, used again for others; the text begins after a margin."""

    def __init__(self) -> None:
        self.raw = bytearray()

    def text(self, size: int) -> bytearray:
        """Return memory for `size` bytes of text with a margin on both sides; what it held is kept."""
        if len(self.raw) < size + 2 * MARGIN:
            grown = bytearray(size + 2 * MARGIN)
            grown[: len(self.raw)] = self.raw
            self.raw = grown
        return self.raw


@dataclass(frozen=True)
class _Segment:
    """Memory for some rows of the table: whole numbers and decimals (column by row), and packed keys after one more."""

    wholes: np.ndarray[Any, Any]
    decimals: np.ndarray[Any, Any]
    keys: np.ndarray[Any, Any]


class _Table:
    """A table that grows in the order of the file while its pieces are parsed side by side."""

    def __init__(self, wanted: Wanted, total: int) -> None:
        self._wanted, self._left = wanted, total
        self._turn, self._is_over = 0, False
        self._changed = threading.Condition()
        self.names: list[str] = []
        self._segments: list[_Segment] = []
        self._used: list[int] = []

    def take(self, number: int, layout: _Layout, rows: int, size: int) -> tuple[_Segment, int] | None:
        """Wait for the turn of piece `number`, of `size` bytes, and return where its rows go.

        None where its columns differ from the first piece's; NotPlainError where reading is over already.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._turn == number)
            if self._is_over:
                raise NotPlainError
            self._turn += 1
            self._changed.notify_all()
            self.names = self.names or layout.names
            if set(layout.names) != set(self.names):
                return None
            if not self._segments or self._used[-1] + rows >= len(self._segments[-1].keys):
                # As long as this piece's are the rows to come, and a little more: what is never written to takes no
                # memory. Where that is too little there is a second segment, of at least half as many rows as before.
                room = int(1.03 * rows * max(self._left / max(size, 1), 1.0)) + 1_000
                self._segments.append(self._segment(max(room, sum(self._used) // 2)))
                self._used.append(0)
            self._left -= size
            start = self._used[-1]
            self._used[-1] += rows
            return self._segments[-1], start

    def stop(self) -> None:
        """Let no piece wait any longer."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _segment(self, rows: int) -> _Segment:
        slots = self._slots()
        return _Segment(
            np.empty((len(slots["integer"]), rows), np.int32),
            np.empty((len(slots["number"]), rows), np.float32),
            np.empty(rows + 1, np.int64),
        )

    def _slots(self) -> dict[str, dict[str, int]]:
        return slots_of(self.names, self._wanted)

    def keys(self) -> np.ndarray[Any, Any]:
        """Return the packed keys of all rows after one number more, which is theirs who unpack them."""
        first = [segment.keys[:1] for segment in self._segments[:1]]
        if len(self._segments) == 1:
            return self._segments[0].keys[: self._used[0] + 1]
        return np.concatenate([*first, self._joined([segment.keys[1:] for segment in self._segments])])

    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the columns that are kept, in the order asked for."""
        slots = self._slots()
        out = {}
        for name in self.names:
            if (slot := slots["integer"].get(name)) is not None:
                out[name] = self._joined([segment.wholes[slot] for segment in self._segments])
            elif (slot := slots["number"].get(name)) is not None:
                out[name] = self._joined([segment.decimals[slot] for segment in self._segments])
        return out

    def _joined(self, arrays: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        filled = [array[:used] for array, used in zip(arrays, self._used, strict=True)]
        return filled[0] if len(filled) == 1 else np.concatenate(filled)


@dataclass(frozen=True)
class _Piece:
    """Some lines that were parsed: of which part and layout, and the memory of their text to give back."""

    part: Part
    layout: _Layout
    room: _Room


def _parse(
    table: _Table, number: int, part: Part, layout: _Layout, room: _Room, start: int, stop: int
) -> _Piece:
    """Parse the complete lines in the room's text from `start` to `stop`; NotPlainError for what is not known."""
    data = np.frombuffer(room.raw, np.uint8)
    taken = table.take(number, layout, count_lines(data, start, stop), stop - start)
    if taken is not None:
        segment, row = taken
        do = layout.plan
        is_plain = parse_lines(
            data, start, stop, layout.columns, layout.has_returns, do.jobs, do.bounds, do.chains, do.pattern, do.steps,
            segment.wholes, segment.decimals, segment.keys[1:], row,
        )  # fmt: skip
        if not is_plain:
            raise NotPlainError
    return _Piece(part, layout, room)


def _whole_part(table: _Table, number: int, part: Part, layouts: _Layouts, room: _Room) -> _Piece:
    """Read one part whole and parse it."""
    with part.open() as stream:
        raw, held = room.text(part.size + 1), MARGIN
        while got := stream.readinto(memoryview(raw)[held:-MARGIN]):  # type: ignore[attr-defined]
            held += got
            if held == len(raw) - MARGIN:
                raw = room.text(2 * len(raw))
    start = raw.find(b"\n", MARGIN, held) + 1 or held
    layout = layouts.of(bytes(raw[MARGIN:start]), part)
    return _parse(table, number, part, layout, room, start, _ended(raw, start, held, layout))


def _ended(raw: bytearray, start: int, stop: int, layout: _Layout) -> int:
    """Make the last line of a text end as the others do, without blank lines after it; return where it stops now."""
    while stop > start and raw[stop - 1] in _LINE_ENDS:
        stop -= 1
    if stop == start:
        return stop
    raw[stop : stop + len(layout.end)] = layout.end
    return stop + len(layout.end)


def _lines(
    part: Part, layouts: _Layouts, rooms: "queue.SimpleQueue[_Room]"
) -> Iterator[tuple[_Layout, _Room, int]]:
    """Read a part block by block; yield rooms and where the whole lines in their text, after the margin, stop."""
    with part.open() as stream:
        layout = layouts.of(stream.readline(), part)
        rest = b""
        while True:
            room = rooms.get()
            raw = room.text(len(rest) + _BLOCK + len(layout.end))
            raw[MARGIN : MARGIN + len(rest)] = rest
            held = MARGIN + len(rest)
            got = stream.readinto(memoryview(raw)[held : held + _BLOCK])  # type: ignore[attr-defined]
            if got == 0:
                yield layout, room, _ended(raw, MARGIN, held, layout)
                return
            held += got
            last = raw.rfind(b"\n", MARGIN, held) + 1 or MARGIN
            if last == MARGIN and held > MARGIN + _BLOCK:
                raise NotPlainError
            rest = bytes(raw[last:held])
            yield layout, room, last


def _pieces(parts: Sequence[Part], wanted: Wanted, table: _Table) -> Generator[_Piece]:
    """Yield the pieces of all parts in their order, parsed."""
    layouts = _Layouts(wanted)
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    rooms: queue.SimpleQueue[_Room] = queue.SimpleQueue()
    for _ in range(threads + 1):
        rooms.put(_Room())
    waiting: deque[Future[_Piece]] = deque()
    number = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="read") as pool, contextlib.ExitStack() as last:
        # However this ends, pieces that wait for their turn must not wait for ever.
        last.callback(table.stop)

        def taken(most: int) -> Iterator[_Piece]:
            while len(waiting) > most:
                piece = waiting.popleft().result()
                yield piece
                rooms.put(piece.room)

        if len(parts) > 1 and all(part.size <= _PART for part in parts):
            for part in parts:
                yield from taken(threads)
                waiting.append(pool.submit(_whole_part, table, number, part, layouts, rooms.get()))
                number += 1
        else:
            for part in parts:
                for layout, room, stop in _lines(part, layouts, rooms):
                    waiting.append(pool.submit(_parse, table, number, part, layout, room, MARGIN, stop))
                    number += 1
                    # One room is left for the block that is read next.
                    yield from taken(threads - 1)
                yield from taken(0)
        yield from taken(0)


def read_compiled(parts: Sequence[Part], wanted: Wanted) -> Wide:
    """Read parts with the same columns into one table; NotPlainError where something is not plain or out of bounds."""
    table = _Table(wanted, sum(part.size for part in parts))
    known: list[str] | None = None
    with contextlib.closing(_pieces(parts, wanted, table)) as pieces:
        for piece in pieces:
            known = wanted.same(known, piece.layout.names, piece.part)
    room = table.keys()
    keys = room[1:]
    if not len(keys):
        raise fail(wanted.source, parts[0].name, "there is no row of data in the file")
    is_rising, forms = bool(is_rising_strictly(keys)), _forms(keys)
    return Wide(_texts(room), is_rising, table.columns(), forms)


def _texts(room: np.ndarray[Any, Any]) -> pd.Series:
    """Return the texts of packed keys as a column; `room` is one number and the keys, and is written over."""
    import pyarrow as pa

    letters = np.empty(KEY_CHARACTERS * (len(room) - 1) + 16, np.uint8)
    used = unpack_keys(room, letters)
    array = pa.LargeStringArray.from_buffers(len(room) - 1, pa.py_buffer(room), pa.py_buffer(letters[:used]))
    return pd.Series(pd.array(array, dtype="str"))


def _forms(keys: np.ndarray[Any, Any]) -> tuple[str, ...]:
    """Return one key of each form there is; see `key_forms`."""
    # What is never written to takes no memory: forms of keys in order change seldom.
    rows, forms = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    count = key_forms(keys, rows, forms)
    _, first = np.unique(forms[:count], return_index=True)
    return tuple(_texts(np.concatenate([[0], keys[rows[first]]])))
