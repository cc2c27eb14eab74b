"""Spines: which nations are ranked together, what their areas are, and where each table of theirs comes from.

England and Wales share a spine; Scotland and Northern Ireland have one each, because their indices of deprivation,
censuses and areas do not compare. A spine is a table of `spines.toml`; the code knows no nation by name.
"""

import csv
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from exclusion.errors import ContractError, InputError
from exclusion.geography.codes import AREA_LEVELS, is_code, level_of, nation_of
from exclusion.geography.place_names import fold_name, loosen_name


class Spine(BaseModel):
    """The areas of one or more nations that are ranked together.

    `level` is the level of their codes, `areas` how many there are, `census` the census they were counted in, `region`
    the code under which surveys of the United Kingdom report the nation. `sources` maps roles to sources of the
    catalogue; empty for England and Wales, whose sources the roles are named after. `not_for` lists sources that cover
    a nation but on areas that nothing carries to this spine. `rural` maps a class of the nation to the shared code, the
    name shown, and whether it is rural. `box` is south, west, north, east in degrees. With `output_areas_are_areas`
    Ofcom's output areas are the areas themselves. `deprivation_columns` are those of the nation's index of deprivation,
    which are null where it is not at hand. `terms` replaces what lists say of England and Wales.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    nations: tuple[str, ...]
    area_kind: str
    level: str
    areas: int
    spec: str
    census: str
    region: str | None = None
    box: str | None = None
    not_for: tuple[str, ...] = ()
    output_areas_are_areas: bool = False
    deprivation_columns: tuple[str, ...] = ()
    sources: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))
    rural: Mapping[str, tuple[str, str, bool]] = Field(default_factory=lambda: MappingProxyType({}))
    terms: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))
    councils: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))

    @property
    def label(self) -> str:
        """Return the nations for people: "England and Wales", "Scotland"."""
        return " and ".join(self.nations)

    def roles_of(self, source_id: str) -> tuple[str, ...]:
        """Return the roles that a source fills here; its own name where it fills none by declaration."""
        return tuple(role for role, source in self.sources.items() if source == source_id) or (source_id,)


@cache
def spines() -> Mapping[str, Spine]:
    """Return all spines by id, England and Wales first."""
    text = resources.files("exclusion.geography").joinpath("spines.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {name: Spine.model_validate({"id": name, **entry}) for name, entry in tomllib.loads(text).items()}
    )


def default_spine() -> Spine:
    """Return the spine of places that no nation of their own is known for: England and Wales."""
    return next(iter(spines().values()))


def spine_of_code(code: str) -> Spine:
    """Return the spine that a code's nation belongs to; ContractError for anything that is no code."""
    nation = nation_of(code)
    return next(spine for spine in spines().values() if nation in spine.nations)


def spine_of_places(places: Iterable[str]) -> Spine:
    """Return the spine of names, codes and CSV files of area codes, as `--place` takes them.

    A name that is no nation and no council of another spine belongs to England and Wales, where it is looked up later.
    InputError where places of two spines are named together: their ranks do not compare.
    """
    found = {text: _spine_of_place(text.strip()) for text in places}
    if len({spine.id for spine in found.values()}) > 1:
        said = ", ".join(f"{Path(text).name} is in {spine.label}" for text, spine in found.items())
        raise InputError(
            f"--place: {said}. Areas are ranked within {_listed(spines().values())} and never across them, because "
            "deprivation, census and areas are counted differently; run each by itself."
        )
    return next(iter(found.values()), default_spine())


def _listed(all_spines: Iterable[Spine]) -> str:
    *first, last = [spine.label for spine in all_spines]
    return f"{', '.join(first)} or {last}"


def _spine_of_place(text: str) -> Spine:
    if text.lower().endswith((".csv", ".txt")) and Path(text).is_file():
        code = _first_area(Path(text))
        return spine_of_code(code) if code else default_spine()
    if is_code(text.upper()):
        return spine_of_code(text.upper())
    for fold in (fold_name, loosen_name):
        for spine in spines().values():
            if fold(text) in {fold(name) for name in (*spine.nations, *spine.councils.values())}:
                return spine
    return default_spine()


def _first_area(path: Path) -> str | None:
    """Return the first area code of a CSV, None where there is none; whether the file is right is seen later."""
    try:
        rows = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
        cells = (cell.strip().upper() for row in rows for cell in row)
        return next((cell for cell in cells if level_of(cell) in AREA_LEVELS), None)
    except (OSError, UnicodeDecodeError, csv.Error):
        return None


def require_areas(codes: Iterable[str], spine: Spine, where: str) -> None:
    """Raise ContractError, naming the first offenders, unless every code is an area of the spine."""
    wrong = [str(code) for code in codes if level_of(str(code)) != spine.level]
    if wrong:
        more = f" and {len(wrong) - 5:,} more" if len(wrong) > 5 else ""
        raise ContractError(
            f"{where}: {', '.join(wrong[:5])}{more} are not codes of {spine.area_kind} ({spine.label}); check the file's "
            "vintage and column."
        )
