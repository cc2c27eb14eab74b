"""Rules for one column of a tidy table: what it must hold, declared once and said in words."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "code", "count", "number", "flag", "date"]

# Beyond the first three characters a pattern tells digits, capitals and spaces only: readers of large files rely on
# it, who hold one key of each form to it (contracts_wide).
CODE_PATTERNS = {
    "oa": r"[EW]00\d{6}",
    "oa_of_scotland": r"S00\d{6}",
    # Ofcom's output areas: 2021 in England, Wales and Northern Ireland, 2022 in Scotland.
    "oa_uk": r"([EWS]00|N\d{2})\d{6}",
    "lsoa": r"[EW]01\d{6}",
    "lsoa_or_dz": r"[EWS]01\d{6}",
    "data_zone_of_scotland": r"S01\d{6}",
    "data_zone_of_northern_ireland": r"N20\d{6}",
    "super_output_area": r"95[A-Z]{2}\d{2}[A-Z]\d",
    "msoa": r"[EW]02\d{6}",
    "intermediate_zone": r"S02\d{6}",
    "super_data_zone": r"N21\d{6}",
    "ward": r"[EW]05\d{6}",
    "ward_of_scotland": r"S13\d{6}",
    "electoral_area": r"N10\d{6}",
    "lad": r"(E0[6789]|W06|S12|N09)\d{6}",
    "utla": r"(E0[6789]|E10|W06|S12|N09)\d{6}",
    "region": r"[EWSN](12|92|99)\d{6}",
    "postcode": r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}",
}

# First and last code of each vintage of levels whose vintages share a form. Codes with a 9 after the level's prefix have
# never been given out: made-up places use them for every vintage.
VINTAGES = {
    "data_zone_of_scotland": {2011: ("S01006506", "S01013481"), 2022: ("S01013482", "S01020873")},
    "data_zone_of_northern_ireland": {2021: ("N20000001", "N20003780")},
}


@dataclass(frozen=True)
class Rule:
    """What one column must hold.

    `low` and `high` bound numbers, both included; `level` names a kind of code and `vintage` its year; `one_of`
    lists the values allowed; `has_status` says that a `<column>__status` column stands beside it, which must give
    the reason for every null.
    """

    kind: Kind = "text"
    low: float | None = None
    high: float | None = None
    level: str | None = None
    vintage: int | None = None
    one_of: tuple[str, ...] = ()
    pattern: str | None = None
    is_nullable: bool = False
    is_optional: bool = False
    has_status: bool = False


def code(level: str, vintage: int | None = None, *, is_nullable: bool = False) -> Rule:
    """Return the rule of a column of codes of one level."""
    return Rule(kind="code", level=level, vintage=vintage, is_nullable=is_nullable)


def text(*, is_nullable: bool = False, one_of: tuple[str, ...] = (), pattern: str | None = None) -> Rule:
    """Return the rule of a column of text that is never empty unless it is null."""
    return Rule(kind="text", is_nullable=is_nullable, one_of=one_of, pattern=pattern)


def count(*, is_nullable: bool = False, has_status: bool = False) -> Rule:
    """Return the rule of a column of whole numbers from 0 up."""
    return Rule(kind="count", low=0, is_nullable=is_nullable or has_status, has_status=has_status)


def number(
    low: float | None = None,
    high: float | None = None,
    *,
    is_nullable: bool = False,
    has_status: bool = False,
) -> Rule:
    """Return the rule of a column of finite numbers within bounds."""
    return Rule(
        kind="number", low=low, high=high, is_nullable=is_nullable or has_status, has_status=has_status
    )


def percentage(*, is_nullable: bool = False, has_status: bool = False) -> Rule:
    """Return the rule of a column of percentages."""
    return number(0, 100, is_nullable=is_nullable, has_status=has_status)


def flag() -> Rule:
    """Return the rule of a column of yes or no."""
    return Rule(kind="flag")


def wording(rule: Rule) -> str:
    """Say what a rule asks for, to follow "must be"."""
    if rule.level:
        return f"a code of level {rule.level.replace('_', ' ').upper()}"
    if rule.pattern:
        return f"of the form {rule.pattern}"
    what = "a whole number " if rule.kind == "count" else ""
    if rule.low is not None and rule.high is not None:
        return f"{what}between {rule.low:g} and {rule.high:g}"
    if rule.low is not None:
        return f"{what}of at least {rule.low:g}" if what else f"at least {rule.low:g}"
    return f"{what}at most {rule.high:g}" if rule.high is not None else f"{what or 'a number'}".strip()
