"""A page in the browser whose faults and requests are written down."""

from pathlib import Path


class Watched:
    """A page whose console errors, page errors and requests are kept."""

    def __init__(self, browser, **context) -> None:
        self.context = browser.new_context(
            offline=True, accept_downloads=True, **({"viewport": {"width": 1280, "height": 900}} | context)
        )
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on(
            "console",
            lambda message: (
                self.faults.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("blob:", "data:"))
                # A page is one file: nothing but the page that is opened may be read from the folder.
                or (request.url.startswith("file:") and request.is_navigation_request())
                else self.faults.append(request.url)
            ),
        )

    def open(self, path: Path, fragment: str = "", *, has_map: bool = True):
        self.page.goto(path.as_uri() + fragment)
        if has_map:
            self.page.wait_for_selector("html.ready", timeout=20_000)
        return self.page


def status(page) -> str:
    """Return what the page told last to those who cannot see it change."""
    return page.inner_text("#status")
