"""Each gate is tripped by its own fault and by nothing else."""

import pytest

from exclusion.editions.gates import GATES, check_gates
from exclusion.editions.store import Draft
from exclusion.errors import GateError

NOTICE = "Demonstration data: not a real place"
PAGE = f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"><p>{NOTICE}</p>'
GOOD = {
    "areas": 2,
    "areas_in_results": 2,
    "residents": 3000,
    "residents_published": 3000,
    "adults": 2400,
    "people_offline": 200,
    "people_offline_low": 150,
    "people_offline_high": 260,
    "notice": NOTICE,
}


def draft(tmp_path, page=PAGE, **facts):
    path = tmp_path / "map.html"
    path.write_text(page)
    return Draft(
        name="dale-1",
        slug="dale",
        label="Dale",
        pages={"map.html": path},
        tables={},
        facts={**GOOD, **facts},
        is_demonstration=True,
    )


def test_a_good_draft_passes(tmp_path):
    check_gates(draft(tmp_path))


@pytest.mark.parametrize(
    ("gate", "change"),
    [
        ("areas complete", {"areas_in_results": 1}),
        ("areas complete", {"areas": 0, "areas_in_results": 0}),
        ("residents reconcile", {"residents": 2999}),
        ("people plausible", {"people_offline": 0, "people_offline_low": 0}),
        ("people plausible", {"people_offline_high": 2401}),
        ("people plausible", {"people_offline_low": 201}),
        ("pages offline", {"page": PAGE + '<script src="https://cdn.example/x.js"></script>'}),
        ("pages offline", {"page": PAGE + "<img src=//tiles.example/1.png>"}),
        ("pages offline", {"page": PAGE + "<style>@import 'x.css'</style>"}),
        ("pages offline", {"page": f"<p>{NOTICE}</p>"}),
        ("demonstration labelled", {"page": PAGE.replace(NOTICE, "a place")}),
    ],
)
def test_each_gate_stops_its_own_fault_only(tmp_path, gate, change):
    damaged = draft(tmp_path, **change)
    assert [name for name, check in GATES.items() if check(damaged)] == [gate]
    with pytest.raises(GateError, match=f"the last good one stays. {gate}:"):
        check_gates(damaged)


def test_links_for_people_are_no_fetches(tmp_path):
    check_gates(draft(tmp_path, page=PAGE + '<a href="https://www.ons.gov.uk/">ONS</a>'))
