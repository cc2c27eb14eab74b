"""`make serve` says in one sentence what is in its way, and starts nothing."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from flows.serve import LocalPrefect, descendants, main


def test_a_port_that_is_taken_is_told_and_nothing_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(RuntimeError, match="something answers at .* already"),
            LocalPrefect(tmp_path / "state", port=port),
        ):
            pass
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("text", ["abc", "0", "65536", "4200.5", "-1"])
def test_a_port_that_is_none_is_told(text, monkeypatch):
    monkeypatch.setenv("PORT", text)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit, match=f"^make serve: PORT {text}: give a whole number from 1 to 65535.$"):
        main()


def test_a_run_that_has_a_session_of_its_own_is_stopped_with_its_worker(tmp_path):
    local = LocalPrefect(tmp_path / "state", port=4299, home=tmp_path)
    run = "import sys, time; print('at work', flush=True); time.sleep(600)"
    worker = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {run!r}], start_new_session=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE, start_new_session=True)
    local._processes.append(process)
    assert process.stdout.readline() == b"at work\n"
    (pid,) = descendants([process.pid])
    local.__exit__()
    assert process.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    process.stdout.close()


def test_processes_are_told_where_to_work_and_not_to_report(tmp_path):
    local = LocalPrefect(tmp_path / "state", port=4299, home=tmp_path)
    assert local.environment["PREFECT_API_URL"] == "http://127.0.0.1:4299/api"
    assert local.environment["EXCLUSION_HOME"] == str(tmp_path)
    assert local.environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert local.environment["DO_NOT_TRACK"] == "1"
