"""Builders: a valid thing in one call, with only the fact that matters spelled out."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from kashu import cards, catalog, compliance, messages, party, payments, sales
from kashu.audit import Actor
from kashu.cards import Format, NewBatch, NewCard
from kashu.catalog import Agreement, Category, Product, Sku
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, value
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.messages import Sender
from kashu.messages.rules import sandbox_templates
from kashu.payments import Channel, Notice
from kashu.sales import Buyer, Checkout, Placed
from tests import gateways

numbers = count(1)
STAFF = Actor("person", "tester@kashu.example")
REVIEWER = Actor("person", "reviewer@kashu.example")
SECOND = Actor("person", "second@kashu.example")
SEED = os.urandom(3).hex()
CHANNEL = "test-pay"
PHONE_FIELD = {"name": "phone", "label": "充值手机号", "kind": "phone"}
IDENTITIES = Keyring.new()


def name(what: str) -> str:
    return f"{what}-{SEED}-{next(numbers)}"


def platform(db: Db) -> int:
    found = value(db, "SELECT id FROM party_party WHERE kind = 'platform'")
    if found is not None:
        return found
    own = party.open_party(db, STAFF, party.Party(0, "platform", "卡枢", "", "杭州", "400", "active"), clock.now())
    licence(db, own.id, "business")
    licence(db, own.id, "telecom", ["B21", "B25"])
    return own.id


def licence(
    db: Db, owner: int, kind: str, scope: list[str] | None = None, valid_to: date = date(2099, 12, 31), **told: Any
) -> compliance.Licence:
    """A verified licence, of which there is a scan."""
    told = {"file_sha256": file(db, IDENTITIES)} | told
    new = compliance.Licence(
        0, owner, kind, name("L"), "", scope or [], told.pop("territory", "全国"),
        told.pop("valid_from", date(2020, 1, 1)), valid_to, **told,
    )  # fmt: skip
    handed = compliance.licences.submit(db, STAFF, new, clock.now())
    assert isinstance(handed, compliance.Licence), handed
    good = compliance.licences.decide(db, REVIEWER, handed.id, is_good=True, reason="核对原件", at=clock.now())
    assert isinstance(good, compliance.Licence), good
    return good


def supplier(db: Db) -> int:
    told = party.Party(0, "supplier", name("供应商"), "91110000600037341L", "杭州", "400", "active")
    opened = party.open_party(db, STAFF, told, clock.now())
    party.take_in(db, STAFF, opened.id, clock.now())
    licence(db, opened.id, "business")
    return opened.id


def file(db: Db, ring: Keyring) -> bytes:
    """A scan that is kept."""
    kept = compliance.licences.keep_file(db, ring, STAFF, "scan.pdf", b"%PDF-1.7 " + name("scan").encode(), clock.now())
    assert isinstance(kept, bytes)
    return kept


def agreements(db: Db) -> None:
    for kind in ("trade", "digital_consent"):
        if catalog.agreement(db, kind, clock.now()) is None:
            at = datetime(2026, 1, 1, tzinfo=UTC)
            catalog.publish_agreement(db, STAFF, Agreement(0, kind, 1, kind, f"条款 {kind}", at, at))


def sku(
    db: Db,
    price_fen: int = 3_990,
    seller: int | None = None,
    kind: str = "single_use",
    order_max: int = 100,
    buyer_max: int | None = None,
    tiers: list[dict[str, int]] | None = None,
    warranty_days: int = 30,
    form: list[dict[str, str]] | None = None,
    goods: str | None = "membership",
    on_sale: bool = True,
) -> Sku:
    """A SKU of a product that is on sale; self-operated unless a seller is given."""
    agreements(db)
    own = platform(db)  # whose licences every sale needs, ours or a third party's
    slug = name("p").lower()
    at = clock.now() - timedelta(days=1)
    category = catalog.add_category(
        db, STAFF, Category(0, None, name("c").lower(), "会员", "green", 0, True, goods), at
    )
    assert isinstance(category, Category)
    draft = Product(
        0, slug, category.id, "", "", seller or own, "", False, "知微课堂年度会员兑换码", "知微课堂", "年度会员",
        "365 天", [["兑换平台", "知微课堂 App"]], ["打开 App", "粘贴卡密"], "查看前可随时退款", warranty_days, None, "draft",
    )  # fmt: skip
    product = catalog.open_product(db, STAFF, draft, at)
    assert isinstance(product, Product)
    wanted = Sku(
        0,
        name("S").upper(),
        product.id,
        "年卡",
        kind,
        price_fen,
        None,
        tiers or [],
        order_max,
        buyer_max,
        "",
        1,
        0,
        True,
        form or ([PHONE_FIELD] if kind in catalog.LATER else []),
    )
    made = catalog.add_sku(db, STAFF, wanted, at)
    assert isinstance(made, Sku)
    if on_sale:
        assert catalog.move_product(db, STAFF, product.id, "on_sale", "", at) is None
    return made


def batch(
    db: Db,
    ring: Keyring,
    of: Sku,
    stock: int,
    cost_fen: int = 3_000,
    expires_on: date | None = None,
    on_sale: bool = True,
    numbered: bool = True,
    by: int | None = None,
    end: str = "92TR",
) -> cards.Batch:
    """A batch of `stock` cards with secrets nobody has had before."""
    form = Format("utf-8", "dashes", ("number", "secret"), has_header=False)
    told = NewBatch(of.id, by or supplier(db), of.kind, "cards.txt", 1, "0" * 64, "", form, cost_fen, "")
    received = cards.receive(db, ring, STAFF, told, clock.now())
    assert isinstance(cards.start(db, STAFF, received.pool_id, clock.now()), cards.Batch)
    lines = [
        NewCard(
            n,
            f"N{n}" if numbered else "",
            f"KZ7F-{SEED.upper()}-{next(numbers):06d}-{end}",
            expires_on or date(9999, 12, 31),
            None,
            None,
            "",
            surcharge_fen=100 * (n - 1) if of.kind == "pick" else 0,
        )
        for n in range(1, stock + 1)
    ]
    for start in range(0, stock, 5_000):
        load(db, ring, received.pool_id, start, lines[start : start + 5_000])
    found = cards.loaded(db, STAFF, received.pool_id, clock.now())
    if on_sale:
        found = put_on_sale(db, ring, received.pool_id)
    assert isinstance(found, cards.Batch)
    return found


def authorised(db: Db, ring: Keyring, owner: int, brand: str, goods: str) -> int:
    """An authorisation in force under which a party may sell a brand's goods."""
    today = biz_date(clock.now())
    known = compliance.for_brand(db, owner, brand, goods, today)
    if known:
        return known[0].id
    new = compliance.Authorisation(
        0, None, brand, None, owner, name("SQ"), brand, [goods], ["全国"], False, True, True, date(2020, 1, 1),
        date(2099, 12, 31), file_sha256=file(db, ring),
    )  # fmt: skip
    taken = compliance.authorisations.register(db, STAFF, new, clock.now())
    assert isinstance(taken, compliance.Authorisation), taken
    good = compliance.authorisations.decide(db, REVIEWER, taken.id, is_good=True, reason="核对原件", at=clock.now())
    assert isinstance(good, compliance.Authorisation), good
    return good.id


def papered(db: Db, ring: Keyring, pool_id: int) -> None:
    """Everything a batch needs before it may be for sale: a document, an authorisation, a second person."""
    batch = cards.batch(db, pool_id)
    assert batch is not None
    brand, goods = catalog.brand_of(db, batch.sku_id)
    under = authorised(db, ring, batch.supplier_id, brand, goods or "membership") if brand else None
    papers = cards.Papers(name("HT"), batch.cost_fen, batch.accepted, under)
    assert isinstance(cards.attach(db, STAFF, pool_id, papers, clock.now()), cards.Batch)
    assert isinstance(cards.confirm(db, REVIEWER, pool_id, clock.now()), cards.Batch)


def put_on_sale(db: Db, ring: Keyring, pool_id: int) -> cards.Batch:
    """Put a loaded batch on sale with everything it needs."""
    papered(db, ring, pool_id)
    found = cards.put_on_sale(db, STAFF, pool_id, clock.now())
    assert isinstance(found, cards.Batch), found
    return found


def source(db: Db, ring: Keyring, url: str = "http://127.0.0.1:1", secret: str = "shared secret") -> cards.Source:
    """A supplier's API."""
    new = cards.Source(name("src"), supplier(db), "直充货源", url, "k-1", b"", True, "", clock.now())
    return cards.set_source(db, ring, STAFF, new, secret, clock.now())


def slots(db: Db, ring: Keyring, of: Sku, cap: int, through: cards.Source | None = None) -> cards.Batch:
    """A pool of slots that is on sale, for what is issued on demand or by hand."""
    through = through or (source(db, ring) if of.kind == "on_demand" else None)
    owner = through.supplier_id if through else supplier(db)
    form = Format("utf-8", "", ("secret",), has_header=False)
    told = NewBatch(
        of.id, owner, of.kind, "", 0, "", "", form, 900, "", source=(through.id, "TOPUP-10") if through else None
    )
    opened = cards.open_slots(db, ring, STAFF, told, cap, clock.now())
    assert isinstance(opened, cards.Batch), opened
    brand, goods = catalog.brand_of(db, of.id)
    if brand:
        under = cards.Papers("", 0, 0, authorised(db, ring, owner, brand, goods or "membership"))
        assert isinstance(cards.attach(db, STAFF, opened.pool_id, under, clock.now()), cards.Batch)
    found = cards.put_on_sale(db, STAFF, opened.pool_id, clock.now())
    assert isinstance(found, cards.Batch)
    return found


def load(
    db: Db, ring: Keyring, pool_id: int, done: int, lines: list[NewCard | cards.Reject]
) -> cards.Batch | cards.Refusal:
    """Seal and write a stretch of lines."""
    found = cards.batch(db, pool_id)
    assert found is not None
    return cards.load(db, pool_id, done, cards.seal(ring, found, lines, cards.reserve(db, len(lines))))


def stocked(db: Db, ring: Keyring, stock: int, **told: object) -> Sku:
    made = sku(db, **told)  # type: ignore[arg-type]
    batch(db, ring, made, stock)
    return made


def channel(db: Db, channel_id: str = CHANNEL, kind: str = "douyin", **changed: Any) -> str:
    """An open channel whose gateway is not there; its platform's keys are those of `tests.gateways`."""
    if channel_id in payments.channels(db):
        return channel_id
    at = clock.now() - timedelta(days=1)
    methods = ["h5", "jsapi", "native", "app", "page"]
    told = Channel(
        channel_id, kind, "沙箱", "测试商户", gateways.MERCHANT, gateways.APP, "http://127.0.0.1:9", methods, 1, 1,
        10**12, None, None, None, None, False,
    )  # fmt: skip
    told = replace(told, **changed)
    assert payments.set_channel(db, STAFF, replace(told, is_open=False), at) is None
    for use, serial, text in (
        ("sign", "OURS1", gateways.pair("merchant")[0]),
        ("verify", gateways.SERIAL, gateways.pair("platform")[1]),
        ("open", "1", gateways.OPEN_KEY),
        ("app", "1", "app secret"),
    ):
        assert payments.add_key(db, house_ring(), STAFF, channel_id, payments.NewKey(use, serial, text), at) is None
    assert payments.set_channel(db, STAFF, replace(told, is_open=changed.get("is_open", True)), at) is None
    return channel_id


def box(db: Db, ring: Keyring) -> None:
    """The sandbox's box as the only sender of messages, whatever another test has left behind."""
    db.execute("UPDATE messages_sender SET is_open = (kind = 'sandbox' AND id LIKE 'sandbox-%%')")
    if not value(db, "SELECT count(*) FROM messages_sender WHERE is_open"):
        for channel in ("sms", "mail"):
            told = Sender(f"sandbox-{channel}", "sandbox", channel, "沙箱", "卡枢", "", "", "", "", b"", 100, True)
            messages.set_sender(db, ring, STAFF, told, "", clock.now())
        for one in sandbox_templates("https://shop.example"):
            messages.add_template(db, STAFF, one, clock.now())


@cache
def house_ring() -> Keyring:
    """The keys of the house under test, which every process of it has."""
    from kashu.server.runtime import runtime

    return runtime().ring


def buyer(phone: str = "", device: str | None = None, address: str | None = None, ring: Keyring | None = None) -> Buyer:
    told = ring or IDENTITIES
    return Buyer(
        told.identity("device", device or name("d")),
        told.identity("address", address or name("a")),
        phone,
        told.identity("phone", phone) if phone else None,
    )


def checkout(
    db: Db, of: Sku, quantity: int = 1, who: Buyer | None = None, key: str | None = None, **told: Any
) -> Checkout:
    """What an honest browser sends, having seen the page as it is now."""
    at = clock.now()
    offer = catalog.offers(db, [of.code], at)[of.code]
    body = catalog.page_body(offer, None)
    consent = sales.consent(db, at)[1]
    channel(db)
    seen = (told.pop("pay", "douyin"), told.pop("method", "h5"), catalog.page_hash(body), consent)
    return Checkout(of.code, quantity, who or buyer(), key or name("k"), *seen, **told)


def order(
    db: Db, ring: Keyring, of: Sku, quantity: int = 1, who: Buyer | None = None, hold_seconds: int = 600, **told: Any
) -> Placed:
    [placed] = sales.place(db, ring, [checkout(db, of, quantity, who, **told)], clock.now(), hold_seconds)
    assert isinstance(placed, Placed), placed
    return placed


def notice(placed: Placed, **changed: object) -> Notice:
    """The notice of an honest gateway for this order."""
    gateway_no = name("G")
    told = Notice(
        placed.channel_id,
        name("e"),
        placed.number,
        gateway_no,
        placed.total_fen,
        "CNY",
        gateways.MERCHANT,
        clock.now(),
        b"{}",
        app_id=gateways.APP,
    )
    return replace(told, **changed)  # type: ignore[arg-type]


def notice_of(payment: payments.Payment, **changed: object) -> Notice:
    """The notice of an honest gateway for this payment."""
    told = Notice(
        payment.channel_id, name("e"), payment.trade_no, name("G"), payment.amount_fen, "CNY", gateways.MERCHANT,
        clock.now(), b"{}", app_id=gateways.APP,
    )  # fmt: skip
    return replace(told, **changed)  # type: ignore[arg-type]


def visitor(language: str = "zh-CN") -> Any:
    """A browser of Django's test client, at home at an address of its own: fast tests are a crowd from one address."""
    from django.test import Client

    address = ".".join(["10", *(str(byte) for byte in secrets.token_bytes(3))])
    return Client(headers={"accept-language": language}, REMOTE_ADDR=address)


def ids(many: int) -> list[object]:
    return [new_id() for _ in range(many)]


def organisation(db: Db) -> int:
    """A B-end buyer."""
    told = party.Party(0, "buyer", name("采购方"), "91110000600037341L", "杭州", "400", "active")
    return party.open_party(db, STAFF, told, clock.now()).id


def account(
    db: Db, balance_fen: int = 1_000_000, day_max_fen: int | None = None, order_max: int = 1_000
) -> sales.Account:
    """A purchase account with so much prepaid."""
    opened = sales.open_account(db, STAFF, organisation(db), clock.now())
    assert isinstance(opened, sales.Account)
    if balance_fen:
        topup(db, opened.id, balance_fen)
    if day_max_fen is not None or order_max != 1_000:
        sales.change_account(db, STAFF, opened.id, ("active", order_max, day_max_fen), "", clock.now())
    return sales.accounts(db, [opened.id])[opened.id]


def topup(db: Db, account_id: int, amount_fen: int) -> sales.Topup:
    asked = sales.ask_topup(
        db, STAFF, account_id, (amount_fen, "HT-1", name("bank")), solo_wait_seconds=None, at=clock.now()
    )
    assert isinstance(asked, sales.Topup)
    done = sales.credit_topup(db, SECOND, asked.approval_id, clock.now(), is_alone=False)
    assert isinstance(done, sales.Topup)
    return done


def purchase(of: Sku | str, buyer: sales.Account, quantity: int = 1, **told: Any) -> sales.Purchase:
    code = of if isinstance(of, str) else of.code
    reference = told.get("reference", "")
    asked = told.get("asked", f"{code} {quantity} {reference}")
    particular = (told.get("pick", ""), told.get("form", {}))
    return sales.Purchase(buyer.id, told.get("key") or name("k"), asked, code, quantity, reference, "", *particular)
