"""The till's addresses on the web lane, each as a batch of one."""

from __future__ import annotations

from functools import lru_cache

import psycopg
import psycopg_pool
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from kashu.kernel import clock
from kashu.wire import callbacks, edge, health, metrics, posting
from kashu.wire.callbacks import Answer
from kashu.wire.open import bulk, document
from kashu.wire.open.desk import BODY_BYTES_MAX, Desk
from kashu.wire.open.messages import Request, Response
from kashu.wire.open.problems import problem
from kashu.wire.pay.protocol import RefundNotice

TEXT = "text/plain; charset=utf-8"


@csrf_exempt  # signed, and no cookie counts here
def open_api(request: HttpRequest, rest: str) -> HttpResponseBase:  # noqa: ARG001  # the whole path is read from the request
    """Any address of the open API."""
    if int(request.headers.get("Content-Length") or 0) > BODY_BYTES_MAX:
        told = problem("too_large")
    else:
        query = request.META.get("QUERY_STRING", "")
        headers = {name.lower(): text for name, text in request.headers.items()}
        asked = Request(request.method or "", request.path, query, headers, request.body)
        told = _desk().serve(asked, clock.now())
    return _respond(told)


@require_GET
def openapi(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """The document that describes every address of machines."""
    return HttpResponse(document.text(edge.ctx().public_url), content_type="application/json")


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """The same for people."""
    return render(request, "api/docs.html", document.for_people(edge.ctx().public_url))


@csrf_exempt
@require_POST
def callback(request: HttpRequest, channel_id: str) -> HttpResponseBase:
    """A payment channel's notice. `success` means it is stored; anything else, send it again."""
    try:
        told = _callback(request, channel_id)
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        told = Answer(503, "try again")
    again = 2 if told.status == 503 else None
    return _respond(Response(told.status, told.body.encode(), told.content_type, retry_after=again))


@csrf_exempt
@require_POST
def receipts(request: HttpRequest, sender_id: str) -> HttpResponseBase:  # noqa: ARG001  # the whole path is read from the request
    """What a vendor says about messages it was given."""
    try:
        if int(request.headers.get("Content-Length") or 0) > posting.BODY_BYTES_MAX:
            told = Answer(413, "too large")
        else:
            ctx, query = edge.ctx(), request.META.get("QUERY_STRING", "")
            told = posting.receipts(ctx.pool, ctx.ring, request.path, query, request.body, clock.now())
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        told = Answer(503, "try again")
    return _respond(Response(told.status, told.body.encode(), TEXT, retry_after=2 if told.status == 503 else None))


@require_GET
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """The process lives."""
    return HttpResponse("ok", content_type=TEXT)


@require_GET
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """The process can do its work."""
    is_ready, told = health.ready(edge.ctx().pool, clock.now())
    return JsonResponse(told, status=200 if is_ready else 503)


@require_GET
def prometheus(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """This process's metrics as Prometheus text."""
    page, content_type = metrics.page()
    return HttpResponse(page, content_type=content_type)


def _callback(request: HttpRequest, channel_id: str) -> Answer:
    if int(request.headers.get("Content-Length") or 0) > callbacks.BODY_BYTES_MAX:
        return Answer(413, "too large")
    with edge.transaction() as db:
        channel = callbacks.channels(db).get(channel_id)
    headers = {name.lower(): text for name, text in request.headers.items()}
    at = clock.now()
    found = callbacks.read(edge.ctx(), channel, headers, request.body, at)
    if isinstance(found, Answer):
        return found
    assert channel is not None, "a notice was verified by a channel's keys"
    if isinstance(found, RefundNotice):
        callbacks.take_refund(edge.ctx().pool, found, at)
    else:
        callbacks.settle_all(edge.ctx().pool, [found], at)
    return callbacks.answer(channel)


@lru_cache(maxsize=1)
def _desk() -> Desk:
    return Desk(edge.ctx())


def _respond(told: Response) -> HttpResponseBase:
    headers = {"Cache-Control": "no-store", **dict(told.headers)}
    if told.retry_after is not None:
        headers["Retry-After"] = str(told.retry_after)
    if told.stretch is not None:
        coming = bulk.pieces(edge.ctx().pool, told.stretch)
        headers["Content-Length"] = str(told.length)
        return StreamingHttpResponse(coming, status=told.status, content_type=told.content_type, headers=headers)
    return HttpResponse(told.body, status=told.status, content_type=told.content_type, headers=headers)


urlpatterns = [
    path("open/v1/openapi.json", openapi),
    path("open/v1/docs", docs, name="api-docs"),
    path("open/v1/<path:rest>", open_api),
    path("callbacks/messages/<str:sender_id>", receipts),
    path("callbacks/<str:channel_id>", callback),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", prometheus),
]
