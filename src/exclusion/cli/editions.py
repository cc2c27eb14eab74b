"""exclusion editions: what was published, whether it is whole, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

if TYPE_CHECKING:
    from exclusion.editions.store import EditionStore

app = App(name="editions", help="List, verify and roll back what was published.", help_format="plaintext")


def _store(home: Path) -> "EditionStore":
    from exclusion.job import Job
    from exclusion.plan import edition_store

    return edition_store(Job(home=home))


@app.default
@app.command(name="list")
def listing(*, home: Path = Path()) -> None:
    """List all editions, the served one of each place marked.

    Example: exclusion editions list

    Parameters
    ----------
    home
        The folder that holds data/ and maps/.
    """
    store = _store(home)
    served = set(store.served().values())
    names = store.names()
    for name in names:
        print(f"{'*' if name in served else ' '} {name:<48} {store.get(name).label}")
    if not names:
        print("Nothing has been published yet: `exclusion run --place ...` makes the first edition.")


@app.command
def verify(name: str | None = None, *, home: Path = Path()) -> None:
    """Check every file of an edition (or of all) against its manifest; exit 1 where one differs.

    Example: exclusion editions verify

    Parameters
    ----------
    name
        The edition; all of them where it is left out.
    home
        The folder that holds data/ and maps/.
    """
    store = _store(home)
    names = [name] if name else store.names()
    faults = [fault for each in names for fault in store.faults(each)]
    for fault in faults:
        print(fault)
    print(f"{len(names)} editions checked, {len(faults)} faults.")
    if faults:
        raise SystemExit(1)


@app.command
def rollback(place: str, *, to: str | None = None, home: Path = Path()) -> None:
    """Serve an earlier edition of a place again.

    Example: exclusion editions rollback northumberland

    Parameters
    ----------
    place
        The place as it stands in front of an edition's name (northumberland).
    to
        The edition to serve; the one before the present one where it is left out.
    home
        The folder that holds data/ and maps/.
    """
    edition = _store(home).rollback(place, to)
    print(f"Now serving {edition.name}.")
