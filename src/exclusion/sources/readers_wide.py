"""Wide numeric CSV of hundreds of thousands of rows: read block by block, checked block by block, kept once.

Only the columns that are kept are ever whole in memory. Two ways give the same table: a compiled pass over the bytes
for large plain files, and Arrow's reader for small ones and for whatever is not plain (quotes, blanks, cp1252), which
also tells what is wrong with a cell.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import fail
from exclusion.sources.readers_text import Field, resolve, to_utf8

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_BLOCK = 1 << 21
# Below this the compiled pass is not worth loading.
_LARGE = 4_000_000
Check = Callable[[Mapping[str, np.ndarray[Any, Any]], Callable[[int], str], int], None]


@dataclass(frozen=True)
class Part:
    """One CSV of a table that may lie in many: its name, its size unpacked, and how to open it anew."""

    name: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Wide:
    """A table read: the key as text, whether it rises strictly from row to row (None: not looked at), and the columns."""

    key: pd.Series
    is_rising: bool | None
    columns: dict[str, np.ndarray[Any, Any]]


class _NotPlain(Exception):  # noqa: N818 - a signal between the two ways, never seen outside
    """A cell that the compiled pass does not know."""


def read_wide(
    parts: Sequence[Part],
    key: str,
    wanted: Mapping[str, Field],
    keep: Callable[[str], bool],
    check: Check,
    source: "Source",
) -> Wide:
    """Read the wanted columns of one or more CSVs with the same columns into one table.

    `keep` tells which columns stay; `check` gets every block's columns (whole numbers int32, decimals float32), a way
    to name a row, and the rows before the block, and raises where they break the contract. ContractError names the
    column and row of a cell that is no number, and a part whose columns differ from the first's.
    """
    if sum(part.size for part in parts) >= _LARGE:
        try:
            return _compiled(parts, key, wanted, keep, check, source)
        except _NotPlain:
            pass
    return _general(parts, key, wanted, keep, check, source)


def _header(
    stream: IO[bytes], part: Part, wanted: Mapping[str, Field], source: "Source"
) -> tuple[list[str], dict[str, int]]:
    first = stream.readline()
    if not first.strip():
        raise SourceError(
            f"{source.id}: {part.name} is empty; retrieve it again or put a whole copy into the inbox."
        )
    if first.lstrip()[:1] == b"<":
        raise SourceError(f"{source.id}: {part.name} is a web page, not a table; download the file itself.")
    header = next(csv.reader(io.StringIO(to_utf8(first).decode())))
    return header, resolve(header, wanted, source, part.name)


def _same(columns: list[str] | None, places: Mapping[str, int], part: Part, source: "Source") -> list[str]:
    if columns is not None and set(columns) != set(places):
        odd = min(set(places) ^ set(columns))
        raise fail(source, part.name, f"it differs from its neighbours in column '{odd}'")
    return columns or list(places)


class _Layout:
    """Which column of a file goes where, in the terms of the compiled pass, and room for one block."""

    def __init__(
        self, header: Sequence[str], places: Mapping[str, int], wanted: Mapping[str, Field], key: str
    ) -> None:
        from exclusion.sources.readers_wide_kernel import DECIMAL, SKIP, TEXT, WHOLE

        self.whole = [c for c in places if wanted[c].kind == "integer"]
        self.decimal = [c for c in places if wanted[c].kind == "number"]
        self.kinds = np.full(len(header), SKIP, np.int8)
        self.slots = np.zeros(len(header), np.int64)
        for kind, names in ((WHOLE, self.whole), (DECIMAL, self.decimal), (TEXT, [key])):
            for slot, name in enumerate(names):
                self.kinds[places[name]], self.slots[places[name]] = kind, slot
        # No row is shorter than its commas and its line feed.
        most = 2 * _BLOCK // len(header) + 2
        self.wholes = np.empty((len(self.whole), most), np.int32)
        self.decimals = np.empty((len(self.decimal), most), np.float32)
        self.ends, self.keys = np.empty(most, np.int64), np.empty(most, np.int64)
        self.letters = np.empty(2 * _BLOCK, np.uint8)

    def parse(self, data: np.ndarray[Any, Any], stop: int) -> tuple[int, int]:
        """Parse complete lines; return the rows and the bytes of text. _NotPlain for a cell that is not known."""
        from exclusion.sources.readers_wide_kernel import parse_block

        rows, used, fault = parse_block(
            data,
            stop,
            self.kinds,
            self.slots,
            self.wholes,
            self.decimals,
            self.letters,
            self.ends,
            self.keys,
            0,
            0,
        )
        if fault >= 0:
            raise _NotPlain
        return int(rows), int(used)

    def columns(self, rows: int) -> dict[str, np.ndarray[Any, Any]]:
        """Return the block's columns of numbers; they hold until the next block."""
        block: dict[str, np.ndarray[Any, Any]] = {n: self.wholes[i, :rows] for i, n in enumerate(self.whole)}
        return block | {n: self.decimals[i, :rows] for i, n in enumerate(self.decimal)}

    def word(self, row: int) -> str:
        """Return the key of a row of the block."""
        start = int(self.ends[row - 1]) if row else 0
        return self.letters[start : int(self.ends[row])].tobytes().decode("ascii")


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


def _lines(stream: IO[bytes], raw: bytearray) -> Iterator[int]:
    """Fill `raw` block by block; yield how many bytes of whole lines stand at its front."""
    held = 0
    while True:
        got = stream.readinto(memoryview(raw)[held : held + _BLOCK])  # type: ignore[attr-defined]
        stop = held + got
        if got == 0:
            if held:
                raw[held] = 10
                yield held + 1
            return
        last = raw.rfind(b"\n", 0, stop) + 1
        if last:
            yield last
        elif stop > _BLOCK:
            raise _NotPlain
        held = stop - last
        raw[:held] = raw[last:stop]


def _compiled(
    parts: Sequence[Part],
    key: str,
    wanted: Mapping[str, Field],
    keep: Callable[[str], bool],
    check: Check,
    source: "Source",
) -> Wide:
    raw = bytearray(2 * _BLOCK)
    data = np.frombuffer(raw, np.uint8)
    total = sum(part.size for part in parts)
    known: list[str] | None = None
    kept: dict[str, _Growing] = {}
    rows = used = 0
    is_rising, last = True, -1
    for part in parts:
        with part.open() as stream:
            header, places = _header(stream, part, wanted, source)
            known = _same(known, places, part, source)
            layout = _Layout(header, places, wanted, key)
            for stop in _lines(stream, raw):
                count, letters = layout.parse(data, stop)
                block = layout.columns(count)
                check(block, layout.word, rows)
                if count == 0:
                    continue
                if not kept:
                    scale = 1.05 * max(total / stop, 1.0)
                    room = int(count * scale) + 1_000
                    kept = {c: _Growing(block[c].dtype, room) for c in known if c != key and keep(c)}
                    ends = _Growing(np.int64, room + 1)
                    ends.add(np.zeros(1, np.int64))
                    text = _Growing(np.uint8, int(letters * scale) + 10_000)
                for name, column in kept.items():
                    column.add(block[name])
                keys = layout.keys[:count]
                is_rising = is_rising and last < keys[0] and bool((keys[1:] > keys[:-1]).all())
                last = int(keys[-1])
                ends.add(layout.ends[:count] + used)
                text.add(layout.letters[:letters])
                rows, used = rows + count, used + letters
    if not kept:
        raise fail(source, parts[0].name, "there is no row of data in the file")
    return Wide(_texts(text.taken(), ends.taken()), is_rising, {n: c.taken() for n, c in kept.items()})


def _texts(letters: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> pd.Series:
    """Return texts that lie end to end as a column, without copying them; `offsets` begins with 0."""
    import pyarrow as pa

    array = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(letters))
    return pd.Series(pd.array(array, dtype="str"))


def packed_keys(texts: pd.Series) -> np.ndarray[Any, Any] | None:
    """Return texts packed into whole numbers that sort as they do, or None where one cannot be."""
    import pyarrow as pa

    from exclusion.sources.readers_wide_kernel import pack_keys

    array = pa.array(texts, type=pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if array.null_count:
        return None
    _, offsets, letters = array.buffers()
    places = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    packed: np.ndarray[Any, Any] = pack_keys(np.frombuffer(letters, np.uint8), places)
    return None if (packed < 0).any() else packed


def _general(
    parts: Sequence[Part],
    key: str,
    wanted: Mapping[str, Field],
    keep: Callable[[str], bool],
    check: Check,
    source: "Source",
) -> Wide:
    import pyarrow as pa

    columns: list[str] | None = None
    kept: list[Any] = []
    rows = 0
    for part in parts:
        for batch in _batches(part, wanted, source):
            columns = _same(columns, dict.fromkeys(batch.schema.names, 0), part, source)
            names = batch.column(key)
            block: dict[str, np.ndarray[Any, Any]] = {}
            for name in columns:
                if name != key:
                    block[name] = _values(
                        batch.column(name), name, wanted[name].kind, names, rows, part, source
                    )
            check(block, _namer(names), rows)
            kept.append((names, {c: block[c] for c in columns if c != key and keep(c)}))
            rows += batch.num_rows
    if not kept or columns is None:
        raise fail(source, parts[0].name, "there is no row of data in the file")
    text = pa.chunked_array([names for names, _ in kept]).to_pandas().str.strip()
    return Wide(text, None, {name: np.concatenate([block[name] for _, block in kept]) for name in kept[0][1]})


def _namer(names: Any) -> Callable[[int], str]:
    return lambda row: str(names[row].as_py())


def _values(
    values: Any, name: str, kind: str, names: Any, rows: int, part: Part, source: "Source"
) -> np.ndarray[Any, Any]:
    """Return one column of a batch: whole numbers as int32 (written `95.0` too), decimals as float32."""
    array: np.ndarray[Any, Any] = values.to_numpy(zero_copy_only=False)
    if kind != "integer":
        return array.astype(np.float32)
    is_off = ~(array % 1 == 0) | (np.abs(array) >= 2**31)
    if is_off.any():
        row = int(is_off.argmax())
        what = "is empty" if np.isnan(array[row]) else f"holds {array[row]:g}, which is no whole number,"
        raise fail(
            source, part.name, f"column '{name}' {what} at {names[row].as_py()} (data row {rows + row + 1:,})"
        )
    return array.astype(np.int32)


def _batches(part: Part, wanted: Mapping[str, Field], source: "Source") -> Iterator[Any]:
    """Yield Arrow batches of the wanted columns under their tidy names."""
    import pyarrow as pa
    import pyarrow.csv as pc

    types = {"text": pa.string(), "integer": pa.float64(), "number": pa.float64()}
    rows = 0
    with part.open() as stream:
        header, places = _header(stream, part, wanted, source)
        columns = [f"c{i}" for i in range(len(header))]
        body: Any = stream
        if part.size < _LARGE:
            body = io.BytesIO(to_utf8(stream.read()))
        try:
            reader = pc.open_csv(
                body,
                read_options=pc.ReadOptions(column_names=columns, block_size=_BLOCK, use_threads=False),
                convert_options=pc.ConvertOptions(
                    include_columns=[columns[p] for p in places.values()],
                    column_types={columns[p]: types[wanted[n].kind] for n, p in places.items()},
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            for batch in reader:
                yield batch.rename_columns(list(places))
                rows += batch.num_rows
        except pa.ArrowInvalid as fault:
            raise _said(str(fault), header, rows, part, source) from None


def _said(text: str, header: Sequence[str], rows: int, part: Part, source: "Source") -> Exception:
    """Turn Arrow's complaint into the sentence for the person who must act."""
    if "Empty CSV" in text:
        return fail(source, part.name, "there is no row of data in the file")
    place, cell = re.search(r"column #(\d+)", text), re.search(r"(?:invalid value|value) '([^']*)'", text)
    row = re.search(r"[Rr]ow #(\d+)", text)
    where = f"in data row {int(row[1]):,}" if row else f"after data row {rows:,}"
    if place and int(place[1]) < len(header):
        shown = f" '{cell[1]}'" if cell else " a cell that is no number"
        return fail(
            source, part.name, f"column '{header[int(place[1])]}' holds{shown} {where}, which is no number"
        )
    return fail(source, part.name, f"the table is damaged {where} ({text.splitlines()[0]})")
