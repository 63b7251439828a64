"""The workbook of our own, read by a library that is not: what goes in comes out, as text."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.wire import workbook

plain = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=60)


def read(rows):
    out = io.BytesIO()
    workbook.write(out, rows)
    book = openpyxl.load_workbook(io.BytesIO(out.getvalue()))
    return [["" if cell.value is None else cell.value for cell in row] for row in book.active.iter_rows()]


@given(st.lists(st.tuples(plain, plain), min_size=1, max_size=5))
def test_what_goes_in_comes_out(rows):
    told = [("head", "more"), *rows]
    assert read(told) == [list(row) for row in told]


@pytest.mark.parametrize(
    "text", ["=1+1", "+86138", "-1", "@SUM(A1)", "007", "1e5", "TRUE", "<b>&\"'", "  two  ", "中文 🎫", "a\tb"]
)
def test_a_card_is_a_text_whatever_it_looks_like(text):
    out = io.BytesIO()
    workbook.write(out, [(text,)])
    cell = openpyxl.load_workbook(io.BytesIO(out.getvalue())).active["A1"]
    assert (cell.value, cell.data_type) == (text, "s")


def test_what_looks_like_an_escape_is_escaped():
    out = io.BytesIO()
    workbook.write(out, [("KC_x0041_9", "a\x00b")])
    with zipfile.ZipFile(io.BytesIO(out.getvalue())) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "KC_x005F_x0041_9" in sheet
    assert "a\ufffdb" in sheet


def test_nothing_is_written_beside_the_file(tmp_path, monkeypatch):
    """Cards lie nowhere in the clear: no temporary file is made."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    out = io.BytesIO()
    workbook.write(out, (("N", f"S{n}") for n in range(20_000)))
    assert out.getbuffer().nbytes > 50_000


def test_what_does_not_fit_into_one_sheet_goes_on_in_the_next():
    out, rows = io.BytesIO(), [(f"N{n}", "x" * 50) for n in range(100)]
    workbook.write(out, rows, sheet_bytes=2_000)
    book = openpyxl.load_workbook(io.BytesIO(out.getvalue()))
    assert len(book.sheetnames) > 3
    assert [tuple(cell.value for cell in row) for sheet in book for row in sheet.iter_rows()] == rows


def test_no_part_is_written_as_zip64():
    """A sheet whose size is told as ZIP64 in its own header is one that Excel refuses."""
    out = io.BytesIO()
    workbook.write(out, [("N", "S")])
    with zipfile.ZipFile(io.BytesIO(out.getvalue())) as archive:
        assert {one.extract_version for one in archive.infolist()} == {20}
