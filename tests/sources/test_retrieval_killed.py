"""Killed half-way: whenever a refresh is cut off, the next one completes with the same bytes."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exclusion.demo.server import Fault, PublisherServer
from exclusion.sources.snapshots import RawStore
from tests.sources.retrieval_world import csv_bytes, make_catalogue, make_publishers, put

ROOT = Path(__file__).resolve().parents[2]
REFRESH = """
import sys
from pathlib import Path
from exclusion.sources.catalogue import load_catalogue
from exclusion.sources.pull import pull

work, address = Path(sys.argv[1]), sys.argv[2]
of = load_catalogue(work / "catalogue.toml")
print("begun", flush=True)
pull(
    [name for name in of.sources if name != "by_hand"],
    raw=work / sys.argv[3],
    bases={name: f"{address}/{name}" for name in of.publishers},
    parameters={"county": {"county": "rutland"}},
    of=of,
    check=None,
)
print("done", flush=True)
"""


def start(work: Path, server: PublisherServer, raw: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", REFRESH, str(work), server.address, raw],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )


def contents(raw: Path) -> dict[str, str]:
    """Return every snapshot's bytes by name, without the record's time and without hidden leftovers."""
    found = {}
    for path in sorted(raw.glob("*/*/*")):
        inside = path.relative_to(raw)
        if path.is_file() and path.name != "source.json" and not any(p.startswith(".") for p in inside.parts):
            found[str(inside)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def no_hidden_leftovers(raw: Path) -> bool:
    return not list(raw.glob("*/.new-*"))


def kill_at_random_moments(work: Path, times: int, seed: int) -> None:
    """Cut a refresh off so many times, each from where the last left off or from nothing, and compare."""
    root = make_publishers(work / "publishers")
    # Large enough to be cut inside its body, slow enough to be cut between requests.
    put(root / "statistics/files/files/table.csv", csv_bytes(60_000))
    of = make_catalogue(work)
    chance = random.Random(seed)
    with PublisherServer(root, of=of) as server:
        server.script("", Fault(delay_s=0.015), is_repeating=True)
        process = start(work, server, "undisturbed")
        assert process.stdout.readline() == "begun\n"
        assert process.communicate()[0] == "done\n"
        expected = contents(work / "undisturbed")
        assert len(expected) == 11
        killed = 0
        for number in range(times):
            raw = f"killed_{number // 3}"
            process = start(work, server, raw)
            assert process.stdout.readline() == "begun\n"
            # A moment is a number of requests and a little more, so that a slow machine is cut off no later.
            moment = len(server.requests) + chance.randint(0, 20 if number % 3 == 0 else 7)
            while len(server.requests) < moment and process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            process.stdout.close()
            # What is in the store at that moment is whole.
            for name, digest in contents(work / raw).items():
                assert expected[name] == digest
            if number % 3 == 2 or number == times - 1:
                process = start(work, server, raw)
                assert process.communicate()[0] == "begun\ndone\n"
                assert contents(work / raw) == expected
                assert no_hidden_leftovers(work / raw)
                noted = {line["sha256"] for line in RawStore(work / raw).ledger()}
                assert noted == set(expected.values())
        assert killed >= times // 2


def test_a_refresh_that_is_killed_completes_when_it_is_run_again(tmp_path):
    kill_at_random_moments(tmp_path, times=3, seed=1)


@pytest.mark.slow
def test_twenty_kills_at_random_moments(tmp_path):
    kill_at_random_moments(tmp_path, times=20, seed=2)
