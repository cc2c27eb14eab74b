"""The refresh flow: the same plan as the command, through a real Prefect server started for this one module."""

import json
import logging

import pytest

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("main")]

# Prefect's own modules warn of what its dependencies will change; none of it is ours to mend.
QUIET = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@QUIET
def test_the_flow_publishes_the_made_up_county_and_a_second_run_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    from prefect.testing.utilities import prefect_test_harness

    from flows.refresh import refresh

    with prefect_test_harness(server_startup_timeout=240):
        first = refresh(is_demo=True, home=str(tmp_path / "home"))
        second = refresh(is_demo=True, home=str(tmp_path / "home"))
    assert first == second
    served = json.loads((tmp_path / "home" / "maps" / "latest.json").read_text())
    assert served["places"] == {"larkenshire": first["edition"]}
    assert (tmp_path / "home" / "maps" / "index.html").is_file()
    assert logging.getLogger("exclusion").level == logging.INFO


@QUIET
def test_only_fetches_are_retried_and_nothing_is_cached_by_prefect():
    from prefect.cache_policies import NO_CACHE

    from flows.refresh import fetch, publish, step

    assert fetch.retries == 3
    assert step.retries == publish.retries == 0
    assert all(task.cache_policy == NO_CACHE for task in (fetch, step, publish))
    assert not any(task.persist_result for task in (fetch, step, publish))
