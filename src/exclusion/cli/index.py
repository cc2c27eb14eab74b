"""exclusion index: check an index specification before it is used."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="index", help="Check an index specification.", help_format="plaintext")


@app.command
def check(
    spec: str = "default",
    *,
    measured: Annotated[bool, Parameter(negative=())] = False,
    demo: Annotated[bool, Parameter(negative=())] = False,
    home: Path = Path(),
) -> None:
    """Print a specification's tree, its weights as stated and every warning; exit 2 where it is not valid.

    Example: exclusion index check default --measured --demo

    Parameters
    ----------
    spec
        The name of a shipped specification (default, deri, imd2025) or a path to a TOML file.
    measured
        Also build it on the tables of the last run, and print beside each weight how much of the ranking it moves.
    demo
        With --measured: use the fictional county's tables.
    home
        With --measured: the folder that holds data/ and maps/.
    """
    from exclusion.index.check import check_text
    from exclusion.index.spec import load_spec

    found = load_spec(spec)
    if not measured:
        print(check_text(found), end="")
        print(
            "With --measured it is also built on the last run, to see how much of the ranking each part moves."
        )
        return
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.stages import built_on

    files = last_files(Job(home=home, is_demo=demo), until="access")
    print(check_text(found, built_on(found, files)), end="")


@app.command
def budget(
    spec: str = "default",
    *,
    minutes: float = 10.0,
    demo: Annotated[bool, Parameter(negative=())] = False,
    home: Path = Path(),
) -> None:
    """Tell how thoroughly a time allows to find what drives the ranks, as a number to give to `exclusion run`.

    A few versions of the index are timed on this machine. The number is declared and goes into the edition's record, so
    that a run gives the same bytes on every machine, which a time would not.

    Example: exclusion index budget --minutes 5 --demo

    Parameters
    ----------
    spec
        The name of a shipped specification or a path to a TOML file.
    minutes
        How long the analysis may take here.
    demo
        Use the fictional county's tables.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.errors import InputError
    from exclusion.index.sensitivity import budget_within
    from exclusion.index.spec import load_spec
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.stages import built_on, index_input

    if not 0 < minutes < float("inf"):
        raise InputError(f"--minutes {minutes:g}: give a time above zero.")
    files = last_files(Job(home=home, is_demo=demo), until="access")
    found = budget_within(built_on(load_spec(spec), files), index_input(files), 60.0 * minutes)
    print(
        f"exclusion run --sensitivity-base {found.base}: {found.versions:,} versions of the index, "
        f"about {found.seconds / 60:.1f} minutes here."
    )
    if found.seconds > 60.0 * minutes:
        print(f"That is the least there is, and takes longer than {minutes:g} minutes.")
