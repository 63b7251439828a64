"""Error pages: what failed, whether anything changed, and an error number to quote."""

from __future__ import annotations

import logging
import secrets
import sys

import psycopg
import psycopg_pool
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)
NOT_WRITTEN = (psycopg.Error, psycopg_pool.PoolTimeout, DatabaseError)
AGAIN_SECONDS = "2"
RIGHT_NAMES = {
    "orders.refund": "退款",
    "products.edit": "商品编辑",
    "batches.edit": "批次编辑",
    "batches.export": "导出卡密",
    "audit.read": "审计日志",
    "people.edit": "人员管理",
    "settings.edit": "平台设置",
    "payments.read": "支付记录",
    "channels.edit": "设置支付通道",
    "orders.claim": "售后退款",
    "accounts.read": "采购账户查看",
    "accounts.edit": "采购账户管理",
    "accounts.topup": "预付款与发票",
    "reconciliation.read": "对账查看",
    "reconciliation.edit": "对账处理",
    "buyer": "采购台",
    "supplier": "供应商台",
    "suppliers.read": "供应商查看",
    "suppliers.review": "供应商审核",
    "suppliers.sanction": "供应商处罚",
    "suppliers.deposit": "保证金登记",
    "privacy.answer": "个人信息请求",
    "reports.give": "报送",
    "orders.read": "订单查看",
    "batches.read": "批次查看",
    "products.read": "商品查看",
    "messages.read": "消息查看",
    "evidence.read": "存证导出",
    "evidence.personal": "存证含个人信息",
    "compliance.read": "合规查看",
    "compliance.edit": "合规处理",
    "complaints.read": "投诉查看",
    "complaints.decide": "投诉处理",
    "guardians.read": "监护人退款查看",
    "guardians.decide": "监护人退款处理",
}


def page(request: HttpRequest, status: int, title: str, told: str) -> HttpResponse:
    number = f"E-{secrets.token_hex(4).upper()}"
    log.info("web.error_page", extra={"status": status, "number": number})
    found = render(request, "error.html", {"title": title, "told": told, "number": number}, status=status)
    found.headers["Cache-Control"] = "no-store"
    return found


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return page(request, 404, _("没有找到这个页面"), _("地址可能写错了，或者商品已经下架。"))


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    right = str(exception) if isinstance(exception, PermissionDenied) else ""
    if right == "organisation.owner":
        return page(request, 403, _("没有权限"), _("只有本单位的负责人可以这样做。数据没有改动。"))
    named = _(RIGHT_NAMES.get(right, right))
    return page(
        request, 403, _("没有权限"), _("需要「%(right)s」权限，可以向所有者申请。数据没有改动。") % {"right": named}
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return page(request, 400, _("请求不完整"), _("数据没有改动。请返回上一页再试。"))


def broken(request: HttpRequest) -> HttpResponse:
    """Something of ours failed. What could not be written down, the trail first of all, did not happen: 503 (S-04)."""
    if isinstance(sys.exc_info()[1], NOT_WRITTEN):
        return _unavailable(request)
    return page(request, 500, _("这一步没有完成"), _("已经提交的付款不会丢失，也不会重复扣款。请稍后再试。"))


def _unavailable(request: HttpRequest) -> HttpResponse:
    told = _("这一步没有完成，没有显示任何内容。已经提交的付款不会丢失，也不会重复扣款。")
    try:
        found = page(request, 503, _("系统暂时不可用"), told)
    except NOT_WRITTEN:  # a page of ours asks the database who is signed in
        found = HttpResponse(told, status=503, content_type="text/plain; charset=utf-8")
        found.headers["Cache-Control"] = "no-store"
    found.headers["Retry-After"] = AGAIN_SECONDS
    return found


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's signature
    return page(request, 403, _("页面已过期"), _("数据没有改动。请返回上一页刷新后再试。"))
