"""The goods of the demo shop, with their cards and the papers that every card needs. All of it is invented."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kashu import cards, catalog, compliance
from kashu.audit import Actor
from kashu.cards import Batch, Format, NewBatch, NewCard, Papers
from kashu.catalog import Category, PriceChange, Product, Sku
from kashu.compliance import Authorisation
from kashu.kernel.db import Db
from kashu.kernel.ids import ALPHABET
from kashu.wire.context import Context

DEMO = Actor("system", "demo")
REVIEWER = Actor("person", "compliance@kashu.example")
EVERYWHERE = ["全国"]
PAPER = b"%PDF-1.4\n% demo\n"  # stands for a scan


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


MAPPED = {
    "知识付费": "course",
    "本地生活": "voucher",
    "营销工具": "software",
    "虚拟道具": "membership",
    "会员直充": "membership",
    "会员代充": "membership",
}


def open_goods(db: Db, ctx: Context, sellers: dict[str, int], at: datetime) -> None:
    _authorise(db, ctx, sellers, at)
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


def _authorise(db: Db, ctx: Context, sellers: dict[str, int], at: datetime) -> None:
    """Each brand lets its seller sell; one passes the right on to the platform, so that there is a chain to be seen."""
    for goods in GOODS:
        root = _link(db, ctx, goods, (goods.brand, None, sellers[goods.seller]), None, at)
        if goods.seller:
            _link(db, ctx, goods, (goods.seller, sellers[goods.seller], sellers[""]), root.id, at)


def _link(
    db: Db, ctx: Context, goods: Goods, parties: tuple[str, int | None, int], parent: int | None, at: datetime
) -> Authorisation:
    grantor, grantor_id, grantee = parties
    number = f"SQ-{goods.slug[:2].upper()}-{1 if parent is None else 2}（示例）"
    file = compliance.licences.keep_file(db, ctx.ring, DEMO, "示例授权书.pdf", PAPER + number.encode(), at)
    assert isinstance(file, bytes)
    new = Authorisation(
        0, parent, grantor, grantor_id, grantee, number, goods.brand, [MAPPED[goods.category]], EVERYWHERE, bool(goods.seller),
        True, parent is None, date(2025, 3, 18), date(2030, 3, 17), file_sha256=file,
    )  # fmt: skip
    taken = compliance.authorisations.register(db, DEMO, new, at)
    assert isinstance(taken, Authorisation), taken
    good = compliance.authorisations.decide(db, REVIEWER, taken.id, is_good=True, reason="示例数据", at=at)
    assert isinstance(good, Authorisation), good
    return good


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
    loaded = cards.loaded(db, DEMO, batch.pool_id, at)
    assert isinstance(loaded, Batch)
    [link] = cards.fitting(db, loaded, at)[:1]
    papers = Papers(f"HT-2026-{batch.pool_id:03d}（示例）", loaded.cost_fen, loaded.accepted, link.id)
    assert isinstance(cards.attach(db, DEMO, batch.pool_id, papers, at), Batch)
    assert isinstance(cards.confirm(db, REVIEWER, batch.pool_id, at), Batch)
    assert isinstance(cards.put_on_sale(db, DEMO, batch.pool_id, at), Batch)


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
    [link] = cards.fitting(db, batch, at)[:1]
    assert isinstance(cards.attach(db, DEMO, batch.pool_id, Papers("", 0, 0, link.id), at), Batch)
    assert isinstance(cards.put_on_sale(db, DEMO, batch.pool_id, at), Batch)


def _secret() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))
