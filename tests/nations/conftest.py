"""The made council of each nation, written once."""

import pytest

from tests.nations.made import make_northern_ireland, make_scotland


@pytest.fixture(scope="session")
def scotland(tmp_path_factory):
    return make_scotland(tmp_path_factory.mktemp("scotland") / "inbox")


@pytest.fixture(scope="session")
def northern_ireland(tmp_path_factory):
    return make_northern_ireland(tmp_path_factory.mktemp("northern-ireland") / "inbox")
