"""One browser for all tests of pages, and pages whose faults and requests are watched."""

from pathlib import Path

import pytest

from tests.publish.watched_page import Watched

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (extra: browser)"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def watched(browser):
    made = []

    def make(**context):
        made.append(Watched(browser, **context))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
        assert one.faults == []
