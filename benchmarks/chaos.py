"""Chaos: runs killed at random while they fetch, build and publish, and pairs of runs that overlap.

Run: .venv/bin/python benchmarks/chaos.py [KILLS] [PAIRS] [SEED]      (100, 10 and 1 where they are left out)

Each round starts from a folder in which an earlier edition is served, kills a few runs one after another (SIGKILL, after a
random part of the time an undisturbed run takes), and after each kill looks at what a reader has: every edition whole,
the served one among them, the front page there and all its links leading somewhere. Then a run is left to end, and
every published byte is compared with those of an undisturbed run. No peer of ours offers such a test to compare with.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exclusion.cli.display import Display
from exclusion.errors import ExclusionError
from exclusion.job import Job
from exclusion.plan import edition_store, made_up_publishers, run_job, step_names

_SERVE = """
import sys
from pathlib import Path
from exclusion.demo.server import PublisherServer
with PublisherServer(Path(sys.argv[1])) as server:
    print(server.address, flush=True)
    sys.stdin.read()
"""
PHASES = ("fetch", "build", "publish")
BEFORE, AFTER = 5, 3  # venues to choose: what tells the edition before from the one that is being made


@dataclass
class World:
    """What all rounds start from: folders before and after an undisturbed run, its bytes and its seconds by phase."""

    folder: Path
    bases: dict[str, str]
    before: Path
    after: Path
    wanted: dict[str, bytes]
    seconds: dict[str, float]

    def job(self, home: Path, choose: int = AFTER) -> Job:
        """Return the job that every run carries out in a folder."""
        return Job(home=home, is_demo=True, bases=self.bases, choose=choose)


@contextlib.contextmanager
def made_world(folder: Path, made: Path | None = None) -> Iterator[World]:
    """Make the publishers, serve them from a process of their own, and carry both editions out undisturbed.

    `made` is a folder in which the demonstration was run already, to start from a copy of it.
    """
    from exclusion.sources.catalogue import catalogue

    before, after = folder / "before", folder / "after"
    if made is not None:
        # Its editions stay behind: some may have been rolled back, and would be refused.
        shutil.copytree(made, before, ignore=lambda at, _: ["maps"] if Path(at) == made else [])
    root = made_up_publishers(Job(home=before, is_demo=True))
    publishers = folder / "publishers"
    root.rename(publishers)
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(publishers)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        bases = {name: f"{address}/{name}" for name in catalogue().publishers}
        world = World(folder, bases, before, after, {}, {})
        cold = timed_run(world, before, BEFORE)
        shutil.copytree(before, after)
        build = timed_run(world, after, AFTER)
        publish = timed_run(world, after, AFTER)
        world.seconds |= {"fetch": cold, "build": max(build, 0.6 * cold), "publish": publish}
        world.wanted |= published(after)
        yield world
    finally:
        server.communicate()


def start(world: World, home: Path, choose: int = AFTER) -> int:
    """Start a run in a child of this process, which has everything imported already; return its process id."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    code = 1
    try:
        run_job(world.job(home, choose), Display(is_quiet=True))
        code = 0
    except ExclusionError as fault:
        code = fault.exit_code
        (home / f"said-{os.getpid()}.txt").write_text(str(fault))
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a run and return its exit code, negative where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def timed_run(world: World, home: Path, choose: int) -> float:
    """Carry a run out and return its seconds."""
    started = time.perf_counter()
    code = ended(start(world, home, choose))
    if code:
        raise RuntimeError(
            f"an undisturbed run ended with {code}: {[p.read_text() for p in home.glob('said-*')]}"
        )
    return time.perf_counter() - started


def published(home: Path) -> dict[str, bytes]:
    """Return every published file by its name: pages, lists, manifests, pointer, front page and tables."""
    found = {}
    for base in (home / "maps", home / "data" / "processed"):
        for path in sorted(base.rglob("*")):
            name = path.relative_to(home).as_posix()
            is_ours = not any(part.startswith(".") for part in path.relative_to(home).parts)
            if (
                path.is_file()
                and is_ours
                and not name.startswith("data/processed/steps/")
                and "models" not in name
            ):
                found[name] = path.read_bytes()
    return found


def faults(world: World, home: Path) -> list[str]:
    """Return what a reader would find broken."""
    store = edition_store(world.job(home))
    found = [fault for name in store.names() for fault in store.faults(name)]
    found += [
        f"{slug}: {name} is served and not there"
        for slug, name in store.served().items()
        if name not in store.names()
    ]
    if not store.served():
        found.append("nothing is served")
    front = home / "maps" / "index.html"
    if not front.is_file():
        return [*found, "there is no front page"]
    text = front.read_text(encoding="utf-8")
    for href in re.findall(r'href="([^"#:]+)"', text):
        if not (front.parent / href).is_file():
            found.append(f"the front page leads to {href}, which is not there")
    if "</html>" not in text:
        found.append("the front page is cut short")
    return found


def fresh_home(world: World, phase: str, chance: random.Random) -> Path:
    """Return a folder in which the earlier edition is served and the given phase is all that is to be done."""
    home = world.folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(world.before, home)
    steps = home / "data" / "processed" / "steps" / "demo"
    if phase == "fetch":
        shutil.rmtree(steps)
        for path in (home / "data" / "raw" / "demo").iterdir():
            if path.name != "inbox":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif phase == "build":
        for name in step_names()[chance.randrange(len(step_names())) :]:
            shutil.rmtree(steps / name, ignore_errors=True)
    else:
        shutil.rmtree(steps)
        shutil.copytree(world.after / "data" / "processed" / "steps" / "demo", steps)
    return home


def kill_once(world: World, home: Path, wait_s: float) -> bool:
    """Start a run and kill it after so many seconds; return whether it was still at work."""
    child = start(world, home)
    time.sleep(wait_s)
    os.kill(child, signal.SIGKILL)
    return ended(child) < 0


def kill_round(
    world: World, phase: str, kills: int, chance: random.Random, *, part: float = 1.0
) -> tuple[int, list[str]]:
    """Kill up to so many runs one after another and let one end; return how many were killed at work, and all faults.

    They are killed within the first `part` of the time that an undisturbed run took.
    """
    home = fresh_home(world, phase, chance)
    killed, found = 0, []
    for _ in range(kills):
        is_killed = kill_once(world, home, chance.uniform(0.0, part * world.seconds[phase]))
        killed += is_killed
        found += faults(world, home)
        if not is_killed:
            # All is done: a further run would have nothing to be killed at.
            break
    return killed, found + completed(world, home)


def pair_round(world: World, chance: random.Random) -> tuple[int, list[str]]:
    """Start two runs that overlap; return how many were refused, and all faults."""
    home = fresh_home(world, chance.choice(PHASES[1:]), chance)
    first = start(world, home)
    time.sleep(chance.uniform(0.0, 0.5))
    second = start(world, home)
    codes = [ended(first), ended(second)]
    found = [f"an overlapping run ended with {code}" for code in codes if code not in {0, 2}]
    if 0 not in codes:
        found.append("neither of two overlapping runs was carried out")
    return codes.count(2), found + faults(world, home) + completed(world, home)


def completed(world: World, home: Path) -> list[str]:
    """Let a run end, and return where its bytes differ from an undisturbed one's."""
    code = ended(start(world, home))
    if code:
        return [f"the next run ended with {code}: {[p.read_text() for p in home.glob('said-*')]}"]
    now = published(home)
    differing = sorted(name for name in {*now, *world.wanted} if now.get(name) != world.wanted.get(name))
    left = [str(path) for path in home.rglob(".staging-*")] + [str(path) for path in home.rglob(".leaving-*")]
    return [f"{name} differs" for name in differing] + [f"{name} was left behind" for name in left]


def main() -> None:
    kills, pairs, seed = (int(text) for text in [*sys.argv[1:], *("100", "10", "1")[len(sys.argv) - 1 :]])
    chance = random.Random(seed)
    killed, refused, found = Counter(), 0, []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, made_world(Path(folder)) as world:
        print(
            "undisturbed seconds: " + ", ".join(f"{k} {v:.1f}" for k, v in world.seconds.items()), flush=True
        )
        rounds = 0
        while killed.total() < kills:
            phase = PHASES[rounds % 3]
            count, broken = kill_round(
                world, phase, min(chance.randint(2, 6), kills - killed.total()), chance
            )
            killed[phase] += count
            found += broken
            rounds += 1
            print(f"{killed.total():>4} kills, {len(found)} faults", file=sys.stderr, flush=True)
        for _ in range(pairs):
            count, broken = pair_round(world, chance)
            refused += count
            found += broken
    for phase in PHASES:
        print(f"{phase:<8} {killed[phase]:>4} runs killed at work")
    print(f"pairs    {pairs:>4} overlapping, {refused} runs refused at once")
    print(f"{rounds + pairs} runs let end, each byte compared with an undisturbed run's")
    print(f"{len(found)} faults in {time.perf_counter() - started:.0f} s")
    for text in found:
        print(f"  {text}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
