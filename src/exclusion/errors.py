"""Errors for the person who must act: what was wrong, where, and what to do next."""

from pathlib import Path


class ExclusionError(Exception):
    """A mistake or a fault that the user can mend; its message is one clear sentence (what, where, what to do).

    The command line prints the message without a traceback and exits with `exit_code`.
    """

    exit_code = 1


class InputError(ExclusionError, ValueError):
    """What the user asked for cannot be done as asked: an unknown place, a wrong option, a bad spec."""

    exit_code = 2


class SourceError(ExclusionError, RuntimeError):
    """A publisher's data cannot be had or cannot be trusted; names the source, and the file, row or key."""

    exit_code = 3


class ContractError(ExclusionError, ValueError):
    """A table breaks its contract; names the table, the column and the first offending keys."""

    exit_code = 4


class GateError(ExclusionError, RuntimeError):
    """An edition did not pass a publish gate, so the last good one stays in place; `report` says what to do."""

    exit_code = 5

    def __init__(self, message: str, report: Path | None = None) -> None:
        super().__init__(message)
        self.report = report
