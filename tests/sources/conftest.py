"""Publishers whose server can be told to do wrong."""

from pathlib import Path

import pytest
import stamina

from exclusion.demo.server import PublisherServer
from tests.sources.retrieval_world import FakeClock, World, make_catalogue, make_publishers


@pytest.fixture
def world(tmp_path: Path):
    root = make_publishers(tmp_path / "publishers")
    with (
        stamina.set_testing(True, attempts=5, cap=True),
        PublisherServer(root, of=make_catalogue(tmp_path)) as server,
    ):
        yield World(tmp_path, server, FakeClock())
