"""The inner loop of reading wide numeric CSV: one pass over the bytes that parses, checks and stores.

Compiled by numba on first use and cached beside the module. Commas and line ends are found 64 bytes at a time; all
cells of some rows are then parsed and held to their bounds at once, eight characters a word, without a branch a cell
(after simdjson: Langdale and Lemire, 2019, Parsing gigabytes of JSON per second). It knows plain cells only: whole
numbers, decimals and unquoted text of capital letters, digits and the like. Anything else, and any value out of bounds,
ends it, and the caller reads the file again by the general way, which understands quotes and says what is wrong.
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
_COMMA, _LINE, _RETURN, _QUOTE, _POINT, _MINUS, _ZERO, _NINE = 44, 10, 13, 34, 46, 45, 48, 57
# Bounds of what a cell may become.
LEAST_CELL, MOST_CELL = 0, 2**31 - 1
# Tenths up to this are exact in 32 bits, so one division rounds them as it should.
MOST_TENTHS = 2**24
# More is no count of anything in an area, and would not fit a cell.
_GREATEST = 999_999_999

# A whole number and a word make a float in numba, so every constant beside a word is a word.
_0, _1 = np.uint64(0), np.uint64(1)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def count_lines(data: Any, start: Any, stop: Any) -> Any:
    """Return how many line feeds there are in `data[start:stop]`."""
    lines = 0
    for place in range(start, stop, 64):
        found = equal_bytes(data, place, _LINE)
        if stop - place < 64:
            found &= (_1 << np.uint64(stop - place)) - _1
        lines += count_bits(found)
    return lines


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _slow_cell(data: Any, start: Any, stop: Any) -> Any:
    """Parse one cell character by character; return its digits as one number, 10 to the decimals, and if it is fine."""
    is_negative = start < stop and data[start] == _MINUS
    place = start + 1 if is_negative else start
    value, digits, scale, has_point = np.int64(0), 0, 1.0, False
    while place < stop:
        byte = data[place]
        if byte == _POINT and not has_point:
            has_point = True
        elif _ZERO <= byte <= _NINE and digits < 15:
            value = value * 10 + np.int64(byte - _ZERO)
            digits += 1
            if has_point:
                scale *= 10.0
        else:
            return value, scale, False
        place += 1
    return (-value if is_negative else value), scale, digits > 0 and (scale > 1.0 or not has_point)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _keep_wholes(cells: Any, column: Any, marks: Any, rows: Any, out: Any, slot: Any, row: Any) -> Any:
    first, at, step = np.uint64(row), np.uint64(column), np.uint64(marks)
    line = np.uint64(slot)
    for r in range(np.uint64(rows)):
        out[line, first + r] = cells[at] >> np.int32(1)
        at += step


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _keep_decimals(shares: Any, column: Any, marks: Any, rows: Any, out: Any, slot: Any, row: Any) -> Any:
    first, at, step = np.uint64(row), np.uint64(column), np.uint64(marks)
    line = np.uint64(slot)
    for r in range(np.uint64(rows)):
        out[line, first + r] = shares[at]
        at += step


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _careful_rows(  # noqa: C901, PLR0912, PLR0917
    data: Any,
    ends: Any,
    marks: Any,
    rows: Any,
    jobs: Any,
    bounds: Any,
    chains: Any,
    wholes: Any,
    decimals: Any,
    row: Any,
) -> Any:
    """Parse, check and keep rows one cell after the other; return if all is well. See `parse_lines`."""
    values = np.empty(jobs.shape[0], np.float64)
    for r in range(rows):
        for job in range(jobs.shape[0]):
            at, kind, slot = r * marks + jobs[job, 0], jobs[job, 1], jobs[job, 2]
            if kind == TEXT:
                continue
            start, stop = ends[at] + 1, ends[at + 1]
            digits, scale, is_fine = _slow_cell(data, start, stop)
            is_blank = start == stop
            if kind == WHOLE:
                if not is_fine or scale != 1.0 or abs(digits) > _GREATEST:
                    return False
                values[job] = digits
                if slot >= 0:
                    wholes[slot, row + r] = digits
            else:
                if not (is_fine or (is_blank and bounds[job, 2] != 0)):
                    return False
                value = np.float32(np.nan) if is_blank else np.float32(digits / scale)
                values[job] = value
                if slot >= 0:
                    decimals[slot, row + r] = value
            if values[job] < bounds[job, 0] or values[job] > bounds[job, 1]:
                return False
        for chain in range(chains.shape[0]):
            upper = np.float32(values[np.int64(chains[chain, 1])]) + np.float32(chains[chain, 2])
            if chains[chain, 2] == 0:
                upper = values[np.int64(chains[chain, 1])]
            if values[np.int64(chains[chain, 0])] > upper:
                return False
    return True


# One function: what is handed from loop to loop is too much to pass on.
@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def parse_lines(  # noqa: C901, PLR0912, PLR0915, PLR0917
    data: Any,
    start: Any,
    stop: Any,
    columns: Any,
    has_returns: Any,
    jobs: Any,
    bounds: Any,
    chains: Any,
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
    (float32), -1 where it is checked and not kept; text is packed into `keys`. `bounds` gives each wanted column's
    least and greatest value and 1 where it may be blank; `chains` has a lower and an upper wanted column, and by how
    much more the lower may be. `pattern` and `steps` are the same in the terms of `_parse_cells` and `_are_rising`.
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
        is_plain = _parse_cells(words, ends, rows * marks, pattern, cells)
        if is_plain and _are_rising(cells, rows, marks, steps):
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
        elif not _careful_rows(data, ends, marks, rows, jobs, bounds, chains, wholes, decimals, row):
            return False
        for job in range(jobs.shape[0]):
            if jobs[job, 1] == TEXT:
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
