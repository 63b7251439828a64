"""API keys: made, rotated with an overlap, revoked at once; and who is let in with them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.party import store
from kashu.party.types import SCOPES, ApiKey, CallRefusal, KeyRefusal

LIVE_KEYS_MAX = 20
PER_SECOND = 50
OVERLAP_SECONDS_MAX = 30 * 86_400
LETTERS = string.ascii_letters + string.digits


def make_key(
    db: Db, ring: Keyring, actor: Actor, party_id: int, name: str, scopes: Collection[str], at: datetime,
    per_second: int = PER_SECOND,
) -> tuple[ApiKey, str] | KeyRefusal:  # fmt: skip
    """A new API key and its secret. The secret is sealed under the key ring and shown this once."""
    assert_in_transaction(db)
    if not scopes or not set(scopes) <= set(SCOPES):
        return KeyRefusal.WRONG_SCOPE
    if sum(key.is_live(at) for key in store.api_keys(db, party_id)) >= LIVE_KEYS_MAX:
        return KeyRefusal.TOO_MANY
    return _make(db, ring, actor, party_id, name, scopes, at, per_second)


def _make(
    db: Db,
    ring: Keyring,
    actor: Actor,
    party_id: int,
    name: str,
    scopes: Collection[str],
    at: datetime,
    per_second: int,
) -> tuple[ApiKey, str]:
    key_id = "kk_" + "".join(secrets.choice(LETTERS) for _ in range(20))
    secret = f"ks_{secrets.token_urlsafe(32)}"
    sealed = ring.seal_personal(secret, f"api key {key_id}")
    made = ApiKey(key_id, party_id, name, sorted(scopes), sealed, per_second, actor.name, at, None, None)
    store.add_key(db, made)
    after = {"party": party_id, "name": name, "scopes": made.scopes, "per_second": per_second}
    audit.record(db, [Deed(actor, "key.make", "api_key", key_id, after=after)], at)
    return made, secret


def rotate_key(
    db: Db, ring: Keyring, actor: Actor, key_id: str, overlap_seconds: int, at: datetime
) -> tuple[ApiKey, str] | KeyRefusal:
    """A successor with the same rights; the old key stays good for the overlap and then ends. It is rotated once."""
    assert_in_transaction(db)
    assert 0 <= overlap_seconds <= OVERLAP_SECONDS_MAX
    old = store.api_key(db, key_id, lock=True)
    if old is None:
        return KeyRefusal.NO_SUCH_KEY
    if not old.is_live(at) or old.expires_at is not None:
        return KeyRefusal.NOT_LIVE
    ends = at + timedelta(seconds=overlap_seconds)
    assert store.end_key(db, key_id, expires_at=ends) == 1
    audit.record(db, [Deed(actor, "key.rotate", "api_key", key_id, after={"expires_at": ends})], at)
    return _make(db, ring, actor, old.party_id, old.name, old.scopes, at, old.per_second)


def revoke_key(db: Db, actor: Actor, key_id: str, at: datetime) -> KeyRefusal | None:
    """End a key at once: the next batch of any till knows."""
    assert_in_transaction(db)
    found = store.api_key(db, key_id, lock=True)
    if found is None:
        return KeyRefusal.NO_SUCH_KEY
    if store.end_key(db, key_id, revoked_at=at) == 0:
        return KeyRefusal.NOT_LIVE
    audit.record(db, [Deed(actor, "key.revoke", "api_key", key_id)], at)
    return None


def admit(db: Db, calls: Sequence[tuple[str, str]], at: datetime) -> list[CallRefusal | None]:
    """Let in calls whose signatures were found right: the key is good at this instant, the nonce (if any) unused.

    Reads leave the nonce empty. A nonce twice among `calls` counts once.
    """
    assert_in_transaction(db)
    live = store.live_keys(db, {key for key, _ in calls}, at)
    asked = sorted({(key, nonce) for key, nonce in calls if nonce and key in live})
    unused = store.use_nonces(db, asked, at) if asked else set()
    told: list[CallRefusal | None] = []
    for key, nonce in calls:
        if key not in live:
            told.append(CallRefusal.UNKNOWN_KEY)
        elif nonce and (key, nonce) not in unused:
            told.append(CallRefusal.NONCE_REPLAYED)
        else:
            unused.discard((key, nonce))
            told.append(None)
    return told
