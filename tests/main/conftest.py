"""One folder in which the demonstration has been run, for all tests of the main job."""

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


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A folder in which the demonstration has been run once."""
    folder = tmp_path_factory.mktemp("home")
    done = exclusion(folder, "run", "--demo")
    assert done.returncode == 0, done.stderr
    (folder / "first-run.txt").write_text(done.stdout)
    (folder / "first-run-progress.txt").write_text(done.stderr)
    return folder
