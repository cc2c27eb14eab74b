"""exclusion places: the places that can be named."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def places(
    name: str | None = None,
    *,
    home: Path = Path(),
    inbox: Path | None = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """List councils, counties, combined authorities, care boards, regions and nations with their codes.

    Example: exclusion places north --inbox downloads

    Parameters
    ----------
    name
        Show only places whose name or code contains this text.
    home
        The folder that holds data/ and maps/.
    inbox
        A folder of files dropped in by hand, used where nothing has been retrieved yet.
    demo
        List the places of the fictional county.
    """
    from exclusion.cli.display import Display
    from exclusion.job import Job
    from exclusion.plan import prepared
    from exclusion.stages import gazetteer_of

    listing = gazetteer_of(
        prepared(Job(home=home, inbox=inbox, is_demo=demo), Display(), until="indicators")
    ).listing()
    if name:
        wanted = name.lower()
        found = listing["name"].str.lower().str.contains(wanted, regex=False) | (
            listing["code"].str.lower() == wanted
        )
        listing = listing[found]
    for row in listing.itertuples(index=False):
        print(f"{row.name:<48} {row.code:<10} {row.kind:<22} {row.areas:>6,} areas")
    if listing.empty:
        print(f"No place has '{name}' in its name.")
