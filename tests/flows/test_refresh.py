"""The flows without a server: what is retried, what the deployments name, when they run."""

import importlib
import inspect
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]
PLAN = yaml.safe_load((ROOT / "prefect.yaml").read_text())


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("DO_NOT_TRACK", "1")


def test_only_fetches_are_retried_and_nothing_is_cached_by_prefect():
    from prefect.cache_policies import NO_CACHE

    from flows.tasks import check, fetch, publish, site, step

    assert fetch.retries == 3
    assert fetch.retry_jitter_factor == 0.5
    others = (check, step, publish, site)
    assert [task.retries for task in others] == [0] * 4
    assert all(task.cache_policy == NO_CACHE for task in (fetch, *others))
    assert not any(task.persist_result for task in (fetch, *others))


@pytest.mark.parametrize("deployment", PLAN["deployments"], ids=lambda one: one["name"])
def test_each_deployment_names_a_flow_that_takes_its_parameters(deployment):
    path, _, name = deployment["entrypoint"].partition(":")
    flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    assert set(deployment.get("parameters", {})) <= set(inspect.signature(flow.fn).parameters)
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert deployment["work_pool"]["name"] == "exclusion"


def test_schedules_follow_the_publishers_in_london_time():
    found = {s["slug"]: s for d in PLAN["deployments"] for s in d.get("schedules", [])}
    assert {slug: s["cron"] for slug, s in found.items()} == {
        "ofcom": "0 4 28 5,11 *",
        "ons-quarterly": "0 4 5 3,6,9,12 *",
        "weekly": "0 5 * * 1",
    }
    assert {s["timezone"] for s in found.values()} == {"Europe/London"}


def test_runs_work_in_a_folder_that_is_named():
    (step,) = PLAN["pull"]
    assert step == {"prefect.deployments.steps.set_working_directory": {"directory": "{{ $EXCLUSION_HOME }}"}}


def test_flows_take_what_the_command_takes():
    from exclusion.cli.run import run
    from flows.backfill import backfill
    from flows.refresh import refresh

    asked, refreshed, filled = (
        set(inspect.signature(one).parameters) for one in (run, refresh.fn, backfill.fn)
    )
    called = {"place": "places", "within": "within_min", "demo": "is_demo"}
    wanted = {called.get(name, name) for name in asked} - {"offline", "as_of", "quiet"}
    of_prefect = {"bases", "retries", "first_wait_s"}
    assert refreshed - of_prefect - {"accepted_by"} == wanted
    # The past is made of what was held then, and none of it is served.
    assert filled - {"days"} == refreshed - of_prefect - {"inbox", "roads", "keep"}


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"days": []}, "^days: name at least one day of the past"),
        ({"days": ["2026-11-01", "2026-13-01"]}, "^as_of 2026-13-01: input should be a valid date"),
        ({"days": ["2026-11-01"], "is_demo": False}, "^No place was named: give places a council"),
    ],
)
def test_a_wrong_day_of_a_backfill_is_told_before_anything_is_made(tmp_path, choices, sentence):
    from exclusion.errors import InputError
    from flows.backfill import backfill

    with pytest.raises(InputError, match=sentence):
        backfill.fn(**{"home": str(tmp_path / "home"), "is_demo": True} | choices)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("arguments", "server", "sentence"),
    [
        ([], "http://127.0.0.1:9/api", "Give the address of the webhook"),
        (["chat.example/hooks/1"], "http://127.0.0.1:9/api", "chat.example/hooks/1: this is no address of a webhook"),
        (["https://chat.example/hooks/1"], "", "No Prefect server is named: set PREFECT_API_URL"),
        (["https://chat.example/hooks/1"], "http://127.0.0.1:9/api", "server at http://127.0.0.1:9/api does not answer"),
    ],
)  # fmt: skip
def test_an_alert_that_cannot_be_set_is_told_in_one_sentence(arguments, server, sentence):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.alert import main

    kept = {PREFECT_API_URL: server} if server else {}
    with (
        temporary_settings(kept, restore_defaults=set() if server else {PREFECT_API_URL}),
        pytest.raises(SystemExit) as stop,
    ):
        main(arguments)
    assert sentence in str(stop.value)
    assert "\n" not in str(stop.value)
