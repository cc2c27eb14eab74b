"""Plans on disk, their check without a solver, the solver's hard stop, benefit and mobile rounds."""

import copy
import json
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from siting_worlds import problem_of, random_problem, reach_of

from exclusion.errors import ExclusionError, InputError
from exclusion.files import stable_json
from exclusion.siting.benefit import estimate_benefit, read_parameters
from exclusion.siting.choice import choose
from exclusion.siting.explanation import explain
from exclusion.siting.plan import figure
from exclusion.siting.plan_files import _hash, plan_record, plan_table, read_record, write_plan
from exclusion.siting.problem import Effort
from exclusion.siting.rounds import join_rounds
from exclusion.siting.solver import LinearModel, SolverProcess
from exclusion.siting.verification import verify

CASES = {
    "cover": {"keep": ("v0",)},
    "fewest": {"share_pct": 80.0, "choose": None},
    "mean_time": {"must": ("v3",)},
    "worst_time": {},
    "backup": {"one_per": "wd_cd"},
    "gradual": {"full_min": 5.0, "rural_share": 0.2},
    "capacity": {"sessions_at_most": 2, "keep": ("v1",)},
}


def _plan(goal, seed=5):
    options = dict(CASES[goal])
    choice = options.pop("choose", 4)
    return choose(
        replace(
            random_problem(np.random.default_rng(seed), goal, rows=14, columns=9, **options), choose=choice
        )
    )


@pytest.mark.parametrize("goal", sorted(CASES))
def test_a_plan_file_holds_when_checked_without_a_solver(goal, tmp_path, monkeypatch):
    plan = _plan(goal)
    paths = write_plan(plan, tmp_path, explain(plan))
    # no solver may be needed: highspy cannot even be imported
    monkeypatch.setitem(sys.modules, "highspy", None)
    found = verify(paths[0])
    assert found.is_valid, found.sentences
    assert len(found.sentences) >= 2
    record = read_record(paths[0])
    assert record["summary"] == plan.summary
    table = pd.read_csv(paths[1])
    assert table["venue_id"].tolist()[: len(plan.chosen)] == list(plan.chosen_ids)
    points = json.loads(paths[2].read_text())
    assert len(points["features"]) == len(plan.open_venues)
    longitude, latitude = points["features"][0]["geometry"]["coordinates"]
    assert -8 < longitude < 2
    assert 49 < latitude < 61


@pytest.mark.parametrize("goal", sorted(CASES))
def test_the_same_question_gives_the_same_bytes(goal):
    first, second = _plan(goal), _plan(goal)
    assert stable_json(plan_record(first, explain(first))) == stable_json(
        plan_record(second, explain(second))
    )


def _tampered(goal, change):
    record = copy.deepcopy(json.loads(stable_json(plan_record(_plan(goal)))))
    change(record)
    record["inputs_sha256"] = _hash(record["inputs"])
    return verify(record)


def _scale_prices(factor):
    def change(record):
        record["certificate"]["row_price"] = [
            round(factor * price) for price in record["certificate"]["row_price"]
        ]

    return change


def _set(*path, value):
    def change(record):
        place = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value(place[path[-1]])

    return change


def _asked(name, places):
    """Change a list of venues in the question and in the inputs, as a careful forger would."""

    def change(record):
        record["inputs"][name] = list(places)
        record["question"][name] = [record["inputs"]["venue_id"][place] for place in places]

    return change


@pytest.mark.parametrize(
    ("goal", "change", "sentence"),
    [
        ("cover", _set("answer", "value", value=lambda v: v + 1), "says its value is"),
        ("cover", _set("answer", "people_reached", value=lambda v: v + 1), "says people_reached is"),
        ("cover", _set("answer", "certified_bound", value=lambda v: v - 1), "prove a bound"),
        ("cover", _set("certificate", "bound", value=lambda v: v - 100), "prices give a bound"),
        ("cover", _set("certificate", "row_price", value=lambda v: [-1 for _ in v]), "below 0"),
        ("cover", _set("certificate", "row_price", value=lambda v: v[1:]), "row prices"),
        ("cover", _set("answer", "chosen_at", value=lambda v: [*v[::-1], 0]), "do not match"),
        ("cover", _set("inputs", "never", value=lambda v: list(range(9))), "not the one its inputs answer"),
        ("cover", _asked("never", range(1, 9)), "forced out"),
        ("cover", _set("inputs", "pick", value=lambda v: 0), "too many"),
        ("mean_time", _scale_prices(0.5), "prices give a bound"),
        ("mean_time", _asked("must", range(9)), "forced in is not in the plan"),
        (
            "fewest",
            _set("answer", "certified_bound", value=lambda v: (v or 0) + 1),
            "do not prove the least|does not hold|prove",
        ),
        ("fewest", _set("inputs", "required", value=lambda v: v * 2), "do not reach the share"),
        ("worst_time", _set("answer", "value", value=lambda v: v - 0.01), "says its value is"),
        ("worst_time", _set("certificate", "bound", value=lambda v: v - 1), "another bound"),
        ("gradual", _set("inputs", "floors", value=lambda v: [v[0] | {"required": 10**9}]), "least share"),
        ("capacity", _set("inputs", "capacity", value=lambda v: [1 for _ in v]), "more people at a venue"),
        ("capacity", _set("inputs", "weight", value=lambda v: [1 for _ in v]), "says people_reached is"),
        (
            "capacity",
            _set("certificate", "served", value=lambda v: [[row, venue, 99 * n] for row, venue, n in v]),
            "more people in a row",
        ),
        ("capacity", _set("answer", "sessions", value=lambda v: [9 for _ in v]), "more sessions"),
        (
            "capacity",
            _set("certificate", "row_price", value=lambda v: [2 * 10**6 for _ in v]),
            "one share from 0 to 1",
        ),
        ("cover", _set("certificate", "row_price", value=lambda v: "none"), "damaged"),
        ("cover", _set("certificate", "row_price", value=lambda v: [10**30 for _ in v]), "damaged"),
        # sums that would run over 64 bits and come out small
        (
            "cover",
            _set("certificate", "row_price", value=lambda v: [1 << 62 for _ in v]),
            "too large to add up",
        ),
        ("cover", _set("inputs", "venue_count", value=lambda v: 10**15), "damaged"),
        ("cover", _set("answer", value=lambda v: []), "damaged"),
        ("cover", _set("answer", "value", value=lambda v: float("nan")), "says its value is"),
        ("cover", _set("answer", "people_reached", value=lambda v: float("nan")), "says people_reached is"),
        ("cover", _set("answer", "people_total", value=lambda v: v / 2), "says people_total is"),
        (
            "cover",
            _set("answer", "people_reached_before", value=lambda v: 0.0),
            "says people_reached_before is",
        ),
        ("cover", _set("answer", "people_reachable", value=lambda v: v - 1), "says people_reachable is"),
        ("cover", _set("answer", "reached_pct", value=lambda v: v + 0.1), "says reached_pct is"),
        ("cover", _set("answer", "bound", value=lambda v: v - 1), "better than the bound it states"),
        ("cover", _set("answer", "bound", value=lambda v: v + 1), "gap, or the word that it is proven"),
        ("cover", _set("answer", "is_proven", value=lambda v: not v), "the word that it is proven"),
        (
            "cover",
            _set("summary", value=lambda v: "This plan reaches everybody."),
            "does not state its own value",
        ),
        ("cover", _set("question", "limit_min", value=lambda v: v / 2), "not the one its inputs answer"),
        ("cover", _set("question", "keep", value=lambda v: []), "not the one its inputs answer"),
        ("cover", _set("certificate", "dominated", value=lambda v: [[0, 1], [1, 2]]), "leaves? out"),
        ("mean_time", _set("question", "goal", value=lambda v: "cover"), "not the one its inputs answer"),
        ("mean_time", _set("question", "must", value=lambda v: ["v4"]), "not the one its inputs answer"),
        ("backup", _set("certificate", "bound", value=lambda v: v - 1), "prices give a bound"),
        (
            "capacity",
            _set(
                "certificate", "cuts", value=lambda v: [{"rows": [0], "columns": [0], "size": 3, "price": -5}]
            ),
            "price below 0",
        ),
        (
            "capacity",
            _set(
                "certificate",
                "cuts",
                value=lambda v: [{"rows": [0, 99], "columns": [0], "size": 3, "price": 5}],
            ),
            "not there",
        ),
        (
            "capacity",
            _set(
                "certificate",
                "cuts",
                value=lambda v: [{"rows": [0], "columns": [0], "size": 3, "price": 1 << 61}],
            ),
            "too large to add up",
        ),
        ("capacity", _set("certificate", "served", value=lambda v: v[1:]), "adds up to|least share|says"),
    ],
)
def test_a_changed_plan_is_found_out(goal, change, sentence):
    import re

    found = _tampered(goal, change)
    assert not found.is_valid
    assert re.search(sentence, found.sentences[0]), found.sentences


def test_changed_inputs_are_found_out_by_their_hash():
    record = plan_record(_plan("cover"))
    record["inputs"]["weight"][0] += 1
    found = verify(record)
    assert not found.is_valid
    assert "do not match their hash" in found.sentences[0]


def test_a_file_that_is_no_plan_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("{}")
    with pytest.raises(InputError, match="not a plan of this format"):
        verify(path)
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read as a plan"):
        verify(path)


def test_the_plan_table_has_one_row_for_each_open_venue():
    plan = _plan("cover")
    table = plan_table(plan, explain(plan))
    assert table["status"].tolist() == ["chosen"] * len(plan.chosen) + ["kept"]
    assert table["order"].isna().tolist() == [False] * len(plan.chosen) + [True]
    assert {"people_added", "people_nearest", "people_lost_if_closed", "near_ties"} <= set(table.columns)


def _hard_model(size=90, seed=2):
    """Return a market-split problem: small, and beyond what a solver proves in seconds."""
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 100, (8, size)).astype(float)
    target = np.floor(data.sum(axis=1) / 2)
    return LinearModel(
        objective=rng.random(size),
        lower=np.zeros(size),
        upper=np.ones(size),
        integrality=np.ones(size, dtype=np.int32),
        indptr=(np.arange(9) * size).astype(np.int32),
        indices=np.tile(np.arange(size, dtype=np.int32), 8),
        data=data.ravel(),
        row_lower=target,
        row_upper=target,
    )


def test_a_solver_that_overruns_its_limit_is_ended():
    """The child is told of no limit here, so only the hard stop can end it; another solve then works."""
    began = time.monotonic()
    with SolverProcess(grace_seconds=0.0) as process:
        answer = process.solve(_hard_model(), seconds=3.0, options={"time_limit": 1e6})
        assert answer.status == "killed"
        assert time.monotonic() - began < 30
        assert process._process is None
        small = LinearModel(
            objective=np.ones(1), lower=np.zeros(1), upper=np.ones(1), integrality=np.ones(1, dtype=np.int32),
            indptr=np.array([0, 1], dtype=np.int32), indices=np.zeros(1, dtype=np.int32), data=np.ones(1),
            row_lower=np.array([-np.inf]), row_upper=np.array([1.0]),
        )  # fmt: skip
        assert process.solve(small, seconds=30.0).status == "optimal"


def test_a_solver_process_that_dies_says_so():
    with SolverProcess() as process:
        child = process._start()
        child.kill()
        child.wait()
        with pytest.raises(ExclusionError, match="ended without an answer"):
            process.solve(_hard_model(), seconds=5.0)


def test_a_plan_cut_short_keeps_a_bound_and_never_claims_the_best():
    """No time for the exact solver: the plan is evaluated by its own venues and the word 'best' is not claimed."""
    rng = np.random.default_rng(21)
    homes, halls = rng.uniform(0, 60, (500, 2)), rng.uniform(0, 60, (160, 2))
    minutes = np.round(np.hypot(*(homes[:, None] - halls[None]).transpose(2, 0, 1)) * 2, 2)
    problem = problem_of(minutes, rng.integers(1, 40, 500), limit=15.0, choose=12)
    plan = choose(problem, Effort(is_exact_tried=False, search_rounds=200))
    own = (minutes[:, list(plan.chosen)] <= 15.0).any(axis=1)
    assert plan.people_reached == problem.demand["people_offline"][own].sum() == plan.value
    assert plan.value <= plan.bound <= plan.certified_bound
    if not plan.is_proven:
        assert "can reach more than" in plan.summary
        assert "can do better" not in plan.summary
    exact = choose(problem)
    assert plan.value <= exact.value <= plan.bound


def test_benefit_is_a_range_from_declared_parameters(tmp_path):
    plan = _plan("cover")
    found = estimate_benefit(plan)
    newly = plan.people_reached - plan.people_reached_before
    assert found.people_newly_within_reach == pytest.approx(newly)
    # central by hand: a quarter face to face at 8.62, the rest calls at 2.83; web 0.15, a quarter fails to a call
    each = 0.25 * 8.62 + 0.75 * 2.83 - (0.15 + 0.25 * 2.83)
    assert found.saving_per_contact.central == pytest.approx(each)
    assert found.saving_per_year.central == pytest.approx(newly * 0.05 * 3.8 * 0.4 * each)
    assert found.saving_per_year.low < found.saving_per_year.central < found.saving_per_year.high
    assert found.sentence.startswith("Estimate, not a forecast")
    assert "£" in found.sentence
    own = tmp_path / "ours.toml"
    own.write_text("price_year = 2025\n[take_up]\nlow = 0.1\ncentral = 0.1\nhigh = 0.1\n")
    ours = estimate_benefit(plan, read_parameters(own))
    assert ours.price_year == 2025
    assert ours.new_users.low == ours.new_users.high == pytest.approx(newly * 0.1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[takeup]\nlow = 1\n", "sets 'takeup', which is no benefit parameter"),
        ("[take_up]\nlow = 0.1\n", "needs exactly the keys low, central and high"),
        ("[take_up]\nlow = 0.3\ncentral = 0.2\nhigh = 0.4\n", "must rise"),
        ("[take_up]\nlow = 0.3\ncentral = 0.4\nhigh = 1.4\n", "is a share"),
        ("[take_up]\nlow = -0.3\ncentral = 0.4\nhigh = 0.4\n", "0 or more"),
        ("price_year = 'now'\n", "whole year"),
        ("[", "cannot be read"),
    ],
)
def test_benefit_parameters_that_make_no_sense_are_named(tmp_path, text, sentence):
    path = tmp_path / "ours.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_parameters(path)


def test_stops_of_a_round_are_one_choice():
    minutes = [[5.0, 20.0, 9.0], [20.0, 4.0, 20.0], [3.0, 2.0, 20.0]]
    venues = pd.DataFrame(
        {
            "venue_id": ["s1", "s2", "hall"],
            "round_id": ["monday", "monday", None],
            "x_m": [0.0, 10.0, 50.0],
            "y_m": [0.0, 0.0, 0.0],
            "hours_per_week": [1.0, 2.5, None],
        }
    )
    joined, reach = join_rounds(venues, reach_of(minutes, 15.0))
    assert joined["venue_id"].tolist() == ["monday", "hall"]
    assert joined["hours_per_week"].tolist()[0] == 3.5
    assert pd.isna(joined["hours_per_week"].iloc[1])
    assert joined["x_m"].tolist() == [5.0, 50.0]
    assert reach.matrix().toarray().tolist() == [[5.0, 9.0], [4.0, 0.0], [2.0, 0.0]]
    demand = pd.DataFrame({"demand_id": ["a", "b", "c"], "people_offline": [1, 2, 3]})
    base = problem_of(minutes, [1, 2, 3], choose=1)
    plan = choose(replace(base, demand=demand, venues=joined, reach=reach))
    assert plan.chosen_ids == ("monday",)
    assert plan.people_reached == 6


def test_a_round_named_like_a_venue_is_refused():
    venues = pd.DataFrame({"venue_id": ["a", "b"], "round_id": ["b", None]})
    with pytest.raises(InputError, match="both a round and a venue"):
        join_rounds(venues, reach_of([[1.0, 2.0]], 15.0))


def test_people_of_a_region_are_told_in_full():
    assert figure(1_234_567.891) == "1,234,567.891"
    assert figure(12.0) == "12"
