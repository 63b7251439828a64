"""SQL of consents, invitations, and requests of persons about their data."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, one, rows, run, value, values
from kashu.party.store.parties import end_sessions
from kashu.party.types import Invitation, Request

INVITATION = """
SELECT id, party_id, email, invited_by, invited_at, expires_at, ended_at, accepted_by FROM party_invitation
"""
REQUEST = """
SELECT id, person_id, kind, words, state, made_at, due_at, answer, decided_by, decided_at, erase_on, erased_at
FROM party_request
"""
FORGET = "UPDATE party_invitation SET ended_at = coalesce(ended_at, %s), email = '', email_mark = %s"
NO_MARK = bytes(16)


def give_consent(db: Db, consent_id: UUID, subject: str, purpose: str, told: tuple[str, str], at: datetime) -> bool:
    """`told` is the hash of the words agreed to and who agreed; False where consent lives already."""
    sql = """
    INSERT INTO party_consent (id, subject, purpose, words_sha256, given_by, given_at) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    """
    return run(db, sql, [consent_id, subject, purpose, *told, at]) == 1


def withdraw_consent(db: Db, subject: str, purpose: str, at: datetime) -> int:
    sql = "UPDATE party_consent SET withdrawn_at = %s WHERE subject = %s AND purpose = %s AND withdrawn_at IS NULL"
    return run(db, sql, [at, subject, purpose])


def has_consent(db: Db, subject: str, purpose: str) -> bool:
    sql = "SELECT 1 FROM party_consent WHERE subject = %s AND purpose = %s AND withdrawn_at IS NULL"
    return value(db, sql, [subject, purpose]) is not None


def add_invitation(db: Db, new: Invitation, mark: bytes, token_hash: bytes) -> None:
    sql = """
    INSERT INTO party_invitation (id, party_id, email, email_mark, token_hash, invited_by, invited_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.id, new.party_id, new.email, mark, token_hash, new.invited_by, new.invited_at, new.expires_at]
    run(db, sql, told)


def invitation(db: Db, token_hash: bytes, *, lock: bool = False) -> Invitation | None:
    return one(db, Invitation, f"{INVITATION} WHERE token_hash = %s{' FOR UPDATE' if lock else ''}", [token_hash])


def invitations(db: Db, party_id: int) -> list[Invitation]:
    """Those that wait, the newest first."""
    sql = f"{INVITATION} WHERE party_id = %s AND ended_at IS NULL ORDER BY invited_at DESC"
    return rows(db, Invitation, sql, [party_id])


def end_invitation(db: Db, invitation_id: UUID, person_id: int | None, at: datetime) -> int:
    sql = "UPDATE party_invitation SET ended_at = %s, accepted_by = %s WHERE id = %s AND ended_at IS NULL"
    return run(db, sql, [at, person_id, invitation_id])


def requests(
    db: Db, *, person_id: int | None = None, is_open: bool = False, after: tuple[datetime, UUID] | None = None,
    most: int = 500,
) -> list[Request]:  # fmt: skip
    """What persons asked about their data, what is due first in front."""
    at, request_id = after or (None, None)
    sql = f"""{REQUEST} WHERE (%s::bigint IS NULL OR person_id = %s) AND (NOT %s OR state = 'open')
    AND (%s::timestamptz IS NULL OR (due_at, id) > (%s, %s)) ORDER BY due_at, id LIMIT %s"""
    return rows(db, Request, sql, [person_id, person_id, is_open, at, at, request_id, most])


def restricted(db: Db) -> list[int]:
    """Persons whose data are stored and used for nothing (C-53)."""
    return values(db, "SELECT DISTINCT person_id FROM party_request WHERE state = 'restricted'")


def request(db: Db, request_id: UUID, *, lock: bool = False) -> Request | None:
    return one(db, Request, f"{REQUEST} WHERE id = %s{' FOR UPDATE' if lock else ''}", [request_id])


def add_request(db: Db, new: Request) -> bool:
    """False where one of this kind is open already."""
    sql = """
    INSERT INTO party_request (id, person_id, kind, words, state, made_at, due_at)
    VALUES (%s, %s, %s, %s, 'open', %s, %s) ON CONFLICT DO NOTHING
    """
    return run(db, sql, [new.id, new.person_id, new.kind, new.words, new.made_at, new.due_at]) == 1


def decide_request(
    db: Db, request_id: UUID, state: str, told: tuple[str, str], erase_on: date | None, at: datetime
) -> None:
    """`told` is the answer and who gave it."""
    sql = """
    UPDATE party_request SET state = %s, answer = %s, decided_by = %s, decided_at = %s, erase_on = %s
    WHERE id = %s AND state = 'open'
    """
    assert run(db, sql, [state, *told, at, erase_on, request_id]) == 1, "a request is decided once"


def to_erase(db: Db, today: date) -> list[Request]:
    """Restricted ones whose retention is over."""
    sql = f"{REQUEST} WHERE state = 'restricted' AND erase_on <= %s AND erased_at IS NULL ORDER BY erase_on LIMIT 100"
    return rows(db, Request, sql, [today])


def erased(db: Db, request_id: UUID, at: datetime) -> None:
    sql = "UPDATE party_request SET state = 'done', erased_at = %s WHERE id = %s AND state = 'restricted'"
    assert run(db, sql, [at, request_id]) == 1


def is_person(db: Db, person_id: int, email: str) -> bool:
    return value(db, "SELECT 1 FROM party_person WHERE id = %s AND email = %s", [person_id, email]) is not None


def close_person(db: Db, person_id: int, at: datetime) -> None:
    """No more sign-in, no more membership; what is stored stays, and is used for nothing."""
    run(db, "UPDATE party_person SET is_active = false WHERE id = %s", [person_id])
    end_sessions(db, person_id)
    sql = "UPDATE party_member SET ended_at = %s, is_owner = false WHERE person_id = %s AND ended_at IS NULL"
    run(db, sql, [at, person_id])


def address_of(db: Db, person_id: int) -> str:
    found: str = value(db, "SELECT email FROM party_person WHERE id = %s", [person_id])
    return found


def erase_person(db: Db, person_id: int) -> None:
    """Nothing that tells the person is left in their account, nor in what they asked."""
    sql = """
    UPDATE party_person SET name = 'erased', email = 'erased-' || id || '@invalid', password = '!', is_active = false,
           last_login = NULL
    WHERE id = %s
    """
    assert run(db, sql, [person_id]) == 1
    own = "SELECT id FROM account_emailaddress WHERE user_id = %s"
    run(db, f"DELETE FROM account_emailconfirmation WHERE email_address_id IN ({own})", [person_id])
    run(db, "DELETE FROM account_emailaddress WHERE user_id = %s", [person_id])
    run(db, "DELETE FROM mfa_authenticator WHERE user_id = %s", [person_id])
    run(db, "DELETE FROM party_member WHERE person_id = %s", [person_id])
    sql = "UPDATE party_request SET words = '', answer = CASE answer WHEN '' THEN '' ELSE 'erased' END WHERE person_id = %s"
    run(db, sql, [person_id])


def forget_invited(db: Db, person_id: int, mark: bytes, at: datetime) -> None:
    """Forget where a person was invited to, whichever organisation it was that asked them."""
    run(db, f"{FORGET} WHERE (accepted_by = %s OR email_mark = %s) AND email <> ''", [at, NO_MARK, person_id, mark])


def forget_invitations(db: Db, at: datetime, most: int) -> int:
    """Forget the addresses of invitations that ended or expired; that there were some stays."""
    sql = f"""{FORGET} WHERE id IN (SELECT id FROM party_invitation
        WHERE email <> '' AND (ended_at IS NOT NULL OR expires_at <= %s) ORDER BY invited_at LIMIT %s)"""
    return run(db, sql, [at, NO_MARK, at, most])
