"""One interface for all engines: modes, limits, nearest, reach lists; the straight line itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.access.modes import DEFAULT_ASSUMPTIONS, RURAL_CLASSES, TravelAssumptions, rural_codes
from exclusion.access.reach import Reach, reach_from_frame
from exclusion.access.straight import StraightLine, fitted_straight_kmh
from exclusion.access.travel import (
    DemandPoints,
    Points,
    demand_points,
    door_to_door,
    nearest_in,
    nearest_of,
    points_of,
    reach_by,
    reach_of,
)
from exclusion.errors import ContractError, InputError


def random_points(generator, count, *, side_m=60_000.0):
    return Points(
        400_000 + generator.uniform(0, side_m, count),
        300_000 + generator.uniform(0, side_m, count),
        generator.integers(0, len(RURAL_CLASSES), count).astype(np.int8),
    )


def rows_of(points, generator):
    """Each place twice, with and without a car, in a shuffled order."""
    place = generator.permutation(np.repeat(np.arange(len(points)), 2))
    return DemandPoints(points, place, generator.random(len(place)) < 0.5)


def minutes_by_hand(origin, rural, has_car, venue, assumptions=DEFAULT_ASSUMPTIONS):
    """The straight-line recipe, written out for one journey."""
    km = np.hypot(*(np.subtract(origin, venue))) / 1000
    name = RURAL_CLASSES[rural]
    drive = 60 * km * assumptions.drive_circuity[name] / assumptions.drive_kmh[name]
    walk = 60 * km * assumptions.walk_circuity / assumptions.walk_kmh
    if has_car:
        return min(walk, drive + assumptions.start_and_park_min)
    return min(walk, assumptions.bus_wait_min[name] + assumptions.bus_ratio[name] * drive)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 9), st.sampled_from([5.0, 20.0, 60.0]))
def test_reach_and_nearest_equal_the_recipe_written_out(seed, n_places, n_venues, limit):
    generator = np.random.default_rng(seed)
    places, venues = random_points(generator, n_places), random_points(generator, n_venues)
    rows = rows_of(places, generator)
    engine = StraightLine()
    expected = np.array(
        [
            [minutes_by_hand(places.xy[place], places.rural[place], has_car, venue) for venue in venues.xy]
            for place, has_car in zip(rows.place, rows.has_car, strict=True)
        ]
    ).reshape(len(rows.place), n_venues)
    expected = np.round(expected, 2)
    expected[expected > limit] = np.inf
    reach = reach_of(engine, rows, venues, limit_min=limit)
    dense = np.full(expected.shape, np.inf)
    dense[reach.rows(), reach.indices] = reach.minutes
    np.testing.assert_allclose(dense, expected, rtol=1e-6)
    minutes, position = nearest_of(engine, rows, venues, limit_min=limit, count=2)
    in_order = np.sort(np.hstack([expected, np.full((len(expected), 2), np.inf)]), axis=1)[:, :2]
    np.testing.assert_allclose(minutes, in_order)
    assert ((position >= 0) == np.isfinite(minutes)).all()
    for row in range(len(rows.place)):
        for rank in range(2):
            if position[row, rank] >= 0:
                assert expected[row, position[row, rank]] == pytest.approx(minutes[row, rank])


def test_a_minute_equal_to_the_limit_is_within_it():
    """AccessMod #393: catchments stopped at 59 minutes for a limit of 60."""
    flat = TravelAssumptions(
        drive_kmh=dict.fromkeys(RURAL_CLASSES, 60.0),
        drive_circuity=dict.fromkeys(RURAL_CLASSES, 1.0),
        start_and_park_min=0.0,
        bus_wait_min=dict.fromkeys(RURAL_CLASSES, 0.0),
    )
    place = Points(np.array([400_000.0]), np.array([300_000.0]), np.zeros(1, dtype=np.int8))
    venues = Points(
        400_000.0 + np.array([59_990.0, 60_000.0, 60_010.0]),
        np.full(3, 300_000.0),
        np.zeros(3, dtype=np.int8),
    )
    rows = DemandPoints(place, np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool))
    reach = reach_of(StraightLine(flat), rows, venues, limit_min=60)
    assert reach.indices.tolist() == [0, 1]
    assert reach.minutes.tolist() == pytest.approx([59.99, 60.0])
    minutes, _ = nearest_of(StraightLine(flat), rows, venues, limit_min=59.99, count=2)
    assert minutes.tolist() == [[59.99, np.inf]]


def test_no_venue_at_all_leaves_everybody_out_of_reach():
    generator = np.random.default_rng(0)
    rows = rows_of(random_points(generator, 5), generator)
    nowhere = random_points(generator, 0)
    assert reach_of(StraightLine(), rows, nowhere, limit_min=60).shape == (10, 0)
    minutes, position = nearest_of(StraightLine(), rows, nowhere, limit_min=60)
    assert np.isinf(minutes).all()
    assert (position == -1).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1.05, 3.0))
def test_faster_is_never_later(seed, factor):
    generator = np.random.default_rng(seed)
    places, venues = random_points(generator, 8), random_points(generator, 6)
    rows = rows_of(places, generator)
    faster = TravelAssumptions(
        drive_kmh={name: kmh * factor for name, kmh in DEFAULT_ASSUMPTIONS.drive_kmh.items()}
    )
    slow, _ = nearest_of(StraightLine(), rows, venues, limit_min=1e4)
    fast, _ = nearest_of(StraightLine(faster), rows, venues, limit_min=1e4)
    assert (fast <= slow).all()


def test_having_a_car_is_never_slower():
    minutes = np.linspace(0, 90, 400)
    for rural in range(len(RURAL_CLASSES)):
        codes = np.full(400, rural)
        car = door_to_door(minutes, codes, "drive", has_car=True, assumptions=DEFAULT_ASSUMPTIONS)
        bus = door_to_door(minutes, codes, "drive", has_car=False, assumptions=DEFAULT_ASSUMPTIONS)
        assert (car <= bus).all()


def test_places_are_told_apart_by_location_and_rural_class():
    demand = pd.DataFrame(
        {
            "demand_id": list("abcd"),
            "lsoa21cd": ["E1", "E1", "E2", "E2"],
            "x_m": [4e5, 4e5, 4e5, 4.1e5],
            "y_m": 3e5,
            "has_car": [True, False, True, True],
        }
    )
    rows = demand_points(demand, pd.Series({"E1": "UN1", "E2": "RSF1"}))
    assert len(rows.points) == 3
    assert rows.place[0] == rows.place[1] != rows.place[2]
    assert rows.points.rural[rows.place].tolist() == [0, 0, 5, 5]
    with pytest.raises(
        ContractError, match="'nan' in ruc21cd, which is not a Rural Urban Classification 2021"
    ):
        demand_points(demand, pd.Series({"E1": "UN1"}))
    with pytest.raises(ContractError, match="'A1'"):
        rural_codes(["UN1", "A1"])


@pytest.mark.parametrize(("x", "y"), [(-1.5, 52.6), (np.nan, 3e5), (np.inf, 3e5), (-170_000.0, 6_900_000.0)])
def test_coordinates_of_another_system_are_told(x, y):
    table = pd.DataFrame({"venue_id": ["a", "b"], "x_m": [4e5, x], "y_m": [3e5, y]})
    with pytest.raises(ContractError, match=r"venues table's coordinates of b .* not in EPSG:27700"):
        points_of(table, what="venues")


@pytest.mark.parametrize("limit", [0, -1, np.nan, np.inf])
def test_a_limit_that_is_none_is_refused(limit):
    generator = np.random.default_rng(0)
    rows = rows_of(random_points(generator, 2), generator)
    with pytest.raises(InputError, match="time limit"):
        reach_of(StraightLine(), rows, random_points(generator, 2), limit_min=limit)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"walk_kmh": 0}, "walk_kmh is 0"),
        ({"walk_circuity": 0.9}, "walk_circuity is 0.9"),
        ({"drive_kmh": {"UN1": 30}}, "drive_kmh must have one number for each of"),
        ({"bus_ratio": dict.fromkeys(RURAL_CLASSES, 0.5)}, "bus_ratio"),
        ({"start_and_park_min": np.nan}, "start_and_park_min is nan"),
    ],
)
def test_assumptions_that_make_no_sense_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        TravelAssumptions(**change)


def test_the_record_of_assumptions_is_plain():
    record = DEFAULT_ASSUMPTIONS.as_record()
    assert record["drive_kmh"]["UN1"] == DEFAULT_ASSUMPTIONS.drive_kmh["UN1"]
    assert set(record) >= {"walk_kmh", "bus_wait_min", "bus_ratio", "start_and_park_min"}


def test_fitting_speeds_finds_the_speed_that_made_the_times():
    generator = np.random.default_rng(4)
    distance = generator.uniform(1_000, 20_000, 400)
    rural = generator.integers(0, 2, 400).astype(np.int8)
    true = np.array([24.0, 36.0])
    minutes = distance / (true[rural] * 1000 / 60) * generator.uniform(0.9, 1.1, 400)
    minutes[::40] *= 5
    fitted = fitted_straight_kmh(distance, minutes, rural)
    assert set(fitted) == {"UN1", "UF1"}
    assert fitted["UN1"]["straight_kmh"] == pytest.approx(24, rel=0.02)
    assert fitted["UF1"]["straight_kmh"] == pytest.approx(36, rel=0.02)
    assert 3 < fitted["UN1"]["error_pct"] < 8
    with pytest.raises(InputError, match="no pair with a known time"):
        fitted_straight_kmh(distance, np.zeros(400), rural)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_reach_lists_narrow_select_and_round_trip(seed):
    generator = np.random.default_rng(seed)
    n_rows, n_venues = int(generator.integers(1, 9)), int(generator.integers(1, 7))
    dense = np.round(generator.uniform(0, 40, (n_rows, n_venues)), 2)
    dense[generator.random(dense.shape) < 0.4] = np.inf
    rows, columns = np.nonzero(np.isfinite(dense))
    pairs = pd.DataFrame(
        {"demand_id": rows.astype(str), "venue_id": columns.astype(str), "minutes": dense[rows, columns]}
    )
    demand_ids, venue_ids = np.arange(n_rows).astype(str), np.arange(n_venues).astype(str)
    reach = reach_from_frame(pairs.sample(frac=1, random_state=1), demand_ids, venue_ids, limit_min=40)
    pd.testing.assert_frame_equal(
        reach.to_frame(demand_ids, venue_ids).astype({"demand_id": str, "venue_id": str, "minutes": float}),
        pairs.astype({"demand_id": str, "venue_id": str}),
        rtol=1e-6,
        check_index_type=False,
    )
    near = reach.within(20)
    assert (near.matrix().toarray() > 0).sum() == ((dense <= 20) & (dense > 0)).sum()
    mask = generator.random(n_venues) < 0.5
    chosen = reach.of_venues(mask)
    np.testing.assert_array_equal(chosen.matrix().toarray(), reach.matrix().toarray()[:, mask])
    minutes, position = nearest_in(reach, 2)
    expected = np.sort(np.hstack([dense, np.full((n_rows, 2), np.inf)]), axis=1)[:, :2]
    np.testing.assert_allclose(minutes, expected, rtol=1e-6)
    assert ((position >= 0) == np.isfinite(expected)).all()


def test_reach_lists_that_do_not_fit_are_refused():
    good = pd.DataFrame({"demand_id": ["a"], "venue_id": ["v"], "minutes": [3.0]})
    for change, words in (
        (good.drop(columns="minutes"), "no column 'minutes'"),
        (good.assign(venue_id="w"), "venue_id 'w', which is not known"),
        (good.assign(minutes=-1.0), "null or negative, first for demand_id 'a'"),
        (good.assign(minutes=np.nan), "null or negative"),
        (pd.concat([good, good]), "the pair 'a', 'v' twice"),
    ):
        with pytest.raises(ContractError, match=words):
            reach_from_frame(change, ["a"], ["v"], limit_min=30)
    reach = reach_from_frame(good, ["a"], ["v"], limit_min=30)
    with pytest.raises(ContractError, match="cut at 30 minutes cannot answer for 40"):
        reach.within(40)
    with pytest.raises(ContractError, match="torn"):
        Reach(np.array([0, 2]), np.array([0], dtype=np.int32), np.array([1.0], dtype=np.float32), 1, 30.0)
    with pytest.raises(ContractError, match="names were given"):
        reach.to_frame(["a", "b"], ["v"])
    with pytest.raises(ContractError, match="1 marks"):
        reach.of_venues(np.array([True, False]))


def test_a_supposed_way_of_travelling_gives_everybody_that_way():
    """All by car is the reach of those with one; on foot is the plain walk; nobody gains by walking alone."""
    generator = np.random.default_rng(12)
    places, venues = (
        random_points(generator, 40, side_m=15_000.0),
        random_points(generator, 12, side_m=15_000.0),
    )
    demand = rows_of(places, generator)
    engine = StraightLine(DEFAULT_ASSUMPTIONS)

    def table(mode):
        reach = reach_by(engine, demand, venues, mode=mode, limit_min=25.0)
        full = np.full(reach.shape, np.inf)
        full[reach.rows(), reach.indices] = reach.minutes
        return full

    own, drive, other, walk = (table(mode) for mode in ("own", "drive", "no-car", "walk"))
    car = demand.has_car
    assert np.array_equal(own[car], drive[car])
    assert np.array_equal(own[~car], other[~car])
    assert (drive <= other).all()
    assert (other <= walk).all()
    km = np.hypot(*(places.xy[demand.place][:, None] - venues.xy[None]).transpose(2, 0, 1)) / 1000
    minutes = np.round(km * DEFAULT_ASSUMPTIONS.walk_circuity / DEFAULT_ASSUMPTIONS.walk_kmh * 60, 2)
    assert np.allclose(walk, np.where(minutes <= 25.0, minutes, np.inf), atol=0.006)
    with pytest.raises(InputError, match="no way of travelling 'fly'"):
        reach_by(engine, demand, venues, mode="fly", limit_min=25.0)
