"""What must hold of a draft's pages and lists."""

import re

from exclusion.editions.store import Draft, Past

# A map of some 250 areas may have 500 kB; each further area 2 kB; no page more than 8 MB. Reports carry charts.
_SMALL_AREAS, _SMALL_BYTES, _BYTES_PER_AREA, _MOST_BYTES = 250, 500_000, 2_000, 8_000_000
_REPORT_BYTES = 2_000_000

# Ways in which a page would fetch something: sources, styles and imports with an address, not links for people.
_FETCHES = re.compile(
    rb"""<(?:script|img|iframe|audio|video|source|embed)\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?//"""
    rb"""|<link\b[^>]*\bhref\s*=\s*["']?(?:https?:)?//|@import\b|url\(\s*["']?(?:https?:)?//""",
    re.IGNORECASE,
)
_POLICY = b"Content-Security-Policy"


def budget_bytes(areas: int | None) -> int:
    """Return how large a map of so many areas may be, or (None) a page that is no map."""
    if areas is None:
        return _REPORT_BYTES
    return min(_MOST_BYTES, _SMALL_BYTES + _BYTES_PER_AREA * max(0, areas - _SMALL_AREAS))


def budgets(draft: Draft, past: Past) -> str | None:
    """Every page is within its budget."""
    del past
    areas = {page["href"]: page["areas"] for page in draft.facts["map_pages"]}
    faults = []
    for name, path in sorted(draft.pages.items()):
        size, most = path.stat().st_size, budget_bytes(areas.get(name))
        if name.endswith(".html") and size > most:
            faults.append(f"{name} has {size:,} bytes, its budget is {most:,}")
    return "; ".join(faults) + "." if faults else None


def are_offline(draft: Draft, past: Past) -> str | None:
    """No page fetches anything from a network, and each forbids it by its own policy."""
    del past
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


def are_labelled(draft: Draft, past: Past) -> str | None:
    """Every page and list of a made-up place says so, and those of a nation ranked by itself that they compare with no other."""
    del past
    if not draft.is_demonstration and not draft.facts.get("notice"):
        return None
    notice = str(draft.facts["notice"]).encode()
    for name, path in sorted(draft.pages.items()):
        if name.endswith((".html", ".csv")) and notice not in path.read_bytes():
            return f"{name} does not say '{draft.facts['notice']}'."
    return None
