"""The examples of docs/lists-howto.md run as written, and every list agrees with the table and with the map."""

import base64
import csv
import gzip
import io
import json
import re
import shlex
import sqlite3
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import python_calamine

from exclusion.cli import main
from exclusion.demo import DEMONSTRATION_NOTICE
from exclusion.job import Job
from exclusion.plan import last_files
from exclusion.publish.columns import AREA_LIST
from exclusion.publish.map.measures import number_text, scaled_integers
from exclusion.stages import ListRequest, make_list, write_list
from exclusion.stages.asked_lists import missed_words
from exclusion.stages.rollups import drawn_range
from exclusion.stages.takeaways import scope_of

HOWTO = (Path(__file__).resolve().parents[2] / "docs" / "lists-howto.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"(?m)^    (exclusion rank .*)$", HOWTO)
STAND_INS = {
    "West Yorkshire": "Larkenshire",
    "Northumberland": "Quern Valley",
    "E12000001": "The Dogger Shires",
}


def edition(home):
    (name,) = json.loads((home / "maps" / "latest.json").read_text())["places"].values()
    return home / "maps" / name, home / "data" / "processed" / name


@pytest.fixture(scope="module")
def results(home):
    return pd.read_parquet(edition(home)[1] / "results.parquet").set_index("lsoa21cd")


def run(capsys, home, *arguments):
    code = 0
    try:
        main([*arguments, "--home", str(home)])
    except SystemExit as stop:
        code = stop.code or 0
    said = capsys.readouterr()
    return code, said.out, said.err


def read_csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def test_there_are_the_example_of_the_issue_and_ten_more():
    assert EXAMPLES[0] == 'exclusion rank --place "West Yorkshire" --top 100 --by people --format xlsx'
    assert len(EXAMPLES) == len(set(EXAMPLES)) == 11


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_documented_example_runs(home, results, capsys, tmp_path, monkeypatch, example):
    monkeypatch.chdir(tmp_path)
    pairs = [f"{code},{'North' if at % 2 else 'South'}" for at, code in enumerate(results.index[:30])]
    Path("my-areas.csv").write_text("\n".join(["lsoa21cd,name", *pairs]) + "\n")
    arguments = [STAND_INS.get(part, part) for part in shlex.split(example)[1:]]
    code, out, err = run(capsys, home, *arguments, "--demo")
    assert (code, err) == (0, "")
    assert DEMONSTRATION_NOTICE in out
    assert "people offline" in out or "weights from" in out
    made = next(
        path
        for path in Path().iterdir()
        if path.name != "my-areas.csv" and not path.name.endswith("-metadata.json")
    )
    kind = arguments[arguments.index("--format") + 1]
    assert made.suffix == f".{kind}"
    assert made.name in out
    people = _people(made, kind)
    listed = results["people_offline"].sort_values(ascending=False)
    if "--by people" in example and "--level" not in example and "--areas" not in example:
        assert sorted(people, reverse=True) == listed.head(100).astype(int).tolist()
    if "--areas" in example:
        assert sum(people) == int(results["people_offline"].head(30).sum())
    if "--level council" in example:
        assert sum(people) == int(results["people_offline"].sum())


def _people(path, kind):
    """Return the people offline of a list file, whatever its format."""
    if kind == "csv":
        return [int(row["people_offline"]) for row in read_csv(path)]
    if kind == "gpkg":
        return geopandas.read_file(path, layer="areas")["people_offline"].tolist()
    rows = python_calamine.load_workbook(path).get_sheet_by_name("list").to_python()
    head = next(at for at, row in enumerate(rows) if row[0] == "Position")
    column = rows[head].index("People offline (adults)")
    return [int(row[column]) for row in rows[head + 1 :]]


def blocks(page):
    """Return the packed blocks of a map page by name, unpacked."""
    found = {}
    for name, size, text in re.findall(
        r'<script type="application/gzip" id="data-(\w+)"(?: data-bytes="(\d+)")?>([^<]*)</script>',
        page.read_text(encoding="utf-8"),
    ):
        if size:
            letters = [chr(code) for code in range(33, 127) if chr(code) not in "<(@"]
            value = {letter: at for at, letter in enumerate(letters)}
            digits = np.array([value[letter] for letter in text]).reshape(-1, 2)
            bits = ((digits @ [91, 1])[:, None] >> np.arange(12, -1, -1)) & 1
            data = np.packbits(bits.ravel().astype(np.uint8)).tobytes()[: int(size)]
        else:
            data = base64.b64decode(text)
        found[name] = gzip.decompress(data)
    return found


def payload(page):
    """Return the numbers of a map page as text: column to area code to what the page shows."""
    found = blocks(page)
    facts = json.loads(found["facts"])
    at, columns = 0, {}
    for column in facts["columns"]:
        width, count = column["bytes"], len(facts["codes"])
        values = np.frombuffer(found["columns"], dtype=f"<u{width}", count=count, offset=at)
        at += width * count
        if not column["categories"]:
            columns[column["key"]] = {
                code: ""
                if value == column["missing"]
                else number_text(int(value) + column["offset"], column["decimals"])
                for code, value in zip(facts["codes"], values, strict=True)
            }
            columns[column["key"]]["decimals"] = column["decimals"]
    return facts, columns


def test_a_list_is_called_after_the_place_and_its_order_however_they_were_typed(
    home, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    options = ["--place", "E07900001", "--top", "3", "--by", "venue", "--format", "xlsx"]
    assert run(capsys, home, "rank", *options, "--demo")[0] == 0
    book = python_calamine.load_workbook("larkminster-venue-top-3.xlsx")
    cover = [row[0] for row in book.get_sheet_by_name("Cover").to_python()]
    assert cover[0] == (
        "The first 3 areas of Larkminster by people offline who live more than 20 minutes from help: "
        "where a venue is missed most"
    )
    # Whom the list misses is a table and no lines padded with spaces.
    assert not [line for line in cover if "  " in line]
    missed = book.get_sheet_by_name("people_missed").to_python()
    head = next(at for at, row in enumerate(missed) if row[0] == "Rural or urban class")
    (said,) = [line for line in cover if line.startswith("The list misses")]
    assert f"{sum(int(row[2]) for row in missed[head + 1 :]):,} of " in said


def test_a_larger_place_that_is_counted_in_part_is_told(home, results, capsys):
    _, out, _ = run(capsys, home, "rank", "--place", "Quern Valley", "--level", "county", "--demo")
    here = int((results["lad_nm"] == "Quern Valley").sum())
    assert (
        f"Larkenshire: {here} of its {len(results)} areas lie in Quern Valley, and only these are counted."
        in out
    )
    _, out, _ = run(capsys, home, "rank", "--level", "county", "--demo")
    assert "only these" not in out


def test_the_screen_shows_what_a_list_is_in_order_of(home, results, capsys):
    _, out, _ = run(capsys, home, "rank", "--by", "venue", "--top", "3", "--demo")
    far = results["people_offline_beyond_20_min"].sort_values(ascending=False).head(3)
    assert "people over 20 min from help" in out
    assert all(f" {value:,.1f} " in out for value in far)


def test_a_fair_share_list_says_its_share_beside_that_of_the_people(home, results, capsys):
    _, out, _ = run(capsys, home, "rank", "--fair-share", "--top", "0", "--demo")
    is_rural = results["is_rural"].astype(bool)
    people = 100 * results.loc[is_rural, "people_offline"].sum() / results["people_offline"].sum()
    assert (
        f"{is_rural.sum()} of {len(results)} areas of the list are rural ({100 * is_rural.mean():.1f}%); "
        f"{people:.1f}% of people offline live in rural areas."
    ) in out
    assert "in proportion" not in out


@pytest.mark.parametrize(
    ("missed", "said"),
    [
        (9_999, "9,999 of 10,000 people offline (more than 99.9%)."),
        (10_000, "10,000 of 10,000 people offline (100.0%)."),
        (4, "4 of 10,000 people offline (less than 0.1%)."),
        (0, "none of the 10,000 people offline."),
    ],
)
def test_a_share_of_people_missed_is_not_rounded_to_all_or_nothing(missed, said):
    table = pd.DataFrame({"people_offline": [10_000], "missed": [missed]})
    assert missed_words(table) == f"The list misses {said}"


def test_areas_without_a_rank_are_not_among_those_that_ranks_run_over(home, tmp_path):
    files = dict(last_files(Job(home=home, is_demo=True), until="publish"))
    index = pd.read_parquet(files["index.parquet"])
    last = index["exclusion_rank"].astype(float).nlargest(21).index
    index.loc[last, ["exclusion_rank", "risk_rank"]] = None
    files["index.parquet"] = tmp_path / "index.parquet"
    index.to_parquet(files["index.parquet"])
    job = Job(home=home, is_demo=True)
    write_list(files, make_list(job, files, ListRequest(top=5)), tmp_path / "list.gpkg", "gpkg")
    with sqlite3.connect(tmp_path / "list.gpkg") as base:
        ((style,),) = base.execute("SELECT styleQML FROM layer_styles").fetchall()
    assert f"to {len(index) - 21}: least excluded fifth" in style
    facts = {**json.loads(files["facts.json"].read_text()), "ranked_areas": len(index) - 21}
    assert scope_of(files, facts, (), index).ranked == len(index) - 21


@pytest.mark.parametrize("council", ["Larkminster", "Quern Valley", "Samphire Coast"])
def test_list_sheet_map_file_map_page_and_table_say_the_same_of_every_area(home, results, council):
    folder, _ = edition(home)
    here = results[results["lad_nm"] == council]
    page = next(
        p["href"]
        for p in json.loads((folder / "manifest.json").read_text())["map_pages"]
        if p["name"] == council
    )
    facts, shown = payload(folder / page)
    assert sorted(facts["codes"]) == sorted(here.index)
    listed = {row["lsoa21cd"]: row for row in read_csv(folder / "ranked-areas.csv")}
    layer = geopandas.read_parquet(folder / "areas.parquet").set_index("lsoa21cd")
    rows = (
        python_calamine.load_workbook(folder / "ranked-areas.xlsx")
        .get_sheet_by_name("by_exclusion")
        .to_python()
    )
    head = next(at for at, row in enumerate(rows) if row[0] == "Position")
    sheet = {row[1]: dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :]}
    compared = 0
    for column in AREA_LIST:
        if column.kind not in {"whole", "number"} or column.name == "position":
            continue
        values = here[column.name].astype(float)
        for code, value in values.items():
            scaled, is_known = scaled_integers([value], column.decimals)
            text = listed[code][column.name]
            assert bool(text) == bool(is_known[0])
            if not is_known[0]:
                assert sheet[code][column.heading] in {"[x]", "[z]"}
                continue
            assert float(text) == pytest.approx(int(scaled[0]) / 10**column.decimals, abs=1e-9), (
                code,
                column.name,
            )
            assert float(sheet[code][column.heading]) == float(text)
            assert float(layer.loc[code, column.name]) == float(text)
            if column.name in shown:
                on_map, _ = scaled_integers([value], shown[column.name]["decimals"])
                assert shown[column.name][code] == number_text(int(on_map[0]), shown[column.name]["decimals"])
                compared += 1
    assert compared > 10 * len(here)
    reasons = dict(zip(facts["codes"], facts["reasons"], strict=True))
    assert all(reasons[code] == here.loc[code, "reason"] == listed[code]["reason"] for code in here.index)


def test_people_add_up_to_councils_regions_and_the_nation_in_every_file(home, results):
    folder, _ = edition(home)
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = read_csv(folder / "larger-places.csv")
    for level, column in (
        ("council", "lad_cd"),
        ("county", "utla_cd"),
        ("region", "rgn_cd"),
        ("nation", "nation"),
        ("ward", "wd_cd"),
    ):
        own = {row["group"]: int(row["people_offline"]) for row in rows if row["level"] == level}
        assert own == results.groupby(column)["people_offline"].sum().astype(int).to_dict()
        assert sum(own.values()) == manifest["people_offline"]
        assert results[column].notna().all()
    assert {p["name"]: p["people_offline"] for p in manifest["map_pages"]} == {
        **{row["name"]: int(row["people_offline"]) for row in rows if row["level"] == "council"},
        "Larkenshire": manifest["people_offline"],
    }


def test_a_place_has_one_range_of_people_wherever_it_is_told(home):
    folder, _ = edition(home)
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = {(row["level"], row["name"]): row for row in read_csv(folder / "larger-places.csv")}
    whole = [rows["county", "Larkenshire"], rows["region", "The Dogger Shires"], rows["nation", "England"]]
    for end in ("people_offline_low", "people_offline_high"):
        assert {int(row[end]) for row in whole} == {manifest[end]}
    # So it is where nothing but the place was in the lists: a council by itself is drawn with all others.
    files = dict(last_files(Job(home=home, is_demo=True), until="publish"))
    rollups, areas = pd.read_parquet(files["rollups.parquet"]), pd.read_parquet(files["areas.parquet"])
    council = rows["council", "Quern Valley"]
    found = drawn_range(rollups, areas[areas["lad_nm"] == "Quern Valley"])
    assert found == (int(council["people_offline_low"]), int(council["people_offline_high"]))
    assert drawn_range(rollups, areas[areas["lad_nm"] == "Quern Valley"].head(3)) is None


def test_people_offline_are_of_a_year_wherever_it_is_said_who_they_are(home):
    folder, _ = edition(home)
    said = json.loads((folder / "manifest.json").read_text())["definition"]
    assert said.endswith(" (2025)")
    cover = python_calamine.load_workbook(folder / "ranked-areas.xlsx").get_sheet_by_name("Cover").to_python()
    assert any(said in row[0] for row in cover)
    assert f"By offline we mean {said}." in (folder / "brief.html").read_text(encoding="utf-8")
    assert f"Offline here means: {said}." in (home / "first-run.txt").read_text()


def test_the_edition_has_a_brief_for_the_place_its_plan_and_every_council(home, results):
    folder, _ = edition(home)
    listed = re.findall(r'href="(brief[^"]*)"', (folder / "briefs.html").read_text())
    assert len(listed) == 2 + results["lad_cd"].nunique()
    assert listed[2:] == sorted(listed[2:])
    for name in listed:
        text = (folder / name).read_text()
        assert DEMONSTRATION_NOTICE in text
        assert "default-src 'none'" in text
    record = json.loads((folder / "dcat.json").read_text())
    named = {d["dcat:downloadURL"]["@id"] for d in record["dcat:distribution"]}
    assert {
        "ranked-areas.csv",
        "ranked-areas.xlsx",
        "ranked-areas.ods",
        "areas.gpkg",
        "areas.geojson",
        "areas.parquet",
        "plan.csv",
    } <= named


def test_a_brief_of_an_area_a_place_and_the_plan(home, results, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in (["--area", results.index[3].lower()], ["--place", "Quern Valley"], ["--plan"]):
        code, out, err = run(capsys, home, "brief", *arguments, "--demo")
        assert (code, err) == (0, "")
        assert Path(out.split()[-1]).is_file()


def test_an_edition_compared_with_itself_has_not_moved(home, capsys, tmp_path):
    name = edition(home)[0].name
    code, out, err = run(capsys, home, "compare", name, name, "--out", str(tmp_path))
    assert (code, err) == (0, "")
    assert "0 areas entered the worst tenth and 0 left it." in out
    rows = read_csv(tmp_path / "compare.csv")
    assert {row["main_cause"] for row in rows} == {"none"}
    assert DEMONSTRATION_NOTICE in (tmp_path / "compare.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "--by", "luck"], "--by luck"),
        (["rank", "--top", "-1"], "--top -1"),
        (["rank", "--level", "parish"], "--level parish"),
        (["rank", "--level", "ward", "--areas", "x.csv"], "one of the two"),
        (["rank", "--areas", "nowhere.csv"], "no such file"),
        (["rank", "--format", "docx"], "--format docx"),
        (["rank", "--level", "ward", "--format", "gpkg"], "no boundaries"),
        (["rank", "--level", "ward", "--fair-share"], "--fair-share"),
        (["brief"], "--area CODE"),
        (["brief", "--area", "E01999999"], "E01999999"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_file(
    home, capsys, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, home, *arguments, "--demo")
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
