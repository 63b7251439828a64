"""The table of rules is true: every number once, every file there, every test there (docs/compliance/rules.md)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "compliance" / "rules.md"
ROW = re.compile(r"^\| ([CPS]-\d\d) \| (.+?) \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
NUMBERS = [
    *(f"C-{n:02d}" for block in ((1, 6), (10, 25), (30, 45), (50, 58), (60, 65), (70, 73)) for n in range(block[0], block[1] + 1)),
    "C-80", "C-90", *(f"S-{n:02d}" for n in range(1, 9)), *(f"P-{n:02d}" for n in range(1, 9)),
]  # fmt: skip


def rows(text):
    return ROW.findall(text)


def wrong(row):
    """What is not as a row says, or None."""
    number, done, where, proof = row
    if done == "not yet":
        return None if where and not proof else f"{number}: a reason and no proof"
    file, test = where.strip("`"), proof.strip("`").split("::")
    if not (ROOT / file).exists():
        return f"{number}: no file {file}"
    if len(test) != 2 or not (ROOT / test[0]).exists():
        return f"{number}: no test file {proof}"
    return None if f"def {test[1]}(" in (ROOT / test[0]).read_text() else f"{number}: no test {proof}"


def test_every_rule_has_its_row_and_every_row_is_true():
    found = rows(TABLE.read_text())
    assert Counter(number for number, *_ in found) == Counter(NUMBERS)
    assert [told for row in found if (told := wrong(row))] == []


@pytest.mark.parametrize(
    "row",
    [
        ("C-01", "done", "`kashu/nowhere.py`", "`tests/test_compliance_table.py::test_a_row_that_lies_is_found`"),
        ("C-01", "done", "`kashu/__init__.py`", "`tests/test_compliance_table.py::test_nothing`"),
        ("C-01", "done", "`kashu/__init__.py`", ""),
        ("C-01", "not yet", "", ""),
    ],
)
def test_a_row_that_lies_is_found(row):
    assert wrong(row)
