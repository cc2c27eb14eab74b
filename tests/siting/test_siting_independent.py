"""Plan files checked by a second checker that shares no code with the first (plan_checker.py)."""

import json
from dataclasses import replace

import numpy as np
import pytest
from plan_checker import Question, capacity_bound, conditions_broken, priced_bound, value_of
from siting_worlds import random_problem

from exclusion.files import stable_json
from exclusion.siting.choice import choose
from exclusion.siting.plan_files import plan_record
from exclusion.siting.problem import Effort

CASES = {
    "cover": {},
    "cover, kept": {"keep": ("v0",)},
    "cover, forced in and out": {"must": ("v2",), "never": ("v4",)},
    "cover, rural floor": {"rural_share": 0.5},
    "cover, floor in every council": {"district_share": 0.5, "keep": ("v1",)},
    "cover, budget": {"budget": 11.0, "choose": None},
    "cover, one in a ward": {"one_per": "wd_cd", "keep": ("v3",)},
    "cover, ward and kind": {"one_per": "wd_cd", "kind_at_most": {"library": 1}},
    "cover, least gain": {"minimum_gain": 4.0},
    "backup": {"must": ("v1",)},
    "backup, kept": {"keep": ("v0", "v5")},
    "gradual": {"full_min": 5.0, "keep": ("v0",)},
    "gradual, rural floor": {"full_min": 5.0, "rural_share": 0.4},
    "mean_time": {"must": ("v3",), "one_per": "wd_cd"},
    "mean_time, rural floor": {"rural_share": 0.4, "never": ("v2",)},
    "capacity": {},
    "capacity, two sessions": {"sessions_at_most": 2, "keep": ("v1",)},
    "capacity, forced": {"must": ("v2",), "never": ("v0",)},
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_second_checker_finds_the_same_value_conditions_and_bound(case):
    options = dict(CASES[case])
    goal = case.split(",", maxsplit=1)[0]
    choice = options.pop("choose", 3)
    for seed in range(4):
        problem = replace(
            random_problem(np.random.default_rng(seed), goal, rows=20, columns=9, **options), choose=choice
        )
        # every kind is there, whatever the draw
        problem.venues["kind"] = ["library", "gp_practice", "library"] * 3
        plan = choose(problem, Effort(search_rounds=50))
        record = json.loads(stable_json(plan_record(plan)))
        question = Question(problem, record)
        chosen = record["answer"]["chosen_at"]
        assert [question.ids[one] for one in chosen] == record["answer"]["chosen"]
        assert not conditions_broken(question, chosen), (case, seed)
        if goal == "capacity":
            served = record["certificate"]["served"]
            value = sum(people for _, _, people in served)
            bound = capacity_bound(question, record["certificate"])
            assert all((row, venue) in question.minutes for row, venue, _ in served)
        else:
            value = value_of(question, chosen)
            bound = priced_bound(question, record["certificate"])
        assert bound == record["certificate"]["bound"], (case, seed)
        assert value <= bound, (case, seed)
        if goal != "mean_time":
            assert value / question.unit == pytest.approx(record["answer"]["value"])
        else:
            people = sum(question.people)
            mean = question.limit / 100 - value / question.unit / (people / question.scale)
            assert mean == pytest.approx(record["answer"]["value"])
