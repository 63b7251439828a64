"""Numbers with a check of their own (compliance.md §2.4): every vector, and what the algorithms promise."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric, uscc

from kashu.party.rules.numbers import (
    DIGITS_36,
    ORGANISATION_WEIGHTS,
    Fault,
    Warn,
    born_on,
    check_bank_account,
    check_id_card,
    check_organisation,
    check_uscc,
    is_adult,
)

TODAY = date(2026, 11, 1)
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
VALID_USCC = [
    "91110000600037341L",
    "121200004013590816",
    "911522010783762860",
    "91152201078377449P",
    "9115220107837941X1",
    "91152201078382010M",
]
VALID_ID = ["11010519491231002X", "440524188001010014", "360426199101010071"]


@pytest.mark.parametrize("number", VALID_USCC)
def test_a_right_credit_code_passes_with_its_organisation_digit(number):
    found = check_uscc(number)
    assert (found.text, found.fault, found.warning) == (number, None, None)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("91110000600037341N", Fault.CHECK_DIGIT),
        ("9111000060003IOZSV", Fault.CHARACTERS),
        ("A1110000600037341L", Fault.CHARACTERS),
        ("91110000600037341", Fault.LENGTH),
        ("911100006000373411L", Fault.LENGTH),
        ("", Fault.LENGTH),
    ],
)
def test_a_wrong_credit_code_is_told_why(number, fault):
    assert check_uscc(number).fault is fault


def test_an_odd_organisation_digit_inside_a_right_credit_code_is_a_warning_only():
    body = "91110000" + "600037342"  # 600037341 is right
    found = check_uscc(body + uscc.calc_check_digit(body))
    assert (found.fault, found.warning) == (None, Warn.ORGANISATION_DIGIT)


def test_numbers_are_kept_without_spaces_and_in_capitals():
    assert check_uscc(" 9111 0000-6000 37341l ").text == "91110000600037341L"
    assert check_id_card("11010519491231002x", TODAY).is_right


@given(st.text("0123456789", min_size=8, max_size=8), st.text(LETTERS, min_size=9, max_size=9), st.data())
def test_any_one_changed_character_of_a_credit_code_is_found(head, body, data):
    number = head + body + uscc.calc_check_digit(head + body)
    assert check_uscc(number).is_right
    at, letter = data.draw(st.integers(0, 17)), data.draw(st.sampled_from(LETTERS))
    assume(number[at] != letter)
    assert not check_uscc(number[:at] + letter + number[at + 1 :]).is_right


@given(st.text(LETTERS, min_size=9, max_size=9), st.integers(8, 15))
def test_two_swapped_neighbours_of_a_credit_code_are_found(body, at):
    number = "91110000" + body
    number += uscc.calc_check_digit(number)
    assume(number[at] != number[at + 1])
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert check_uscc(swapped).fault is Fault.CHECK_DIGIT


@pytest.mark.parametrize("number", ["600037341", "401359081", "D2143569X"])
def test_a_right_organisation_code_passes(number):
    assert check_organisation(number).is_right


@pytest.mark.parametrize(
    ("number", "fault"),
    [("600037342", Fault.CHECK_DIGIT), ("60003734", Fault.LENGTH), ("60003734Y", Fault.CHARACTERS)],
)
def test_a_wrong_organisation_code_is_told_why(number, fault):
    assert check_organisation(number).fault is fault


@given(st.text(DIGITS_36, min_size=8, max_size=8), st.integers(0, 7), st.sampled_from(DIGITS_36))
def test_a_changed_character_of_an_organisation_code_is_found_unless_eleven_apart(body, at, letter):
    """Modulo 11, characters whose values differ by 11, 22 or 33 are the same: that much is not promised."""
    total = sum(DIGITS_36.index(one) * weight for one, weight in zip(body, ORGANISATION_WEIGHTS, strict=True))
    number = body + "0123456789X0"[11 - total % 11]
    assert check_organisation(number).is_right
    assume((DIGITS_36.index(letter) - DIGITS_36.index(body[at])) % 11)
    assert not check_organisation(number[:at] + letter + number[at + 1 :]).is_right


@pytest.mark.parametrize("number", VALID_ID)
def test_a_right_id_card_passes(number):
    assert check_id_card(number, TODAY).is_right


def id_card(region="110105", born="19491231", serial="002"):
    return region + born + serial + ric.calc_check_digit(region + born + serial + "0")


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("110105194912310021", Fault.CHECK_DIGIT),
        ("11010519491231002", Fault.LENGTH),
        ("1101051949123100AX", Fault.CHARACTERS),
        (id_card(born="19490230"), Fault.DATE),
        (id_card(born="20261102"), Fault.IN_FUTURE),
        (id_card(region="000000"), Fault.REGION),
        (id_card(region="110110", born="19870101"), Fault.REGION),
    ],
)
def test_a_wrong_id_card_is_told_why(number, fault):
    assert check_id_card(number, TODAY).fault is fault


def test_a_region_counts_for_the_years_it_existed():
    """崇文区 (110103) ended in 2010, 密云区 (110118) began in 2015."""
    assert check_id_card(id_card("110103", "20100101"), TODAY).is_right
    assert check_id_card(id_card("110103", "20110101"), TODAY).fault is Fault.REGION
    assert check_id_card(id_card("110118", "20140101"), TODAY).fault is Fault.REGION
    assert check_id_card(id_card("110118", "20150101"), TODAY).is_right


def test_whoever_was_born_before_there_were_numbers_has_the_region_of_later():
    """潮阳县 (440524) gave numbers out from 1984 to 1993, 崇文区's neighbour 燕山区 (110110) to 1986."""
    assert check_id_card(id_card("440524", "19400101"), TODAY).is_right
    assert check_id_card(id_card("110110", "19400101"), TODAY).is_right
    assert check_id_card(id_card("440524", "19940101"), TODAY).fault is Fault.REGION


def test_a_birthday_today_has_been():
    assert check_id_card(id_card(born="20261101"), TODAY).is_right


@given(
    st.dates(date(1950, 1, 1), date(2026, 10, 31)),
    st.integers(0, 999),
    st.integers(0, 17),
    st.sampled_from("0123456789X"),
)
def test_any_one_changed_character_of_an_id_card_is_found(born, serial, at, letter):
    number = id_card("110105", f"{born:%Y%m%d}", f"{serial:03d}")
    assert check_id_card(number, TODAY).is_right
    assume(number[at] != letter)
    assert not check_id_card(number[:at] + letter + number[at + 1 :], TODAY).is_right


@pytest.mark.parametrize(
    ("born", "today", "told"),
    [
        ("20081101", date(2026, 11, 1), True),
        ("20081102", date(2026, 11, 1), False),
        ("20080229", date(2026, 2, 28), False),
        ("20080229", date(2026, 3, 1), True),
    ],
)
def test_somebody_is_grown_up_from_their_eighteenth_birthday(born, today, told):
    assert born_on(id_card(born=born)) is not None
    assert is_adult(id_card(born=born), today) is told


def test_a_bank_card_is_only_ever_warned_of():
    assert check_bank_account("4111 1111 1111 1111").warning is None
    found = check_bank_account("4111111111111112")
    assert (found.fault, found.warning) == (None, Warn.LUHN)
    assert check_bank_account("33050161863500000123").warning is None  # a corporate account of twenty digits
    assert check_bank_account("4111x").fault is Fault.CHARACTERS
    assert check_bank_account("4111111").fault is Fault.LENGTH


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 17), st.sampled_from("0123456789"))
def test_any_one_changed_digit_of_a_bank_card_is_warned_of(body, at, digit):
    number = body + luhn.calc_check_digit(body)
    assert check_bank_account(number).warning is None
    assume(at < len(number) and number[at] != digit)
    assert check_bank_account(number[:at] + digit + number[at + 1 :]).warning is Warn.LUHN
