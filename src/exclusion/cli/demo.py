"""exclusion demo: the fictional county's files in the publishers' own layouts."""

from pathlib import Path

from exclusion.cli.numbers import Whole


def demo(folder: Path, *, seed: Whole | None = None) -> None:
    """Write the fictional county's files into a folder: its publishers', and an inbox of what comes by hand.

    Example: exclusion demo made-up-county

    Parameters
    ----------
    folder
        An empty or new folder.
    seed
        Another seed makes another county.
    """
    from exclusion.demo import DEFAULT_SEED, DEMONSTRATION_NOTICE
    from exclusion.demo.county import make_county
    from exclusion.demo.publishers import write_inbox, write_publishers
    from exclusion.errors import InputError

    if seed is not None and seed < 0:
        raise InputError(f"--seed {seed}: give a whole number from 0.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: the folder is not empty; name a new one.")
    county = make_county(DEFAULT_SEED if seed is None else seed)
    write_publishers(county, folder / "publishers")
    write_inbox(county, folder / "inbox")
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    print(f"{files} files written to {folder}. {DEMONSTRATION_NOTICE}.")
