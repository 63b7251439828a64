"""A workbook (XLSX, ECMA-376) written as its rows come, straight into a sealed file.

The libraries for this keep rows in temporary files, where cards would lie in the clear (design §6). Every cell is an
inline text, whatever it looks like: no card is a formula or a number.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import IO
from xml.sax.saxutils import escape

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
SHEET_BYTES, SHEET_ROWS = 1 << 30, 1_048_576
ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # what would be read as a character's code (ST_Xstring)
UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no character of XML 1.0


def write(out: IO[bytes], rows: Iterable[Sequence[str]], sheet_bytes: int = SHEET_BYTES) -> None:
    """Write rows of texts as a workbook. Takes no more memory for a million rows than for one.

    What does not fit into one sheet goes on in the next: a sheet that were written as ZIP64 would not open everywhere.
    """
    coming = iter(rows)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        sheets = 0
        first: Sequence[str] | None = next(coming, ())
        while first is not None:
            sheets += 1
            with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                first = _write_sheet(sheet, chain([first], coming), sheet_bytes)
        for name, body in _parts(sheets).items():
            archive.writestr(name, HEAD + body)


def _write_sheet(sheet: IO[bytes], rows: Iterable[Sequence[str]], sheet_bytes: int) -> Sequence[str] | None:
    """Write as many rows as fit; the first that does not, None when all did."""
    written = sheet.write(f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>'.encode())
    many = 0
    left = None
    for row in rows:
        if many == SHEET_ROWS or written > sheet_bytes:
            left = row
            break
        many, written = many + 1, written + sheet.write(f"<row>{''.join(map(_cell, row))}</row>".encode())
    sheet.write(b"</sheetData></worksheet>")
    return left


def _cell(text: str) -> str:
    plain = escape(ESCAPED.sub("_x005F_", UNFIT.sub("\ufffd", text)))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{plain}</t></is></c>'


def _parts(sheets: int) -> dict[str, str]:
    """What names the sheets to each other."""
    numbers = range(1, sheets + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{TYPE}.worksheet+xml"/>' for n in numbers
    )
    named = "".join(f'<sheet name="cards{n if n > 1 else ""}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    return {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>{types}</Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" Type="{OFFICE}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">{related}</Relationships>',
    }
