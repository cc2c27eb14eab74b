"""Reading wide numeric CSV by the compiled pass: block after block of whole lines, written straight into the table."""

from collections.abc import Generator, Sequence
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

# Small enough that a block stays in the processor's cache between reading and parsing.
_BLOCK = 1 << 19
_LINE_ENDS = b"\r\n"


class _Layout:
    """Which column of a file goes where, and how its lines end."""

    def __init__(self, first: bytes, part: Part, wanted: Wanted) -> None:
        header, places = wanted.header(first, part)
        self.columns = len(header)
        self.names = list(places)
        self.has_returns = first.endswith(_LINE_ENDS)
        self.end = _LINE_ENDS if self.has_returns else b"\n"
        self.plan: Plan = plan(places, self.columns, wanted, has_returns=self.has_returns)


class _Table:
    """A table that is filled row by row: whole numbers and decimals, column by row, and packed keys after one more."""

    def __init__(self, slots: dict[str, dict[str, int]], rows: int) -> None:
        self.slots, self.rows = slots, 0
        self.wholes = np.empty((len(slots["integer"]), rows), np.int32)
        self.decimals = np.empty((len(slots["number"]), rows), np.float32)
        self.keys = np.empty(rows + 1, np.int64)

    def grow(self, rows: int) -> None:
        """Make room for `rows` more; what is never written to takes no memory."""
        room = self.rows + rows
        if room < len(self.keys):
            return
        self.wholes, self.decimals, self.keys = (
            self._longer(array, room + room // 2 + 1) for array in (self.wholes, self.decimals, self.keys)
        )

    def _longer(self, array: np.ndarray[Any, Any], rows: int) -> np.ndarray[Any, Any]:
        longer = np.empty((*array.shape[:-1], rows), array.dtype)
        longer[..., : array.shape[-1]] = array
        return longer

    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the columns that are kept."""
        wholes = {name: self.wholes[slot, : self.rows] for name, slot in self.slots["integer"].items()}
        return wholes | {
            name: self.decimals[slot, : self.rows] for name, slot in self.slots["number"].items()
        }


def read_compiled(parts: Sequence[Part], wanted: Wanted) -> Wide:
    """Read parts with the same columns into one table; NotPlainError where something is not plain or out of bounds."""
    layouts: dict[bytes, _Layout] = {}
    known: list[str] | None = None
    table: _Table | None = None
    left = sum(part.size for part in parts)
    text = bytearray(_BLOCK + 2 * MARGIN)
    for part in parts:
        with part.open() as stream:
            first = stream.readline()
            if first not in layouts:
                layouts[first] = _Layout(first, part, wanted)
            layout = layouts[first]
            known = wanted.same(known, layout.names, part)
            for stop in _blocks(stream, text, layout.end):
                data = np.frombuffer(text, np.uint8)
                rows = count_lines(data, MARGIN, stop)
                if table is None:
                    # As long as these are the lines to come, and a little more.
                    room = 1.03 * rows * left / max(stop - MARGIN, 1)
                    table = _Table(slots_of(known, wanted), int(room) + 1_000)
                table.grow(rows)
                do = layout.plan
                is_plain = parse_lines(
                    data, MARGIN, stop, layout.columns, layout.has_returns, do.jobs, do.pattern, do.steps,
                    table.wholes, table.decimals, table.keys[1:], table.rows,
                )  # fmt: skip
                if not is_plain:
                    raise NotPlainError
                table.rows += rows
    if table is None or not table.rows:
        raise fail(wanted.source, parts[0].name, "there is no row of data in the file")
    room = table.keys[: table.rows + 1]
    is_rising, forms = bool(is_rising_strictly(room[1:])), _forms(room[1:])
    columns = table.columns()
    return Wide(_texts(room), is_rising, {n: columns[n] for n in known or () if n in columns}, forms)


def _blocks(stream: Any, text: bytearray, end: bytes) -> Generator[int]:
    """Fill the text after its margin with whole lines, again and again; yield where they stop each time.

    A last line without an end is given one. NotPlainError for a line longer than the text.
    """
    stop = MARGIN
    room = len(text) - MARGIN - len(end)
    while got := stream.readinto(memoryview(text)[stop:room]):
        stop += got
        last = text.rfind(b"\n", MARGIN, stop) + 1
        if not last:
            if stop == room:
                raise NotPlainError
            continue
        yield last
        text[MARGIN : MARGIN + stop - last] = text[last:stop]
        stop = MARGIN + stop - last
    if stop > MARGIN:
        text[stop : stop + len(end)] = end
        yield stop + len(end)


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
