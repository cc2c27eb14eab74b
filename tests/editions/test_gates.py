"""Each gate is tripped by its own fault and by nothing else; a failure can be acted on, or accepted by name."""

import re

import pandas as pd
import pytest

from exclusion.editions.gates import GATE_NAMES, Acceptance, check_gates, judge
from exclusion.editions.page_checks import budget_bytes
from exclusion.editions.store import Past
from exclusion.errors import GateError, InputError
from tests.editions.made import AREAS, INDICATOR, NOTICE, PAGE, made_draft, made_edition, made_results

RANKS = list(range(1, AREAS + 1))


def ranked(order):
    return made_results(exclusion_rank=pd.array(order, dtype="Int64"))


def swapped(count):
    """Swap the first areas with as many fifty places on: each of them moves by five tenths."""
    return ranked([*RANKS[50 : 50 + count], *RANKS[count:50], *RANKS[:count], *RANKS[50 + count :]])


def doubled():
    table = made_results()
    return pd.concat([table, table.iloc[[5]]])


def changed(column, value, row=7):
    table = made_results()
    table[column] = table[column].astype(object)
    table.iloc[row, table.columns.get_loc(column)] = value
    return table.infer_objects()


def failed(draft, past=None):
    return [verdict.gate for verdict in judge(draft, past) if verdict.state == "failed"]


@pytest.fixture
def past(tmp_path):
    return Past(made_edition(tmp_path))


FAULTS = [
    ("contracts", {"results": doubled()}),
    ("contracts", {"results": changed("offline_share_pct", 30.0)}),
    ("contracts", {"results": changed("offline_share_high_pct", 120.0)}),
    ("contracts", {"results": changed("help_min", -1.0)}),
    ("contracts", {"results": changed("risk_rank", None)}),
    ("contracts", {"results": changed("lad_cd", "Dale")}),
    ("areas-complete", {"areas_in_results": AREAS - 1}),
    ("areas-complete", {"results": made_results().iloc[:-1]}),
    ("totals-reconcile", {"residents": 149_999}),
    ("totals-reconcile", {"households": 60_001}),
    ("totals-reconcile", {"results": changed("people_offline", 201)}),
    ("people-plausible", {"people_offline_high": 120_001}),
    ("people-plausible", {"people_offline_low": 20_001}),
    ("backtest", {"backtest_scores": {"rank_correlation": 0.67, "worst_tenth_found_pct": 50.0}}),
    ("backtest", {"backtest_scores": {"rank_correlation": 0.70, "worst_tenth_found_pct": 44.0}}),
    ("decile-moves", {"results": swapped(2)}),
    ("direction", {"indicators": [{**INDICATOR, "points_as_declared": -0.98}]}),
    ("direction", {"indicators": [{**INDICATOR, "agrees_with_risk": -0.6}]}),
    ("fallbacks", {"indicators": [{**INDICATOR, "not_own_pct": 26.0}]}),
    ("fallbacks", {"results": made_results(is_ranked=[False] * 6 + [True] * (AREAS - 6))}),
    ("page-budgets", {"page": PAGE + "x" * 500_000}),
    ("pages-offline", {"page": PAGE + '<script src="https://cdn.example/x.js"></script>'}),
    ("pages-offline", {"page": PAGE + "<img src=//tiles.example/1.png>"}),
    ("pages-offline", {"page": PAGE + "<style>@import 'x.css'</style>"}),
    ("pages-offline", {"page": f"<p>{NOTICE}</p>"}),
    ("demonstration-labelled", {"page": PAGE.replace(NOTICE, "a place")}),
]


@pytest.mark.parametrize(("gate", "change"), FAULTS, ids=[f"{n}-{g}" for n, (g, _) in enumerate(FAULTS)])
def test_each_gate_stops_its_own_fault_only(tmp_path, past, gate, change):
    damaged = made_draft(tmp_path, **change)
    assert failed(damaged, past) == [gate]
    with pytest.raises(GateError, match=f"the last good one stays. {gate}: .+"):
        check_gates(damaged, past)


def test_an_edition_that_was_rolled_back_is_not_served_again_unasked(tmp_path, past):
    draft = made_draft(tmp_path)
    assert failed(draft, Past(past.previous, frozenset({draft.name}))) == ["not-withdrawn"]


def test_every_gate_has_a_fault_of_its_own():
    assert {gate for gate, _ in FAULTS} | {"not-withdrawn"} == set(GATE_NAMES)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"page": PAGE + '<a href="https://www.ons.gov.uk/">ONS</a>'},
        {"backtest_scores": {"rank_correlation": 0.68, "worst_tenth_found_pct": 45.0}},
        {"results": swapped(1)},
        {"indicators": [{**INDICATOR, "not_own_pct": 25.0}]},
        {"indicators": [{**INDICATOR, "points_as_declared": None, "agrees_with_risk": None}]},
        {"results": made_results(is_ranked=[False] * 5 + [True] * (AREAS - 5))},
    ],
)
def test_a_good_draft_passes_and_so_does_one_at_the_limit(tmp_path, past, change):
    draft = made_draft(tmp_path, **change)
    assert failed(draft, past) == failed(draft) == []


def test_another_specification_is_another_ranking_and_is_not_compared(tmp_path, past):
    assert failed(made_draft(tmp_path, results=swapped(20), spec={"spec_id": "deri"}), past) == []


def test_a_failure_writes_a_report_to_act_on_and_a_pass_removes_it(tmp_path, past):
    report = tmp_path / "reports" / "dale.md"
    with pytest.raises(GateError, match=re.escape(str(report))):
        check_gates(made_draft(tmp_path, results=swapped(2), residents=1), past, report=report)
    text = report.read_text()
    assert "2 of 12 gates failed. What is served stays as it was: `dale-0000000000`." in text
    assert '--accept totals-reconcile decile-moves --why "one sentence"' in text
    assert "| Dale 000A (E01900001) | Dale | 1 | 51 | +50 |" in text
    assert "- census" not in text
    check_gates(made_draft(tmp_path), past, report=report)
    assert not report.exists()


def test_an_accepted_gate_passes_and_says_who_and_why(tmp_path, past):
    draft = made_draft(tmp_path, results=swapped(2))
    verdicts = check_gates(draft, past, Acceptance(("decile-moves", "backtest"), "new income data", "ada"))
    said = {v.gate: v.as_json() for v in verdicts}
    assert said["decile-moves"]["state"] == "accepted"
    assert said["decile-moves"]["accepted_by"] == "ada"
    assert said["decile-moves"]["why"] == "new income data"
    assert "4 of 100 areas" in said["decile-moves"]["fault"]
    assert "why" not in said["backtest"]
    with pytest.raises(GateError, match="residents"):
        check_gates(made_draft(tmp_path, residents=1), past, Acceptance(("decile-moves",), "x", "ada"))


def test_an_acceptance_needs_a_gate_that_exists_and_a_reason(tmp_path):
    with pytest.raises(InputError, match="no gate 'totals'"):
        judge(made_draft(tmp_path), None, Acceptance(("totals",), "x", "ada"))
    with pytest.raises(InputError, match="add --why"):
        judge(made_draft(tmp_path), None, Acceptance(("backtest",), " ", "ada"))


def test_budgets_grow_with_the_areas_up_to_the_nation():
    assert budget_bytes(0) == budget_bytes(250) == 500_000
    assert budget_bytes(None) == 2_000_000, "a report is no map"
    assert budget_bytes(300) == 600_000
    assert budget_bytes(35_672) == 8_000_000
