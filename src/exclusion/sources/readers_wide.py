"""Wide numeric CSV of hundreds of thousands of rows: read block by block, checked block by block, kept once.

Only the columns that are kept are ever whole in memory. Two ways give the same table: a compiled pass over the bytes
for large plain files, and Arrow's reader for small ones and for whatever is not plain (quotes, blanks, cp1252), which
also tells what is wrong with a cell.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from exclusion.sources.contracts import fail
from exclusion.sources.contracts_wide import check_block
from exclusion.sources.readers_text import to_utf8
from exclusion.sources.readers_wide_parts import NotPlainError, Part, Wanted, Wide

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_BLOCK = 1 << 21
# Below this the compiled pass is not worth loading.
_LARGE = 4_000_000


def read_wide(parts: Sequence[Part], wanted: Wanted) -> Wide:
    """Read the wanted columns of one or more CSVs with the same columns into one table.

    Whole numbers become int32, decimals float32. ContractError names the column and row of a cell that is no number
    or breaks the contract, and a part whose columns differ from the first's.
    """
    if sum(part.size for part in parts) >= _LARGE:
        from exclusion.sources.readers_wide_compiled import read_compiled

        try:
            return read_compiled(parts, wanted)
        except NotPlainError:
            pass
    return _general(parts, wanted)


def _general(parts: Sequence[Part], wanted: Wanted) -> Wide:
    import pyarrow as pa

    key, keep, source = wanted.key, wanted.keep, wanted.source

    columns: list[str] | None = None
    kept: list[Any] = []
    rows = 0
    for part in parts:
        for batch in _batches(part, wanted):
            columns = wanted.same(columns, batch.schema.names, part)
            names = batch.column(key)
            block: dict[str, np.ndarray[Any, Any]] = {}
            for name in columns:
                if name != key:
                    block[name] = _values(
                        batch.column(name), name, wanted.fields[name].kind, names, rows, part, source
                    )
            check_block(block, wanted.contract, _namer(names), rows, source, wanted.name)
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


def _batches(part: Part, wanted: Wanted) -> Iterator[Any]:
    """Yield Arrow batches of the wanted columns under their tidy names."""
    import pyarrow as pa
    import pyarrow.csv as pc

    types = {"text": pa.string(), "integer": pa.float64(), "number": pa.float64()}
    rows = 0
    with part.open() as stream:
        header, places = wanted.header(stream.readline(), part)
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
                    column_types={columns[p]: types[wanted.fields[n].kind] for n, p in places.items()},
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            for batch in reader:
                yield batch.rename_columns(list(places))
                rows += batch.num_rows
        except pa.ArrowInvalid as fault:
            raise _said(str(fault), header, rows, part, wanted.source) from None


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
