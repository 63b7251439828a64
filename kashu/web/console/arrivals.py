"""Stock that comes in: a file of cards, slots of a shared secret or of what is issued, codes of our own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.http import HttpRequest
from django.utils.translation import gettext as _

from kashu import cards, party, sales
from kashu.cards import Batch, Format, NewBatch, Refusal
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.kernel.money import parse_yuan
from kashu.web.console.desk import whole
from kashu.web.rights import actor
from kashu.web.uploads import SealedFile
from kashu.wire import edge, preview

REFUSALS = {
    Refusal.NO_SUCH_BATCH: "没有这个批次。",
    Refusal.WRONG_STATE: "批次状态已经变化，请刷新后再试。数据没有改动。",
    Refusal.NOTHING_UNSOLD: "没有未售出的卡密可导出。",
    Refusal.WRONG_KIND: "这种库存不支持该操作。",
    Refusal.KNOWN_SECRET: "这个卡密已经在库里，不能重复使用。",
    Refusal.BAD_CHARACTERS: "卡密里有控制字符，请清理后再提交。",
    Refusal.GUESSABLE: "随机位太少，容易被猜中。请增加 * 号，或减少数量。",
    Refusal.NO_SOURCE: "请选择这家供应商已启用的直充货源。没有货源先到「设置」登记。",
    Refusal.NO_DOCUMENT: "还没有登记采购凭证，不能上架。",
    Refusal.NOT_CONFIRMED: "收货还没有由第二人确认，不能上架。",
    Refusal.NOT_AUTHORISED: "这件商品须有品牌授权，批次没有有效的授权，不能上架。",
    Refusal.NOT_PROBED: "供应商还没有答复抽检，不能上架。",
    Refusal.BLOCKED: "销售方或供应商现在不能上新（资质、复核、保证金、处罚或名单），不能上架。",
    Refusal.FROZEN: "批次已冻结，须先由另一人查明并解除。",
    Refusal.SAME_PERSON: "收货人不能自己解除冻结，请另一位同事操作。",
    Refusal.NO_REASON: "请写明查明的情况。数据没有改动。",
    Refusal.BAD_FORMAT: "列设置不对：必须有且只有一列是卡密，其余列不能重复。",
}


def receive(request: HttpRequest) -> Batch | str:
    """Take in what the form brings, by the kind of its SKU; or say why not."""
    told = request.POST
    with edge.transaction() as db:
        skus = {one.code: one for one in catalog_queries.skus(db)}
        suppliers = {one.id for one in party.parties(db)}
    sku, cost = skus.get(told.get("sku", "")), parse_yuan(told.get("cost", ""))
    supplier = whole(told.get("supplier", ""), 2**62) or 0
    if sku is None or supplier not in suppliers:
        return _("请选择规格和供应商。")
    if cost is None:
        return _("单张成本应为元，最多两位小数。")
    if sku.kind not in cards.FILE_KINDS:
        return _take_slots(request, sku, supplier, cost)
    if sku.kind == "own_code":
        return _take_codes(request, sku, supplier, cost)
    return receive_file(request, sku, supplier, cost)


def receive_file(
    request: HttpRequest, sku: catalog_queries.SkuRow, supplier: int, cost: int, unread: Collection[str] = ()
) -> Batch | str:
    """A file of cards, of whoever was let in for this SKU; how it is read is detected and confirmed afterwards.

    Columns that are not for whoever brings the file to fill in, such as their price, are left `unread`.
    """
    told, upload = request.POST, request.FILES.get("file")
    if not isinstance(upload, SealedFile) or not upload.kept.size:
        return _("请选择一个不为空、不超过 200 MB 的文件。")
    form = preview.format_of(edge.ctx(), upload.kept.name)
    form = replace(form, columns=tuple("-" if one in unread else one for one in form.columns))
    new = NewBatch(
        sku.id, supplier, sku.kind, (upload.name or "")[:120], upload.kept.size, upload.kept.sha256, upload.kept.name, form,
        cost, told.get("note", "").strip()[:200], preview.count_lines(edge.ctx(), upload.kept.name, form),
    )  # fmt: skip
    with edge.transaction() as db:
        received = cards.receive(db, edge.ctx().ring, actor(request), new, clock.now())
    upload.is_kept = True
    return received


def _take_slots(request: HttpRequest, sku: catalog_queries.SkuRow, supplier: int, cost: int) -> Batch | str:
    """So many of one secret (循环卡), or so many as can be issued or done by hand (直充, 代充)."""
    told = request.POST
    content, cap = (told.get("number", "").strip(), told.get("secret", "").strip()), whole(told.get("cap", ""), 100_000)
    is_shared = sku.kind == "shared_secret"
    if is_shared and (not content[1] or len(content[1]) > 512 or len(content[0]) > 128):
        return _("循环卡需要填写卡密，最多 512 个字符。")
    if not cap:
        return _("可售份数应为 1 到 100000 的整数。")
    form = Format("utf-8", "", ("secret",), has_header=False)
    source = (told.get("source", "")[:32], told.get("source_code", "").strip()[:64])
    if not all(text.isprintable() for text in source):
        return _(REFUSALS[Refusal.NO_SOURCE])
    new = NewBatch(
        sku.id, supplier, sku.kind, "", 0, "", "", form, cost, told.get("note", "").strip()[:200],
        source=source if sku.kind == "on_demand" else None,
    )  # fmt: skip
    with edge.transaction() as db:
        if is_shared:
            answer = cards.open_shared(db, edge.ctx().ring, actor(request), new, content, cap, clock.now())
        else:
            answer = cards.open_slots(db, edge.ctx().ring, actor(request), new, cap, clock.now())
    return _(REFUSALS[answer]) if isinstance(answer, Refusal) else answer


def _take_codes(request: HttpRequest, sku: catalog_queries.SkuRow, supplier: int, cost: int) -> Batch | str:
    """Codes of our own, made by rule."""
    told = request.POST
    many = whole(told.get("count", ""), 1_000_000)
    if not many:
        return _("自发码数量应为 1 到 1000000 的整数。")
    rule = (told.get("pattern", "").strip().upper()[:64], told.get("alphabet", ""))
    redeemer = told.get("redeemer", "")
    redeemer_id = whole(redeemer, 2**62)
    with edge.transaction() as db:  # who redeems has an account: its machines and its desk work through it
        if redeemer and (redeemer_id is None or sales.account_of(db, redeemer_id) is None):
            return _("请选择已开户的核销方。")
    form = Format("utf-8", "", ("secret",), False, *rule)
    new = NewBatch(
        sku.id, supplier, sku.kind, rule[0], 0, "", "", form, cost, told.get("note", "").strip()[:200], many,
        redeemer_id=redeemer_id,
    )  # fmt: skip
    with edge.transaction() as db:
        answer = cards.open_codes(db, edge.ctx().ring, actor(request), new, clock.now())
    if answer is Refusal.BAD_FORMAT:
        return _("规则只用大写字母、数字、连字符和 * 号（随机位），末尾可加 ? 作校验位，最多 40 个字符。")
    return _(REFUSALS[answer]) if isinstance(answer, Refusal) else answer
