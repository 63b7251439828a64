"""Complaints and claims at any point of their lives, made by the verbs that lead there."""

from __future__ import annotations

from datetime import UTC, datetime

from kashu import aftersale, party, sales
from kashu.aftersale import NewClaim, Persons
from kashu.audit import Actor
from kashu.kernel import clock
from kashu.kernel.text import sha256_hex
from tests import make
from tests.party.world import person_number

AT = datetime(2026, 11, 2, 4, tzinfo=UTC)  # a Monday; the Friday after is four working days on
BUYER = Actor("buyer", "0123456789ab")
CLERK = Actor("person", "clerk@kashu.example")
OTHER = Actor("person", "other@kashu.example")
TRADER = Actor("person", "trader@supplier.example")
BORN = f"{clock.biz_date(clock.now()).year - 10}0601"  # ten years old, whenever this runs
WHY = ("核对记录后认定", sha256_hex("what a clerk saw"))


def bought(db, ring, quantity=1, who=None, *, seen=False, sku=None, **told):
    """A delivered order of a browser: the placed order and the browser."""
    who = who or make.buyer()
    placed = make.order(db, ring, sku or make.stocked(db, ring, quantity, **told), quantity, who)
    assert sales.settle(db, [make.notice(placed)], clock.now()) == ["paid"]
    if seen:
        assert len(sales.reveal(db, ring, placed.token, who, clock.now())) == quantity
    return placed, who


def complain(db, placed, who, at=AT, kind="goods", words="兑换时提示无效"):
    return aftersale.open_complaint(db, BUYER, placed.token, who.device, (kind, words), at)


def decided(db, placed, who, outcome="rejected", at=AT):
    opened = complain(db, placed, who, at)
    assert isinstance(opened, aftersale.Complaint), opened
    aftersale.take_up(db, CLERK, opened.id, at)
    return aftersale.decide(db, CLERK, opened.id, outcome, WHY, at)


def new_claim(**changed):
    persons = {"guardian_name": "王大年", "guardian_number": person_number(), "minor_name": "王小满",
               "minor_number": person_number(BORN), "words": "孩子用我的手机买的"}  # fmt: skip
    file = {
        "relation": "father",
        "spool": make.name("file"),
        "size": 9,
        "sha256": WHY[1],
        "media_type": "application/pdf",
    }
    persons |= {name: changed.pop(name) for name in list(changed) if name in persons}
    return NewClaim(Persons(**persons), **(file | changed))


def consent(db, placed, at=AT):
    order = sales.by_token(db, placed.token)
    party.give_consent(db, BUYER, aftersale.subject_of(order), aftersale.PURPOSE, "我同意", at)


def claim(db, ring, placed, who, at=AT, *, consented=True, **changed):
    if consented:
        consent(db, placed, at)
    return aftersale.open_claim(db, ring, BUYER, (placed.token, who.device), new_claim(**changed), at)


def ask(db, told, deduction_fen=0, by=CLERK, at=AT):
    return aftersale.ask_grant(db, by, told.id, (deduction_fen, WHY), solo_wait_seconds=None, at=at)


def grant(db, told, asked, by=OTHER, at=AT):
    return aftersale.grant(db, by, told.id, asked.id, at, is_alone=False)
