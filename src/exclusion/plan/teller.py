"""Whoever tells the user what is being done: the command line's display, or nobody."""

import contextlib
from typing import Protocol


class Teller(Protocol):
    """Whoever tells the user what is being done."""

    def doing(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Show a title while something runs."""

    def detail(self, text: str) -> None:
        """Replace the line under way by a more exact one."""

    def note(self, text: str) -> None:
        """Print one line that stays."""
