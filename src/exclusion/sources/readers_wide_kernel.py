"""The inner loop of reading wide numeric CSV: one pass over the bytes, straight into columns.

Compiled by numba on first use and cached beside the module. It knows plain cells only: whole numbers, decimals and
unquoted text of capital letters, digits and the like. Anything else stops it with the row and column, and the caller
reads the file again by the general way, which understands quotes and can say what is wrong.
"""

from typing import Any

import numba
import numpy as np

SKIP, TEXT, WHOLE, DECIMAL = 0, 1, 2, 3
# Six bits a character, so that a key of ten characters fits one whole number that sorts as the text does.
KEY_CHARACTERS = 10
_COMMA, _LINE, _RETURN, _POINT, _MINUS, _ZERO, _NINE = 44, 10, 13, 46, 45, 48, 57


# One loop without calls: what is split into functions here is slower, so the usual limits are lifted.
@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def parse_block(  # noqa: C901, PLR0911, PLR0912, PLR0915, PLR0917
    data: Any,
    stop: int,
    kinds: Any,
    slots: Any,
    wholes: Any,
    decimals: Any,
    letters: Any,
    ends: Any,
    keys: Any,
    row: int,
    used: int,
) -> Any:
    """Parse the complete lines in `data[:stop]`, from row `row` on; `data[stop - 1]` is a line feed.

    `data` goes on for at least four bytes, which do not matter, past `stop`.

    `kinds` and `slots` give each column's kind and its place in `wholes` (int32) or `decimals` (float32), both
    column by row. Text goes into `letters` from `used` on, with its end in `ends` and its packed form in `keys`.
    Returns the next row, the bytes of text used, and the column at fault (-1 where there is none). A blank decimal is
    NaN; a blank whole number is at fault.
    """
    i = 0
    columns = kinds.size
    while i < stop:
        if data[i] == _LINE or (data[i] == _RETURN and data[i + 1] == _LINE):
            i += 1 if data[i] == _LINE else 2
            continue
        for c in range(columns):
            kind = kinds[c]
            slot = slots[c]
            b = data[i]
            if kind == SKIP:
                while b != _COMMA and b != _LINE and b != _RETURN:  # noqa: PLR1714
                    if b == 34:
                        return row, used, c
                    i += 1
                    b = data[i]
            elif kind == TEXT:
                key = np.int64(0)
                length = 0
                while b != _COMMA and b != _LINE and b != _RETURN:  # noqa: PLR1714
                    if b < 32 or b > 95 or b == 34 or length == KEY_CHARACTERS:
                        return row, used, c
                    letters[used] = b
                    used += 1
                    length += 1
                    key = (key << 6) | np.int64(b - 32)
                    i += 1
                    b = data[i]
                if length == 0 or letters[used - 1] == 32 or letters[used - length] == 32:
                    return row, used, c
                keys[row] = key << (6 * (KEY_CHARACTERS - length))
                ends[row] = used
            elif (
                kind == DECIMAL
                and data[i + 1] == _POINT
                and _ZERO <= b <= _NINE
                and _ZERO <= data[i + 2] <= _NINE
                and data[i + 3] < _MINUS
            ):
                # Nearly every share is written 7.5 or 97.5: these two need no loop over digits. What is below the
                # minus sign ends a cell (comma, return, line feed) or is found out by the check for the comma below.
                decimals[slot, row] = (np.int64(b) * 10 + np.int64(data[i + 2]) - 528) / 10.0
                i += 3
                b = data[i]
            elif (
                kind == DECIMAL
                and data[i + 2] == _POINT
                and _ZERO <= b <= _NINE
                and _ZERO <= data[i + 1] <= _NINE
                and _ZERO <= data[i + 3] <= _NINE
                and data[i + 4] < _MINUS
            ):
                decimals[slot, row] = (
                    np.int64(b) * 100 + np.int64(data[i + 1]) * 10 + np.int64(data[i + 3]) - 5328
                ) / 10.0
                i += 4
                b = data[i]
            else:
                is_negative = b == _MINUS
                if is_negative:
                    i += 1
                    b = data[i]
                value = np.int64(0)
                digits = 0
                while _ZERO <= b <= _NINE:
                    value = value * 10 + np.int64(b - _ZERO)
                    digits += 1
                    i += 1
                    b = data[i]
                if kind == WHOLE:
                    if digits == 0 or digits > 9:
                        return row, used, c
                    wholes[slot, row] = -value if is_negative else value
                else:
                    scale = 1.0
                    if b == _POINT:
                        i += 1
                        b = data[i]
                        while _ZERO <= b <= _NINE:
                            value = value * 10 + np.int64(b - _ZERO)
                            scale *= 10.0
                            digits += 1
                            i += 1
                            b = data[i]
                    if digits > 15 or (digits == 0 and (is_negative or scale != 1.0)):
                        return row, used, c
                    if digits == 0:
                        decimals[slot, row] = np.nan
                    else:
                        decimals[slot, row] = (-value if is_negative else value) / scale
            if c < columns - 1:
                if b != _COMMA:
                    return row, used, c
                i += 1
        if b == _RETURN:
            i += 1
            b = data[i]
        if b != _LINE:
            return row, used, columns - 1
        i += 1
        row += 1
    return row, used, -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def pack_keys(letters: Any, offsets: Any) -> Any:
    """Return the packed keys of texts that lie end to end in `letters`; -1 for one that cannot be packed."""
    out = np.empty(offsets.size - 1, np.int64)
    for row in range(out.size):
        start = offsets[row]
        length = offsets[row + 1] - start
        if not 0 < length <= KEY_CHARACTERS:
            out[row] = -1
            continue
        key = np.int64(0)
        off = np.int64(0)
        for place in range(start, start + length):
            # 32 to 95 less 32 has no bit above the sixth; anything else has.
            b = np.int64(letters[place]) - 32
            off |= b
            key = (key << 6) | b
        out[row] = key << (6 * (KEY_CHARACTERS - length)) if 0 <= off < 64 else -1
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def key_forms(keys: Any, rows: Any, forms: Any) -> Any:
    """Find where packed keys change their form: their first three characters, and the kind of each other one.

    The kinds are digit, capital letter, space, nothing more and any other. Writes each row whose form differs from
    the row above into `rows`, and a number for its form into `forms`; returns how many there are.
    """
    count = 0
    before = np.int64(-1)
    form = np.int64(-1)
    for row in range(keys.size):
        key = keys[row]
        is_new = before < 0 or (key ^ before) >> 42 != 0
        change = key ^ before
        place = 0
        while change != 0 and not is_new:
            if change & 63:
                is_new = _kind((key >> place) & 63) != _kind((before >> place) & 63)
            change >>= 6
            place += 6
        before = key
        if is_new:
            now = key >> 42
            for shift in range(36, -1, -6):
                now = (now << 3) | _kind((key >> shift) & 63)
            if now != form:
                form = now
                rows[count] = row
                forms[count] = now
                count += 1
    return count


@numba.njit(inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _kind(character: Any) -> Any:
    if 16 <= character <= 25:
        return np.int64(1)
    if 33 <= character <= 58:
        return np.int64(2)
    return np.int64(0) if character == 0 else np.int64(3)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def sum_runs(values: Any, starts: Any, group: Any, groups: Any) -> Any:
    """Sum whole numbers by group, run by run: run r goes from `starts[r]` to `starts[r + 1]` and is of `group[r]`.

    Group number `groups` is for rows of none, and is left out.
    """
    out = np.zeros(groups + 1, np.int64)
    for run in range(group.size):
        total = np.int64(0)
        for row in range(starts[run], starts[run + 1]):
            total += values[row]
        out[group[run]] += total
    return out[:groups]
