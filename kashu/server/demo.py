"""The demo shop: a platform, two suppliers, a few products with cards, people to sign in as. All of it is invented."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from kashu import cards, catalog, compliance, messages, party, payments, sales
from kashu.audit import Actor
from kashu.cards import Source
from kashu.catalog import Agreement
from kashu.compliance import Licence
from kashu.kernel import clock
from kashu.kernel.db import Db, value
from kashu.kernel.ids import new_id
from kashu.party import Application, Contract, Party
from kashu.payments import Channel, NewKey
from kashu.sales import ContractPrice
from kashu.server.demo_goods import DEMO, REVIEWER, open_goods
from kashu.server.runtime import ROOT, Runtime
from kashu.wire.context import Context

LOGINS_FILE = "demo-logins.json"
PEOPLE = (
    ("owner@kashu.example", "林知夏", "owner"),
    ("operator@kashu.example", "周以宁", "operator"),
    ("finance@kashu.example", "许闻溪", "finance"),
    ("support@kashu.example", "何清和", "support"),
    ("auditor@kashu.example", "沈砚", "auditor"),
    ("compliance@kashu.example", "许衡", "compliance"),
    ("buyer@kashu.example", "顾星野", "buyer"),
    ("supplier@kashu.example", "苏简", "supplier"),
)
PREPAID_FEN = 20_000_000
# The sandbox's merchants: kind, where its gateway is, merchant, application, our serial, theirs, methods.
TITLES = {"alipay": "支付宝", "wechat": "微信支付", "douyin": "抖音支付"}
SANDBOX_CHANNELS: tuple[tuple[str, str, str, str, str, str, list[str]], ...] = (
    ("alipay", "/alipay/gateway.do", "2088000000000001", "2021000000000001", "1", "1", ["h5", "page", "native"]),
    ("wechat", "/wechatpay", "1900000001", "wxd678efh567hg6787", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
     "PUB_KEY_ID_0119000000012026", ["h5", "jsapi", "native"]),
    ("douyin", "/douyinpay", "80001234567", "awz9w2wncdof4ba6", "41A48FEF2A9F04C5", "623DFCD5354E06BC", ["h5", "native"]),
)  # fmt: skip
CONSENT = "我已知晓：卡密查看前、充值开始办理前可随时退款；之后不适用七日无理由退货，质量问题与假卡仍可赔付。"
TRADE = """一、下单即为你留货，留货结束前未支付会自动释放，不收任何费用。
二、付款后卡密直接显示在订单页。查看前可以随时全额退款，原路退回。
三、卡密查看后视为交付。卡密无效的，核实后由平台先行赔付，再向销售方追偿。
四、确认为假卡的，除退款外另赔十倍，不足 500 元按 500 元。
五、留货结束后才到账的付款，有库存则补发，没有库存则自动全额退回。"""
PRIVACY = """我们只收集完成交易需要的信息：下单设备的随机编号、网络地址的指纹，以及你自愿填写的手机号。
手机号加密保存，只用于送达通知和找回订单。交易记录按法律要求保存三年。购买对未成年人有限制的商品时，经你单独同意，把姓名和身份证号发给核验机构比对一次；两者都不保存，只留下无法还原的标记，三年后删除。"""


def is_loaded(db: Db) -> bool:
    return bool(value(db, "SELECT count(*) FROM party_party"))


def load(run: Runtime, ctx: Context) -> Path:
    """Load the demo shop, once; the logins are written beside the keys."""
    at = clock.now()
    make_sandbox_keys(run)
    with run.pool.transaction() as db:
        if not is_loaded(db):
            sellers = _parties(db, ctx, at)
            _agreements(db)
            _onboarding(db, ctx, at)
            _source(db, run, ctx, sellers[""], at)
            open_goods(db, ctx, sellers, at)
            _channels(db, run, ctx, at)
            _buyer(db, at)
        if not run.env.is_production:
            messages.open_sandbox(db, ctx.ring, DEMO, run.env.public_url, at)
    return _people(run)


def make_sandbox_keys(run: Runtime) -> None:
    """Have the sandbox make its key pairs: it is a package of its own, which Kashu never imports."""
    command = [sys.executable, "-m", "sandbox.keys", str(run.env.var / "sandbox")]
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603  # our own module


def _parties(db: Db, ctx: Context, at: datetime) -> dict[str, int]:
    own = party.open_party(
        db,
        DEMO,
        Party(
            0,
            "platform",
            "卡枢（示例）科技有限公司",
            "91330100MA2KASHU18",
            "杭州市示例路 1 号",
            "400-000-0000",
            "active",
        ),
        at,
    )
    zhiwei = party.open_party(
        db,
        DEMO,
        Party(
            0,
            "supplier",
            "杭州知微文化传媒有限公司",
            "91330106MA2ZHIWE08",
            "杭州市示例路 28 号",
            "0571-0000-0000",
            "active",
        ),
        at,
    )
    party.take_in(db, DEMO, zhiwei.id, at)
    day, later = date(2025, 3, 18), date(2030, 3, 17)
    scan = compliance.licences.keep_file(db, ctx.ring, DEMO, "demo.pdf", b"%PDF-1.7 demo", at)
    assert isinstance(scan, bytes)
    for owner, kind, number, scope in (
        (own.id, "business", "91330100MA2KASHU18", []),
        (own.id, "telecom", "浙B2-20260137", ["B21", "B25"]),
        (zhiwei.id, "business", "91330106MA2ZHIWE08", []),
    ):
        handed = compliance.licences.submit(
            db, DEMO, Licence(0, owner, kind, number, "", scope, "全国", day, later, file_sha256=scan), at
        )
        assert isinstance(handed, Licence)
        good = compliance.licences.decide(db, REVIEWER, handed.id, is_good=True, reason="示例数据", at=at)
        assert isinstance(good, Licence)
    return {"": own.id, zhiwei.name: zhiwei.id}


def _onboarding(db: Db, ctx: Context, at: datetime) -> None:
    """What suppliers sign, and one that has just applied."""
    supply = Contract("supply", 0, "供货合同（示例）", "供货、质保与结算的约定，示例文本。", 0, "", "", "", "", "", at)
    deposit = Contract(
        "deposit", 0, "保证金协议（示例）", "示例文本。", 1_000_000, "存放于专用账户", "先行赔付与违约扣款",
        "退出且最后一笔成交满 90 日后退还", "", "", at,
    )  # fmt: skip
    for one in (supply, deposit):
        party.publish_contract(db, DEMO, one, at)
    new = Application("津门图书服务中心", "121200004013590816", "天津市示例路 6 号", "022-0000-0000", "13900000000")
    assert isinstance(party.apply(db, ctx.ring, DEMO, new, at), party.Supplier)


def _agreements(db: Db) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for kind, title, body in (
        ("trade", "交易规则", TRADE),
        ("privacy", "隐私政策", PRIVACY),
        ("digital_consent", "数字商品退款说明", CONSENT),
    ):
        catalog.publish_agreement(db, DEMO, Agreement(0, kind, 1, title, body, at, at))


def _source(db: Db, run: Runtime, ctx: Context, supplier: int, at: datetime) -> None:
    """The sandbox's supplier of top-ups."""
    secret = (run.env.var / "sandbox" / "supply.secret").read_text()
    url = f"http://127.0.0.1:{run.env.sandbox_port}"
    new = Source("sandbox", supplier, "沙箱直充", url, "sandbox-supply-1", b"", True, "", at)
    cards.set_source(db, ctx.ring, DEMO, new, secret, at)


def _channels(db: Db, run: Runtime, ctx: Context, at: datetime) -> None:
    """The three channels, as an operator would have set them up, against the sandbox's gateways."""
    folder, base = run.env.var / "sandbox", f"http://127.0.0.1:{run.env.sandbox_port}"
    for kind, gateway, merchant, app, ours, theirs, methods in SANDBOX_CHANNELS:
        told = Channel(
            f"{kind}-sandbox", kind, f"沙箱 {TITLES[kind]}", "卡枢演示商户", merchant, app, base + gateway, methods, 1, 1, 5_000_000, None,
            100_000, None, None, False,
        )  # fmt: skip
        assert payments.set_channel(db, DEMO, told, at) is None
        keys = [
            NewKey("sign", ours, (folder / f"{kind}-merchant.pem").read_text()),
            NewKey("verify", theirs, (folder / f"{kind}-platform.pub").read_text()),
        ]
        if kind != "alipay":
            keys.append(NewKey("open", "1", (folder / f"{kind}.open").read_text()))
        if kind == "wechat":
            keys.append(NewKey("app", "1", (folder / "wechat.app").read_text()))
        for key in keys:
            assert payments.add_key(db, ctx.ring, DEMO, told.id, key, at) is None
        assert payments.set_channel(db, DEMO, replace(told, is_open=True), at) is None


def _buyer(db: Db, at: datetime) -> None:
    """An organisation that buys, with prepayment and a contract price."""
    told = Party(
        0, "buyer", "星河文化（示例）MCN", "91330108MA2XINGH02", "杭州市示例路 66 号", "0571-0000-0001", "active"
    )
    opened = sales.open_account(db, DEMO, party.open_party(db, DEMO, told, at).id, at)
    assert isinstance(opened, sales.Account)
    paid = (PREPAID_FEN, "HT-2026-001", "demo-1")
    asked = sales.ask_topup(db, DEMO, opened.id, paid, solo_wait_seconds=None, at=at)
    assert isinstance(asked, sales.Topup)
    sales.credit_topup(db, Actor("system", "demo second"), asked.approval_id, at, is_alone=False)
    sku = catalog.offers(db, ["ZM-MONTH"], at)["ZM-MONTH"].sku_id
    price = ContractPrice(new_id(), opened.id, sku, 1_500, at, None, "", at, "年度框架合同（示例）")
    sales.set_contract_price(db, DEMO, price)


def _join(run: Runtime, person_id: int, role: str) -> None:
    with run.pool.transaction() as db:
        for one in party.parties(db, role):
            party.add_member(db, DEMO, one.id, person_id, clock.now())


def _people(run: Runtime) -> Path:
    from allauth.account.models import EmailAddress  # noqa: PLC0415  # Django has to be set up first
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: PLC0415

    from kashu.party.models import MEMBER, Person  # noqa: PLC0415

    file = run.env.var / LOGINS_FILE
    if file.exists() and Person.objects.exists():
        return file
    logins = []
    for email, name, role in PEOPLE:
        password, secret = secrets.token_urlsafe(9), generate_totp_secret()
        joins = role in ("buyer", "supplier")  # what kind of organisation they work for
        person = Person.objects.create_user(email, password, name=name, role=MEMBER if joins else role)
        EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
        TOTP.activate(person, secret)
        if joins:
            _join(run, person.pk, role)
        logins.append({"email": email, "password": password, "totp": secret, "role": role})
    file.write_text(json.dumps(logins, indent=1))
    file.chmod(0o600)
    return file
