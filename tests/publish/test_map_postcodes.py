"""Postcodes on a page: whatever is packed reads back, each with its area."""

import json
from dataclasses import replace

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.publish.map.content import checked
from exclusion.publish.map.places import RECENT, postcode_block
from tests.publish.map_made import made_content

CONTENT = checked(made_content())
CODES = list(CONTENT.areas.index)


def streams_of(data: bytes) -> list[list[int]]:
    """The varint streams behind one another, each led by its number of values."""
    numbers, shift, value = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            shift = value = 0
    found = []
    while numbers:
        count, *numbers = numbers
        found.append(numbers[:count])
        numbers = numbers[count:]
    return found


def read_back(data: bytes) -> list[tuple[str, str]]:
    """The packed postcodes in order, each with the code of its area, as the page's script reads them."""
    text, shared, counts, steps, codes = streams_of(data)
    sectors = []
    for ending, length in zip(json.loads(bytes(text)), shared, strict=True):
        sectors.append((sectors[-1] if sectors else "")[:length] + ending)
    units = []
    for sector, count in zip(sectors, counts, strict=True):
        number = 0
        for step in steps[len(units) : len(units) + count]:
            number += step
            letters = "" if number == 0 else chr(65 + (number - 1) // 26) + chr(65 + (number - 1) % 26)
            units.append(sector + letters)
    recent: list[int] = []
    areas = []
    for code in codes:
        if code < RECENT:
            area = recent.pop(code)
        else:
            step = code - RECENT
            area = (areas[-1] if areas else 0) + (step // 2 if step % 2 == 0 else -(step + 1) // 2)
        recent = [area, *recent][:RECENT]
        areas.append(area)
    return list(zip(units, (CODES[area] for area in areas), strict=True))


def packed(rows: list[tuple[str, str]]) -> bytes:
    return postcode_block(replace(CONTENT, postcodes=pd.DataFrame(rows, columns=["postcode", "lsoa21cd"])))


@settings(deadline=None, max_examples=80)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Z]{1,2}[0-9]{1,2} [0-9]([A-Z]{2})?", fullmatch=True), st.sampled_from(CODES),
        min_size=1, max_size=200,
    )
)  # fmt: skip
def test_postcodes_read_back_in_order_of_sector_and_unit(areas):
    found = read_back(packed(list(areas.items())))
    assert dict(found) == areas
    assert len(found) == len(areas)
    assert [name for name, _ in found] == sorted(areas, key=lambda name: (name[: name.index(" ") + 2], name))


def test_odd_texts_are_kept_and_of_a_postcode_that_is_there_twice_the_first_counts():
    rows = [
        ("ne46  1ab ", CODES[1]),
        ("NE46 1AB", CODES[0]),
        ("NE46", CODES[2]),
        ("X", CODES[0]),
        ("NE4 1AB", "E0"),
    ]
    assert read_back(packed(rows)) == [("NE46", CODES[2]), ("NE46 1AB", CODES[1]), ("X", CODES[0])]
    assert read_back(packed([("NE4 1AB", "E0")])) == []
