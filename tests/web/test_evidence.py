"""The evidence pack on the console: who may take it, and what is left of that."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest

from kashu import audit, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.ids import pool_of
from kashu.wire import evidence
from tests import make


@pytest.fixture
def order(house, ring):
    with connect(house.dsn) as db, db.transaction():
        placed = make.order(db, ring, make.stocked(db, ring, 1), who=make.buyer("13900139789", ring=ring))
        sales.settle(db, [make.notice(placed)], clock.now())
    return placed


def address(order):
    return f"/console/orders/{order.pool_id}/{order.id}"


@pytest.mark.parametrize("role", ["owner", "finance", "auditor", "compliance"])
def test_who_answers_for_orders_takes_a_pack_with_a_reason(staff, house, ring, order, role):
    clerk = staff(role, is_sure=True)
    assert "导出存证包" in clerk.get(address(order)).content.decode()
    assert clerk.post(f"{address(order)}/evidence", {"reason": " "}).status_code == 302
    with connect(house.dsn) as db:
        assert "order.evidence" not in verbs(db, order)
    answer = clerk.post(f"{address(order)}/evidence", {"reason": "投诉 12315"})
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/zip", "no-store")
    assert f"evidence-{order.number}.zip" in answer["Content-Disposition"]
    assert evidence.verify(answer.content, ring.signing_key.public_key()).faults == []
    with connect(house.dsn) as db:
        entry = audit.entries_of(db, order.pool_id, "order", str(order.id))[-1]
    assert (entry.verb, entry.actor, entry.reason) == ("order.evidence", clerk.person.email, "投诉 12315")
    assert "导出存证包" in clerk.get(address(order)).content.decode()


@pytest.mark.parametrize("role", ["operator", "support"])
def test_others_take_none(staff, house, order, role):
    clerk = staff(role, is_sure=True)
    assert "导出存证包" not in clerk.get(address(order)).content.decode()
    assert clerk.post(f"{address(order)}/evidence", {"reason": "x"}).status_code == 403
    with connect(house.dsn) as db:
        assert "order.evidence" not in verbs(db, order)


def test_the_buyers_phone_takes_a_right_of_its_own(staff, house, order):
    told = {"reason": "x", "personal": "1"}
    finance = staff("finance", is_sure=True)
    assert "包含买家手机号" not in finance.get(address(order)).content.decode()
    assert finance.post(f"{address(order)}/evidence", told).status_code == 403
    with connect(house.dsn) as db:
        assert "order.evidence" not in verbs(db, order)
    clear = staff("auditor", is_sure=True).post(f"{address(order)}/evidence", told).content
    with zipfile.ZipFile(io.BytesIO(clear)) as archive:
        assert "13900139789" in archive.read("order.json").decode()


def test_a_pack_takes_a_fresh_proof_and_is_never_a_page_to_look_at(staff, order):
    answer = staff("owner").post(f"{address(order)}/evidence", {"reason": "x"})
    assert (answer.status_code, "reauthenticate" in answer["Location"]) == (302, True)
    clerk = staff("owner", is_sure=True)
    assert clerk.get(f"{address(order)}/evidence").status_code == 405
    assert clerk.post(f"/console/orders/1/{order.id}/evidence", {"reason": "x"}).status_code == 404


def verbs(db, order):
    return [one.verb for one in audit.entries_of(db, order.pool_id, "order", str(order.id))]


def test_what_was_erased_is_told_plainly(browser, staff, house, ring):
    """S-08: the buyer's page, the reveal and the desk say so; nothing looks as if it might come back."""
    from tests.web.test_store import buy, house_channel, pay

    with connect(house.dsn) as db, db.transaction():
        house_channel(db, ring)
        sku = make.stocked(db, ring, 1)
        slug = value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])
    token = buy(browser, sku, slug)
    pay(house, token)
    assert browser.post(f"/o/{token}/reveal").status_code == 200
    with connect(house.dsn) as db, db.transaction():
        found = sales.by_token(db, token)
        while sales.complete(db, clock.now() + timedelta(days=31)):
            pass
        keys = [(found.pool_id, found.id)]
        assert sales.erase_secrets(db, ring, keys, 180, clock.now() + timedelta(days=31 + 180)) == 1
    page = browser.get(f"/o/{token}").content.decode()
    assert "内容已清除" in page
    assert "/reveal" not in page
    assert "/refund" not in page
    gone = browser.post(f"/o/{token}/reveal")
    assert (gone.status_code, "内容已清除" in gone.content.decode()) == (410, True)
    assert "卡密已清除" in staff("support").get(f"/console/orders/{found.pool_id}/{found.id}").content.decode()


def test_an_erased_purchase_leaves_in_no_file(desk, dsn, ring):
    from tests.web.test_buyer import buy

    buyer = desk()
    with connect(dsn) as db, db.transaction():
        sku = make.stocked(db, ring, 1)
    url = buy(buyer, sku).url
    number = url.rpartition("/")[2]
    with connect(dsn) as db, db.transaction():
        found = sales.by_number(db, pool_of(number), number)
        while sales.complete(db, clock.now() + timedelta(days=31)):
            pass
        late = clock.now() + timedelta(days=31 + 180)
        assert sales.erase_secrets(db, ring, [(found.pool_id, found.id)], 180, late) == 1
    assert "内容已清除" in buyer.get(url).content.decode()
    answer = buyer.post(f"{url}/file", {"kind": "csv", "password": "correct horse battery"})
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (422, "text/html")
