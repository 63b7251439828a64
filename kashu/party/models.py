from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

STAFF_ROLES = ("owner", "operator", "finance", "support", "auditor", "compliance")
MEMBER = "member"  # works for organisations, one or several, and never for the platform
ROLES = (*STAFF_ROLES, MEMBER)


class People(BaseUserManager["Person"]):
    def create_user(self, email: str, password: str, *, name: str, role: str) -> Person:
        person = self.model(email=self.normalize_email(email).lower(), name=name, role=role)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email=(username or "").lower())


class Person(AbstractBaseUser):
    """Somebody who signs in. What staff may do follows from their role (`kashu.web.rights`), what members may from whom they
    act for."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=60)
    role = models.CharField(max_length=20, choices=[(role, role) for role in ROLES])
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[People] = People()  # type: ignore[assignment]  # narrowed to our own manager
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]

    class Meta:
        db_table = "party_person"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(role__in=ROLES), name="party_person_known_role")
        ]

    def __str__(self) -> str:
        return self.email
