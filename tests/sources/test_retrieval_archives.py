"""Archives opened safely: what is refused, what is found, and what damage says."""

import gzip
import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion.errors import SourceError
from exclusion.sources import archives
from exclusion.sources.archives import find_members, list_members, open_member, open_path, open_plain
from tests.sources.retrieval_world import csv_bytes, put, zip_bytes


def make(path: Path, *members: tuple[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def nested(levels: int, name: str = "deep.csv", data: bytes = b"a,b\n1,2\n") -> bytes:
    """Return a zip in a zip in a zip, `levels` zips in all."""
    for level in range(levels):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo(name), data)
        name, data = f"level_{level}.zip", buffer.getvalue()
    return data


@pytest.mark.parametrize(
    "name",
    [
        "../evil.csv",
        "a/../../evil.csv",
        "/etc/evil.csv",
        "..\\evil.csv",
        "a\\..\\..\\evil.csv",
        "C:/evil.csv",
        "C:\\evil.csv",
        "\\\\server\\evil.csv",
    ],
)
def test_a_member_that_points_outside_is_refused(tmp_path, name):
    path = make(tmp_path / "x.zip", ("good.csv", b"a"), (name, b"b"))
    with pytest.raises(
        SourceError,
        match=r"^x\.zip was not opened: its member .* points outside the archive\. Download it again",
    ):
        list_members(path)
    with pytest.raises(SourceError, match="points outside"), open_member(path, "good.csv"):
        pass


def test_a_link_is_refused(tmp_path):
    info = zipfile.ZipInfo("link.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(SourceError, match="is a link"):
        list_members(tmp_path / "x.zip")


def test_an_encrypted_member_is_refused(tmp_path):
    path = make(tmp_path / "x.zip", ("a.csv", b"a"))
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="is encrypted"):
        list_members(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = make(tmp_path / "bomb.zip", ("bomb.csv", b"0" * 30_000_000))
    with (
        pytest.raises(
            SourceError, match=r"would unpack [\d,]+ bytes to 30,000,000, which looks like a zip bomb"
        ),
        open_member(path, "*.csv"),
    ):
        pass


def test_a_member_over_the_ceiling_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    path = make(tmp_path / "x.zip", ("a.csv", csv_bytes()))
    with pytest.raises(SourceError, match="would unpack to 2,615 bytes"):
        list_members(path)


def test_many_members_that_are_too_much_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 6000)
    path = make(tmp_path / "x.zip", *((f"{n}.csv", csv_bytes()) for n in range(3)))
    with pytest.raises(SourceError, match="would unpack to 7,845 bytes in all"):
        list_members(path)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    path = make(tmp_path / "x.zip", *((f"{n}.csv", b"") for n in range(6)))
    with pytest.raises(SourceError, match="lists 6 members, more than 5"):
        list_members(path)


def test_a_size_that_lies_is_noticed_while_reading(tmp_path):
    path = make(tmp_path / "x.zip", ("a.csv", csv_bytes(4000)))
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 100)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="damaged or cut short"), open_member(path, "*.csv") as stream:
        stream.read()


def test_damage_inside_a_member_is_told_under_the_archives_name(tmp_path):
    path = make(tmp_path / "x.zip", ("a.csv", csv_bytes(4000)))
    data = bytearray(path.read_bytes())
    for place in range(200, 260):
        data[place] ^= 0xFF
    path.write_bytes(data)
    with (
        pytest.raises(SourceError, match=r"^x\.zip!a\.csv was not opened: it is damaged"),
        open_member(path, "*.csv") as stream,
    ):
        stream.read()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_zip_cut_short_is_told(tmp_path, share):
    path = make(tmp_path / "x.zip", ("a.csv", csv_bytes(4000)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SourceError, match="damaged or cut short"), open_member(path, "*.csv"):
        pass


@pytest.mark.parametrize("data", [b"", b"PK", b"<html></html>", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_told(tmp_path, data):
    with pytest.raises(SourceError, match=r"^x\.zip was not opened: it is damaged"):
        list_members(put(tmp_path / "x.zip", data))


def test_a_zip_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        list_members(tmp_path / "none.zip")


@pytest.mark.parametrize(
    "name", ["census2021-ts002-lsoa..csv", "census2021-ts002-LSOA.csv", "folder/census2021-ts002-lsoa.csv"]
)
def test_mistyped_members_are_found_by_pattern(tmp_path, name):
    path = make(
        tmp_path / "x.zip", ("census2021-ts002-msoa.csv", b"m"), (name, b"l"), ("metadata/ts002.txt", b"t")
    )
    with open_member(path, "*lsoa*.csv") as stream:
        assert stream.read() == b"l"


def test_a_member_in_a_zip_in_a_zip_is_found(tmp_path):
    inner = zip_bytes(
        **{
            "202507_fixed_oa_coverage_r01/202507_fixed_oa_coverage_r01__csv": b"oa",
            "202507_fixed_oa_res_coverage_r01__csv": b"res",
        }
    )
    path = make(
        tmp_path / "ofcom.zip", ("202507/202507_fixed_oa_coverage_r01.zip", inner), ("readme.txt", b"x")
    )
    with open_member(path, "*_oa_*coverage*.csv", excluding="*_res_*") as stream:
        assert stream.read() == b"oa"
    assert [str(m) for m in find_members(path, "*.csv")] == [
        "202507/202507_fixed_oa_coverage_r01.zip!202507_fixed_oa_coverage_r01/202507_fixed_oa_coverage_r01.csv",
        "202507/202507_fixed_oa_coverage_r01.zip!202507_fixed_oa_res_coverage_r01.csv",
    ]


def test_zips_are_searched_to_a_stated_depth(tmp_path):
    with open_member(put(tmp_path / "three.zip", nested(3)), "*.csv") as stream:
        assert stream.read() == b"a,b\n1,2\n"
    with pytest.raises(SourceError, match="nested more than 3 deep"):
        list_members(put(tmp_path / "four.zip", nested(4)))


def test_an_inner_zip_that_is_unsafe_is_refused_under_its_own_name(tmp_path):
    inner = zip_bytes(**{"../evil__csv": b"x"})
    path = make(tmp_path / "x.zip", ("inner.zip", inner))
    with pytest.raises(SourceError, match=r"^x\.zip!inner\.zip was not opened"):
        list_members(path)


def test_an_inner_zip_that_is_damaged_is_told(tmp_path):
    path = make(tmp_path / "x.zip", ("inner.zip", zip_bytes(a__csv=csv_bytes(4000))[:300]))
    with (
        pytest.raises(SourceError, match=r"inner\.zip was not opened: it is damaged"),
        open_member(path, "*.csv"),
    ):
        pass


def test_no_member_lists_what_there_is(tmp_path):
    path = make(tmp_path / "x.zip", *((f"{n:02d}.csv", b"") for n in range(14)))
    with (
        pytest.raises(
            SourceError,
            match=r"no member that matches '\*lsoa\*\.csv'; it holds 00\.csv, .*, 11\.csv and 2 more\.",
        ),
        open_member(path, "*lsoa*.csv"),
    ):
        pass


def test_an_empty_zip_says_so(tmp_path):
    with pytest.raises(SourceError, match="it holds nothing"):
        find_members(make(tmp_path / "x.zip"), "*.csv")


def test_two_members_are_a_question(tmp_path):
    path = make(tmp_path / "x.zip", ("a-lsoa.csv", b""), ("b-lsoa.csv", b""))
    with (
        pytest.raises(
            SourceError, match=r"2 members that match .* \(a-lsoa\.csv, b-lsoa\.csv\); one was expected"
        ),
        open_member(path, "*lsoa*.csv"),
    ):
        pass


def test_members_are_streams_of_any_size_of_read(tmp_path):
    path = make(tmp_path / "x.zip", ("a.csv", csv_bytes(4000)))
    with open_path(path, list_members(path)[0]) as stream:
        parts = []
        while part := stream.read(77):
            parts.append(part)
    assert b"".join(parts) == csv_bytes(4000)


@given(
    st.dictionaries(
        st.text("abcxyz/_.-0", min_size=1, max_size=12).filter(
            lambda n: n[0] not in "/." and ".." not in n.split("/") and not n.endswith("/")
        ),
        st.binary(max_size=300),
        max_size=6,
    )
)
def test_whatever_is_put_in_comes_out(tmp_path_factory, members):
    path = make(
        tmp_path_factory.mktemp("zip") / "x.zip",
        *((n, d) for n, d in members.items() if not n.endswith(".zip")),
    )
    for member in list_members(path):
        with open_path(path, member) as stream:
            assert stream.read() == members[member.path[-1]]


def test_plain_and_gzip_files_are_told_apart_by_their_first_bytes(tmp_path):
    for name, data in (
        ("a.csv", csv_bytes()),
        ("a.csv.gz", gzip.compress(csv_bytes())),
        ("misnamed.csv", gzip.compress(csv_bytes())),
    ):
        with open_plain(put(tmp_path / name, data)) as stream:
            assert stream.read() == csv_bytes()


def test_a_gzip_that_is_cut_short_or_a_bomb_is_told(tmp_path):
    data = gzip.compress(csv_bytes(4000))
    with (
        pytest.raises(SourceError, match=r"^x\.csv\.gz was not opened: it is damaged"),
        open_plain(put(tmp_path / "x.csv.gz", data[:500])) as stream,
    ):
        stream.read()
    with (
        pytest.raises(SourceError, match="unpacks to more bytes"),
        open_plain(put(tmp_path / "b.gz", gzip.compress(b"0" * 10_000)), ceiling=5000) as stream,
    ):
        stream.read()
    with pytest.raises(SourceError, match="cannot be read"), open_plain(tmp_path / "none.csv"):
        pass
