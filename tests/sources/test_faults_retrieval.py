"""What publishers do wrong, one case at a time: each ends in the right bytes or in one clear reason.

Every case is run on an empty store; every case that ends in a reason is run again over a store that holds a good
copy, which must stay in use, whole and alone.
"""

import re

import pytest

from exclusion.errors import SourceError
from tests.sources import fault_cases_files, fault_cases_interfaces
from tests.sources.fault_scripts import Case
from tests.sources.retrieval_world import World, changed_catalogue

CASES = [*fault_cases_files.CASES, *fault_cases_interfaces.CASES]


def lay(world: World, case: Case) -> None:
    world.server.clear()
    for match, faults, is_repeating in case.script:
        world.server.script(match, *faults, is_repeating=is_repeating)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_fault_ends_in_the_right_bytes_or_one_clear_reason(case: Case, world: World):
    plain = changed_catalogue(world, case.source, {})
    of = changed_catalogue(world, case.source, case.changes)
    undisturbed = world.pull(case.source, "good", of=plain)[case.source]
    good = undisturbed.path.read_bytes()
    if case.prepare is not None:
        case.prepare(world.server.root)
    lay(world, case)
    world.clock.slept.clear()
    report = world.pull(case.source, "fresh", of=of)
    if case.requests is not None:
        assert len(world.server.requests) == case.requests
    assert sum(world.clock.slept) >= case.slept_at_least
    if case.expect is None:
        assert report.missing == ()
        assert report[case.source].path.read_bytes() == good
        assert report[case.source].how == "downloaded"
        return
    assert report.snapshots == {}
    (missing,) = report.missing
    assert re.search(case.expect, missing.why), missing.why
    assert missing.source_id == case.source
    assert not list((world.folder / "fresh" / case.source).glob("[!.]*")), "a partial file was entered"
    with pytest.raises(SourceError, match=f"Source {case.source} .* is missing: "):
        report[case.source]

    lay(world, case)
    again = world.pull(case.source, "good", of=of, refresh=True)[case.source]
    if "304" in case.name:
        assert again.how == "last_good" or again.how == "unchanged"
    else:
        assert again.how == "last_good"
        assert f"Source {case.source} is the last good copy, retrieved or confirmed today" in again.message
        assert re.search(case.expect, again.message)
    assert again.path.read_bytes() == good
    assert len(list((world.folder / "good" / case.source).glob("[!.]*"))) == 1


def test_there_are_at_least_sixty_cases_with_names_of_their_own():
    assert len({case.name for case in CASES}) == len(CASES) >= 60
