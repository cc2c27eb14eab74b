"""Codes of the Office for National Statistics: which level and nation a code belongs to."""

import re

from exclusion.errors import ContractError

# Entity codes of the register of geographic codes (first three characters), by the level they name.
_LEVELS = {
    "E00": "oa", "W00": "oa", "S00": "oa",
    "E01": "lsoa", "W01": "lsoa", "S01": "data_zone_of_scotland", "N20": "data_zone_of_northern_ireland",
    "E02": "msoa", "W02": "msoa",
    "E05": "ward", "W05": "ward",
    "E06": "lad", "E07": "lad", "E08": "lad", "E09": "lad", "W06": "lad", "S12": "lad", "N09": "lad",
    "E10": "county", "E12": "region", "E47": "combined_authority", "E54": "icb",
    "E92": "nation", "W92": "nation", "S92": "nation", "N92": "nation",
}  # fmt: skip
# The small areas that results are made for.
AREA_LEVELS = frozenset({"lsoa", "data_zone_of_scotland", "data_zone_of_northern_ireland"})
_NATIONS = {"E": "England", "W": "Wales", "S": "Scotland", "N": "Northern Ireland"}
_CODE = re.compile(r"[EWSN]\d{8}")


def is_code(text: str) -> bool:
    """Tell whether a text has the form of a nine-character code."""
    return _CODE.fullmatch(text) is not None


def level_of(code: str) -> str | None:
    """Return the level a code names (`lsoa`, `lad`, `region`, ...), or None for a level not used here."""
    return _LEVELS.get(code[:3]) if is_code(code) else None


def is_area(code: str) -> bool:
    """Tell whether a code is that of a small area: an LSOA, or a Data Zone of Scotland or Northern Ireland."""
    return level_of(code) in AREA_LEVELS


def nation_of(code: str) -> str:
    """Return the nation a code belongs to by its first letter; ContractError for anything else."""
    try:
        return _NATIONS[code[0]]
    except (KeyError, IndexError):
        raise ContractError(
            f"'{code}' is not a code of the United Kingdom: it must start with E, W, S or N."
        ) from None
