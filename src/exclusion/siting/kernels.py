"""Compiled parts that the searches share: random numbers, and what wards, kinds and money still allow."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg,no-any-return,assignment"
# ruff: noqa: ANN001, ANN201

import numpy as np
from numba import njit


@njit(cache=True)
def draw(state):
    """Return the next number of a 64-bit xorshift generator."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.int64(x >> np.uint64(2))


@njit(cache=True)
def is_allowed(column, group, left, cost, money):
    """Return whether a column fits the places and the money left."""
    if left[0, group[0, column]] <= 0 or left[1, group[1, column]] <= 0:
        return False
    return cost[column] <= money


@njit(cache=True)
def take(column, sign, group, left, cost, money):
    """Book a column's places and money; `money` is what is left, in an array of one."""
    left[0, group[0, column]] -= sign
    left[1, group[1, column]] -= sign
    money[0] -= sign * cost[column]
