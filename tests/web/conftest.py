from __future__ import annotations

import pytest


@pytest.fixture
def browser(site):
    """A visitor's browser: cookies, and CSRF as in production."""
    from tests import make

    return make.visitor()


@pytest.fixture
def staff(site):
    """`staff(role)`: a signed-in browser of somebody with that role, second factor passed.

    Members of organisations may be called by what theirs is.
    """
    from allauth.account.models import EmailAddress
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value, yield_hotp_counters_from_time
    from django.core.cache import cache

    from kashu.party.models import MEMBER, Person
    from tests import make

    def sign_in(role="owner", client=None, is_sure=False):
        cache.clear()  # tests sign in more often than anybody may in a minute
        email, password, secret = f"{make.name(role)}@kashu.example", "correct horse battery", generate_totp_secret()
        person = Person.objects.create_user(
            email, password, name=role, role=MEMBER if role in ("buyer", "supplier") else role
        )
        EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
        TOTP.activate(person, secret)
        browser = client or make.visitor()
        browser.post("/accounts/login/", {"login": email, "password": password})
        for _ in range(2):  # the second may have turned between making the code and its arrival
            counter = next(iter(yield_hotp_counters_from_time()))
            answer = browser.post("/accounts/2fa/authenticate/", {"code": f"{hotp_value(secret, counter):06d}"})
            if answer.status_code == 302:
                break
        assert answer.status_code == 302, answer.content.decode()
        if is_sure:  # has just proven again who it is
            browser.post("/accounts/reauthenticate/", {"password": password})
        browser.person, browser.secret, browser.password = person, secret, password
        return browser

    return sign_in


@pytest.fixture
def desk(staff, dsn):
    """A signed-in person of an organisation with money: `desk(fen)`."""

    from kashu import party
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from tests import make

    def open_desk(balance_fen=1_000_000, is_sure=True, **told):
        browser = staff("buyer", is_sure=is_sure)
        with connect(dsn) as db, db.transaction():
            account = make.account(db, balance_fen, **told)
            party.add_member(db, make.STAFF, account.party_id, browser.person.pk, clock.now())
        browser.account = account
        return browser

    return open_desk
