"""The sink against a real PostgreSQL with PostGIS: types, keys, comments, grants, switch-over, nothing half done."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import shapely

from exclusion.errors import ContractError, InputError
from exclusion.publish.postgis import edition_layers, write_postgis

psycopg = pytest.importorskip("psycopg", reason="the extra postgis is not installed")


def programs():
    """Return the folder of PostgreSQL's server programs, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    where = str(found[-1].parent) if found else None
    return where or (str(Path(shutil.which("initdb")).parent) if shutil.which("initdb") else None)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a server in a folder of its own and return `user@host:port`; skipped with a reason where there is none."""
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian: postgresql-15-postgis-3)")
    if not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        pytest.skip("PostGIS is not installed (Debian: postgresql-15-postgis-3)")
    folder = tmp_path_factory.mktemp("postgres")
    as_owner = []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        as_owner = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres", "postgres")
        for above in [folder, *folder.parents][:4]:
            if above != Path("/"):
                above.chmod(above.stat().st_mode | 0o711)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": str(folder)}
    subprocess.run(
        [*as_owner, f"{where}/initdb", "-D", data, "-U", "gis", "-A", "trust", "--no-sync", "-E", "UTF8"],
        check=True,
        **quiet,
    )
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c client_min_messages=warning"
    )
    subprocess.run(
        [*as_owner, f"{where}/pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"],
        check=True,
        **quiet,
    )
    yield f"gis@127.0.0.1:{port}"
    subprocess.run([*as_owner, f"{where}/pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, **quiet)


@pytest.fixture
def address(server, request):
    """Make an empty database and return its address."""
    name = f"test_{abs(hash(request.node.name))}"
    with psycopg.connect(f"postgresql://{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgis://{server}/{name}"


def ask(address, query):
    with psycopg.connect(address.replace("postgis://", "postgresql://")) as connection:
        return connection.execute(query).fetchall()


def layers(edition="county-0123456789", *, with_plan=True, extra=None, people=120):
    codes = ["E01000001", "E01000002", "E01000003"]
    shapes = [
        shapely.box(0, 0, 100, 100),
        shapely.MultiPolygon([shapely.box(100, 0, 200, 100), shapely.box(300, 0, 400, 100)]),
        shapely.box(200, 0, 300, 100),
    ]
    areas = geopandas.GeoDataFrame(
        {"lsoa21cd": codes, "lsoa21nm": ["Under 'Lyme", "{{7*191}}", "O\0'Neill; DROP TABLE x"], "lad_cd": ["E06000057"] * 3,
         "rgn_cd": ["E12000001", None, "E12000001"], "is_rural": [True, False, True]},
        geometry=shapes, crs="EPSG:27700",
    )  # fmt: skip
    results = pd.DataFrame(
        {"exclusion_rank": pd.array([2, 1, None], dtype="Int64"), "risk_rank": pd.array([1, 2, 3], dtype="Int64"),
         "people_offline": [people, 80, 0], "help_min": [12.5, float("nan"), 3.0]},
        index=pd.Index(codes, name="lsoa21cd"),
    )  # fmt: skip
    if extra:
        results[extra] = 1.0
    venues = pd.DataFrame(
        {
            "venue_id": ["a", "b"],
            "name": ["Hall", "Library"],
            "kind": ["hall", "library"],
            "x_m": [50.0, 150.0],
            "y_m": [50.0, 50.0],
        }
    )
    plan = venues.iloc[:1].assign(order=1, status="chosen")
    return edition_layers(
        {"edition": edition, "place": "County", "notice": "Demonstration data: not a real place"},
        areas, results, venues if with_plan else None, plan if with_plan else None,
        {"people_offline": "Adults offline (estimate)", "lsoa21cd": "Code of the area"},
    )  # fmt: skip


def write(address, edition="county-0123456789", *, readers=(), schema="exclusion", **choices):
    return write_postgis(address, layers(edition, **choices), load=edition, schema=schema, readers=readers)


def test_tables_arrive_with_types_keys_indexes_comments_and_shapes(address):
    lines = write(address)
    assert lines == [
        "exclusion.edition: 1 rows", "exclusion.areas: 3 rows", "exclusion.area_index: 3 rows", "exclusion.venues: 2 rows", "exclusion.plan: 1 rows",
    ]  # fmt: skip
    types = dict(
        ask(
            address,
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'exclusion' AND table_name = 'area_index'",
        )
    )
    assert types["exclusion_rank"] == "bigint"
    assert types["help_min"] == "double precision"
    assert ask(
        address, "SELECT exclusion_rank, help_min, people_offline FROM exclusion.area_index ORDER BY lsoa21cd"
    ) == [(2, 12.5, 120), (1, None, 80), (None, 3.0, 0)]
    assert ask(address, "SELECT lsoa21nm FROM exclusion.areas ORDER BY 1 DESC")[0] == ("{{7*191}}",)
    assert ask(address, "SELECT rgn_cd FROM exclusion.areas WHERE lsoa21cd = 'E01000002'") == [(None,)]
    assert ask(
        address,
        "SELECT DISTINCT ST_SRID(geometry), GeometryType(geometry), ST_IsValid(geometry) FROM exclusion.areas",
    ) == [(27700, "MULTIPOLYGON", True)]
    assert ask(address, "SELECT sum(ST_Area(geometry)) FROM exclusion.areas") == [(40_000.0,)]
    assert ask(
        address,
        "SELECT count(*) FROM exclusion.venues v JOIN exclusion.areas a ON ST_Intersects(a.geometry, v.geometry)",
    ) == [(2,)]
    indexes = [
        row[0] for row in ask(address, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'exclusion'")
    ]
    assert any("gist (geometry)" in text and "areas__" in text for text in indexes)
    assert any("btree (lad_cd)" in text for text in indexes)
    keys = ask(
        address,
        "SELECT contype, count(*) FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE nspname = 'exclusion' GROUP BY 1 ORDER BY 1",
    )
    assert dict(keys) == {"f": 2, "p": 5}
    assert ask(
        address,
        "SELECT col_description('exclusion.area_index'::regclass, ordinal_position) FROM information_schema.columns WHERE table_schema = 'exclusion' AND table_name = 'area_index' AND column_name = 'people_offline'",
    ) == [("Adults offline (estimate)",)]


def test_the_same_edition_twice_and_a_new_one_switch_all_views_together(address):
    write(address)
    with psycopg.connect(address.replace("postgis", "postgresql", 1), autocommit=True) as connection:
        connection.execute(
            "CREATE VIEW public.mine AS SELECT lsoa21cd, people_offline FROM exclusion.area_index"
        )
    write(address)
    write(address, "county-aaaaaaaaaa", people=130)
    assert ask(address, "SELECT edition FROM exclusion.edition") == [("county-aaaaaaaaaa",)]
    assert ask(address, "SELECT people_offline FROM exclusion.area_index WHERE lsoa21cd = 'E01000001'") == [
        (130,)
    ]
    # A view that somebody built on ours follows it.
    assert ask(address, "SELECT people_offline FROM public.mine WHERE lsoa21cd = 'E01000001'") == [(130,)]
    loads = ask(
        address,
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'exclusion' AND tablename LIKE 'areas\\_\\_%'",
    )
    assert loads == [(2,)]


def test_columns_that_go_are_followed_unless_others_stand_on_them(address):
    write(address, extra="affordability_score")
    write(address, "county-bbbbbbbbbb")
    columns = ask(
        address, "SELECT column_name FROM information_schema.columns WHERE table_name = 'area_index'"
    )
    assert ("affordability_score",) not in columns
    write(address, "county-cccccccccc", extra="affordability_score")
    with psycopg.connect(address.replace("postgis", "postgresql", 1), autocommit=True) as connection:
        connection.execute("CREATE VIEW public.mine AS SELECT affordability_score FROM exclusion.area_index")
    with pytest.raises(InputError, match="Views in the database depend on columns"):
        write(address, "county-dddddddddd")
    assert ask(address, "SELECT edition FROM exclusion.edition") == [("county-cccccccccc",)]
    assert ask(address, "SELECT count(*) FROM public.mine") == [(3,)]


def test_an_edition_without_a_plan_leaves_no_old_plan_in_view(address):
    write(address)
    write(address, "wales-0000000001", with_plan=False)
    views = {row[0] for row in ask(address, "SELECT viewname FROM pg_views WHERE schemaname = 'exclusion'")}
    assert views == {"edition", "areas", "area_index"}


def test_readers_may_read_and_nothing_else(address):
    with psycopg.connect(address.replace("postgis", "postgresql", 1), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS planners")
        connection.execute("CREATE ROLE planners LOGIN")
    write(address, readers=("planners",))
    reader = address.replace("gis@", "planners@").replace("postgis", "postgresql", 1)
    with psycopg.connect(reader) as connection:
        assert connection.execute("SELECT count(*) FROM exclusion.area_index").fetchone() == (3,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM exclusion.area_index")
    with pytest.raises(InputError, match="planners_of_mars"):
        write(address, "county-eeeeeeeeee", readers=("planners_of_mars",))
    assert ask(address, "SELECT edition FROM exclusion.edition") == [("county-0123456789",)]


def test_who_could_read_a_view_still_can_when_its_columns_change(address):
    with psycopg.connect(address.replace("postgis", "postgresql", 1), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS surveyors")
        connection.execute("CREATE ROLE surveyors LOGIN")
    write(address, readers=("surveyors",))
    write(address, "county-bbbbbbbbbb", extra="affordability_score")
    write(address, "county-cccccccccc")
    reader = address.replace("gis@", "surveyors@").replace("postgis", "postgresql", 1)
    with psycopg.connect(reader) as connection:
        for view in ("edition", "areas", "area_index", "venues", "plan"):
            assert connection.execute(f"SELECT count(*) FROM exclusion.{view}").fetchone()[0] > 0, view


def test_a_fault_half_way_changes_nothing(address):
    write(address)
    broken = layers("county-ffffffffff", people=999)
    broken[-1].frame.loc[0, "venue_id"] = "nowhere"
    with pytest.raises(InputError, match=r"foreign key.*Nothing was changed"):
        write_postgis(address, broken, load="county-ffffffffff")
    assert ask(address, "SELECT people_offline FROM exclusion.area_index WHERE lsoa21cd = 'E01000001'") == [
        (120,)
    ]
    assert ask(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'exclusion'") == [(5,)]


def test_a_key_that_stands_twice_is_refused_before_anything_is_opened():
    broken = layers()
    broken[1].frame.loc[0, "lsoa21cd"] = "E01000002"
    with pytest.raises(ContractError, match="areas"):
        write_postgis("postgis://gis@127.0.0.1:1/nowhere", broken, load="x1")


@pytest.mark.parametrize(
    ("address", "schema", "message"),
    [
        ("mysql://gis@db/gis", "exclusion", "no PostGIS address"),
        (
            "postgis://gis:secret@127.0.0.1:1/gis",
            "exclusion",
            r"gis:\*\*\*@127.0.0.1:1/gis.*Nothing was changed",
        ),
        ("postgis://gis@127.0.0.1:1/gis", 'x"; DROP SCHEMA public', "cannot be the name"),
    ],
)
def test_a_wrong_address_or_schema_is_one_sentence_without_the_password(address, schema, message):
    with pytest.raises(InputError, match=message) as caught:
        write(address, schema=schema)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
