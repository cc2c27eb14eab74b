"""A real server, pool and worker: the deployment runs, a second one is cancelled, a publisher that is down is survived.

One server serves the whole module; what the flows do beside Prefect is tested in the rooms.
"""

import datetime as dt
import http.server
import json
import queue
import socket
import threading
import time
from importlib.resources import files

import pytest
import requests

from exclusion.demo.server import Fault, PublisherServer
from exclusion.job import Job
from exclusion.plan import made_up_publishers, step_names

pytestmark = [
    pytest.mark.flow,
    pytest.mark.slow,
    # Prefect's own modules warn of what its dependencies will change; none of it is ours to mend.
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]

# A watchdog, far beyond what a busy machine takes.
LONGEST_S = 1800.0
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class World:
    """The local Prefect, the made-up publishers and the folder that everything goes into."""

    def __init__(self, local, publishers, home):
        self.api, self.publishers, self.home = f"{local.address}/api", publishers, home
        self.parameters = {
            "is_demo": True,
            "home": str(home),
            "bases": publishers.bases(),
            "retries": 1,
            "first_wait_s": 0.1,
        }

    def ask(self, method, path, **body):
        # Prefect's server says 503 while its SQLite file is held by a worker, and asks to be asked again.
        deadline = time.monotonic() + 60
        while True:
            answer = requests.request(method, self.api + path, json=body or None, timeout=30)
            if answer.status_code != 503 or time.monotonic() > deadline:
                answer.raise_for_status()
                return answer.json()
            time.sleep(0.5)

    def start(self, name, **parameters):
        deployment = self.ask("GET", f"/deployments/name/{name}")["id"]
        return self.ask(
            "POST", f"/deployments/{deployment}/create_flow_run", parameters=self.parameters | parameters
        )["id"]

    def state(self, run, *wanted):
        """Wait until a run is in one of the states (ended, where none is given) and return which."""
        deadline = time.monotonic() + LONGEST_S
        while (now := self.ask("GET", f"/flow_runs/{run}")["state_type"]) not in (set(wanted) or ENDED):
            assert now not in ENDED, f"{run} ended as {now}"
            assert time.monotonic() < deadline, f"{run} is still {now}"
            time.sleep(0.25)
        return now

    def artifacts(self, run):
        found = self.ask("POST", "/artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
        return {one["key"]: one for one in found}

    def runs(self, flow):
        """All runs of a flow that are due now or were."""
        found = self.ask("POST", "/flow_runs/filter", flows={"name": {"any_": [flow]}})
        return {one["id"] for one in found if not one["auto_scheduled"]}

    def pause_workers(self):
        for _ in range(60):
            answer = requests.patch(f"{self.api}/work_pools/exclusion", json={"is_paused": True}, timeout=30)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        assert answer.status_code == 204

    def served(self):
        return json.loads((self.home / "maps" / "latest.json").read_text())["places"]

    def pages(self):
        return {p: p.read_bytes() for p in sorted((self.home / "maps").rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from flows.serve import LocalPrefect

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("prefect")
    root = made_up_publishers(Job(home=folder / "home", is_demo=True))
    with LocalPrefect(folder / "state", port=port) as local, PublisherServer(root) as publishers:
        yield World(local, publishers, folder / "home")


@pytest.fixture
def _in_this_process(world, monkeypatch):
    """Run flows here, against the module's server; what Prefect still has to tell it is told before it stops."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

    with temporary_settings({PREFECT_API_URL: world.api, PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield
        EventsWorker.drain_all(timeout=10)


def test_a_deployment_runs_to_completion_and_an_overlapping_run_is_cancelled(world):
    first = world.start("refresh/demonstration")
    world.state(first, "RUNNING")
    second = world.start("refresh/demonstration")
    assert world.state(second, "CANCELLED") == "CANCELLED"
    assert world.state(first) == "COMPLETED"
    (edition,) = world.served().values()
    artifacts = world.artifacts(first)
    assert set(artifacts) == {"progress", "publishers", "what-changed", "largest-moves", "map"}
    assert artifacts["progress"]["data"] == 100.0
    assert f"`{edition}`" in artifacts["what-changed"]["data"]
    assert f"Steps made: {', '.join(step_names())}" in artifacts["what-changed"]["data"]
    assert (world.home / "maps" / "index.html").resolve().as_uri() in artifacts["map"]["data"]


def test_a_publisher_that_is_down_is_asked_again_and_survived_on_the_last_good_copy(world):
    before = world.pages()
    world.publishers.script("/ofcom/", Fault(status=403), is_repeating=True)
    run = world.start("refresh/demonstration")
    assert world.state(run) == "COMPLETED"
    world.publishers.clear()
    tasks = world.ask("POST", "/task_runs/filter", flow_runs={"id": {"any_": [run]}})
    fetches = {one["name"]: one["run_count"] for one in tasks if one["name"].startswith("fetch-")}
    assert fetches["fetch-ofcom"] == 2
    said = world.artifacts(run)["what-changed"]["data"]
    assert "is the last good copy" in said
    # The library's own messages are in the run's log.
    logs = world.ask("POST", "/logs/filter", logs={"flow_run_id": {"any_": [run]}}, limit=200)
    own = [one for one in logs if one["name"].startswith("exclusion.")]
    assert any("is the last good copy" in one["message"] for one in own)
    assert "Steps made: none, all fresh" in said
    assert world.pages() == before


@pytest.mark.usefixtures("_in_this_process")
def test_a_run_that_failed_is_told_to_a_webhook_and_only_to_the_last_one_named(world):
    from flows.alert import set_alert

    told = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            told.put((self.path, json.loads(body)))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for name in ("old", "new"):
            set_alert(f"{address}/{name}")
        run = world.start("refresh/demonstration", target="everybody")
        assert world.state(run) == "FAILED"
        path, said = told.get(timeout=LONGEST_S)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert path == "/new"
    assert "refresh, run " in said["text"]
    assert "target everybody: there is no such target level" in said["text"]
    assert told.empty()


@pytest.mark.usefixtures("_in_this_process")
def test_the_watch_starts_a_refresh_where_a_source_changed_and_only_there(world):
    from flows.watch_sources import watch_sources

    asked = {key: world.parameters[key] for key in ("home", "is_demo", "bases")}
    assert watch_sources(**asked, refresh_deployment="") == []
    file = next(p for p in sorted((world.publishers.root / "nomis" / "files").rglob("*.zip")))
    file.write_bytes(file.read_bytes() + b"\0")
    # Nobody takes the run that is started: it would work in the checkout's own folder.
    world.pause_workers()
    before = world.runs("refresh")
    assert len(watch_sources(**asked)) == 1
    (started,) = world.runs("refresh") - before
    assert world.ask("GET", f"/flow_runs/{started}")["state_type"] == "SCHEDULED"


@pytest.mark.usefixtures("_in_this_process")
def test_a_watch_that_reaches_nobody_fails(world):
    from flows.watch_sources import watch_sources

    dead = dict.fromkeys(world.publishers.bases(), "http://127.0.0.1:9")
    ended = watch_sources(home=str(world.home), is_demo=True, bases=dead, return_state=True)
    assert ended.is_failed()
    assert "No publisher could be asked what is new" in ended.message


@pytest.mark.usefixtures("_in_this_process")
def test_a_place_is_sited_and_a_day_of_the_past_made_again_without_serving_it(world):
    from flows.backfill import backfill
    from flows.site_venues import site_venues

    before, served = world.pages(), world.served()
    common = {"home": str(world.home), "is_demo": True}
    (plan,) = site_venues(places=["Quern Valley"], choose=2, **common)
    assert len(plan["venues"]) == 2
    assert (world.home / "data" / "processed" / "plans" / "quern-valley" / "plan.csv").is_file()
    today = dt.datetime.now(dt.UTC).date().isoformat()
    assert backfill(days=[today], places=[], **common) == list(served.values())
    assert world.pages() == before


@pytest.mark.usefixtures("_in_this_process")
def test_a_gate_that_fails_keeps_the_last_edition_and_leaves_a_report_that_names_it(world, tmp_path):
    from flows.refresh import refresh

    # The same specification by name with its two largest weights turned over: too many areas change their tenth.
    text = (files("exclusion") / "index" / "specs" / "default.toml").read_text(encoding="utf-8")
    spec = tmp_path / "default.toml"
    for before, after in (("weight = 0.10", "weight = 0.60"), ("weight = 0.35", "weight = 0.10")):
        assert before in text
        text = text.replace(before, after)
    spec.write_text(text, encoding="utf-8")
    before = world.pages()
    asked = {**world.parameters, "spec": str(spec), "draws": 100}
    ended = refresh(**asked, return_state=True)
    assert ended.is_failed()
    assert "decile-moves" in ended.message
    artifacts = world.artifacts(str(ended.state_details.flow_run_id))
    assert "what-changed" not in artifacts
    assert "moved by more than 2 tenths" in artifacts["not-published"]["data"]
    assert world.pages() == before
    taken = refresh(**asked, accept=["decile-moves"], why="New weights were agreed.", accepted_by="A. Person")
    (verdict,) = [one for one in taken["gates"] if one["state"] == "accepted"]
    assert (verdict["gate"], verdict["accepted_by"]) == ("decile-moves", "A. Person")
    assert world.pages() != before


@pytest.mark.usefixtures("_in_this_process")
def test_wrong_parameters_of_a_flow_end_in_the_sentence_of_the_command_line(world):
    from flows.refresh import refresh

    ended = refresh(**world.parameters | {"target": "everybody"}, return_state=True)
    assert ended.is_failed()
    assert "target everybody: there is no such target level" in ended.message


@pytest.mark.usefixtures("_in_this_process")
def test_a_mistyped_place_ends_a_flow_as_soon_as_the_areas_are_at_hand(world):
    from flows.refresh import refresh

    before = world.pages()
    # Another number of draws, so that what comes after the areas would have to be made.
    ended = refresh(**world.parameters | {"places": ["Quern Valey"], "draws": 177}, return_state=True)
    assert ended.is_failed()
    assert "There is no place called 'Quern Valey'" in ended.message
    assert "Did you mean Quern Valley" in ended.message
    run = str(ended.state_details.flow_run_id)
    tasks = world.ask("POST", "/task_runs/filter", flow_runs={"id": {"any_": [run]}})
    assert [one["name"] for one in tasks if one["name"].startswith("step-")] == ["step-indicators"]
    assert world.pages() == before


@pytest.mark.usefixtures("_in_this_process")
def test_one_mistyped_place_of_several_ends_their_siting_before_any_plan_is_made(world, tmp_path):
    from flows.site_venues import site_venues

    ended = site_venues(
        places=["Netherfold", "Quern Valey"], home=str(world.home), is_demo=True, out=str(tmp_path / "plans"),
        return_state=True,
    )  # fmt: skip
    assert ended.is_failed()
    assert "There is no place called 'Quern Valey'" in ended.message
    assert not (tmp_path / "plans").exists()


@pytest.mark.usefixtures("_in_this_process")
def test_a_dask_cluster_of_two_worker_processes_gives_the_same_plans(world, tmp_path):
    pytest.importorskip("prefect_dask", reason="the extra dask is not installed")
    from distributed import LocalCluster

    from flows.site_venues import site_venues
    from flows.site_venues_dask import site_venues_on

    places = ["Quern Valley", "Netherfold"]
    common = {"home": str(world.home), "is_demo": True, "choose": 2}
    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path),
    )
    with cluster:
        plans = site_venues_on(cluster.scheduler_address, places, out=str(tmp_path / "dask"), **common)
    assert [len(plan["venues"]) for plan in plans] == [2, 2]
    for place in places:
        site_venues(places=[place], out=str(tmp_path / "here"), **common)
    found = {p.relative_to(tmp_path / "dask"): p.read_bytes() for p in (tmp_path / "dask").rglob("plan.*")}
    assert found == {
        p.relative_to(tmp_path / "here"): p.read_bytes() for p in (tmp_path / "here").rglob("plan.*")
    }
    assert len(found) >= 4
