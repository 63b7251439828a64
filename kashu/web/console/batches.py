"""Card files in: upload, check how they are read, load, put on sale; and out again by two persons."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import audit, cards, party
from kashu.audit import Approval, ApprovalRefusal, Deed
from kashu.cards import ENCODINGS, ROLES, SEPARATORS, Batch, Format, Refusal, queries
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.ids import new_id
from kashu.kernel.paging import decode_cursor
from kashu.web.console import papers
from kashu.web.console.arrivals import REFUSALS, receive
from kashu.web.console.desk import PAGE_ROWS, page_of, say, show, whole
from kashu.web.rights import actor, is_alone, needs
from kashu.web.uploads import takes_files
from kashu.wire import edge, preview, sealedzip

REJECTS_SHOWN = 20
REJECTS_AT_ONCE = 5_000
FAR = (datetime(9999, 1, 1, tzinfo=UTC), 2**62)
REASONS = {
    "duplicate_in_file": ("warn", "文件内重复", "与本文件第 %s 行相同", "已跳过，无需处理"),
    "duplicate_of_batch": ("warn", "库内重复", "与 %s 行相同", "已跳过；若应为新卡，联系供应商换卡"),
    "empty": ("bad", "空行", "卡密为空", "删除该行，或补全后重传"),
    "too_long": ("bad", "过长", "长度 %s", "核对分隔方式，或拆分后重传"),
    "bad_date": ("bad", "日期不对", "到期日读不出", "写成 2027-12-31 后重传"),
    "expired": ("bad", "已过期", "到期 %s", "联系供应商换卡"),
    "wrong_column_count": ("bad", "列数不对", "列数 %s", "核对该行的分隔符"),
    "undecodable": ("bad", "编码不对", "不是所选编码的文字", "换一种编码重传"),
    "bad_characters": ("bad", "字符不对", "含控制字符", "用文本编辑器清理后重传"),
    "bad_label": ("bad", "自选号不对", "自选号为空或超过 64 字", "补全后重传"),
    "duplicate_label": ("bad", "自选号重复", "同一规格里已有这个自选号 %s", "一个自选号只能有一张卡"),
    "bad_amount": ("bad", "金额不对", "成本或面值读不出", "写成 30.00 后重传"),
}
APPROVAL_REFUSALS = {
    ApprovalRefusal.GONE: "这项申请已经处理过了。",
    ApprovalRefusal.SAME_PERSON: "不能由申请人自己复核，请另一位同事操作。",
    ApprovalRefusal.TOO_EARLY: "单人模式的等待时间还没到。",
    ApprovalRefusal.ALREADY_ASKED: "同一批次已有未完成的导出申请。",
}


@require_GET
@needs("batches.read")
def batches(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        found = queries.batches(db, _before(request), PAGE_ROWS + 1)
    page = page_of(found, lambda row: (row.received_at.isoformat(), row.pool_id))
    return show(request, "batches", "batches", {"page": page})


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_http_methods(["GET", "POST"])
@needs("batches.edit")
@takes_files
def new_batch(request: HttpRequest) -> HttpResponse:
    error = ""
    if request.method == "POST":
        made = receive(request)
        if isinstance(made, Batch):
            return redirect("console:batch", pool_id=made.pool_id)
        error = made
    with edge.transaction() as db:
        told = {
            "skus": catalog_queries.skus(db),
            "parties": party.parties(db),
            "buyers": party.parties(db, "buyer"),
            "sources": [one for one in cards.sources(db) if one.is_open],
            "error": error,
            "form": request.POST,
        }
    return show(request, "batch_new", "batches", told | {"chosen": request.GET.get("sku", "")}, 422 if error else 200)


@require_GET
@needs("batches.read")
def batch(request: HttpRequest, pool_id: int) -> HttpResponse:
    return _batch_page(request, pool_id)


@require_GET
@needs("batches.read")
def progress(request: HttpRequest, pool_id: int) -> HttpResponse:
    """The part of the page that moves while a file is loaded."""
    with edge.transaction() as db:
        found = _found(db, pool_id)
    response = show(request, "batch_progress", "batches", {"batch": found})
    if found.state != "loading":
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
@needs("batches.edit")
def change_format(request: HttpRequest, pool_id: int) -> HttpResponse:
    told = request.POST
    columns = [one for one in told.getlist("column") if one]
    changed = {
        "encoding": told.get("encoding", ""),
        "separator": told.get("separator", "") or "none",
        "columns": ",".join(columns),
        "has_header": "yes" if told.get("has_header") else "no",
    }
    with edge.transaction() as db:
        found = _found(db, pool_id)
    try:
        form = preview.with_changes(Format.from_json(found.format), changed)
    except ValueError:
        return _batch_page(request, pool_id, _(REFUSALS[Refusal.BAD_FORMAT]), 422)
    with edge.transaction() as db:
        answer = cards.change_format(db, actor(request), pool_id, form, clock.now())
    if isinstance(answer, Refusal):
        return _batch_page(request, pool_id, _(REFUSALS[answer]), 409)
    return redirect("console:batch", pool_id=pool_id)


@require_POST
@needs("batches.edit")
def move(request: HttpRequest, pool_id: int, verb: str) -> HttpResponse:
    """Start loading, put on sale, withdraw, cancel."""
    who, reason, at = actor(request), request.POST.get("reason", "").strip()[:200], clock.now()
    if verb in ("withdraw", "cancel") and not reason:
        return _batch_page(request, pool_id, _("请写明原因。数据没有改动。"), 422)
    with edge.transaction() as db:
        _found(db, pool_id)
        if verb == "start":
            answer = cards.start(db, who, pool_id, at)
        elif verb == "sale":
            answer = cards.put_on_sale(db, who, pool_id, at)
        elif verb == "withdraw":
            answer = cards.withdraw(db, who, pool_id, reason, at)
        elif verb == "cancel":
            answer = cards.cancel(db, who, pool_id, reason, at)
        else:
            raise Http404
    if isinstance(answer, Refusal):
        return _batch_page(request, pool_id, _(REFUSALS[answer]), 409)
    return redirect("console:batch", pool_id=pool_id)


@require_GET
@needs("batches.read")
def rejects(request: HttpRequest, pool_id: int) -> HttpResponseBase:  # noqa: ARG001  # Django's signature
    """Every line turned away, as CSV, streamed; it never holds a secret."""
    with edge.transaction() as db:
        found = _found(db, pool_id)
    headers = {"Content-Disposition": f'attachment; filename="{found.code}-rejects.csv"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(_reject_lines(pool_id), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@needs("batches.edit")
def change_content(request: HttpRequest, pool_id: int) -> HttpResponse:
    """Change a shared secret once for all later buyers, or raise its cap; a second person confirms either."""
    told = request.POST
    with edge.transaction() as db:
        _found(db, pool_id)
        if "more" in told:
            more = whole(told["more"], 10_000)
            if not more:
                return _batch_page(request, pool_id, _("增加的份数应为 1 到 10000 的整数。"), 422)
            answer: object = cards.add_slots(db, actor(request), pool_id, more, clock.now())
        else:
            content = (told.get("number", "").strip(), told.get("secret", "").strip())
            if not content[1] or len(content[1]) > 512 or len(content[0]) > 128:
                return _batch_page(request, pool_id, _("卡密必填，最多 512 个字符。"), 422)
            answer = cards.change_content(db, edge.ctx().ring, actor(request), pool_id, content, clock.now())
    if isinstance(answer, Refusal):
        return _batch_page(request, pool_id, _(REFUSALS[answer]), 409)
    waits = not isinstance(answer, Batch) or answer.kind in cards.BOUGHT
    say(request, _("已登记。由另一人确认收货后再上架。") if waits else _("份数已增加。"))
    return redirect("console:batch", pool_id=pool_id)


@require_POST
@needs("batches.export")
def ask_export(request: HttpRequest, pool_id: int) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:200]
    if not reason:
        return _batch_page(request, pool_id, _("请写明导出原因。数据没有改动。"), 422)
    with edge.transaction() as db:
        found = _found(db, pool_id)
        house = party.platform(db)
        is_solo = house.is_solo and is_alone("batches.export")
        wait = house.solo_wait_seconds if is_solo else None
        asked = audit.ask(
            db, actor(request), "batch.export", ("batch", found.code), {"pool_id": pool_id},
            reason=reason, solo_wait_seconds=wait, at=clock.now(),
        )  # fmt: skip
    if isinstance(asked, ApprovalRefusal):
        return _batch_page(request, pool_id, _(APPROVAL_REFUSALS[asked]), 409)
    say(
        request,
        _("已申请导出。") + (_("单人模式：等待结束后由你再次确认。") if is_solo else _("请另一位同事复核。")),
    )
    return redirect("console:batch", pool_id=pool_id)


@require_POST
@needs("batches.export")
@reauthentication_required
def confirm_export(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """The second person's yes: the file is made in the same transaction, and its password shown this once."""
    at = clock.now()
    with edge.transaction() as db:
        answer = audit.confirm(db, actor(request), approval_id, at, is_alone=is_alone("batches.export"))
        made = _make_export(db, request, answer, at) if isinstance(answer, Approval) else None
    if isinstance(answer, ApprovalRefusal) or made is None:
        refusal = APPROVAL_REFUSALS[answer] if isinstance(answer, ApprovalRefusal) else ""
        say(request, _(refusal) if refusal else _("导出没有完成。"), is_bad=True)
        return redirect("console:batches")
    if isinstance(made, Refusal):
        say(request, _(REFUSALS[made]), is_bad=True)
        return redirect("console:batch", pool_id=int(answer.body["pool_id"]))
    response = show(request, "export_made", "batches", {"made": made, "approval": answer})
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@needs("batches.export")
def cancel_export(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        refusal = audit.cancel(db, actor(request), approval_id, clock.now())
    say(request, _(APPROVAL_REFUSALS[refusal]) if refusal else _("申请已撤回。"), is_bad=refusal is not None)
    return redirect("console:batches")


@require_GET
@needs("batches.export")
def export_file(request: HttpRequest, export_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = cards.export(db, export_id)
        if found is None:
            raise Http404
        pool_id, many, content, _made_at = found
        named = _found(db, pool_id).code
        deed = Deed(actor(request), "batch.export_file", "batch", named, after={"cards": many}, pool_id=pool_id)
        audit.record(db, [deed], clock.now())
    headers = {"Content-Disposition": f'attachment; filename="{named}.zip"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/zip", headers=headers)


def _make_export(db: Db, request: HttpRequest, approval: Approval, at: datetime) -> dict[str, Any] | Refusal:
    pool_id = int(approval.body["pool_id"])
    opened = cards.export_unsold(db, edge.ctx().ring, actor(request), pool_id, approval.id, at)
    audit.finish(db, approval.id, at)
    if isinstance(opened, Refusal):
        return opened
    password, export_id = sealedzip.new_password(), new_id()
    content = sealedzip.seal(opened, approval.object_id, password)
    cards.keep_export(db, export_id, pool_id, len(opened), content, actor(request).name, at)
    return {"id": export_id, "password": password, "cards": len(opened), "pool_id": pool_id}


def _batch_page(request: HttpRequest, pool_id: int, error: str = "", status: int = 200) -> HttpResponse:
    with edge.transaction() as db:
        found = _found(db, pool_id)
        told: dict[str, Any] = {
            "batch": found,
            "sku": next((one for one in catalog_queries.skus(db) if one.id == found.sku_id), None),
            "supplier": next((one for one in party.parties(db) if one.id == found.supplier_id), None),
            "stock": cards.stock(db, [pool_id]).get(pool_id, cards.Stock()),
            "reasons": cards.reject_counts(db, pool_id) if found.rejected else {},
            "rejects": cards.rejects(db, pool_id, 0, REJECTS_SHOWN) if found.rejected else [],
            "redeemer": None if found.redeemer_id is None else party.party(db, found.redeemer_id),
            "trail": audit.entries_of(db, pool_id, "batch", found.code),
            "contents": cards.contents(db, pool_id) if found.kind == "shared_secret" else [],
            "exports": cards.exports_of(db, pool_id),
            "file_kinds": cards.FILE_KINDS,
            "slot_kinds": cards.SLOT_KINDS,
            "approvals": [one for one in audit.open_approvals(db) if one.object_id == found.code],
            "papers": papers.told_of(db, found, is_checked="check" in request.GET),
        }
    told["error"] = error
    told["shown"] = [_reject(one) for one in told["rejects"]]
    if found.state == "uploaded" and found.spool:
        form = Format.from_json(found.format)
        told |= {
            "form": form,
            "rows": preview.sample(edge.ctx(), found.spool, form, biz_date(clock.now())),
            "reason_words": {name: _(told[1]) for name, told in REASONS.items()},
            "encodings": ENCODINGS,
            "separators": SEPARATORS,
            "roles": ROLES,
            "slots": range(max(len(form.columns), 6)),
        }
    return show(request, "batch", "batches", told, status)


def _reject(one: cards.Reject) -> dict[str, Any]:
    tone, word, why, what = REASONS[one.reason]
    told = _(why) % one.detail if "%s" in _(why) else _(why)
    return {"line_no": one.line_no, "tone": tone, "word": _(word), "why": told, "what": _(what)}


def _reject_lines(pool_id: int) -> Iterator[str]:
    class Echo:
        def write(self, line: str) -> str:
            return line

    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow([_("行号"), _("类型"), _("原因"), _("怎么处理")])
    after = 0
    while True:
        with edge.transaction() as db:
            found = cards.rejects(db, pool_id, after, REJECTS_AT_ONCE)
        for one in found:
            shown = _reject(one)
            yield writer.writerow([one.line_no, shown["word"], shown["why"], shown["what"]])
        if len(found) < REJECTS_AT_ONCE:
            return
        after = found[-1].line_no


def _found(db: Db, pool_id: int) -> Batch:
    found = cards.batch(db, pool_id)
    if found is None:
        raise Http404
    return found


def _before(request: HttpRequest) -> tuple[datetime, int]:
    key = decode_cursor(request.GET.get("after", ""), 2)
    try:
        return FAR if key is None else (datetime.fromisoformat(str(key[0])), whole(str(key[1]), 2**62) or 0)
    except ValueError:
        return FAR
