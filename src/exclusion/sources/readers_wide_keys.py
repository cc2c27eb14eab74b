"""Keys packed into whole numbers: six bits a character, so that they sort as the text does.

Compiled by numba on first use and cached beside the module.
"""

from typing import Any

import numba
import numpy as np

from exclusion.sources.readers_wide_bits import first_bit, load_word, store_word, turned

# Ten characters of six bits fit a whole number of 64, with the sign to spare.
KEY_CHARACTERS = 10
_0, _1, _2, _4, _6, _8 = (np.uint64(n) for n in (0, 1, 2, 4, 6, 8))
_12, _32, _63 = (np.uint64(n) for n in (12, 32, 63))
_SPACES, _TOP_BITS = np.uint64(0x2020202020202020), np.uint64(0x8080808080808080)
_SIXTHS, _FIFTHS, _LOW_FIVE = np.uint64(0x4040404040404040), _SPACES, np.uint64(0x1F1F1F1F1F1F1F1F)
_ODD_6, _EVEN_6 = np.uint64(0x003F003F003F003F), np.uint64(0x3F003F003F003F00)
_ODD_12, _EVEN_12 = np.uint64(0x00000FFF00000FFF), np.uint64(0x0FFF00000FFF0000)
_ODD_24, _EVEN_24 = np.uint64(0x0000000000FFFFFF), np.uint64(0x00FFFFFF00000000)


@numba.njit(inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _pack_word(word: Any) -> Any:
    """Return eight characters, the first one highest, as eight times six bits; the bits that tell of any other."""
    # From 32 to 95 either the fifth bit is set or the sixth, and never both.
    off = (word & _TOP_BITS) | (~(word ^ (word << _1)) & _SIXTHS)
    word = ((word >> _1) & _FIFTHS) | (word & _LOW_FIVE)
    word = (word & _ODD_6) | ((word & _EVEN_6) >> _2)
    word = (word & _ODD_12) | ((word & _EVEN_12) >> _4)
    return (word & _ODD_24) | ((word & _EVEN_24) >> _8), off


@numba.njit(inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def pack_text(data: Any, start: Any, stop: Any) -> Any:
    """Return the packed key of `data[start:stop]`, -1 where it cannot be packed or has a space at an end."""
    length = stop - start
    # Spaces, which pack to nothing, stand for the characters there are not.
    word = turned(load_word(data, start))
    gone = (_1 << np.uint64(max(64 - 8 * length, 0))) - _1
    packed, off = _pack_word((word & ~gone) | (_SPACES & gone))
    packed <<= _12
    for place in range(8, min(length, KEY_CHARACTERS)):
        character = np.uint64(data[np.uint64(start + place)]) - _32
        off |= character & ~_63
        packed |= character << np.uint64(54 - 6 * place)
    is_off = length <= 0 or length > KEY_CHARACTERS or off != _0
    if is_off or data[np.uint64(start)] == 32 or data[np.uint64(stop - 1)] == 32:
        packed = ~_0
    return np.int64(packed)


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def unpack_keys(room: Any, letters: Any) -> Any:
    """Write the texts of the packed keys `room[1:]` end to end into `letters`; return the bytes used.

    `room` becomes the bounds of the texts: where each ends takes the place of its key, which is read just before.
    `letters` has room for all, and for 16 bytes more.
    """
    used = 0
    room[0] = 0
    for row in range(1, room.size):
        key = np.uint64(room[row])
        word = key >> _12
        # A character that is not there is a space, which packs to nothing, and no key ends with one.
        length = KEY_CHARACTERS - first_bit(key) // 6
        word = (word & _ODD_24) | ((word << _8) & _EVEN_24)
        word = (word & _ODD_12) | ((word << _4) & _EVEN_12)
        word = (word & _ODD_6) | ((word << _2) & _EVEN_6)
        store_word(letters, used, turned(word + _SPACES))
        if length > 8:
            letters[used + 8] = ((key >> _6) & _63) + _32
            letters[used + 9] = (key & _63) + _32
        used += length
        room[row] = used
    return used


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def is_rising_strictly(keys: Any) -> Any:
    """Return if every packed key is above the one before it."""
    off = 0
    for row in range(1, keys.size):
        off += keys[row] <= keys[row - 1]
    return off == 0


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def pack_keys(letters: Any, offsets: Any) -> Any:
    """Return the packed keys of texts that lie end to end in `letters`; -1 for one that cannot be packed."""
    out = np.empty(offsets.size - 1, np.int64)
    spare = np.zeros(32, np.uint8)
    for row in range(out.size):
        start, stop = offsets[row], offsets[row + 1]
        if start + 16 <= letters.size:
            out[row] = pack_text(letters, start, stop)
        elif stop - start > KEY_CHARACTERS:
            out[row] = -1
        else:
            # Words may not be read past the last letter.
            for place in range(stop - start):
                spare[place] = letters[start + place]
            out[row] = pack_text(spare, 0, stop - start)
    return out


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
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


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def sum_groups(values: Any, group: Any, groups: Any) -> Any:
    """Sum whole numbers by group; group number `groups` is for rows of none, and is left out."""
    out = np.zeros(groups + 1, np.int64)
    for row in range(values.size):
        out[np.uint64(group[row])] += values[row]
    return out[:groups]
