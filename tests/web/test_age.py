"""The sheet asks for name and number where goods need an age, and only there (C-51, C-70, C-73)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kashu import sales
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from kashu.wire import age, edge
from kashu.wire.registry import State
from tests import make
from tests.party.world import person_number
from tests.sales.test_minors import NOW, born, capped
from tests.web.test_store import fields, token_of
from tests.wire.test_age import Institution


@pytest.fixture
def institution(site, monkeypatch):
    told = Institution()
    monkeypatch.setattr(edge, "_installed", [replace(edge.ctx(), registry=told)])
    return told


@pytest.fixture
def goods(house, ring):
    """`goods(policy)`: a committed SKU whose kind has that policy for minors, and the slug of its product."""

    def open_shop(policy="capped"):
        with connect(house.dsn) as db, db.transaction():
            make.channel(db)
            if policy == "capped":
                sku = capped(db, ring, 5_000, 6)
            else:
                kind = make.name("goods").lower().replace("-", "_")
                db.execute(
                    "INSERT INTO compliance_goods (code, name, class, minors, is_shut, ground)"
                    " VALUES (%s, %s, 'ENTITLEMENT', %s, false, '')", [kind, kind, policy],
                )  # fmt: skip
                sku = make.stocked(db, ring, 6, goods=kind, price_fen=5_000)
            slug = value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])
            db.execute("UPDATE catalog_product SET title = slug WHERE id = %s", [sku.product_id])
        return sku, slug

    return open_shop


def years_ago(years):
    return person_number(born(years, biz_date(NOW)).born_on.strftime("%Y%m%d"))


def sheet(browser, sku, slug):
    return browser.get(f"/s/{slug}/checkout?sku={sku.code}").content.decode()


def form(page, name="王小明", number=None, consents=2):
    terms = re.search(r'name="consent" value="([0-9a-f]{64})"', page)[1]
    told = {**fields(page), "consent": terms, "pay": "douyin", "phone": "", "place": "1"}
    if number is not None:
        agreed = re.findall(r'name="age_consent" value="([0-9a-f]{64})"', page)[:consents]
        told |= {"id_name": name, "id_number": number, "age_consent": agreed}
    return told


def submit(browser, slug, told):
    return browser.post(f"/s/{slug}/checkout", told)


def orders_of(house, sku):
    with connect(house.dsn) as db:
        return value(db, "SELECT count(*)::int FROM sales_line WHERE sku_id = %s", [sku.id])


def test_only_goods_with_a_policy_ask(browser, goods):
    free, limited = sheet(browser, *goods("free")), sheet(browser, *goods())
    assert "身份证号" not in free
    assert 'data-fast="/checkout"' in free
    assert "身份证号" in limited
    assert "单独同意" in limited
    assert "data-fast" not in limited  # a form of its own: the till never hears a number


def test_who_is_verified_buys_and_is_not_asked_again_in_this_browser(browser, goods, institution):
    sku, slug = goods()
    answer = submit(browser, slug, form(sheet(browser, sku, slug), number=years_ago(15)))
    assert answer.status_code == 302, answer.content.decode()
    cookie = browser.cookies[age.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", age.SECONDS)
    page = sheet(browser, sku, slug)
    assert "已核验年龄" in page
    assert 'id="id_number"' not in page
    assert submit(browser, slug, form(page)).status_code == 302
    assert len(institution.asked) == 1
    stranger = make.visitor()
    stranger.cookies[age.COOKIE] = cookie.value
    assert "已核验年龄" not in sheet(stranger, sku, slug)
    assert submit(stranger, slug, form(sheet(stranger, sku, slug))).status_code == 403


def test_the_order_is_the_verified_persons(browser, goods, house, institution):
    sku, slug = goods()
    number = years_ago(15)
    both = (browser, make.visitor())
    tokens = [token_of(submit(one, slug, form(sheet(one, sku, slug), number=number))) for one in both]
    with connect(house.dsn) as db:
        ids = [sales.by_token(db, one).id for one in tokens]
        sql = "SELECT count(DISTINCT holder) FROM sales_minor_order WHERE order_id = ANY (%s)"
        assert value(db, sql, [ids]) == 1


def test_somebody_else_at_the_same_browser_proves_their_own_age(browser, goods, institution):
    sku, slug = goods()
    submit(browser, slug, form(sheet(browser, sku, slug), number=years_ago(30)))
    page = submit(browser, slug, {**fields(sheet(browser, sku, slug)), "other": "1"}).content.decode()
    assert 'id="id_number"' in page
    assert browser.cookies[age.COOKIE].value == ""


@pytest.mark.parametrize(
    ("state", "told", "status", "words"),
    [
        (None, {}, 503, "暂时不能核验年龄"),
        (State.MISMATCHED, {}, 422, "没有通过核验"),
        (State.MATCHED, {"consents": 0}, 403, "核验年龄的单独同意"),
        (State.MATCHED, {"number": "110105198503120000"}, 422, "身份证号填写有误"),
        (State.MATCHED, {"number": ""}, 422, "身份证号填写有误"),
    ],
)
def test_what_is_not_verified_is_told_and_nothing_is_lost(
    browser, goods, house, institution, state, told, status, words
):
    """C-51, C-70: the sheet comes back as it was, its key with it."""
    institution.state = state
    sku, slug = goods()
    sent = form(sheet(browser, sku, slug), **({"number": years_ago(30)} | told))
    answer = submit(browser, slug, sent)
    html = answer.content.decode()
    assert answer.status_code == status
    assert words in html
    assert (fields(html)["key"], sent["id_name"] in html) == (sent["key"], True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert age.COOKIE not in browser.cookies
    assert orders_of(house, sku) == 0
    institution.state = State.MATCHED
    assert submit(browser, slug, form(html, number=years_ago(30))).status_code == 302


def test_without_a_trail_nobody_is_asked_and_nobody_known(browser, goods, institution, mute_trail):
    """S-04."""
    sku, slug = goods()
    sent = form(sheet(browser, sku, slug), number=years_ago(30))
    browser.raise_request_exception = False
    mute_trail()
    assert submit(browser, slug, sent).status_code == 503
    assert (institution.asked, age.COOKIE in browser.cookies) == ([], False)


def test_a_child_needs_a_guardian(browser, goods, institution):
    """C-51."""
    sku, slug = goods()
    answer = submit(browser, slug, form(sheet(browser, sku, slug), number=years_ago(10), consents=1))
    assert answer.status_code == 403
    assert "监护人" in answer.content.decode()
    assert institution.asked == []


def test_a_number_for_goods_that_need_none_goes_nowhere(browser, goods, institution):
    """C-50: least data, whatever a form holds."""
    sku, slug = goods("free")
    told = form(sheet(browser, sku, slug)) | {"id_name": "王小明", "id_number": years_ago(10)}
    assert submit(browser, slug, told).status_code == 302
    assert institution.asked == []


def test_a_minor_reads_the_limit_and_what_is_left(browser, goods, house, institution):
    """C-71."""
    sku, slug = goods()
    told = form(sheet(browser, sku, slug), number=years_ago(15)) | {"quantity": "2"}
    answer = submit(browser, slug, told)
    assert answer.status_code == 403
    for words in ("每单不超过 ¥50.00", "本月还可以买 ¥200.00"):
        assert words in answer.content.decode()
    assert orders_of(house, sku) == 0
    assert submit(browser, slug, form(answer.content.decode()) | {"quantity": "1"}).status_code == 302


def test_a_child_under_eight_is_told_so(browser, goods, institution):
    sku, slug = goods()
    answer = submit(browser, slug, form(sheet(browser, sku, slug), number=years_ago(7)))
    assert (answer.status_code, "未满 8 周岁" in answer.content.decode()) == (403, True)


def test_what_is_forbidden_to_minors_is_not_shown_to_one(browser, goods, house, institution):
    """C-73: no entry in the window, no button on the page, no sheet."""
    sku, slug = goods("forbidden")
    assert slug in browser.get("/").content.decode()
    assert "立即购买" in browser.get(f"/s/{slug}").content.decode()
    answer = submit(browser, slug, form(sheet(browser, sku, slug), number=years_ago(17)))
    assert (answer.status_code, answer["Location"]) == (302, f"/s/{slug}")
    assert orders_of(house, sku) == 0
    assert slug not in browser.get("/").content.decode()
    page = browser.get(f"/s/{slug}").content.decode()
    assert "不向未成年人销售" in page
    assert "立即购买" not in page
    assert browser.get(f"/s/{slug}/checkout?sku={sku.code}").status_code == 302
    grown = make.visitor()
    assert submit(grown, slug, form(sheet(grown, sku, slug), number=years_ago(18))).status_code == 302
    assert "立即购买" in grown.get(f"/s/{slug}").content.decode()
