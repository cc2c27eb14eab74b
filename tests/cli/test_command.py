"""The command line: quick help, one sentence for a mistake, stated exit codes, no Prefect."""

import subprocess
import sys

import pytest

from exclusion.cli import EXIT_CODES, main
from exclusion.cli.app import COMMANDS
from exclusion.errors import ContractError, ExclusionError, GateError, InputError, SourceError


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
        (["editions", "rollback", "nowhere"], "nowhere"),
        (["editions", "verify", "nothing"], "nothing"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    if arguments[:2] == ["editions", "verify"]:
        assert (code, "nothing" in out) == (1, True)
        return
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


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
