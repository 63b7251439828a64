"""Age at checkout on both lanes: who can say is asked between transactions, and a browser proves it for an hour (C-70)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kashu import catalog, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.party import AgeCheck, AgeRefusal, Holder
from kashu.server.wiring import context
from kashu.wire import age, buyers
from kashu.wire.registry import Answer, State
from kashu.wire.signed import CallError
from tests import make
from tests.party.world import person_number
from tests.sales.test_minors import born, capped
from tests.wire.test_checkout import send, till  # noqa: F401  # a fixture

WORDS, GUARDIAN = "本人同意", "监护人同意"


class Institution:
    """Says of everybody what it is told to, and notes whether a transaction waited for it."""

    def __init__(self, state=State.MATCHED):
        self.state, self.asked = state, []

    def verify_person(self, told):
        self.asked.append(told)
        if self.state is None:
            raise CallError("no answer")
        return Answer(self.state, "", "0" * 64)

    verify_company = prove_account = None


def check(number, device=b"d" * 16):
    consents = frozenset(sha256_hex(one) for one in (WORDS, GUARDIAN))
    return AgeCheck(device, make.buyer().address, "王小明", number, consents, WORDS, GUARDIAN)


@pytest.fixture
def ctx(house):
    made = context(house)
    yield lambda told: replace(made, registry=told)
    made.http.close()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State.MATCHED, Holder),
        (State.MISMATCHED, AgeRefusal.NOT_VERIFIED),
        (State.NOT_FOUND, AgeRefusal.NOT_VERIFIED),
        (None, AgeRefusal.UNAVAILABLE),
    ],
)
def test_what_the_institution_says_decides(ctx, state, told):
    found = age.verify(ctx(Institution(state)), check(person_number(), make.buyer().device))
    assert isinstance(found, Holder) if told is Holder else found is told


def test_without_an_institution_nothing_is_known(ctx):
    assert age.verify(ctx(None), check(person_number(), make.buyer().device)) is AgeRefusal.UNAVAILABLE


def test_a_number_with_a_wrong_digit_is_never_sent(ctx):
    institution = Institution()
    assert age.verify(ctx(institution), check("110105198503120000")) is AgeRefusal.INCOMPLETE
    assert institution.asked == []


def test_a_slow_institution_holds_no_more_than_its_share(ctx, monkeypatch):
    class Full:
        def acquire(self, *, blocking):
            return False

    monkeypatch.setattr(age, "_UNDER_WAY", Full())
    institution = Institution()
    assert age.verify(ctx(institution), check(person_number(), make.buyer().device)) is AgeRefusal.UNAVAILABLE
    assert institution.asked == []


def test_no_transaction_is_open_while_the_institution_thinks(ctx, house, monkeypatch):
    open_now = []
    institution = Institution()
    made = ctx(institution)
    real = institution.verify_person

    def look(told):
        with connect(house.dsn) as db:
            sql = "SELECT count(*) FROM party_consent WHERE subject = %s"
            open_now.append(value(db, sql, [f"age check {told.verification_id}"]))
        return real(told)

    institution.verify_person = look
    age.verify(made, check(person_number(), make.buyer().device))
    assert open_now == [1]  # the consent was committed before anybody was asked


HOLDER = Holder(new_id(), date(2012, 3, 12))


def test_a_token_is_good_for_an_hour_in_its_browser():
    ring, at = Keyring.new(), clock.now()
    for holder in (HOLDER, Holder(new_id())):
        token = age.token(ring, b"d" * 16, holder, at)
        assert age.holder_of(ring, b"d" * 16, token, at) == holder
        assert age.holder_of(ring, b"d" * 16, token, at + timedelta(seconds=age.SECONDS - 1)) == holder
        assert age.holder_of(ring, b"d" * 16, token, at + timedelta(seconds=age.SECONDS)) is None
        assert age.holder_of(ring, b"e" * 16, token, at) is None  # somebody else's browser
        assert age.holder_of(Keyring.new(), b"d" * 16, token, at) is None  # forged
        assert "2012" not in token


@pytest.mark.parametrize("told", ["", "x", "====", "AAE", "QUFF" * 20, "é", "A" * 401, "eyJob2xkZXIiOiAiMSJ9"])
def test_what_is_no_token_is_nobody(told):
    assert age.holder_of(Keyring.new(), b"d" * 16, told, clock.now()) is None


def test_a_changed_token_is_nobody():
    ring, at = Keyring.new(), clock.now()
    token = age.token(ring, b"d" * 16, HOLDER, at)
    for place in range(0, len(token) - 1, 7):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert age.holder_of(ring, b"d" * 16, other, at) is None


@pytest.fixture
def game(dsn, ring):
    """A committed sheet of capped goods: the form, and a browser's headers with its token for somebody."""

    def fill(holder, name=None, **changed):
        with connect(dsn) as db, db.transaction():
            make.channel(db)
            sku = capped(db, ring, 5_000, 6)
            at = clock.now()
            page = catalog.page_hash_of(catalog.offers(db, [sku.code], at)[sku.code], None).hex()
            form = {"sku": sku.code, "quantity": "1", "key": make.name("key"), "page": page, "pay": "douyin",
                    "consent": sales.consent(db, at)[1], "phone": ""}  # fmt: skip
        device = buyers.new_name()
        token = age.token(ring, ring.identity("device", name or device), holder, clock.now()) if holder else ""
        cookie = f"kashu_device={device}; {age.COOKIE}={token}"
        return form | changed, {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"}

    return fill


@pytest.fixture(params=["till", "web"])
def browser(request, site):
    """Both lanes, with the cookies of a browser."""
    if request.param == "till":
        return request.getfixturevalue("till")

    def post(content, headers):
        visitor = make.visitor()
        visitor.cookies.load(headers["cookie"])
        return visitor.post("/checkout", content, content_type=headers["content-type"])

    return post


def told(browser, form, headers):
    answer = send(browser, form, headers)
    return answer.status_code, answer.json()


def test_a_verified_browser_is_sent_on_to_pay(browser, game):
    status, body = told(browser, *game(born(15)))
    assert (status, set(body)) == (200, {"go"})


def test_nobody_knows_a_browser_without_a_token_or_with_anothers(browser, game):
    """C-70."""
    unknown = (403, {"refused": "age_unknown"})
    assert told(browser, *game(None)) == unknown
    assert told(browser, *game(born(15), name=buyers.new_name())) == unknown


@pytest.mark.parametrize(
    ("years", "quantity", "body"),
    [
        (7, "1", {"refused": "minor_under_8"}),
        (15, "2", {"refused": "minor_order_max", "fen_max": 5_000, "left_fen": 20_000}),
        (17, "3", {"refused": "minor_order_max", "fen_max": 10_000, "left_fen": 40_000}),
    ],
)
def test_a_minor_is_told_the_limit_and_what_is_left(browser, game, years, quantity, body):
    assert told(browser, *game(born(years), quantity=quantity)) == (403, body)
