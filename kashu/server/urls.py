"""Every address of the web lane."""

from __future__ import annotations

from django.urls import include, path

from kashu.server.runtime import runtime
from kashu.server.wiring import context
from kashu.web.joining import join
from kashu.wire import edge

edge.install(context(runtime()))

urlpatterns = [
    path("", include("kashu.web.store.urls")),
    path("console/", include("kashu.web.console.urls")),
    path("desk/", include("kashu.web.desk.urls")),
    path("buyer/", include("kashu.web.buyer.urls")),
    path("supplier/", include("kashu.web.supplier.urls")),
    path("join/<str:token>", join, name="join"),
    path("accounts/", include("kashu.web.account_urls")),
    path("", include("kashu.api.routes")),
]
handler400 = "kashu.web.errors.bad_request"
handler403 = "kashu.web.errors.denied"
handler404 = "kashu.web.errors.not_found"
handler500 = "kashu.web.errors.broken"
