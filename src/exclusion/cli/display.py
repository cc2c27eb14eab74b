"""One progress display: a line for each thing that is being done, on the terminal only."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

# Where no line can be replaced, progress is told this often.
_STEP_SECONDS = 3.0


class Display:
    """Tell on stderr what is being done; a spinner with the time on a terminal, plain lines elsewhere."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        """Write nothing at all where `is_quiet`."""
        from rich.console import Console

        self._is_quiet = is_quiet
        self.console = Console(file=sys.stderr, highlight=False)
        self._status: Any = None
        self._last_step = 0.0

    @contextlib.contextmanager
    def doing(self, title: str) -> Iterator[None]:
        """Show a title while something runs, then how long it took."""
        if self._is_quiet:
            yield
            return
        started = time.perf_counter()
        if self.console.is_terminal:
            with self.console.status(f"{title} ...") as self._status:
                yield
            self._status = None
        else:
            yield
        self.console.print(f"  {title:<44} {time.perf_counter() - started:6.1f} s", markup=False)

    def detail(self, text: str) -> None:
        """Replace the line under way by a more exact one (a file being fetched, a percentage)."""
        if self._status is not None:
            self._status.update(text.replace("[", r"\["))

    def step(self, text: str) -> None:
        """Tell of progress within long work: a line on a terminal that is replaced, elsewhere one every few seconds."""
        if self._is_quiet:
            return
        if self._status is not None:
            self.detail(text)
        elif time.perf_counter() - self._last_step >= _STEP_SECONDS:
            self._last_step = time.perf_counter()
            self.note(text)

    def note(self, text: str) -> None:
        """Print one line that stays."""
        if not self._is_quiet:
            self.console.print(f"  {text}", markup=False, soft_wrap=True)
