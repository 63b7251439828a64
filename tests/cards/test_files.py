"""Card files as the field has them."""

from __future__ import annotations

import codecs
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.cards import Format, NewCard, Reject, detect, parse, split
from kashu.cards.types import NEVER

TODAY = date(2026, 11, 22)
PAIR = ("number", "secret")


@pytest.mark.parametrize(
    ("content", "separator", "columns", "header"),
    [
        ("AAAA-1\nAAAA-2\n", "", ("secret",), False),
        ("N1----S1\nN2----S2\n", "dashes", PAIR, False),
        ("N1,S1\nN2,S2\n", "comma", PAIR, False),
        ("N1 S1\nN2 S2\n", "space", PAIR, False),
        ("N1\tS1\nN2\tS2\n", "tab", PAIR, False),
        ("N1|S1\nN2|S2\n", "bar", PAIR, False),
        ("N1,S1,2027-12-31\nN2,S2,2027/1/1\n", "comma", (*PAIR, "expires_on"), False),
        ("number,secret,expires_on,face_value,cost,note\na,b,,,,\n", "comma", (*PAIR, "expires_on", "face_value", "cost", "note"), True),
        ("卡号,卡密,有效期,面值,成本,备注\na,b,,,,\n", "comma", (*PAIR, "expires_on", "face_value", "cost", "note"), True),
        ("卡密\nabc\n", "", ("secret",), True),
        ("备注,兑换码\nx,abc\n", "comma", ("note", "secret"), True),
        ("", "", ("secret",), False),
    ],
)  # fmt: skip
def test_a_format_is_detected(content, separator, columns, header):
    found = detect(content.encode())
    assert (found.separator, found.columns, found.has_header) == (separator, columns, header)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_encoding_and_line_end_reads_the_same(encoding, end, last):
    told = [f"卡号{n}----密钥-{n:04d}-中文" for n in range(300)]
    raw = (end.join(told) + (end if last else "")).encode(encoding)
    form = detect(raw)
    chunks = [raw[at : at + 97] for at in range(0, len(raw), 97)]

    lines = [line for block in split(chunks, form.encoding) for line in block]

    assert lines == told
    assert form.separator == "dashes"


@given(
    st.lists(st.text("abc中文𠮷 -,\t", max_size=12), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 40),
)
def test_however_a_file_is_cut_its_lines_are_the_same(told, end, size):
    raw = end.join(told).encode()
    whole = [line for block in split([raw], "utf-8") for line in block]
    cut = [line for block in split([raw[at : at + size] for at in range(0, len(raw), size)], "utf-8") for line in block]
    assert whole == cut


@given(st.binary(max_size=400), st.integers(1, 50), st.sampled_from(["utf-8", "gb18030", "utf-16", "utf-16-le"]))
def test_hostile_bytes_are_reasons_and_never_exceptions(raw, size, encoding):
    detect(raw)
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
    lines = [line for block in split(chunks, encoding) for line in block]
    found = parse(lines, 1, Format(encoding, "comma", PAIR, has_header=False), TODAY)
    assert len(found) == len(lines)
    assert all(isinstance(one, NewCard | Reject) for one in found)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("n,", "empty"),
        ("n", "wrong_column_count"),
        ("n,s,x", "wrong_column_count"),
        ("n," + "s" * 513, "too_long"),
        ("n" * 129 + ",s", "too_long"),
        ("x" * 2_001, "too_long"),
        ("n,a\x00b", "bad_characters"),
        ("n,a\x1fb", "bad_characters"),
        (None, "undecodable"),
    ],
)
def test_a_bad_line_has_its_reason(line, reason):
    [found] = parse([line], 9, Format("utf-8", "comma", PAIR, has_header=False), TODAY)
    assert isinstance(found, Reject)
    assert (found.line_no, found.reason) == (9, reason)


@pytest.mark.parametrize(
    ("told", "reason"),
    [("2026-11-21", "expired"), ("2027-02-30", "bad_date"), ("soon", "bad_date"), ("31-12-2027", "bad_date")],
)
def test_a_bad_date_has_its_reason(told, reason):
    [found] = parse([f"s,{told}"], 1, Format("utf-8", "comma", ("secret", "expires_on"), has_header=False), TODAY)
    assert isinstance(found, Reject)
    assert found.reason == reason


@pytest.mark.parametrize(
    "told", ["2026-11-22", "2026/11/22", "20261122", "2026.11.22", "2026年11月22日", "2026-11-22 23:59:59"]
)
def test_dates_are_read_as_they_are_written(told):
    [found] = parse([f"s,{told}"], 1, Format("utf-8", "comma", ("secret", "expires_on"), has_header=False), TODAY)
    assert isinstance(found, NewCard)
    assert found.expires_on == TODAY


def test_amounts_and_notes_are_read_and_a_bad_amount_is_told():
    form = Format("utf-8", "comma", ("number", "secret", "cost", "face_value", "note"), has_header=False)
    good, bad = parse(['n,s,"1,030.50",50,"a, b"', "n,s,x,50,"], 1, form, TODAY)
    assert isinstance(good, NewCard)
    assert (good.unit_cost_fen, good.face_value_fen, good.note, good.expires_on) == (103_050, 5_000, "a, b", NEVER)
    assert isinstance(bad, Reject)
    assert bad.reason == "bad_amount"


def test_a_line_that_is_not_text_hurts_only_itself():
    raw = b"good-1\n\xff\xfe\xff\ngood-2\n"
    lines = [line for block in split([raw], "utf-8") for line in block]
    assert lines == ["good-1", None, "good-2"]


def test_a_file_without_line_ends_does_not_fill_the_memory():
    chunks = (b"x" * 65_536 for _ in range(64))
    lines = [line for block in split(chunks, "utf-8") for line in block]
    assert max(len(line) for line in lines) < 1 << 21
    assert codecs.lookup("gb18030").name == "gb18030"


def test_a_secret_is_never_in_a_repr():
    [found] = parse(["n,topsecret"], 1, Format("utf-8", "comma", PAIR, has_header=False), TODAY)
    assert "topsecret" not in repr(found)
