"""The steps that are made for all areas at hand, whatever place a job is for: indicators, estimate, access, index."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.errors import ContractError
from exclusion.files import stable_json, write_text
from exclusion.geography.place_names import known_as
from exclusion.geography.spines import Spine, default_spine, spine_of_places
from exclusion.job import Job
from exclusion.stages.results_in_words import estimate_in_words, index_in_words, rural_effect
from exclusion.stages.rollups import levels_in, people_draws, rollup_table
from exclusion.stages.tables import Inputs, read_json, read_table, write_table
from exclusion.steps import progress_of

if TYPE_CHECKING:
    from exclusion.access.assessment import EngineName
    from exclusion.index.engine import IndexResult
    from exclusion.index.spec import Spec
    from exclusion.sources import PullReport

# What the steps read, by id in the catalogue. Venue sources are apart: any of them may be absent.
VENUE_SOURCES = ("libraries", "gp_practices", "jobcentres", "village_halls")
USED_SOURCES = (
    "lsoa21_boundaries", "lsoa21_centroids", "lsoa21_ward_lad", "lsoa21_msoa21", "msoa21_names", "lsoa11_lsoa21",
    "ruc21", "lad_codes", "lad_region", "lad_county", "lsoa21_icb", "oa21_lsoa21",
    "census_ts001", "census_ts003", "census_ts007a", "census_ts011", "census_ts029", "census_ts037", "census_ts038",
    "census_ts041", "census_ts044", "census_ts045", "census_ts054", "census_ts062", "census_ts063", "census_ts065",
    "census_ts066", "census_ts067", "census_ts068", "population_2020_lsoa11",
    "ofcom_fixed_coverage_oa", "ofcom_fixed_coverage_lad", "iod2025_file7", "iod2025_file8", "wimd2025",
    "internet_users_2020", "digital_propensity_index", "deri_v1_6",
    *VENUE_SOURCES, "population_raster_worldpop", "roads_osm", "postcodes_codepoint_open",
)  # fmt: skip
# Cells of a fine raster are gathered into places of this size: a walk of three minutes.
PLACE_SIZE_M = 250.0
RASTER_SOURCES = ("population_raster_worldpop", "population_raster_ukceh")
# The pages that stand beside the back-test in an edition.
_BESIDE = {
    "All places": "../index.html",
    "Method report": "method.html",
    "How this was made": "how-this-was-made.html",
}
# How people offline came about where no behaviour was observed.
_FROM_RATES = "made from published rates by age and disability at the nation's own level, with the interval such rates have in England and Wales"
# The recipe that the back-test prints beside the index in use.
_PEER_SPEC = "deri"
POSTCODES = "postcodes_codepoint_open"
ROADS = "roads_osm"
# Large files that only some runs look into.
_READ_WHEN_NEEDED = (*RASTER_SOURCES, ROADS, POSTCODES)


def spine_of(job: Job) -> Spine:
    """Return the spine that a job's places are on; the made-up county is in England."""
    return default_spine() if job.is_demo else spine_of_places(job.places)


def sources_of(spine: Spine) -> tuple[str, ...]:
    """Return the ids of the sources that the steps read for a spine: its own, and those that cover its nations too."""
    if not spine.sources:
        return USED_SOURCES
    from exclusion.sources import catalogue

    shared = [
        name
        for name in USED_SOURCES
        if name not in spine.sources
        and name not in spine.not_for
        and set(catalogue().source(name).nations) & set(spine.nations)
    ]
    return (*dict.fromkeys(spine.sources.values()), *shared)


def snapshot_inputs(report: "PullReport") -> dict[str, Path]:
    """Return the files of a pull as inputs of the indicators step, by the source they are data of."""
    return {f"source:{snapshot.source_id}": snapshot.path for snapshot in report.snapshots.values()}


def make_indicators(report: "PullReport", notes: list[str], spine: Spine) -> Callable[[Inputs, Path], None]:
    """Return the builder of the indicators step from the snapshots that a pull settled on."""

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.indicators.table import build_indicators
        from exclusion.indicators.venues import join_venues
        from exclusion.sources import load
        from exclusion.sources.readers_ofcom import sum_to_lsoa

        del inputs  # the report names the same files, and the reader that each needs
        snapshots = {snapshot.source_id: snapshot for snapshot in report.snapshots.values()}
        later = {*_READ_WHEN_NEEDED, spine.sources.get(ROADS, ROADS)}
        tables = {
            role: table
            for name, snapshot in snapshots.items()
            if name not in later
            for table in [load(snapshot)]
            for role in spine.roles_of(name)
        }
        if spine.sources and POSTCODES in snapshots:
            tables["postcodes"] = load(snapshots[POSTCODES])
        if spine.output_areas_are_areas:
            codes = tables["lsoa21_boundaries"]["lsoa21cd"]
            tables["oa21_lsoa21"] = pd.DataFrame({"oa21cd": codes, "lsoa21cd": codes})
        if {"ofcom_fixed_coverage_oa", "oa21_lsoa21"} <= set(tables):
            summed = sum_to_lsoa(tables["ofcom_fixed_coverage_oa"], tables["oa21_lsoa21"])
            tables["ofcom_premises"] = summed.set_index("lsoa21cd")
        built = build_indicators(tables, spine)
        if built.checks["residents"] != built.checks["residents_published"]:
            raise ContractError(f"Residents were lost in the join: {built.checks}; report this.")
        venues, venue_notes = join_venues(
            {name: tables[name] for name in VENUE_SOURCES if name in tables},
            postcodes=lambda: load(snapshots[POSTCODES]) if POSTCODES in snapshots else None,
        )
        write_table(built.areas, folder / "areas.parquet")
        write_table(built.indicators, folder / "indicators.parquet")
        write_table(built.yardstick.rename_axis("lsoa21cd"), folder / "yardstick.parquet")
        write_table(tables["lad_codes"], folder / "lad_codes.parquet")
        write_table(venues, folder / "venues.parquet")
        if "internet_users_2020" in tables:
            write_table(tables["internet_users_2020"], folder / "internet_users.parquet")
        record = {
            "checks": built.checks,
            "stand_ins": list(dict.fromkeys([*notes, *built.stand_ins, *venue_notes])),
            "helped_nations": helped_nations(report),
        }
        write_text(folder / "indicators.json", stable_json(record))

    return build


def helped_nations(report: "PullReport") -> list[str]:
    """Return the nations for which some source says where help is given now.

    Elsewhere the time to help is not known: the nearest venue across the border is not the nearest venue.
    """
    from exclusion.sources import catalogue

    found = {
        nation
        for name in ("libraries",)
        if (snapshot := report.get(name)) is not None
        for nation in catalogue().source(snapshot.source_id).nations
    }
    return sorted(found)


def make_estimate(
    target: str | None, models: Path, notice: str | None, spine: Spine
) -> Callable[[Inputs, Path], None]:
    """Return the builder of the estimate step; fitted models are kept in `models` by the hash of their inputs."""

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.estimate.people import estimate_people_offline
        from exclusion.estimate.rates import estimate_from_rates
        from exclusion.estimate.report import write_report, write_untested

        areas = pd.DataFrame(read_table(inputs["areas.parquet"]).drop(columns="geometry")).set_index(
            "lsoa21cd"
        )
        table = areas.join(
            read_table(inputs["indicators.parquet"]).set_index("lsoa21cd"), validate="one_to_one"
        )
        users = inputs.get("internet_users.parquet")
        internet_users = None if users is None else read_table(users)
        yardstick = read_table(inputs["yardstick.parquet"]).set_index("lsoa21cd")
        # Where no behaviour was observed in any area of the spine, there is nothing to learn from.
        if yardstick["observed_offline_share_pct"].notna().any() or not spine.sources:
            found = estimate_people_offline(
                table, yardstick, target=target, cache=models, internet_users=internet_users
            )
        else:
            found = estimate_from_rates(table, target=target, internet_users=internet_users)
        write_table(found.people.rename_axis("lsoa21cd"), folder / "people_offline.parquet")
        write_table(found.drivers.rename_axis("lsoa21cd"), folder / "offline_drivers.parquet")
        further: dict[str, Any] = {}
        if found.backtest is None:
            write_untested(found, folder, notice=notice, links=_BESIDE)
            said = [str(found.facts["why_no_backtest"])]
            further = {"how": _FROM_RATES, "shared_error": found.facts["shared_error"]}
        else:
            write_table(found.backtest.residuals.rename_axis("lsoa21cd"), folder / "residuals.parquet")
            write_report(
                found,
                folder,
                notice=notice,
                points=areas[["x_m", "y_m"]],
                names=_known_names(areas),
                links=_BESIDE,
            )
            write_text(folder / "backtest.txt", found.backtest.text())
            said = estimate_in_words(found.backtest)
        record = {
            "definition": found.level.definition,
            "level": {
                "id": found.level.id,
                "title": found.level.title,
                "year": found.level.year,
                "source": found.level.source,
            },
            "national_average_pct": found.national_average_pct,
            "notes": list(found.notes),
            "backtest": said,
            **further,
        }
        write_text(folder / "estimate.json", stable_json(record))

    return build


def _known_names(areas: pd.DataFrame) -> pd.Series:
    """Return what residents call each area with its official name, as lists do; the official name where that is all."""
    official = areas["lsoa21nm"].astype(str)
    if "msoa_hcl_nm" not in areas:
        return official
    return pd.Series(map(known_as, areas["msoa_hcl_nm"], official), index=areas.index, dtype="str")


def make_access(engine: "EngineName") -> Callable[[Inputs, Path], None]:
    """Return the builder of the access step: minutes to existing help for all areas.

    Where a road extract is at hand the homes on it are measured by road, all others in a straight line.
    """

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.access.assessment import assess_access
        from exclusion.access.tables import empty_travel

        areas, venues = read_table(inputs["areas.parquet"]), read_table(inputs["venues.parquet"])
        nations = read_json(inputs["indicators.json"])["helped_nations"]
        people = people_for_access(inputs)
        is_helped = areas["nation"].isin(nations)
        existing = venues[venues["is_existing"]]
        record: dict[str, Any] = {"helped_nations": nations}
        if is_helped.any() and len(existing):
            found = assess_access(
                areas[is_helped].reset_index(drop=True),
                people,
                existing,
                population=inputs.get("population_raster"),
                place_size_m=PLACE_SIZE_M,
                roads=inputs.get("roads"),
                engine=engine,
                is_whole=False,
            )
            travel, record = found.travel, {**record, **found.notes}
        else:
            travel = empty_travel()
            record["engine"] = "none: no source says where help is given now"
        travel = areas[["lsoa21cd"]].merge(travel, on="lsoa21cd", how="left", validate="one_to_one")
        travel["help_min__status"] = travel.get("help_min", pd.Series(float("nan"), travel.index)).map(
            lambda minutes: "modelled" if pd.notna(minutes) else "not_published"
        )
        write_table(travel, folder / "travel.parquet")
        write_text(folder / "access.json", stable_json(record))

    return build


def people_for_access(inputs: Inputs) -> pd.DataFrame:
    """Return what access needs of people, indexed by `lsoa21cd`."""
    indicators = read_table(inputs["indicators.parquet"]).set_index("lsoa21cd")
    people = read_table(inputs["people_offline.parquet"]).set_index("lsoa21cd")
    columns = ["adults_16plus", "ts045_total", "ts045_no_cars_or_vans_in_household"]
    return indicators[columns].join(people[["people_offline"]], validate="one_to_one")


def index_input(inputs: Inputs) -> pd.DataFrame:
    """Return the indicator table with the areas' geography and the time to help, indexed by `lsoa21cd`."""
    areas = pd.DataFrame(read_table(inputs["areas.parquet"]).drop(columns="geometry")).set_index("lsoa21cd")
    indicators = read_table(inputs["indicators.parquet"]).set_index("lsoa21cd")
    travel = read_table(inputs["travel.parquet"]).set_index("lsoa21cd")
    table = areas.join(indicators, validate="one_to_one").join(travel, validate="one_to_one")
    return table.astype(dict.fromkeys(travel.select_dtypes("number"), float))


def make_index(spec_path: str, asked: int | None = None) -> Callable[[Inputs, Path], None]:
    """Return the builder of the index step; `asked` is how many versions are drawn, the spec's number where None."""

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.index.account import method_account
        from exclusion.index.draws import drawable_mode
        from exclusion.index.engine import build as build_index
        from exclusion.index.past import Past
        from exclusion.index.record import indicator_record
        from exclusion.index.spec import load_spec
        from exclusion.index.uncertainty import run_uncertainty

        table = index_input(inputs)
        result = build_index(load_spec(spec_path), table, label=label_of(table))
        declared = result.spec.uncertainty
        mode, why = drawable_mode(result.spec)
        only = f"Only the weights of domains are drawn, because {why}: the intervals are too narrow."
        draws = run_uncertainty(
            result,
            table,
            draws=asked,
            mode=mode,
            workers=min(2, os.cpu_count() or 1),
            rollups=levels_in(table),
            progress=progress_of("Drawing versions of the index"),
        )
        people = people_draws(table, inputs, declared, draws=draws.draws, seed=draws.seed)
        write_table(result.table, folder / "index.parquet")
        uncertain = draws.table.merge(people.areas, on="lsoa21cd", how="left", validate="one_to_one")
        write_table(uncertain, folder / "uncertainty.parquet")
        write_table(rollup_table(table, result.table, draws, people), folder / "rollups.parquet")
        Past.of(result).save(folder / "reference.npz")
        record = {
            "relative_to": result.relative_to,
            "notes": list(result.notes),
            "warnings": [*result.warnings, *([only] if why else [])],
            "meta": result.meta,
            "draws": draws.draws,
            "indicators": indicator_record(result),
            "declaration": result.spec.model_dump(mode="json", by_alias=True),
            "method": method_account(result, draws, shared_error=people.shared),
            "domains": [
                {"id": name, "label": domain.label, "weight": domain.weight}
                for name, domain in result.spec.domains.items()
            ],
        }
        record["rural_effect"] = rural_effect(result.table, table)
        yardstick = read_table(inputs["yardstick.parquet"]).set_index("lsoa21cd")
        record["backtest"] = []
        if yardstick["observed_offline_share_pct"].notna().any():
            peer = build_index(load_spec(_PEER_SPEC), table, label=label_of(table))
            record["backtest"] = index_in_words(result.table, peer.table, yardstick)
        write_text(folder / "index.json", stable_json(record))

    return build


def built_on(spec: "Spec", inputs: Inputs) -> "IndexResult":
    """Return the index of a spec on the tables of a run."""
    from exclusion.index.engine import build as build_index

    table = index_input(inputs)
    return build_index(spec, table, label=label_of(table))


def label_of(table: pd.DataFrame) -> str:
    """Return how to name the areas that ranks run over."""
    nations = sorted(table["nation"].unique())
    if len(table["utla_cd"].unique()) == 1:
        return f"in {table['utla_nm'].iloc[0]}"
    return "in " + " and ".join(nations)
