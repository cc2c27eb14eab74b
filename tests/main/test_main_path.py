"""The main job on the made-up county, as a newcomer runs it: README's command, the pages, a second run, mistakes."""

import csv
import datetime as dt
import io
import json
import random
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from benchmarks.chaos import kill_round, made_world, pair_round
from exclusion.demo import DEMONSTRATION_NOTICE
from tests.main.conftest import exclusion

ROOT = Path(__file__).resolve().parents[2]
# Chosen so that the short version kills late steps: the early ones are the whole benchmark's business.
CHAOS_SEED = 56


def read_csv(path):
    """Return the rows of a list as dictionaries."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def pages(home):
    return {
        p.relative_to(home / "maps"): p.read_bytes()
        for p in sorted((home / "maps").rglob("*"))
        if p.is_file()
    }


def edition(home):
    (name,) = json.loads((home / "maps" / "latest.json").read_text())["places"].values()
    return home / "maps" / name


def test_readme_names_the_commands_that_make_and_this_test_run():
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "$ make run\n" in readme
    assert "$ make test\n" in readme
    assert re.search(r"^run:.*\n\t@\$\(BIN\)/exclusion run --demo$", makefile, re.MULTILINE)


def test_readme_shows_what_the_run_prints(home):
    def leads(text):
        """Return what each line says before its first figure, which may move, or its first name of a place."""
        found = [re.split(r"\d|\.\.\.|[A-Z]{4}", line)[0].strip() for line in text.splitlines()]
        return [lead for lead in found if lead]

    shown = (ROOT / "README.md").read_text().split("    $ make run\n")[1].split("`make test`")[0]
    printed = (home / "first-run-progress.txt").read_text() + (home / "first-run.txt").read_text()
    made_by_make = ["Creating .venv with Python", "Installing the pinned dependencies"]
    assert leads(shown)[:2] == made_by_make
    lines = [line.strip() for line in printed.splitlines()]
    lost = [lead for lead in leads(shown)[2:] if not any(line.startswith(lead) for line in lines)]
    assert lost == []
    steps = [line for line in shown.splitlines() if line.endswith(" s")]
    assert len(steps) == len((home / "first-run-progress.txt").read_text().splitlines())


def test_the_summary_says_what_was_made_and_where_the_map_is(home):
    text = (home / "first-run.txt").read_text()
    manifest = json.loads((edition(home) / "manifest.json").read_text())
    assert DEMONSTRATION_NOTICE in text
    assert f"{manifest['areas']:,} areas" in text
    assert str(home / "maps" / "index.html") in text
    assert "rank correlation" in text
    assert len(re.findall(r"^ +\d+\. ", text, re.MULTILINE)) == 10


def test_all_areas_are_in_the_list_once_and_residents_add_up(home):
    folder = edition(home)
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = read_csv(folder / "ranked-areas.csv")
    assert len({row["lsoa21cd"] for row in rows}) == len(rows) == manifest["areas"]
    assert manifest["residents"] == manifest["residents_published"]
    assert sum(int(row["people_offline"]) for row in rows) == manifest["people_offline"]
    assert {row["note"] for row in rows} == {DEMONSTRATION_NOTICE}
    ranks = sorted(int(row["exclusion_rank"]) for row in rows if row["exclusion_rank"])
    assert ranks[0] == 1
    assert ranks[-1] <= len(rows)


def test_every_page_and_list_says_that_the_place_is_made_up(home):
    for path, body in pages(home).items():
        if path.suffix in {".html", ".csv"} and path.name != "plan.csv":
            assert DEMONSTRATION_NOTICE.encode() in body, path


def test_maps_carry_minutes_on_the_ground_beside_the_geotiff(home):
    for key in ("with_car", "without_car"):
        assert f'id="data-surface-{key}"'.encode() in (edition(home) / "all-areas.html").read_bytes()
        assert (edition(home) / f"minutes-to-help-{key.replace('_', '-a-')}.tif").is_file()


def test_the_manifest_leads_every_figure_back_to_a_hash_a_vintage_and_a_licence(home):
    manifest = json.loads((edition(home) / "manifest.json").read_text())
    for name, source in manifest["sources"].items():
        assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"]), name
        assert source["vintage"], name
        assert source["licence"], name
    assert exclusion(home, "editions", "verify").stdout.strip().endswith("0 faults.")


def test_a_second_run_makes_nothing_and_changes_no_byte(home):
    before = pages(home)
    again = exclusion(home, "run", "--demo")
    assert again.returncode == 0, again.stderr
    assert "Made now: nothing (all fresh)" in again.stdout
    assert pages(home) == before
    states = exclusion(home, "plan", "--demo").stdout.splitlines()
    assert [line.split()[1] for line in states] == ["fresh"] * 7


def test_one_changed_choice_makes_the_steps_after_it_only(home):
    done = exclusion(home, "run", "--demo", "--choose", "3")
    assert done.returncode == 0, done.stderr
    assert "Made now: siting, publish." in done.stdout
    assert exclusion(home, "editions", "rollback", "larkenshire").returncode == 0


def test_one_changed_weight_makes_the_index_and_the_pages_only(home, tmp_path):
    text = (ROOT / "src" / "exclusion" / "index" / "specs" / "default.toml").read_text()
    spec = tmp_path / "own.toml"
    # Weights sum to one, so that another has to give way.
    spec.write_text(
        text.replace("weight = 0.35", "weight = 0.34", 1).replace("weight = 0.20", "weight = 0.21", 1)
    )
    states = exclusion(home, "plan", "--demo", "--spec", str(spec)).stdout.splitlines()
    stale = [line.split()[0] for line in states if line.split()[1] == "stale"]
    assert stale == ["index", "sensitivity", "publish"]
    done = exclusion(home, "run", "--demo", "--spec", str(spec))
    assert done.returncode == 0, done.stderr
    assert "Made now: index, sensitivity, publish." in done.stdout
    assert exclusion(home, "editions", "rollback", "larkenshire").returncode == 0


def test_a_failed_gate_keeps_the_edition_and_an_acceptance_is_recorded(home, tmp_path):
    before = pages(home)
    listed = exclusion(home, "rank", "--demo", "--top", "5").stdout
    text = (ROOT / "src" / "exclusion" / "index" / "specs" / "default.toml").read_text()
    spec = tmp_path / "turned.toml"
    # Nearly all weight on connection: the ranking is turned over.
    for part, new in (("0.35", "0.02"), ("0.10", "0.93"), ("0.20", "0.03"), ("0.35", "0.02")):
        text = text.replace(f"\nweight = {part}\n", f"\nweight = {new}\n", 1)
    spec.write_text(text)
    refused = exclusion(home, "run", "--demo", "--quiet", "--spec", str(spec))
    assert refused.returncode == 5, refused.stderr
    assert "decile-moves" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert pages(home) == before
    report = home / "data" / "processed" / "not-published" / "larkenshire.md"
    assert "## The largest moves" in report.read_text()
    asked = ["run", "--demo", "--quiet", "--spec", str(spec), "--accept", "decile-moves", "direction"]
    silent = exclusion(home, *asked)
    assert silent.returncode == 2
    assert "say why with --why" in silent.stderr
    done = exclusion(home, *asked, "--why", "a test of connection alone")
    assert done.returncode == 0, done.stderr
    shown = exclusion(home, "editions", "show").stdout
    assert re.search(r"decile-moves +accepted by \S+: a test of connection alone", shown)
    assert not report.exists()
    again = exclusion(home, "run", "--demo", "--quiet", "--spec", str(spec))
    assert again.returncode == 0, "an edition that was accepted is not judged again"
    assert exclusion(home, "rank", "--demo", "--top", "5").stdout != listed
    assert exclusion(home, "editions", "rollback", "larkenshire").returncode == 0
    assert pages(home)[Path("index.html")] == before[Path("index.html")]
    # Lists, briefs and the database follow what is served, not the run that was taken back.
    assert exclusion(home, "rank", "--demo", "--top", "5").stdout == listed
    records = list((home / "data" / "processed" / "steps" / "demo" / "runs").glob("*.json"))
    kept = {path: path.read_bytes() for path in records}
    for path in records:
        path.unlink()
    refused = exclusion(home, "rank", "--demo", "--top", "5")
    assert refused.returncode == 2
    assert f"what {edition(home).name} was made from is not on record" in refused.stderr
    for path, data in kept.items():
        path.write_bytes(data)
    # Made again as of today it lies beside the one served, and the summary does not lead to the front page.
    today = dt.datetime.now(dt.UTC).date().isoformat()
    beside = exclusion(home, "run", "--demo", "--quiet", "--spec", str(spec), "--as-of", today)
    assert beside.returncode == 0, beside.stderr
    assert "not served. Open" in beside.stdout
    assert str(home / "maps" / "index.html") not in beside.stdout
    assert pages(home)[Path("index.html")] == before[Path("index.html")]


def test_another_target_makes_the_estimate_and_what_rests_on_it_and_names_it(home):
    default = (home / "first-run.txt").read_text()
    assert "Offline here means: adults aged 16 and over without internet access at home (2025)." in default
    states = exclusion(home, "plan", "--demo", "--target", "lacks_foundation_2024").stdout.splitlines()
    kinds = {line.split()[0]: line.split()[1] for line in states}
    assert kinds.pop("indicators") == "fresh"
    assert {"estimate", "access", "index", "siting", "publish"} <= set(kinds)
    assert set(kinds.values()) == {"stale"}


def test_the_back_test_ships_with_the_edition_as_page_and_as_figures(home):
    kept = json.loads((edition(home) / "back-test.json").read_text(encoding="utf-8"))
    scores = {row["predictor"]: row for row in kept["backtest"]["scores"]}
    assert scores["this estimate"]["spearman"] is not None
    page = (edition(home) / "back-test.html").read_text(encoding="utf-8")
    assert f"{scores['this estimate']['spearman']:.3f}" in page
    assert exclusion(home, "backtest", "--demo").stdout.count("this estimate") >= 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--place", "Nowhere-under-Lyme"], 2, "There is no place called 'Nowhere-under-Lyme'"),
        (["--place", "Quern Valey"], 2, "Did you mean Quern Valley"),
        (["--place", "E01999999"], 2, "E01999999 is in no lookup"),
        (["--spec", "no-such-spec.toml"], 2, "no-such-spec.toml"),
        (["--as-of", "2020-01-01"], 2, "nothing was held on that day; the first copy came on"),
        (["--as-of", "2999-01-01"], 2, "that day is still to come"),
    ],
)
def test_a_wrong_place_or_spec_is_one_sentence_and_the_maps_stay(home, arguments, code, message):
    before = pages(home)
    done = exclusion(home, "run", "--demo", "--quiet", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert pages(home) == before


def test_a_mistyped_place_is_told_before_the_long_steps_and_not_after_them(home):
    done = exclusion(home, "run", "--demo", "--draws", "177", "--place", "Nowhere-under-Lyme")
    assert done.returncode == 2
    assert "There is no place called" in done.stderr
    assert "Estimating people offline" not in done.stderr


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("truncated zip", r"census2021-ts045\.zip"),
        ("missing column", r"LSOA21_RUC21_EW_LU\.csv.*ruc21cd"),
        ("unknown area", r"E01900999"),
    ],
)
def test_a_damaged_file_in_the_inbox_is_named_and_the_maps_stay(home, tmp_path, make, message):
    inbox = tmp_path / "inbox"
    shutil.copytree(home / "data" / "raw" / "demo" / "inbox", inbox)
    if make == "truncated zip":
        whole = tmp_path / "whole.zip"
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("census2021-ts045-lsoa.csv", "date,geography,geography code\n" * 500)
        (inbox / "census2021-ts045.zip").write_bytes(whole.read_bytes()[:-40])
    else:
        answer = exclusion(home, "rank", "--demo", "--top", "0", "--out", str(tmp_path / "areas.csv"))
        assert answer.returncode == 0, answer.stderr
        rows = read_csv(tmp_path / "areas.csv")
        codes = [row["lsoa21cd"] for row in rows]
        columns = "LSOA21CD,LSOA21NM,RUC21NM,Urban_rural_flag"
        lines = [f"{code},x,Urban: Nearer to a major town or city,Urban" for code in codes]
        if make == "unknown area":
            columns = "LSOA21CD,LSOA21NM,RUC21CD,RUC21NM,Urban_rural_flag"
            lines = [
                f"{code},x,UN1,Urban: Nearer to a major town or city,Urban"
                for code in ["E01900999", *codes[1:]]
            ]
        (inbox / "LSOA21_RUC21_EW_LU.csv").write_text("\n".join([columns, *lines]) + "\n")
    before = pages(home)
    done = exclusion(home, "run", "--demo", "--quiet", "--inbox", str(inbox))
    assert done.returncode in {3, 4}, done.stderr
    if make != "unknown area":
        assert re.search(message, done.stderr), done.stderr
    else:
        assert re.search(r"E01900\d{3}", done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert pages(home) == before


def test_two_runs_cannot_work_in_one_folder(home):
    from exclusion.job import Job
    from exclusion.plan import run_lock

    with run_lock(Job(home=home)):
        done = exclusion(home, "run", "--demo", "--quiet")
    assert done.returncode == 2
    assert "Another run is at work in this folder (process" in done.stderr


@pytest.mark.slow
def test_killed_and_overlapping_runs_break_nothing_and_the_next_run_gives_the_same_bytes(home, tmp_path):
    chance = random.Random(CHAOS_SEED)
    with made_world(tmp_path, made=home) as world:
        for phase, kills in (("build", 1), ("publish", 2)):
            # On a machine whose load changes a run may have ended before it is killed: then the next is killed sooner.
            for part in (1.0, 0.5, 0.1, 0.0):
                killed, faults = kill_round(world, phase, kills, chance, part=part)
                assert faults == []
                if killed:
                    break
            assert killed >= 1, phase
        _, faults = pair_round(world, chance)
        assert faults == []


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_pages_open_offline_without_a_request_or_an_error(home, watched):
    opened = [home / "maps" / "index.html", *sorted(edition(home).glob("*.html"))]
    maps = {path for path in opened if b'id="map-wait"' in path.read_bytes()}
    assert edition(home) / "all-areas.html" in maps
    for path in opened:
        watched().open(path, has_map=path in maps)
