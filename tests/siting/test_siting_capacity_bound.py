"""The bound on capacity plans: cuts hold for every plan, and close the gap that parts of sessions leave open."""

import itertools
import json

import numpy as np
import pytest
from plan_checker import Question
from plan_checker import capacity_bound as plain_bound
from siting_worlds import problem_of, random_problem

from exclusion.files import stable_json
from exclusion.siting.capacity_task import capacity_bound, task_of, whole_model
from exclusion.siting.certificate import Cut
from exclusion.siting.choice import choose
from exclusion.siting.instance import instance_of
from exclusion.siting.plan_files import plan_record
from exclusion.siting.problem import Effort
from exclusion.siting.verification import verify


def _best(task):
    """Return the most that any allowed sessions serve, by trying all."""
    ranges = [range(int(fixed), int(most) + 1) for fixed, most in zip(task.fixed, task.most, strict=True)]
    found = 0
    for count in itertools.product(*ranges):
        held = np.array(count, dtype=np.int64)
        if int((held - task.fixed).sum()) <= task.pick:
            found = max(found, task.served(held)[0])
    return found


@pytest.mark.parametrize("seed", range(12))
def test_no_prices_of_rows_and_cuts_prove_less_than_the_best_plan_serves(seed):
    rng = np.random.default_rng(seed)
    options = [{}, {"sessions_at_most": 2}, {"keep": ("v1",)}, {"must": ("v0",), "sessions_at_most": 2}][
        seed % 4
    ]
    instance = instance_of(random_problem(rng, "capacity", rows=10, columns=5, choose=2, **options))
    task = task_of(instance, whole_model(instance))
    best = _best(task)
    for _ in range(40):
        cuts = tuple(
            Cut(
                rows=np.flatnonzero(rng.random(task.model.row_count) < 0.6),
                columns=np.flatnonzero(rng.random(task.model.column_count) < 0.6),
                size=int(rng.integers(1, 150 * instance.scale)),
                price=int(rng.integers(0, 1_000_000)),
            )
            for _ in range(int(rng.integers(0, 4)))
        )
        price = rng.integers(0, 1_000_001, task.model.row_count)
        assert capacity_bound(task, price, cuts) >= best


def _town(sizes=(50, 50, 50), villages=(60, 60)):
    """Return a town whose three places all reach three halls, and villages with a hall each; 100 people a session."""
    rows, halls = len(sizes) + len(villages), 3 + len(villages)
    minutes = np.full((rows, halls), 60.0)
    minutes[: len(sizes), :3] = 5.0
    for number in range(len(villages)):
        minutes[len(sizes) + number, 3 + number] = 5.0
    return problem_of(
        minutes, [*sizes, *villages], goal="capacity", choose=2, venues={"capacity_people": [100.0] * halls}
    )


def test_a_cut_closes_the_gap_that_half_a_session_leaves_open():
    """One and a half sessions in town and half a one in a village would serve 180; two whole ones serve 160."""
    plan = choose(_town(), Effort(is_exact_tried=False))
    assert plan.value == 160
    assert plan.certified_bound == 160
    assert plan.is_proven
    prices = plan.certificate.prices
    assert prices.cuts
    task = task_of(plan.instance, whole_model(plan.instance))
    assert capacity_bound(task, prices.row) > 160


def test_cuts_travel_with_the_plan_and_a_second_checker_finds_the_same_bound():
    problem = _town()
    record = json.loads(stable_json(plan_record(choose(problem, Effort(is_exact_tried=False)))))
    assert record["certificate"]["cuts"]
    assert verify(record).is_valid
    assert (
        plain_bound(Question(problem, record), record["certificate"]) == record["certificate"]["bound"] == 160
    )


def test_above_the_size_of_linear_programmes_a_walk_of_prices_gives_the_bound(monkeypatch):
    """Without cuts the linear programme says 180; the walk comes near it from above, and the plan still holds."""
    monkeypatch.setattr("exclusion.siting.capacity._EXACT_PAIRS_AT_MOST", 0)
    plan = choose(_town())
    assert plan.value == 160
    assert 180 <= plan.certified_bound <= 182
    assert not plan.certificate.prices.cuts
    assert not plan.is_proven
    assert "no plan of 2 venues can reach more than" in plan.summary
    assert verify(json.loads(stable_json(plan_record(plan)))).is_valid
