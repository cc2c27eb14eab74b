"""Delimited text as publishers send it: BOM or none, UTF-8 or cp1252, plain, gzip or in a zip; headers that drift."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.errors import ContractError, SourceError
from exclusion.sources.archives import open_path, open_plain
from exclusion.sources.contracts import fail

if TYPE_CHECKING:
    from exclusion.sources.archives import Member
    from exclusion.sources.catalogue import Source

_SUFFIX = re.compile(r"\s*;\s*measures\s*:.*$", re.IGNORECASE)
# What publishers write for "there is no number here", and the reason each stands for (GSS symbols and habits).
REASONS = {
    "": "missing", "-": "not_published", "\u2013": "not_published", ":": "not_published", "..": "not_published",
    "[x]": "not_published", "x": "not_published", "n/a": "not_published", "na": "missing", "null": "missing",
    "nan": "missing", "c": "suppressed", "[c]": "suppressed", "*": "suppressed", "s": "suppressed",
    ".": "suppressed", "[u]": "suppressed", "u": "suppressed", "~0": "too_small", "[low]": "too_small",
}  # fmt: skip


@dataclass(frozen=True)
class TextFile:
    """A delimited text, decoded: its name for messages, its header cells as published, and its bytes in UTF-8."""

    name: str
    header: tuple[str, ...]
    body: bytes


@dataclass(frozen=True)
class Field:
    """One column wanted of a text table: the patterns its header is known by, tried in order, and its type."""

    patterns: tuple[str, ...]
    kind: str = "text"  # text, integer or number
    is_optional: bool = False


def field(*patterns: str, kind: str = "text", is_optional: bool = False) -> Field:
    """Return a wanted column known by any of the patterns (whole header, case does not matter)."""
    return Field(patterns, kind, is_optional)


def load_text(path: Path, source: "Source", member: "Member | None" = None) -> TextFile:
    """Read a delimited text file, plain or gzip, or one member of a zip; SourceError where it is empty.

    A BOM is dropped; bytes that are not UTF-8 are taken for cp1252, which Ofcom has used.
    """
    name = path.name if member is None else f"{path.name} ({member.name})"
    with open_path(path, member) if member is not None else open_plain(path) as stream:
        body = stream.read()
    return parse_text(body, name, source)


def parse_text(body: bytes, name: str, source: "Source") -> TextFile:
    """Split the header from bytes of delimited text; SourceError for an empty file or a page of HTML."""
    body = to_utf8(body)
    head = body[:512].lstrip().lower()
    if not head:
        raise SourceError(
            f"{source.id}: {name} is empty; retrieve it again or put a whole copy into the inbox."
        )
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise SourceError(
            f"{source.id}: {name} is a web page, not a table; download the file itself and put it into the inbox."
        )
    if b"\x00" in head:
        raise SourceError(f"{source.id}: {name} is not text; download it again as CSV.")
    # One logical line may span several physical ones when a header cell is quoted.
    lines = io.StringIO(body[: 1 << 20].decode(errors="ignore"), newline="")
    reader = csv.reader(lines)
    header = next(reader)
    offset = 0
    for _ in range(reader.line_num):
        offset = body.find(b"\n", offset) + 1 or len(body)
    return TextFile(name, tuple(cell.strip() for cell in header), body[offset:])


def to_utf8(body: bytes) -> bytes:
    """Return the same text in UTF-8 without a BOM; what is not UTF-8 is taken for cp1252."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16").encode()
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace").encode()
    return body


def fold_header(header: str) -> str:
    """Return a header without BOM, quotes, doubled spaces and the `; measures: Value` suffix."""
    return " ".join(_SUFFIX.sub("", header.replace("\ufeff", "").strip().strip('"')).split())


def resolve(found: Sequence[str], wanted: Mapping[str, Field], source: "Source", name: str) -> dict[str, int]:
    """Return the place of each wanted column among the headers found.

    Earlier patterns win. ContractError shows what was expected and found where a column is in no header, or in
    more than one that fits the same pattern.
    """
    folded = [fold_header(header) for header in found]
    places: dict[str, int] = {}
    lacking: list[str] = []
    for column, want in wanted.items():
        for pattern in want.patterns:
            fits = re.compile(pattern, re.IGNORECASE).fullmatch
            hits = [i for i, header in enumerate(folded) if fits(header)]
            if len(hits) > 1:
                names = " and ".join(f"'{found[i]}'" for i in hits[:3])
                raise fail(source, name, f"column '{column}' could be any of {names}", "keep one of them")
            if hits:
                places[column] = hits[0]
                break
        else:
            if not want.is_optional:
                lacking.append(column)
    if lacking:
        expected = "; ".join(f"{column} (like {wanted[column].patterns[0]})" for column in lacking[:2])
        more = f" and {len(lacking) - 2} more" if len(lacking) > 2 else ""
        shown = ", ".join(f"'{header[:40]}'" for header in _nearest(folded, places.values()))
        rest = f" and {len(folded) - 6} more" if len(folded) > 6 else ""
        raise fail(
            source,
            name,
            f"the layout is not the one expected: found no column for {expected}{more} among {shown}{rest}",
            "check that it is the file the catalogue names, or tell the maintainers that the publisher changed it",
        )
    return places


def _nearest(headers: Sequence[str], taken: Iterable[int]) -> list[str]:
    """Return at most six headers to show: those that no column has taken come first."""
    known = set(taken)
    order = sorted(range(len(headers)), key=lambda i: (i in known, i))
    return [headers[i] for i in order[:6]]


def read_columns(file: TextFile, wanted: Mapping[str, Field], source: "Source") -> pd.DataFrame:
    """Return the wanted columns under their tidy names, in the order wanted; absent optional ones are left out.

    Text is stripped, empty text is null. A cell that is not a number where one is wanted is a ContractError that
    names the column, the row and the cell.
    """
    places = resolve(file.header, wanted, source, file.name)
    return read_places(file, {name: (place, wanted[name].kind) for name, place in places.items()}, source)


def read_places(file: TextFile, places: Mapping[str, tuple[int, str]], source: "Source") -> pd.DataFrame:
    """Return columns by their place in the header; see `read_columns`."""
    import pyarrow as pa
    import pyarrow.csv as pc

    names = [f"c{i}" for i in range(len(file.header))]
    types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}

    def read(kinds: Mapping[str, Any]) -> pa.Table:
        return pc.read_csv(
            io.BytesIO(file.body),
            read_options=pc.ReadOptions(column_names=names, use_threads=False),
            parse_options=pc.ParseOptions(newlines_in_values=True),
            convert_options=pc.ConvertOptions(
                include_columns=[names[place] for place, _ in places.values()],
                column_types=kinds,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )

    try:
        try:
            table = read({names[place]: types[kind] for place, kind in places.values()})
        except pa.ArrowInvalid:
            # Something is no number: read all as text, so that the cell can be named or mended (1,234).
            table = read({names[place]: pa.string() for place, _ in places.values()})
    except pa.ArrowInvalid as fault:
        if not file.body.strip():
            return pd.DataFrame({name: pd.Series(dtype=_EMPTY[kind]) for name, (_, kind) in places.items()})
        reason = " ".join(str(fault).split(". Row")[0].split())
        raise fail(source, file.name, f"the table is damaged ({reason})") from None
    frame = pd.DataFrame(
        {name: table.column(names[place]).to_pandas() for name, (place, _) in places.items()}
    )
    for name, (_, kind) in places.items():
        if kind == "text":
            frame[name] = tidy_text(frame[name])
        elif not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = to_numbers(frame[name], kind, name, source, file.name)
    return frame


_EMPTY = {"text": "str", "integer": "int64", "number": "float64"}


def tidy_text(values: pd.Series) -> pd.Series:
    """Return text stripped of spaces, empty text as null."""
    values = values.astype("str").str.strip()
    return values.where(values != "")


def to_numbers(values: pd.Series, kind: str, column: str, source: "Source", name: str) -> pd.Series:
    """Return numbers from text, taking thousands separators; ContractError names the first cell that is none."""
    bare = values.astype("str").str.strip().str.replace(",", "", regex=False)
    bare = bare.where(bare != "")
    numbers = pd.to_numeric(bare, errors="coerce")
    is_wrong = numbers.isna() & bare.notna()
    if is_wrong.any():
        row = int(is_wrong.idxmax())
        raise fail(
            source,
            name,
            f"column '{column}' holds '{values.loc[row]}' in data row {row + 1:,}, which is no number"
            + (f" (and {int(is_wrong.sum()) - 1:,} more)" if is_wrong.sum() > 1 else ""),
        )
    if kind == "integer" and numbers.notna().all():
        whole = numbers.round()
        if (whole == numbers).all():
            return whole.astype("int64")
    return numbers.astype("float64")


def numbers_with_status(
    values: pd.Series, column: str, source: "Source", name: str
) -> tuple[pd.Series, pd.Series]:
    """Return numbers and, for each, `observed` or the reason why there is none (missing, suppressed, ...).

    ContractError names the first cell that is neither a number nor a known sign.
    """
    text = values.astype("object").map(lambda v: "" if pd.isna(v) else str(v).strip())
    status = text.str.lower().map(REASONS)
    is_number = status.isna()
    numbers = to_numbers(text.where(is_number), "number", column, source, name)
    return numbers, status.where(~is_number, "observed").astype("str")


def read_json(path: Path, source: "Source") -> Any:
    """Read a JSON file, plain or gzip; SourceError names the file where it is empty, cut short or a web page."""
    import json

    with open_plain(path) as stream:
        body = to_utf8(stream.read())
    if not body.strip():
        raise SourceError(f"{source.id}: {path.name} is empty; retrieve it again.")
    try:
        return json.loads(body)
    except ValueError as fault:
        kind = "a web page" if body.lstrip()[:1] == b"<" else f"not whole JSON ({fault})"
        raise SourceError(f"{source.id}: {path.name} is {kind}; retrieve it again.") from None


__all__ = [
    "REASONS", "ContractError", "Field", "TextFile", "field", "fold_header", "load_text", "numbers_with_status",
    "parse_text", "read_columns", "read_json", "read_places", "resolve", "tidy_text", "to_numbers", "to_utf8",
]  # fmt: skip
