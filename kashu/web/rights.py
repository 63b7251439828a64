"""Who may do what, by role. A view names the right it needs; a template asks the same table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from kashu.audit import Actor
from kashu.party.models import MEMBER, Person

READ = {"dashboard", "orders.read", "products.read", "batches.read", "accounts.read", "messages.read"}
RIGHTS: dict[str, frozenset[str]] = {
    "owner": frozenset(
        READ
        | {
            "products.edit",
            "batches.edit",
            "batches.confirm",
            "batches.export",
            "orders.refund",
            "orders.claim",
            "audit.read",
            "people.edit",
            "settings.edit",
            "payments.read",
            "channels.edit",
            "accounts.edit",
            "accounts.topup",
            "orders.fulfil",
            "reconciliation.read",
            "reconciliation.edit",
            "evidence.read",
            "evidence.personal",
            "suppliers.read",
            "suppliers.review",
            "suppliers.sanction",
            "suppliers.deposit",
            "privacy.answer",
            "reports.give",
            "compliance.read",
            "compliance.edit",
            "complaints.read",
            "complaints.decide",
            "compensations.read",
            "guardians.read",
            "guardians.decide",
        }
    ),
    "compliance": frozenset(
        {
            "dashboard",
            "orders.read",
            "products.read",
            "batches.read",
            "batches.confirm",
            "audit.read",
            "compliance.read",
            "compliance.edit",
            "evidence.read",
            "suppliers.read",
            "suppliers.review",
            "suppliers.sanction",
            "privacy.answer",
            "reports.give",
            "complaints.read",
            "complaints.decide",
            "compensations.read",
            "guardians.read",
            "guardians.decide",
        }
    ),
    "operator": frozenset(
        READ
        | {
            "complaints.read",
            "compensations.read",
            "suppliers.read",
            "products.edit",
            "batches.edit",
            "batches.confirm",
            "batches.export",
            "accounts.edit",
            "orders.fulfil",
        }
    ),
    "finance": frozenset(
        READ
        | {
            "orders.refund",
            "orders.claim",
            "payments.read",
            "batches.confirm",
            "batches.export",
            "accounts.topup",
            "reconciliation.read",
            "reconciliation.edit",
            "evidence.read",
            "suppliers.read",
            "suppliers.deposit",
            "guardians.read",
            "guardians.decide",
            "compensations.read",
        }
    ),
    "support": frozenset(
        {
            "dashboard",
            "orders.read",
            "orders.refund",
            "orders.claim",
            "orders.fulfil",
            "products.read",
            "messages.read",
            "complaints.read",
            "complaints.decide",
            "compensations.read",
        }
    ),
    "auditor": frozenset(
        READ
        | {
            "audit.read",
            "payments.read",
            "reconciliation.read",
            "compliance.read",
            "evidence.read",
            "evidence.personal",
            "suppliers.read",
            "complaints.read",
            "guardians.read",
            "compensations.read",
        }
    ),
    MEMBER: frozenset({"buyer", "supplier"}),  # the portals, each for the organisations of its kind they work for
}
TWO_PERSONS = (
    "batches.confirm",
    "batches.export",
    "accounts.topup",
    "orders.claim",
    "reconciliation.edit",
    "suppliers.review",
    "suppliers.deposit",
    "compliance.edit",
    "guardians.decide",
)  # what one person may not do alone
View = Callable[..., HttpResponseBase]


def may(person: object, right: str) -> bool:
    return isinstance(person, Person) and person.is_active and right in RIGHTS[person.role]


def needs(right: str) -> Callable[[View], View]:
    """Open a view to those who have a right; others are told which one and who can grant it."""

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, right):
                raise PermissionDenied(right)
            return view(request, *args, **kwargs)

        guarded.right = right  # type: ignore[attr-defined]  # for who goes through all addresses
        return guarded

    return wrap


def able(right: str) -> list[str]:
    """Those who have a right, by their addresses."""
    roles = [role for role, rights in RIGHTS.items() if right in rights]
    return list(Person.objects.filter(is_active=True, role__in=roles).values_list("email", flat=True))


def is_alone(right: str) -> bool:
    """Whether at most one person could confirm what needs two."""
    roles = [role for role, rights in RIGHTS.items() if right in rights]
    return Person.objects.filter(is_active=True, role__in=roles).count() < 2


def actor(request: HttpRequest) -> Actor:
    return Actor("person", cast("Person", request.user).email)
