"""One folder of made pages, for all tests that open them in a browser."""

from dataclasses import replace
from pathlib import Path

import pytest

from exclusion.publish.map.index_page import Files, PlaceRow, build_index
from exclusion.publish.map.overview import council_outlines
from exclusion.publish.map.page import build_page
from exclusion.publish.map.provenance import build_provenance
from tests.publish.map_made import made_content

BREAKS = {"exclusion_score": (30.0, 45.0, 60.0, 75.0)}


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    content = made_content()
    place = tmp_path_factory.mktemp("maps")
    (place / "council.html").write_bytes(build_page(replace(content, national_breaks=BREAKS)))
    (place / "welsh.html").write_bytes(
        build_page(replace(content, national_breaks=BREAKS, language="cy", other_language="council.html"))
    )
    (place / "nation.html").write_bytes(
        build_page(
            replace(
                content,
                is_national=True,
                venues=None,
                plan=None,
                reach=None,
                pages={"E06000998": "council.html"},
            )
        )
    )
    outlines = council_outlines(content.areas)
    rows = (
        PlaceRow("Fellshire", "council.html", 30, 900, 9.5, 3, outline=outlines["E06000999"]),
        PlaceRow("Marrick", "nation.html", 1, outline=outlines["E06000998"]),
    )
    files = Files("Fellshire", (("Ranked areas (CSV)", "ranked.csv"), ("Method report", "council.html")))
    (place / "index.html").write_bytes(
        build_index(content.edition, rows, national_href="nation.html", lists=(files,))
    )
    (place / "how-this-was-made.html").write_bytes(build_provenance(content.edition))
    return place
