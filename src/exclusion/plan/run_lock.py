"""The lock of a home folder: one run at a time works in it, and whoever else comes is told who does."""

import contextlib
import datetime as dt
import getpass
import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from exclusion.errors import InputError
from exclusion.files import clear_parts, stable_json, write_text
from exclusion.job import Job

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def run_lock(job: Job, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the home folder for one run at a time; InputError names who holds it and since when.

    Another run is waited for `wait_s` seconds at most. The system lets go of the lock of a process that was killed.
    """
    from filelock import FileLock, Timeout

    job.processed.mkdir(parents=True, exist_ok=True)
    holder = job.processed / ".run.json"
    lock = FileLock(job.processed / ".run.lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait_s <= 0:
                raise
            _LOG.info(
                "Another run is at work in this folder (%s): waiting up to %.0f minutes for it to end.",
                _holder_text(holder),
                wait_s / 60,
            )
            lock.acquire(timeout=wait_s)
    except Timeout:
        raise InputError(
            f"Another run is at work in this folder ({_holder_text(holder)}); wait until it ends."
        ) from None
    try:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {
            "process": os.getpid(),
            "started": now,
            "user": user_name(),
            "machine": socket.gethostname(),
        }
        write_text(holder, stable_json(record))
        _clear_steps(job.processed / "steps")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _clear_steps(store: Path) -> None:
    """Clear what a run that was killed left in the steps: while the folder is held, nobody else is at work on one."""
    for left in store.glob("*/*/.staging-*"):
        shutil.rmtree(left, ignore_errors=True)
    for folder in store.glob("*/*"):
        clear_parts(folder / "last.json")


def _holder_text(holder: Path) -> str:
    try:
        record = json.loads(holder.read_text(encoding="utf-8"))
        age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(record["started"])
        # A clock that was set back makes an age of less than nothing.
        minutes = max(0, int(age.total_seconds() // 60))
        return (
            f"process {record['process']} of {record['user']} on {record['machine']}, "
            f"for {minutes} minute{'' if minutes == 1 else 's'}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "process unknown"


def user_name() -> str:
    """Return who runs this, as the machine knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
