from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.kernel import ids, limits, money, paging, text
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import assert_in_transaction, connect
from kashu.kernel.seal import Keyring, SealBrokenError
from kashu.kernel.states import moves


@given(st.integers(0, 10**13))
def test_yuan_reads_back_what_it_writes(fen):
    assert money.parse_yuan(money.yuan(fen)) == fen
    assert money.parse_yuan(f"¥{money.yuan(fen, comma=True)} 元") == fen


@pytest.mark.parametrize("told", ["", "1.234", "-1", "1,23", "一元", "1e3", "1.2.3", "９９", "1" * 14])
def test_what_is_no_amount_is_none(told):
    assert money.parse_yuan(told) is None


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_share_is_never_more_than_its_rate(total, rate):
    part = money.share(total, rate)
    assert 0 <= part <= total
    assert part * 10_000 <= total * rate < (part + 1) * 10_000


def test_ids_sort_by_time_and_carry_their_version():
    first = ids.new_id()
    time.sleep(0.003)
    second = ids.new_id()
    assert first < second
    assert first.version == 7


@given(st.integers(1, 2**62))
def test_a_number_and_a_token_carry_their_pool(pool_id):
    assert ids.pool_of(ids.new_number(pool_id)) == pool_id
    assert ids.pool_of(ids.new_token(pool_id)) == pool_id


@given(st.text(max_size=60))
def test_nonsense_has_a_pool_or_none_but_never_an_exception(told):
    pool = ids.pool_of(told)
    assert pool is None or 0 <= pool < 2**63


def test_a_mask_tells_less_than_a_third():
    assert text.mask("KZ7F-48MW-Q3XD-92TR") == "KZ7••••2TR"
    assert text.mask("12345") == "••••"


@given(st.text(max_size=600))
def test_a_mask_never_holds_its_secret(secret):
    shown = text.mask(secret).replace(text.MASK, "")
    assert len(shown) * 3 <= len(secret)


def test_canonical_json_is_one_text():
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert text.canonical_json({"b": at, "a": "卡"}) == '{"a":"卡","b":"2026-11-22T00:00:00+00:00"}'
    with pytest.raises(TypeError):
        text.canonical_json(object())


def test_a_business_day_begins_at_midnight_in_shanghai():
    assert biz_date(datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)).day == 22
    assert biz_date(datetime(2026, 11, 22, 16, 0, tzinfo=UTC)).day == 23
    assert day_start(biz_date(datetime(2026, 11, 22, 16, 0, tzinfo=UTC))) == datetime(2026, 11, 22, 16, tzinfo=UTC)


@given(st.binary(max_size=500), st.integers(1, 2**60))
def test_a_sealed_card_opens_only_as_itself(plain, card_id):
    """S-01: bound to its card and batch; two rows' ciphertext swapped do not open."""
    ring = RING
    key, wrapped = ring.new_data_key(7)
    sealed = key.seal(card_id, plain)
    assert ring.open_data_key(7, wrapped).open(card_id, sealed) == plain
    with pytest.raises(SealBrokenError):
        key.open(card_id + 1, sealed)
    with pytest.raises(SealBrokenError):
        ring.open_data_key(8, wrapped)


def test_a_ring_survives_its_file_and_a_rotation(tmp_path):
    ring = Keyring.new()
    ring.save(tmp_path / "ring.json")
    again = Keyring.load(tmp_path / "ring.json")
    sealed = ring.seal_personal("13800138000", "here")
    rotated = Keyring(2, {**ring.masters, 2: b"x" * 32})

    assert (tmp_path / "ring.json").stat().st_mode & 0o077 == 0
    assert again.open_personal(sealed, "here") == rotated.open_personal(sealed, "here") == "13800138000"
    assert rotated.fingerprint("", "secret") == ring.fingerprint("", "secret")
    with pytest.raises(SealBrokenError):
        ring.open_personal(sealed, "elsewhere")
    with pytest.raises(FileExistsError):
        ring.save(tmp_path / "ring.json")


@pytest.mark.parametrize(
    "told", ["", "{}", '{"current": 1, "keys": {"1": "c2hvcnQ="}}', '{"current": 2, "keys": {}}', "[]"]
)
def test_a_broken_ring_says_so(told):
    with pytest.raises(ValueError, match="key ring"):
        Keyring.parse(told)


def test_keys_cannot_be_printed():
    assert "masters" not in repr(Keyring.new())


def test_a_move_is_to_a_state_that_is_there():
    with pytest.raises(AssertionError):
        moves("x", a="b")
    assert moves("x", a="b", b="").allows("a", "b")


@given(st.text(max_size=80))
def test_a_foreign_cursor_is_the_first_page(told):
    found = paging.decode_cursor(told, 2)
    assert found is None or len(found) == 2


def test_a_cursor_comes_back(tmp_path):
    assert paging.decode_cursor(paging.encode_cursor("a", 1), 2) == ["a", 1]
    assert json.loads("[]") == []


def test_attempts_are_counted_per_window(db):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert [limits.allow(db, "b", at, most=2, seconds=60) for _ in range(3)] == [True, True, False]
    assert limits.allow(db, "b", at.replace(minute=1), most=2, seconds=60)


def test_the_domain_refuses_to_work_outside_a_transaction(dsn):
    db = connect(dsn)
    with pytest.raises(AssertionError):
        assert_in_transaction(db)
    db.close()


RING = Keyring.new()
