"""What `bench page` compares with: a Django page of one query, under the same server, settings and middleware."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kashu.server.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

application = get_wsgi_application()
settings.ROOT_URLCONF = "bench.one_query"


def page(request: HttpRequest) -> HttpResponse:
    from kashu.party.models import Person

    return render(request, "store/home.html", {"window": [], "licences": [], "people": Person.objects.count()})


urlpatterns = [path("one", page)]
