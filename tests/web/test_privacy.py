"""People and their own data (C-53, C-54), and what authorities are given, over HTTP."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest

from kashu import party, sales
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from kashu.sales import queries as sales_queries
from tests import make


def test_everybody_gets_a_copy_of_their_own_data(staff, dsn):
    one, other = staff("supplier", is_sure=True), staff("buyer")
    told = json.loads(one.get("/accounts/data/export.json").content)
    assert (told["email"], told["name"], told["role"]) == (one.person.email, "supplier", "member")
    text = one.get("/accounts/data/export.csv").content.decode("utf-8-sig")
    assert ["email", one.person.email] in list(csv.reader(io.StringIO(text)))
    assert other.person.email not in text
    with connect(dsn) as db:
        sql = "SELECT count(*) FROM audit_entry WHERE verb = 'person.data.export' AND object_id = %s"
        assert value(db, sql, [str(one.person.pk)]) == 2


@pytest.mark.parametrize("path", ["", "export.json", "export.csv"])
def test_nobody_gets_anything_without_signing_in(browser, path):
    assert browser.get(f"/accounts/data/{path}").status_code == 302


def test_a_deletion_is_asked_for_and_granted_at_the_desk(staff, dsn):
    person, desk = staff("supplier", is_sure=True), staff("compliance", is_sure=True)
    assert person.get("/accounts/data/").status_code == 200
    person.post("/accounts/data/ask", {"kind": "correct", "words": ""})
    person.post("/accounts/data/ask", {"kind": "delete", "words": "不再使用"})
    with connect(dsn) as db:
        [asked] = party.requests(db, person_id=person.person.pk)
    page = desk.get("/desk/privacy").content.decode()
    assert person.person.email in page
    assert "不再使用" in page
    assert staff("finance", is_sure=True).post(f"/desk/privacy/{asked.id}").status_code == 403
    desk.post(f"/desk/privacy/{asked.id}", {"answer": ""})
    with connect(dsn) as db:
        assert party.requests(db, person_id=person.person.pk)[0].state == "done"
    assert person.get("/supplier/").status_code == 302
    assert desk.post(f"/desk/privacy/{asked.id}").status_code == 404


def test_a_restricted_person_is_in_no_list(staff, dsn):
    """C-53: stored, and used for nothing."""
    person, owner = staff("supplier"), staff("owner")
    assert person.person.email in owner.get("/console/settings").content.decode()
    with connect(dsn) as db, db.transaction():
        db.execute(
            "INSERT INTO party_request (id, person_id, kind, words, state, made_at, due_at, decided_by, decided_at, erase_on)"
            " VALUES (%s, %s, 'delete', '', 'restricted', now(), now(), 'x', now(), '2099-01-01')",
            [make.ids(1)[0], person.person.pk],
        )
    assert person.person.email not in owner.get("/console/settings").content.decode()


def test_a_member_of_staff_does_not_answer_themselves(staff, dsn):
    """C-53: they hear so, and a colleague does."""
    desk, other = staff("compliance", is_sure=True), staff("owner", is_sure=True)
    desk.post("/accounts/data/ask", {"kind": "delete", "words": "离职"})
    with connect(dsn) as db:
        [asked] = party.requests(db, person_id=desk.person.pk)
    path = f"/desk/privacy/{asked.id}"
    page = desk.get("/desk/privacy").content.decode()
    assert path not in page
    assert "你自己的请求，由另一位同事办理" in page
    for told in ({}, {"refuse": "yes", "answer": "不"}):
        assert "不能由你自己办理" in desk.post(path, told, follow=True).content.decode()
    with connect(dsn) as db:
        assert party.requests(db, person_id=desk.person.pk)[0].state == "open"
    assert path in other.get("/desk/privacy").content.decode()
    other.post(path)
    with connect(dsn) as db:
        assert party.requests(db, person_id=desk.person.pk)[0].state == "done"
    assert desk.get("/desk/privacy").status_code == 302


def test_what_an_organisation_bought_is_kept_for_as_long_as_what_it_sold(desk, staff, dsn, ring):
    """C-20, C-54: the data of somebody who bought is restricted, also once they work there no more."""
    buyer, clerk = desk(is_sure=True), staff("compliance", is_sure=True)
    with connect(dsn) as db, db.transaction():
        sku = make.stocked(db, ring, 1)
        [bought] = sales.sell(db, ring, [make.purchase(sku, buyer.account)], clock.now())
        assert isinstance(bought, sales.Receipt), bought
        db.execute("UPDATE party_member SET ended_at = now(), is_owner = false WHERE person_id = %s", [buyer.person.pk])
    buyer.post("/accounts/data/ask", {"kind": "delete", "words": ""})
    with connect(dsn) as db:
        [asked] = party.requests(db, person_id=buyer.person.pk)
    clerk.post(f"/desk/privacy/{asked.id}", {"answer": ""})
    with connect(dsn) as db:
        [decided] = party.requests(db, person_id=buyer.person.pk)
        last = biz_date(sales_queries.last_trade_at(db, [buyer.account.party_id]))
        assert value(db, "SELECT email FROM party_person WHERE id = %s", [buyer.person.pk]) == buyer.person.email
    assert (decided.state, decided.erase_on) == ("restricted", party.months_after(last, 36) + timedelta(days=1))


def test_a_refusal_has_its_reason(staff, dsn):
    person, desk = staff("supplier", is_sure=True), staff("compliance", is_sure=True)
    person.post("/accounts/data/ask", {"kind": "correct", "words": "姓名"})
    with connect(dsn) as db:
        [asked] = party.requests(db, person_id=person.person.pk)
    desk.post(f"/desk/privacy/{asked.id}", {"refuse": "yes", "answer": ""})
    with connect(dsn) as db:
        assert party.requests(db, person_id=person.person.pk)[0].state == "open"
    desk.post(f"/desk/privacy/{asked.id}", {"refuse": "yes", "answer": "与证件一致"})
    assert "与证件一致" in person.get("/accounts/data/").content.decode()
