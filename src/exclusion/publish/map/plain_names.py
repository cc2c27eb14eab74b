"""Plain names for what tables call by codes: inputs with gaps, needs types, and the settlements that label a map."""

import re
from typing import TYPE_CHECKING, Any

from exclusion.publish.map.words import Words

if TYPE_CHECKING:
    import pandas as pd

# Behind these stands a second neighbourhood's name.
_NAME_BEHIND = re.compile(r" & | and |, | \(")
# Words behind or before a settlement's name that part it into neighbourhoods.
_PARTS = "North|South|East|West|Central|Centre|Town|City|Village|Outer|Inner|Upper|Lower|Rural"
_PART_BEHIND = re.compile(rf"(?: (?:{_PARTS}))+$")
# Neighbourhoods of one town often share its name as the first word; short and common words are no town's name.
_LEAST_LETTERS = 7
_NO_TOWN = frozenset({"Northern", "Southern", "Eastern", "Western", "Central", "Greater", "University"})


def input_name(column: str, words: Words) -> str:
    """Return what an input is called in plain words; a family of columns shares one name, an unknown one is spelt out."""
    parts = column.split("_")
    for count in range(len(parts), 0, -1):
        name = words.get(f"data.{'_'.join(parts[:count])}")
        if name:
            return name
    text = column.removesuffix("_pct").replace("_", " ")
    return text[:1].upper() + text[1:]


def needs_name(kind: Any, words: Words) -> Any:
    """Return a needs type in plain words; one that is not of the default specification stays as written there."""
    return words.get(f"needs.{kind}") or kind if isinstance(kind, str) else kind


def settlements(names: "pd.Series") -> "pd.Series":
    """Return the settlement of each neighbourhood's name, for labels that a map has room for.

    "Morpeth North & Pegswood" is at Morpeth, "Larkminster Wherry Quay" at Larkminster where another neighbourhood
    begins with that name. A null stays null.
    """
    short_of = {
        name: _PART_BEHIND.sub("", _NAME_BEHIND.split(name, maxsplit=1)[0])
        for name in names.dropna().unique()
    }
    shared: dict[str, set[str]] = {}
    for short in short_of.values():
        shared.setdefault(short.split(" ", 1)[0], set()).add(short)
    towns = {
        first
        for first, shorts in shared.items()
        if len(shorts) > 1 and len(first) >= _LEAST_LETTERS and first not in _NO_TOWN
    }
    return names.map(
        {
            name: first if (first := short.split(" ", 1)[0]) in towns else short
            for name, short in short_of.items()
        }
    )
