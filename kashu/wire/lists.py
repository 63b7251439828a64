"""Files of lists (C-60): CSV with a header, or one JSON object a line; name, aliases, ids."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from kashu.party import Listed

NAME_CHARS_MAX = 300
MANY_MAX = 100


class ListError(ValueError):
    """The file is not a list: the line it fails in, and why."""


def read(text: str, *, is_json: bool) -> list[Listed]:
    """The entries of a file. One that cannot be read spoils the file: half a list is none."""
    found = [_entry(row, number) for number, row in (_lines(text) if is_json else _rows(text))]
    if not found:
        raise ListError("no entry")
    return found


def _rows(text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if "name" not in (reader.fieldnames or ()):
        raise ListError("line 1: no column is called name")
    for row in reader:
        told = {key: (row.get(key) or "").split(";") for key in ("aliases", "ids")}
        yield reader.line_num, {"name": row.get("name") or "", **told}


def _lines(text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ListError(f"line {number}: no JSON") from error
            if not isinstance(row, dict):
                raise ListError(f"line {number}: no object")
            yield number, row


def _entry(row: Mapping[str, Any], number: int) -> Listed:
    name, many = row.get("name"), [row.get(key) or [] for key in ("aliases", "ids")]
    if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_CHARS_MAX:
        raise ListError(f"line {number}: no name")
    for words in many:
        if not isinstance(words, list) or len(words) > MANY_MAX or not all(isinstance(one, str) for one in words):
            raise ListError(f"line {number}: aliases and ids are lists of texts")
    aliases, ids = (tuple(one.strip() for one in words if one.strip()) for words in many)
    return Listed(name.strip(), aliases, ids)
