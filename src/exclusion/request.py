"""The request: what a person asked of a run, checked before anything is touched, as a job.

The command line and the flows take the same choices in the same words; what is wrong with one ends in the same
sentence, under the name by which the person gave it.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exclusion.errors import InputError
from exclusion.job import Job

_EMAIL = re.compile(r"[^@\s<>:]+@[^@\s<>:]+\.[^@\s<>:.]+")
_FILES = {"venues": "your own venues", "roads": "a road extract"}


def requested_job(
    choices: Mapping[str, Any], names: Mapping[str, str] | None = None, *, is_for_place: bool = False
) -> Job:
    """Return the job of fields of `Job`, where None means the field's own default.

    `accept` may name sources and publish gates alike. `reference` may be the name of an edition of `home` or the path of a reference.npz. `names` says how the person gave
    a field where that is not the field's own name (`within_min` as "--within"). Raises InputError that names it where a
    file or folder is absent, a number is out of range, a specification is not valid, a target level, source or gate is not known, a
    gate's failure is accepted without a why, a contact is no e-mail address, a job that ends in an edition (`is_for_place`) has no place, or one of a day of the
    past is given files of today.
    """
    called = {field: field for field in Job.model_fields} | dict(names or {})
    given = {field: value for field, value in choices.items() if value is not None}
    if is_for_place and not given.get("is_demo") and not given.get("places"):
        raise InputError(
            f"No place was named: give {called['places']} a council, county, region or nation (see `exclusion places`)."
        )
    _require_files(given, called)
    if (contact := given.get("contact")) and not _EMAIL.fullmatch(contact):
        raise InputError(
            f"{called['contact']} {contact}: give an e-mail address, such as open.data@council.example."
        )
    if "accept" in given:
        given |= _accepted(given["accept"], str(given.get("why", "")), called)
    if "target" in given:
        from exclusion.estimate.levels import find_level

        find_level(given["target"], called["target"])
    if given.get("spec", "default") != "default":
        from exclusion.index.spec import load_spec

        load_spec(given["spec"])
    if "reference" in given:
        home = Path(given.get("home", Path()))
        given["reference"] = _reference_file(str(given["reference"]), home, called["reference"])
    try:
        return Job.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        raise InputError(f"{called.get(field, field)} {first['input']}: {first['msg'].lower()}.") from None


def _require_files(given: Mapping[str, Any], called: Mapping[str, str]) -> None:
    """Raise InputError for a folder or a file that is not there, or that the past cannot be made from."""
    if (home := Path(given.get("home", Path()))).exists() and not home.is_dir():
        raise InputError(
            f"{called['home']} {home} is not a folder; name the one that holds data/ and maps/, or is to hold them."
        )
    if (inbox := given.get("inbox")) is not None and not Path(inbox).is_dir():
        raise InputError(
            f"{called['inbox']} {inbox}: there is no such folder; make it and put the downloaded files into it."
        )
    for field in ("inbox", "roads"):
        if "as_of" in given and field in given:
            raise InputError(
                f"{called[field]} with {called['as_of']}: an edition of the past is made from the copies that were held then, "
                f"whoever brought them; leave {called[field]} out."
            )
    for field, what in _FILES.items():
        if (path := given.get(field)) is not None and not Path(path).is_file():
            raise InputError(f"{called[field]} {path}: there is no such file; give the path of {what}.")


def _accepted(names: Iterable[str], why: str, called: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Part the names that were given into sources and publish gates."""
    from exclusion.editions.gates import GATE_NAMES, gates_named
    from exclusion.sources.catalogue import catalogue

    gates = gates_named(tuple(names))
    sources = tuple(name for name in names if name not in gates)
    known = catalogue().sources
    for name in sources:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *GATE_NAMES], n=1)
            hint = f"did you mean {near[0]}?" if near else "see `exclusion sources`."
            raise InputError(
                f"{called['accept']} {name}: there is no source and no gate of that name; {hint} The gates are "
                f"{', '.join(GATE_NAMES)}."
            )
    if gates and not why.strip():
        raise InputError(f"{called['accept']} {gates[0]}: say why with {called['why']} and a sentence.")
    return {"accept": sources, "accept_gates": gates}


def _reference_file(text: str, home: Path, called: str) -> Path:
    """Return the reference file of an edition that is named, or the file itself."""
    for path in (Path(text), home / "data" / "processed" / text / "reference.npz"):
        if path.is_file():
            return path
    raise InputError(
        f"{called} {text}: there is no such file and no edition of that name with a reference; `exclusion editions "
        "list` names the editions."
    )
