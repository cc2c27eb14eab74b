"""One folder in which the demonstration has been run, for all tests of the main job."""

import fcntl
import os
import shutil
import subprocess
import sys

import pytest


def exclusion(home, *arguments):
    """Run the command as a user does, in its own process."""
    command = [
        sys.executable,
        "-c",
        "from exclusion.cli import main; main()",
        *arguments,
        "--home",
        str(home),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=home)


def run_demonstration(folder):
    """Run the demonstration in an empty folder and keep what it printed."""
    folder.mkdir()
    done = exclusion(folder, "run", "--demo")
    assert done.returncode == 0, done.stderr
    (folder / "first-run.txt").write_text(done.stdout)
    (folder / "first-run-progress.txt").write_text(done.stderr)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A folder of this worker's own in which the demonstration has been run; workers share the one run."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        run_demonstration(base / "home")
        return base / "home"
    made = base.parent / "demonstration"
    with (base.parent / "demonstration.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "first-run-progress.txt").exists():
            shutil.rmtree(made, ignore_errors=True)
            run_demonstration(made)
    own = shutil.copytree(made, base / "home", symlinks=True)
    # What was printed names the folder it was printed in.
    for told in own.glob("first-run*.txt"):
        told.write_text(told.read_text().replace(str(made), str(own)))
    return own
