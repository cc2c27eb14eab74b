"""`make serve`: a Prefect server, the work pool, a worker and the deployments on this machine, until Ctrl-C."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Self

POOL = "exclusion"
_ROOT = Path(__file__).resolve().parents[1]
_HOST = "127.0.0.1"
_STARTUP_S = 240.0
_STOP_S = 20.0


class LocalPrefect:
    """A server and a worker as processes of this one; use as a context manager."""

    def __init__(self, state: Path, *, port: int = 4200, home: Path = _ROOT) -> None:
        """Keep the server's database and the logs in `state`; runs work in `home`, the project's folder."""
        self.address = f"http://{_HOST}:{port}"
        self.state = state
        self._port = port
        self.environment = {
            **os.environ,
            "DO_NOT_TRACK": "1",
            "EXCLUSION_HOME": str(home),
            "PREFECT_API_URL": f"{self.address}/api",
            "PREFECT_HOME": str(state.resolve()),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        """Start everything, in order; what was started is stopped again where a later part fails."""
        if _is_taken(self._port):
            raise RuntimeError(f"something answers at {self.address} already: stop it, or set PORT")
        self.state.mkdir(parents=True, exist_ok=True)
        try:
            self._start("server", "server", "start", "--host", _HOST, "--port", str(self._port))
            self._wait_for("/api/health", "server")
            # A worker of a given type makes the pool where there is none.
            self._start("worker", "worker", "start", "--pool", POOL, "--type", "process", "--name", "local")
            self._wait_for(f"/api/work_pools/{POOL}", "worker")
            self._deploy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the runs under way, the worker, then the server, each by its own process id."""
        # A run has a session of its own and outlives its worker; it is stopped while it can still tell the server.
        runs = descendants([process.pid for process in self._processes if process.poll() is None])
        _end(runs)
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in reversed(self._processes):
            try:
                process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for log in self._logs:
            log.close()
        self._processes.clear()
        self._logs.clear()

    def _start(self, name: str, *arguments: str) -> None:
        log = (self.state / f"{name}.log").open("wb")
        self._logs.append(log)
        self._processes.append(
            subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "prefect", *arguments],
                cwd=_ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        )  # fmt: skip

    def _deploy(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
            cwd=_ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        (self.state / "deploy.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"the deployments were not taken: see {self.state / 'deploy.log'}")

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:  # noqa: S310 (loopback)
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _wait_for(self, path: str, name: str) -> None:
        deadline = time.monotonic() + _STARTUP_S
        while not self._answers(path):
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the {name} did not start: see {self.state / f'{name}.log'}")
            time.sleep(0.3)

    def wait(self) -> None:
        """Return when the server or the worker ends."""
        while all(process.poll() is None for process in self._processes):
            time.sleep(0.5)


def _is_taken(port: int) -> bool:
    """Tell whether some process listens at a port of this machine."""
    with socket.socket() as asked:
        # As the server does: a port that was given up a moment ago is free.
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((_HOST, port))
        except OSError:
            return True
    return False


def port_of(text: str) -> int:
    """Return the port that PORT names; RuntimeError where it is none."""
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise RuntimeError(f"PORT {text}: give a whole number from 1 to 65535")
    return int(text)


def descendants(roots: list[int]) -> list[int]:
    """Return the ids of all processes that were started by some, and by those in turn."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found, waiting = [], list(roots)
    while waiting:
        parent = waiting.pop()
        started = [pid for pid, above in pairs if above == parent]
        found += started
        waiting += started
    return found


def _end(processes: list[int]) -> None:
    """Ask processes that are no children of this one to end, and end those that have not done so in time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + _STOP_S
        while any(map(_is_alive, processes)) and time.monotonic() < deadline:
            time.sleep(0.2)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Start everything, say where it is, and stop it all on Ctrl-C."""
    # A service manager's way to say Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        port = port_of(os.environ.get("PORT") or "4200")
    except RuntimeError as fault:
        sys.exit(f"make serve: {fault}.")
    print("Starting the server, the work pool, a worker and the deployments ...", flush=True)  # noqa: T201
    try:
        with LocalPrefect(_ROOT / "data" / "prefect", port=port) as local:
            lines = [
                "",
                f"  Dashboard   {local.address}",
                f"  Pool        {local.address}/work-pools/work-pool/{POOL}",
                f"  Maps        {(_ROOT / 'maps' / 'index.html').as_uri()} (after the first refresh)",
                f"  Logs        {local.state}",
                "",
                "Try it: another terminal, in this folder,",
                f"  PREFECT_API_URL={local.address}/api .venv/bin/prefect deployment run refresh/demonstration --watch",
                "",
                "Ctrl-C stops everything.",
            ]
            print("\n".join(lines), flush=True)  # noqa: T201
            local.wait()
            sys.exit(f"make serve: the server or the worker ended by itself; the logs are in {local.state}")
    except RuntimeError as fault:
        sys.exit(f"make serve: {fault}.")
    except KeyboardInterrupt:
        print("\nStopped.")  # noqa: T201


if __name__ == "__main__":
    main()
