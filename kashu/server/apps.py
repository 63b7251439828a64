"""Modules that Django has to know by another name than their own."""

from __future__ import annotations

from django.apps import AppConfig


class Messages(AppConfig):
    """Ours: Django has an application called `messages` as well."""

    name = "kashu.messages"
    label = "kashu_messages"
