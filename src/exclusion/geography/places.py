"""Places by name or code: councils of any vintage, counties, regions, nations, or a list of areas."""

import csv
import difflib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from exclusion.errors import InputError
from exclusion.geography.codes import is_area, is_code
from exclusion.geography.place_names import fold_name, loosen_name

# Levels from the smallest up: level, what people call it, and the columns of its code and name.
_LEVELS = (
    ("lad", "council", "lad_cd", "lad_nm"),
    ("utla", "county", "utla_cd", "utla_nm"),
    ("cauth", "combined authority", "cauth_cd", "cauth_nm"),
    ("icb", "integrated care board", "icb_cd", "icb_nm"),
    ("region", "region", "rgn_cd", "rgn_nm"),
)
# The kind of the place that is all nations at hand.
_TOGETHER = "nations"


@dataclass(frozen=True)
class Place:
    """What a user works on: a label, a slug for file names, and the LSOA 2021 codes, sorted."""

    label: str
    slug: str
    lsoa21cd: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of areas."""
        return len(self.lsoa21cd)


class Gazetteer:
    """Find places among the areas at hand, by name or code of any vintage."""

    def __init__(self, areas: pd.DataFrame, lad_codes: pd.DataFrame | None = None) -> None:
        """Take the `areas` table and, if there is one, every council code since 2011 with its present code.

        `lad_codes` has `lad_cd, lad_nm, lad_cd_active`.
        """
        self._areas = areas[["lsoa21cd", "nation", *(c for _, _, *pair in _LEVELS for c in pair)]]
        self._by_code: dict[str, tuple[str, str, str]] = {}
        self._by_name: dict[str, list[tuple[str, str, str]]] = {}
        self._by_loose_name: dict[str, list[tuple[str, str, str]]] = {}
        for _, kind, code, name in _LEVELS:
            for key, label in areas[[code, name]].dropna().drop_duplicates().itertuples(index=False):
                self._add(str(key), str(label), (kind, code, str(key)))
        self._nations = sorted(areas["nation"].unique())
        for nation in self._nations:
            self._add("", nation, ("nation", "nation", nation))
        if len(self._nations) > 1:
            self._add("", self._all_nations, (_TOGETHER, "", self._all_nations))
        if lad_codes is not None:
            self._add_old_councils(lad_codes)

    @property
    def _all_nations(self) -> str:
        """The nations at hand as people name them together: "England and Wales"."""
        return " and ".join(self._nations)

    def _add(self, code: str, name: str, target: tuple[str, str, str]) -> None:
        if code:
            self._by_code.setdefault(code, target)
        for index, key in ((self._by_name, fold_name(name)), (self._by_loose_name, loosen_name(name))):
            entries = index.setdefault(key, [])
            if target not in entries:
                entries.append(target)

    def _add_old_councils(self, lad_codes: pd.DataFrame) -> None:
        """Let every code and name that a present council has ever had lead to the council as the areas know it."""
        here = set(self._areas["lad_cd"])
        known = lad_codes.set_index("lad_cd")["lad_cd_active"].to_dict()
        by_active: dict[str, str] = {known.get(code, code): code for code in here}
        for row in lad_codes[["lad_cd", "lad_nm", "lad_cd_active"]].itertuples(index=False):
            target = by_active.get(row.lad_cd_active)
            if target is not None:
                self._by_code.setdefault(row.lad_cd, ("council", "lad_cd", target))
                if fold_name(row.lad_nm) not in self._by_name:
                    self._add("", row.lad_nm, ("council", "lad_cd", target))

    def resolve(self, wanted: list[str]) -> Place:
        """Return the place that the names, codes or CSV files name together.

        InputError, with the nearest names, for a name or code that is not among the areas; a CSV is any existing
        file with a column of LSOA 2021 codes.
        """
        if not wanted:
            raise InputError(
                "No place was named: give --place a council, county, region or nation, or a CSV of area codes."
            )
        chosen: set[str] = set()
        labels: list[str] = []
        for text in wanted:
            label, codes = self._one(text.strip())
            labels.append(label)
            chosen.update(codes)
        unique = list(dict.fromkeys(labels))
        label = " and ".join(unique) if len(unique) < 4 else f"{unique[0]} and {len(unique) - 1} more places"
        return Place(label=label, slug=slug_of(label), lsoa21cd=tuple(sorted(chosen)))

    def _one(self, text: str) -> tuple[str, list[str]]:
        if text.lower().endswith((".csv", ".txt")):
            return self._from_file(Path(text))
        code = text.upper()
        if is_code(code):
            if is_area(code):
                self._require_areas([code], "--place")
                return code, [code]
            if code in self._by_code:
                return self._areas_of(self._by_code[code])
            raise InputError(
                f"No place has the code {code} in the data at hand; `exclusion places` lists the places and their codes."
            )
        # The name as written wins over the name without "City of" and the like: London is not the City of London.
        targets = self._by_name.get(fold_name(text)) or self._by_loose_name.get(loosen_name(text), [])
        if targets:
            return self._only_one(text, targets)
        raise InputError(f"There is no place called '{text}' in the data at hand.{self._suggest(text)}")

    def _only_one(self, text: str, targets: list[tuple[str, str, str]]) -> tuple[str, list[str]]:
        """Return the one set of areas that the targets mean; InputError where a name means different sets."""
        found = {target: self._areas_of(target) for target in targets}
        if len({tuple(codes) for _, codes in found.values()}) > 1:
            choices = " or ".join(
                f"{key} ({kind}, {len(found[kind, column, key][1]):,} areas)" for kind, column, key in targets
            )
            raise InputError(f"'{text}' names more than one place: give the code {choices}.")
        return found[targets[0]]

    def _areas_of(self, target: tuple[str, str, str]) -> tuple[str, list[str]]:
        kind, column, key = target
        if kind == _TOGETHER:
            return key, self._areas["lsoa21cd"].tolist()
        rows = self._areas[self._areas[column] == key]
        name = key
        for _, level_kind, code, label in _LEVELS:
            if level_kind == kind and code == column:
                name = str(rows[label].iloc[0])
        return name, rows["lsoa21cd"].tolist()

    def _suggest(self, text: str) -> str:
        names = {fold_name(label): label for label in self.names()}
        close = difflib.get_close_matches(fold_name(text), list(names), n=3, cutoff=0.6)
        close += [key for key in names if fold_name(text) and fold_name(text) in key and key not in close][
            : 3 - len(close)
        ]
        if not close:
            return " `exclusion places` lists the places."
        return f" Did you mean {' or '.join(names[key] for key in close)}?"

    def _from_file(self, path: Path) -> tuple[str, list[str]]:
        """Return the areas listed in a CSV with a column of LSOA 2021 codes; the file's name is the label."""
        if not path.is_file():
            raise InputError(
                f"{path}: there is no such file; --place takes a name, a code, or a CSV of LSOA 2021 codes."
            )
        try:
            rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                f"{path}: this is not a CSV in UTF-8 ({error}); save it again as CSV UTF-8."
            ) from error
        if not rows:
            raise InputError(f"{path}: the file is empty; it needs a column of LSOA 2021 codes.")
        width = max(len(row) for row in rows)
        column = next((j for j in range(width) if any(_is_area_cell(row, j) for row in rows)), None)
        if column is None:
            raise InputError(f"{path}: no column holds LSOA codes such as E01027363; add a column lsoa21cd.")
        codes = []
        for number, row in enumerate(rows, start=1):
            value = row[column].strip().upper() if column < len(row) else ""
            if is_area(value):
                codes.append(value)
            elif value and number > 1:
                raise InputError(
                    f"{path}, line {number}: '{row[column].strip()}' is not an LSOA 2021 code; mend or remove the line."
                )
        self._require_areas(codes, str(path))
        return path.stem, codes

    def _require_areas(self, codes: list[str], where: str) -> None:
        unknown = sorted(set(codes) - set(self._areas["lsoa21cd"]))
        if unknown:
            more = f" (and {len(unknown) - 1:,} more)" if len(unknown) > 1 else ""
            raise InputError(
                f"{where}: {unknown[0]}{more} is in no lookup of LSOA 2021 areas; it may be a 2011 code or a mistype."
            )

    def names(self) -> list[str]:
        """Return the names of all present places, sorted, each once."""
        found = {str(name) for _, _, _, column in _LEVELS for name in self._areas[column].dropna().unique()}
        return sorted(found | {*self._nations, self._all_nations})

    def listing(self) -> pd.DataFrame:
        """Return all places: `name, code, kind, areas`, sorted by kind and name."""
        parts = []
        for _, kind, code, name in _LEVELS:
            rows = (
                self._areas.dropna(subset=[code]).groupby([name, code]).size().rename("areas").reset_index()
            )
            parts.append(rows.set_axis(["name", "code", "areas"], axis=1).assign(kind=kind))
        nations = self._areas.groupby("nation").size().rename("areas").reset_index()
        parts.append(nations.set_axis(["name", "areas"], axis=1).assign(code="", kind="nation"))
        if len(self._nations) > 1:
            everything = {
                "name": [self._all_nations],
                "code": "",
                "areas": len(self._areas),
                "kind": _TOGETHER,
            }
            parts.append(pd.DataFrame(everything))
        listing = pd.concat(parts, ignore_index=True)[["name", "code", "kind", "areas"]]
        is_own_county = (listing["kind"] == "county") & listing["code"].isin(
            listing.loc[listing["kind"] == "council", "code"]
        )
        return listing[~is_own_county].sort_values(["kind", "name"], ignore_index=True)


def _is_area_cell(row: list[str], column: int) -> bool:
    return column < len(row) and is_area(row[column].strip().upper())


def slug_of(label: str) -> str:
    """Return a label as a file name: lower-case ASCII words joined by hyphens."""
    text = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:60] or "place"
