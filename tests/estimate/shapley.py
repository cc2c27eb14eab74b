"""The definition of Shapley values, slow and plain: the oracle of the exact formulas."""

from itertools import combinations
from math import factorial

import numpy as np

from exclusion.estimate.features import DRIVERS


def brute_force_shapley(predict, area, average, groups, used):
    """Shapley values by listing every coalition of drivers: the definition itself."""
    value = {}
    for size in range(len(used) + 1):
        for coalition in combinations(used, size):
            mixed = np.where(np.isin(groups, coalition), area, average)
            value[coalition] = float(predict(mixed[None, :])[0])
    out = np.zeros(len(DRIVERS))
    for driver in used:
        for coalition, base in value.items():
            if driver in coalition:
                continue
            weight = (
                factorial(len(coalition)) * factorial(len(used) - len(coalition) - 1) / factorial(len(used))
            )
            out[driver] += weight * (value[tuple(sorted((*coalition, driver)))] - base)
    return out
