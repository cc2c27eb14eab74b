"""Where a maker of made-up data puts the file behind a source, so that the local publishers serve it."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from exclusion.sources.catalogue import Source


def location(root: Path, source: Source, parameters: Mapping[str, str] | None = None) -> Path:
    """Return where under `root` the file (or layer, or dataset) behind a source belongs.

    For an ArcGIS source this is the layer's JSON, for Nomis the dataset's CSV, for Overpass the elements' JSON. A
    source that has no fixed address is found through its page: the file goes to `files/<page>/<file name>` and
    `link_page(root, source)` tells where the page with the link to it goes.
    """
    folder = root / source.publisher
    if source.arcgis is not None:
        return folder / "arcgis" / f"{source.arcgis.service}.json"
    if source.nomis is not None:
        return folder / "api" / f"{source.nomis.dataset}.csv"
    if source.overpass is not None:
        return folder / "overpass" / f"{source.id}.json"
    if source.address is None:
        if source.link is None or source.file_name is None:
            raise ValueError(f"source {source.id} is supplied by hand and has no place on a server")
        return folder / "files" / source.link.page / source.file_name
    parts = urlsplit(source.fill(source.address, parameters))
    path = unquote(parts.path)
    if parts.query and not Path(path).suffix:
        path = f"{path}/{unquote(parts.query)}"
    return folder / "files" / re.sub("/+", "/", path).strip("/")


def link_page(root: Path, source: Source) -> Path:
    """Return where the HTML page goes on which the link to a source's file is looked for."""
    if source.link is None:
        raise ValueError(f"source {source.id} is not looked for on a page")
    return root / (source.link.publisher or source.publisher) / "files" / source.link.page / "index.html"
