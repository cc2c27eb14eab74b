"""Spreadsheets: the accessibility guidance point by point, reopened by three readers, no formula, the same bytes."""

import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile

import openpyxl
import pytest
import python_calamine

from exclusion.errors import ContractError
from exclusion.publish.list_workbook import edition_workbook
from exclusion.publish.ods import ods_bytes
from exclusion.publish.sheets import xlsx_bytes
from exclusion.publish.workbook import Sheet, label_columns, lines_of
from tests.publish.lists_made import made_results

URN = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
NOTICE = "Demonstration data: not a real place"


@pytest.fixture(scope="module")
def book():
    _, results = made_results()
    return edition_workbook(
        results, place="Fellshire", n_ranked=len(results), about=("About it.",), notes=("A note.",),
        credit_lines=("Contains OS data.",), notice=NOTICE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(book, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheets")
    (folder / "lists.xlsx").write_bytes(xlsx_bytes(book))
    (folder / "lists.ods").write_bytes(ods_bytes(book))
    return folder


@pytest.fixture(scope="module")
def workbook(files):
    return openpyxl.load_workbook(files / "lists.xlsx")


def test_the_cover_comes_first_and_says_what_it_is_whose_and_how_to_read_it(workbook):
    assert workbook.sheetnames[:3] == ["Cover", "Contents", "Notes"]
    text = "\n".join(str(cell.value) for (cell,) in workbook["Cover"].iter_rows(max_col=1))
    for needed in (
        "Digital exclusion in Fellshire",
        NOTICE,
        "[x] means not available",
        "[z] means",
        "Contains OS data.",
    ):
        assert needed in text
    assert workbook.active.title == "Cover"
    assert workbook.properties.title == "Digital exclusion in Fellshire: lists"


def test_the_contents_name_every_sheet_and_link_to_it(workbook):
    rows = list(workbook["Contents"].iter_rows(min_row=4))
    assert [row[0].value for row in rows] == workbook.sheetnames[2:]
    for row in rows:
        assert row[0].hyperlink.location == f"'{row[0].value}'!A1"
        assert row[1].value


def test_every_table_has_a_name_one_header_row_and_starts_in_column_a(workbook):
    names = []
    for page in workbook.worksheets[1:]:
        (table,) = page.tables.values()
        names.append(table.name)
        first, last = table.ref.split(":")
        assert first.startswith("A")
        assert re.fullmatch(r"A\d+", first)
        assert table.headerRowCount == 1
        assert page.max_row == int(re.sub(r"\D", "", last)), "nothing stands below the table"
        headings = [cell.value for cell in page[int(first[1:])]]
        assert len(set(headings)) == len(headings)
        assert all(headings)
        assert all(cell.font.bold for cell in page[int(first[1:])])
    assert len(set(names)) == len(names)


def test_no_cell_is_merged_empty_or_hidden_and_no_sheet_says_anything_by_colour(workbook):
    for page in workbook.worksheets:
        assert page.merged_cells.ranges == set() or not page.merged_cells.ranges
        assert page.sheet_state == "visible"
        assert not any(dimension.hidden for dimension in page.column_dimensions.values())
        assert not any(dimension.hidden for dimension in page.row_dimensions.values())
        for table in page.tables.values():
            cells = [cell for row in page[table.ref] for cell in row]
            assert all(cell.value not in {None, ""} for cell in cells), page.title
            assert {cell.fill.fill_type for cell in cells} == {None}
            assert table.tableStyleInfo is None or table.tableStyleInfo.name is None


def test_text_is_at_least_12_points_in_a_plain_face_and_headers_stay_in_view(workbook, book):
    for page in workbook.worksheets:
        for row in page.iter_rows():
            assert all(
                cell.font.name == "Arial" and cell.font.size >= 12 for cell in row if cell.value is not None
            )
        assert "table" in str(page["A2"].value) or page.title == "Cover"
    for sheet in book.sheets:
        assert workbook[sheet.name].freeze_panes == f"A{sheet.first_row + 2}"
        assert workbook[sheet.name]["A1"].font.size == 16


def test_wrapped_text_has_the_height_it_needs_in_every_office(workbook, book):
    for page, first in (("Cover", 2), ("Contents", 4), ("Notes", 4)):
        for row in workbook[page].iter_rows(min_row=first):
            needed = max(
                lines_of(str(cell.value), int(workbook[page].column_dimensions[cell.column_letter].width))
                for cell in row
            )
            assert workbook[page].row_dimensions[row[0].row].height >= 12 * 1.25 * needed, (page, row[0].row)
    assert any(
        dimension.height > 30 for dimension in workbook["Cover"].row_dimensions.values() if dimension.height
    )
    for sheet in book.sheets:
        head = workbook[sheet.name].row_dimensions[sheet.first_row + 1]
        longest = max(len(column.heading.split()) for column in sheet.columns)
        assert head.height >= 30 or longest == 1, sheet.name


def test_words_are_kept_whole_when_lines_are_counted():
    assert lines_of("", 10) == 1
    assert lines_of("one two", 10) == 1
    assert lines_of("one two six", 10) == 2
    assert lines_of("abcdefghijklmnopqrst", 10) == 3


def test_lists_print_across_with_headings_and_names_on_every_page(workbook, book, files):
    with zipfile.ZipFile(files / "lists.ods") as archive:
        content = ET.fromstring(archive.read("content.xml"))
        styles = ET.fromstring(archive.read("styles.xml"))
    table = URN % "table"
    pages = {page.get(f"{table}name"): page for page in content.iter(f"{table}table")}
    turned = {
        one.get((URN % "style") + "name"): one[0].get((URN % "style") + "print-orientation")
        for one in styles.iter((URN % "style") + "page-layout")
    }
    assert turned == {"layout-text": "portrait", "layout-list": "landscape"}
    assert b'style:scale-to="60%"' in zipfile.ZipFile(files / "lists.ods").read("styles.xml")
    for name in ("Cover", "Contents", "Notes"):
        assert (workbook[name].page_setup.fitToWidth or 1) == 1
        assert workbook[name].sheet_properties.pageSetUpPr.fitToPage
        assert pages[name].get(f"{table}style-name") == "text"
    for sheet in book.sheets:
        page = workbook[sheet.name]
        assert (page.page_setup.orientation, page.page_setup.scale) == ("landscape", 60)
        assert page.print_title_rows == f"${sheet.first_row + 1}:${sheet.first_row + 1}"
        assert pages[sheet.name].get(f"{table}style-name") == "list"
        repeated = pages[sheet.name].findall(f"{table}table-header-columns/{table}table-column")
        assert len(repeated) == label_columns(sheet)
        assert bool(page.print_title_cols) == bool(repeated)
    wide = next(sheet for sheet in book.sheets if sheet.name == "by_exclusion")
    assert [column.name for column in wide.columns][: label_columns(wide)] == [
        "position",
        "lsoa21cd",
        "lsoa21nm",
    ]


def test_shorthand_stands_for_numbers_that_are_not_there(workbook):
    page = workbook["by_exclusion"]
    (table,) = page.tables.values()
    rows = [[cell.value for cell in row] for row in page[table.ref]]
    rank, minutes = rows[0].index("Exclusion rank"), rows[0].index("Time to help (minutes)")
    assert sum(row[rank] == "[z]" for row in rows) == 1
    assert sum(row[minutes] == "[x]" for row in rows) == 1


def test_a_name_that_looks_like_a_formula_stays_text(workbook, files):
    cells = [cell for row in workbook["by_exclusion"].iter_rows() for cell in row]
    hostile = [cell for cell in cells if str(cell.value).startswith("=HYPERLINK")]
    assert hostile
    assert {cell.data_type for cell in hostile} == {"s"}
    content = zipfile.ZipFile(files / "lists.ods").read("content.xml").decode()
    assert "table:formula" not in content
    assert "=HYPERLINK(" in content


def test_every_number_is_the_same_in_both_formats_and_in_the_list(files, book):
    for name in ("lists.xlsx", "lists.ods"):
        read = python_calamine.load_workbook(files / name)
        assert read.sheet_names == ["Cover", "Contents", "Notes", *(sheet.name for sheet in book.sheets)]
        for sheet in book.sheets:
            rows = read.get_sheet_by_name(sheet.name).to_python()
            assert rows[0][0] == sheet.title
            assert rows[sheet.first_row + 1 :] == sheet.rows(), (name, sheet.name)


def test_the_open_document_has_named_tables_header_rows_and_frozen_panes(files, book):
    with zipfile.ZipFile(files / "lists.ods") as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        content, settings = (
            ET.fromstring(archive.read("content.xml")),
            ET.fromstring(archive.read("settings.xml")),
        )
        for name in ("styles.xml", "meta.xml", "META-INF/manifest.xml"):
            ET.fromstring(archive.read(name))
    table = URN % "table"
    ranges = {
        r.get(f"{table}name"): r.get(f"{table}target-range-address")
        for r in content.iter(f"{table}database-range")
    }
    assert set(ranges) == {"table_Contents", "table_Notes", *(sheet.table_name for sheet in book.sheets)}
    assert not list(content.iter(f"{table}covered-table-cell"))
    for page in content.iter(f"{table}table"):
        heads = page.findall(f"{table}table-header-rows")
        assert len(heads) == (page.get(f"{table}name") != "Cover")
    frozen = [
        e.get((URN % "config") + "name") for e in settings.iter((URN % "config") + "config-item-map-entry")
    ]
    assert set(frozen) >= {sheet.name for sheet in book.sheets}


def test_libreoffice_opens_both_without_repair(files, book):
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("no LibreOffice on this machine (libreoffice-calc-nogui)")
    how = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    for kind in ("xlsx", "ods"):
        out = files / f"read-{kind}"
        command = [
            soffice,
            f"-env:UserInstallation={(files / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            how,
            "--outdir",
            str(out),
            str(files / f"lists.{kind}"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "repair" not in (done.stdout + done.stderr).lower()
        for sheet in book.sheets:
            lines = (out / f"lists-{sheet.name}.csv").read_text(encoding="utf-8").splitlines()
            assert len(lines) == sheet.first_row + 1 + len(sheet.table), sheet.name


def test_the_same_lists_give_the_same_bytes(files, book):
    assert xlsx_bytes(book) == (files / "lists.xlsx").read_bytes()
    assert ods_bytes(book) == (files / "lists.ods").read_bytes()
    for name in ("lists.xlsx", "lists.ods"):
        times = {
            entry.date_time for entry in zipfile.ZipFile(io.BytesIO((files / name).read_bytes())).infolist()
        }
        assert times == {(1980, 1, 1, 0, 0, 0)}


def test_a_sheet_that_no_spreadsheet_can_carry_is_refused(book):
    table = book.sheets[0].table
    with pytest.raises(ContractError, match="31 letters"):
        Sheet("a tab with spaces", "x", table)
    with pytest.raises(ContractError, match="no rows"):
        Sheet("empty", "x", table.head(0))
    with pytest.raises(ContractError, match="secret"):
        _ = Sheet("list", "x", table.assign(secret=1)).columns


def test_a_place_of_one_area_is_told_of_in_the_singular():
    _, results = made_results()
    one = edition_workbook(
        results.head(1), place="Skerry", n_ranked=len(results), about=(), notes=(), credit_lines=()
    )
    said = [text for sheet in one.sheets for text in (sheet.title, *sheet.leads)]
    assert "The first area of Skerry by people offline" in said
    assert "The worst tenth of the place is its first area by the exclusion index." in said
    assert not [text for text in said if re.search(r"\b1 (areas|rows)\b", text)]
