"""The lock of a home folder: who holds it, for how long, and what a run that was killed left."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from exclusion.errors import InputError
from exclusion.job import Job
from exclusion.plan import run_lock

HOLD = """
import sys
from pathlib import Path
from exclusion.job import Job
from exclusion.plan import run_lock
with run_lock(Job(home=Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    return Job(home=tmp_path)


def holder_of(job):
    """A process that holds the folder until its input is closed."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(job.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "held\n"
    return other


def test_another_run_is_refused_by_process_user_and_machine_and_let_in_afterwards(job):
    other = holder_of(job)
    with (
        pytest.raises(InputError, match=rf"process {other.pid} of \S+ on \S+, for 0 minutes\); wait until"),
        run_lock(job),
    ):
        pass
    other.communicate()
    with run_lock(job):
        record = json.loads((job.processed / ".run.json").read_text())
        assert record["process"] == os.getpid()
    assert not (job.processed / ".run.json").exists()


def test_a_flow_waits_for_a_run_that_is_at_work(job, caplog):
    caplog.set_level(logging.INFO, "exclusion")
    other = holder_of(job)
    # The other run ends when the wait has been told.
    let_go = threading.Thread(target=lambda: (_until(lambda: "waiting" in caplog.text), other.communicate()))
    let_go.start()
    with run_lock(job, wait_s=60):
        assert json.loads((job.processed / ".run.json").read_text())["process"] == os.getpid()
    let_go.join()
    assert other.returncode == 0
    assert f"Another run is at work in this folder (process {other.pid}" in caplog.text


def _until(is_so):
    while not is_so():
        time.sleep(0.01)


def test_a_run_that_was_killed_holds_nothing_and_what_it_left_is_cleared(job):
    other = holder_of(job)
    step = job.processed / "steps" / "real" / "index"
    (step / f".staging-{other.pid}").mkdir(parents=True)
    (step / ".last.json.abc.part").write_text("{")
    (step / "last.json").write_text("{}")
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdin.close()
    other.stdout.close()
    assert (job.processed / ".run.json").exists(), "the dead process's card is still there"
    with run_lock(job):
        assert [path.name for path in step.iterdir()] == ["last.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 1}', '{"process": 1, "started": "soon"}'])
def test_a_damaged_card_of_the_holder_is_no_fault(job, text):
    with run_lock(job):
        (job.processed / ".run.json").write_text(text)
        with pytest.raises(InputError, match="process unknown"), run_lock(job):
            pass


def test_a_clock_that_was_set_back_makes_no_age_of_less_than_nothing(job):
    with run_lock(job):
        card = {"process": 7, "user": "ada", "machine": "other", "started": "2999-01-01T00:00:00+00:00"}
        (job.processed / ".run.json").write_text(json.dumps(card))
        with pytest.raises(InputError, match="process 7 of ada on other, for 0 minutes"), run_lock(job):
            pass
