"""Fail closed (S-04, design §6, ASVS 16.5.3): what cannot be written into the trail is not shown, sold or given away."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import psycopg
import pytest

from kashu import aftersale, audit, cards, party, sales
from kashu.jobs.bulk import buy_bulk
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.server.runtime import ROOT
from kashu.server.wiring import context
from tests import make
from tests.web.test_buyer import buy as buy_at_desk
from tests.web.test_store import buy, house_channel, pay, secret_of, sheet

PASSWORD = "correct horse battery"


@pytest.fixture
def shop(house, ring):
    def open_shop(stock=2, kind="single_use"):
        with connect(house.dsn) as db, db.transaction():
            house_channel(db, ring)
            sku = make.sku(db, kind=kind)
            (make.slots if kind == "manual" else make.batch)(db, ring, sku, stock)
            return sku, value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])

    return open_shop


class World:
    """What the scenarios need, so that each is a few lines."""

    def __init__(self, **told):
        self.__dict__.update(told)

    def order(self, phone="", **told):
        sku, slug = self.shop(**told)
        token = buy(self.browser, sku, slug, phone)
        pay(self.house, token)
        with connect(self.house.dsn) as db:
            return sales.by_token(db, token)

    def export(self):
        """An export that waits for its second person."""
        with connect(self.house.dsn) as db, db.transaction():
            batch = make.batch(db, self.ring, make.sku(db), 2)
            cards.withdraw(db, make.STAFF, batch.pool_id, "x", clock.now())
        self.staff("operator", is_sure=True).post(f"/console/batches/{batch.pool_id}/export", {"reason": "退回"})
        with connect(self.house.dsn) as db, db.transaction():
            [asked] = [one for one in audit.open_approvals(db) if one.object_id == batch.code]
        return asked


@pytest.fixture
def world(house, ring, browser, staff, desk, shop, tmp_path):
    return World(house=house, ring=ring, browser=browser, staff=staff, desk=desk, shop=shop, spool=tmp_path)


# Each makes a request that shows a secret or a person's data, or gives a file of them: the browser, the address, what is
# sent (None: GET), what must not come back, and the verb that the trail has of it.


def reveal(world):
    order = world.order()
    return (
        world.browser,
        f"/o/{order.token}/reveal",
        {},
        secret_of(world.house, world.ring, order.token),
        "order.reveal",
    )


def reveal_as_csv(world):
    order = world.order()
    secret = secret_of(world.house, world.ring, order.token)
    return world.browser, f"/o/{order.token}/reveal", {"csv": "1"}, secret, "order.reveal"


def evidence(world):
    order = world.order("13900139456")
    told = {"reason": "投诉", "personal": "1"}
    clerk = world.staff("owner", is_sure=True)
    return clerk, f"/console/orders/{order.pool_id}/{order.id}/evidence", told, "13900139456", "order.evidence"


def form(world):
    sku, slug = world.shop(kind="manual")
    told = {**sheet(world.browser, sku, slug), "f_phone": "13800138000", "place": "1"}
    token = re.search(r"/o/([^/]+)", world.browser.post(f"/s/{slug}/checkout", told)["Location"])[1]
    pay(world.house, token)
    with connect(world.house.dsn) as db:
        order = sales.by_token(db, token)
    address = f"/console/fulfilments/{order.pool_id}/{order.id}"
    return world.staff("support"), address, {}, "13800138000", "order.form_shown"


def form_again(world):
    browser, address, _told, phone, verb = form(world)
    return browser, f"{address}/end", {"outcome": "done", "text": " "}, phone, verb


def export_made(world):
    asked = world.export()
    return world.staff("finance", is_sure=True), f"/console/exports/{asked.id}/confirm", {}, "mono pw", "batch.export"


def export_file(world):
    clerk, address, *_ = export_made(world)
    [file] = re.findall(r"/console/exports/[0-9a-f-]{36}/file", clerk.post(address).content.decode())
    return clerk, file, None, "PK", "batch.export_file"


def purchase_file(world):
    buyer, (sku, _) = world.desk(), world.shop()
    url = buy_at_desk(buyer, sku, 2).url
    return buyer, f"{url}/file", {"kind": "csv", "password": PASSWORD}, "PK", "order.shown"


def bulk_file(world):
    buyer, (sku, _) = world.desk(10**8), world.shop(20)
    told = {"sku": sku.code, "quantity": "20", "reference": "", "key": "k" * 20, "password": PASSWORD}
    url = buyer.post("/buyer/purchases/bulk", told).url
    buy_bulk(replace(context(world.house), spool=world.spool), {"bulk_id": url.rpartition("/")[2]})
    return buyer, f"{url}/file", None, "PK", "bulk.fetch"


def api_key(world):
    return world.desk(), "/buyer/keys/new", {"name": "ERP", "scopes": ["account.read"]}, "mono pw", "key.make"


def webhook(world):
    told = {"url": "https://erp.example/hooks", "topics": ["purchase.delivered"]}
    return world.desk(), "/buyer/webhooks/new", told, "whsec_", "webhook.add"


def guardian(world):
    from tests.aftersale import world as after

    order = world.order()
    with connect(world.house.dsn) as db, db.transaction():
        after.consent(db, order, clock.now())
        holder = (order.token, order.device)
        told = aftersale.open_claim(db, world.ring, after.BUYER, holder, after.new_claim(), clock.now())
    clerk = world.staff("compliance", is_sure=True)
    return clerk, f"/desk/guardians/{told.id}/persons", {"reason": "核对"}, "王小满", "guardian.show"


def guardian_file(world):
    from kashu.wire import edge, spool
    from tests.aftersale import world as after

    order, kept = world.order(), spool.keep(edge.ctx().spool, world.ring, [b"%PDF-1.7 evidence"])
    with connect(world.house.dsn) as db, db.transaction():
        after.consent(db, order, clock.now())
        new = after.new_claim(spool=kept.name, size=kept.size, sha256=kept.sha256)
        told = aftersale.open_claim(db, world.ring, after.BUYER, (order.token, order.device), new, clock.now())
    clerk = world.staff("finance", is_sure=True)
    return clerk, f"/desk/guardians/{told.id}/file", {}, "evidence", "guardian.file"


def own_copy(world):
    order = world.order("13900139458")
    with connect(world.house.dsn) as db, db.transaction():
        sales.keep_buyer_orders(db, [order])  # as the relay does a moment later
    return world.browser, "/orders/data/copy", {"form": "json"}, "13900139458", "order.data_copied"


def identities(world):
    """The file for the authority, with the whole ID number of who is not registered (C-11)."""
    from tests.party import world as trade

    number = trade.person_number()
    with connect(world.house.dsn) as db, db.transaction():
        alone = trade.with_papers(db, world.ring, is_registered=False, number=number)
        db.execute("UPDATE party_supplier SET state = 'active', verified_at = now() WHERE party_id = %s", [alone])
        ones = value(db, "SELECT count(*)::int FROM party_supplier WHERE NOT is_registered AND state = 'active'")
    clerk = world.staff("compliance", is_sure=True)
    return clerk, "/desk/reports/authority", {"period": ""}, number, ("supplier.principal.show", ones)


SHOWN = (
    reveal,
    reveal_as_csv,
    evidence,
    form,
    form_again,
    export_made,
    export_file,
    purchase_file,
    bulk_file,
    api_key,
    webhook,
    guardian,
    guardian_file,
    own_copy,
    identities,
)


def ask(browser, address, told):
    browser.raise_request_exception = False
    return browser.get(address) if told is None else browser.post(address, told)


def body_of(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def written(house, verb):
    with connect(house.dsn) as db:
        return value(db, "SELECT count(*) FROM audit_entry WHERE verb = %s", [verb])


@pytest.mark.parametrize("scenario", SHOWN, ids=lambda one: one.__name__)
def test_what_shows_a_secret_or_a_person_is_in_the_trail_or_is_not_shown(world, mute_trail, scenario):
    browser, address, told, hidden, verb = scenario(world)
    verb, many = verb if isinstance(verb, tuple) else (verb, 1)
    before = written(world.house, verb)
    mute_trail()
    refused = ask(browser, address, told)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "2"
    assert refused.headers["Cache-Control"] == "no-store"
    assert hidden.encode() not in body_of(refused)
    assert written(world.house, verb) == before

    mute_trail()  # the control: the same request, with a trail
    shown = ask(browser, address, told)
    assert shown.status_code in (200, 422)
    assert "no-store" in shown.headers["Cache-Control"]
    assert written(world.house, verb) == before + many
    if scenario is evidence:  # the phone lies in a file of the pack
        assert shown.content.startswith(b"PK")
    assert hidden.encode() in body_of(shown)


def test_a_reveal_that_is_not_written_down_has_not_happened(world, mute_trail):
    """S-05 and S-04: no first time without its row; the order can still be refunded."""
    order = world.order()
    mute_trail()
    assert ask(world.browser, f"/o/{order.token}/reveal", {}).status_code == 503
    with connect(world.house.dsn) as db:
        assert values(db, "SELECT revealed_at FROM cards_card WHERE order_id = %s", [order.id]) == [None]
        assert values(db, "SELECT revealed_at FROM sales_line WHERE order_id = %s", [order.id]) == [None]
    mute_trail()
    assert ask(world.browser, f"/o/{order.token}/refund", {}).status_code == 302


def test_a_key_does_not_go_into_a_message_without_its_row(world, mute_trail):
    order = world.order("13900139457")
    mute_trail()
    key = (order.pool_id, order.id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connect(world.house.dsn) as db, db.transaction():
        sales.push_card(db, world.ring, key, clock.now(), fits=lambda card: True)
    with connect(world.house.dsn) as db:
        assert values(db, "SELECT revealed_at FROM cards_card WHERE order_id = %s", [order.id]) == [None]


def test_a_guest_without_a_trail_buys_nothing(world, mute_trail):
    sku, slug = world.shop()
    told = {**sheet(world.browser, sku, slug), "place": "1"}
    mute_trail()
    assert ask(world.browser, f"/s/{slug}/checkout", told).status_code == 503
    with connect(world.house.dsn) as db:
        assert values(db, "SELECT state FROM cards_card JOIN cards_pool AS pool ON pool.id = pool_id WHERE sku_id = %s", [sku.id]) == ["on_shelf"] * 2  # fmt: skip


def test_nobody_is_let_in_or_promoted_without_a_row(world, mute_trail):
    """People live on Django's own connection: what is not written down is rolled back there too."""
    from kashu.party.models import Person

    owner, clerk = world.staff("owner", is_sure=True), world.staff("support").person
    with connect(world.house.dsn) as db, db.transaction():
        account = make.account(db)
    new = f"{make.name('new')}@kashu.example"
    asked = [
        ("/console/settings/people", {"email": new, "name": "新人", "role": "owner"}),
        (f"/console/settings/people/{clerk.pk}", {"role": "owner", "is_active": "yes"}),
        (f"/console/accounts/{account.id}/members", {"email": "member@kashu.example"}),
    ]
    mute_trail()
    assert [ask(owner, *one).status_code for one in asked] == [503] * 3
    assert not Person.objects.filter(email=new).exists()
    with connect(world.house.dsn) as db:
        assert party.invitations(db, account.party_id) == []
    assert Person.objects.get(pk=clerk.pk).role == "support"
    mute_trail()
    assert [ask(owner, *one).status_code for one in asked] == [200, 302, 302]
    assert Person.objects.filter(email=new).count() == 1
    with connect(world.house.dsn) as db:
        assert len(party.invitations(db, account.party_id)) == 1
    assert Person.objects.get(pk=clerk.pk).role == "owner"


def test_nobody_signs_in_without_a_row(staff, mute_trail):
    from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
    from django.core.cache import cache

    desk, browser = staff("support"), make.visitor()
    cache.clear()  # a code is good once, and it was used a moment ago
    assert browser.post("/accounts/login/", {"login": desk.person.email, "password": desk.password}).status_code == 302
    code = f"{hotp_value(desk.secret, next(iter(yield_hotp_counters_from_time()))):06d}"
    mute_trail()
    assert ask(browser, "/accounts/2fa/authenticate/", {"code": code}).status_code == 503
    mute_trail()
    assert browser.get("/console/").status_code == 302  # back to the door


def test_no_way_in_changes_without_a_row(staff, mute_trail):
    from allauth.mfa.models import Authenticator

    desk = staff("support", is_sure=True)
    mute_trail()
    assert ask(desk, "/accounts/2fa/recovery-codes/generate/", {}).status_code == 503
    assert ask(desk, "/accounts/2fa/totp/deactivate/", {}).status_code == 503
    mute_trail()
    assert [one.type for one in Authenticator.objects.filter(user=desk.person)] == ["totp"]


def test_a_page_that_cannot_even_be_drawn_is_told_in_a_sentence(world, monkeypatch):
    from django.db import OperationalError

    from kashu.web import errors
    from kashu.wire import edge

    def gone(*_args, **_told):
        raise OperationalError("gone")

    def lost():
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(errors, "render", gone)
    monkeypatch.setattr(edge, "transaction", lost)
    answer = ask(world.browser, "/o/Z8-abcdefghijklmnopqrstuv", None)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "没有完成" in answer.content.decode()


# ---- nothing else shows them

OPENS = {
    "open_personal", "opened", "reveal", "receipts", "export_unsold", "bulk_cards", "push_card", "look", "open_rows", "pieces",
    "make_key", "rotate_key", "add_webhook", "show_persons", "note_file_shown", "sell", "buy_step", "give", "export", "open_sample",
    "persons_of", "number_of_head", "copy",
}  # fmt: skip
PLACES = {
    # The web lane; each has its scenario above, or shows nothing.
    "web/store/orders.py reveal": "reveal",
    "web/console/evidence.py give": "evidence",
    "web/console/fulfilments.py look": "form",
    "web/console/fulfilments.py end": "form_again",
    "web/console/batches.py _make_export": "export_made",
    "web/console/batches.py export_file": "export_file",
    "web/buyer/purchases.py purchase_file": "purchase_file",
    "web/buyer/purchases.py bulk_file": "bulk_file",
    "web/buyer/machines.py make_key": "api_key",
    "web/buyer/machines.py rotate_key": "as make_key, which writes in the same way",
    "web/buyer/machines.py add_webhook": "webhook",
    "web/buyer/purchases.py new_purchase": "sells, and shows no card",
    "web/buyer/purchases.py one_piece": "sells, and shows no card",
    "web/desk/guardians.py persons": "guardian",
    "web/desk/guardians.py file": "guardian_file",
    "web/people.py _tell": "addresses that an organisation itself invited, to its own people",
    "web/supplier/onboarding.py _page": "an organisation's own names, to its own people",
    "web/desk/suppliers.py supplier": "the first character of a name, the rest masked",
    "web/desk/privacy.py requests": "what people wrote; who read it is written down first",
    "web/sessions.py decode": "a session, for the browser that it is of",
    "web/accounts.py decrypt": "a second factor, compared and not shown",
    # Machines: tests/api/test_trouble.py.
    "wire/open/purchases.py serve": "POST /open/v1/purchases",
    "wire/open/reads.py _shown": "GET /open/v1/orders",
    "till/app.py _stream": "the sealed file that `fetch` has written down",
    "api/routes.py _respond": "the sealed file that `fetch` has written down",
    # What calls the world opens our own keys and the numbers it is sent to; nobody here reads them.
    "jobs/bulk.py buy_bulk": "sells; into the file that its buyer's password seals",
    "jobs/bulk.py _cards": "into the file that its buyer's password seals",
    "jobs/supply.py probe_cards": "a sample of cards to the supplier they came from, written down first",
    "jobs/messages.py send_code": "a number, sealed again",
    "jobs/messages.py _write": "a number, sealed again",
    "jobs/messages.py _with_card": "test_a_key_does_not_go_into_a_message_without_its_row",
    "jobs/webhooks.py send_webhook": "a key to sign with",
    "wire/open/auth.py look_up": "a key to compare with",
    "wire/posting.py vendor": "a key to sign with",
    "wire/supply.py _call": "a key to sign with",
    "wire/age.py holder_of": "whose age this browser has proven; shows nothing",
    "wire/pay/__init__.py _opened": "keys to sign and to read with",
    "wire/pay/wechatpay.py openid_of": "a key to ask with",
    "api/routes.py receipts": "what a vendor says of a message",
    "wire/evidence/facts.py phone": "evidence; own_copy",
    "wire/evidence/facts.py form": "evidence; own_copy",
    "wire/evidence/disputes.py guardian_claims": "evidence",
    "wire/reports.py identities": "identities",
    "web/store/data.py copy": "own_copy",
}


def test_every_place_that_opens_something_is_known():
    found = {place for lane in ("web", "api", "till", "wire", "jobs") for place in places(lane)}
    assert found - PLACES.keys() == set(), "it needs a row in the trail, and a scenario"
    assert PLACES.keys() - found == set()


def places(lane):
    for path in sorted((ROOT / "kashu" / lane).rglob("*.py")):
        yield from (f"{path.relative_to(ROOT / 'kashu')} {name}" for name in openers(path.read_text()))


def openers(source):
    """The functions of a source that call something which opens what is sealed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [
                one.func.attr
                for one in ast.walk(node)
                if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
            ]
            if OPENS & set(calls):
                yield node.name


def test_a_planted_opening_is_found():
    assert list(openers("def page(db):\n    return ring.open_personal(order.phone_sealed, 'x')")) == ["page"]
    assert list(openers("def page(db):\n    return cards.masked(db)")) == []
