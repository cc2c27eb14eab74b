"""Two ways of reading wide CSV give one table; counts are summed, never averaged; large sheets stay small in memory."""

import itertools
import tracemalloc
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reader_files import OFCOM, csv_text, ods, ofcom_rows, source, write, zipped

from exclusion.errors import ContractError
from exclusion.sources import readers_wide, readers_wide_compiled
from exclusion.sources.contracts import Contract, count, number
from exclusion.sources.readers_ods import open_rows, sheet_names
from exclusion.sources.readers_ofcom import (
    performance_column,
    read_ofcom_oa_coverage_csv,
    read_ofcom_postcode_coverage,
    sum_to_lsoa,
)
from exclusion.sources.readers_text import field
from exclusion.sources.readers_wide import read_wide
from exclusion.sources.readers_wide_parts import Part, Wanted, packed_keys

WANTED = {
    "key": field("key"),
    "n": field("n", kind="integer"),
    "m": field("m", kind="integer"),
    "share": field("share", kind="number"),
}


def part(body: bytes, name: str = "made.csv") -> Part:
    @contextmanager
    def opened():
        yield BufferedReader(BytesIO(body), 4096)

    return Part(name, len(body), opened)


ANYTHING = Contract("made", ("key",), {})


def wanted(fields=WANTED, contract=ANYTHING, keep=lambda _: True) -> Wanted:
    return Wanted("key", fields, keep, contract, source("ofcom_fixed_coverage_oa"), "made.csv")


def both(parts: list[Part], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Read by the compiled pass and by the general way."""
    out = []
    for large in (0, 1 << 40):
        monkeypatch.setattr(readers_wide, "_LARGE", large)
        out.append(read_wide(parts, wanted()))
    return out


ROW = st.tuples(
    st.text("ABCXYZ0123456789", min_size=1, max_size=10),
    st.integers(0, 9_999),
    st.integers(0, 9),
    st.one_of(st.none(), st.integers(0, 9_999)),
)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=40),
    ends=st.sampled_from(["\n", "\r\n"]),
    has_last=st.booleans(),
    has_mark=st.booleans(),
)
def test_the_compiled_pass_and_the_general_way_agree(rows, ends, has_last, has_mark):
    monkeypatch = pytest.MonkeyPatch()
    lines = ["key,n,skipped,share,m"]
    lines += [f"{k},{n},x y/z,{'' if s is None else f'{s / 10:g}'},{m}" for k, n, m, s in rows]
    body = ends.join(lines) + (ends if has_last else "")
    data = body.encode("utf-8-sig" if has_mark else "utf-8")
    try:
        fast, slow = both([part(data)], monkeypatch)
    finally:
        monkeypatch.undo()
    keys = [row[0] for row in rows]
    assert fast.is_rising == all(a < b for a, b in itertools.pairwise(keys))
    assert slow.is_rising is None
    assert list(fast.key) == list(slow.key) == [row[0] for row in rows]
    for name in ("n", "m", "share"):
        np.testing.assert_array_equal(fast.columns[name], slow.columns[name])
    assert list(fast.columns["n"]) == [row[1] for row in rows]


@pytest.mark.parametrize("cells", ["10000,1,1.0", "-1,1,1.0", "1,1,97.25", "1,1,1234.5"])
def test_numbers_too_long_for_the_compiled_pass_are_read_the_general_way(cells, monkeypatch):
    fast, slow = both([part(f"key,n,m,share\nA,1,1,1.0\nB,{cells}\nC,1,1,1.0\n".encode())], monkeypatch)
    assert fast.is_rising is None
    for name in ("n", "m", "share"):
        np.testing.assert_array_equal(fast.columns[name], slow.columns[name])
    assert fast.columns["share"].tolist()[1] == np.float32(cells.split(",")[2])


BOUNDED = Contract(
    "made",
    ("key",),
    {"n": count(), "m": count(), "share": number(0, 100, is_nullable=True), "more": number(0, 100)},
    rising=(("m", "n"), ("share", "more")),
    tolerance=0.101,
)
SHARES = st.one_of(
    st.integers(0, 1000).map(lambda tenths: f"{tenths / 10:.1f}"),
    st.sampled_from(
        ["", "100", "7", "7.25", "0.50", ".5", "5.", "100.1", "-3", "-0.1", "1e1", "12.4.1", "999999.9", "x"]
    ),
)
COUNTS = st.one_of(
    st.integers(0, 12_000).map(str),
    st.sampled_from(
        ["", "007", "-1", "00012", "12345678", "999999999", "9999999999", "3.0", "3.5", "+3", " 3"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_ways_give_the_same_table_or_the_same_sentence(data):
    plain = data.draw(st.integers(0, 70))
    lines = [
        f"K{row:05d},{row % 90 + 9},{row % 10},{row / 10:.1f},{row / 10 + 0.1:.1f}" for row in range(plain)
    ]
    cells = st.tuples(COUNTS, COUNTS, SHARES, SHARES).map(",".join)
    odd = data.draw(st.lists(cells, max_size=3))
    lines += [f"L{row},{line}" for row, line in enumerate(odd)]
    lines = data.draw(st.permutations(lines)) if len(lines) < 6 else lines
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    body = end.join(["key,n,m,share,more", *lines]) + data.draw(st.sampled_from(["", end, 2 * end]))
    fields = WANTED | {"more": field("more", kind="number")}
    keep = data.draw(st.sampled_from([lambda _: True, lambda name: name in {"key", "m", "more"}]))
    outcomes = []
    for large in (0, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(readers_wide, "_LARGE", large)
            try:
                wide = read_wide([part(body.encode())], wanted(fields, BOUNDED, keep))
                outcomes.append(
                    (list(wide.key), {name: (v.dtype, v.tolist()) for name, v in wide.columns.items()})
                )
            except ContractError as fault:
                outcomes.append(str(fault))
    assert repr(outcomes[0]) == repr(outcomes[1])


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("5,6,1.0,2.0", "'m' must never exceed 'n', but L has 6 above 5 (data row 901)"),
        ("6,5,2.2,2.0", "'share' must never exceed 'more', but L has 2.2 above 2 (data row 901)"),
        ("6,5,2.0,100.1", "'more' must be between 0 and 100, but L has 100.1 (data row 901)"),
        ("6,5,2.0,", "'more' must not be empty, but L has nothing (data row 901)"),
        ("-6,-7,2.0,2.0", "'n' must be a whole number of at least 0, but L has -6 (data row 901)"),
    ],
)
def test_values_out_of_bounds_are_told_with_their_row(cells, says, monkeypatch):
    monkeypatch.setattr(readers_wide, "_LARGE", 0)
    fields = WANTED | {"more": field("more", kind="number")}
    rows = "".join(f"K{row:03d},9,5,{row % 1000 / 10:.1f},100.0\n" for row in range(900))
    fine = f"key,n,m,share,more\n{rows}L,6,5,2.1,2.0\nM,6,5,,2.0\nN,6,5,100,100\n"
    # A step of rounding, a blank that may be and a decimal without its point are plain enough.
    assert read_wide([part(fine.encode())], wanted(fields, BOUNDED)).is_rising is True
    with pytest.raises(ContractError) as caught:
        read_wide([part(fine.replace("L,6,5,2.1,2.0", f"L,{cells}").encode())], wanted(fields, BOUNDED))
    assert says in str(caught.value)


def test_a_table_of_unlike_parts_grows_as_it_is_read(monkeypatch):
    header = "key,n,m,share,remark\n"
    long = header + "".join(f"A{row:02d},1,2,3.5,{'x' * 3_000}\n" for row in range(20))
    short = header + "".join(f"B{row:05d},{row % 7},2,,\n" for row in range(5_000))
    parts = [part(long.encode()), part(short.encode()), part(short.replace("B", "C").encode())]
    fast, slow = both(parts, monkeypatch)
    assert len(fast.key) == 10_020
    assert fast.is_rising is True
    assert list(fast.key) == list(slow.key)
    for name in ("n", "m", "share"):
        np.testing.assert_array_equal(fast.columns[name], slow.columns[name])


def test_blocks_meet_without_a_seam(monkeypatch):
    monkeypatch.setattr(readers_wide, "_BLOCK", 64)
    monkeypatch.setattr(readers_wide_compiled, "_BLOCK", 64)
    body = "key,n,m,share\n" + "".join(f"K{i:05d},{i},{i % 7},{i / 10}\n" for i in range(3_000))
    fast, slow = both([part(body.encode()), part(body.replace("K", "L").encode())], monkeypatch)
    assert len(fast.key) == 6_000
    assert list(fast.key) == list(slow.key)
    for name in slow.columns:
        np.testing.assert_array_equal(fast.columns[name], slow.columns[name])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("K2,many,1,2", ("n", "'many'")),
        ("K2,,1,2", ("n", "empty", "K2")),
        ("K2,1.5,1,2", ("n", "1.5", "whole number")),
        ("K2,1,1", ("damaged",)),
    ],
)
def test_what_the_compiled_pass_does_not_know_is_said_by_the_general_way(line, says, monkeypatch):
    monkeypatch.setattr(readers_wide, "_LARGE", 0)
    data = f"key,n,m,share\nK1,1,1,1\n{line}\n".encode()
    with pytest.raises(ContractError) as caught:
        read_wide([part(data)], wanted())
    assert all(words in str(caught.value) for words in says), str(caught.value)


@pytest.mark.parametrize("large", [0, 1 << 40])
def test_rows_out_of_order_are_sorted_and_a_key_twice_is_named(tmp_path, monkeypatch, large):
    monkeypatch.setattr(readers_wide, "_LARGE", large)
    entry = source("ofcom_fixed_coverage_oa")
    path = write(tmp_path / "202601_fixed_oa_coverage_r1.csv", csv_text(ofcom_rows(OFCOM[::-1])))
    table = read_ofcom_oa_coverage_csv(path, entry)
    assert list(table["oa21cd"]) == sorted(row[0] for row in OFCOM)
    assert table.set_index("oa21cd").loc["E00000005", "premises_gigabit"] == 2
    write(path, csv_text(ofcom_rows([*OFCOM, OFCOM[1]])))
    with pytest.raises(ContractError, match=r"E00000003 stands on more than one row \(data row 7\)"):
        read_ofcom_oa_coverage_csv(path, entry)


def test_quoted_cells_are_read_the_general_way(monkeypatch):
    fast, slow = both([part(b'"key","n","m","share"\n"K1",5,6,"7.5"\n')], monkeypatch)
    assert fast.is_rising is None
    assert list(fast.key) == list(slow.key) == ["K1"]
    assert list(fast.columns["share"]) == [7.5]


def test_parts_must_have_the_same_columns(monkeypatch):
    parts = [part(b"key,n,m,share\nA,1,1,1\n"), part(b"key,n,share\nB,1,1\n", "second.csv")]
    fields = WANTED | {"m": field("m", kind="integer", is_optional=True)}
    for large in (0, 1 << 40):
        monkeypatch.setattr(readers_wide, "_LARGE", large)
        with pytest.raises(ContractError, match=r"second\.csv.*'m'"):
            read_wide(parts, wanted(fields))


@given(
    st.lists(
        st.text("ABCDEFGH 0123456789", min_size=1, max_size=10).map(str.strip).filter(bool),
        min_size=1,
        max_size=50,
    )
)
@settings(max_examples=30, deadline=None)
def test_packed_keys_sort_as_text_does(texts):
    packed = packed_keys(pd.Series(texts, dtype="str"))
    assert packed is not None
    assert [texts[i] for i in np.argsort(packed, kind="stable")] == sorted(texts)
    assert len(set(packed.tolist())) == len(set(texts))


def test_keys_that_do_not_fit_are_not_packed():
    assert packed_keys(pd.Series(["ABCDEFGHIJK"], dtype="str")) is None
    assert packed_keys(pd.Series(["abc"], dtype="str")) is None
    assert packed_keys(pd.Series(["A", None], dtype="str")) is None


# --- Output areas to LSOA -------------------------------------------------------------------------------------------

LOOKUP = pd.DataFrame(
    {
        "oa21cd": ["E00000001", "E00000003", "E00000005", "W00000001"],
        "lsoa21cd": ["E01000001", "E01000001", "E01000002", "W01000001"],
    }
)


@pytest.fixture
def areas(tmp_path):
    path = write(tmp_path / "202601_fixed_oa_coverage_r1.csv", csv_text(ofcom_rows(OFCOM)))
    return read_ofcom_oa_coverage_csv(path, source("ofcom_fixed_coverage_oa"))


def test_counts_are_summed_and_percentages_never_averaged(areas):
    table = sum_to_lsoa(areas, LOOKUP).set_index("lsoa21cd")
    assert list(table.index) == ["E01000001", "E01000002", "W01000001"]
    assert table.loc["E01000001", "premises"] == 150
    assert table.loc["E01000001", "premises_superfast"] == 145
    assert table.loc["E01000001", "premises_below_ultrafast"] == 150 - (90 + 50)
    assert table.loc["E01000001", "premises_below_30mbit"] == 5
    # The mean of the two percentages (90 and 100) is not the share of the sum.
    share = 100 * table.loc["E01000001", "premises_ultrafast_100"] / table.loc["E01000001", "premises"]
    assert share == pytest.approx(93.333, abs=0.001)
    assert (table["premises__status"] == "observed").all()
    assert table["premises"].dtype == "int64"


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_sums_agree_with_a_plain_grouping(data):
    oas = [f"E00{i:06d}" for i in range(1, data.draw(st.integers(60, 90)))]
    parents = [f"E01{data.draw(st.integers(1, 12)):06d}" for _ in oas]
    lookup = pd.DataFrame({"oa21cd": oas, "lsoa21cd": parents}).sample(frac=1, random_state=3)
    counts = [data.draw(st.integers(0, 500)) for _ in oas]
    table = pd.DataFrame({"oa21cd": oas, "premises": counts, "premises_ultrafast_300": counts})
    got = sum_to_lsoa(table, lookup).set_index("lsoa21cd")["premises"]
    want = table.merge(lookup, on="oa21cd").groupby("lsoa21cd")["premises"].sum()
    assert got.to_dict() == want.to_dict()


def test_large_and_small_tables_are_summed_alike(monkeypatch, areas):
    from exclusion.sources import readers_ofcom

    small = sum_to_lsoa(areas, LOOKUP)
    monkeypatch.setattr(readers_ofcom, "_MANY", 0)
    pd.testing.assert_frame_equal(sum_to_lsoa(areas, LOOKUP), small)
    pd.testing.assert_frame_equal(sum_to_lsoa(areas, LOOKUP.iloc[::-1]), small)


def test_an_area_without_any_row_is_missing_and_not_zero(areas):
    lookup = pd.concat([LOOKUP] * 30, ignore_index=True)
    lookup["oa21cd"] = [f"E00{i:06d}" for i in range(1, len(lookup) + 1)]
    lookup.loc[len(lookup)] = ["E00999999", "E01009999"]
    table = pd.DataFrame({"oa21cd": lookup["oa21cd"][:-1], "premises": 5, "premises_ultrafast_300": 5})
    row = sum_to_lsoa(table, lookup).set_index("lsoa21cd").loc["E01009999"]
    assert row["premises__status"] == "missing"
    assert np.isnan(row["premises"])


def test_output_areas_of_2011_are_refused(areas):
    old = areas.assign(oa21cd=areas["oa21cd"].replace("E00000003", "E00099999"))
    with pytest.raises(ContractError, match=r"E00099999.*output areas of 2011"):
        sum_to_lsoa(old, LOOKUP)


def test_a_file_cut_short_is_refused(areas):
    with pytest.raises(ContractError, match=r"1 of 4 output areas, E00000003 first"):
        sum_to_lsoa(areas[areas["oa21cd"] != "E00000003"], LOOKUP)


def test_a_lookup_with_an_output_area_twice_is_refused(areas, monkeypatch):
    from exclusion.sources import readers_ofcom

    for many in (0, 50_000):
        monkeypatch.setattr(readers_ofcom, "_MANY", many)
        with pytest.raises(ContractError, match="E00000001 stands on more than one row"):
            sum_to_lsoa(areas, pd.concat([LOOKUP, LOOKUP.head(1)]))


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Average max download speed (Mbit/s) for lines <10Mbit/s", "download_mbit_lines_below_10"),
        ("Average max download speed (Mbit/s) for lines 10<30Mbit/s", "download_mbit_lines_10_30"),
        ("Average max upload speed (Mbit/s) for lines >=900Mbit/s", "upload_mbit_lines_900plus"),
        ("Average download speed (Mbit/s)", "average_download_speed_mbit_s"),
    ],
)
def test_performance_headers(header, name):
    assert performance_column(header) == name


def test_postcode_files_with_and_without_a_mark_are_one_table(tmp_path):
    rows = ofcom_rows([("X", 10, 9, 8, 7, 6)])
    shares = dict(zip(rows[0], rows[1], strict=True))
    columns = [c for c in rows[0] if "%" in c]

    def text(codes: list[str]) -> str:
        return csv_text(
            [
                ["postcode", "postcode_space", "postcode area", *columns],
                *[[c.replace(" ", ""), c, c[:2], *[shares[s] for s in columns]] for c in codes],
            ]
        )

    path = zipped(
        tmp_path / "202601_fixed_pc_coverage_r2.zip",
        {
            "postcode_files/202601_fixed_pc_coverage_r2_NE.csv": text(["NE66 1AA", "NE66 1AB"]).encode(
                "utf-8-sig"
            ),
            "postcode_files/202601_fixed_pc_coverage_r2_AB.csv": text(["AB10 1AA"]),
            "postcode_res_files/202601_fixed_pc_coverage_res_r1_AB.csv": text(["AB10 1AA"]),
        },
    )
    table = read_ofcom_postcode_coverage(path, source("ofcom_fixed_coverage_oa"))
    assert list(table["pcds"]) == ["AB10 1AA", "NE66 1AA", "NE66 1AB"]
    assert list(table["superfast_pct"]) == [90, 90, 90]


# --- Open documents ---------------------------------------------------------------------------------------------------


def test_a_large_sheet_is_streamed_in_bounded_memory(tmp_path):
    rows = [["LSOA21CD", "Overall"], *[[f"E01{i:06d}", i % 100] for i in range(5_000)]]
    path = ods(tmp_path / "big.ods", {"OA": rows, "LSOA": rows})
    entry = source("dft_connectivity")
    assert sheet_names(path, entry) == ["OA", "LSOA"]
    tracemalloc.start()
    count = sum(1 for row in open_rows(path, "LSOA", entry) if row)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5_001
    # The XML of both sheets is about 2 MB, and its tree about ten times that.
    assert peak < 4_500_000


def test_repeated_cells_are_written_out_and_trailing_blanks_dropped(tmp_path):
    path = ods(tmp_path / "s.ods", {"S": [["a", None, 2.5], [], ["b"]]})
    assert [row for row in open_rows(path, "S", source("wimd2019")) if row] == [["a", None, 2.5], ["b"]]
