"""Publish gates: what must hold of a draft before it may take the place of a good edition."""

import re
from collections.abc import Callable

from exclusion.editions.store import Draft
from exclusion.errors import GateError

# Ways in which a page would fetch something: sources, styles and imports with an address, not links for people.
_FETCHES = re.compile(
    rb"""<(?:script|img|iframe|audio|video|source|embed)\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?//"""
    rb"""|<link\b[^>]*\bhref\s*=\s*["']?(?:https?:)?//|@import\b|url\(\s*["']?(?:https?:)?//""",
    re.IGNORECASE,
)
_POLICY = b"Content-Security-Policy"


def check_gates(draft: Draft) -> None:
    """Pass a draft through all gates; GateError lists every one that fails, so that a person can act at once."""
    failed = [f"{name}: {fault}" for name, gate in GATES.items() if (fault := gate(draft))]
    if failed:
        raise GateError("The edition was not published, and the last good one stays. " + " ".join(failed))


def _areas_complete(draft: Draft) -> str | None:
    """Every area of the place is in the results, once."""
    facts = draft.facts
    if facts["areas"] == facts["areas_in_results"] > 0:
        return None
    return f"the place has {facts['areas']:,} areas and the results {facts['areas_in_results']:,}."


def _residents_reconcile(draft: Draft) -> str | None:
    """Residents add up to the published Census table's own sum for the same areas."""
    facts = draft.facts
    if facts["residents"] == facts["residents_published"]:
        return None
    return (
        f"residents add up to {facts['residents']:,}, the Census table says {facts['residents_published']:,}."
    )


def _people_plausible(draft: Draft) -> str | None:
    """The estimate is positive, not above the adults, and inside its own interval."""
    facts = draft.facts
    if (
        0
        < facts["people_offline_low"]
        <= facts["people_offline"]
        <= facts["people_offline_high"]
        <= facts["adults"]
    ):
        return None
    return f"{facts['people_offline']:,} people offline of {facts['adults']:,} adults cannot be right."


def _pages_are_offline(draft: Draft) -> str | None:
    """No page fetches anything from a network, and each forbids it by its own policy."""
    for name, path in sorted(draft.pages.items()):
        if name.endswith(".html"):
            body = path.read_bytes()
            if found := _FETCHES.search(body):
                return (
                    f"{name} would fetch from the network ({found.group(0)[:60].decode(errors='replace')})."
                )
            if _POLICY not in body:
                return f"{name} has no Content-Security-Policy."
    return None


def _demonstration_is_labelled(draft: Draft) -> str | None:
    """Every page and list of a made-up place says so."""
    if not draft.is_demonstration:
        return None
    notice = str(draft.facts["notice"]).encode()
    for name, path in sorted(draft.pages.items()):
        if name.endswith((".html", ".csv")) and notice not in path.read_bytes():
            return f"{name} does not say '{draft.facts['notice']}'."
    return None


GATES: dict[str, Callable[[Draft], str | None]] = {
    "areas complete": _areas_complete,
    "residents reconcile": _residents_reconcile,
    "people plausible": _people_plausible,
    "pages offline": _pages_are_offline,
    "demonstration labelled": _demonstration_is_labelled,
}
