"""The house: people, solo mode, sellers and licences, channels, the trail, what calls for a look."""

from __future__ import annotations

import re
import secrets
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, cards, catalog, party, payments
from kashu.audit import Deed
from kashu.catalog import FeeRule, Refusal
from kashu.kernel import clock
from kashu.kernel.clock import day_start
from kashu.kernel.money import parse_yuan
from kashu.party import Party, Platform
from kashu.party.models import STAFF_ROLES, Person
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, show, whole
from kashu.web.rights import TWO_PERSONS, actor, is_alone, needs
from kashu.wire import edge

EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,120}\.[^@\s]{2,}$")
BASE_PATH = re.compile(r"[A-Za-z0-9._~/-]*\Z")
SOURCE_ID = re.compile(r"^[a-z0-9][a-z0-9-]{1,31}$")
TEXT_MAX = 120
FEE_BP_MAX = 10_000


@require_GET
@needs("dashboard")
def settings(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, fresh: dict[str, str] | None = None) -> HttpResponse:
    """The page; a first password is in the answer that made it, and nowhere else."""
    with edge.transaction() as db:
        told: dict[str, Any] = {
            "platform": party.platform(db),
            "parties": party.parties(db),
            "channels": payments.channels(db).values(),
            "approvals": audit.open_approvals(db),
            "fees": catalog.fee_rules(db),
            "categories": catalog.categories(db),
            "sources": cards.sources(db),
        }
        restricted = party.restricted(db)
    told |= {
        "people": Person.objects.exclude(pk__in=restricted).order_by("id"),
        "roles": STAFF_ROLES,
        "fresh": fresh,
    }
    return show(request, "settings", "settings", told)


@require_POST
@needs("settings.edit")
@reauthentication_required
def solo(request: HttpRequest) -> HttpResponse:
    """Solo mode on or off (design §5a). It cannot hide a second person: with two owners it stays off."""
    wanted = request.POST.get("is_solo") == "yes"
    if wanted and not any(is_alone(right) for right in TWO_PERSONS):
        say(request, _("还有其他可以复核的同事，不能开启单人模式。数据没有改动。"), is_bad=True)
        return redirect("console:settings")
    with edge.transaction() as db:
        before = party.platform(db)
        party.choose_solo(db, actor(request), Platform(wanted, before.solo_wait_seconds), clock.now())
    say(request, _("单人模式已开启，敏感操作会等待并要求再次确认。") if wanted else _("单人模式已关闭。"))
    return redirect("console:settings")


@require_POST
@needs("people.edit")
@reauthentication_required
def add_person(request: HttpRequest) -> HttpResponse:
    """Open an account; its first password is shown once, its second factor is set up at the first sign-in."""
    told = request.POST
    email, name, role = told.get("email", "").strip().lower(), told.get("name", "").strip()[:60], told.get("role", "")
    if not EMAIL.match(email) or not name or role not in STAFF_ROLES:
        say(request, _("邮箱、姓名和角色都要填写正确。数据没有改动。"), is_bad=True)
        return redirect("console:settings")
    password = secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email, password, name=name, role=role)
            EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
            _record(request, "person.open", str(person.pk), {"role": role})
    except IntegrityError:
        say(request, _("这个邮箱已有账号。数据没有改动。"), is_bad=True)
        return redirect("console:settings")
    return _page(request, {"email": email, "password": password})


@require_POST
@needs("people.edit")
@reauthentication_required
def change_person(request: HttpRequest, person_id: int) -> HttpResponse:
    """Change a role, or close and reopen an account. The last owner stays, and people of suppliers and buyers get no role."""
    person = Person.objects.filter(pk=person_id).first()
    is_staff, active = person is not None and person.role in STAFF_ROLES, request.POST.get("is_active") == "yes"
    role = request.POST.get("role", "") if person is None or is_staff else person.role
    if person is None or (is_staff and role not in STAFF_ROLES):
        say(request, _("没有这位同事。数据没有改动。"), is_bad=True)
        return redirect("console:settings")
    others = Person.objects.filter(is_active=True, role="owner").exclude(pk=person_id).exists()
    if person.role == "owner" and not others and (role != "owner" or not active):
        say(request, _("至少要保留一位所有者。数据没有改动。"), is_bad=True)
        return redirect("console:settings")
    before = {"role": person.role, "is_active": person.is_active}
    person.role, person.is_active = role, active
    with transaction.atomic():
        person.save(update_fields=["role", "is_active"])
        _record(request, "person.change", str(person_id), {"role": role, "is_active": active}, before)
    if before != {"role": role, "is_active": active}:  # nothing that was open before is open in the new role, or again
        for session in UserSession.objects.filter(user=person):
            session.end()
    say(request, _("已保存。"))
    return redirect("console:settings")


@require_POST
@needs("settings.edit")
def add_party(request: HttpRequest) -> HttpResponse:
    """Take a supplier in at once, for a demo; in production it is onboarded at the desk."""
    if edge.ctx().is_behind_proxy:
        return redirect("desk:suppliers")
    told = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("name", "uscc", "address", "contact")}
    with edge.transaction() as db:
        is_good = bool(told["name"]) and not party.is_name_taken(db, told["name"])
        if is_good:
            opened = party.open_party(db, actor(request), Party(0, "supplier", **told, state="active"), clock.now())
            party.take_in(db, actor(request), opened.id, clock.now())
    if not is_good:
        say(request, _("供应商名称必填，且不能重复。数据没有改动。"), is_bad=True)
    else:
        say(request, _("供应商已登记。"))
    return redirect("console:settings")


@require_POST
@needs("settings.edit")
@reauthentication_required
def add_fee(request: HttpRequest) -> HttpResponse:
    """Agree on a commission for third-party goods, from now or from the beginning of a later day."""
    told, at = request.POST, clock.now()
    percent, begin, end = (told.get(name, "").strip() for name in ("percent", "begin", "end"))
    rate = parse_yuan(percent)  # hundredths of a per cent are basis points, as hundredths of a yuan are fen
    try:
        effective_at = max(at, day_start(date.fromisoformat(begin))) if begin else at
        ends_at = day_start(date.fromisoformat(end) + timedelta(days=1)) if end else None
    except (ValueError, OverflowError):
        rate, effective_at, ends_at = None, at, None
    with edge.transaction() as db:
        sellers = {str(one.id): one.id for one in party.parties(db, "supplier")}
        categories = {str(one.id): one.id for one in catalog.categories(db)}
        seller, category = sellers.get(told.get("seller", "")), categories.get(told.get("category", ""))
        done: FeeRule | Refusal = Refusal.FEE_IN_THE_PAST
        is_known = told.get("seller", "") in {"", *sellers} and told.get("category", "") in {"", *categories}
        if rate is not None and rate <= FEE_BP_MAX and is_known:
            rule = FeeRule(0, seller, None, category, None, rate, effective_at, ends_at, "")
            done = catalog.add_fee_rule(db, actor(request), rule, at)
    is_bad = isinstance(done, Refusal)
    say(
        request,
        _("佣金应为 0 到 100 的百分数，最多两位小数；期间不能早于今天。数据没有改动。")
        if is_bad
        else _("佣金规则已生效，此前的成交不变。"),
        is_bad=is_bad,
    )
    return redirect("console:settings")


@require_POST
@needs("settings.edit")
@reauthentication_required
def set_source(request: HttpRequest) -> HttpResponse:
    """Register a supplier's API for direct top-ups (直充), or change it; an empty secret keeps the one it has."""
    told, ctx = request.POST, edge.ctx()
    words = {name: told.get(name, "").strip() for name in ("id", "title", "url", "key_id", "secret")}
    owner = whole(told.get("supplier", ""), 2**62)
    is_address = is_base(words["url"], needs_https=ctx.is_behind_proxy)
    with edge.transaction() as db:
        known = {one.id: one for one in cards.sources(db)}
        suppliers = {one.id for one in party.parties(db)}
        is_good = bool(
            SOURCE_ID.match(words["id"])
            and words["title"]
            and words["key_id"]
            and is_address
            and words["key_id"].isascii()
        )
        is_good = is_good and owner in suppliers and bool(words["secret"] or words["id"] in known)
        is_good = is_good and all(len(text) <= 200 and text.isprintable() for text in words.values())
        if is_good:
            new = cards.Source(
                words["id"], owner or 0, words["title"][:40], words["url"].rstrip("/"), words["key_id"], b"",
                told.get("is_open", "yes") == "yes", "", clock.now(), told.get("checks_cards") == "yes",
            )  # fmt: skip
            cards.set_source(db, ctx.ring, actor(request), new, words["secret"], clock.now())
    say(
        request,
        _("直充货源已保存。")
        if is_good
        else _("标识、名称、供应商、https 地址、接口账号和密钥都要填写。数据没有改动。"),
        is_bad=not is_good,
    )
    return redirect("console:settings")


@require_GET
@needs("audit.read")
def trail(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        found = audit.newest(db, instant_cursor(request), PAGE_ROWS + 1)
    return show(request, "trail", "trail", {"page": page_of(found, _key)})


def is_base(text: str, *, needs_https: bool) -> bool:
    """Whether this can be the beginning of an API's addresses: no user, no query, a port that is one."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return False
    is_plain = BASE_PATH.match(url.path) is not None and ".." not in url.path
    is_plain = (
        is_plain
        and not (url.query or url.fragment or url.username or url.password)
        and text.isascii()
        and " " not in text
    )
    return (
        is_plain
        and bool(url.hostname)
        and port != 0
        and url.scheme in (("https",) if needs_https else ("https", "http"))
    )


def _key(entry: audit.Entry) -> tuple[str, str]:
    return entry.at.isoformat(), str(entry.id)


def _record(
    request: HttpRequest, verb: str, person: str, after: dict[str, Any], before: dict[str, Any] | None = None
) -> None:
    """Write down what is done to a person, before it is committed: people live on a connection of Django's (S-04)."""
    with edge.transaction() as db:
        audit.record(db, [Deed(actor(request), verb, "person", person, before=before, after=after)], clock.now())
