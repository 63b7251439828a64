"""The buyer portal and the console's purchase accounts, over HTTP as a browser has it."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
import pyzipper

from kashu import party, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from tests import make


@pytest.fixture
def goods(dsn, ring):
    def stock(many, **told):
        with connect(dsn) as db, db.transaction():
            return make.stocked(db, ring, many, **told)

    return stock


def buy(browser, sku, quantity=1, reference=""):
    page = browser.get("/buyer/purchases/new").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)[1]
    told = {"sku": sku.code, "quantity": quantity, "reference": reference, "key": key}
    return browser.post("/buyer/purchases/new", told)


def balance(dsn, account):
    with connect(dsn) as db:
        return sales.accounts(db, [account.id])[account.id].balance_fen


PAGES = ["", "purchases", "purchases/new", "prices", "statement", "keys", "webhooks", "people"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_a_buyer_and_for_nobody_else(desk, staff, browser, page):
    assert desk().get(f"/buyer/{page}").status_code == 200
    assert staff("owner").get(f"/buyer/{page}").status_code == 403
    assert browser.get(f"/buyer/{page}").status_code == 302


def test_a_buyer_without_an_organisation_is_told(staff):
    assert staff("buyer").get("/buyer/").status_code == 403


def test_a_buyer_sees_nothing_of_the_console(desk):
    buyer = desk()
    assert [buyer.get(f"/console/{page}").status_code for page in ("", "orders", "accounts")] == [403] * 3


def test_a_purchase_at_the_desk_is_paid_from_the_balance(desk, goods, dsn):
    buyer, sku = desk(), goods(5)
    answer = buy(buyer, sku, 3, "PO-7")
    assert answer.status_code == 302, answer.content.decode()
    page = buyer.get(answer.url).content.decode()
    assert "PO-7" in page
    assert "KZ7F-" not in page  # masked on every page
    assert balance(dsn, buyer.account) == 1_000_000 - 3 * 3_990


def test_a_form_posted_twice_buys_once(desk, goods, dsn):
    buyer, sku = desk(), goods(5)
    told = {"sku": sku.code, "quantity": 1, "reference": "", "key": "k" * 20}
    first, second = (buyer.post("/buyer/purchases/new", told) for _ in range(2))
    assert first.url == second.url
    assert balance(dsn, buyer.account) == 1_000_000 - 3_990


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"quantity": "0"}, "数量应为 1 到 1000"),
        ({"quantity": "x"}, "数量应为 1 到 1000"),
        ({"quantity": "6"}, "库存不足"),
        ({"quantity": "300"}, "可用余额不足"),
        ({"sku": "NO-SUCH"}, "暂停销售"),
        ({"key": "short"}, "请求不完整"),
        ({"reference": "x" * 65}, "请求不完整"),
    ],
)
def test_a_purchase_that_is_refused_says_why_and_costs_nothing(desk, goods, dsn, changed, told):
    buyer, sku = desk(), goods(5)
    answer = buyer.post(
        "/buyer/purchases/new", {"sku": sku.code, "quantity": "1", "reference": "", "key": "k" * 20} | changed
    )
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert balance(dsn, buyer.account) == 1_000_000


def test_the_two_forms_of_a_page_do_not_share_a_key(desk, goods):
    buyer, sku = desk(), goods(5)
    told = {"sku": sku.code, "quantity": "2", "reference": "", "key": "k" * 20}
    bulk = buyer.post("/buyer/purchases/bulk", told | {"password": "correct horse battery"})
    single = buyer.post("/buyer/purchases/new", told)
    assert (bulk.status_code, single.status_code) == (302, 302)
    assert "/bulk/" in bulk.url
    assert "/bulk/" not in single.url


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_cards_leave_in_a_sealed_file(desk, goods, dsn, kind):
    buyer, sku = desk(), goods(2)
    url = buy(buyer, sku, 2).url
    answer = buyer.post(f"{url}/file", {"kind": kind, "password": "correct horse battery"})
    assert answer["Content-Type"] == "application/zip"
    with pyzipper.AESZipFile(io.BytesIO(answer.content)) as archive:
        with pytest.raises(RuntimeError):
            archive.read(archive.namelist()[0])
        archive.setpassword(b"correct horse battery")
        content = archive.read(archive.namelist()[0])
    if kind == "xlsx":
        rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows()]
        assert rows[1][1].startswith("KZ7F-")
    else:
        assert content.decode("utf-8-sig").splitlines()[1].split(",")[1].startswith("KZ7F-")
    with connect(dsn) as db:
        assert (
            value(
                db, "SELECT count(*) FROM audit_entry WHERE verb = 'order.shown' AND actor = %s", [buyer.person.email]
            )
            == 1
        )
    assert buyer.post(f"{url}/file", {"kind": kind, "password": "short"}).status_code == 422


def test_another_organisations_purchase_is_not_there(desk, goods):
    mine, other = desk(), desk()
    url = buy(mine, goods(1)).url
    assert other.get(url).status_code == 404
    assert other.post(f"{url}/file", {"kind": "csv", "password": "correct horse battery"}).status_code == 404


def test_a_bulk_purchase_is_followed_and_fetched(desk, goods, house, tmp_path):
    from dataclasses import replace

    from kashu.jobs.bulk import buy_bulk
    from kashu.server.wiring import context

    buyer, sku = desk(10**8), goods(1_200)
    told = {"sku": sku.code, "quantity": "1200", "reference": "B", "key": "k" * 20, "password": "correct horse battery"}
    answer = buyer.post("/buyer/purchases/bulk", told)
    assert "已买到 0 / 1,200 张" in buyer.get(answer.url).content.decode()
    assert buyer.get(f"{answer.url}/file").status_code == 404
    buy_bulk(replace(context(house), spool=tmp_path), {"bulk_id": answer.url.rpartition("/")[2]})
    assert "已买到 1,200 / 1,200 张" in buyer.get(f"{answer.url}/progress").content.decode()
    content = b"".join(buyer.get(f"{answer.url}/file").streaming_content)
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(b"correct horse battery")
        assert len(archive.read(archive.namelist()[0]).splitlines()) == 1_201


def test_a_key_is_made_with_a_fresh_proof_and_its_secret_shown_once(desk):
    buyer = desk()
    page = buyer.post("/buyer/keys/new", {"name": "ERP", "scopes": ["account.read"]}).content.decode()
    secret = re.search(r"ks_[\w-]+", page)[0]
    assert secret not in buyer.get("/buyer/keys").content.decode()
    key = re.search(r"kk_\w+", page)[0]
    rotated = buyer.post(f"/buyer/keys/{key}/rotate", {"overlap": "3600"}).content.decode()
    assert re.search(r"ks_[\w-]+", rotated)[0] != secret
    assert buyer.post(f"/buyer/keys/{key}/revoke").status_code == 302
    assert "已吊销" in buyer.get("/buyer/keys").content.decode()


def test_making_a_key_asks_again_who_it_is(desk):
    answer = desk(is_sure=False).post("/buyer/keys/new", {"name": "ERP", "scopes": ["account.read"]})
    assert answer.status_code == 302
    assert "reauthenticate" in answer.url


def test_another_organisations_key_cannot_be_touched(desk, dsn, ring):
    buyer = desk()
    with connect(dsn) as db, db.transaction():
        key, _ = party.make_key(db, ring, make.STAFF, make.organisation(db), "x", ["account.read"], clock.now())
    buyer.post(f"/buyer/keys/{key.id}/revoke")
    assert buyer.post(f"/buyer/keys/{key.id}/rotate", {}).status_code == 422
    with connect(dsn) as db:
        assert party.api_key(db, key.id).is_live(clock.now())


def test_a_webhook_is_added_shown_once_and_closed(desk, dsn):
    buyer = desk()
    page = buyer.post(
        "/buyer/webhooks/new", {"url": "https://erp.example/hook", "topics": ["topup.credited"]}
    ).content.decode()
    assert "whsec_" in page
    assert "whsec_" not in buyer.get("/buyer/webhooks").content.decode()
    with connect(dsn) as db:
        [hook] = party.webhooks(db, [buyer.account.party_id])
    buyer.post(f"/buyer/webhooks/{hook.id}/close")
    with connect(dsn) as db:
        assert not party.webhook(db, hook.id).is_open
    assert buyer.post("/buyer/webhooks/new", {"url": "gopher://x", "topics": ["topup.credited"]}).status_code == 422


def test_an_account_is_opened_priced_and_credited_by_two(staff, goods, dsn):
    owner, finance, sku = staff("owner", is_sure=True), staff("finance", is_sure=True), goods(3)
    name = make.name("采购方")
    opened = owner.post("/console/accounts/new", {"name": name, "uscc": "91330108MA2XINGH02"})
    page = opened.url
    assert name in owner.get("/console/accounts").content.decode()

    owner.post(f"{page}/topups", {"amount": "1,000.00", "contract_no": "HT-1", "bank_reference": make.name("bank")})
    account_id = int(page.rpartition("/")[2])
    with connect(dsn) as db:
        [topup] = sales.topups(db, account_id, 10)
    credit = f"{page}/topups/{topup.approval_id}/credit"
    owner.post(credit)
    with connect(dsn) as db:
        assert sales.accounts(db, [account_id])[account_id].balance_fen == 0
    finance.post(credit)
    with connect(dsn) as db:
        assert sales.accounts(db, [account_id])[account_id].balance_fen == 100_000

    owner.post(f"{page}/prices", {"sku": sku.code, "price": "20.00"})
    invited = owner.post(f"{page}/members", {"email": f"{make.name('b')}@kashu.example"}, follow=True)
    assert "邀请已发送" in invited.content.decode()
    owner.post(f"{page}/limits", {"state": "frozen", "order_max": "100", "day_max": "500"})
    shown = owner.get(page).content.decode()
    assert all(text in shown for text in ("¥1,000.00", "¥20.00", "¥500.00", "已冻结"))


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("topups", {"amount": "x", "contract_no": "HT", "bank_reference": "b"}),
        ("topups", {"amount": "-5", "contract_no": "HT", "bank_reference": "b"}),
        ("topups", {"amount": "5", "contract_no": "", "bank_reference": "b"}),
        ("prices", {"sku": "NO-SUCH", "price": "5"}),
        ("limits", {"state": "open", "order_max": "5"}),
        ("limits", {"state": "active", "order_max": "5000"}),
        ("members", {"email": "nobody"}),
    ],
)
def test_a_form_of_the_console_that_is_wrong_changes_nothing(staff, dsn, where, told):
    owner = staff("owner", is_sure=True)
    with connect(dsn) as db, db.transaction():
        account = make.account(db, 100)
    answer = owner.post(f"/console/accounts/{account.id}/{where}", told)
    assert answer.status_code == 422
    assert "数据没有改动" in answer.content.decode()


def test_an_invoice_is_asked_for_a_month_that_is_over(desk, goods):
    buyer = desk()
    buy(buyer, goods(1))
    this_month = f"{clock.now().astimezone(clock.SHANGHAI):%Y-%m}"
    answer = buyer.post(
        "/buyer/invoices", {"month": this_month, "title": "星河", "tax_no": "91330108MA2XINGH02"}, follow=True
    )
    assert "当月结束后才能申请开票" in answer.content.decode()
    answer = buyer.post("/buyer/invoices", {"month": "2020-01", "title": "星河", "tax_no": "91"}, follow=True)
    assert "没有采购" in answer.content.decode()


def test_the_docs_page_names_every_address(browser):
    page = browser.get("/open/v1/docs").content.decode()
    for path in ("/open/v1/skus", "/open/v1/purchases", "/open/v1/bulk-purchases", "/open/v1/statements"):
        assert path in page
    assert "short_of_funds" in page
