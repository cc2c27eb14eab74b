"""HiGHS at arm's length: sparse linear models solved in a child process with a hard stop."""

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

import numpy as np
import numpy.typing as npt

from exclusion.errors import ExclusionError
from exclusion.siting.highs_process import receive, send

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearModel:
    """Hold max objective x, row_lower <= A x <= row_upper, lower <= x <= upper, with A in sparse rows.

    `integrality` is 1 where a column must be whole.
    """

    objective: Floats
    lower: Floats
    upper: Floats
    integrality: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int32]
    data: Floats
    row_lower: Floats
    row_upper: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """Hold what HiGHS said; `values` is None where it found nothing.

    `status` is "optimal", "infeasible", "stopped" (by its own limit) or "killed" (by ours).
    """

    status: str
    objective: float
    bound: float
    values: Floats | None
    duals: Floats | None
    nodes: int
    cpu_seconds: float
    wall_seconds: float
    version: str


class SolverProcess:
    """Keep one child process for several solves; use as a context manager."""

    def __init__(self, *, grace_seconds: float = 10.0, seed: int = 1) -> None:
        self._grace_seconds = grace_seconds
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.cpu_seconds = 0.0
        self._cpu_of_child = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the child process, if one runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._messages = queue.Queue()
            self._cpu_of_child = 0.0
            process = subprocess.Popen(
                [sys.executable, "-m", "exclusion.siting.highs_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            messages = self._messages

            def listen() -> None:
                with contextlib.suppress(ValueError, OSError):
                    while (message := receive(cast("BinaryIO", process.stdout))) is not None:
                        messages.put(message)
                messages.put(None)

            threading.Thread(target=listen, daemon=True).start()
            self._process = process
        return self._process

    def solve(
        self,
        model: LinearModel,
        *,
        seconds: float,
        start: Floats | None = None,
        options: dict[str, Any] | None = None,
        progress: Progress = silent,
    ) -> Answer:
        """Solve one model; whatever HiGHS does, an answer comes within `seconds` and the grace time.

        Raises ExclusionError where the child process ends by itself (out of memory, say).
        """
        process = self._start()
        began = time.monotonic()
        task = {
            "model": vars(model),
            "seconds": seconds,
            "start": start,
            "seed": self._seed,
            "options": options or {},
        }
        try:
            send(cast("BinaryIO", process.stdin), task)
        except BrokenPipeError:
            self.stop()
            raise _lost() from None
        best: dict[str, Any] | None = None
        while True:
            left = began + seconds + self._grace_seconds - time.monotonic()
            try:
                message = self._messages.get(timeout=max(left, 0.001))
            except queue.Empty:
                self.stop()
                return _stopped(best, time.monotonic() - began)
            if message is None:
                self.stop()
                raise _lost()
            if message["kind"] == "found":
                best = message
                progress(
                    f"exact search: {message['objective']:,.0f} found, at most {message['bound']:,.0f} possible"
                    f" ({time.monotonic() - began:.0f} s)"
                )
                continue
            spent = message["cpu_seconds"] - self._cpu_of_child
            self._cpu_of_child = message["cpu_seconds"]
            self.cpu_seconds += spent
            return _answer(message, spent, time.monotonic() - began)


def _lost() -> ExclusionError:
    return ExclusionError(
        "The exact solver's process ended without an answer, most likely for lack of memory: ask for a search without"
        " exact proof, lower the limit in minutes, or take a smaller place."
    )


def _stopped(best: dict[str, Any] | None, wall: float) -> Answer:
    return Answer(
        status="killed",
        objective=best["objective"] if best else -np.inf,
        bound=best["bound"] if best else np.inf,
        values=best["values"] if best else None,
        duals=None,
        nodes=0,
        cpu_seconds=0.0,
        wall_seconds=wall,
        version="",
    )


def _answer(message: dict[str, Any], cpu: float, wall: float) -> Answer:
    name = message["status"]
    status = {"Optimal": "optimal", "Infeasible": "infeasible"}.get(name, "stopped")
    is_given = message["is_feasible"] and len(message["values"])
    return Answer(
        status=status,
        objective=message["objective"],
        bound=message["bound"],
        values=message["values"] if is_given else None,
        duals=message["duals"] if len(message["duals"]) else None,
        nodes=message["nodes"],
        cpu_seconds=cpu,
        wall_seconds=wall,
        version=message["version"],
    )
