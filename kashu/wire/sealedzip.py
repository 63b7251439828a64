"""A ZIP that only a password opens (WinZip AES-256), for files of cards that leave the house."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import openpyxl
import pyzipper
from openpyxl.cell import WriteOnlyCell

from kashu.cards import Opened
from kashu.kernel.ids import ALPHABET

PASSWORD_CHARS = 20
HEADER = ("number", "secret", "expires_on")


def new_password() -> str:
    """100 bits, in letters that can be read out."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_CHARS))


def seal_file(path: Path, cards: Iterable[Opened], name: str, password: str) -> None:
    """The cards as CSV in a sealed file, written as they come: a million cards take no more memory than one."""
    with pyzipper.AESZipFile(path, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        with archive.open(f"{name}.csv", "w", force_zip64=True) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            _write(text, cards)
            text.flush()
            text.detach()


def seal(cards: Sequence[Opened], name: str, password: str, kind: str = "csv") -> bytes:
    """The cards as CSV or XLSX, sealed with the password."""
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr(f"{name}.{kind}", _workbook(cards) if kind == "xlsx" else _csv(cards))
    return out.getvalue()


def _csv(cards: Sequence[Opened]) -> bytes:
    text = io.StringIO()
    _write(text, cards)
    return text.getvalue().encode("utf-8-sig")


def _workbook(cards: Sequence[Opened]) -> bytes:
    """A workbook whose cells are texts, whatever they look like: no card is a formula."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("cards")
    for row in [HEADER, *(_row(card) for card in cards)]:
        cells = [WriteOnlyCell(sheet, text) for text in row]
        for cell in cells:
            cell.data_type = "s"
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _row(card: Opened) -> tuple[str, str, str]:
    return card.number, card.secret, "" if card.expires_on.year == 9999 else card.expires_on.isoformat()


def _write(text: TextIO, cards: Iterable[Opened]) -> None:
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(_row(card) for card in cards)
