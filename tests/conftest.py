"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

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
