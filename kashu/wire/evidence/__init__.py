"""Evidence packs: all that is known of one order, in a ZIP that no byte can be changed of unseen (C-20, C-21, C-23)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kashu import audit, sales
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.wire.evidence import facts, pack
from kashu.wire.evidence.pack import PACK_BYTES_MAX, Checked, Fault, key_mark, public_pem, read_key, verify

__all__ = ["PACK_BYTES_MAX", "Checked", "Fault", "Given", "give", "key_mark", "public_pem", "read_key", "verify"]


@dataclass(frozen=True, slots=True)
class Given:
    """A pack on its way to the person who asked for it."""

    number: str
    sha256: str
    files: int
    content: bytes = field(repr=False)


def give(
    db: Db, ring: Keyring, actor: Actor, key: tuple[int, UUID], reason: str, at: datetime, *, is_personal: bool
) -> Given | None:
    """Pack an order's evidence; None where there is no such order. The caller commits before the bytes leave.

    `is_personal` says that this person may see the buyer's data in clear. What was given to whom is in the trail (S-04).
    """
    order = sales.orders(db, [key], lock=True).get(key[1])  # nothing of it moves while it is read
    if order is None:
        return None
    files = facts.gather(db, ring, order, is_personal=is_personal)
    told = {"order": order.number, "made_at": at, "made_for": actor.name, "reason": reason, "personal": is_personal}
    content = pack.build(files, told, ring.signing_key)
    given = Given(order.number, sha256_hex(content), len(files), content)
    after = {"sha256": given.sha256, "bytes": len(content), "personal": is_personal}
    deed = Deed(actor, "order.evidence", "order", str(order.id), after=after, reason=reason, pool_id=order.pool_id)
    audit.record(db, [deed], at)
    return given
