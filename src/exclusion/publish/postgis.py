"""The edition's tables in PostGIS: loaded beside the old ones, then switched to in one transaction.

Each table is loaded under a name of its own (`areas__b9cc0288b8`), with types, keys, indexes and comments; readers see
views (`areas`), which change to the new tables all at once or not at all. The tables of the edition before stay until
the next load, for those who still read them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from exclusion.errors import ContractError, InputError

# In the order in which they are loaded: a layer refers to earlier ones only.
LAYERS = ("edition", "areas", "area_index", "venues", "plan")
_SRID = 27700
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,50}")
# How many loads of a table are kept: the one that is served and the one before.
_KEPT_LOADS = 2


@dataclass(frozen=True)
class Layer:
    """One table to load.

    `frame` may be a GeoDataFrame in EPSG:27700 (column `geometry`); `key` its unique, complete key; `references` leads
    from a column to the layer whose key it is; `comments` describes columns; `indexed` columns get an index.
    """

    name: str
    frame: Any
    key: str
    comment: str
    comments: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    indexed: Sequence[str] = ()


def edition_layers(
    edition: Mapping[str, Any],
    areas: Any,
    results: pd.DataFrame,
    venues: pd.DataFrame | None,
    plan: pd.DataFrame | None,
    comments: Mapping[str, str],
) -> list[Layer]:
    """Return the layers of an edition: `edition`, `areas`, `area_index`, and, where there is a plan, `venues`, `plan`.

    `areas` is the spine (EPSG:27700), `results` one row an area by `lsoa21cd`, `venues` and `plan` are keyed by
    `venue_id`; `comments` describes columns wherever they stand.
    """
    spine = areas.reset_index(drop=True)
    shared = [column for column in spine.columns if column not in {"geometry", "lsoa21cd"}]
    scores = results.drop(columns=shared, errors="ignore").reset_index()
    layers = [
        Layer("edition", pd.DataFrame([dict(edition)]), "edition", "Which edition the tables beside it belong to."),
        Layer(
            "areas", spine, "lsoa21cd", "One row an LSOA 2021: names, councils, regions, rural class, outline.",
            comments, indexed=("lad_cd", "rgn_cd"),
        ),
        Layer(
            "area_index", scores, "lsoa21cd",
            "One row an area: scores, ranks with intervals, people offline with interval, time to help, needs type.",
            comments, references={"lsoa21cd": "areas"}, indexed=("exclusion_rank", "risk_rank"),
        ),
    ]  # fmt: skip
    if venues is not None:
        layers.append(
            Layer("venues", _with_points(venues), "venue_id", "Existing and candidate venues around the place.", comments, indexed=("kind",))
        )  # fmt: skip
    if plan is not None:
        layers.append(
            Layer(
                "plan", _with_points(plan), "venue_id", "Venues of the plan, kept and chosen, in order of what each adds.",
                comments, references={"venue_id": "venues"} if venues is not None else {},
            )
        )  # fmt: skip
    return layers


def _with_points(table: pd.DataFrame) -> Any:
    import geopandas

    points = geopandas.points_from_xy(table["x_m"], table["y_m"])
    return geopandas.GeoDataFrame(table.reset_index(drop=True), geometry=points, crs=f"EPSG:{_SRID}")


def write_postgis(
    address: str,
    layers: Sequence[Layer],
    *,
    load: str,
    schema: str = "exclusion",
    readers: Sequence[str] = (),
) -> list[str]:
    """Load the layers and switch the views to them in one transaction; return a line a table.

    `address` is `postgis://user@host:port/database` (a password may come from PGPASSWORD or a pgpass file); `load` names
    this load (the edition's hash); `schema` is made where it is absent; roles in `readers` may read the views. Loading
    the same edition again replaces it. On any error nothing changes. Raises InputError where the server, PostGIS, a
    role or a right is missing, or views of somebody else depend on columns that are gone; ContractError where a table
    breaks its own key.
    """
    try:
        import psycopg
    except ImportError:
        raise InputError(
            "Writing to PostGIS needs the extra 'postgis': pip install 'exclusion-map[postgis]'."
        ) from None
    for name in (schema, *readers, *(layer.name for layer in layers)):
        _require_identifier(name)
    for layer in layers:
        _require_key(layer)
    try:
        with psycopg.connect(_libpq(address), connect_timeout=15, application_name="exclusion") as connection:
            return _load(
                connection,
                layers,
                load=re.sub(r"[^a-z0-9]", "", load.lower())[-10:],
                schema=schema,
                readers=readers,
            )
    except psycopg.errors.DependentObjectsStillExist as error:
        raise InputError(
            f"Views in the database depend on columns that this edition no longer has ({_first_line(error)}); "
            "drop or change them, then publish again. Nothing was changed."
        ) from None
    except psycopg.Error as error:
        raise InputError(
            f"PostGIS at {_without_password(address)}: {_first_line(error)}. Nothing was changed."
        ) from None


def _libpq(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in {"postgis", "postgresql", "postgres"} or not rest:
        raise InputError(
            f"'{_without_password(address)}' is no PostGIS address; write postgis://user@host:port/database."
        )
    return f"postgresql://{rest}"


def _without_password(address: str) -> str:
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", address)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removeprefix("ERROR: ").strip().rstrip(".") if lines else type(error).__name__


def _require_identifier(name: str) -> None:
    if not _IDENTIFIER.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be the name of a schema, role or table; use lower-case letters, digits and _."
        )


def _require_key(layer: Layer) -> None:
    key = layer.frame[layer.key]
    if key.isna().any() or not key.is_unique:
        raise ContractError(
            f"Table {layer.name}: its key {layer.key} is missing or stands twice; nothing was written."
        )


def _load(
    connection: Any, layers: Sequence[Layer], *, load: str, schema: str, readers: Sequence[str]
) -> list[str]:
    from psycopg import sql

    with connection.transaction():
        cursor = connection.cursor()
        # Two publishers into one schema wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"exclusion:{schema}"])
        cursor.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        tables: dict[str, str] = {}
        lines = []
        for layer in layers:
            tables[layer.name] = _new_table_name(cursor, schema, layer.name, load)
            _create(cursor, layer, schema, tables)
            rows = _copy(cursor, layer, schema, tables[layer.name])
            _finish(cursor, layer, schema, tables[layer.name])
            lines.append(f"{schema}.{layer.name}: {rows:,} rows")
        for layer in layers:
            _switch(cursor, layer, schema, tables[layer.name])
        for reader in readers:
            cursor.execute(
                sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
                    sql.Identifier(schema), sql.Identifier(reader)
                )
            )
            for name in [*tables, *tables.values()]:
                cursor.execute(
                    sql.SQL("GRANT SELECT ON {} TO {}").format(
                        sql.Identifier(schema, name), sql.Identifier(reader)
                    )
                )
        # An edition without a plan leaves none of the last one's in view.
        for name in LAYERS:
            if name not in tables:
                cursor.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(sql.Identifier(schema, name)))
        for name in reversed(LAYERS):
            _drop_older(cursor, schema, name)
    return lines


def _loads_of(cursor: Any, schema: str, name: str) -> list[str]:
    """Return the tables that hold loads of a layer, oldest first."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind = 'r' AND starts_with(c.relname, %s) ORDER BY c.oid",
        [schema, f"{name}__"],
    )
    return [row[0] for row in cursor.fetchall()]


def _new_table_name(cursor: Any, schema: str, name: str, load: str) -> str:
    taken = set(_loads_of(cursor, schema, name))
    names = (f"{name}__{load}" + (f"_{number}" if number else "") for number in range(len(taken) + 1))
    return next(each for each in names if each not in taken)


def _create(cursor: Any, layer: Layer, schema: str, tables: Mapping[str, str]) -> None:
    from psycopg import sql

    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column), sql.SQL(kind), sql.SQL(" PRIMARY KEY" if column == layer.key else "")
        )
        for column, kind in _types(layer)
    ]
    for column, other in layer.references.items():
        columns.append(
            sql.SQL("FOREIGN KEY ({}) REFERENCES {}").format(
                sql.Identifier(column), sql.Identifier(schema, tables[other])
            )
        )
    cursor.execute(
        sql.SQL("CREATE TABLE {} ({})").format(
            sql.Identifier(schema, tables[layer.name]), sql.SQL(", ").join(columns)
        )
    )


def _types(layer: Layer) -> list[tuple[str, str]]:
    found = []
    for column, dtype in layer.frame.dtypes.items():
        if str(dtype) == "geometry":
            kind = f"geometry({_geometry_kind(layer)}, {_SRID})"
        elif pd.api.types.is_bool_dtype(dtype):
            kind = "boolean"
        elif pd.api.types.is_integer_dtype(dtype):
            kind = "bigint"
        elif pd.api.types.is_float_dtype(dtype):
            kind = "double precision"
        else:
            kind = "text"
        found.append((str(column), kind))
    return found


def _geometry_kind(layer: Layer) -> str:
    crs = layer.frame.crs
    if crs is None or crs.to_epsg() != _SRID:
        raise ContractError(f"Table {layer.name} is in {crs}; PostGIS tables are written in EPSG:{_SRID}.")
    return "Point" if set(layer.frame.geometry.geom_type) <= {"Point"} else "MultiPolygon"


def _copy(cursor: Any, layer: Layer, schema: str, table: str) -> int:
    from psycopg import sql

    columns = sql.SQL(", ").join(sql.Identifier(name) for name, _ in _types(layer))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(schema, table), columns)
    rows = 0
    with cursor.copy(statement) as copy:
        for row in _rows(layer):
            copy.write_row(row)
            rows += 1
    return rows


def _rows(layer: Layer) -> Iterator[tuple[Any, ...]]:
    """Yield rows of plain Python values, None where a cell is missing and hexadecimal EWKB for shapes."""
    import shapely

    columns: list[list[Any]] = []
    for name, kind in _types(layer):
        values = layer.frame[name]
        if kind.startswith("geometry"):
            shapes = shapely.set_srid(values.to_numpy(), _SRID)
            if "MultiPolygon" in kind:
                single = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
                shapes[single] = shapely.multipolygons(shapes[single][:, None]) if single.any() else []
                shapes = shapely.set_srid(shapes, _SRID)
            columns.append(shapely.to_wkb(shapes, hex=True, include_srid=True).tolist())
        else:
            plain = values.astype(object).where(values.notna(), None)
            # PostgreSQL's text cannot hold a NUL.
            columns.append(
                [v.replace("\0", "") if isinstance(v, str) else v for v in plain.tolist()]
                if kind == "text"
                else plain.tolist()
            )
    return zip(*columns, strict=True)


def _finish(cursor: Any, layer: Layer, schema: str, table: str) -> None:
    """Add indexes and comments, and let the planner know the table."""
    from psycopg import sql

    where = sql.Identifier(schema, table)
    for name, kind in _types(layer):
        if kind.startswith("geometry"):
            cursor.execute(sql.SQL("CREATE INDEX ON {} USING gist ({})").format(where, sql.Identifier(name)))
        elif name in layer.indexed:
            cursor.execute(sql.SQL("CREATE INDEX ON {} ({})").format(where, sql.Identifier(name)))
        if name in layer.comments:
            text = sql.Literal(layer.comments[name])
            cursor.execute(
                sql.SQL("COMMENT ON COLUMN {} IS {}").format(sql.Identifier(schema, table, name), text)
            )
    cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(where, sql.Literal(layer.comment)))
    cursor.execute(sql.SQL("ANALYZE {}").format(where))


def _switch(cursor: Any, layer: Layer, schema: str, table: str) -> None:
    import psycopg
    from psycopg import sql

    view = sql.Identifier(schema, layer.name)
    select = sql.SQL("VIEW {} AS SELECT * FROM {}").format(view, sql.Identifier(schema, table))
    try:
        with cursor.connection.transaction():
            cursor.execute(sql.SQL("CREATE OR REPLACE ") + select)
    except psycopg.errors.InvalidTableDefinition:
        # Columns have changed, which a view cannot follow: it is made anew, unless others stand on it. Who could read it
        # still can.
        readers = _readers_of(cursor, schema, layer.name)
        cursor.execute(sql.SQL("DROP VIEW {}").format(view))
        cursor.execute(sql.SQL("CREATE ") + select)
        for reader in readers:
            cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, sql.Identifier(reader)))
    cursor.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(view, sql.Literal(layer.comment)))
    for name, _ in _types(layer):
        if name in layer.comments:
            text = sql.Literal(layer.comments[name])
            cursor.execute(
                sql.SQL("COMMENT ON COLUMN {} IS {}").format(sql.Identifier(schema, layer.name, name), text)
            )


def _readers_of(cursor: Any, schema: str, name: str) -> list[str]:
    """Return the roles that were given the right to read a view; its owner needs none."""
    cursor.execute(
        "SELECT DISTINCT r.rolname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
        "aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee "
        "WHERE n.nspname = %s AND c.relname = %s AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner ORDER BY 1",
        [schema, name],
    )
    return [row[0] for row in cursor.fetchall()]


def _drop_older(cursor: Any, schema: str, name: str) -> None:
    from psycopg import sql

    # Without CASCADE: what somebody built on an old table is theirs to drop.
    for table in _loads_of(cursor, schema, name)[:-_KEPT_LOADS]:
        cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(schema, table)))
