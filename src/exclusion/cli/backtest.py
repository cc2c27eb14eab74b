"""exclusion backtest: how well the estimate ranks areas it has not seen."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def backtest(*, demo: Annotated[bool, Parameter(negative=())] = False, home: Path = Path()) -> None:
    """Print the back-test of the last run: the estimate and the peer against observed behaviour.

    Example: exclusion backtest

    Parameters
    ----------
    demo
        Show the fictional county's.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.stages import backtest_lines

    print("\n".join(backtest_lines(last_files(Job(home=home, is_demo=demo), until="index"))))
