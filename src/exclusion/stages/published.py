"""Published editions, read back for a comparison."""

from typing import TYPE_CHECKING

from exclusion.editions.compare import EditionTables
from exclusion.errors import InputError
from exclusion.job import Job
from exclusion.stages.tables import read_json, read_table
from exclusion.stages.takeaways import INDEX_INPUT, SPEC

if TYPE_CHECKING:
    from exclusion.editions.store import Edition


def tables_of(job: Job, edition: "Edition") -> EditionTables:
    """Return an edition's manifest and tables; InputError where its tables are gone."""
    from exclusion.index.spec import parse_spec

    folder = job.processed / edition.name
    if not (folder / "results.parquet").is_file():
        raise InputError(f"{edition.name}: its tables are gone from {folder}; run again to publish it anew.")
    has_input = (folder / INDEX_INPUT).is_file() and (folder / SPEC).is_file()
    return EditionTables(
        name=edition.name,
        manifest=edition.manifest,
        results=read_table(folder / "results.parquet").set_index("lsoa21cd"),
        index_input=read_table(folder / INDEX_INPUT).set_index("lsoa21cd") if has_input else None,
        spec=parse_spec(read_json(folder / SPEC), SPEC) if has_input else None,
    )
