"""The best allowed set of venues seen so far."""

import numpy as np

from exclusion.siting.conditions import Ints
from exclusion.siting.greedy import floors_held, is_allowed_set, value_of
from exclusion.siting.model import Model
from exclusion.siting.solver import Progress


class Incumbent:
    """Keep the best allowed set seen."""

    def __init__(self, model: Model, unit: float, progress: Progress) -> None:
        self.model = model
        self.unit = unit
        self.progress = progress
        self.columns: Ints | None = None
        self.value = -(1 << 62)
        self.is_held = False

    def offer(self, columns: Ints | None, step: str) -> None:
        """Take a set over where it is allowed, holds the floors and is worth more."""
        if (
            columns is None
            or not is_allowed_set(self.model, columns)
            or not floors_held(self.model, columns).all()
        ):
            return
        value = value_of(self.model, columns)
        if value > self.value:
            self.columns, self.value = np.sort(columns), value
            self.progress(f"{step}: {value / self.unit:,.1f}")

    def is_proven(self, bound: int, enough: int | None) -> bool:
        """Return whether nothing better is possible, or the question of `enough` is answered."""
        if enough is not None and (bound < enough or (self.columns is not None and self.value >= enough)):
            return True
        return self.columns is not None and self.value >= bound

    def value_in_units(self) -> float | None:
        """Return the value in what is reported (people), None where nothing was found."""
        return None if self.columns is None else self.value / self.unit
