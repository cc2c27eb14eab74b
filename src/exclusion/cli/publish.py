"""exclusion publish: the last edition's tables into a team's own database."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def publish(
    *,
    to: str,
    schema: str = "exclusion",
    grant: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    home: Path = Path(),
    demo: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write areas, index, venues and plan of the last run into PostGIS, switched over in one transaction.

    Example: exclusion publish --to postgis://gis@db.council.internal/gis --grant planners

    Parameters
    ----------
    to
        postgis://user@host:port/database; a password is read from PGPASSWORD or a pgpass file.
    schema
        The schema to write into; it is made where it is absent.
    grant
        Roles that may read the tables; may be given more than once.
    home
        The folder that holds data/ and maps/.
    demo
        Write the fictional county.
    """
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.publish.postgis import write_postgis
    from exclusion.stages import edition_tables, standing_note

    job = Job(home=home, is_demo=demo)
    edition, layers = edition_tables(last_files(job, until="publish"))
    for line in write_postgis(to, layers, load=edition, schema=schema, readers=tuple(grant or ())):
        print(line)
    print(f"The views of schema {schema} now show edition {edition}.")
    if note := standing_note(job):
        print(note)
