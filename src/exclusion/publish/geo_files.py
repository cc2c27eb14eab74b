"""Map files for a GIS: GeoPackage that opens coloured, GeoJSON and GeoParquet; the same bytes for the same table."""

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pandas as pd

from exclusion.errors import ContractError
from exclusion.files import atomic_path
from exclusion.publish.columns import columns_for, reworded

LAYER = "areas"
# Colour Brewer's five-class YlGnBu, which stays apart for colour-blind readers; the darkest is the most excluded.
_FILLS = ("#253494", "#2c7fb8", "#41b6c4", "#a1dab4", "#ffffcc")
_NO_RANK = "#d9d9d9"
_CLOCK = "2000-01-01T00:00:00.000Z"
# Six decimals of a degree are about 0.1 metres, finer than any boundary here.
_DEGREE_DECIMALS = 6


def list_layer(areas: Any, table: pd.DataFrame) -> Any:
    """Return a list (columns of the ranked areas) with the areas' boundaries in EPSG:27700, in the list's order."""
    if areas.crs is None or areas.crs.to_epsg() != 27700:
        raise ContractError("The areas for a map file are not in EPSG:27700: reproject them first.")
    import geopandas

    shapes = areas.set_index("lsoa21cd").geometry if "lsoa21cd" in areas else areas.geometry
    lost = table.loc[~table["lsoa21cd"].isin(shapes.index), "lsoa21cd"]
    if len(lost):
        raise ContractError(
            f"Area {lost.iloc[0]} of the list has no boundary: run again to make the areas anew."
        )
    plain = _plain(table)
    return geopandas.GeoDataFrame(plain, geometry=shapes.reindex(table["lsoa21cd"]).to_numpy(), crs=areas.crs)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with types that every format can hold: text, Int64, float, bool."""
    kinds = {"text": "string", "whole": "Int64", "number": "float64", "flag": "bool"}
    out = table.astype({c.name: kinds[c.kind] for c in columns_for(table.columns)})
    texts = [name for name in out if isinstance(out[name].dtype, pd.StringDtype)]
    for name in texts:
        # None and not NaN, so that no format writes the word
        out[name] = out[name].astype(object).where(out[name].notna(), None)
    return out


def write_geoparquet(path: Path, layer: Any) -> None:
    """Write GeoParquet 1.1 (zstd)."""
    with atomic_path(path) as temporary:
        layer.to_parquet(temporary, compression="zstd", index=False)


def write_geojson(path: Path, layer: Any, *, note: str | None = None) -> None:
    """Write GeoJSON (RFC 7946: longitude and latitude, WGS 84)."""
    shown = layer if note is None else layer.assign(note=note)
    with _whole(path) as temporary:
        _write(
            temporary,
            shown.to_crs(4326),
            driver="GeoJSON",
            layer=LAYER,
            COORDINATE_PRECISION=_DEGREE_DECIMALS,
            RFC7946="YES",
        )


def write_geopackage(
    path: Path,
    layer: Any,
    *,
    ranked: int,
    title: str,
    note: str | None = None,
    terms: Mapping[str, str] | None = None,
) -> None:
    """Write a GeoPackage with one layer, what its columns mean, and its default style by fifths of the exclusion rank.

    `ranked` is how many areas the ranks run over, so that the classes mean the same for every place; `terms` as for
    `columns.reworded`.
    """
    shown = layer if note is None else layer.assign(note=note)
    with _whole(path) as temporary:
        _write(
            temporary,
            shown,
            driver="GPKG",
            layer=LAYER,
            layer_options={"DESCRIPTION": title, "IDENTIFIER": title, "SPATIAL_INDEX": "YES"},
        )
        _add_style(temporary, ranked, title)
        _add_meanings(temporary, [name for name in shown.columns if name != shown.geometry.name], terms)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield a path of the same name in a folder of its own, for GDAL reads the name, and put the file into place."""
    with (
        atomic_path(path) as temporary,
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".map-") as folder,
    ):
        made = Path(folder) / path.name
        yield made
        made.replace(temporary)


def _write(path: Path, shown: Any, **options: Any) -> None:
    import pyogrio

    with _clock_stopped():
        pyogrio.write_dataframe(shown, path, **options)


@contextlib.contextmanager
def _clock_stopped() -> Iterator[None]:
    """Have GDAL write a fixed date of change, so that the bytes tell of the content alone."""
    import pyogrio

    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _CLOCK})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def fifths(ranked: int) -> list[tuple[int, int, str]]:
    """Return the five classes of rank: first rank, last rank, name."""
    names = ("most excluded fifth", "second fifth", "middle fifth", "fourth fifth", "least excluded fifth")
    limits = [round(ranked * part / 5) for part in range(6)]
    return [
        (
            limits[at] + 1,
            max(limits[at + 1], limits[at] + 1),
            f"Exclusion rank {limits[at] + 1:,} to {limits[at + 1]:,}: {name}",
        )
        for at, name in enumerate(names)
    ]


def _add_meanings(path: Path, names: Iterable[str], terms: Mapping[str, str] | None) -> None:
    """Add heading and meaning of every column after the GeoPackage extension "schema", which GIS programs show."""
    rows = [
        (LAYER, column.name, column.name, column.heading, reworded(column.about, terms))
        for column in columns_for(names)
    ]
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute(
            "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, "
            "mime_type TEXT, constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), "
            "CONSTRAINT gdc_tn UNIQUE (table_name, name))"
        )
        base.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        base.execute(
            "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) VALUES ('gpkg_data_columns', NULL, "
            "'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write')"
        )
        base.commit()


def _add_style(path: Path, ranked: int, title: str) -> None:
    """Add the table `layer_styles`, in which QGIS keeps styles, with one default style for the layer."""
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256), "
            "f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, "
            "description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"
        )
        (geometry,) = base.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (LAYER,)
        ).fetchone()
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD, "
            "useAsDefault, description, owner, ui, update_time) VALUES ('', '', ?, ?, 'exclusion_rank', ?, ?, 1, ?, '', NULL, ?)",
            (
                LAYER,
                geometry,
                qml_of(ranked),
                sld_of(ranked),
                f"{title}: fifths of the exclusion rank",
                _CLOCK,
            ),
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
            (_CLOCK,),
        )
        base.commit()
        base.execute("VACUUM")


def _symbol(name: str, colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    options = (
        ("color", f"{red},{green},{blue},255"), ("outline_color", "90,90,90,255"), ("outline_style", "solid"),
        ("outline_width", "0.1"), ("outline_width_unit", "MM"), ("style", "solid"),
    )  # fmt: skip
    inner = "".join(f'<Option type="QString" name="{key}" value="{value}"/>' for key, value in options)
    return f'<symbol type="fill" name="{name}" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">{inner}</Option></layer></symbol>'


def qml_of(ranked: int) -> str:
    """Return the style as QGIS keeps it: rules by fifth, and one for areas that are not ranked."""
    classes = fifths(ranked)
    rules = [
        (f"&quot;exclusion_rank&quot; &gt;= {low} AND &quot;exclusion_rank&quot; &lt;= {high}", label, colour)
        for (low, high, label), colour in zip(classes, _FILLS, strict=True)
    ]
    rules.append(("&quot;exclusion_rank&quot; IS NULL", "not ranked", _NO_RANK))
    keys = "".join(
        f'<rule key="class-{at}" symbol="{at}" filter="{rule}" label={quoteattr(label)}/>'
        for at, (rule, label, _) in enumerate(rules)
    )
    symbols = "".join(_symbol(str(at), colour) for at, (_, _, colour) in enumerate(rules))
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.28.0" styleCategories="Symbology"><renderer-v2 type="RuleRenderer" forceraster="0" symbollevels="0" enableorderby="0">'
        f'<rules key="fifths">{keys}</rules><symbols>{symbols}</symbols></renderer-v2><layerGeometryType>2</layerGeometryType></qgis>'
    )


def sld_of(ranked: int) -> str:
    """Return the style as an OGC Styled Layer Descriptor, which ArcGIS and GeoServer read."""

    def rule(label: str, test: str, colour: str) -> str:
        return (
            f"<se:Rule><se:Name>{label}</se:Name><ogc:Filter>{test}</ogc:Filter><se:PolygonSymbolizer><se:Fill>"
            f'<se:SvgParameter name="fill">{colour}</se:SvgParameter></se:Fill><se:Stroke><se:SvgParameter name="stroke">#5a5a5a</se:SvgParameter>'
            '<se:SvgParameter name="stroke-width">0.3</se:SvgParameter></se:Stroke></se:PolygonSymbolizer></se:Rule>'
        )

    name = "<ogc:PropertyName>exclusion_rank</ogc:PropertyName>"
    rules = [
        rule(label, f"<ogc:PropertyIsBetween>{name}<ogc:LowerBoundary><ogc:Literal>{low}</ogc:Literal></ogc:LowerBoundary><ogc:UpperBoundary><ogc:Literal>{high}</ogc:Literal></ogc:UpperBoundary></ogc:PropertyIsBetween>", colour)
        for (low, high, label), colour in zip(fifths(ranked), _FILLS, strict=True)
    ]  # fmt: skip
    rules.append(rule("not ranked", f"<ogc:PropertyIsNull>{name}</ogc:PropertyIsNull>", _NO_RANK))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><StyledLayerDescriptor xmlns="http://www.opengis.net/sld" xmlns:ogc="http://www.opengis.net/ogc" '
        'xmlns:se="http://www.opengis.net/se" version="1.1.0"><NamedLayer><se:Name>areas</se:Name><UserStyle><se:Name>exclusion_rank</se:Name>'
        f"<se:FeatureTypeStyle>{''.join(rules)}</se:FeatureTypeStyle></UserStyle></NamedLayer></StyledLayerDescriptor>"
    )
