"""Boundaries as shared arcs: nothing lost, neighbours meet, and what is packed can be read again."""

import gzip
import re

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from exclusion.errors import ContractError
from exclusion.publish.map.arcs import topology_of, world_pixels
from exclusion.publish.map.packing import (
    block,
    column_bytes,
    letters,
    streams,
    topology_bytes,
    varints,
    zigzag,
)
from tests.publish.map_made import made_areas


def read_streams(data: bytes, count: int) -> list[np.ndarray]:
    """Read varint streams as the page's script does."""
    at, found = 0, []

    def one() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    found.extend(np.array([one() for _ in range(one())], dtype=np.int64) for _ in range(count))
    assert at == len(data)
    return found


def unzigzag(values: np.ndarray) -> np.ndarray:
    return (values >> 1) ^ -(values & 1)


@given(st.lists(st.integers(-(2**33), 2**33), max_size=50))
def test_varints_and_zigzag_come_back(values):
    (found,) = read_streams(streams([zigzag(np.array(values, dtype=np.int64))]), 1)
    assert unzigzag(found).tolist() == values


def test_varints_refuse_what_they_cannot_hold():
    with pytest.raises(ValueError, match="varint"):
        varints([-1])
    with pytest.raises(ValueError, match="varint"):
        varints([2**35])


def test_columns_are_little_endian():
    data = column_bytes([np.array([1, 258], dtype=np.uint16), np.array([65536], dtype=np.uint32)])
    assert data == bytes([1, 0, 2, 1, 0, 0, 1, 0])


def test_packed_has_no_clock():
    assert block("x", b"abc") == block("x", b"abc")
    text = re.search(r">([^<]*)<", block("x", b"abc"))[1]
    assert gzip.decompress(unlettered(text, len(gzip.compress(b"abc")))) == b"abc"


@given(st.binary(max_size=200))
def test_letters_come_back_and_hold_no_mark_that_a_page_could_read(data):
    text = letters(data)
    assert unlettered(text, len(data)) == data
    assert not set(text) & set("<(@ \n")
    assert len(text) <= 2 * (8 * len(data) // 13 + 1)


def unlettered(text: str, length: int) -> bytes:
    """Read letters as the page's script does."""
    codes = [code for code in range(33, 127) if chr(code) not in "<(@"]
    found, hold, bits = bytearray(), 0, 0
    for one, two in zip(text[::2], text[1::2], strict=True):
        hold = hold << 13 | codes.index(ord(one)) * 91 + codes.index(ord(two))
        bits += 13
        while bits > 7:
            bits -= 8
            found.append(hold >> bits & 255)
        hold &= (1 << bits) - 1
    return bytes(found[:length])


def polygon_of(rings) -> shapely.Geometry:
    """Even-odd polygon of rings, as the canvas fills them."""
    shape = Polygon()
    for ring in rings:
        shape = shape.symmetric_difference(Polygon(ring).buffer(0))
    return shape


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 5), st.integers(12, 17))
def test_areas_keep_their_shape_and_neighbours_meet(seed, columns, rows, zoom):
    areas = made_areas(columns, rows, seed=seed)
    topology = topology_of(areas.geometry, zoom)
    shapes = [polygon_of(topology.rings(at)) for at in range(len(areas))]
    assert all(shape.area > 0 for shape in shapes)
    # Even-odd shapes of shared arcs tile their union: no overlap and no sliver between neighbours.
    union = shapely.union_all(shapes)
    assert sum(shape.area for shape in shapes) == pytest.approx(union.area, rel=1e-9)
    for shape, area in zip(shapes, areas.geometry, strict=True):
        coordinates = shapely.get_coordinates(area)
        expected = shapely.transform(
            area, lambda xy: world_pixels(xy[:, 0], xy[:, 1], zoom).astype(float)
        ).area
        assert shape.area == pytest.approx(expected, rel=1e-6, abs=2 * len(coordinates))


def test_every_inner_edge_is_kept_once():
    areas = made_areas(5, 4)
    topology = topology_of(areas.geometry, 16)
    codes = np.where(topology.ring_arcs < 0, ~topology.ring_arcs, topology.ring_arcs)
    uses = np.bincount(codes, minlength=len(topology.arc_start) - 1)
    assert set(uses) == {1, 2}
    # 5 x 4 cells have 31 inner edges, the enclave one more; the outer rim of each rim cell and the island are used once.
    assert int((uses == 2).sum()) == 32
    # Neighbours that wind alike walk their shared edge in opposite ways; the enclave winds like its hole here.
    opposite = [
        len({code < 0 for code in topology.ring_arcs[codes == arc]}) == 2 for arc in np.flatnonzero(uses == 2)
    ]
    assert sum(opposite) == 31


def test_what_is_packed_reads_back_as_the_same_rings():
    areas = made_areas(4, 3)
    topology = topology_of(areas.geometry, 16)
    lengths, first_x, first_y, step_x, step_y, rings, arcs, refs = read_streams(topology_bytes(topology), 8)
    first = np.column_stack([np.cumsum(unzigzag(first_x)), np.cumsum(unzigzag(first_y))])
    steps = np.column_stack([unzigzag(step_x), unzigzag(step_y)])
    points, at = [], 0
    for begin, length in zip(first, lengths, strict=True):
        points.append(np.vstack([begin, begin + np.cumsum(steps[at : at + length - 1], axis=0)]))
        at += length - 1
    assert (np.concatenate(points) == topology.xy).all()
    assert rings.tolist() == topology.rings_per_area.tolist()
    assert arcs.tolist() == topology.arcs_per_ring.tolist()
    assert unzigzag(refs).tolist() == topology.ring_arcs.tolist()


def test_a_subset_has_the_same_rings():
    areas = made_areas(5, 5)
    whole = topology_of(areas.geometry, 16)
    wanted = [3, 0, 24, 25]
    part = whole.subset(wanted)
    for at, area in enumerate(wanted):
        for ours, theirs in zip(part.rings(at), whole.rings(area), strict=True):
            assert (ours == theirs).all()
    assert len(part.xy) < len(whole.xy)


def test_an_area_too_small_for_the_grid_is_an_error_not_a_loss():
    areas = made_areas(2, 2)
    speck = Polygon([(400_100.0, 580_100.0), (400_101.0, 580_100.0), (400_101.0, 580_101.0)])
    geometry = gpd.GeoSeries([*areas.geometry, speck], index=[*areas["lsoa21cd"], "E01999999"], crs=27700)
    with pytest.raises(ContractError, match="E01999999.*vanish"):
        topology_of(geometry, 10)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("zoom", [15, 16])
def test_all_real_areas_keep_shared_edges(real, zoom):
    """All 35,672 areas: none lost, rings closed, and the sum of signed areas of the tiling equals its outline's."""
    areas = gpd.read_parquet(
        real / "boundaries" / "lsoa21_ew_bgc_wgs84.parquet", columns=["LSOA21CD", "geometry"]
    )
    geometry = areas.set_index("LSOA21CD").geometry.to_crs(27700)
    topology = topology_of(geometry, zoom)
    assert len(topology.rings_per_area) == 35_672
    assert (topology.rings_per_area > 0).all()
    codes = topology.ring_arcs
    arcs = np.where(codes < 0, ~codes, codes)
    first, last = topology.xy[topology.arc_start[:-1]], topology.xy[topology.arc_start[1:] - 1]
    begin = np.where((codes < 0)[:, None], last[arcs], first[arcs])
    end = np.where((codes < 0)[:, None], first[arcs], last[arcs])
    ring_end = np.cumsum(topology.arcs_per_ring) - 1
    ring_begin = ring_end - topology.arcs_per_ring + 1
    follows = np.arange(1, len(codes) + 1)
    follows[ring_end] = ring_begin
    assert (end == begin[follows]).all(), "every ring is closed"
    uses = np.bincount(arcs, minlength=len(first))
    # Nearly every arc is shared by two areas; those used once are the coast, the land border, and the publisher's own gaps.
    assert (uses == 2).mean() > 0.93
    assert uses.max() <= 5
    # Rings that wind alike on both sides would overlap: an arc shared by two is walked once each way.
    walked = np.bincount(arcs, weights=np.where(codes < 0, -1, 1), minlength=len(first))
    assert (walked[uses == 2] == 0).mean() > 0.999
    # No area vanishes or swells: areas on the grid agree with the published polygons. Shoelace over arcs, by ring.
    x, y = topology.xy[:, 0].astype(float), topology.xy[:, 1].astype(float)
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    cross[topology.arc_start[1:-1] - 1] = 0
    by_arc = np.add.reduceat(cross, topology.arc_start[:-1]) / 2
    signed = np.where(codes < 0, -1, 1) * by_arc[arcs]
    ring_area = np.abs(np.add.reduceat(signed, ring_begin))
    owner = np.repeat(np.arange(35_672), topology.rings_per_area)
    assert (np.bincount(owner, weights=ring_area, minlength=35_672) > 0).all()
