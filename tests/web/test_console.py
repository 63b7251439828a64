"""The desk: rights, second factor, queries, uploads, two persons."""

from __future__ import annotations

import io
import re

import psycopg
import pytest
import pyzipper
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from kashu import audit, cards, party, sales
from kashu.cards import Batch
from kashu.jobs.imports import load_file
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.party import Platform
from kashu.wire import edge
from tests import make

PAGES = {
    "/console/": "dashboard",
    "/console/orders": "orders.read",
    "/console/products": "products.read",
    "/console/products/new": "products.edit",
    "/console/batches": "batches.read",
    "/console/batches/new": "batches.edit",
    "/console/trail": "audit.read",
    "/console/payments": "payments.read",
    "/console/settings": "dashboard",
}


@pytest.mark.parametrize("role", ["owner", "operator", "finance", "support", "auditor"])
def test_each_role_sees_what_it_may_and_nothing_else(staff, role):
    from kashu.web.rights import RIGHTS

    desk = staff(role)
    for address, right in PAGES.items():
        answer = desk.get(address)
        assert answer.status_code == (200 if right in RIGHTS[role] else 403), (role, address)
        if answer.status_code == 403:
            assert "没有权限" in answer.content.decode()


def test_the_desk_is_closed_to_visitors_and_to_one_factor(browser, site):
    from kashu.party.models import Person

    assert browser.get("/console/").status_code == 302
    email = f"{make.name('one')}@kashu.example"
    Person.objects.create_user(email, "correct horse battery", name="x", role="owner")
    answer = browser.post("/accounts/login/", {"login": email, "password": "correct horse battery"})
    assert answer.status_code == 302
    assert browser.get("/console/orders")["Location"] == "/accounts/2fa/totp/activate/?next=/console/orders"
    assert "svg" in browser.get("/accounts/2fa/totp/activate/").content.decode()


def test_binding_a_second_factor_is_passing_it_once(browser, site):
    """Password, code, recovery codes, portal; the code that bound it opens no other session."""
    from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
    from django.core.cache import cache

    from kashu.party.models import Person

    cache.clear()
    email, bind = f"{make.name('new')}@kashu.example", "/accounts/2fa/totp/activate/"
    Person.objects.create_user(email, "correct horse battery", name="x", role="owner")
    browser.post("/accounts/login/", {"login": email, "password": "correct horse battery"})
    secret = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', browser.get(bind).content.decode())[1]
    assert browser.get("/console/")["Location"].startswith(bind)
    assert browser.post(bind, {"code": "abcdef"}).status_code == 200
    code = f"{hotp_value(secret, next(iter(yield_hotp_counters_from_time()))):06d}"
    codes = browser.post(bind, {"code": code}, follow=True)
    assert "恢复代码" in codes.content.decode()
    assert browser.get("/console/").status_code == 200

    again = make.visitor()
    again.post("/accounts/login/", {"login": email, "password": "correct horse battery"})
    assert again.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert again.get("/console/").status_code == 302


def test_binding_ends_the_sessions_that_knew_the_password_only(site):
    from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
    from django.core.cache import cache

    from kashu.party.models import Person

    cache.clear()
    email, bind = f"{make.name('two')}@kashu.example", "/accounts/2fa/totp/activate/"
    Person.objects.create_user(email, "correct horse battery", name="x", role="owner")
    mine, other = make.visitor(), make.visitor()
    for browser in (other, mine):
        browser.post("/accounts/login/", {"login": email, "password": "correct horse battery"})
        assert browser.get(bind).status_code == 200
    secret = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', mine.get(bind).content.decode())[1]
    code = f"{hotp_value(secret, next(iter(yield_hotp_counters_from_time()))):06d}"
    mine.post(bind, {"code": code})
    assert mine.get("/console/").status_code == 200
    assert other.get("/accounts/sessions/")["Location"].startswith("/accounts/login/")


OWN_PAGES = [
    "/accounts/2fa/", "/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/download/", "/accounts/2fa/recovery-codes/generate/",
    "/accounts/2fa/totp/deactivate/", "/accounts/password/change/", "/accounts/sessions/", "/accounts/reauthenticate/", "/accounts/data/",
]  # fmt: skip


def test_the_password_alone_beats_no_second_factor(staff):
    """A session from before the factor was bound sees no recovery codes and takes nothing away, whatever it knows."""
    from allauth.mfa.models import Authenticator
    from allauth.usersessions.models import UserSession

    bound = staff("owner")
    early = make.visitor()
    early.force_login(bound.person)
    for page in OWN_PAGES:
        for answer in (early.get(page), early.post(page, {"password": bound.password})):
            assert answer.status_code == 302, page
            assert answer["Location"].startswith("/accounts/2fa/reauthenticate/"), page
    assert Authenticator.objects.filter(user=bound.person).count() == 1
    assert bound.get("/accounts/2fa/").status_code == 200
    assert UserSession.objects.filter(user=bound.person).exists()


def test_what_changes_the_ways_in_is_in_the_trail(staff, house):
    desk = staff("owner", is_sure=True)
    desk.post("/accounts/2fa/recovery-codes/generate/")
    shown = desk.get("/accounts/2fa/recovery-codes/").content.decode()
    assert len(set(re.findall(r"[0-9a-f]{8,}|\b\d{8}\b", shown))) >= 10
    again = desk.get("/accounts/2fa/recovery-codes/").content.decode()
    assert not re.findall(r"\b\d{8}\b", again), "codes are shown once"
    desk.post("/accounts/2fa/totp/deactivate/")
    with connect(house.dsn) as db:
        told = db.execute(
            "SELECT before->'factors', after->'factors', after->>'password' FROM audit_entry"
            " WHERE verb = 'person.factors' AND object_id = %s ORDER BY id",
            [str(desk.person.pk)],
        ).fetchall()
    assert told == [(["totp"], ["recovery_codes", "totp"], "same"), (["recovery_codes", "totp"], [], "same")]


def test_a_wrong_account_and_a_wrong_password_get_the_same_sentence(staff, browser):
    person = staff("support").person
    answers = [
        re.findall(
            r'role="alert"><span>([^<]*)',
            browser.post("/accounts/login/", {"login": login, "password": "wrong wrong"}).content.decode(),
        )
        for login in (person.email, "nobody@kashu.example")
    ]
    assert answers[0] == answers[1] != []


def test_five_wrong_passwords_lock_the_door(staff, browser):
    desk = staff("support")
    for _ in range(5):
        browser.post("/accounts/login/", {"login": desk.person.email, "password": "wrong wrong"})
    answer = browser.post("/accounts/login/", {"login": desk.person.email, "password": desk.password})
    assert answer.status_code in (200, 429)
    assert "_auth_user_id" not in browser.session


def test_sign_up_is_closed(browser):
    assert browser.get("/accounts/signup/").status_code == 404


def test_second_factors_are_sealed_at_rest(staff, house):
    desk = staff("owner")
    with connect(house.dsn) as db:
        stored = value(
            db, "SELECT data::text FROM mfa_authenticator WHERE user_id = %s AND type = 'totp'", [desk.person.pk]
        )
    assert desk.secret not in stored


def test_recovery_codes_and_sessions_can_be_managed(staff):
    desk = staff("owner", is_sure=True)
    assert desk.defaults["REMOTE_ADDR"] in desk.get("/accounts/sessions/").content.decode()
    made = desk.post("/accounts/2fa/recovery-codes/generate/")
    assert made.status_code in (200, 302)
    shown = desk.get("/accounts/2fa/recovery-codes/").content.decode()
    assert len(set(re.findall(r"[0-9a-f]{8,}|\b\d{8}\b", shown))) >= 10


BUDGETS = {
    "/console/": 16,
    "/console/orders": 8,
    "/console/products": 8,
    "/console/batches": 8,
    "/console/settings": 13,
    "/console/trail": 8,
}


@pytest.fixture
def queries(monkeypatch):
    """Counts every statement sent to PostgreSQL, by whomever."""
    sent = []
    execute = psycopg.Cursor.execute

    def counted(self, query, *args, **kwargs):
        sent.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return sent


@pytest.mark.parametrize("address", BUDGETS)
def test_a_page_stays_within_its_queries_however_long_its_list(staff, queries, house, ring, address):
    desk = staff("owner")
    with connect(house.dsn) as db, db.transaction():
        for _ in range(12):
            make.order(db, ring, make.stocked(db, ring, 1), 1, make.buyer())
    desk.get(address)
    queries.clear()
    assert desk.get(address).status_code == 200
    assert 2 <= len(queries) <= BUDGETS[address], queries


def test_orders_are_found_by_number_phone_tail_and_fingerprint(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        sku = make.sku(db)
        make.batch(db, ring, sku, 1)
        who = make.buyer("13912345678", ring=ring)
        placed = make.order(db, ring, sku, 1, who)
        sales.settle(db, [make.notice(placed)], clock.now())
        [opened] = sales.reveal(db, ring, placed.token, who, clock.now())
    desk = staff("support")

    for asked in (
        placed.number,
        placed.number.lower(),
        "5678",
        f"fp:{ring.fingerprint(opened.number, opened.secret).hex()[:16]}",
    ):
        assert placed.number in desk.get("/console/orders", {"q": asked}).content.decode(), asked
    for asked in ("ZZ-NOTHING", "fp:zz", "fp:", "9999", "%", "x" * 500, "1A-'; DROP"):
        answer = desk.get("/console/orders", {"q": asked})
        assert answer.status_code == 200
        assert placed.number not in answer.content.decode()
    found = desk.post("/console/orders/find-card", {"number": opened.number, "secret": opened.secret})
    assert opened.secret not in found["Location"]
    assert placed.number in desk.get(found["Location"]).content.decode()


def test_an_order_tells_its_whole_story_and_never_the_card(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        sku, who = make.stocked(db, ring, 1), make.buyer()
        placed = make.order(db, ring, sku, 1, who)
        sales.settle(db, [make.notice(placed)], clock.now())
        [opened] = sales.reveal(db, ring, placed.token, who, clock.now())
    html = staff("owner").get(f"/console/orders/{placed.pool_id}/{placed.id}").content.decode()

    for told in (
        "买家查看卡密",
        "卡密送达",
        "order_liability",
        "line_delivered",
        placed.checkout.page_hash.hex()[:16],
        "页面快照",
    ):
        assert told in html
    assert opened.secret not in html


def test_staff_refund_what_nobody_has_seen(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        placed = make.order(db, ring, make.stocked(db, ring, 1))
        sales.settle(db, [make.notice(placed)], clock.now())
    desk, address = staff("finance"), f"/console/orders/{placed.pool_id}/{placed.id}"

    desk.post(f"{address}/refund", {"reason": ""})
    assert state(house, placed) == "delivered"
    assert staff("operator").post(f"{address}/refund", {"reason": "x"}).status_code == 403
    desk.post(f"{address}/refund", {"reason": "买家来电"})
    assert state(house, placed) == "refunding"


def test_a_product_goes_from_draft_to_the_shop(staff, browser, house):
    with connect(house.dsn) as db, db.transaction():
        make.agreements(db)
        platform = make.platform(db)
        category = make.sku(db)
        category_id = value(db, "SELECT category_id FROM catalog_product WHERE id = %s", [category.product_id])
    desk, slug = staff("operator"), make.name("new").lower()
    picture = io.BytesIO()
    Image.new("RGB", (2_000, 1_000), "green").save(picture, "PNG")
    form = {
        "title": "新商品", "slug": slug, "category": category_id, "seller": platform, "brand": "品牌", "headline": "主字", "warranty_days": "30",
        "facts": "平台：某某\n坏行", "steps": "一\n二", "refund_terms": "查看前可随时退",
        "image": SimpleUploadedFile("x.png", picture.getvalue(), "image/png"),
    }  # fmt: skip
    address = desk.post("/console/products/new", form)["Location"]

    assert browser.get(f"/s/{slug}").status_code == 404
    assert "还没有可售的规格" in desk.post(f"{address}/state", {"state": "on_sale"}, follow=True).content.decode()
    code = make.name("NEW").upper()
    sku = {"code": code, "name": "年卡", "price": "39.90", "kind": "single_use", "order_max": "5", "tiers": "3 35.00"}
    assert desk.post(f"{address}/skus", sku).status_code == 302
    assert desk.post(f"{address}/skus", sku).status_code == 422
    desk.post(f"{address}/state", {"state": "on_sale"})
    html = browser.get(f"/s/{slug}").content.decode()
    assert "39.90" in html
    assert "满 3 张" in html
    [image] = re.findall(r"/img/[0-9a-f-]{36}", html)
    served = browser.get(image)
    assert served.headers["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(served.content)).size == (1_200, 600)
    bad = desk.post(f"{address}/skus/{code}/price", {"price": "30", "list_price": "45.00"})
    assert "划线价没有依据" in bad.content.decode()
    desk.post(f"{address}/skus/{code}/price", {"price": "30.00", "reason": "活动"})
    assert "30.00" in browser.get(f"/s/{slug}").content.decode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"slug": "Bad Slug"}, "只用小写字母"),
        ({"title": " "}, "标题必填"),
        ({"refund_terms": "概 不 退 款"}, "无效的条款"),
        ({"steps": "本店保留最终解释权"}, "无效的条款"),
        ({"warranty_days": "-1"}, "质保天数"),
        ({"title": "x" * 3_000}, "超过 2000 字"),
        ({"category": ""}, "请选择类目"),
        ({"image": SimpleUploadedFile("x.png", b"<?php evil();", "image/png")}, "图片应为"),
        ({"image": SimpleUploadedFile("x.svg", b"<svg onload='alert(1)'/>", "image/svg+xml")}, "图片应为"),
    ],
)
def test_a_bad_product_is_refused_in_words(staff, house, change, told):
    with connect(house.dsn) as db, db.transaction():
        platform = make.platform(db)
        sku = make.sku(db)
        category_id = value(db, "SELECT category_id FROM catalog_product WHERE id = %s", [sku.product_id])
    form = {
        "title": "x",
        "slug": make.name("bad").lower(),
        "category": category_id,
        "seller": platform,
        "warranty_days": "30",
    }
    answer = staff("owner").post("/console/products/new", {**form, **change})
    assert answer.status_code == 422
    assert told in answer.content.decode()


def test_a_card_file_goes_from_upload_to_sale(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        sku, supplier = make.sku(db), make.supplier(db)
    desk, mark = staff("operator"), make.name("CSV")
    body = (
        "卡号,卡密,有效期\n"
        + "".join(f"N{n},{mark}-{n:04d}-SECRET,2030-01-01\n" for n in range(50))
        + f"N0,{mark}-0000-SECRET,2030-01-01\n,,\n"
    )
    upload = SimpleUploadedFile("卡密.csv", body.encode("gb18030"))
    address = desk.post("/console/batches/new", {"sku": sku.code, "supplier": supplier, "cost": "30", "file": upload})[
        "Location"
    ]
    page = desk.get(address).content.decode()
    pool_id = int(address.rsplit("/", 1)[-1])

    assert "gb18030" in page
    assert f"{mark}-0000-SECRET" not in page
    assert count_cards(house, pool_id) == 0
    spooled = [path.read_bytes() for path in (house.env.var / "spool").iterdir()]
    assert spooled
    assert not any(mark.encode() in raw for raw in spooled)
    bad = desk.post(
        f"{address}/format", {"encoding": "gb18030", "separator": "comma", "column": ["number", "number", "expires_on"]}
    )
    assert bad.status_code == 422
    desk.post(f"{address}/start")
    assert "N0" not in desk.get(f"{address}/progress").content.decode()
    done = load_file(edge.ctx(), pool_id)
    assert isinstance(done, Batch)
    assert (done.accepted, done.rejected) == (50, 2)
    page = desk.get(address).content.decode()
    assert "文件内重复" in page
    report = b"".join(desk.get(f"{address}/rejects.csv").streaming_content).decode()
    assert "与本文件第 2 行相同" in report
    assert "SECRET" not in report + page
    assert "上架前还差：采购凭证、品牌授权、第二人确认收货" in page
    assert desk.post(f"{address}/sale").status_code == 409
    with connect(house.dsn) as db, db.transaction():
        link = make.authorised(db, ring, supplier, "知微课堂", "membership")
    told = {"document": "HT-1", "amount": "1500", "quantity": "50", "authorisation": str(link)}
    assert "采购凭证已登记" in desk.post(f"{address}/papers", told, follow=True).content.decode()
    assert "不能自己确认" in desk.post(f"{address}/confirm", follow=True).content.decode()
    assert "收货已由第二人确认" in staff("finance").post(f"{address}/confirm", follow=True).content.decode()
    desk.post(f"{address}/sale")
    with connect(house.dsn) as db:
        assert cards.batch(db, pool_id).state == "on_sale"
    assert desk.post(f"{address}/start").status_code == 409
    assert desk.post(f"{address}/withdraw", {"reason": ""}).status_code == 422


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cost": "abc"}, "单张成本应为元"),
        ({"sku": "NONE"}, "请选择规格和供应商"),
        ({"supplier": ""}, "请选择规格和供应商"),
        ({"file": SimpleUploadedFile("x.txt", b"")}, "不为空"),
        ({"file": None}, "不为空"),
    ],
)
def test_a_bad_upload_is_refused_and_leaves_nothing(staff, house, change, told):
    with connect(house.dsn) as db, db.transaction():
        sku, supplier = make.sku(db), make.supplier(db)
    form = {
        "sku": sku.code,
        "supplier": supplier,
        "cost": "1",
        "file": SimpleUploadedFile("x.txt", b"a\nb\n"),
        **change,
    }
    answer = staff("operator").post(
        "/console/batches/new", {name: told for name, told in form.items() if told is not None}
    )
    assert answer.status_code == 422
    assert told in answer.content.decode()
    with connect(house.dsn) as db:
        assert values(db, "SELECT id FROM cards_pool WHERE sku_id = %s", [sku.id]) == []


def test_a_shared_secret_is_opened_changed_and_never_shown(staff, house):
    with connect(house.dsn) as db, db.transaction():
        sku, supplier = make.sku(db, kind="shared_secret"), make.supplier(db)
    desk, secret = staff("operator"), make.name("SHARED-SECRET")
    form = {"sku": sku.code, "supplier": supplier, "cost": "1", "secret": secret, "cap": "3"}
    address = desk.post("/console/batches/new", form)["Location"]
    assert desk.post("/console/batches/new", form).status_code == 422
    desk.post(f"{address}/content", {"secret": secret + "-2"})
    desk.post(f"{address}/content", {"more": "2"})
    page = desk.get(address).content.decode()
    assert "v2" in page
    assert secret not in page
    assert desk.post(f"{address}/content", {"more": "x"}).status_code == 422


def test_an_export_takes_two_persons_and_a_password(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        batch = make.batch(db, ring, make.sku(db), 3)
        cards.withdraw(db, make.STAFF, batch.pool_id, "x", clock.now())
    first, second = staff("operator", is_sure=True), staff("finance", is_sure=True)
    first.post(f"/console/batches/{batch.pool_id}/export", {"reason": "退回供应商"})
    with connect(house.dsn) as db, db.transaction():
        [asked] = [one for one in audit.open_approvals(db) if one.object_id == batch.code]

    assert "不能由申请人自己复核" in first.post(f"/console/exports/{asked.id}/confirm", follow=True).content.decode()
    assert staff("support", is_sure=True).post(f"/console/exports/{asked.id}/confirm").status_code == 403
    made = second.post(f"/console/exports/{asked.id}/confirm")
    [password] = re.findall(r'class="mono pw[^"]*">([0-9A-Z]{20})<', made.content.decode())
    [file] = re.findall(r"/console/exports/[0-9a-f-]{36}/file", made.content.decode())
    archive = pyzipper.AESZipFile(io.BytesIO(second.get(file).content))
    with pytest.raises(RuntimeError):
        archive.read(f"{batch.code}.csv")
    archive.setpassword(password.encode())
    assert archive.read(f"{batch.code}.csv").decode().count("92TR") == 3
    with connect(house.dsn) as db:
        assert values(db, "SELECT DISTINCT state FROM cards_card WHERE pool_id = %s", [batch.pool_id]) == ["exported"]
        assert password not in str(values(db, "SELECT body::text FROM audit_approval"))


def test_solo_mode_waits_and_asks_again_who_it_is(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        batch = make.batch(db, ring, make.sku(db), 1)
        cards.withdraw(db, make.STAFF, batch.pool_id, "x", clock.now())
        party.choose_solo(db, make.STAFF, Platform(True, 0), clock.now())
    from kashu.party.models import Person

    desk = staff("owner")
    others = Person.objects.filter(is_active=True).exclude(pk=desk.person.pk)
    sleeping = list(others.values_list("pk", flat=True))
    others.update(is_active=False)  # solo mode is for those who are alone
    try:
        desk.post(f"/console/batches/{batch.pool_id}/export", {"reason": "r"})
    finally:
        Person.objects.filter(pk__in=sleeping).update(is_active=True)
        with connect(house.dsn) as db, db.transaction():
            party.choose_solo(db, make.STAFF, Platform(False, 600), clock.now())
            [asked] = [one for one in audit.open_approvals(db) if one.object_id == batch.code]
    assert asked.is_solo
    again = desk.post(f"/console/exports/{asked.id}/confirm")
    assert again.status_code == 302
    assert "reauthenticate" in again["Location"]
    with connect(house.dsn) as db:
        assert values(db, "SELECT DISTINCT state FROM cards_card WHERE pool_id = %s", [batch.pool_id]) == ["on_shelf"]


def test_the_last_owner_stays_and_people_are_audited(staff, house):
    desk = staff("owner", is_sure=True)
    email = f"{make.name('new')}@kashu.example"
    page = desk.post(
        "/console/settings/people", {"email": email, "name": "新人", "role": "support"}, follow=True
    ).content.decode()
    [password] = re.findall(r'<b class="mono">([^<]+)</b>', page)
    assert password not in desk.get("/console/settings").content.decode()
    with connect(house.dsn) as db:
        opened = """SELECT count(*)::int FROM audit_entry AS entry JOIN party_person AS person
        ON person.id::text = entry.object_id WHERE entry.verb = 'person.open' AND person.email = %s"""
        assert value(db, opened, [email]) == 1
    assert (
        "已有账号"
        in desk.post(
            "/console/settings/people", {"email": email, "name": "x", "role": "support"}, follow=True
        ).content.decode()
    )
    assert (
        staff("operator")
        .post("/console/settings/people", {"email": "a@b.cn", "name": "x", "role": "owner"})
        .status_code
        == 403
    )


def test_nobody_of_a_supplier_or_buyer_becomes_staff(staff):
    """Their row had no role to choose, so that a browser sent the first: closing an account made its person an owner."""
    from kashu.party.models import Person

    desk = staff("owner", is_sure=True)
    other = Person.objects.create_user(f"{make.name('out')}@kashu.example", "x" * 12, name="外人", role="member")
    form = desk.get("/console/settings").content.decode().split(f'action="/console/settings/people/{other.pk}"')[1]
    assert 'name="role"' not in form.split("</form>")[0]
    desk.post(f"/console/settings/people/{other.pk}", {"role": "owner", "is_active": "no"})
    other.refresh_from_db()
    assert (other.role, other.is_active) == ("member", False)
    desk.post(f"/console/settings/people/{other.pk}", {"role": "owner", "is_active": "yes"})
    other.refresh_from_db()
    assert (other.role, other.is_active) == ("member", True)


def test_forms_without_their_token_are_refused(site, staff):
    from django.test import Client

    desk = staff("owner", client=None)
    strict = Client(enforce_csrf_checks=True, headers={"accept-language": "zh-CN"})
    strict.cookies = desk.cookies
    answer = strict.post("/console/settings/parties", {"name": "x"})
    assert answer.status_code == 403
    assert "页面已过期" in answer.content.decode()


def state(house, placed):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM sales_order WHERE id = %s", [placed.id])


def count_cards(house, pool_id):
    with connect(house.dsn) as db:
        return value(db, "SELECT count(*)::int FROM cards_card WHERE pool_id = %s", [pool_id])


def test_the_console_sets_a_commission(staff, house):
    owner = staff("owner", is_sure=True)
    with connect(house.dsn) as db, db.transaction():
        seller = make.supplier(db)
    owner.post(
        "/console/settings/fees", {"seller": str(seller), "category": "", "percent": "7.25", "begin": "", "end": ""}
    )
    with connect(house.dsn) as db:
        assert value(db, "SELECT commission_bp FROM catalog_fee_rule WHERE seller_id = %s", [seller]) == 725
    for percent in ("101", "-1", "x", "5.123"):
        answer = owner.post("/console/settings/fees", {"percent": percent}, follow=True)
        assert "数据没有改动" in answer.content.decode()
