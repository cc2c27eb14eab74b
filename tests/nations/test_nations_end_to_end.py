"""A made Scottish and a made Northern Irish council through all steps, from the inbox to the published edition."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exclusion.cli.run import _summary
from exclusion.errors import ContractError, GateError, InputError
from exclusion.job import Job
from exclusion.plan import Outcome, last_files, open_steps, run_job
from exclusion.publish.map.words import compare_keys, words_of
from exclusion.sources import catalogue
from exclusion.stages import gazetteer_of
from tests.nations.made import make_northern_ireland, make_scotland, write_soa_crosswalk


class Silent:
    """Tells nobody anything."""

    def doing(self, title):
        import contextlib

        return contextlib.nullcontext()

    def detail(self, text):
        pass

    def note(self, text):
        pass


@dataclass(frozen=True)
class Run:
    """An edition and its tables."""

    made: Any
    job: Job
    outcome: Outcome

    @property
    def folder(self) -> Path:
        return self.outcome.edition.folder

    def table(self, name, until="publish"):
        return pd.read_parquet(last_files(self.job, until=until)[name]).set_index("lsoa21cd")

    def rows(self, name):
        text = (self.folder / name).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))


def job_for(home, inbox, place, **changes):
    # Another server than the publishers' own: the publishers' national row counts are not asked of a made council.
    bases = dict.fromkeys(catalogue().publishers, "http://127.0.0.1:9")
    return Job(home=home, places=(place,), inbox=inbox, is_offline=True, bases=bases, draws=100, **changes)


def carried_out(home, made, place, **changes):
    job = job_for(home, made.inbox, place, **changes)
    return Run(made, job, run_job(job, Silent()))


@pytest.fixture(scope="module")
def scotland_run(tmp_path_factory, scotland):
    return carried_out(tmp_path_factory.mktemp("scotland-home"), scotland, "Scotland")


@pytest.fixture(scope="module")
def northern_run(tmp_path_factory):
    home = tmp_path_factory.mktemp("northern-home")
    made = make_northern_ireland(home / "inbox")
    write_soa_crosswalk(made)
    return carried_out(home, made, "Belfast")


@pytest.fixture(params=["scotland_run", "northern_run"])
def run(request):
    return request.getfixturevalue(request.param)


def test_every_zone_is_ranked_once_within_its_own_nation(run):
    rows = run.rows("ranked-areas.csv")
    assert {row["lsoa21cd"] for row in rows} == set(run.made.zones["code"])
    assert min(int(row["exclusion_rank"]) for row in rows) == 1
    assert max(int(row["risk_rank"]) for row in rows) <= len(rows) == len(run.made.zones)
    assert len(run.table("areas.parquet")["nation"].unique()) == 1


def test_totals_are_the_census_own(run):
    manifest = run.outcome.edition.manifest
    assert manifest["residents"] == manifest["residents_published"] == run.made.residents.sum()
    cars = run.table("indicators.parquet")["ts045_no_cars_or_vans_in_household"]
    assert cars.sum() == run.made.no_car.sum()
    assert manifest["people_offline"] == sum(
        int(row["people_offline"]) for row in run.rows("ranked-areas.csv")
    )


def test_people_offline_have_a_wide_interval_and_no_test_is_claimed(run):
    manifest = run.outcome.edition.manifest
    (said,) = manifest["backtest"]
    assert said.startswith("Not back-tested here")
    assert manifest["backtest_scores"] is None
    people = run.table("people_offline.parquet")
    width = (people["offline_share_high_pct"] - people["offline_share_low_pct"]) / people["offline_share_pct"]
    assert width.between(0.9, 1.5).all()
    assert set(people["definition"].str.slice(0, 30)) == {"Has no internet access at home"}
    # Errors of one council's areas go together, so the sum's interval is far from that of independent areas.
    low, high = manifest["people_offline_low"], manifest["people_offline_high"]
    assert (high - low) / manifest["people_offline"] > 0.35


def test_the_maps_say_what_compares_and_what_does_not(run):
    spine = run.outcome.edition.manifest["spine"]
    words = words_of("en")
    notice = words("compare.within", nation=run.table("areas.parquet")["nation"].iloc[0])
    (page,) = [p for p in run.folder.glob("*.html") if b'id="find-text"' in p.read_bytes()]
    text = page.read_text(encoding="utf-8")
    assert notice in text
    assert words("compare.title") in text
    said = [words(key) for key in compare_keys(spine["id"])]
    assert len(said) == 6
    assert spine["compares"] == said
    provenance = (run.folder / "how-this-was-made.html").read_text(encoding="utf-8")
    for sentence in said:
        escaped = sentence.replace("'", "&#x27;")
        assert escaped in text
        assert escaped in provenance


def test_every_page_and_list_carries_the_notice_and_a_gate_holds_it_to_that(run):
    notice = run.outcome.edition.manifest["notice"]
    for path in run.folder.iterdir():
        if path.suffix in {".html", ".csv"}:
            assert notice.encode() in path.read_bytes(), path.name
    states = {gate["gate"]: gate["state"] for gate in run.outcome.edition.manifest["gates"]}
    assert set(states.values()) == {"passed"}


def test_lists_call_areas_and_censuses_by_their_names(run):
    kind = run.outcome.edition.manifest["spine"]["area_kind"]
    dictionary = (run.folder / "data-dictionary.csv").read_text(encoding="utf-8-sig")
    assert kind in dictionary
    assert "LSOA 2021" not in dictionary
    metadata = (run.folder / "csv-metadata.json").read_text(encoding="utf-8")
    assert "Region of England" not in metadata
    assert json.loads((run.folder / "dcat.json").read_text())["dcat:keyword"][2] == kind


def test_the_summary_names_the_census(run):
    text = "\n".join(_summary(run.outcome))
    assert f"({run.outcome.edition.manifest['spine']['census']})" in text
    assert "do not compare with a map of another nation" in text


def test_scotland_takes_simd_by_people_and_says_that_it_was_apportioned(scotland_run):
    table = scotland_run.table("indicators.parquet")
    assert set(table["simd2020_income_count__status"]) == {"carried"}
    stand_ins = " ".join(scotland_run.outcome.edition.manifest["stand_ins"])
    assert "apportioned from older zones to Data Zone 2022, by residents" in stand_ins
    index = scotland_run.outcome.edition.manifest["indicators"]
    assert {row["id"]: row["not_own_pct"] for row in index}["income_deprived"] == 0
    # All people of the older zones are somewhere: the totals of SIMD are kept.
    book = pd.read_excel(
        scotland_run.made.inbox / "SIMD_2020v2_indicators.xlsx", sheet_name="Data", engine="calamine"
    )
    for ours, theirs in (("income_count", "Income_count"), ("total_population", "Total_population")):
        assert table[f"simd2020_{ours}"].sum() == pytest.approx(book[theirs].sum())


def test_rural_weight_rests_on_the_nations_own_access_domain(scotland_run, northern_run):
    for run, column in ((scotland_run, "simd2020_access_rank"), (northern_run, "nimdm2017_access_rank")):
        assert run.outcome.edition.manifest["spec"]["rural_measure"] == column


def test_what_a_nation_does_not_publish_is_missing_and_not_zero(northern_run):
    table = northern_run.table("indicators.parquet")
    assert table["ts038_disabled_under_the_equality_act"].isna().all()
    assert set(table["ts038_total__status"]) == {"not_published"}
    rows = {row["id"]: row for row in northern_run.outcome.edition.manifest["indicators"]}
    assert rows["disabled"]["not_own_pct"] == 100
    assert any(
        "Disabled residents: 30 neutral (not_published)" in s
        for s in northern_run.outcome.edition.manifest["stand_ins"]
    )


def test_places_are_listed_and_found(run):
    gazetteer = gazetteer_of(last_files(run.job, until="indicators"))
    listing = gazetteer.listing()
    council, nation = listing["name"]
    assert listing["kind"].tolist() == ["council", "nation"]
    for name in (council, nation, listing["code"].iloc[0]):
        assert len(gazetteer.resolve([name])) == len(run.made.zones)


def test_an_unchanged_run_makes_nothing_and_a_council_reuses_the_nations_steps(scotland_run):
    assert run_job(scotland_run.job, Silent()).made == ()
    council = scotland_run.job.model_copy(update={"places": ("S12000005",)})
    stale = [state.name for state in open_steps(council).states() if not state.is_fresh]
    assert stale == ["siting", "publish"]


def test_without_simd_too_little_is_the_areas_own_and_a_gate_holds_the_edition_back(tmp_path):
    made = make_scotland(tmp_path / "inbox")
    (made.inbox / "SG_DataZoneBdry_2011.zip").unlink()
    with pytest.raises(GateError, match=r"fallbacks.*28% of the index's weight"):
        carried_out(tmp_path, made, "Clackmannanshire")
    accepted = carried_out(
        tmp_path, made, "Clackmannanshire", accept_gates=("fallbacks",), why="SIMD follows in spring"
    )
    assert "nothing that carries them to Data Zone 2022" in " ".join(
        accepted.outcome.edition.manifest["stand_ins"]
    )


def test_a_census_table_that_is_wanting_is_named_with_what_to_do(tmp_path):
    made = make_scotland(tmp_path / "inbox")
    next(made.inbox.glob("*UV405*")).unlink()
    with pytest.raises(Exception, match=r"Source scotland_cars .* is missing.*put it in .*UV405") as fault:
        carried_out(tmp_path, made, "Clackmannanshire")
    assert "Traceback" not in str(fault.value)


def test_a_wrong_vintage_in_the_inbox_stops_the_run_and_leaves_nothing(tmp_path):
    made = make_scotland(tmp_path / "inbox")
    path = made.inbox / "OA22_DZ22_IZ22.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("S010135", "S010066"))
    with pytest.raises(ContractError, match="Data Zone of Scotland 2011 where Data Zone of Scotland 2022"):
        carried_out(tmp_path, made, "Clackmannanshire")
    assert not (tmp_path / "maps").exists()


def test_a_place_that_the_nation_does_not_have_is_told(scotland_run):
    job = scotland_run.job.model_copy(update={"places": ("Fife",)})
    with pytest.raises(InputError, match="There is no place called 'Fife' in the data at hand"):
        run_job(job, Silent())
