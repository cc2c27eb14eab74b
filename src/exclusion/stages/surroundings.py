"""What pages show round a place, from the tables and the road extract of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exclusion.publish.map.surroundings import Surroundings


def surroundings_of(everywhere: Any, here: Any, roads: Path | None) -> "Surroundings":
    """Return the councils round the areas `here` among `everywhere` (EPSG:27700), and the main roads of an extract.

    Raises SourceError where the extract cannot be read.
    """
    from exclusion.access.main_roads import read_main_roads
    from exclusion.publish.map.surroundings import Surroundings, surrounding_councils

    return Surroundings(
        councils=surrounding_councils(everywhere, here),
        roads=None if roads is None else read_main_roads(roads),
    )
