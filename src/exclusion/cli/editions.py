"""exclusion editions: what was published, whether it is whole, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from exclusion.cli.numbers import Whole

if TYPE_CHECKING:
    from exclusion.editions.store import EditionStore

app = App(
    name="editions",
    help="List, show, verify, roll back and prune what was published.",
    help_format="plaintext",
)


def _store(home: Path) -> "EditionStore":
    from exclusion.job import Job
    from exclusion.plan import edition_store

    return edition_store(Job(home=home))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
        print(f"{'*' if name in served else ' '} {name:<48} {_label(store, name)}")
    if not names:
        print("Nothing has been published yet: `exclusion run --place ...` makes the first edition.")


def _label(store: "EditionStore", name: str) -> str:
    from exclusion.errors import ExclusionError

    try:
        return store.get(name).label
    except ExclusionError as fault:
        return str(fault)


@app.command
def show(name: str | None = None, *, home: Path = Path()) -> None:
    """Show what an edition is made from, how it passed its gates, and what is in it.

    Example: exclusion editions show northumberland-0a1b2c3d4e

    Parameters
    ----------
    name
        The edition, or a place (its served edition); the only place served where it is left out.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.errors import InputError

    store = _store(home)
    served = store.served()
    if name is None:
        if len(served) != 1:
            raise InputError(f"Name an edition or a place; served: {', '.join(sorted(served)) or 'nothing'}.")
        name = next(iter(served))
    edition = store.get(store.named(name))
    facts = edition.manifest
    made, spec = facts.get("made_with", {}), facts.get("spec", {})
    is_served = "served" if edition.name in served.values() else "not served"
    print(f"{edition.name}: {edition.label}, {facts['areas']:,} areas, {facts['date_text']}; {is_served}")
    print(f"Specification {spec.get('spec_id')} {spec.get('spec_version')}, {spec.get('spec_hash', '')[:12]}")
    print(
        f"Made with exclusion {made.get('exclusion')} (code {made.get('code', '')[:12]}), Python {made.get('python')}"
    )
    for text in facts["backtest"]:
        print(f"Back-test: {text}")
    print("\nGates:")
    for gate in facts["gates"]:
        accepted = f" by {gate['accepted_by']}: {gate['why']} ({gate['fault']})" if "why" in gate else ""
        print(f"  {gate['gate']:<24} {gate['state']}{accepted}")
    print("\nSources:")
    for source_id, source in sorted(facts["sources"].items()):
        print(f"  {source_id:<34} {source['sha256'][:12]}  {source['vintage']:<24} {source['licence']}")
    files = [(n, r) for kind in ("pages", "tables") for n, r in sorted(facts["outputs"][kind].items())]
    print(f"\n{len(files)} files, {sum(record['bytes'] for _, record in files):,} bytes:")
    for file, record in files:
        print(f"  {record['sha256'][:12]}  {record['bytes']:>12,}  {file}")


@app.command
def prune(
    *,
    keep: Whole = 5,
    place: str | None = None,
    home: Path = Path(),
    dry: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Remove the oldest editions of each place; the one that is served always stays.

    Example: exclusion editions prune --keep 3 --dry

    Parameters
    ----------
    keep
        How many editions of each place stay.
    place
        Only this place, as it stands in front of an edition's name.
    home
        The folder that holds data/ and maps/.
    dry
        Only tell what would be removed.
    """
    gone = _store(home).prune(keep=keep, slug=place, is_dry=dry)
    for name in gone:
        print(name)
    were = "would be" if dry else "was" if len(gone) == 1 else "were"
    print(f"{_counted(len(gone), 'edition')} {were} removed.")


@app.command
def verify(name: str | None = None, *, home: Path = Path()) -> None:
    """Check every file of an edition (or of all) against its manifest; exit 1 where one is missing or was altered.

    Example: exclusion editions verify

    Parameters
    ----------
    name
        The edition, or a place (its served edition); all editions where it is left out.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.errors import InputError

    store = _store(home)
    names = store.names() if name is None else [store.named(name)]
    if not names:
        raise InputError(
            f"There is no edition in {home / 'maps'}: give the folder that holds maps/ with --home."
        )
    faults = [fault for each in names for fault in store.faults(each)]
    for fault in faults:
        print(fault)
    print(f"{_counted(len(names), 'edition')} checked, {_counted(len(faults), 'fault')}.")
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
