"""A ZIP that only a password opens (WinZip AES-256), for files of cards that leave the house."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import pyzipper

from kashu.cards import Opened
from kashu.kernel.ids import ALPHABET
from kashu.wire import workbook

PASSWORD_CHARS = 20
HEADER = ("number", "secret", "expires_on")


def new_password() -> str:
    """100 bits, in letters that can be read out."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_CHARS))


def seal_file(path: Path, cards: Iterable[Opened], name: str, password: str, kind: str = "csv") -> None:
    """The cards as CSV or XLSX in a sealed file, written as they come: a million cards take no more memory than one."""
    with path.open("wb") as out:
        _seal(out, cards, f"{name}.{kind}", password)


def seal(cards: Sequence[Opened], name: str, password: str, kind: str = "csv") -> bytes:
    """The cards as CSV or XLSX, sealed with the password."""
    out = io.BytesIO()
    _seal(out, cards, f"{name}.{kind}", password)
    return out.getvalue()


def _seal(out: BinaryIO, cards: Iterable[Opened], file_name: str, password: str) -> None:
    is_workbook = file_name.endswith(".xlsx")
    compression = pyzipper.ZIP_STORED if is_workbook else pyzipper.ZIP_DEFLATED  # a workbook is compressed in itself
    with pyzipper.AESZipFile(out, "w", compression=compression, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        with archive.open(file_name, "w", force_zip64=True) as raw:
            if is_workbook:
                workbook.write(raw, chain([HEADER], map(_row, cards)))
                return
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            writer = csv.writer(text)
            writer.writerows(chain([HEADER], map(_row, cards)))
            text.flush()
            text.detach()


def _row(card: Opened) -> tuple[str, str, str]:
    return card.number, card.secret, "" if card.expires_on.year == 9999 else card.expires_on.isoformat()
