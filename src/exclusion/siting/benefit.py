"""What a plan may be worth to a council: an estimate with its range, never a single number.

    people newly within reach x take-up x contacts a head x share shifted x saving per contact
    saving per contact = cost of the old channel - (cost of a web visit + failed visits x cost of a call)

after the channel costs that Socitm published (see benefit.toml). Low takes the least favourable value of everything,
high the most favourable; neither is likely, the truth is expected between them.
"""

import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from exclusion.errors import InputError
from exclusion.siting.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Range:
    """Hold a low, a central and a high value, in rising order."""

    low: float
    central: float
    high: float


@dataclass(frozen=True, kw_only=True)
class BenefitParameters:
    """Declare what the estimate rests on; pounds of `price_year`, shares from 0 to 1, contacts a head a year."""

    price_year: int
    note: str
    cost_face_to_face: Range
    cost_phone: Range
    cost_web: Range
    failed_web_visits: Range
    contacts_per_person: Range
    face_to_face_share: Range
    take_up: Range
    contacts_shifted: Range


@dataclass(frozen=True, kw_only=True)
class Benefit:
    """Hold an estimate and what it rests on: people newly within reach, new users, contacts moved and pounds saved a year."""

    people_newly_within_reach: float
    new_users: Range
    contacts_moved: Range
    saving_per_contact: Range
    saving_per_year: Range
    price_year: int
    label: str
    parameters: BenefitParameters

    @property
    def sentence(self) -> str:
        """Say the estimate with its range in one sentence."""
        year = self.saving_per_year
        return (
            f"Estimate, not a forecast: of {self.people_newly_within_reach:,.0f} people newly within reach,"
            f" {self.new_users.low:,.0f} to {self.new_users.high:,.0f} may become able to use services online, which may"
            f" save £{year.low:,.0f} to £{year.high:,.0f} a year (central £{year.central:,.0f}) in prices of"
            f" {self.price_year}; much of it is staff time, not cash."
        )


_SHARES = ("failed_web_visits", "face_to_face_share", "take_up", "contacts_shifted")


def read_parameters(path: Path | None = None) -> BenefitParameters:
    """Read benefit parameters from TOML: the declared ones, or those with a council's own in `path` over them.

    Raises InputError naming a key that is unknown, not a number, out of order or out of bounds.
    """
    declared = tomllib.loads(files("exclusion.siting").joinpath("benefit.toml").read_text(encoding="utf-8"))
    own: dict[str, Any] = {}
    if path is not None:
        try:
            own = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"The benefit parameters in {path} cannot be read: {error}.") from None
    known = {one.name for one in fields(BenefitParameters)}
    for name in own:
        if name not in known:
            raise InputError(
                f"{path} sets {name!r}, which is no benefit parameter: use {', '.join(sorted(known))}."
            )
    where = str(path) if path is not None else "benefit.toml"
    values = {**declared, **own}
    ranges = {name: _range(where, name, values[name]) for name in known - {"price_year", "note"}}
    if not isinstance(values["price_year"], int):
        raise InputError(f"{where}: price_year must be a whole year.")
    return BenefitParameters(price_year=values["price_year"], note=str(values["note"]), **ranges)


def _range(where: str, name: str, value: Any) -> Range:
    if not isinstance(value, dict) or set(value) != {"low", "central", "high"}:
        raise InputError(f"{where}: {name} needs exactly the keys low, central and high.")
    numbers = [value[key] for key in ("low", "central", "high")]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and one >= 0 for one in numbers):
        raise InputError(f"{where}: {name} needs numbers of 0 or more.")
    if not numbers[0] <= numbers[1] <= numbers[2]:
        raise InputError(f"{where}: {name} must rise from low over central to high.")
    if name in _SHARES and numbers[2] > 1:
        raise InputError(f"{where}: {name} is a share, so its high value is at most 1.")
    return Range(low=float(numbers[0]), central=float(numbers[1]), high=float(numbers[2]))


def estimate_benefit(plan: Plan, parameters: BenefitParameters | None = None) -> Benefit:
    """Estimate what the people a plan newly brings within reach may save a year."""
    return benefit_of(plan.people_reached - plan.people_reached_before, parameters)


def benefit_of(people: float, parameters: BenefitParameters | None = None) -> Benefit:
    """Estimate what `people` offline who are newly within reach of help may save a year."""
    known = parameters or read_parameters()

    def product(side: str) -> tuple[float, float]:
        users = people * getattr(known.take_up, side)
        return users, users * getattr(known.contacts_per_person, side) * getattr(known.contacts_shifted, side)

    def saving(side: str, other: str) -> float:
        # the old channel's cost counts for the saving, the web's and the failures' against it
        face = getattr(known.face_to_face_share, side)
        old = face * getattr(known.cost_face_to_face, side) + (1 - face) * getattr(known.cost_phone, side)
        new = getattr(known.cost_web, other) + getattr(known.failed_web_visits, other) * getattr(
            known.cost_phone, side
        )
        return float(old - new)

    users = {side: product(side) for side in ("low", "central", "high")}
    each = Range(low=saving("low", "high"), central=saving("central", "central"), high=saving("high", "low"))
    return Benefit(
        people_newly_within_reach=people,
        new_users=Range(**{side: users[side][0] for side in users}),
        contacts_moved=Range(**{side: users[side][1] for side in users}),
        saving_per_contact=each,
        saving_per_year=Range(
            # where a contact saves nothing at the low end, more contacts make it worse, so the most are taken
            low=each.low * users["low" if each.low >= 0 else "high"][1],
            central=each.central * users["central"][1],
            high=each.high * users["high"][1],
        ),
        price_year=known.price_year,
        label="estimate",
        parameters=known,
    )
