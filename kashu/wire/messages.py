"""The box of development, where messages can be read instead of being brought by anybody."""

from __future__ import annotations

import logging
from typing import Protocol

import httpx

log = logging.getLogger(__name__)


class Box(Protocol):
    """Where a text for a phone (or an e-mail address) is put; raises httpx's errors when it could not be."""

    def send(self, phone: str, body: str) -> None: ...


class ConsoleSender:
    """Writes to the log that a message would have gone out, where there is no sandbox."""

    def send(self, phone: str, body: str) -> None:
        log.info("message.console", extra={"phone": phone[-4:], "chars": len(body)})


class SandboxSender:
    """Puts messages into the sandbox's box, where a developer can read them."""

    def __init__(self, base_url: str, http: httpx.Client) -> None:
        self._url, self._http = f"{base_url}/messages", http

    def send(self, phone: str, body: str) -> None:
        self._http.post(self._url, json={"phone": phone, "body": body}, timeout=5).raise_for_status()
