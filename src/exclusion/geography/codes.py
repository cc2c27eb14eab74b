"""Codes of the Office for National Statistics: which level and nation a code belongs to."""

import re
from collections.abc import Iterable

from exclusion.errors import ContractError

# Entity codes of the register of geographic codes (first three characters), by the level they name.
_LEVELS = {
    "E00": "oa", "W00": "oa",
    "E01": "lsoa", "W01": "lsoa",
    "E02": "msoa", "W02": "msoa",
    "E05": "ward", "W05": "ward",
    "E06": "lad", "E07": "lad", "E08": "lad", "E09": "lad", "W06": "lad", "S12": "lad", "N09": "lad",
    "E10": "county", "E12": "region", "E47": "combined_authority", "E54": "icb",
    "E92": "nation", "W92": "nation", "S92": "nation", "N92": "nation",
}  # fmt: skip
_NATIONS = {"E": "England", "W": "Wales", "S": "Scotland", "N": "Northern Ireland"}
_CODE = re.compile(r"[EWSN]\d{8}")


def is_code(text: str) -> bool:
    """Tell whether a text has the form of a nine-character code."""
    return _CODE.fullmatch(text) is not None


def level_of(code: str) -> str | None:
    """Return the level a code names (`lsoa`, `lad`, `region`, ...), or None for a level not used here."""
    return _LEVELS.get(code[:3]) if is_code(code) else None


def nation_of(code: str) -> str:
    """Return the nation a code belongs to by its first letter; ContractError for anything else."""
    try:
        return _NATIONS[code[0]]
    except (KeyError, IndexError):
        raise ContractError(
            f"'{code}' is not a code of the United Kingdom: it must start with E, W, S or N."
        ) from None


def require_level(codes: Iterable[str], level: str, where: str) -> None:
    """Raise ContractError, naming the first offenders, unless every code is of the level."""
    wrong = [code for code in codes if level_of(str(code)) != level]
    if wrong:
        shown = ", ".join(map(str, wrong[:5]))
        more = f" and {len(wrong) - 5:,} more" if len(wrong) > 5 else ""
        raise ContractError(
            f"{where}: {shown}{more} are not {level.upper()} codes; check the file's vintage and column."
        )
