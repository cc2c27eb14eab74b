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
        key = np.int64(0)
        length = offsets[row + 1] - offsets[row]
        is_fit = 0 < length <= KEY_CHARACTERS
        for place in range(offsets[row], offsets[row + 1]):
            b = letters[place]
            if b < 32 or b > 95:
                is_fit = False
            key = (key << 6) | np.int64(b - 32)
        out[row] = key << (6 * (KEY_CHARACTERS - length)) if is_fit else -1
    return out
