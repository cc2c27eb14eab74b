"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.watched_page import Watched

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# Machines that run the suite are shared: no example is failed for being slow, and every run tries the same ones.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real open data beside the repository; the test is skipped where it is absent."""
    folder = Path(os.environ.get("EXCLUSION_REAL", ROOT.parent / "shared" / "real"))
    if not (folder / "README.md").is_file():
        pytest.skip("real open data are not beside the repository (set EXCLUSION_REAL to their folder)")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of published instances with known answers; skipped where it is absent."""
    folder = Path(os.environ.get("EXCLUSION_GOLDEN", ROOT.parent / "shared" / "golden"))
    if not (folder / "README.md").is_file():
        pytest.skip(
            "published instances are not beside the repository (set EXCLUSION_GOLDEN to their folder)"
        )
    return folder


@pytest.fixture(scope="module")
def browser():
    """Chromium for the tests of one file.

    Playwright runs an event loop in its thread until it is stopped, and a second loop in the thread is refused: it
    may not outlive the file, for the next one in the same worker may start a loop of its own.
    """
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
    """Make pages that are watched; no fault and no request may be left when the test ends."""
    made = []

    def make(**context):
        made.append(Watched(browser, **context))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
        assert one.faults == []
