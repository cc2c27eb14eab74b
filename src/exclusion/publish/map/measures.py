"""What the map can show: each measure as an integer column with its unit, its classes and its colours."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.publish.map.content import PageContent, has
from exclusion.publish.map.plain_names import needs_name
from exclusion.publish.map.words import Words

# Codes at the top of an unsigned column that stand for no number.
MISSING_16, MISSING_32 = 0xFFFF, 0xFFFFFFFF
CLASSES = 5
# Below this a number keeps bits enough behind the point for its half to be found.
_MOST_EXACT = 2.0**48
# Numbers that mean nothing without saying who counts as offline.
_BY_DEFINITION = {"people_offline", "offline_share_pct", "people_offline_beyond_20_min"}
# Fixed limits between classes where a round number says more than a fifth of the areas does.
FIXED_BREAKS: dict[str, tuple[float, ...]] = {
    "help_min": (10, 15, 20, 30),
    "help_car_min": (10, 15, 20, 30),
    "help_other_min": (15, 30, 45, 60),
    "chance_worst_tenth_pct": (5, 20, 50, 80),
    # Most areas have nobody beyond reach: the lowest class is "none".
    "people_beyond_plan": (1, 10, 25, 50),
}


@dataclass(frozen=True)
class Measure:
    """Describe one integer column of the page.

    The number shown is `value / 10**decimals`; `missing` is the code of "not known". `offset` is added to the column
    to get the value, so that negative values fit. `breaks` (integers in the column's own units, before the offset is
    taken) part the classes: class = how many breaks are at or below the value. `categories` names the codes of a
    categorical column. `direction` says what higher means. `is_shown` tells whether the map can be coloured by it; others serve the card and the table.
    """

    key: str
    label: str
    unit: str = ""
    decimals: int = 0
    offset: int = 0
    missing: int = MISSING_16
    breaks: tuple[int, ...] = ()
    classes_from: str = ""
    categories: tuple[str, ...] = ()
    is_shown: bool = False
    group: str = ""
    note: str = ""
    direction: str = ""

    def described(self) -> dict[str, Any]:
        """Return the description that the page's script reads."""
        return {
            "key": self.key, "label": self.label, "unit": self.unit, "decimals": self.decimals,
            "offset": self.offset, "missing": self.missing, "breaks": list(self.breaks),
            "classesFrom": self.classes_from, "categories": list(self.categories), "isShown": self.is_shown,
            "group": self.group, "note": self.note, "direction": self.direction,
        }  # fmt: skip


@dataclass(frozen=True)
class Column:
    """Pair a measure with its integers: uint16 or uint32, one an area, in the order of the areas."""

    measure: Measure
    values: Any

    def text(self, area: int) -> str:
        """Return the number as the page prints it, "" where it is not known."""
        code = int(self.values[area])
        if code == self.measure.missing:
            return ""
        if self.measure.categories:
            return self.measure.categories[code]
        return number_text(code + self.measure.offset, self.measure.decimals)


def number_text(scaled: int, decimals: int) -> str:
    """Return a scaled integer as text with thousands separated by commas, as the page's script does."""
    sign = "-" if scaled < 0 else ""
    digits = str(abs(scaled)).rjust(decimals + 1, "0")
    whole, part = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    return f"{sign}{int(whole):,}" + (f".{part}" if part else "")


def scaled_integers(values: Any, decimals: int) -> tuple[Any, Any]:
    """Return values times 10**decimals rounded half up as int64, and which of them are known (finite)."""
    column = values if isinstance(values, pd.Series) else pd.Series(values)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = pd.to_numeric(column, errors="coerce")
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    is_known = np.isfinite(numbers)
    scaled = np.zeros(len(numbers), dtype=np.int64)
    size = np.abs(np.where(is_known, numbers, 0.0)) * 10.0**decimals
    # Rounding goes by the shortest decimal text of the number, so that 0.285 prints as 0.29 like in the lists. The text
    # matters only as near to a half as floating point errs, and where whole numbers are no longer told apart.
    is_by_text = (np.abs(size - np.floor(size) - 0.5) <= 4 * np.spacing(size)) | (size >= _MOST_EXACT)
    is_plain = is_known & ~is_by_text
    scaled[is_plain] = np.copysign(np.floor(size[is_plain] + 0.5), numbers[is_plain]).astype(np.int64)
    is_by_text &= is_known
    scaled[is_by_text] = [
        int(Decimal(repr(value)).scaleb(decimals).quantize(Decimal(1), ROUND_HALF_UP))
        for value in numbers[is_by_text].tolist()
    ]
    return scaled, is_known


def number_column(
    content: PageContent, column: str, *, label: str, unit: str = "", decimals: int = 0, is_shown: bool = False,
    group: str = "", note: str = "", direction: str = "",
) -> Column:  # fmt: skip
    """Return one numeric column of the table, with classes where the map can be coloured by it."""
    scaled, is_known = scaled_integers(content.table[column], decimals)
    known = scaled[is_known]
    offset = min(0, int(known.min())) if len(known) else 0
    top = int(known.max()) - offset if len(known) else 0
    is_small = top < MISSING_16
    missing = MISSING_16 if is_small else MISSING_32
    if top >= MISSING_32:
        raise ContractError(
            f"Column {column} of the map's table holds {known.max()}, too large to be a real value: check it."
        )
    values = np.where(is_known, scaled - offset, missing).astype(np.uint16 if is_small else np.uint32)
    breaks, source = _breaks(content, column, scaled, is_known, decimals) if is_shown else ((), "")
    measure = Measure(
        key=column, label=label, unit=unit, decimals=decimals, offset=offset, missing=missing,
        breaks=tuple(value - offset for value in breaks), classes_from=source, is_shown=is_shown, group=group, note=note,
        direction=direction,
    )  # fmt: skip
    return Column(measure, values)


def _breaks(
    content: PageContent, column: str, scaled: Any, is_known: Any, decimals: int
) -> tuple[tuple[int, ...], str]:
    """Return the limits between classes in scaled integers, and where they come from: nation, fixed or page."""
    if column in content.national_breaks:
        limits, _ = scaled_integers(np.array(content.national_breaks[column], dtype=float), decimals)
        return tuple(dict.fromkeys(int(value) for value in sorted(limits))), "nation"
    if column in FIXED_BREAKS:
        return tuple(round(value * 10**decimals) for value in FIXED_BREAKS[column]), "fixed"
    known = np.sort(scaled[is_known])
    if len(known) == 0:
        return (), "page"
    at = [known[min(len(known) - 1, -(-len(known) * part // CLASSES))] for part in range(1, CLASSES)]
    # Equal limits would make an empty class: many areas may share one value, and then there are fewer classes.
    return tuple(dict.fromkeys(int(value) for value in at if value > known[0])), "page"


def category_column(
    values: Any, *, key: str, label: str, is_shown: bool, group: str = "", note: str = ""
) -> Column:
    """Return a text column as codes into its sorted distinct texts."""
    texts = pd.Series(values, dtype="object")
    at, distinct = pd.factorize(texts)
    # A null has no place among the distinct texts (-1), and so gets the last code below.
    is_known = np.array([bool(str(text).strip()) for text in distinct], dtype=bool)
    names = sorted({str(text) for text in distinct[is_known]})
    code_of = {name: code for code, name in enumerate(names)}
    code = [
        code_of[str(text)] if known else MISSING_16 for text, known in zip(distinct, is_known, strict=True)
    ]
    codes = np.array([*code, MISSING_16], dtype=np.uint16)[at]
    measure = Measure(
        key=key, label=label, categories=tuple(names), is_shown=is_shown, group=group, note=note
    )
    return Column(measure, codes)


def columns_of(content: PageContent, words: Words) -> list[Column]:
    """Return every column that the page carries, the map's measures first in the order planners read them."""
    table = content.table
    found: list[Column] = []

    def number(
        column: str, *, decimals: int = 0, unit: str = "", is_shown: bool = True, group: str = "main"
    ) -> None:
        if has(table, column):
            label, note = words(f"measure.{column}"), words.get(f"measure.{column}.note")
            if column in _BY_DEFINITION and content.edition.definition:
                note = f"{words('measure.definition', definition=content.edition.definition)} {note}".strip()
            found.append(number_column(
                content, column, label=label, unit=unit, decimals=decimals, is_shown=is_shown, group=group, note=note,
                direction=words.get(f"measure.{column}.direction"),
            ))  # fmt: skip

    number("people_beyond_plan", unit="people")
    number("exclusion_score", unit="points", decimals=1)
    number("risk_score", unit="points", decimals=1)
    number("people_offline", unit="people")
    number("offline_share_pct", decimals=1, unit="%")
    number("chance_worst_tenth_pct", unit="%")
    for domain in content.domains:
        column = f"{domain.key}_score"
        if has(table, column):
            found.append(number_column(
                content, column, label=domain.label, unit="points", decimals=1, is_shown=True, group="domains",
                note=words("measure.domain.note"), direction=words("measure.domain.direction"),
            ))  # fmt: skip
    number("help_min", unit="min", group="travel")
    number("help_car_min", unit="min", group="travel")
    number("help_other_min", unit="min", group="travel")
    number("people_offline_beyond_20_min", unit="people", group="travel")
    found.extend(_kinds(content, words))
    _card_numbers(number)
    _contributions(content, found)
    return found


def _kinds(content: PageContent, words: Words) -> list[Column]:
    """Return the categorical measures that are present: rural class and needs type."""
    found = []
    for key, frame in (("ruc21nm", content.areas), ("needs_type", content.table)):
        if has(frame, key):
            values = frame[key].to_numpy()
            if key == "needs_type":
                values = np.array([needs_name(kind, words) for kind in values], dtype=object)
            found.append(category_column(
                values, key=key, label=words(f"measure.{key}"), is_shown=True, group="kinds",
            ))  # fmt: skip
    return found


def _card_numbers(number: Callable[..., None]) -> None:
    """Enter the numbers that only the card and the table show."""
    for column in (
        "exclusion_rank", "risk_rank", "exclusion_rank_low", "exclusion_rank_high", "risk_rank_low", "risk_rank_high",
        "adults", "people_offline_low", "people_offline_high",
    ):  # fmt: skip
        number(column, is_shown=False, group="")
    for column in ("offline_share_low_pct", "offline_share_high_pct"):
        number(column, decimals=1, unit="%", is_shown=False, group="")
    number("rural_factor", decimals=2, is_shown=False, group="")


def _contributions(content: PageContent, found: list[Column]) -> None:
    """Enter what each domain and the rural weight add to the exclusion index; a national page leaves them out."""
    if content.is_national:
        return
    for domain in content.domains:
        for column in (f"{domain.key}_contribution", f"{domain.key}_rank"):
            if has(content.table, column):
                decimals = 1 if column.endswith("_contribution") else 0
                found.append(number_column(content, column, label=domain.label, decimals=decimals, group=""))
    if has(content.table, "rural_contribution"):
        found.append(number_column(content, "rural_contribution", label="", decimals=1, group=""))
