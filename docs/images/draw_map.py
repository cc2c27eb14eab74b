"""Draw the README's picture from a page: the last demonstration's (`make run`), or one that is named."""

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1280, "height": 1050}
RANK = 4


def last_demonstration() -> Path:
    """Return the page of the whole place of the edition that is served."""
    served = ROOT / "maps" / "latest.json"
    if not served.is_file():
        raise SystemExit("There is no map to draw: run the demonstration first (make run).")
    edition = next(iter(json.loads(served.read_text(encoding="utf-8"))["places"].values()))
    return ROOT / "maps" / str(edition) / "all-areas.html"


def draw(page_file: Path, picture: Path) -> None:
    """Open a page with the network off, choose one of its first areas, show the whole map again, and draw it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(offline=True, viewport=SIZE).new_page()
        page.goto(page_file.resolve().as_uri())
        page.wait_for_selector("html.ready")
        page.locator("#areas tbody button").nth(RANK).click()
        page.click(".move-home")
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        page.mouse.move(5, 5)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    draw(
        Path(sys.argv[1]) if len(sys.argv) > 1 else last_demonstration(), ROOT / "docs" / "images" / "map.png"
    )
