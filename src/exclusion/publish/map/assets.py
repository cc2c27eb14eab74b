"""The browser code that each page carries: vendored files checked by digest, and our own, with comments left out."""

import base64
import hashlib
import json
import re
import tomllib
from functools import cache
from importlib.resources import files

from exclusion.errors import ContractError

# The order matters: later files use what earlier ones define.
MAP_SCRIPTS = (
    "unpack.js", "geometry.js", "raster.js", "model.js", "layer.js", "surface.js", "legend.js", "controls.js", "search.js",
    "card.js", "table.js", "venues.js", "reach.js", "tries.js", "output.js", "print.js", "main.js",
)  # fmt: skip
MAP_STYLES = ("base.css", "tool.css", "print.css")
PAGE_STYLES = ("base.css", "print.css")


@cache
def vendored(name: str) -> str:
    """Return a vendored file's text; raise ContractError where its digest is not the one in the manifest."""
    folder = files("exclusion.publish.map") / "vendor"
    data = (folder / name).read_bytes()
    expected = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))[name]["sha256"]
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ContractError(
            f"The vendored file {name} has SHA-256 {found}, not {expected} as vendor/manifest.toml says: "
            "install the package again."
        )
    return data.decode("utf-8")


@cache
def script_of(*names: str) -> str:
    """Return our own scripts one behind the other, without comment lines and indentation."""
    return "".join(_without_comments(_asset(name)) for name in names)


@cache
def style_of(*names: str) -> str:
    """Return our own style sheets one behind the other, without comments and indentation."""
    text = "".join(_asset(name) for name in names)
    return _tightened(text)


@cache
def library_style() -> str:
    """Return a script that puts the library's style sheet before ours; it is packed with the scripts that need it."""
    text = json.dumps(_tightened(vendored("leaflet.css")), ensure_ascii=True)
    return (
        '(function(){var sheet=document.createElement("style");'
        f"sheet.textContent={text};document.head.insertBefore(sheet,document.head.querySelector('style'));}})();\n"
    )


def _tightened(text: str) -> str:
    """Leave out comments, indentation and the blanks behind marks of a style sheet."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines = (re.sub(r"\s*([{;,])\s+|(:)\s+", r"\1\2", line.strip()) for line in text.splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def content_security_policy(scripts: tuple[str, ...]) -> str:
    """Return a policy that allows no network access at all, and only the given scripts by their hash.

    Style is inline because Leaflet places its panes by style; styles can load nothing under this policy.
    """
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes or chr(39) + 'none' + chr(39)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _asset(name: str) -> str:
    return (files("exclusion.publish.map") / "assets" / name).read_text(encoding="utf-8")


def _without_comments(text: str) -> str:
    """Leave out lines that are only a `//` comment; our files hold no text that spans lines, so this is safe."""
    lines = (line.strip() for line in text.splitlines())
    return "".join(line + "\n" for line in lines if line and not line.startswith("//"))
