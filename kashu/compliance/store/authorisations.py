from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from kashu.compliance.types import Authorisation
from kashu.kernel.db import Db, one, rows, run, value, values

AUTHORISATION = """
SELECT link.id, link.parent_id, link.grantor, link.grantor_id, link.grantee_id, link.number, link.brand, link.goods,
       link.territory, link.may_pass_on, link.may_resell, link.is_issuer, link.valid_from, link.valid_to, link.state,
       link.file_sha256, link.reviewed_by, link.made_by, link.made_at, link.revoked_on, link.reason,
       grantee.name AS grantee
FROM compliance_authorisation AS link JOIN party_party AS grantee ON grantee.id = link.grantee_id
"""
CHAIN = f"""
WITH RECURSIVE up AS (
    SELECT id, parent_id, 0 AS step FROM compliance_authorisation WHERE id = %s
    UNION ALL
    SELECT parent.id, parent.parent_id, up.step + 1
    FROM compliance_authorisation AS parent JOIN up ON up.parent_id = parent.id WHERE up.step < 20
)
{AUTHORISATION} JOIN up ON up.id = link.id ORDER BY up.step DESC
"""
DOWN = """
WITH RECURSIVE down AS (
    SELECT id FROM compliance_authorisation WHERE id = %(id)s
    UNION
    SELECT child.id FROM compliance_authorisation AS child JOIN down ON child.parent_id = down.id
)
"""
# A link and everything that hangs on it, in one statement: from that moment no card under any of them is for sale.
REVOKE = f"""{DOWN}
UPDATE compliance_authorisation AS link
SET state = 'revoked', revoked_on = greatest(%(day)s, link.valid_from - 1), reason = %(reason)s
FROM down WHERE link.id = down.id
  AND (link.state = 'verified' OR (link.state = 'revoked' AND link.revoked_on > greatest(%(day)s, link.valid_from - 1)))
RETURNING link.id
"""


def authorisation(db: Db, authorisation_id: int, *, lock: bool = False) -> Authorisation | None:
    tail = " FOR NO KEY UPDATE OF link" if lock else ""
    return one(db, Authorisation, f"{AUTHORISATION} WHERE link.id = %s{tail}", [authorisation_id])


def chain(db: Db, authorisation_id: int) -> list[Authorisation]:
    """A link and those above it, the root first."""
    return rows(db, Authorisation, CHAIN, [authorisation_id])


def lock_chain(db: Db, authorisation_id: int) -> None:
    """Hold a link and those above it, the root first: a parent is always older than what hangs on it."""
    sql = """
    WITH RECURSIVE up AS (
        SELECT id, parent_id FROM compliance_authorisation WHERE id = %s
        UNION
        SELECT parent.id, parent.parent_id FROM compliance_authorisation AS parent JOIN up ON up.parent_id = parent.id
    )
    SELECT FROM compliance_authorisation WHERE id IN (SELECT id FROM up) ORDER BY id FOR NO KEY UPDATE
    """
    run(db, sql, [authorisation_id])


def below(db: Db, authorisation_id: int) -> list[int]:
    """A link and all that hang on it, whatever their state."""
    return values(db, f"{DOWN} SELECT id FROM down ORDER BY id", {"id": authorisation_id})  # type: ignore[arg-type]  # named


def authorisations(
    db: Db, party_id: int | None, states: Collection[str], most: int, after: tuple[date, int] | None = None
) -> list[Authorisation]:
    """Links in these states, the soonest to end first."""
    day, link_id = after or (None, None)
    sql = f"""
    {AUTHORISATION} WHERE link.state = ANY (%s) AND (%s::bigint IS NULL OR link.grantee_id = %s)
      AND (%s::date IS NULL OR (link.valid_to, link.id) > (%s, %s))
    ORDER BY link.valid_to, link.id LIMIT %s
    """
    return rows(db, Authorisation, sql, [list(states), party_id, party_id, day, day, link_id, most])


def authorisations_by(db: Db, authorisation_ids: Collection[int]) -> dict[int, Authorisation]:
    found = rows(db, Authorisation, f"{AUTHORISATION} WHERE link.id = ANY (%s)", [list(authorisation_ids)])
    return {one.id: one for one in found}


def for_brand(db: Db, grantee_id: int, brand: str, goods: str, day: date) -> list[Authorisation]:
    """Those under which a party may sell a brand's goods on a day."""
    sql = f"""
    {AUTHORISATION} WHERE link.grantee_id = %s AND link.brand = %s AND %s = ANY (link.goods) AND link.state = 'verified'
      AND %s BETWEEN link.valid_from AND link.valid_to ORDER BY link.valid_to DESC, link.id
    """
    return rows(db, Authorisation, sql, [grantee_id, brand, goods, day])


def opening(db: Db, grantee_id: int, goods: str, day: date) -> int | None:
    """The link that opens goods that are shut to a seller on a day."""
    sql = """
    SELECT id FROM compliance_authorisation WHERE grantee_id = %s AND %s = ANY (goods) AND opens_shut AND state = 'verified'
      AND %s BETWEEN valid_from AND valid_to ORDER BY valid_to DESC, id LIMIT 1
    """
    found: list[int] = values(db, sql, [grantee_id, goods, day])
    return found[0] if found else None


def add_authorisation(db: Db, new: Authorisation, at: datetime) -> int:
    sql = """
    INSERT INTO compliance_authorisation (parent_id, grantor, grantor_id, grantee_id, number, brand, goods, territory,
        may_pass_on, may_resell, is_issuer, valid_from, valid_to, state, file_sha256, made_by, made_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'in_review', %s, %s, %s) RETURNING id
    """
    told = [new.parent_id, new.grantor, new.grantor_id, new.grantee_id, new.number, new.brand, new.goods, new.territory]
    flags = [new.may_pass_on, new.may_resell, new.is_issuer, new.valid_from, new.valid_to]
    found: int = value(db, sql, [*told, *flags, new.file_sha256, new.made_by, at])
    return found


def note_reviewer(db: Db, authorisation_id: int, by: str) -> None:
    sql = "UPDATE compliance_authorisation SET reviewed_by = array_append(reviewed_by, %s) WHERE id = %s"
    run(db, sql, [by, authorisation_id])


def decide(db: Db, authorisation_id: int, after: str, reason: str, *, opens_shut: bool = False) -> None:
    sql = """
    UPDATE compliance_authorisation SET state = %s, reason = %s, opens_shut = %s WHERE id = %s AND state = 'in_review'
    """
    assert run(db, sql, [after, reason, opens_shut, authorisation_id]) == 1, "it is decided once"


def revoke(db: Db, authorisation_id: int, day: date, reason: str) -> list[int]:
    """Revoke a link with everything below it, `day` being the last on which they held; the ids that fell."""
    told = {"id": authorisation_id, "day": day, "reason": reason}
    return values(db, REVOKE, told)  # type: ignore[arg-type]  # named parameters
