"""The command line: quick help, one sentence for a mistake, stated exit codes, no Prefect."""

import errno
import subprocess
import sys

import pytest

from exclusion.cli import EXIT_CODES, main
from exclusion.cli.app import COMMANDS
from exclusion.errors import ContractError, ExclusionError, GateError, InputError, SourceError
from exclusion.job import Job
from exclusion.plan import run_lock


def run(capsys, *arguments):
    """Run the command in this process: exit code, stdout, stderr."""
    code = 0
    try:
        main(list(arguments))
    except SystemExit as stop:
        code = stop.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_imports_nothing_heavy():
    script = (
        "import sys; sys.argv = ['exclusion', '--help']\n"
        "from exclusion.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'prefect', 'pandas', 'numpy', 'geopandas', 'folium', 'rasterio', 'sklearn', 'numba', 'requests'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_has_help_with_an_example(capsys, name):
    code, out, err = run(capsys, name, "--help")
    assert (code, err) == (0, "")
    assert f"exclusion {name}" in out
    assert "Example: exclusion" in out or "Commands" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "nonsense"),
        (["run", "--plce", "Powys"], "--plce"),
        (["run", "--choose", "many", "--demo"], "--choose"),
        (["run", "--choose", "-1", "--demo"], "--choose -1"),
        (["run", "--within", "0", "--demo"], "--within 0"),
        (["run", "--place", "Powys", "--inbox", "no-such-folder"], "no such folder"),
        (["run", "--demo", "--venues", "no-such.csv"], "no such file"),
        (["run", "--demo", "--target", "everybody"], "--target everybody: there is no such target level"),
        (["sources", "check", "censsus_ts045"], "did you mean census_ts045"),
        (["editions", "rollback", "nowhere"], "nowhere"),
        (["editions", "verify", "nothing"], "no edition and no place served called 'nothing'"),
        (["editions", "verify"], "no edition in maps"),
        (["editions", "show", "../.."], "no edition and no place served called '../..'"),
        (["editions", "rollback", "nowhere", "--to", "nothing"], "no edition 'nothing'"),
        (["editions", "prune", "--keep", "0"], "--keep 0"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_only_the_sources_that_are_named_are_asked_about(capsys, tmp_path):
    code, out, err = run(capsys, "sources", "check", "deri_v1_6", "--home", str(tmp_path))
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    assert line.startswith("deri_v1_6 ")
    assert "supplied by hand" in line


def test_a_check_that_reaches_nobody_is_a_failure(capsys, tmp_path, monkeypatch):
    # A way out that is shut, on this machine itself.
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    asked = ("census_ts045", "lad_codes", "deri_v1_6")
    code, out, err = run(capsys, "sources", "check", *asked, "--home", str(tmp_path))
    assert code == 3
    assert [line.split()[1] for line in out.splitlines()] == ["unreachable", "unreachable", "by"]
    assert "No publisher could be asked what is new (2 sources; " in err
    assert err.count("\n") == 1


def test_nothing_is_pruned_under_a_run_that_is_at_work(capsys, tmp_path):
    with run_lock(Job(home=tmp_path)):
        code, _, err = run(capsys, "sources", "prune", "--home", str(tmp_path))
        assert code == 2
        assert "Another run is at work in this folder (process" in err
        assert run(capsys, "sources", "prune", "--dry", "--home", str(tmp_path))[0] == 0
    assert run(capsys, "sources", "prune", "--home", str(tmp_path))[0] == 0


def test_every_kind_of_error_has_a_stated_exit_code():
    codes = {error.exit_code for error in (ExclusionError, InputError, SourceError, ContractError, GateError)}
    assert codes == {1, 2, 3, 4, 5}
    assert codes <= set(EXIT_CODES)


def test_the_library_never_imports_prefect_or_a_command_line_library():
    script = (
        "import sys, pkgutil, importlib, exclusion\n"
        "for module in pkgutil.walk_packages(exclusion.__path__, 'exclusion.'):\n"
        "    if '.cli' not in module.name: importlib.import_module(module.name)\n"
        "print('FOUND', sorted({'prefect', 'cyclopts'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "FOUND []" in done.stdout, done.stderr


def test_a_stop_from_the_keyboard_says_what_is_kept(capsys, tmp_path, monkeypatch):
    def stopped(job, teller):
        raise KeyboardInterrupt

    monkeypatch.setattr("exclusion.plan.run_job", stopped)
    with pytest.raises(SystemExit) as stop:
        main(["run", "--demo", "--home", str(tmp_path)])
    assert stop.value.code == 130
    assert "stopped; what was finished is kept" in capsys.readouterr().err


def run_that_gets(name: str, held: str) -> subprocess.CompletedProcess[str]:
    """Start a run that is sent a signal while it works; whoever starts it holds the signal as `held`."""
    script = (
        "import os, signal, exclusion.plan\n"
        f"signal.signal(signal.{name}, signal.{held})\n"
        "def worked(job, teller):\n"
        f"    os.kill(os.getpid(), signal.{name})\n"
        "    raise SystemExit('went on')\n"
        "exclusion.plan.run_job = worked\n"
        "from exclusion.cli import main\n"
        "main(['run', '--demo', '--quiet'])"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_request_of_the_system_to_end_is_taken_like_one_from_the_keyboard(name):
    done = run_that_gets(name, "SIG_DFL")
    assert done.returncode == 130, done.stderr
    assert (
        done.stderr == "exclusion: stopped; what was finished is kept, and the next run goes on from there.\n"
    )


def test_a_run_that_shall_outlive_its_terminal_does():
    """`nohup exclusion run ... &` has the signal of a closed terminal ignored before the run begins."""
    done = run_that_gets("SIGHUP", "SIG_IGN")
    assert (done.returncode, done.stderr) == (1, "went on\n")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            OSError(errno.EROFS, "Read-only file system", "maps/.x.part"),
            "maps/.x.part: Read-only file system: mend that",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "data"), "data: Permission denied: mend that"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: free some space"),
    ],
)
def test_what_a_disk_refuses_is_one_sentence(capsys, monkeypatch, fault, said):
    def refused(job, teller):
        raise fault

    monkeypatch.setattr("exclusion.plan.run_job", refused)
    code, _, err = run(capsys, "run", "--demo", "--quiet")
    assert code == 1
    assert (
        err
        == f"exclusion: {said} and run again; what was finished is kept, and the last good edition stays.\n"
    )


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    def broken(job, teller):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "ours.parquet")

    monkeypatch.setattr("exclusion.plan.run_job", broken)
    with pytest.raises(FileNotFoundError):
        main(["run", "--demo", "--quiet"])


def test_a_damaged_edition_is_listed_beside_the_others(capsys, tmp_path):
    for name, text in (("dale-0123456789", "{"), ("hill-0123456789", "[]")):
        (tmp_path / "maps" / name).mkdir(parents=True)
        (tmp_path / "maps" / name / "manifest.json").write_text(text)
    code, out, _ = run(capsys, "editions", "--home", str(tmp_path))
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["dale-0123456789", "hill-0123456789"]
    assert out.count("is damaged") == 2
    code, out, _ = run(capsys, "editions", "verify", "--home", str(tmp_path))
    assert code == 1
    assert "2 editions checked, 2 faults." in out
