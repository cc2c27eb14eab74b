"""Rasters, roads, postcodes and venues of the made-up county in their publishers' formats."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from exclusion.demo.county import COUNTY_CODE, County
from exclusion.demo.encoding import csv_bytes, json_bytes, zip_bytes
from exclusion.demo.land import Floats
from exclusion.demo.layout_geography import to_degrees
from exclusion.demo.venues import Venue

# Ids that OpenStreetMap will not reach for a long time.
_FIRST_NODE, _FIRST_WAY, _FIRST_VENUE = 900_000_000_001, 90_000_000_001, 950_000_000_001
_STAMP = "2026-01-01T00:00:00Z"
_THREE_SECONDS = 3.0 / 3600.0
_NODATA_100M, _NODATA_1KM = -99999.0, -9999
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _dwellings(county: County) -> tuple[Floats, Floats]:
    """Return places people live in and residents: each postcode spread over six spots."""
    rng = np.random.default_rng([county.seed, 740])
    homes = county.homes
    spots = np.repeat(homes.points, 6, axis=0) + rng.normal(0.0, 55.0, (6 * len(homes.points), 2))
    share = rng.dirichlet(np.full(6, 4.0), len(homes.points)) * homes.residents[:, None]
    # A spot in the sea goes back to its postcode.
    import shapely

    is_wet = ~shapely.contains_xy(county.land.outline, spots[:, 0], spots[:, 1])
    spots[is_wet] = np.repeat(homes.points, 6, axis=0)[is_wet]
    return spots, share.ravel()


def population_100m(county: County) -> bytes:
    """Return people per cell of three arc-seconds (EPSG:4326, float32), nodata where nobody is settled."""
    spots, people = _dwellings(county)
    degrees = to_degrees(spots)
    west = np.floor(degrees[:, 0].min() / _THREE_SECONDS - 12) * _THREE_SECONDS
    north = np.ceil(degrees[:, 1].max() / _THREE_SECONDS + 12) * _THREE_SECONDS
    column = np.floor((degrees[:, 0] - west) / _THREE_SECONDS).astype(int)
    row = np.floor((north - degrees[:, 1]) / _THREE_SECONDS).astype(int)
    grid = np.zeros((row.max() + 13, column.max() + 13))
    np.add.at(grid, (row, column), people)
    values = np.where(grid > 0.0, grid, _NODATA_100M).astype("float32")
    return _tiff(values, "EPSG:4326", (_THREE_SECONDS, west, north), _NODATA_100M)


def population_1km(county: County) -> bytes:
    """Return residents per square kilometre of the National Grid (int32), nodata off the land."""
    spots, people = _dwellings(county)
    west, north = 555_000, 660_000
    column, row = (spots[:, 0] - west) // 1000, (north - spots[:, 1]) // 1000
    grid = np.zeros((75, 80))
    np.add.at(grid, (row.astype(int), column.astype(int)), people)
    values = np.where(grid > 0.0, np.round(grid), _NODATA_1KM).astype("int32")
    return _tiff(values, "EPSG:27700", (1000.0, float(west), float(north)), _NODATA_1KM)


def _tiff(values: Any, crs: str, where: tuple[float, float, float], nodata: float) -> bytes:
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    size, west, north = where
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype, crs=crs,
            transform=Affine(size, 0.0, west, 0.0, -size, north), nodata=nodata, compress="deflate", tiled=True,
            blockxsize=256, blockysize=256,
        ) as raster:  # fmt: skip
            raster.write(values, 1)
        return bytes(memory.read())


def road_extract(county: County) -> bytes:
    """Return an OpenStreetMap extract (PBF): roads and footways, halls and libraries as nodes."""
    import osmium

    degrees = to_degrees(county.roads.nodes)
    mutable = osmium.osm.mutable
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "county.osm.pbf"
        header = osmium.io.Header()
        header.set("generator", "demonstration data")
        corners = [
            osmium.osm.Location(*corner.tolist()) for corner in (degrees.min(axis=0), degrees.max(axis=0))
        ]
        header.add_box(osmium.osm.Box(*corners))
        writer = osmium.SimpleWriter(str(path), header=header)
        for i, (lon, lat) in enumerate(degrees.tolist()):
            writer.add_node(
                mutable.Node(id=_FIRST_NODE + i, location=(lon, lat), version=1, timestamp=_STAMP)
            )
        for i, (venue, tags) in enumerate(_mapped(county)):
            lon, lat = _position(venue)
            writer.add_node(
                mutable.Node(id=_FIRST_VENUE + i, location=(lon, lat), tags=tags, version=1, timestamp=_STAMP)
            )
        for i, way in enumerate(county.roads.ways):
            refs = [_FIRST_NODE + n for n in way.nodes]
            writer.add_way(
                mutable.Way(id=_FIRST_WAY + i, nodes=refs, tags=way.tags, version=1, timestamp=_STAMP)
            )
        writer.close()
        return path.read_bytes()


def _position(venue: Venue) -> tuple[float, float]:
    lon, lat = to_degrees(np.array([[venue.x_m, venue.y_m]]))[0].tolist()
    return lon, lat


def _mapped(county: County) -> list[tuple[Venue, dict[str, str]]]:
    """Return the venues that OpenStreetMap has: all halls, and libraries that are open."""
    libraries = [
        (v, {"amenity": "library", "name": v.name})
        for v in county.venues.libraries
        if v.facts["operation"] and v.facts["type"] == "Static Library"
    ]
    return [(v, v.facts) for v in county.venues.halls] + libraries


def village_halls(county: County) -> bytes:
    """Return halls as Overpass gives them: nodes, and buildings (ways) with a centre."""
    elements = []
    for i, venue in enumerate(county.venues.halls):
        lon, lat = _position(venue)
        tags = venue.facts | {"addr:postcode": venue.postcode}
        if i % 3:
            tags = tags | {"building": "yes"}
            elements.append(
                {"type": "way", "id": 1_900_000_001 + i, "center": {"lat": lat, "lon": lon}, "tags": tags}
            )
        else:
            elements.append({"type": "node", "id": _FIRST_VENUE + i, "lat": lat, "lon": lon, "tags": tags})
    return json_bytes({"elements": elements})


def libraries(county: County) -> bytes:
    """Return the library dataset in the columns of its cleaned edition, all cells quoted."""
    co_located = (
        "archives", "arts centre", "care home or hostel", "catering, bars or pub", "civic", "community", "faith buildings",
        "health", "hotel", "industrial or business", "library", "museum", "retail", "schools or colleges",
        "universities or higher education", "other", "other text",
    )  # fmt: skip
    header = [
        "Reporting service", "Reporting service code", "Name", "Type", "Address 1", "Address 2", "Address 3", "Postcode",
        "Unique property reference number", "Easting", "Northing", "Longitude", "Latitude", "Upper tier local authority",
        *(f"Statutory in {year}" for year in (2010, 2016, 2019, 2021, 2022, 2023)),
        *(f"Operation in {year}" for year in (2016, 2019, 2021, 2022, 2023)),
        "Year opened", "Year closed", "Operating organisation", "Department", "New build in 2022", "Co-located",
        *(f"Co-located {what}" for what in co_located), *(f"{day} opening times" for day in _DAYS),
        "Hours open per week", "Staffed hours per week", "Automated", "Email or website", "Rural urban classification code",
        "Rural urban classification description", "Index of multiple deprivation rank", "Index of multiple deprivation decile",
    ]  # fmt: skip
    rows: list[list[Any]] = [header]
    for i, venue in enumerate(county.venues.libraries):
        lon, lat = _position(venue)
        facts = venue.facts
        was = facts["operation"] or "LA"
        is_mobile = facts["type"] == "Mobile"
        where = (
            ["", "", "", ""]
            if is_mobile
            else [f"{venue.x_m:.1f}", f"{venue.y_m:.1f}", f"{lon:.6f}", f"{lat:.6f}"]
        )
        rows.append([
            f"{county.name} County Council", COUNTY_CODE, venue.name, facts["type"], f"{10 + i} {venue.street}", venue.place,
            county.name, "" if is_mobile else venue.postcode, "" if i % 2 else f"0{9_000_000_000 + i}", *where, county.name,
            "Yes", "Yes", "Yes", "yes" if i % 9 == 0 else "Yes", "Yes" if facts["operation"] else "No",
            "Yes" if facts["operation"] else "No", "LA", was, was, facts["operation"], facts["operation"], "",
            facts["closed"], "", "Communities", "No", "Yes" if i % 3 == 0 else "No",
            *("X" if what == "community" and i % 3 == 0 else "" for what in co_located),
            *(facts[day] for day in _DAYS), facts["hours"], facts["staffed"], "No", "", "D1", "Rural Town and Fringe", "", "",
        ])  # fmt: skip
    return csv_bytes(rows, newline="\n", is_quoted=True)


def gp_practices(county: County) -> bytes:
    """Return the prescribing practices report (epraccur): 27 columns, no header, no coordinates."""
    rows: list[list[Any]] = []
    for venue in county.venues.surgeries:
        row = [""] * 27
        row[0], row[1], row[2], row[3] = venue.facts["code"], venue.name, "Y99", "Q9X"
        row[4], row[5], row[7], row[9] = (
            venue.street.upper(),
            venue.place.upper(),
            county.name.upper(),
            venue.postcode,
        )
        row[10] = "19740401"
        row[11] = "" if venue.facts["status"] == "ACTIVE" else "20190331"
        row[12], row[13], row[14], row[15] = venue.facts["status"], "B", "99X", "20130401"
        row[17], row[21], row[23], row[25] = "01632 960000", "0", "99X", venue.facts["role"]
        rows.append(row)
    return csv_bytes(rows, is_quoted=True)


def postcodes(county: County) -> bytes:
    """Return Code-Point Open: a headerless CSV for each postcode area, in a zip with its documents."""
    homes = county.homes
    lsoa = county.nesting.lsoa[homes.oa]
    rows: list[list[Any]] = []
    for i in sorted(range(len(homes.unit)), key=homes.unit.__getitem__):
        outward, inward = homes.unit[i].split()
        # Seven characters, as published: the gap between the parts gives way to a long district.
        unit = f"{outward:<4}{inward}"
        is_unplaced = i % 1_999 == 7
        east, north = (0, 0) if is_unplaced else homes.points[i].astype(int).tolist()
        rows.append(
            [
                unit, 90 if is_unplaced else 10, east, north, "E92000001", "E19900001", "E18900001", COUNTY_CODE,
                county.district_code[int(county.nesting.district[lsoa[i]])], county.ward_code[int(county.nesting.ward[lsoa[i]])],
            ]
        )  # fmt: skip
    about = "Code-Point Open layout\nDemonstration data: not a real place\n"
    header = "PC,PQ,EA,NO,CY,RH,LH,CC,DC,WC\r\n"
    return zip_bytes(
        {
            "Data/CSV/xl.csv": csv_bytes(rows, is_quoted=True),
            "Doc/Code-Point_Open_Column_Headers.csv": header.encode(),
            "Doc/metadata.txt": about.encode(),
        }
    )


def jobcentres(county: County) -> bytes:
    """Return jobcentres as GeoJSON."""
    features = []
    for venue in county.venues.jobcentres:
        lon, lat = _position(venue)
        facts = {
            "Name": venue.name,
            "Address": f"{venue.street}, {venue.place}",
            "Postcode": venue.postcode,
            "Area name": county.name,
        }
        geometry = {"type": "Point", "coordinates": [lon, lat]}
        features.append({"type": "Feature", "properties": facts, "geometry": geometry})
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    return json_bytes({"type": "FeatureCollection", "crs": crs, "features": features})


def mobile_stops(county: County) -> bytes:
    """Return mobile library stops with day, times and how often the van comes."""
    header = (
        "organisation", "mobile", "route", "community", "stop", "address", "postcode", "geox", "geoy", "day", "type",
        "arrival", "departure", "frequency", "start", "end", "exceptions", "timetable", "source",
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = [header]
    for venue in county.venues.mobile_stops:
        lon, lat = _position(venue)
        f = venue.facts
        rows.append((
            county.name, f"{county.name} Mobile", f["route"], venue.place, venue.name, f"{venue.name}, {venue.place}",
            venue.postcode, lon, lat, f["day"], "Public", f["arrival"], f["departure"], f["frequency"], "2025-01-06", "", "", "",
            county.name.lower(),
        ))  # fmt: skip
    return csv_bytes(rows, newline="\n")
