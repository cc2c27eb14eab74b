"""Published optima: OR-Library's p-median instances; and the optimum of PySAL spopt on the same county."""

import gzip

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import floyd_warshall
from siting_worlds import reach_of

from exclusion.siting.choice import choose
from exclusion.siting.plan_files import plan_record
from exclusion.siting.problem import Effort, Problem
from exclusion.siting.verification import verify


def pmed(golden, number):
    """Return the distances and the number of venues of one instance; of repeated edges the last cost counts."""
    folder = golden / "pmed"
    values = list(map(int, gzip.decompress((folder / f"pmed{number}.txt.gz").read_bytes()).split()))
    vertices, edges, venues = values[:3]
    distance = np.full((vertices, vertices), np.inf)
    for first, second, cost in np.array(values[3 : 3 + 3 * edges]).reshape(-1, 3):
        distance[first - 1, second - 1] = distance[second - 1, first - 1] = cost
    np.fill_diagonal(distance, 0)
    return floyd_warshall(distance), venues


def optima(golden):
    lines = (golden / "pmed" / "optima.txt").read_text().splitlines()[1:]
    return {
        int(name.removeprefix("pmed")): int(value) for name, value in (line.split() for line in lines if line)
    }


def _problem(distance, venues, goal):
    count = len(distance)
    limit = float(distance.max() + 1)
    return Problem(
        demand=pd.DataFrame({"demand_id": [f"d{i}" for i in range(count)], "people_offline": 1.0}),
        venues=pd.DataFrame({"venue_id": [f"v{i}" for i in range(count)]}),
        reach=reach_of(distance, limit),
        goal=goal,
        choose=venues,
        limit_min=limit,
    )


@pytest.mark.parametrize("number", range(1, 21))
def test_p_median_equals_the_published_optimum(golden, number):
    distance, venues = pmed(golden, number)
    # the first five are proven by HiGHS as well; for the rest the search alone must find the published optimum
    plan = choose(
        _problem(distance, venues, "mean_time"), Effort(search_rounds=300, is_exact_tried=number <= 5)
    )
    count = len(distance)
    best = optima(golden)[number]
    own = distance[:, list(plan.chosen)].min(axis=1).sum()
    assert own == best
    assert plan.value * count == pytest.approx(best, abs=1e-6)
    assert plan.is_proven or number > 5
    assert plan.bound * count <= best + 1e-6
    assert np.ceil(plan.certified_bound * count - 1e-6) >= 0.985 * best
    assert verify(plan_record(plan)).is_valid


# proven with HiGHS: the value can be covered with p venues, the next smaller distance cannot
P_CENTRE = {1: 127, 2: 98, 3: 93, 4: 74, 5: 48}


@pytest.mark.parametrize("number", sorted(P_CENTRE))
def test_p_centre_equals_the_proven_optimum(golden, number):
    distance, venues = pmed(golden, number)
    plan = choose(_problem(distance, venues, "worst_time"))
    assert plan.value == P_CENTRE[number]
    assert plan.is_proven


def _county(rows=160, columns=70, seed=3):
    rng = np.random.default_rng(seed)
    towns = rng.uniform(0, 40, (12, 2))
    homes = towns[rng.integers(0, 12, rows)] + rng.normal(0, 3, (rows, 2))
    halls = towns[rng.integers(0, 12, columns)] + rng.normal(0, 4, (columns, 2))
    minutes = np.round(2 + 60 * 1.35 * np.hypot(*(homes[:, None] - halls[None]).transpose(2, 0, 1)) / 40, 2)
    return minutes, rng.integers(1, 80, rows)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # spopt's own use of PuLP
@pytest.mark.parametrize(("limit", "venues"), [(10.0, 6), (15.0, 3), (8.0, 12)])
def test_coverage_equals_spopt_on_the_same_county(limit, venues):
    spopt = pytest.importorskip("spopt.locate", reason="spopt belongs to the benchmark extra")
    import pulp
    from siting_worlds import problem_of

    minutes, people = _county()
    ours = choose(problem_of(minutes, people, limit=limit, choose=venues))
    model = spopt.MCLP.from_cost_matrix(minutes, people.astype(float), limit, p_facilities=venues)
    theirs = model.solve(pulp.PULP_CBC_CMD(msg=False))
    # spopt's own percentage counts places, and its fac2cli lists sites opened by 1e-14: its sites are judged here
    chosen = [site for site, variable in enumerate(theirs.fac_vars) if variable.varValue > 0.5]
    covered = (minutes[:, chosen] <= limit).any(axis=1)
    assert ours.people_reached == people[covered].sum()
    assert ours.is_proven


def test_the_engines_agree_on_a_fixed_county():
    """HiGHS on reduced lists, HiGHS on all of them, and SciPy's own model give one optimum."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack, identity, vstack
    from siting_worlds import problem_of

    from exclusion.siting.formulation import formulation_of
    from exclusion.siting.instance import instance_of
    from exclusion.siting.model import model_of
    from exclusion.siting.solver import SolverProcess

    minutes, people = _county()
    problem = problem_of(minutes, people, limit=10.0, choose=6)
    ours = choose(problem)
    model = model_of(instance_of(problem))
    with SolverProcess() as process:
        whole = process.solve(formulation_of(model, 1, is_whole=True).linear, seconds=60)
    assert round(whole.objective) == ours.people_reached
    reach = csr_array((minutes <= 10.0).astype(float))
    rows, columns = reach.shape
    matrix = vstack(
        [hstack([-reach, identity(rows)]), csr_array(np.r_[np.ones(columns), np.zeros(rows)][None])]
    )
    answer = milp(
        -np.r_[np.zeros(columns), people],
        constraints=LinearConstraint(matrix, ub=np.r_[np.zeros(rows), 6]),
        bounds=Bounds(0, 1),
        integrality=np.r_[np.ones(columns), np.zeros(rows)],
    )
    assert round(-answer.fun) == ours.people_reached
