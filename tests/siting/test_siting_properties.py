"""What must hold whatever the numbers: bounds, monotony, order, limits, floors, kept venues."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from siting_worlds import brute_value, problem_of, random_problem, reach_of

from exclusion.errors import ContractError, InputError
from exclusion.siting.certificate import Prices, bound_of
from exclusion.siting.choice import choose, choose_instance, frontier
from exclusion.siting.greedy import floors_held, greedy, value_of
from exclusion.siting.instance import instance_of, scaled
from exclusion.siting.model import PRICE_SCALE, model_of, reduced
from exclusion.siting.plan import covered
from exclusion.siting.problem import Effort
from exclusion.siting.search import improved
from exclusion.siting.solver import SolverProcess

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)
GOAL_OPTIONS = {"cover": {}, "backup": {}, "gradual": {"full_min": 6.0}, "mean_time": {}}


@pytest.fixture(scope="module")
def process():
    with SolverProcess() as one:
        yield one


@given(seed=seeds, goal=st.sampled_from(sorted(GOAL_OPTIONS)))
@QUICK
def test_any_prices_bound_every_plan(seed, goal):
    rng = np.random.default_rng(seed)
    instance = instance_of(random_problem(rng, goal, rows=8, columns=6, keep=("v0",), **GOAL_OPTIONS[goal]))
    model = model_of(instance)
    top = int(model.effective(np.zeros(0, dtype=np.int64)).max(initial=PRICE_SCALE))
    prices = Prices(
        row=rng.integers(0, top + 1, model.row_count),
        floor=np.zeros(0, dtype=np.int64),
        budget=0,
        dominated=np.empty((0, 2), dtype=np.int64),
    )
    assert bound_of(model, prices) >= brute_value(instance)


@given(seed=seeds)
@QUICK
def test_priced_floors_and_money_bound_every_plan(seed):
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, "cover", rows=8, columns=6, rural_share=0.3, budget=12.0, one_per="wd_cd")
    instance = instance_of(problem)
    model = model_of(instance)
    floor = rng.integers(0, 2 * PRICE_SCALE, len(model.floor_required))
    top = (int(model.weight.max(initial=1)) * 3) * PRICE_SCALE
    prices = Prices(
        row=rng.integers(0, top, model.row_count),
        floor=floor,
        budget=int(rng.integers(0, 50)),
        dominated=np.empty((0, 2), dtype=np.int64),
    )
    best = brute_value(instance)
    assert best is None or bound_of(model, prices) >= best


@given(seed=seeds, one_per=st.sampled_from([None, "wd_cd"]), budget=st.sampled_from([None, 9.0]))
@QUICK
def test_reduction_keeps_the_optimum_and_prices_lift_unchanged(seed, one_per, budget):
    from exclusion.siting.certificate import lifted, prices_of

    rng = np.random.default_rng(seed)
    problem = random_problem(rng, "cover", rows=14, columns=7, one_per=one_per, budget=budget)
    model = model_of(instance_of(problem))
    reduction = reduced(model)
    small = reduction.model

    def best(one):
        from siting_worlds import sets_of

        from exclusion.siting.greedy import is_allowed_set

        return max(value_of(one, columns) for columns in sets_of(one) if is_allowed_set(one, columns))

    assert best(small) == best(model)
    paid = rng.integers(0, small.weight * PRICE_SCALE + 1)
    prices = prices_of(small, paid, np.zeros(0, dtype=np.int64), 0)
    assert bound_of(model, lifted(prices, reduction, model)) == bound_of(small, prices)


@given(seed=seeds)
@QUICK
def test_a_split_row_and_a_doubled_venue_change_nothing(seed):
    rng = np.random.default_rng(seed)
    minutes = rng.integers(1, 40, (8, 6)) / 2.0
    people = rng.integers(2, 30, 8)
    plain = brute_value(instance_of(problem_of(minutes, people, choose=2)))
    split = np.vstack((minutes, minutes[:1]))
    parts = np.append(people, 1)
    parts[0] -= 1
    doubled = np.hstack((split, split[:, :1]))
    assert brute_value(instance_of(problem_of(doubled, parts, choose=2))) == plain


def test_more_venues_and_more_minutes_never_reach_fewer(process):
    rng = np.random.default_rng(4)
    for _ in range(15):
        minutes, people = rng.integers(1, 40, (15, 8)) / 2.0, rng.integers(1, 30, 15)
        found = {}
        for limit in (5.0, 10.0, 15.0):
            for venues in (1, 2, 3):
                problem = problem_of(minutes, people, limit=limit, reach_limit=20.0, choose=venues)
                try:
                    found[limit, venues] = choose_instance(
                        problem, instance_of(problem), Effort(), process
                    ).value
                except InputError:
                    found[limit, venues] = 0
        for (limit, venues), value in found.items():
            assert value >= found.get((limit, venues - 1), 0)
            assert value >= found.get((limit - 5.0, venues), 0)


def test_mean_and_worst_times_never_rise_with_more_venues(process):
    rng = np.random.default_rng(5)
    for _ in range(8):
        minutes, people = rng.integers(1, 30, (12, 7)) / 2.0, rng.integers(1, 30, 12)
        for goal, better in (("mean_time", 1), ("worst_time", -1)):
            values = []
            for venues in (1, 2, 3, 4):
                problem = problem_of(minutes, people, goal=goal, choose=venues)
                values.append(
                    better * choose_instance(problem, instance_of(problem), Effort(), process).value
                )
            assert values == sorted(values)


def test_a_time_equal_to_the_limit_is_within_it():
    plan = choose(problem_of([[15.0], [15.01]], [9, 1], reach_limit=20.0, choose=1))
    assert plan.people_reached == 9


def test_percentages_are_of_people_not_of_places():
    plan = choose(problem_of([[1.0], [np.inf]], [9, 1], choose=1))
    assert plan.reached_pct == 90.0


def test_no_order_of_rows_or_columns_matters():
    rng = np.random.default_rng(6)
    minutes, people = rng.integers(1, 40, (20, 9)) / 2.0, rng.integers(1, 30, 20)
    plan = choose(problem_of(minutes, people, choose=3))
    rows, columns = rng.permutation(20), rng.permutation(9)
    other = choose(
        problem_of(
            minutes[np.ix_(rows, columns)],
            people[rows],
            choose=3,
            venues={"venue_id": [f"v{j}" for j in columns]},
        )
    )
    assert other.value == plan.value


def test_least_venues_for_everybody_agree_with_coverage_and_with_the_worst_time(process):
    rng = np.random.default_rng(10)
    for _ in range(10):
        minutes, people = rng.integers(1, 40, (15, 8)) / 2.0, rng.integers(1, 30, 15)
        minutes[:, 0] = np.minimum(minutes[:, 0], 15.0)
        fewest = problem_of(minutes, people, goal="fewest", choose=None, share_pct=100)
        least = len(choose_instance(fewest, instance_of(fewest), Effort(), process).columns)
        for venues in range(1, least + 1):
            problem = problem_of(minutes, people, choose=venues)
            proof = choose_instance(problem, instance_of(problem), Effort(), process)
            assert (proof.value == people.sum()) == (venues >= least)
        worst = problem_of(minutes, people, goal="worst_time", choose=least)
        assert choose_instance(worst, instance_of(worst), Effort(), process).value <= 1500


def test_kept_venues_stay_and_floors_hold():
    rng = np.random.default_rng(11)
    refused = 0
    for _ in range(20):
        problem = random_problem(rng, "cover", rural_share=0.6, district_share=0.3, keep=("v1", "v5"))
        try:
            plan = choose(problem)
        except InputError:
            refused += 1
            continue
        assert set(plan.instance.keep.tolist()) <= set(plan.open_venues.tolist())
        reached = covered(plan.instance, plan.open_venues)
        for floor in plan.instance.floors:
            assert plan.instance.weight[floor.rows][reached[floor.rows]].sum() >= floor.required
    assert refused < 10


@given(seed=seeds, goal=st.sampled_from(sorted(GOAL_OPTIONS)), one_per=st.sampled_from([None, "wd_cd"]))
@settings(max_examples=25, deadline=None)
def test_search_never_worsens_a_plan_and_keeps_its_conditions(seed, goal, one_per):
    from exclusion.siting.greedy import is_allowed_set

    rng = np.random.default_rng(seed)
    problem = random_problem(
        rng, goal, rows=30, columns=14, one_per=one_per, minimum_gain=2.0, **GOAL_OPTIONS[goal]
    )
    model = model_of(instance_of(problem))
    start = greedy(model, pick=1)
    none = np.empty(0, dtype=np.int64)
    prices = Prices(row=none, floor=none, budget=0, dominated=none.reshape(0, 2))
    found = improved(model, start, prices, rounds=40, seed=3)
    assert is_allowed_set(model, found)
    assert value_of(model, found) >= value_of(model, start)
    assert (improved(model, start, prices, rounds=40, seed=3) == found).all()


def test_search_finds_the_optimum_of_small_instances():
    rng = np.random.default_rng(12)
    hits = 0
    for number in range(60):
        goal = sorted(GOAL_OPTIONS)[number % 4]
        instance = instance_of(random_problem(rng, goal, rows=12, columns=9, choose=3, **GOAL_OPTIONS[goal]))
        model = model_of(instance)
        none = np.empty(0, dtype=np.int64)
        prices = Prices(row=none, floor=none, budget=0, dominated=none.reshape(0, 2))
        found = improved(model, greedy(model), prices, rounds=60, seed=1)
        best = brute_value(instance)
        assert value_of(model, found) <= best
        hits += value_of(model, found) == best
    assert hits >= 57


def test_price_walk_is_a_bound_and_closes_most_of_the_gap():
    from exclusion.siting.prices import walked_prices

    rng = np.random.default_rng(13)
    gaps = []
    for _ in range(30):
        instance = instance_of(random_problem(rng, "mean_time", rows=12, columns=9, choose=3))
        model = model_of(instance)
        prices, _ = walked_prices(model, greedy(model))
        bound, best = bound_of(model, prices), brute_value(instance)
        assert bound >= best
        gaps.append(bound / best - 1)
    assert np.mean(gaps) < 0.01


def test_frontier_is_exact_and_rises(process):
    rng = np.random.default_rng(14)
    minutes, people = rng.integers(1, 60, (25, 9)) / 2.0, rng.integers(1, 30, 25)
    problem = problem_of(minutes, people, limit=8.0, reach_limit=30.0, choose=1)
    points = frontier(problem, 60)
    values = [point.value for point in points]
    assert values == sorted(values)
    assert all(point.is_proven for point in points)
    for point in points:
        model = replace(model_of(instance_of(replace(problem, choose=9))), pick=point.choose)
        from siting_worlds import sets_of

        assert point.value == max(value_of(model, columns) for columns in sets_of(model))
    assert points[-1].value == people[(minutes <= 8.0).any(axis=1)].sum()


def test_weights_are_scaled_to_whole_numbers_that_keep_their_digits():
    whole, scale = scaled(np.array([3.0, 4.0]))
    assert (whole.tolist(), scale) == ([3, 4], 1)
    whole, scale = scaled(np.array([0.123456, 0.4]))
    assert whole.sum() >= 10**6
    assert whole / scale == pytest.approx([0.123456, 0.4], abs=1e-6)
    whole, scale = scaled(np.full(40_000, 12.345))
    assert scale == 100


def test_a_bound_is_refused_for_prices_that_do_not_fit_or_venues_that_cannot_stand_in():
    problem = problem_of([[1.0, 20.0], [20.0, 1.0]], [3, 4], reach_limit=20.0, choose=1)
    model = model_of(instance_of(problem))
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(ContractError, match="row prices"):
        bound_of(model, Prices(row=none, floor=none, budget=0, dominated=none.reshape(0, 2)))
    row = np.zeros(2, dtype=np.int64)
    with pytest.raises(ContractError, match="below 0"):
        bound_of(model, Prices(row=row - 1, floor=none, budget=0, dominated=none.reshape(0, 2)))
    with pytest.raises(ContractError, match="nothing else can stand for"):
        bound_of(model, Prices(row=row, floor=none, budget=0, dominated=np.array([[0, 1]])))


def test_the_floor_of_a_nested_frame_index_does_not_matter():
    """Tables with an index of their own are read by position, as the reach lists are."""
    problem = problem_of(
        [[1.0, 20.0], [20.0, 1.0]], [3, 4], reach_limit=20.0, choose=1, demand={"is_rural": [True, False]}
    )
    odd = replace(
        problem,
        demand=problem.demand.set_index(pd.Index([7, 3])),
        venues=problem.venues.set_index(pd.Index(["b", "a"])),
        rural_share=1.0,
    )
    plan = choose(odd)
    assert plan.chosen_ids == ("v0",)
    assert floors_held(model_of(plan.instance), np.array([0])).all()


def test_reach_of_another_table_is_refused():
    problem = problem_of([[1.0]], [3], choose=1)
    with pytest.raises(ContractError, match="make the lists from these tables"):
        choose(replace(problem, reach=reach_of([[1.0, 2.0]], 15.0)))
