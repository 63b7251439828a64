"""Bringing a database up to date, as the owner of its tables."""

from __future__ import annotations

import os

import django
from django.core.management import call_command

from kashu.server import roles
from kashu.server.runtime import Runtime


def set_up_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kashu.server.settings")
    django.setup()


def migrate(run: Runtime, verbosity: int = 0) -> bool:
    """Apply what is missing and grant the application's role its rights; False when there is only one role."""
    set_up_django()
    call_command("migrate", database="owner", verbosity=verbosity, interactive=False)
    return roles.grant(run.owner_dsn, run.dsn)
