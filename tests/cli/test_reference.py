"""The generated pages are the ones in docs/."""

from pathlib import Path

from exclusion.cli.reference import command_page

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_commands_is_up_to_date():
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == command_page(), "run `make docs`"
