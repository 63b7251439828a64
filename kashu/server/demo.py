"""The demo shop: a platform, two suppliers, a few products with cards, people to sign in as. All of it is invented."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kashu import cards, catalog, compliance, messages, party, payments, sales
from kashu.audit import Actor
from kashu.cards import Batch, Format, NewBatch, NewCard, Source
from kashu.catalog import Agreement, Category, PriceChange, Product, Sku
from kashu.compliance import Licence
from kashu.kernel import clock
from kashu.kernel.db import Db, value
from kashu.kernel.ids import ALPHABET, new_id
from kashu.party import Application, Contract, Party
from kashu.payments import Channel, NewKey
from kashu.sales import ContractPrice
from kashu.server.runtime import ROOT, Runtime
from kashu.wire.context import Context

DEMO = Actor("system", "demo")
REVIEWER = Actor("person", "compliance@kashu.example")
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


@dataclass(frozen=True, slots=True)
class Goods:
    """A demo product with its SKUs: (code, name, price, cost, cards)."""

    slug: str
    category: str
    ink: str
    seller: str
    title: str
    brand: str
    headline: str
    summary: str
    facts: list[list[str]]
    steps: list[str]
    skus: tuple[tuple[str, str, int, int, int], ...]
    list_price_fen: int | None = None
    tiers: tuple[dict[str, int], ...] = ()
    kind: str = "single_use"
    form: tuple[dict[str, str], ...] = ()

    @property
    def refund_terms(self) -> str:
        return "开始办理前可随时退，办不成全额退" if self.kind in catalog.LATER else "未查看卡密前可随时退"


GOODS = (
    Goods(
        "zhiwei-year", "知识付费", "green", "杭州知微文化传媒有限公司", "知微课堂会员兑换码", "知微课堂", "年度会员",
        "全部课程 · 自兑换之日起算", [["兑换平台", "知微课堂 App、小程序"], ["兑换有效期", "2027-12-31 前"], ["发票", "由销售方开具"]],
        ["打开知微课堂，进入「我的 › 兑换中心」", "粘贴卡密或扫描二维码，点「兑换」", "看到有效期即为成功"],
        (("ZW-YEAR", "年卡", 3_990, 3_000, 300), ("ZW-QUARTER", "季卡", 1_590, 1_100, 120), ("ZW-MONTH", "月卡", 690, 450, 80)),
        list_price_fen=4_500,
    ),
    Goods(
        "shangu-50", "本地生活", "indigo", "", "山谷咖啡 50 元团购券", "山谷咖啡", "50 元团购券",
        "全国门店 · 单次使用", [["使用范围", "全国 86 家门店"], ["有效期", "自购买之日起 90 天"]],
        ["到店点单时出示券码", "由店员扫码核销", "一券一次，不找零"],
        (("SG-50", "50 元券", 3_990, 3_200, 200),), tiers=({"from": 5, "price_fen": 3_790}, {"from": 20, "price_fen": 3_590}),
    ),
    Goods(
        "zimu-month", "营销工具", "ink", "", "短剧字幕工具月卡", "字幕工坊", "月度授权",
        "单设备 · 30 天", [["适用系统", "Windows、macOS"], ["激活方式", "客户端内输入激活码"]],
        ["下载并打开字幕工坊", "在「激活」里粘贴卡密", "显示到期日即为成功"],
        (("ZM-MONTH", "月卡", 1_900, 900, 60),),
    ),
    Goods(
        "xingtu-id", "虚拟道具", "plum", "", "星图社区自选编号徽章", "星图社区", "自选编号",
        "八位数字 · 永久有效", [["使用平台", "星图社区 App"], ["绑定方式", "用卡密绑定到自己的账号"]],
        ["选一个喜欢的编号", "付款后复制卡密", "在星图社区「我的 › 徽章」里粘贴"],
        (("XT-ID", "编号徽章", 2_900, 1_200, 40),), kind="pick",
    ),
    Goods(
        "guangying-direct", "会员直充", "indigo", "", "光影视频会员直充", "光影视频", "月度会员",
        "充到自己的账号 · 无需兑换", [["到账方式", "直接充到手机号对应的账号"], ["到账时间", "一般几秒至几分钟"]],
        ["填写光影视频账号绑定的手机号", "付款后自动充值", "在光影视频「我的」里看到期日"],
        (("GY-MONTH", "月卡", 1_990, 1_500, 200),), kind="on_demand",
        form=({"name": "phone", "label": "充值手机号", "kind": "phone"},),
    ),
    Goods(
        "tingfeng-manual", "会员代充", "green", "", "听风音乐会员代充", "听风音乐", "季度会员",
        "人工办理 · 24 小时内", [["办理方式", "工作人员按你填写的账号办理"], ["不需要", "你的密码或验证码"]],
        ["填写听风音乐账号", "付款后工作人员办理", "办好后在订单页看凭证"],
        (("TF-QUARTER", "季卡", 3_600, 2_700, 30),), kind="manual",
        form=({"name": "phone", "label": "绑定手机号", "kind": "phone"}, {"name": "text", "label": "账号昵称", "kind": "text"}),
    ),
)  # fmt: skip


def is_loaded(db: Db) -> bool:
    return bool(value(db, "SELECT count(*) FROM party_party"))


def load(run: Runtime, ctx: Context) -> Path:
    """Load the demo shop, once; the logins are written beside the keys."""
    at = clock.now()
    make_sandbox_keys(run)
    with run.pool.transaction() as db:
        if not is_loaded(db):
            sellers = _parties(db, at)
            _agreements(db)
            _onboarding(db, ctx, at)
            _source(db, run, ctx, sellers[""], at)
            _goods(db, ctx, sellers, at)
            _channels(db, run, ctx, at)
            _buyer(db, at)
        if not run.env.is_production:
            messages.open_sandbox(db, ctx.ring, DEMO, run.env.public_url, at)
    return _people(run)


def make_sandbox_keys(run: Runtime) -> None:
    """Have the sandbox make its key pairs: it is a package of its own, which Kashu never imports."""
    command = [sys.executable, "-m", "sandbox.keys", str(run.env.var / "sandbox")]
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603  # our own module


def _parties(db: Db, at: datetime) -> dict[str, int]:
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
    for owner, kind, number, scope in (
        (own.id, "business", "91330100MA2KASHU18", []),
        (own.id, "telecom", "浙B2-20260137", ["B21", "B25"]),
        (zhiwei.id, "business", "91330106MA2ZHIWE08", []),
    ):
        handed = compliance.licences.submit(
            db, DEMO, Licence(0, owner, kind, number, "", scope, "全国", day, later), at
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


MAPPED = {
    "知识付费": "course",
    "本地生活": "voucher",
    "营销工具": "software",
    "虚拟道具": "membership",
    "会员直充": "membership",
    "会员代充": "membership",
}


def _goods(db: Db, ctx: Context, sellers: dict[str, int], at: datetime) -> None:
    for place, goods in enumerate(GOODS):
        slug = goods.slug.split("-", maxsplit=1)[0]
        category = catalog.add_category(
            db, DEMO, Category(0, None, slug, goods.category, goods.ink, place, True, MAPPED[goods.category]), at
        )
        assert isinstance(category, Category)
        draft = Product(
            0, goods.slug, category.id, "", "", sellers[goods.seller], "", False, goods.title, goods.brand, goods.headline,
            goods.summary, goods.facts, goods.steps, goods.refund_terms, 30, None, "draft",
        )  # fmt: skip
        product = catalog.open_product(db, DEMO, draft, at)
        assert isinstance(product, Product)
        for position, (code, name, price_fen, cost_fen, stock) in enumerate(goods.skus):
            wanted = Sku(
                0,
                code,
                product.id,
                name,
                goods.kind,
                price_fen,
                None,
                list(goods.tiers),
                20,
                None,
                "",
                20,
                position,
                True,
                list(goods.form),
            )
            sku = catalog.add_sku(db, DEMO, wanted, at)
            assert isinstance(sku, Sku)
            if goods.list_price_fen and position == 0:
                _struck_price(db, sku, goods.list_price_fen, at)
            fill = _slots if goods.kind in catalog.LATER else _stock
            fill(db, ctx, sku, sellers[goods.seller], cost_fen, stock, at)
        _publish(db, product, at)


def _publish(db: Db, product: Product, at: datetime) -> None:
    """Put it on sale; where the review wants a person, the demo's reviewer is that person."""
    refusal = catalog.move_product(db, DEMO, product.id, "on_sale", "demo", at)
    if refusal is catalog.Refusal.IN_REVIEW:
        waiting = compliance.last_review(db, f"product:{product.id}")
        assert waiting is not None
        compliance.reviews.decide(db, REVIEWER, waiting.id, is_good=True, evidence="示例数据", at=at)
        refusal = catalog.move_product(db, DEMO, product.id, "on_sale", "demo", at)
    assert refusal is None, refusal


def _struck_price(db: Db, sku: Sku, list_price_fen: int, at: datetime) -> None:
    """A struck price needs deals that prove it (C-35): the demo invents a week of them."""
    catalog.note_deals(db, [(sku.id, list_price_fen, at - timedelta(days=back)) for back in range(1, 7)])
    change = PriceChange(sku.price_fen, list_price_fen, sku.tiers, at, DEMO.name, "demo")
    assert catalog.set_price(db, DEMO, sku.code, change) is None


def _stock(db: Db, ctx: Context, sku: Sku, supplier: int, cost_fen: int, stock: int, at: datetime) -> None:
    form = Format("utf-8", "dashes", ("number", "secret"), has_header=False)
    told = NewBatch(sku.id, supplier, sku.kind, "demo.txt", 0, "0" * 64, "", form, cost_fen, "demo")
    batch = cards.receive(db, ctx.ring, DEMO, told, at)
    started = cards.start(db, DEMO, batch.pool_id, at)
    assert isinstance(started, Batch)
    lines = [
        NewCard(n, f"{sku.code}-{n:05d}", _secret(), date(2027, 12, 31), None, None, "", *_label(sku, n))
        for n in range(1, stock + 1)
    ]
    cards.load(db, batch.pool_id, 0, cards.seal(ctx.ring, batch, lines, cards.reserve(db, stock)))
    cards.loaded(db, DEMO, batch.pool_id, at)
    cards.put_on_sale(db, DEMO, batch.pool_id, at)


def _label(sku: Sku, n: int) -> tuple[str, int]:
    """What shows of a card that is picked: a number, dearer where its end repeats."""
    if sku.kind != "pick":
        return "", 0
    end = str(n % 10) * 4 if n <= 10 else f"{n * 37 % 10_000:04d}"
    return f"{2_026 + n * 7}{end}", 8_800 if n in (6, 8, 9) else 2_800 if n <= 10 else 0


def _slots(db: Db, ctx: Context, sku: Sku, supplier: int, cost_fen: int, stock: int, at: datetime) -> None:
    """So many as the supplier, or the desk, will take on."""
    form = Format("utf-8", "", ("secret",), has_header=False)
    source = ("sandbox", "GY-VIP-30") if sku.kind == "on_demand" else None
    told = NewBatch(sku.id, supplier, sku.kind, "", 0, "", "", form, cost_fen, "demo", source=source)
    batch = cards.open_slots(db, ctx.ring, DEMO, told, stock, at)
    assert isinstance(batch, Batch)
    cards.put_on_sale(db, DEMO, batch.pool_id, at)


def _source(db: Db, run: Runtime, ctx: Context, supplier: int, at: datetime) -> None:
    """The sandbox's supplier of top-ups."""
    secret = (run.env.var / "sandbox" / "supply.secret").read_text()
    url = f"http://127.0.0.1:{run.env.sandbox_port}"
    new = Source("sandbox", supplier, "沙箱直充", url, "sandbox-supply-1", b"", True, "", at)
    cards.set_source(db, ctx.ring, DEMO, new, secret, at)


def _secret() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


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


def _join(run: Runtime, person_id: int, email: str, role: str) -> None:
    with run.pool.transaction() as db:
        for one in party.parties(db, role):
            party.add_member(db, DEMO, one.id, person_id, email, clock.now())


def _people(run: Runtime) -> Path:
    from allauth.account.models import EmailAddress  # noqa: PLC0415  # Django has to be set up first
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: PLC0415

    from kashu.party.models import Person  # noqa: PLC0415

    file = run.env.var / LOGINS_FILE
    if file.exists() and Person.objects.exists():
        return file
    logins = []
    for email, name, role in PEOPLE:
        password, secret = secrets.token_urlsafe(9), generate_totp_secret()
        person = Person.objects.create_user(email, password, name=name, role=role)
        EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
        TOTP.activate(person, secret)
        if role in ("buyer", "supplier"):
            _join(run, person.pk, email, role)
        logins.append({"email": email, "password": password, "totp": secret, "role": role})
    file.write_text(json.dumps(logins, indent=1))
    file.chmod(0o600)
    return file
