"""The page on sources: what it shows works as it stands."""

import re
import textwrap
from pathlib import Path

import pytest

from exclusion.sources import catalogue
from exclusion.sources.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sources.md").read_text(encoding="utf-8")


def test_the_entry_that_is_shown_is_a_whole_one(tmp_path):
    shown = textwrap.dedent(
        next(b for b in re.findall(r"(?:^    .*\n|^\n)+", PAGE, re.MULTILINE) if "[sources." in b)
    )
    whole = (ROOT / "src/exclusion/sources/catalogue.toml").read_text(encoding="utf-8")
    publishers = whole[: whole.index("[sources.")]
    path = tmp_path / "catalogue.toml"
    path.write_text(publishers + shown, encoding="utf-8")
    (source,) = load_catalogue(path).sources.values()
    real = catalogue().source(source.id)
    assert (source.arcgis, source.reader, source.key) == (real.arcgis, real.reader, real.key)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"test_\w+\.py", PAGE))))
def test_the_tests_that_are_named_are_there(name):
    assert (ROOT / "tests/sources" / name).is_file()
