"""Column names for Census tables, made from the publisher's headers by one rule."""

import re

_SUFFIX = re.compile(r"\s*;\s*measures:.*$", re.IGNORECASE)
_COLON = re.compile(r"\s*:\s*")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def census_column(table: str, header: str) -> str:
    """Return the column name of a Census bulk header, such as `ts045_no_cars_or_vans_in_household`.

    The `; measures: Value` suffix and the table's own title before the first colon are dropped, levels are
    joined by two underscores, and any `Total...` header becomes `<table>_total`. Parents and children both
    keep their names: whoever adds columns up must choose one level.
    """
    levels = _COLON.split(_SUFFIX.sub("", header.strip()))
    levels = levels[1:] or levels
    if levels[0].lower() == "total":
        return f"{table.lower()}_total"
    return f"{table.lower()}_" + "__".join(_NOT_WORD.sub("_", level.lower()).strip("_") for level in levels)
