"""Progress lines: a bar where the length is known, gone when the source is done."""

import pytest

from exclusion.sources.bars import Bars, line_of
from exclusion.sources.fetched import Progress


@pytest.mark.parametrize(
    ("event", "ends"),
    [
        (Progress("roads", "checking"), " checking"),
        (Progress("roads", "downloading", 700_000), " 0.7 MB"),
        (
            Progress("roads", "downloading", 17_000_000, 68_000_000),
            f" {'#' * 6}{'-' * 18}  25%  17.0 of 68.0 MB",
        ),
        (
            Progress("lookup", "downloading", 35_672, 35_672, "rows"),
            f" {'#' * 24} 100%  35,672 of 35,672 rows",
        ),
        # A publisher that states too small a length does not break the bar.
        (Progress("roads", "downloading", 9_000_000, 6_000_000), f" {'#' * 24} 100%  9.0 of 6.0 MB"),
    ],
)
def test_a_line_tells_how_far_a_source_is(event, ends):
    line = line_of(event)
    assert line.startswith(event.source_id)
    assert line.endswith(ends)


def test_sources_under_way_are_shown_until_they_are_done():
    bars = Bars()
    for name in "abcdefgh":
        bars.take(Progress(name, "waiting"))
    assert bars.take(Progress("a", "checking")).splitlines()[0] == "Retrieving sources: 0 of 8 done"
    for name in "abcdefgh":
        text = bars.take(Progress(name, "downloading", 1, 2))
    assert text.count("50%") == 6
    assert text.endswith("and 2 more")
    assert " a " not in bars.take(Progress("a", "done"))
    assert bars.take(Progress("b", "failed")).splitlines()[0] == "Retrieving sources: 2 of 8 done"
