"""The inner loop of reading wide numeric CSV: one pass over the bytes that parses, checks and stores.

Compiled by numba on first use and cached beside the module. Commas and line ends are found 64 bytes at a time; all
cells of some rows are then parsed and held to their bounds at once, eight characters a word, without a branch a cell
(after simdjson: Langdale and Lemire, 2019, Parsing gigabytes of JSON per second). It knows plain cells only: whole
numbers and decimals of up to four digits, one of them after the point, and unquoted text of capital letters, digits and
the like. Anything else, and any value out of bounds, ends it, and the caller reads the file again by the general way,
which understands quotes and says what is wrong.
"""

from typing import Any

import numba
import numpy as np

from exclusion.sources.readers_wide_bits import count_bits, equal_bytes, first_bit, load_word
from exclusion.sources.readers_wide_cells import CELLS, parse_sixteen
from exclusion.sources.readers_wide_keys import pack_text

TEXT, WHOLE, DECIMAL = 1, 2, 3
# Bytes that must be there before the text and after it: the pass looks so far around.
MARGIN = 128
# Rows parsed at a time: few enough that all of their cells stay in the nearer caches. Patterns are for some rows, so
# that the loops over them are long enough for the processor's widest words.
_ROWS, PATTERN_ROWS = 64, 16
_COMMA, _LINE, _RETURN, _QUOTE = 44, 10, 13, 34

# A whole number and a word make a float in numba, so every constant beside a word is a word.
_0, _1 = np.uint64(0), np.uint64(1)


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def count_lines(data: Any, start: Any, stop: Any) -> Any:
    """Return how many line feeds there are in `data[start:stop]`."""
    lines = 0
    for place in range(start, stop, 64):
        found = equal_bytes(data, place, _LINE)
        if stop - place < 64:
            found &= (_1 << np.uint64(stop - place)) - _1
        lines += count_bits(found)
    return lines


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _parse_cells(words: Any, ends: Any, count: Any, pattern: Any, cells: Any) -> Any:
    """Parse `count` cells, and return if all are as `pattern`, which tells of `PATTERN_ROWS` rows, wants them."""
    off, place = _0, 0
    for at in range(0, count, CELLS):
        is_off = parse_sixteen(words, ends, pattern, cells, at, place)
        if count - at < CELLS:
            is_off &= (_1 << np.uint64(count - at)) - _1
        off |= is_off
        place += CELLS
        if place == pattern.shape[1]:
            place = 0
    return off == _0


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _are_rising(cells: Any, rows: Any, marks: Any, steps: Any) -> Any:
    """Return if no cell exceeds the one it must not exceed, and none of the latter is blank beside one that is not.

    `steps` has the places of the lower and the upper cell in a row, and by how much more the lower may be.
    """
    off = 0
    for step in range(steps.shape[0]):
        lower, upper, more = np.uint64(steps[step, 0]), np.uint64(steps[step, 1]), steps[step, 2]
        for row in range(rows):
            start = np.uint64(row * marks)
            off |= cells[start + lower] > cells[start + upper] + more
    return off == 0


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _keep_wholes(cells: Any, column: Any, marks: Any, rows: Any, out: Any, slot: Any, row: Any) -> Any:
    first, at, step = np.uint64(row), np.uint64(column), np.uint64(marks)
    line = np.uint64(slot)
    for r in range(np.uint64(rows)):
        out[line, first + r] = cells[at] >> np.int32(1)
        at += step


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _keep_decimals(shares: Any, column: Any, marks: Any, rows: Any, out: Any, slot: Any, row: Any) -> Any:
    first, at, step = np.uint64(row), np.uint64(column), np.uint64(marks)
    line = np.uint64(slot)
    for r in range(np.uint64(rows)):
        out[line, first + r] = shares[at]
        at += step


# One function: what is handed from loop to loop is too much to pass on.
@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def parse_lines(  # noqa: C901, PLR0912, PLR0915, PLR0917
    data: Any,
    start: Any,
    stop: Any,
    columns: Any,
    has_returns: Any,
    jobs: Any,
    pattern: Any,
    steps: Any,
    wholes: Any,
    decimals: Any,
    keys: Any,
    row: Any,
) -> Any:
    """Parse the complete lines in `data[start:stop]` into rows from `row` on; return if all was plain and in bounds.

    `data` goes on for `MARGIN` bytes on both sides, which do not matter; `data[stop - 1]` is a line feed, and each
    line ends with a carriage return and one where `has_returns`, else with one alone. `columns` is how many cells a
    line has. Each row of `jobs` is a wanted column: its place, its kind, and its row in `wholes` (int32) or `decimals`
    (float32), -1 where it is checked and not kept; text is packed into `keys`. `pattern` and `steps` say what cells must
    be and which may not exceed which: see `parse_sixteen` and `_are_rising`.
    """
    marks = columns + (1 if has_returns else 0)
    words = np.empty(_ROWS * marks + 160, np.uint64)
    ends = np.empty(_ROWS * marks + 160, np.int32)
    cells = np.empty(_ROWS * marks + 160, np.int32)
    shares = np.empty(_ROWS * marks + 160, np.float32)
    first_row, lines, returns, held = row, 0, 0, 0
    place, ends[0] = start, start - 1
    quotes = _0
    while True:
        while held < _ROWS * marks and place < stop:
            line, comma = equal_bytes(data, place, _LINE), equal_bytes(data, place, _COMMA)
            back, quote = equal_bytes(data, place, _RETURN), equal_bytes(data, place, _QUOTE)
            if stop - place < 64:
                inside = (_1 << np.uint64(stop - place)) - _1
                line, comma, back, quote = line & inside, comma & inside, back & inside, quote & inside
            lines += count_bits(line)
            returns += count_bits(back)
            quotes |= quote
            found = line | comma | back
            count = count_bits(found)
            # Eight at a time, whether there are as many or not: what is too much is written over.
            for eighth in range(0, count, 8):
                for further in range(8):
                    end = place + first_bit(found)
                    found &= found - _1
                    spot = np.uint64(held + eighth + further)
                    ends[spot + _1] = end
                    words[spot] = load_word(data, end - 8)
            held += count
            place += 64
        rows = min(held // marks, _ROWS)
        if quotes != _0:
            return False
        if rows == 0:
            break
        for r in range(rows):
            last = np.uint64(r * marks + marks)
            if data[ends[last]] != _LINE or (has_returns and data[ends[last - _1]] != _RETURN):
                return False
        if not _parse_cells(words, ends, rows * marks, pattern, cells):
            return False
        if not _are_rising(cells, rows, marks, steps):
            return False
        if decimals.shape[0]:
            for at in range(rows * marks):
                share = np.float32(cells[at] >> np.int32(1)) / np.float32(10)
                shares[at] = share if cells[at] >= 0 else np.float32(np.nan)
        for job in range(jobs.shape[0]):
            kind, slot = jobs[job, 1], jobs[job, 2]
            if slot >= 0 and kind == WHOLE:
                _keep_wholes(cells, jobs[job, 0], marks, rows, wholes, slot, row)
            elif slot >= 0 and kind == DECIMAL:
                _keep_decimals(shares, jobs[job, 0], marks, rows, decimals, slot, row)
            elif kind == TEXT:
                for r in range(rows):
                    at = r * marks + jobs[job, 0]
                    key = pack_text(data, ends[at] + 1, ends[at + 1])
                    if key < 0:
                        return False
                    keys[row + r] = key
        row += rows
        used = rows * marks
        ends[0] = ends[used]
        for left in range(held - used):
            ends[left + 1], words[left] = ends[used + left + 1], words[used + left]
        held -= used
    return held == 0 and lines == row - first_row and returns == (lines if has_returns else 0)
