"""Columns of integers in as few bytes as the browser can unpack without a library: varints, gzip, base 91."""

import gzip
import html
import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from exclusion.publish.map.arcs import Topology

# All printable ASCII but what could begin a tag, an address in a style sheet, or an import: "<", "(" and "@".
_LETTERS = np.array([code for code in range(33, 127) if chr(code) not in "<(@"], dtype=np.uint8)

# How many numbers are packed in one go.
_AT_ONCE = 1 << 16


def zigzag(values: Any) -> Any:
    """Return signed integers as unsigned ones, small magnitudes small (0, -1, 1, -2 ... become 0, 1, 2, 3 ...)."""
    signed = np.asarray(values, dtype=np.int64)
    return (signed << 1) ^ (signed >> 63)


def varints(values: Any) -> bytes:
    """Return unsigned integers below 2**35 as little-endian base-128 varints (Protocol Buffers' encoding)."""
    numbers = np.asarray(values, dtype=np.int64)
    if len(numbers) == 0:
        return b""
    if int(numbers.min()) < 0 or int(numbers.max()) >= 1 << 35:
        raise ValueError("a varint holds 0 to 2**35 - 1")
    # In parts: a nation's millions of steps at once would take hundreds of megabytes on the way.
    return b"".join(_varints(numbers[first : first + _AT_ONCE]) for first in range(0, len(numbers), _AT_ONCE))


def _varints(numbers: Any) -> bytes:
    groups = (numbers[:, None] >> np.arange(0, 35, 7)) & 0x7F
    length = 1 + np.sum(numbers[:, None] >= np.array([1 << shift for shift in (7, 14, 21, 28)]), axis=1)
    place = np.arange(5)
    is_used = place < length[:, None]
    groups = groups | np.where(place < length[:, None] - 1, 0x80, 0)
    return bytes(groups[is_used].astype(np.uint8).tobytes())


def streams(parts: Iterable[Any]) -> bytes:
    """Return several varint streams behind one another, each led by its number of values."""
    return b"".join(varints([len(part)]) + varints(part) for part in parts)


def topology_bytes(topology: Topology) -> bytes:
    """Return a topology as eight varint streams: arc lengths, first vertices (x, y), steps (x, y), rings, arcs."""
    lengths = np.diff(topology.arc_start)
    first = topology.xy[topology.arc_start[:-1]]
    steps = np.diff(topology.xy, axis=0)
    within = np.ones(len(topology.xy), dtype=bool)
    within[topology.arc_start[:-1]] = False
    steps = steps[within[1:]]
    return streams(
        [
            lengths,
            zigzag(np.diff(first[:, 0], prepend=0)),
            zigzag(np.diff(first[:, 1], prepend=0)),
            zigzag(steps[:, 0]),
            zigzag(steps[:, 1]),
            topology.rings_per_area,
            topology.arcs_per_ring,
            zigzag(topology.ring_arcs),
        ]
    )


def letters(data: bytes) -> str:
    """Return bytes as text, 13 bits in two letters of 91: 8% shorter than base64. The last bits are zeros."""
    # In parts of whole groups of 13 bits, because the matrix of bits takes a hundred times the data's memory.
    part = 13 * (_AT_ONCE >> 3)
    return "".join(_letters(data[first : first + part]) for first in range(0, len(data), part))


def _letters(data: bytes) -> str:
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    whole = np.append(bits, np.zeros(-len(bits) % 13, dtype=np.uint8)).reshape(-1, 13)
    numbers = whole @ (1 << np.arange(12, -1, -1))
    return bytes(_LETTERS[np.column_stack(np.divmod(numbers, 91))].tobytes()).decode("ascii")


def block(name: str, data: bytes) -> str:
    """Return an inert script element that carries bytes gzipped (no clock, no name) in letters, and their number."""
    packed = gzip.compress(data, compresslevel=9, mtime=0)
    return (
        f'<script type="application/gzip" id="data-{html.escape(name)}" data-bytes="{len(packed)}">'
        f"{letters(packed)}</script>\n"
    )


@cache
def text_block(name: str, text: str) -> str:
    """Return an inert script element that carries packed text; kept, because all pages carry the same script."""
    return block(name, text.encode("utf-8"))


def json_bytes(value: Any) -> bytes:
    """Return compact JSON with sorted keys as UTF-8; NaN and infinity are errors."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate cannot be written as UTF-8; it is shown as the replacement character.
    return text.encode("utf-8", "replace")


def column_bytes(columns: Sequence[Any]) -> bytes:
    """Return integer columns behind one another, each as little-endian uint16 or uint32 as its dtype says."""
    return b"".join(
        np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes() for column in columns
    )
