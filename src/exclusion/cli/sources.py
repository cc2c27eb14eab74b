"""exclusion sources: what is retrieved from whom, how old it is, and under which licence."""

import contextlib
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from exclusion.cli.numbers import Whole

app = App(
    name="sources",
    help="What is retrieved from whom, how old it is, under which licence.",
    help_format="plaintext",
)


_WORDS = {"too_old": "too old", "by_hand": "by hand"}


@app.default
@app.command(name="list")
def listing(
    *,
    home: Path = Path(),
    demo: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """List all sources: when last retrieved, age against the publisher's rhythm, bytes, licence, status.

    Example: exclusion sources

    Parameters
    ----------
    home
        The folder that holds data/ and maps/.
    demo
        Show the fictional county's raw store.
    json
        Print every field of every source as JSON instead.
    """
    from exclusion.files import stable_json
    from exclusion.job import Job
    from exclusion.sources.status import as_rows, list_sources

    statuses = list_sources(Job(home=home, is_demo=demo).raw)
    if json:
        print(stable_json(as_rows(statuses)), end="")
        return
    print(
        f"{'source':<34} {'retrieved':<11} {'age':>6}  {'rhythm':<12} {'bytes':>12}  {'licence':<12} status"
    )
    for one in statuses:
        age = f"{one.age_days} d" if one.age_days is not None else "-"
        size = f"{one.bytes:,}" if one.bytes is not None else "-"
        pinned = " (pinned)" if one.is_pinned else ""
        print(
            f"{one.source_id:<34} {(one.retrieved_at or '-')[:10]:<11} {age:>6}  {one.cadence.replace('_', ' '):<12} "
            f"{size:>12}  {one.licence:<12} {_WORDS.get(one.status, one.status)}{pinned}"
        )


@app.command
def check(*sources: str, home: Path = Path()) -> None:
    """Ask the publishers what is new, without downloading any of it; exit 3 where none of them can be reached.

    Example: exclusion sources check lsoa21_lad23 census_ts045

    Parameters
    ----------
    sources
        The sources to ask about; all of them where none is named.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.job import Job
    from exclusion.plan import require_reached
    from exclusion.sources.status import check_sources

    checks = check_sources(Job(home=home).raw, sources or None)
    for found in checks:
        print(f"{found.source_id:<34} {found.state.replace('_', ' '):<12} {found.message}")
    require_reached((found.state, found.message) for found in checks)


@app.command
def pin(source: str, snapshot: str | None = None, *, home: Path = Path()) -> None:
    """Hold a source at one snapshot until it is unpinned.

    Example: exclusion sources pin census_ts045 3f2a9c01b7de

    Parameters
    ----------
    source
        The source's id.
    snapshot
        The first letters of the snapshot's SHA-256; the last one retrieved where it is left out.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.job import Job
    from exclusion.sources.status import pin_source

    record = pin_source(Job(home=home).raw, source, snapshot)
    print(f"{source} is held at {record.sha256[:12]}, retrieved {record.retrieved_at[:10]}.")


@app.command
def unpin(source: str, *, home: Path = Path()) -> None:
    """Let a source follow its publisher again.

    Example: exclusion sources unpin census_ts045

    Parameters
    ----------
    source
        The source's id.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.job import Job
    from exclusion.sources.status import unpin_source

    was_pinned = unpin_source(Job(home=home).raw, source)
    print(f"{source} follows its publisher again." if was_pinned else f"{source} was not pinned.")


@app.command
def prune(
    *, keep: Whole = 1, home: Path = Path(), dry: Annotated[bool, Parameter(negative=())] = False
) -> None:
    """Remove snapshots that no edition cites, that are not pinned nor among the last ones.

    Example: exclusion sources prune --dry

    Parameters
    ----------
    keep
        How many of each source's last snapshots stay in any case.
    home
        The folder that holds data/ and maps/.
    dry
        Only tell what would be removed.
    """
    from exclusion.job import Job
    from exclusion.plan import edition_store, run_lock
    from exclusion.sources.status import prune_sources

    job = Job(home=home)
    store = edition_store(job)
    # A run reads snapshots that no edition cites yet.
    with contextlib.nullcontext() if dry else run_lock(job):
        cited = {
            source["sha256"]
            for name in store.names()
            for source in store.get(name).manifest["sources"].values()
        }
        removed = prune_sources(job.raw, cited, keep=keep, is_dry=dry)
    for record in removed:
        print(f"{record.source_id} {record.sha256[:12]} {record.bytes:,} bytes")
    was = "would be" if dry else "was" if len(removed) == 1 else "were"
    print(f"{len(removed):,} snapshot{'' if len(removed) == 1 else 's'} {was} removed.")
