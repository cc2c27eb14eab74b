"""What a hostile or hurried user types: each ends in one clear sentence and a stated exit code, and nothing is written."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from exclusion.cli import main

FILES = {
    "afile": b"x",
    "empty.csv": b"",
    "no-codes.csv": b"a,b\n1,2\n",
    "unknown.csv": b"lsoa21cd\nE01999999\n",
    "council-codes.csv": b"lsoa21cd\nE01900001\nE07900001\n",
    "bytes.csv": bytes(range(256)),
    "no-names.csv": b"lsoa21cd\nE01900001\n",
    "heavy.csv": b"lsoa21cd,name,weight\nE01900001,North,2\n",
    "broken.geojson": b'{"type": "FeatureCollection", "features": [',
    "no-shapes.geojson": b'{"type": "FeatureCollection", "features": []}',
    "broken.toml": b"spec = [\n",
    "points.csv": b"x_m,y_m\n400000,600000\n",
    "no-metres.csv": b"x_m,y_m\nabc,1\n",
    "points.txt": b"x_m,y_m\n",
    "broken.json": b"{",
    "list.json": b"[]",
}
RANK = [
    (["--top", "-1"], "--top -1: a list needs at least one area; 0 lists all"),
    (["--top", "1.5"], '"1.5" is not a whole number'),
    (["--top", "ten"], '"ten" is not a whole number'),
    (["--top", ""], '"" is not a whole number'),
    (["--top"], "--top requires an argument"),
    (["--by", "EXCLUSION"], "--by EXCLUSION: choose one of exclusion, risk"),
    (["--by", ""], "--by : choose one of"),
    (["--level", "Ward"], "--level Ward: choose one of ward"),
    (["--level", "combined-authority"], "no area of the place has one"),
    (["--level", "council", "--by", "help"], "--by help: larger places are listed by"),
    (["--level", "council", "--worst-tenth"], "leave out --level and --areas"),
    (["--level", "council", "--areas", "no-names.csv"], "--level and --areas: give one of the two"),
    (["--level", "council", "--format", "gpkg"], "--format gpkg: larger places have no boundaries"),
    (["--place", "Larkminstr"], "Did you mean Larkminster"),
    (["--place", ""], "There is no place called ''"),
    (["--place", "🏴"], "There is no place called '🏴'"),
    (["--place", "../../etc/passwd"], "There is no place called '../../etc/passwd'"),
    (["--place", "E06000057"], "No place has the code E06000057"),
    (["--place", "Scotland"], "There is no place called 'Scotland'"),
    (["--place", "gone.csv"], "gone.csv: there is no such file"),
    (["--place", "empty.csv"], "empty.csv: the file is empty"),
    (["--place", "no-codes.csv"], "no-codes.csv: no column holds LSOA codes"),
    (["--place", "unknown.csv"], "unknown.csv: E01999999 is in no lookup"),
    (["--place", "council-codes.csv"], "council-codes.csv, line 3: 'E07900001' is not an LSOA 2021 code"),
    (["--place", "bytes.csv"], "bytes.csv: this is not a CSV in UTF-8"),
    (["--areas", "gone.csv"], "--areas gone.csv: there is no such file"),
    (["--areas", "folder"], "--areas folder: there is no such file"),
    (["--areas", "empty.csv"], "empty.csv: the file holds no rows"),
    (["--areas", "no-names.csv"], "no-names.csv: there is no column that names your areas"),
    (["--areas", "heavy.csv"], "heavy.csv, line 2: weight '2' is not a share"),
    (["--areas", "broken.geojson"], "broken.geojson: this is no file of shapes"),
    (["--areas", "no-shapes.geojson"], "no-shapes.geojson: the file holds no shapes"),
    (["--format", "pdf"], "--format pdf: choose one of csv, xlsx"),
    (["--format", ""], "--format : choose one of csv"),
    (["--out", "list.docx"], "--out list.docx: its ending is none of csv"),
    (["--out", "list"], "--out list: its ending is none of csv"),
    (["--out", ""], "its ending is none of csv"),
    (["--out", "list.csv", "--format", "xlsx"], "--out list.csv and --format xlsx say different things"),
    (["--out", "folder.csv"], "folder.csv is a folder, and nothing can be written over it"),
    (["--out", "afile/list.csv"], "afile/list.csv cannot be written (file exists)"),
    (["--out", f"{'a' * 300}.csv"], "cannot be written (file name too long)"),
    (["--out", "/dev/null", "--format", "csv"], "/dev/null is no ordinary file"),
    (["--home", "nowhere"], "Nothing has been run in this folder yet: `exclusion run --demo`"),
    (["--home", "afile"], "Nothing has been run in this folder yet"),
    (["extra"], "extra"),
    (["--demo"], "--demo specified multiple times"),
]  # fmt: skip
OTHERS = [
    (["brief", "--demo"], "Say what the brief is of"),
    (["brief", "--demo", "--area", "E01900164", "--plan"], "Say what the brief is of"),
    (["brief", "--demo", "--area", "E01999999"], "E01999999 is not among the areas of the last run"),
    (["brief", "--demo", "--plan", "--out", "brief.pdf"], "--out brief.pdf: a brief is a page"),
    (["brief", "--demo", "--plan", "--out", "folder.html"], "folder.html is a folder"),
    (["points", "gone.csv", "--out", "p.csv", "--demo"], "There is no file gone.csv"),
    (["points", "points.txt", "--out", "p.csv", "--demo"], "points.txt is neither .parquet nor .csv"),
    (["points", "empty.csv", "--out", "p.csv", "--demo"], "empty.csv cannot be read as points"),
    (["points", "no-metres.csv", "--out", "p.csv", "--demo"], "no-metres.csv cannot be read as points"),
    (["points", "points.csv", "--out", "p.csv", "--x", "gone", "--demo"], "points.csv has no column 'gone'"),
    (["points", "points.csv", "--out", "p.csv", "--engine", "magic", "--demo"], "no engine called 'magic'"),
    (["compare", "larkenshire", "gone"], "There is no edition 'larkenshire'"),
    (["compare", "", ""], "There is no edition ''"),
    (["compare", "index.html", "index.html"], "There is no edition 'index.html'"),
    (["editions", "show", ".."], "There is no edition and no place served called '..'"),
    (["editions", "verify", "gone"], "There is no edition and no place served called 'gone'"),
    (["editions", "verify", ""], "There is no edition and no place served called ''"),
    (["editions", "prune", "--keep", "0"], "--keep 0: at least one edition has to be kept"),
    (["editions", "prune", "--keep", "2.5"], '"2.5" is not a whole number'),
    (["editions", "prune", "--place", "gone"], "No edition of 'gone'"),
    (["editions", "rollback", "larkenshire", "--to", "gone"], "There is no edition 'gone'"),
    (["sources", "pin", "gone"], "There is no source 'gone' in the catalogue"),
    (["sources", "prune", "--keep", "-1"], "--keep -1 is less than none"),
    (["index", "check", "broken.toml"], "Spec broken.toml: not valid TOML"),
    (["index", "check", "folder"], "Spec folder: there is no such file"),
    (["run", "--demo", "--spec", "broken.toml"], "Spec broken.toml: not valid TOML"),
    (["plan", "--demo", "--spec", "gone"], "Spec gone: there is no such file"),
    (["run", "--offline"], "No place was named: give --place a council"),
    (["plan"], "No place was named: give --place a council"),
    (["run", "--demo", "--as-of", "2026-05-31", "--inbox", "folder"], "--inbox with --as-of: an edition of the past"),
    (["run", "--demo", "--within", "nan"], '"nan" is not a number'),
    (["run", "--demo", "--draws", "1e9"], '"1e9" is not a whole number'),
    (["run", "--place", "Wales", "--offline", "--home", "afile"], "--home afile is not a folder"),
    (["site", "--demo", "--choose", "2.5"], '"2.5" is not a whole number'),
    (["site", "--demo", "--choose", "2", "--rural-share", "inf"], '"inf" is not a number'),
    (["site", "--demo", "--choose", "2", "--rural-share", "2"], "--rural-share 2: give a number from 0 to 1"),
    (["site", "--demo", "--choose", "2", "--draws", "99999"], "--draws 99999: give a number from 0 to 10,000"),
    (["site", "--demo", "--goal", "share"], "say which with --share"),
    (["site", "--demo", "--goal", "gradual", "--choose", "2", "--full", "30"], "The goal gradual needs --full"),
    (["site", "verify", "broken.json"], "broken.json"),
    (["site", "verify", "list.json"], "list.json"),
    (["demo", "full"], "full: the folder is not empty"),
    (["demo", "new", "--seed", "-1"], "--seed -1: give a whole number from 0"),
    (["publish", "--demo", "--to", "mysql://x"], "is no PostGIS address"),
]  # fmt: skip


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with files that are wrong in many ways, to work in."""
    monkeypatch.chdir(tmp_path)
    for name, data in FILES.items():
        Path(name).write_bytes(data)
    for name in ("folder", "folder.csv", "folder.html", "full"):
        Path(name).mkdir()
    Path("full", "left").write_bytes(b"x")
    return tmp_path


def refused(capsys, arguments):
    """Run a command that must be refused: its one sentence."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    said = capsys.readouterr()
    assert stop.value.code == 2, said.err
    assert said.out == ""
    assert said.err.startswith("exclusion: ")
    assert said.err.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    return said.err


@pytest.mark.parametrize(("options", "sentence"), RANK, ids=lambda value: str(value)[:40])
def test_a_list_that_cannot_be_had_is_one_sentence(home, workplace, capsys, options, sentence):
    where = [] if "--home" in options else ["--home", str(home)]
    assert sentence in refused(capsys, ["rank", "--demo", *options, *where])


@pytest.mark.parametrize(("arguments", "sentence"), OTHERS, ids=lambda value: str(value)[:40])
def test_what_cannot_be_done_as_asked_is_one_sentence(home, workplace, capsys, arguments, sentence):
    takes_home = arguments[0] != "demo" and arguments[:2] != ["site", "verify"]
    if arguments[:2] == ["index", "check"] or "--home" in arguments:
        takes_home = False
    assert sentence in refused(capsys, [*arguments, *(["--home", str(home)] if takes_home else [])])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="rights can be given up by root alone")
@pytest.mark.parametrize(
    ("options", "code"), [(["--top", "3", "--out", "shut/list.csv"], 2), (["--place", "secret.csv"], 1)]
)
def test_what_may_not_be_read_or_written_is_one_sentence(home, workplace, capsys, options, code):
    Path("secret.csv").write_text("lsoa21cd\nE01900001\n")
    Path("secret.csv").chmod(0)
    Path("shut").mkdir(mode=0o555)
    for path in (workplace, home):
        for folder in (path, *path.parents):
            if folder == Path(tempfile.gettempdir()):
                break
            folder.chmod(0o755)
    # Everything is imported while it may be read.
    main_of(["rank", "--demo", "--top", "3", "--format", "csv", "--home", str(home)])
    capsys.readouterr()
    os.seteuid(65534)
    try:
        found = main_of(["rank", "--demo", *options, "--home", str(home)])
    finally:
        os.seteuid(0)
    said = capsys.readouterr().err
    assert found == code
    assert "permission denied" in said.lower()
    assert said.count("\n") == 1


def main_of(arguments):
    """Run a command in this process: its exit code."""
    try:
        main(arguments)
    except SystemExit as stop:
        return stop.code or 0
    return 0


def test_a_reader_that_goes_away_is_not_told_of(home, workplace):
    command = (
        f"{sys.executable} -c 'from exclusion.cli import main; main()' rank --demo --top 0 --home {home}"
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -c 1"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no device here is always full")
def test_a_full_disk_behind_the_screen_is_one_sentence(home, workplace):
    command = f"{sys.executable} -c 'from exclusion.cli import main; main()' rank --demo --home {home}"
    done = subprocess.run(
        ["bash", "-c", f"{command} > /dev/full"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert done.stderr.count("\n") == 1
