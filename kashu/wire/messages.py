"""Messages to a phone. Delivery never waits for them, and they never carry a card."""

from __future__ import annotations

import logging
from typing import Protocol

import httpx

log = logging.getLogger(__name__)


class Sender(Protocol):
    """Something that brings a text to a phone (or an owner's e-mail address); raises when it could not, and is then asked again later."""

    def send(self, phone: str, body: str) -> None: ...


class ConsoleSender:
    """Writes to the log that a message would have gone out, for set-ups without any provider."""

    def send(self, phone: str, body: str) -> None:
        log.info("message.console", extra={"phone": phone[-4:], "chars": len(body)})


class SandboxSender:
    """Puts messages into the sandbox's box, where a developer can read them."""

    def __init__(self, base_url: str, http: httpx.Client) -> None:
        self._url, self._http = f"{base_url}/messages", http

    def send(self, phone: str, body: str) -> None:
        self._http.post(self._url, json={"phone": phone, "body": body}, timeout=5).raise_for_status()
