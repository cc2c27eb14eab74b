"""A small made-up country and its estimate, shared by the tests of the room."""

import pytest

from tests.estimate.countries import make


@pytest.fixture(scope="session")
def made():
    return make()


@pytest.fixture(scope="session")
def estimate(made):
    from exclusion.estimate.people import estimate_people_offline

    return estimate_people_offline(made.table, made.yardstick)
