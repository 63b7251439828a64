"""A buyer as a lane sees one: the browser's name, the address it speaks from, a phone number. No framework's words."""

from __future__ import annotations

import ipaddress
import re
import secrets

from kashu.kernel.seal import Keyring
from kashu.sales import Buyer

COOKIE = "kashu_device"
NAME = re.compile(r"[A-Za-z0-9_-]{22}\Z")
PHONE = re.compile(r"1[3-9][0-9]{9}")


def new_name() -> str:
    """A name for a browser: 128 random bits."""
    return secrets.token_urlsafe(16)


def is_name(text: str) -> bool:
    return NAME.match(text) is not None


def address_of(forwarded: str, peer: str, *, is_behind_proxy: bool) -> str:
    """The address a request came from. Behind our proxy it is the last hop the proxy wrote, never the first."""
    last = forwarded.rsplit(",", maxsplit=1)[-1].strip()
    return subscriber(last if is_behind_proxy and last else peer)


def subscriber(address: str) -> str:
    """What one subscriber has: an IPv4 address, or the /64 of an IPv6 one (the rest they choose as they like)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def buyer(ring: Keyring, name: str, address: str, phone: str = "") -> Buyer:
    """Who buys, in what can be compared and not read."""
    return Buyer(
        ring.identity("device", name),
        ring.identity("address", address),
        phone,
        ring.identity("phone", phone) if phone else None,
    )


def is_phone(text: str) -> bool:
    """A mobile number of mainland China, digits only."""
    return PHONE.fullmatch(text) is not None


def tidy_phone(text: str) -> str:
    return re.sub(r"[\s-]", "", text).removeprefix("+86")
