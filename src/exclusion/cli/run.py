"""exclusion run and exclusion plan: the whole job, and what it would do."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from exclusion.cli.numbers import Number, Whole

if TYPE_CHECKING:
    from exclusion.job import Job
    from exclusion.plan import Outcome

# The options that describe a job, shared by both commands.
Places = Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())]
Flag = Annotated[bool, Parameter(negative=())]
Engine = Literal["auto", "roads", "friction", "straight"]
_OPTIONS = {
    "places": "--place", "as_of": "--as-of",
    "inbox": "--inbox", "spec": "--spec", "draws": "--draws", "sensitivity_base": "--sensitivity-base", "reference": "--reference", "target": "--target", "choose": "--choose",
    "within_min": "--within", "venues": "--venues", "roads": "--roads", "engine": "--engine", "home": "--home", "keep": "--keep",
    "accept": "--accept", "why": "--why", "publisher": "--publisher", "contact": "--contact",
}  # fmt: skip


def run(
    *,
    place: Places = None,
    inbox: Path | None = None,
    demo: Flag = False,
    offline: Flag = False,
    as_of: dt.date | None = None,
    spec: str = "default",
    draws: Whole | None = None,
    sensitivity_base: Whole | None = None,
    reference: str | None = None,
    target: str | None = None,
    choose: Whole = 5,
    within: Number = 20.0,
    venues: Path | None = None,
    roads: Path | None = None,
    engine: Engine = "auto",
    accept: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    why: str = "",
    publisher: str = "",
    contact: str = "",
    home: Path = Path(),
    keep: Whole = 5,
    quiet: Flag = False,
) -> None:
    """Pull, join, score and publish a place; only what is stale is made anew.

    Example: exclusion run --place Northumberland --inbox downloads

    Parameters
    ----------
    place
        A council, county, combined authority, care board, region or nation, by name or by code of any vintage; or a
        CSV of LSOA 2021 codes. May be given several times. Places of Scotland and of Northern Ireland are ranked within
        their own nation (Data Zones) and never together with others.
    inbox
        A folder of files dropped in by hand: a file that a source's name pattern matches is used in place of a
        download (for councils behind a firewall).
    demo
        Run on the fictional county, from its own publishers' server on this machine. Needs no network.
    offline
        Ask no publisher; use what has been retrieved and the inbox.
    as_of
        A day of the past (2026-05-31): make an edition of the copies that were held then. It is put beside the others and
        is not served.
    spec
        The index specification: default (each nation its own), deri, or a path to a TOML file (see `exclusion index check`).
    draws
        How many plausible versions of the index to draw; 10000 for a release. The specification's own number (2000)
        where it is left out.
    sensitivity_base
        How thoroughly to find what drives the ranks: 64, 128 and so on up to 8192; set by the number of areas where it is
        left out. `exclusion index budget --minutes` tells what fits into a time on your machine.
    reference
        An earlier edition by its name (see `exclusion editions list`), or its reference.npz: risk is also scored against
        it, and every change is split into data, reference, method and geography.
    target
        Who counts as offline: census_paper_2021, not_used_three_months_2020, no_home_internet_2025 (used unless another
        is asked for), offline_2024 or lacks_foundation_2024. Lists and maps name the definition that they show.
    choose
        How many new venues to propose.
    within
        Minutes within which help counts as reachable; the last minute counts.
    venues
        Your own venue file (CSV, XLSX, GeoJSON, GeoPackage) as further candidates.
    roads
        A road extract of the place (OpenStreetMap, .osm.pbf), in place of one from the inbox or from Geofabrik.
    engine
        What measures travel times: roads (along the extract's roads), friction (the same roads on a grid of 100 m),
        straight (line, detours and speeds declared), or auto: roads where an extract covers the place, else straight.
    accept
        Sources whose new file may rightly be smaller by a third or more than the last one; or publish gates whose
        failure you have looked at and take, with --why.
    why
        Why a gate's failure is accepted; goes into the edition's manifest with your user name.
    publisher
        The body that publishes the edition ("Northumberland County Council"), for its entry in an open-data portal.
    contact
        The e-mail address of that body, for the same entry.
    home
        The folder that holds data/ and maps/.
    keep
        How many editions of a place to keep.
    quiet
        Print only the summary.
    """
    from exclusion.cli.display import Display
    from exclusion.plan import run_job

    job = _requested(
        places=tuple(place or ()), inbox=inbox, is_demo=demo, is_offline=offline, as_of=as_of, spec=spec, draws=draws,
        sensitivity_base=sensitivity_base,
        reference=reference, target=target, choose=choose, within_min=within, venues=venues, roads=roads, engine=engine,
        home=home, keep=keep, accept=accept, why=why, publisher=publisher, contact=contact,
    )  # fmt: skip
    outcome = run_job(job, Display(is_quiet=quiet))
    print("\n".join(_summary(outcome)))


def plan(
    *,
    place: Places = None,
    inbox: Path | None = None,
    demo: Flag = False,
    spec: str = "default",
    draws: Whole | None = None,
    sensitivity_base: Whole | None = None,
    reference: str | None = None,
    target: str | None = None,
    choose: Whole = 5,
    within: Number = 20.0,
    venues: Path | None = None,
    roads: Path | None = None,
    engine: Engine = "auto",
    publisher: str = "",
    contact: str = "",
    home: Path = Path(),
) -> None:
    """Tell which steps are stale and why, from what has been retrieved; nothing is fetched or made.

    Example: exclusion plan --place Northumberland --inbox downloads

    Parameters
    ----------
    place
        As for `exclusion run`.
    inbox
        As for `exclusion run`.
    demo
        As for `exclusion run`.
    spec
        As for `exclusion run`.
    draws
        As for `exclusion run`.
    sensitivity_base
        As for `exclusion run`.
    reference
        As for `exclusion run`.
    target
        As for `exclusion run`.
    choose
        As for `exclusion run`.
    within
        As for `exclusion run`.
    venues
        As for `exclusion run`.
    roads
        As for `exclusion run`.
    engine
        As for `exclusion run`.
    publisher
        As for `exclusion run`.
    contact
        As for `exclusion run`.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.plan import open_steps

    job = _requested(
        places=tuple(place or ()), inbox=inbox, is_demo=demo, is_offline=True, spec=spec, draws=draws,
        sensitivity_base=sensitivity_base,
        reference=reference, target=target, choose=choose, within_min=within, venues=venues, roads=roads, engine=engine,
        publisher=publisher, contact=contact, home=home,
    )  # fmt: skip
    for state in open_steps(job).states():
        print(f"{state.name:<12} {'fresh' if state.is_fresh else 'stale':<6} {state.reason}")


def _requested(**choices: Any) -> "Job":
    from exclusion.request import requested_job

    return requested_job(choices, _OPTIONS, is_for_place=True)


def _summary(outcome: "Outcome") -> list[str]:
    """Return the end-of-run summary as lines."""
    edition, facts = outcome.edition, outcome.edition.manifest
    census = facts.get("spine", {}).get("census", "Census 2021")
    lines = ["", f"{edition.label}: {facts['areas']:,} areas, {facts['residents']:,} residents ({census})"]
    if facts["notice"]:
        lines.append(facts["notice"])
    lines.append(
        f"People offline (estimate): {facts['people_offline']:,} of {facts['adults']:,} adults, "
        f"between {facts['people_offline_low']:,} and {facts['people_offline_high']:,} if the national level holds"
    )
    lines.append(f"Offline here means: {facts['definition']}.")
    lines += [f"Back-test: {text}" for text in facts["backtest"]]
    lines += facts["rural_effect"]
    lines += ["", "Areas most at risk of exclusion (exclusion rank, risk rank, people offline):"]
    for row in facts["top_areas"]:
        lines.append(
            f"  {row['position']:>2}. {row['name']:<44} {row['lsoa21cd']}  {_rank(row['exclusion_rank'])}  "
            f"{_rank(row['risk_rank'])}  {row['people_offline']:>5,}"
        )
    lines += facts["certainty"] + facts["change"]
    lines += ["", "Venues:", *(f"  {text}" for text in facts["plan"])]
    lines += ["", *facts["travel"]["sentences"]]
    lines += ["", f"Sources: {len(facts['sources'])} used; {outcome.sources_text}"]
    lines += [f"  - {text}" for text in facts["stand_ins"]]
    made = ", ".join(outcome.made) or "nothing (all fresh)"
    lines += ["", f"Made now: {made}. Files: {outcome.files} in {edition.folder}"]
    if outcome.is_served:
        lines.append(f"Open {outcome.front_page}")
    else:
        page = (edition.folder / facts["map_pages"][0]["href"]).resolve()
        lines.append(f"This edition is put beside the others and not served. Open {page}")
    return lines


def _rank(value: int | None) -> str:
    return f"{value:>6,}" if value is not None else "     -"
