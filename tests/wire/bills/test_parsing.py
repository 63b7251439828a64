"""Bills of three channels: what the simulator writes is read to the fen, and what is not whole is refused."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashu.kernel.clock import SHANGHAI
from kashu.settlement import BillRefusal
from kashu.wire.pay import bills
from kashu.wire.pay.bills import BillRefusedError, Expected, checked, count_lines, form_of, parse, parse_fen, unpack
from kashu.wire.pay.bills.money import fen_of, parse_milli
from sandbox.pay.bills import Faults, file, stream

DAY = date(2026, 11, 21)
MERCHANTS = {"wechat": "1900000109", "alipay": "2088000000000000", "douyin": "80001234567"}
KINDS = sorted(MERCHANTS)
number = st.text(
    "ABCDEFGHJKMNPQRSTVWXYZ0123456789-", min_size=1, max_size=40
)  # as ours are; Alipay writes an underscore for the dash
fen = st.integers(0, 10**11)
rows = st.lists(
    st.builds(
        lambda trade, gateway, refund, amount, fee, is_back, second: row(
            trade, gateway, amount, fee, refund if is_back else "", second
        ),
        number, number, number, fen, st.integers(0, 10**6), st.booleans(), st.integers(0, 86_399),
    ),
    max_size=30,
)  # fmt: skip


def row(trade="1A-T1", gateway="G1", amount=990, fee=6, refund="", second=60, day=DAY):
    at = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(seconds=second)
    state = "REFUND" if refund else "SUCCESS"
    return {"trade_no": trade, "gateway_no": gateway, "refund_id": refund, "amount_fen": amount, "fee_fen": fee,
            "state": state, "at": at}  # fmt: skip


def read(kind, content, day=DAY, merchants=None, bill_kind="trade"):
    told = {MERCHANTS[kind]} if merchants is None else merchants
    return list(parse(unpack(io.BytesIO(content)), form_of(kind, bill_kind), Expected(day, frozenset(told))))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [True, False])
@settings(max_examples=40, deadline=None)
@given(told=rows)
def test_what_is_written_is_read_again(kind, packed, told):
    made = file(kind, told, DAY, MERCHANTS[kind], packed=packed)

    found = read(kind, made.content)

    assert [(one.trade_no, one.gateway_no, one.refund_no, one.kind, one.amount_fen, one.at) for one in found] == [
        (one["trade_no"], one["gateway_no"], one["refund_id"], "refund" if one["refund_id"] else "payment",
         -one["amount_fen"] if one["refund_id"] else one["amount_fen"], one["at"])
        for one in told
    ]  # fmt: skip
    # Alipay writes a fee with the sign of money that leaves.
    sign = -1 if kind == "alipay" else 1
    assert [one.fee_fen for one in found] == [
        sign * (-one["fee_fen"] if one["refund_id"] else one["fee_fen"]) for one in told
    ]
    assert list(checked(unpack(io.BytesIO(made.content)), made.hash_type, made.hash_value))


@given(st.integers(1 - 10**14, 10**14 - 1))
def test_yuan_become_fen_exactly(amount):
    sign, (whole, part) = "-" if amount < 0 else "", divmod(abs(amount), 100)
    assert parse_fen(f"{sign}{whole}.{part:02d}") == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9.9", 990), ("0", 0), ("12", 1200), ("-3.05", -305), ("1e2", None), ("1E2", None), ("0.001", None), ("+1", None),
     ("1,000.00", None), ("", None), (" 1", None), (".5", None), ("1.", None), ("NaN", None), ("１", None), ("=1+1", None)],
)  # fmt: skip
def test_what_is_no_amount_is_none(text, expected):
    assert parse_fen(text) == expected


def test_a_fee_may_be_less_than_a_fen():
    assert parse_milli("0.05940") == 5940
    assert [fen_of(one) for one in (5940, 5500, 5499, -5500, 0)] == [6, 6, 5, -6, 0]
    assert parse_milli("0.000001") is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_bill_of_an_empty_day_is_empty(kind):
    assert read(kind, file(kind, [], DAY, MERCHANTS[kind]).content) == []


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_bill_cut_short_anywhere_is_refused(kind, data):
    whole = file(
        kind, [row(), row("1A-T2", "G2", 1200, 7, "R1")], DAY, MERCHANTS[kind], packed=data.draw(st.booleans())
    )
    # The last figures of a plain file may be lost without a word: their line is then another number, or no line.
    size = data.draw(st.integers(0, len(whole.content) - (80 if kind == "alipay" else 12)))
    with pytest.raises(BillRefusedError):
        read(kind, whole.content[:size])


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_download_and_a_wrong_digest_are_told_apart(kind):
    cut = file(kind, [row(gateway=f"G{n}") for n in range(50)], DAY, MERCHANTS[kind], Faults(is_truncated=True))
    with pytest.raises(BillRefusedError) as refused:
        read(kind, cut.content)
    assert refused.value.reason in (BillRefusal.TRUNCATED, BillRefusal.BAD_LINE)

    wrong = file(kind, [row()], DAY, MERCHANTS[kind], Faults(is_wrong_hash=True))
    with pytest.raises(BillRefusedError) as refused:
        list(checked(unpack(io.BytesIO(wrong.content)), wrong.hash_type, wrong.hash_value))
    assert refused.value.reason is BillRefusal.WRONG_HASH


@pytest.mark.parametrize("kind", KINDS)
def test_another_days_and_another_merchants_bill_are_refused(kind):
    made = file(kind, [row()], DAY, MERCHANTS[kind]).content
    for told, reason in (
        ({"day": DAY - timedelta(days=1)}, BillRefusal.OTHER_DAY),
        ({"merchants": {"1234567890"}}, BillRefusal.OTHER_MERCHANT),
    ):
        with pytest.raises(BillRefusedError) as refused:
            read(kind, made, **told)
        assert refused.value.reason is reason
    for other in set(KINDS) - {kind}:
        with pytest.raises(BillRefusedError):
            read(other, made, merchants=set())


@pytest.mark.parametrize(
    ("kind", "old", "new", "reason"),
    [
        ("wechat", "`9.90,`0.00,`0,", "`9.91,`0.00,`0,", BillRefusal.WRONG_TOTALS),
        ("wechat", "`0.60%,`9.90", "`0.60%,`9.9e0", BillRefusal.BAD_AMOUNT),
        ("wechat", "`0.60%,`9.90", "`0.60%,`9.905", BillRefusal.BAD_AMOUNT),
        ("wechat", "`SUCCESS,", "`PAYERROR,", BillRefusal.BAD_VALUE),
        ("wechat", "`1A-T1", "`1A T1", BillRefusal.BAD_VALUE),
        ("wechat", "`1,`9.90", "`2,`9.90", BillRefusal.WRONG_TOTALS),
        ("wechat", "0.06000,`9.90,`0.00\r\n", "0.06000,`9.91,`0.00\r\n", BillRefusal.WRONG_TOTALS),
        ("wechat", "2026-11-21 00", "2026-11-21T00", BillRefusal.BAD_VALUE),
        ("wechat", "2026-11-21 00:01", "2026-11-21 00:61", BillRefusal.BAD_VALUE),
        ("wechat", "订单金额,申请退款金额,费率备注", "订单额,申请退款金额,费率备注", BillRefusal.BAD_HEADER),
        ("wechat", "交易时间,公众账号ID", "商户号,公众账号ID", BillRefusal.BAD_HEADER),
        ("wechat", "`JSAPI,", "", BillRefusal.BAD_LINE),
        ("alipay", "G1\t", "\t", BillRefusal.BAD_VALUE),
        ("alipay", ",9.90,9.90,", ",9.90,9.91,", BillRefusal.WRONG_TOTALS),
        ("alipay", "交易合计：1笔", "交易合计：2笔", BillRefusal.WRONG_TOTALS),
        ("alipay", "#退款合计", "#合计", BillRefusal.TRUNCATED),
        ("alipay", "0.00,\r\n", "0.00,a,b\r\n", BillRefusal.BAD_VALUE),
        ("douyin", "`CNY,`9.90", "`CNY,`-9.90", BillRefusal.BAD_AMOUNT),
    ],
)
def test_an_altered_value_is_refused_with_its_reason(kind, old, new, reason):
    encoding = "gb18030" if kind == "alipay" else "utf-8"
    plain = file(kind, [row()], DAY, MERCHANTS[kind], packed=False).content.decode(encoding)
    assert old in plain
    with pytest.raises(BillRefusedError) as refused:
        read(kind, plain.replace(old, new, 1).encode(encoding))
    assert refused.value.reason is reason


def test_bytes_of_no_encoding_are_refused_with_their_line():
    plain = file("wechat", [row(), row()], DAY, MERCHANTS["wechat"], packed=False).content
    with pytest.raises(BillRefusedError) as refused:
        read("wechat", plain.replace("数字商品".encode(), b"\xff\xfe", 1))
    assert (refused.value.reason, refused.value.line_no) == (BillRefusal.BAD_ENCODING, 2)


def test_hostile_words_in_a_value_we_do_not_read_change_nothing():
    plain = file("wechat", [row()], DAY, MERCHANTS["wechat"], packed=False).content.decode()
    hostile = plain.replace("数字商品, 一件", '=HYPERLINK("http://x"),"', 1)
    assert read("wechat", hostile.encode()) == read("wechat", plain.encode())
    tidy = file("alipay", [row()], DAY, MERCHANTS["alipay"], packed=False).content.decode("gb18030")
    hostile = tidy.replace("数字商品, 一件", "=cmd|' /C calc'!A0,\"", 1)
    assert read("alipay", hostile.encode("gb18030")) == read("alipay", tidy.encode("gb18030"))


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory():
    with pytest.raises(BillRefusedError) as refused:
        list(parse((b"x" * 4096 for _ in range(10**6)), form_of("wechat", "trade"), Expected(DAY)))
    assert refused.value.reason is BillRefusal.BAD_LINE


def test_an_archive_unpacks_to_its_limit_and_no_further(monkeypatch):
    monkeypatch.setattr("kashu.wire.pay.bills.stream.BILL_BYTES_MAX", 1 << 20)
    for bomb in (gzip.compress(b"\0" * (2 << 20)), zipped({"a_业务明细.csv": b"\0" * (2 << 20)})):
        with pytest.raises(BillRefusedError) as refused:
            list(unpack(io.BytesIO(bomb)))
        assert refused.value.reason is BillRefusal.TOO_LARGE


def test_an_archive_has_one_detail_and_its_names_are_in_gbk():
    inside = "#支付宝".encode("gb18030")
    made = zipped({"a_业务明细.csv".encode("gb18030").decode("cp437"): inside, "a_业务明细(汇总).csv": b"#"})
    assert b"".join(unpack(io.BytesIO(made))) == inside
    for files in ({}, {"a.csv": b"1", "b.csv": b"2"}):
        with pytest.raises(BillRefusedError):
            list(unpack(io.BytesIO(zipped(files) or b"PK\5\6")))


def test_the_fund_bill_is_read_with_its_directions():
    told = [row(), row("1A-T2", "G2", 1200, 0, "R1")]
    made = file("wechat_fund", told, DAY, MERCHANTS["wechat"]).content
    found = read("wechat", made, bill_kind="fund")
    assert [(one.kind, one.amount_fen) for one in found] == [("payment", 990), ("refund", -1200)]
    with pytest.raises(BillRefusedError) as refused:
        read("wechat", gzip.decompress(made).replace(b"`12.00\r\n", b"`12.01\r\n"), bill_kind="fund")
    assert refused.value.reason is BillRefusal.WRONG_TOTALS


def test_columns_have_other_names_where_they_are_told_so():
    plain = file("douyin", [row()], DAY, MERCHANTS["douyin"], packed=False).content.decode()
    other = plain.replace("抖音支付订单号", "支付单号").replace(",订单金额", ",支付金额（元）")
    with pytest.raises(BillRefusedError) as refused:
        read("douyin", other.encode())
    assert refused.value.reason is BillRefusal.BAD_HEADER
    form = form_of("douyin", "trade", {"gateway_no": ["支付单号"], "amount": ["支付金额（元）"]})
    [found] = parse([other.encode()], form, Expected(DAY))
    assert (found.gateway_no, found.amount_fen) == ("G1", 990)
    with pytest.raises(BillRefusedError):  # the totals follow the column
        list(parse([other.replace("`1,`9.90", "`1,`9.80").encode()], form, Expected(DAY)))
    with pytest.raises(ValueError, match="colour"):
        bills.with_columns(form, {"colour": ["红"]})


def test_a_long_bill_is_read_in_the_memory_of_a_short_one():
    def peak(many):
        told = (row(f"1A-T{n}", f"G{n:024d}", n % 10**6) for n in range(many))
        tracemalloc.start()
        read_lines = sum(
            1 for _ in parse(stream("wechat", told, DAY, "1900000109"), form_of("wechat", "trade"), Expected(DAY))
        )
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert read_lines == many
        return size

    assert peak(20_000) < 12 << 20


def test_lines_are_counted_at_a_guess():
    assert count_lines([file("wechat", [row()], DAY, "1", packed=False).content]) == 4


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
