"""Small made-up siting problems, and the brute force that knows their answers."""

import itertools

import numpy as np
import pandas as pd

from exclusion.access.reach import Reach
from exclusion.siting.greedy import floors_held, is_allowed_set, value_of
from exclusion.siting.model import model_of
from exclusion.siting.problem import Problem


def reach_of(minutes, limit):
    """Turn a full table of minutes (inf: no way) into reach lists."""
    minutes = np.asarray(minutes, dtype=float)
    is_in = minutes <= limit
    pointers = np.concatenate(([0], is_in.sum(axis=1).cumsum())).astype(np.int64)
    return Reach(
        pointers,
        np.nonzero(is_in)[1].astype(np.int32),
        minutes[is_in].astype(np.float32),
        minutes.shape[1],
        limit,
    )


def problem_of(minutes, people, *, limit=15.0, reach_limit=None, venues=None, demand=None, **options):
    minutes = np.asarray(minutes, dtype=float)
    rows, columns = minutes.shape
    table = {"demand_id": [f"d{i}" for i in range(rows)], "people_offline": people} | (demand or {})
    names = {"venue_id": [f"v{j}" for j in range(columns)]} | (venues or {})
    return Problem(
        demand=pd.DataFrame(table),
        venues=pd.DataFrame(names),
        reach=reach_of(minutes, reach_limit or limit),
        limit_min=limit,
        **options,
    )


def random_problem(rng, goal, *, rows=12, columns=9, choose=None, **options):
    """Return a random problem; half the time with fractional people, with ties and times equal to the limit."""
    minutes = rng.integers(0, 40, (rows, columns)) / 2 + rng.integers(0, 2, (rows, columns)) * rng.random(
        (rows, columns)
    ).round(2)
    people = rng.integers(0, 30, rows) * (0.37 if rng.random() < 0.5 else 1.0)
    people[0] = 5.0
    return problem_of(
        minutes,
        people,
        reach_limit=20.0,
        goal=goal,
        choose=int(rng.integers(1, 5)) if choose is None else choose,
        demand={
            "is_rural": np.append(True, rng.random(rows - 1) < 0.5),
            "lad_cd": rng.choice(["E06000001", "E06000002"], rows),
        },
        venues={
            "cost": rng.integers(1, 9, columns),
            "wd_cd": rng.choice(["W1", "W2", "W3", "W4"], columns),
            "kind": rng.choice(["library", "gp_practice"], columns),
            "x_m": 400_000.0 + rng.random(columns) * 1e4,
            "y_m": 500_000.0 + rng.random(columns) * 1e4,
            "capacity_people": rng.integers(10, 120, columns),
        },
        **options,
    )


def sets_of(model, most=None):
    top = model.pick if most is None else most
    for size in range(min(top, model.column_count) + 1):
        for columns in itertools.combinations(range(model.column_count), size):
            yield np.array(columns, dtype=np.int64)


def brute_value(instance):
    """Return the best value over every allowed set of venues; None where floors allow none."""
    model = model_of(instance)
    best = None
    for columns in sets_of(model):
        if is_allowed_set(model, columns) and floors_held(model, columns).all():
            value = value_of(model, columns)
            best = value if best is None else max(best, value)
    return best
