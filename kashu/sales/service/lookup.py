"""Finding one's orders again takes possession of the phone they were bought with (never an order number alone)."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel import limits
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.seal import Keyring
from kashu.sales import store
from kashu.sales.types import CodeRefusal

CODE_SECONDS = 300
CODE_TRIES_MAX = 5
FRESH = timedelta(seconds=CODE_SECONDS - 60)
CODES_PER_PHONE_HOUR, CODES_PER_DEVICE_HOUR, CODES_PER_ADDRESS_HOUR = 5, 10, 60
ORDERS_MAX = 50


def send_code(db: Db, ring: Keyring, phone: str, device: bytes, address: bytes, at: datetime) -> CodeRefusal | None:
    """Send a one-time code, whether the number has orders or not: the answer must not tell which."""
    assert_in_transaction(db)
    identity = ring.identity("phone", phone)
    bounds = (
        (f"code:phone:{identity.hex()}", CODES_PER_PHONE_HOUR),
        (f"code:device:{device.hex()}", CODES_PER_DEVICE_HOUR),
        (f"code:address:{address.hex()}", CODES_PER_ADDRESS_HOUR),
    )
    within = [limits.allow(db, bucket, at, most=most, seconds=3600) for bucket, most in bounds]  # each one counts
    if not all(within):
        return CodeRefusal.TOO_OFTEN
    found = store.latest_code(db, identity, device)
    if found is not None and found[4] is None and found[3] < CODE_TRIES_MAX and found[2] - at > FRESH:
        return None  # vendors bring a number one code a minute: the one that is on its way stays the right one
    code = f"{secrets.randbelow(10**6):06d}"
    expires_at = at + timedelta(seconds=CODE_SECONDS)
    store.keep_code(db, identity, device, _hash(ring, identity, device, code), at, expires_at)
    sealed = ring.seal_personal(f"{phone} {code}", "phone code").hex()
    tell(db, [Fact("code.send", {"sealed": sealed, "expires_at": expires_at.isoformat()})], at)
    return None


def check_code(db: Db, ring: Keyring, phone: str, code: str, device: bytes, at: datetime) -> int | CodeRefusal:
    """A right code gives this browser the orders of the number; says how many."""
    assert_in_transaction(db)
    identity = ring.identity("phone", phone)
    found = store.latest_code(db, identity, device)
    if found is None:
        return CodeRefusal.WRONG
    code_id, code_hash, expires_at, tries, used_at = found
    if tries >= CODE_TRIES_MAX:
        return CodeRefusal.TOO_OFTEN
    right = hmac.compare_digest(_hash(ring, identity, device, code), code_hash) and at < expires_at and used_at is None
    store.try_code(db, code_id, at if right else used_at)
    if not right:
        return CodeRefusal.WRONG
    orders = store.orders_of_phone(db, identity, ORDERS_MAX)
    if orders:
        store.grant(db, orders, [device] * len(orders), "code", at)
        store.list_for(db, device, orders)
    deed = Deed(
        Actor("buyer", device.hex()[:12]), "orders.found", "phone", identity.hex(), after={"orders": len(orders)}
    )
    audit.record(db, [deed], at)
    return len(orders)


def _hash(ring: Keyring, identity: bytes, device: bytes, code: str) -> bytes:
    """Keyed: six digits under a bare hash could be tried out by whoever reads the table."""
    return ring.identity("phone code", f"{identity.hex()} {device.hex()} {code}")
