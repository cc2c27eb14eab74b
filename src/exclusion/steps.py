"""Steps: which are stale and why, and how one is carried out.

A step is fresh when its fingerprint (hashes of its inputs, hash of the code that matters, its parameters, and one
epoch number) is on record and every output's own hash still matches. Both drivers use this module: `exclusion run`
and the Prefect flow. Steps hand each other files; an unchanged output stops the staleness from spreading.
"""

import contextlib
import ctypes
import functools
import gc
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from exclusion.errors import ExclusionError, InputError
from exclusion.files import sha256_of, sha256_of_parts, stable_json, write_text

# Raise by one to have everything made anew, whatever the fingerprints say.
EPOCH = 1

_RECORD = "step.json"

_TELL: ContextVar[Callable[[str], None] | None] = ContextVar("tell", default=None)


@contextlib.contextmanager
def telling(tell: Callable[[str], None]) -> Iterator[None]:
    """Have what a step says of its progress handed to `tell`, one line that replaces the last."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def progress_of(title: str) -> Callable[[int, int, float], None]:
    """Return a function of done, asked for and seconds left that tells how far a step is; it may be called in threads."""
    tell = _TELL.get()

    def show(done: int, asked: int, seconds_left: float) -> None:
        if tell is not None:
            full = round(20 * done / asked)
            left = f"about {seconds_left:.0f} s left" if done < asked else "done"
            tell(f"{title} {'━' * full}{'╌' * (20 - full)} {done:,} of {asked:,}, {left}")

    return show


@dataclass(frozen=True)
class Artefact:
    """One output file of a step: where it is and what it holds."""

    name: str
    path: Path
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Step:
    """One step of the plan.

    `build` gets the input files by name and an empty folder, and writes files into it: all of `outputs`, and any
    more it has. `rooms` are the parts of the package whose code decides the result. `external` are input files that
    no step makes, by name.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    rooms: tuple[str, ...]
    outputs: tuple[str, ...]
    build: Callable[[Mapping[str, Path], Path], None]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class StepState:
    """What was found of a step: fresh, or stale and why."""

    name: str
    title: str
    is_fresh: bool
    reason: str


@dataclass(frozen=True)
class StepResult:
    """What came out of a step: whether it was made now, and its files."""

    name: str
    is_made: bool
    artefacts: tuple[Artefact, ...]

    @property
    def files(self) -> dict[str, Path]:
        """The path of each artefact by its name."""
        return {artefact.name: artefact.path for artefact in self.artefacts}

    def as_json(self) -> dict[str, Any]:
        """Return a small JSON-able form, paths as text."""
        files = {a.name: {"path": str(a.path), "sha256": a.sha256, "bytes": a.bytes} for a in self.artefacts}
        return {"step": self.name, "is_made": self.is_made, "files": files}


class Steps:
    """An ordered list of steps over one store of step outputs."""

    def __init__(self, steps: list[Step], store: Path) -> None:
        """Take the steps in order, each after the steps it needs, and the folder of their outputs."""
        seen: set[str] = set()
        for step in steps:
            unknown = set(step.needs) - seen
            if unknown or step.name in seen:
                raise ValueError(f"step {step.name}: doubled, or needs {sorted(unknown)} which come later")
            seen.add(step.name)
            # Taken before any work: files that are replaced while a run is at work are not those that it carries out.
            code_hash(step.rooms)
        self.steps = {step.name: step for step in steps}
        self._store = store
        self._fresh: dict[str, tuple[Artefact, ...]] = {}

    def states(self) -> list[StepState]:
        """Return for each step whether it is fresh, and if not why."""
        found: list[StepState] = []
        stale: set[str] = set()
        for step in self.steps.values():
            waiting = [need for need in step.needs if need in stale]
            if waiting:
                stale.add(step.name)
                found.append(
                    StepState(step.name, step.title, is_fresh=False, reason=f"after {', '.join(waiting)}")
                )
                continue
            parts = self._parts(step)
            artefacts, reason = self._check(step, parts)
            if artefacts is None:
                stale.add(step.name)
                found.append(StepState(step.name, step.title, is_fresh=False, reason=reason))
            else:
                self._fresh[step.name] = artefacts
                found.append(StepState(step.name, step.title, is_fresh=True, reason="unchanged"))
        return found

    def result(self, name: str) -> StepResult:
        """Return the recorded outputs of a fresh step; ExclusionError where it must run first."""
        artefacts = self._fresh.get(name)
        if artefacts is None:
            step = self.steps[name]
            for need in step.needs:
                self.result(need)
            artefacts, reason = self._check(step, self._parts(step))
            if artefacts is None:
                raise ExclusionError(f"Step '{name}' has to run first: {reason}.")
            self._fresh[name] = artefacts
        return StepResult(name, is_made=False, artefacts=artefacts)

    def execute(self, name: str) -> StepResult:
        """Make a step's outputs unless they are fresh; its needs must be fresh already."""
        step = self.steps[name]
        for need in step.needs:
            self.result(need)
        parts = self._parts(step)
        artefacts, _ = self._check(step, parts)
        if artefacts is not None:
            self._fresh[name] = artefacts
            self._remember(step, parts)
            return StepResult(name, is_made=False, artefacts=artefacts)
        with self._staging(step) as staging:
            step.build(self._inputs(step), staging)
            artefacts = self._record(step, parts, staging)
        give_back_memory()
        self._fresh[name] = artefacts
        self._remember(step, parts)
        return StepResult(name, is_made=True, artefacts=artefacts)

    def _inputs(self, step: Step) -> dict[str, Path]:
        inputs = {name: Path(path) for name, path in step.external.items()}
        for need in step.needs:
            inputs |= {artefact.name: artefact.path for artefact in self._fresh[need]}
        return inputs

    def _parts(self, step: Step) -> dict[str, Any]:
        """Return all that the fingerprint is made of, so that a difference can be named."""
        inputs = {name: _hash_once(Path(path)) for name, path in step.external.items()}
        for need in step.needs:
            inputs |= {artefact.name: artefact.sha256 for artefact in self._fresh[need]}
        return {
            "epoch": EPOCH,
            "code": code_hash(step.rooms),
            "parameters": json.loads(stable_json(dict(step.parameters))),
            "inputs": inputs,
        }

    def _folder(self, step: Step, parts: Mapping[str, Any]) -> Path:
        return self._store / step.name / sha256_of_parts([stable_json(parts)])[:16]

    def _check(self, step: Step, parts: Mapping[str, Any]) -> tuple[tuple[Artefact, ...] | None, str]:
        """Return the artefacts of a fresh step, or None and the reason why it is stale."""
        folder = self._folder(step, parts)
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            recorded = record["outputs"]
        except FileNotFoundError:
            return None, self._why(step, parts)
        except (ValueError, KeyError, OSError):
            return None, "its record is damaged"
        artefacts = []
        for name in sorted({*step.outputs, *recorded}):
            path = folder / name
            if name not in recorded or not path.is_file():
                return None, f"output {name} is missing"
            if path.stat().st_size != recorded[name]["bytes"] or _hash_once(path) != recorded[name]["sha256"]:
                return None, f"output {name} was altered"
            artefacts.append(Artefact(name, path, recorded[name]["sha256"], recorded[name]["bytes"]))
        return tuple(artefacts), ""

    def _why(self, step: Step, parts: Mapping[str, Any]) -> str:
        """Compare with the last run of the step and name what differs."""
        try:
            last = json.loads((self._store / step.name / "last.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return "never made"
        if last.get("epoch") != parts["epoch"]:
            return "the epoch was raised"
        reasons = [
            f"{kind[:-1]} {key} {'changed' if key in old and key in new else 'is new' if key in new else 'is gone'}"
            for kind in ("inputs", "parameters")
            for old, new in [(last.get(kind, {}), parts[kind])]
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        ]
        if last.get("code") != parts["code"]:
            reasons.append("its code changed")
        shown = "; ".join(reasons[:3]) + (f"; and {len(reasons) - 3} more" if len(reasons) > 3 else "")
        return shown or "its outputs were removed"

    @contextlib.contextmanager
    def _staging(self, step: Step) -> Iterator[Path]:
        staging = self._store / step.name / f".staging-{os.getpid()}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _record(self, step: Step, parts: Mapping[str, Any], staging: Path) -> tuple[Artefact, ...]:
        """Check that all outputs are there, write the record and move the folder into place."""
        missing = [name for name in step.outputs if not (staging / name).is_file()]
        if missing:
            raise RuntimeError(f"step {step.name} did not write {', '.join(missing)}")
        folder = self._folder(step, parts)
        files = sorted(path for path in staging.rglob("*") if path.is_file())
        made = [
            Artefact(
                name=path.relative_to(staging).as_posix(),
                path=folder / path.relative_to(staging),
                sha256=sha256_of(path),
                bytes=path.stat().st_size,
            )
            for path in files
        ]
        outputs = {one.name: {"sha256": one.sha256, "bytes": one.bytes} for one in made}
        write_text(staging / _RECORD, stable_json({"step": step.name, **parts, "outputs": outputs}))
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
        return tuple(made)

    def _remember(self, step: Step, parts: Mapping[str, Any]) -> None:
        write_text(self._store / step.name / "last.json", stable_json(dict(parts)))


@functools.cache
def code_hash(rooms: tuple[str, ...]) -> str:
    """Return one hash over all files of the named rooms (packages or modules of `exclusion`), tests and caches apart."""
    root = resources.files("exclusion")
    parts: list[str | bytes] = []
    for room in ("errors", "files", *sorted(rooms)):
        base = Path(str(root.joinpath(room)))
        files = (
            sorted(base.rglob("*")) if base.is_dir() else [base if base.suffix else base.with_suffix(".py")]
        )
        for path in files:
            if (
                path.is_file()
                and "__pycache__" not in path.parts
                and path.suffix not in {".pyc", ".nbi", ".nbc"}
            ):
                parts += [path.relative_to(Path(str(root))).as_posix(), path.read_bytes()]
    return sha256_of_parts(parts)


_HASHES: dict[tuple[str, int, int], str] = {}


def give_back_memory() -> None:
    """Return what a step has freed to the system.

    The allocator keeps it otherwise, in holes that the next step's large arrays do not fit into: at the size of a
    nation that is most of a gigabyte. Where the C library has no such call, nothing is done.
    """
    gc.collect()
    if (pyarrow := sys.modules.get("pyarrow")) is not None:
        pyarrow.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _hash_once(path: Path) -> str:
    """Hash a file once a process for each size and time of change; InputError for a file that is not there."""
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from None
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if key not in _HASHES:
        _HASHES[key] = sha256_of(path)
    return _HASHES[key]
