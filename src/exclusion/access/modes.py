"""What is assumed of people on the move: speeds, detours and waits, each with its source."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError, InputError

Mode = Literal["drive", "walk"]

# Rural Urban Classification 2021 of small areas: urban, larger rural and smaller rural, each nearer to or further
# from a major town or city.
RURAL_CLASSES = ("UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1")
_CLASS_CODE = {name: code for code, name in enumerate(RURAL_CLASSES)}


def rural_codes(ruc21cd: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Return the position of each Rural Urban Classification 2021 code in `RURAL_CLASSES`.

    Raises ContractError naming the first code that is not one of the six.
    """
    names, inverse = np.unique(np.asarray(ruc21cd, dtype=object).astype(str), return_inverse=True)
    unknown = [name for name in names.tolist() if name not in _CLASS_CODE]
    if unknown:
        raise ContractError(
            f"The areas table holds {unknown[0]!r} in ruc21cd, which is not a Rural Urban Classification 2021 code"
            f" ({', '.join(RURAL_CLASSES)}): join the 2021 classification, not the 2011 one."
        )
    codes = np.array([_CLASS_CODE[name] for name in names.tolist()], dtype=np.int8)
    return np.asarray(codes[inverse], dtype=np.int8)


def _by_class(urban_near: float, urban_far: float, *rural: float) -> dict[str, float]:
    return dict(zip(RURAL_CLASSES, (urban_near, urban_far, *rural), strict=True))


@dataclass(frozen=True, kw_only=True)
class TravelAssumptions:
    """Hold every speed, detour and wait that a travel time rests on.

    Tables by rural class are keyed by the codes of `RURAL_CLASSES` and read at the journey's origin. Speeds are
    km/h, waits minutes, ratios and factors pure numbers. They are declared, not observed: no timetable and no
    congestion is read. A result always carries them (`as_record`).
    """

    # Straight-line engine. No citable UK circuity factor is known; 1.35 is the middle of published road networks'
    # 1.2-1.5. Speeds are door-to-door averages over local roads, rural ones held against the Rutland road graph
    # (benchmarks/access_rutland.py prints the fit).
    drive_kmh: Mapping[str, float] = field(default_factory=lambda: _by_class(22, 30, 42, 45, 48, 48))
    drive_circuity: Mapping[str, float] = field(
        default_factory=lambda: _by_class(1.35, 1.35, 1.35, 1.35, 1.35, 1.35)
    )
    walk_circuity: float = 1.3
    # Department for Transport, Journey Time Statistics: walking at 4.8 km/h.
    walk_kmh: float = 4.8
    # From the door to the car and from the parking place to the venue.
    start_and_park_min: float = 2.0
    # The bus-like mode: five minutes' walk to the stop and half of a daytime headway of 12, 15, 30, 40, 60 and 90
    # minutes; then so many minutes on board for each minute of driving (stops, and roads that wind past villages).
    bus_wait_min: Mapping[str, float] = field(default_factory=lambda: _by_class(11, 12.5, 20, 25, 35, 50))
    bus_ratio: Mapping[str, float] = field(default_factory=lambda: _by_class(1.6, 1.6, 1.5, 1.5, 1.5, 1.5))
    # Between a home and the nearest mapped road, along tracks and drives that the network does not hold.
    off_road_drive_kmh: float = 15.0

    def __post_init__(self) -> None:
        for name, low in (
            ("walk_circuity", 1.0),
            ("walk_kmh", 1e-9),
            ("start_and_park_min", 0.0),
            ("off_road_drive_kmh", 1e-9),
        ):
            self._check(name, getattr(self, name), low)
        # The search for car journeys must also find every bus journey within the limit: no wait shorter than
        # starting and parking, no minute on board shorter than one of driving.
        least = {"drive_circuity": 1.0, "bus_ratio": 1.0, "bus_wait_min": self.start_and_park_min}
        for name in ("drive_kmh", "drive_circuity", "bus_wait_min", "bus_ratio"):
            table = getattr(self, name)
            if set(table) != set(RURAL_CLASSES):
                raise InputError(
                    f"Travel assumption {name} must have one number for each of {', '.join(RURAL_CLASSES)}."
                )
            for key, value in table.items():
                self._check(f"{name}[{key}]", value, least.get(name, 1e-9))

    @staticmethod
    def _check(name: str, value: float, low: float) -> None:
        if not (np.isfinite(value) and value >= low):
            raise InputError(
                f"Travel assumption {name} is {value}; it must be a finite number of {low:g} or more."
            )

    def of_class(
        self, name: Literal["drive_kmh", "drive_circuity", "bus_wait_min", "bus_ratio"]
    ) -> npt.NDArray[np.float64]:
        """Return one table by rural class as an array in the order of `RURAL_CLASSES`."""
        table: Mapping[str, float] = getattr(self, name)
        return np.array([table[key] for key in RURAL_CLASSES], dtype=np.float64)

    def straight_kmh(self, mode: Mode) -> npt.NDArray[np.float64]:
        """Return the straight-line km/h by rural class: speed over circuity."""
        if mode == "drive":
            return self.of_class("drive_kmh") / self.of_class("drive_circuity")
        return np.full(len(RURAL_CLASSES), self.walk_kmh / self.walk_circuity)

    def as_record(self) -> dict[str, object]:
        """Return the assumptions as plain values for a manifest."""
        return {
            key: dict(value) if isinstance(value, Mapping) else value for key, value in asdict(self).items()
        }


DEFAULT_ASSUMPTIONS = TravelAssumptions()
