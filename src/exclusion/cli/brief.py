"""exclusion brief: one printed page on an area, a place or a plan."""

import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def brief(
    *,
    area: str | None = None,
    place: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    plan: Annotated[bool, Parameter(negative=())] = False,
    out: Path | None = None,
    pdf: Annotated[bool, Parameter(negative=())] = False,
    demo: Annotated[bool, Parameter(negative=())] = False,
    home: Path = Path(),
) -> None:
    """Write a one-page brief in plain English: where, who, why, how sure, what to do, what it might save.

    Example: exclusion brief --place Northumberland --pdf

    Parameters
    ----------
    area
        One small area, by its LSOA 2021 code.
    place
        A council or any other place within the areas of the last run.
    plan
        The plan of the last run.
    out
        The file to write; named after what the brief is of where it is left out.
    pdf
        Also print it to PDF, through the Chromium on this machine.
    demo
        Use the fictional county's tables.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.errors import InputError
    from exclusion.files import write_bytes
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.stages import brief_page

    if sum((area is not None, bool(place), plan)) != 1:
        raise InputError("Say what the brief is of: --area CODE, --place NAME or --plan, one of them.")
    if out is not None and out.suffix.lower() not in {".html", ".htm"}:
        raise InputError(
            f"--out {out}: a brief is a page; give a name that ends in .html (--pdf prints it beside)."
        )
    job = Job(home=home, places=tuple(place or ()), is_demo=demo)
    name, page = brief_page(job, last_files(job, until="publish"), area=area, is_plan=plan)
    target = out or Path(name)
    write_bytes(target, page)
    print(f"Brief written to {target}")
    if pdf:
        print(f"Printed to {_printed(target)}")


def _printed(page: Path) -> Path:
    """Print a page to PDF beside it with headless Chromium; InputError where there is none."""
    import subprocess
    import tempfile

    from exclusion.errors import ExclusionError, InputError
    from exclusion.files import atomic_path

    browser = next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )
    if browser is None:
        raise InputError(
            f"--pdf: there is no Chromium on this machine; open {page} in any browser and print it."
        )
    target = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as profile, atomic_path(target) as made:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}",
            f"--print-to-pdf={made}", page.resolve().as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - our own page
        if done.returncode or not made.stat().st_size:
            raise ExclusionError(
                f"--pdf: {browser} could not print {page}; open it in a browser and print it."
            )
    return target
