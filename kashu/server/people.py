"""Accounts from the command line: the first owner, before anybody can sign in."""

from __future__ import annotations

import secrets

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel import clock
from kashu.party.models import Person
from kashu.server.runtime import Runtime


def open_owner(run: Runtime, email: str, name: str) -> str | None:
    """Open an owner's account; the first password, or None where the address is taken or none."""
    try:
        validate_email(email)
    except ValidationError:
        return None
    password = secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email, password, name=name, role="owner")
            EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
            after = {"role": "owner"}
            deed = Deed(Actor("person", "command line"), "person.open", "person", str(person.pk), after=after)
            with run.pool.transaction() as db:  # before the person is committed: without its row there is none (S-04)
                audit.record(db, [deed], clock.now())
    except IntegrityError:
        return None
    return password
