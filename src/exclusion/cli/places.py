"""exclusion places: the places that can be named."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from exclusion.geography.spines import Spine


def places(
    name: str | None = None,
    *,
    home: Path = Path(),
    inbox: Path | None = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """List councils, counties, combined authorities, care boards, regions and nations with their codes.

    Places of Scotland and Northern Ireland, which are ranked by themselves, stand last; a name of theirs, such as
    `exclusion places Scotland`, lists that nation with its areas.

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
    from exclusion.geography.spines import default_spine, spine_of_places
    from exclusion.job import Job
    from exclusion.plan import prepared
    from exclusion.stages import gazetteer_of

    spine = spine_of_places((name,) if name and not demo else ())
    wanted_places = (str(name),) if spine != default_spine() else ()
    job = Job(home=home, inbox=inbox, is_demo=demo, places=wanted_places)
    listing = gazetteer_of(prepared(job, Display(), until="indicators")).listing()
    here = [(row.name, row.code, row.kind, f"{row.areas:,}") for row in listing.itertuples(index=False)]
    wanted = (name or "").lower()
    # The name of a nation that is ranked by itself asks for all of its places.
    is_nation = bool(wanted_places) and wanted in {nation.lower() for nation in spine.nations}
    rows = here if is_nation or demo else here + _elsewhere(spine)
    shown = [row for row in rows if is_nation or wanted in row[0].lower() or wanted == row[1].lower()]
    for label, code, kind, areas in shown:
        print(f"{label:<48} {code:<10} {kind:<22} {areas:>6} areas")
    if not shown:
        print(f"No place has '{name}' in its name.")


def _elsewhere(spine: "Spine") -> list[tuple[str, str, str, str]]:
    """Return nations and councils of the spines that are not at hand; how many areas a council has is not known yet."""
    from exclusion.geography.spines import spines

    found = []
    for other in spines().values():
        if other.id == spine.id or not other.sources:
            continue
        found += [(nation, "", "nation by itself", f"{other.areas:,}") for nation in other.nations]
        found += [(name, code, f"council, {other.label}", "-") for code, name in other.councils.items()]
    return found
