"""What both ways of reading wide CSV share: the parts of a table, their headers, and the table that comes of them."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import Contract, fail
from exclusion.sources.readers_text import Field, resolve, to_utf8

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source


@dataclass(frozen=True)
class Part:
    """One CSV of a table that may lie in many: its name, its size unpacked, and how to open it anew."""

    name: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Wide:
    """A table read: the key as text, its columns, and what was found out about the keys on the way.

    `is_rising` tells whether the key rises strictly from row to row, `forms` has one key of each form there is (see
    `key_forms`); both are None where nobody looked.
    """

    key: pd.Series
    is_rising: bool | None
    columns: dict[str, np.ndarray[Any, Any]]
    forms: tuple[str, ...] | None = None


class NotPlainError(Exception):
    """What the compiled pass does not know or may not pass: a signal between the two ways, never seen outside."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of every part: the key, the columns by pattern, which of them stay, and what they must be.

    `contract` bounds the numbers, those that do not stay too; `source` and `name` are for messages.
    """

    key: str
    fields: Mapping[str, Field]
    keep: Callable[[str], bool]
    contract: Contract
    source: "Source"
    name: str

    def header(self, first: bytes, part: Part) -> tuple[list[str], dict[str, int]]:
        """Return the headers in a part's first line and the places of the wanted columns."""
        if not first.strip():
            raise SourceError(
                f"{self.source.id}: {part.name} is empty; retrieve it again or put a whole copy into the inbox."
            )
        if first.lstrip()[:1] == b"<":
            raise SourceError(
                f"{self.source.id}: {part.name} is a web page, not a table; download the file itself."
            )
        header = next(csv.reader(io.StringIO(to_utf8(first).decode())))
        return header, resolve(header, self.fields, self.source, part.name)

    def same(self, columns: list[str] | None, found: Sequence[str], part: Part) -> list[str]:
        """Return the columns of all parts; ContractError where this one differs from those before."""
        if columns is not None and set(columns) != set(found):
            odd = min(set(found) ^ set(columns))
            raise fail(self.source, part.name, f"it differs from its neighbours in column '{odd}'")
        return columns or list(found)


def packed_keys(texts: pd.Series) -> np.ndarray[Any, Any] | None:
    """Return texts packed into whole numbers that sort as they do, or None where one cannot be."""
    import pyarrow as pa

    from exclusion.sources.readers_wide_keys import pack_keys

    array = pa.array(texts, type=pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if array.null_count:
        return None
    _, offsets, letters = array.buffers()
    places = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    packed: np.ndarray[Any, Any] = pack_keys(np.frombuffer(letters, np.uint8), places)
    return None if (packed < 0).any() else packed
