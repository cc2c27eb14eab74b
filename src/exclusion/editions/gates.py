"""Publish gates: what must hold of a draft before it may take the place of a good edition, and who let what pass."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from exclusion.editions import change_checks, content_checks, page_checks
from exclusion.editions.gate_report import report_text
from exclusion.editions.store import Draft, Past
from exclusion.errors import GateError, InputError
from exclusion.files import write_text


@dataclass(frozen=True)
class Gate:
    """One gate: its name for `--accept`, what must hold, what a person does about it, and the check itself.

    The check returns None where the gate is passed, else what is wrong in a sentence with its figures.
    """

    name: str
    holds: str
    advice: str
    check: Callable[[Draft, Past], str | None]


@dataclass(frozen=True)
class Verdict:
    """What a gate came to; `by` and `why` where a person accepted a failure."""

    gate: str
    state: Literal["passed", "accepted", "failed"]
    holds: str
    advice: str
    fault: str = ""
    by: str = ""
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        said = {"fault": self.fault, "accepted_by": self.by, "why": self.why}
        return {"gate": self.gate, "state": self.state, "holds": self.holds} | {
            key: text for key, text in said.items() if text
        }


@dataclass(frozen=True)
class Acceptance:
    """Gates whose failure a person has looked at and takes, why, and who."""

    gates: tuple[str, ...] = ()
    why: str = ""
    by: str = ""


GATES = (
    Gate(
        "contracts",
        "the results hold each area once, with codes, ranks, shares and intervals in their ranges",
        "Look at the column named; report it if no input explains it.",
        content_checks.contracts,
    ),
    Gate(
        "areas-complete",
        "every area of the place is in the results with a score",
        "Look at `exclusion sources`: a lookup or a Census table may be cut short.",
        content_checks.areas_complete,
    ),
    Gate(
        "totals-reconcile",
        "residents and households add up to the Census tables' own sums, people offline to the headline",
        "Do not accept this: figures were lost or counted twice on the way. Report it.",
        content_checks.totals_reconcile,
    ),
    Gate(
        "people-plausible",
        "the estimate of people offline is positive, inside its interval and not above the adults",
        "Look at the back-test page and at the sources of the estimate.",
        content_checks.people_plausible,
    ),
    Gate(
        "backtest",
        "the estimate ranks held-out areas about as well as the last edition did",
        "Compare both back-test pages; a changed source or a changed yardstick is the usual reason.",
        change_checks.backtest,
    ),
    Gate(
        "decile-moves",
        "few areas move by more than two tenths of the ranking from one edition to the next",
        "Look at the largest moves below: new data or new weights may explain them, a damaged file as well.",
        change_checks.decile_moves,
    ),
    Gate(
        "direction",
        "every indicator raises or lowers risk as declared, and none turned round since the last edition",
        "Look at the indicator's source: a publisher may have turned its scale or swapped columns.",
        change_checks.direction,
    ),
    Gate(
        "fallbacks",
        "the index rests mostly on each area's own figures, and nearly all areas are ranked",
        "Put the missing publishers' files into the inbox (`exclusion sources` says from where), then run again.",
        content_checks.fallbacks,
    ),
    Gate(
        "page-budgets",
        "every page is small enough to open on an old laptop and to send by e-mail",
        "Report it; the page is larger than it was designed to be.",
        page_checks.budgets,
    ),
    Gate(
        "pages-offline",
        "no page fetches anything from a network, and each forbids it by its own policy",
        "Do not accept this: report it.",
        page_checks.are_offline,
    ),
    Gate(
        "demonstration-labelled",
        "every page and list of a made-up place says that it is one",
        "Do not accept this: report it.",
        page_checks.are_labelled,
    ),
    Gate(
        "not-withdrawn",
        "the edition was not taken out of service by a rollback",
        "It is the same as an edition that was rolled back; if it was right after all, accept this.",
        change_checks.not_withdrawn,
    ),
)
GATE_NAMES = tuple(gate.name for gate in GATES)


def judge(draft: Draft, past: Past | None = None, accepted: Acceptance | None = None) -> list[Verdict]:
    """Return the verdict of every gate, in order; InputError for an acceptance of a gate that is not there."""
    past, accepted = past or Past(), accepted or Acceptance()
    for name in accepted.gates:
        if name not in GATE_NAMES:
            raise InputError(f"There is no gate '{name}'; there are {', '.join(GATE_NAMES)}.")
    if accepted.gates and not accepted.why.strip():
        raise InputError(f"Accepting {accepted.gates[0]} needs a reason: add --why and a sentence.")
    return [_verdict(gate, draft, past, accepted) for gate in GATES]


def _verdict(gate: Gate, draft: Draft, past: Past, accepted: Acceptance) -> Verdict:
    fault = gate.check(draft, past)
    if fault is None:
        return Verdict(gate.name, "passed", gate.holds, gate.advice)
    if gate.name in accepted.gates:
        return Verdict(
            gate.name, "accepted", gate.holds, gate.advice, fault, accepted.by, accepted.why.strip()
        )
    return Verdict(gate.name, "failed", gate.holds, gate.advice, fault)


def check_gates(
    draft: Draft,
    past: Past | None = None,
    accepted: Acceptance | None = None,
    *,
    report: Path | None = None,
) -> list[Verdict]:
    """Pass a draft through all gates and return the verdicts.

    GateError names every gate that fails; with `report` a Markdown report is written there first, so that a person
    can act at once. A report of an earlier failure is removed where the draft passes.
    """
    verdicts = judge(draft, past, accepted)
    failed = [verdict for verdict in verdicts if verdict.state == "failed"]
    if not failed:
        if report is not None:
            report.unlink(missing_ok=True)
        return verdicts
    said = " ".join(f"{verdict.gate}: {verdict.fault}" for verdict in failed)
    where = ""
    if report is not None:
        write_text(report, report_text(draft, past or Past(), verdicts))
        where = f" What to do is in {report}."
    raise GateError(f"The edition was not published, and the last good one stays. {said}{where}", report)


def gates_named(names: Collection[str]) -> tuple[str, ...]:
    """Return those of the names that are gates, in the gates' order."""
    return tuple(name for name in GATE_NAMES if name in names)
