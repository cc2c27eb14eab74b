"""What axe-core finds on a page that is open in the browser."""

from pathlib import Path

import pytest

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_source() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe is not installed (extra: browser)")
    return next(Path(package.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")


# What is in order is left in the browser: it is every element of the page, once a rule.
AXE_RUN = """async ([where, tags]) => {
  const found = await axe.run(where || document, {runOnly: tags, resultTypes: ["violations", "incomplete"]});
  return {violations: found.violations, incomplete: found.incomplete};
}"""


def violations(page) -> list[str]:
    page.evaluate(axe_source() + ";0")
    found = page.evaluate(AXE_RUN, ["", AXE_TAGS])
    # What axe could not decide must be its known limits: contrast over images, and hidden text.
    assert {one["id"] for one in found["incomplete"]} <= {"color-contrast", "aria-valid-attr-value"}
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]
