"""Every answer equals brute force: 200 random instances for each kind of problem."""

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from siting_worlds import brute_value, random_problem, sets_of

from exclusion.errors import InputError
from exclusion.siting.choice import choose_instance
from exclusion.siting.greedy import floors_held, is_allowed_set, value_of
from exclusion.siting.instance import instance_of
from exclusion.siting.model import model_of
from exclusion.siting.problem import Effort
from exclusion.siting.solver import SolverProcess

INSTANCES = 200
EFFORT = Effort(exact_seconds=30.0, search_rounds=20)


@pytest.fixture(scope="module")
def process():
    with SolverProcess() as one:
        yield one


def _options(goal, number):
    """Return the options of an instance, so that a goal's 200 go through all of them."""
    options = [
        {},
        {"keep": ("v0", "v3")},
        {"must": ("v2",), "never": ("v1",)},
        {"one_per": "wd_cd"},
        {"rural_share": 0.5},
        {"district_share": 0.3},
        {"budget": 11.0, "choose": None},
        {"kind_at_most": {"library": 1}},
        {"minimum_gain": 6.0, "keep": ("v4",)},
        {"one_per": "wd_cd", "rural_share": 0.4, "keep": ("v1",)},
    ][number % 10]
    if goal == "gradual":
        options = options | {"full_min": 6.0}
    return options


def _solved(problem, process):
    try:
        return choose_instance(problem, instance_of(problem), EFFORT, process)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("goal", ["cover", "backup", "gradual", "mean_time"])
def test_value_goals_equal_brute_force(goal, process):
    rng = np.random.default_rng(20240611)
    solved = infeasible = 0
    for number in range(INSTANCES):
        options = _options(goal, number)
        choice = options.pop("choose", int(rng.integers(1, 4)))
        problem = replace(random_problem(rng, goal, rows=11, columns=8, **options), choose=choice)
        try:
            instance = instance_of(problem)
        except InputError:
            infeasible += 1
            continue
        best = brute_value(instance)
        proof = _solved(problem, process)
        if best is None:
            assert isinstance(proof, str), (number, options)
            infeasible += 1
            continue
        assert not isinstance(proof, str), (number, options, proof)
        assert value_of(proof.model, proof.columns) == proof.value == best, (number, options)
        assert proof.is_proven, (number, options)
        assert proof.bound == best
        assert proof.certificate.bound >= best
        solved += 1
    assert solved > 0.75 * INSTANCES


def test_fewest_equals_brute_force(process):
    rng = np.random.default_rng(7)
    solved = 0
    for number in range(INSTANCES):
        options = [{}, {"keep": ("v0",)}, {"one_per": "wd_cd"}, {"rural_share": 0.5}][number % 4]
        share = float(rng.choice([50, 80, 95, 100]))
        problem = replace(
            random_problem(rng, "fewest", rows=12, columns=8, **options), choose=None, share_pct=share
        )
        instance = instance_of(problem)
        model = model_of(instance)
        counts = [
            len(columns)
            for columns in sets_of(model, model.column_count)
            if is_allowed_set(model, columns)
            and floors_held(model, columns).all()
            and value_of(model, columns) >= instance.required
        ]
        proof = _solved(problem, process)
        if not counts:
            assert isinstance(proof, str)
            continue
        assert not isinstance(proof, str), (number, options, share, proof)
        assert len(proof.columns) == min(counts), (number, options, share)
        assert proof.is_proven
        assert proof.fewest_bound == min(counts)
        assert proof.certificate.pick < min(counts)
        solved += 1
    assert solved > 0.75 * INSTANCES


def test_worst_time_equals_brute_force(process):
    rng = np.random.default_rng(8)
    solved = 0
    for number in range(INSTANCES):
        options = [{}, {"keep": ("v0",)}, {"one_per": "wd_cd"}, {"never": ("v1",)}][number % 4]
        problem = random_problem(rng, "worst_time", rows=9, columns=7, **options)
        instance = instance_of(problem)
        proof = _solved(problem, process)
        row = np.repeat(np.arange(9), np.diff(instance.indptr))
        time = np.full((9, 7), 1 << 30)
        time[row, instance.columns] = instance.hundredths
        time[:, instance.never] = 1 << 30
        rows = (instance.weight > 0) & (time < 1 << 30).any(axis=1)
        best = 1 << 30
        free = np.setdiff1d(np.arange(7), np.concatenate((instance.keep, instance.never)))
        for size in range(instance.pick + 1):
            for chosen in itertools.combinations(free, size):
                if any(
                    (np.bincount(group[list(chosen)], minlength=len(left)) > left).any()
                    for group, left in instance.partitions
                ):
                    continue
                opened = [*chosen, *instance.keep]
                if opened:
                    best = min(best, int(time[np.ix_(rows, opened)].min(axis=1).max()))
        if best == 1 << 30:
            assert isinstance(proof, str), (number, options)
            continue
        assert not isinstance(proof, str), (number, options, proof)
        assert proof.value == best, (number, options)
        assert proof.is_proven
        solved += 1
    assert solved > 0.5 * INSTANCES


def _most_served(instance, sessions, rows=None):
    graph = nx.DiGraph()
    for row, people in enumerate(instance.weight):
        if rows is None or row in rows:
            graph.add_edge("source", ("row", row), capacity=int(people))
    pairs = np.repeat(np.arange(len(instance.weight)), np.diff(instance.indptr))
    for row, venue in zip(pairs.tolist(), instance.columns.tolist(), strict=True):
        if sessions[venue]:
            graph.add_edge(("row", row), ("venue", venue))
    for venue, held in enumerate(sessions):
        graph.add_edge(("venue", venue), "sink", capacity=int(held * instance.capacity[venue]))
    if "source" not in graph or "sink" not in graph:
        return 0
    return nx.maximum_flow_value(graph, "source", "sink")


def test_capacity_equals_brute_force(process):
    rng = np.random.default_rng(9)
    solved = 0
    for number in range(INSTANCES):
        options = [
            {}, {"keep": ("v1",)}, {"sessions_at_most": 2}, {"must": ("v2",)}, {"one_per": "wd_cd", "must": ("v0",)},
            {"budget": 7.0}, {"rural_share": 0.3},
        ][number % 7]  # fmt: skip
        problem = random_problem(
            rng, "capacity", rows=8, columns=4, choose=int(rng.integers(1, 4)), **options
        )
        try:
            instance = instance_of(problem)
        except InputError:
            continue
        best = None
        for sessions in itertools.product(range(instance.sessions + 1), repeat=4):
            held = np.array(sessions)
            if held[instance.keep].any() or (held[instance.must] < 1).any() or held.sum() > instance.pick:
                continue
            if instance.budget is not None and int((held * instance.cost).sum()) > instance.budget:
                continue
            if any(
                (np.bincount(group[held > 0], minlength=len(left)) > left).any()
                for group, left in instance.partitions
            ):
                continue
            held[instance.keep] = 1
            if instance.floors:
                floor = instance.floors[0]
                # whoever is served stays served along augmenting paths, so the floor's rows alone decide
                if _most_served(instance, held, set(floor.rows.tolist())) < floor.required:
                    continue
            best = max(best or 0, _most_served(instance, held))
        proof = _solved(problem, process)
        if best is None:
            assert isinstance(proof, str), (number, options)
            continue
        assert not isinstance(proof, str), (number, options, proof)
        assert proof.value == best, (number, options)
        assert proof.is_proven
        assert proof.certificate.bound >= best
        solved += 1
    assert solved > 0.75 * INSTANCES
