"""The till's addresses on the web lane, each as a batch of one, and the document that describes them."""

from __future__ import annotations

from typing import Any

import psycopg
import psycopg_pool
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema, Status

from kashu import __version__
from kashu.kernel import clock
from kashu.wire import callbacks, edge, health, metrics
from kashu.wire.callbacks import Answer
from kashu.wire.sandboxpay import BODY_BYTES_MAX

api = NinjaAPI(
    title="Kashu 卡枢",
    version=__version__,
    description="The addresses of machines. The till answers them in batches, the web lane one at a time, alike.",
    docs_url=None,
    openapi_url="/open/v1/openapi.json",
    urls_namespace="api",
)


class Readiness(Schema):
    """The state of what the lanes need."""

    database: str
    worker: str
    clock: str


@api.post("/callbacks/{channel_id}", tags=["payments"], response={200: str, 401: str, 404: str, 413: str, 503: str})
def callback(request: HttpRequest, channel_id: str) -> HttpResponse:
    """A payment channel's notice. `success` means it is stored; anything else, send it again."""
    try:
        told = _callback(request, channel_id)
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        told = Answer(503, "try again")
    response = HttpResponse(told.body, status=told.status, content_type="text/plain; charset=utf-8")
    if told.status == 503:
        response.headers["Retry-After"] = "2"
    return response


@api.get("/healthz", tags=["health"], response=str)
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # ninja's signature
    """The process lives."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@api.get("/readyz", tags=["health"], response={200: Readiness, 503: Readiness})
def readyz(request: HttpRequest) -> Any:  # noqa: ARG001  # ninja's signature
    """The process can do its work."""
    is_ready, told = health.ready(edge.ctx().pool, clock.now())
    return Status(200 if is_ready else 503, told)


@api.get("/metrics", tags=["health"], response=str)
def prometheus(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # ninja's signature
    """This process's metrics as Prometheus text."""
    page, content_type = metrics.page()
    return HttpResponse(page, content_type=content_type)


def _callback(request: HttpRequest, channel_id: str) -> Answer:
    if int(request.headers.get("Content-Length") or 0) > BODY_BYTES_MAX:
        return Answer(413, "too large")
    with edge.transaction() as db:
        channel = callbacks.channels(db).get(channel_id)
    headers = {name.lower(): text for name, text in request.headers.items()}
    at = clock.now()
    found = callbacks.read(channel, headers, request.body, at)
    if isinstance(found, Answer):
        return found
    [verdict] = callbacks.settle_all(edge.ctx().pool, [found], at)
    return callbacks.answer(verdict)
