"""One made-up county for all tests of the demonstration."""

from pathlib import Path

import pytest

from exclusion.demo import DEFAULT_SEED
from exclusion.demo.county import County, make_county
from exclusion.demo.publishers import write_inbox, write_publishers


@pytest.fixture(scope="session")
def county() -> County:
    return make_county(DEFAULT_SEED)


@pytest.fixture(scope="session")
def published(county: County, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    write_publishers(county, folder / "publishers")
    write_inbox(county, folder / "inbox")
    return folder
