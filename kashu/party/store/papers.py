"""SQL of a supplier's papers: documents, persons behind, bank account, what authorities said, drafts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.kernel.db import Db, one, rows, run, value, values
from kashu.party.types import BankAccount, Document, Principal, Verification

DOCUMENT = """
SELECT id, party_id, kind, number, name, fields, spool, size, sha256, valid_to, state, reason, submitted_by,
       submitted_at, decided_by, decided_at
FROM party_document
"""
PRINCIPAL = """
SELECT id, party_id, role, name, id_number, id_mark, id_tail, share_bp, added_by, added_at, ended_at
FROM party_principal
"""
ACCOUNT = """
SELECT id, party_id, holder, bank, number, mark, tail, state, set_by, set_at, proven_at FROM party_bank_account
"""
VERIFICATION = """
SELECT id, party_id, kind, subject, state, detail, evidence, asked_by, asked_at, externally_verified_at
FROM party_verification
"""
NO_MARK = bytes(16)
WORDS = (
    """
    UPDATE party_invitation SET ended_at = coalesce(ended_at, %(at)s), email = '', email_mark = %(mark)s
    WHERE party_id = %(party)s AND email <> ''
    """,
    """
    UPDATE party_change AS change SET address = '', contact = '',
           name = CASE WHEN standing.is_registered AND change.name <> '' THEN change.name ELSE 'erased' END
    FROM party_supplier AS standing WHERE standing.party_id = change.party_id AND change.party_id = %(party)s
    """,
    "UPDATE party_unreached SET answer = 'erased' WHERE party_id = %(party)s AND answer <> ''",
    "UPDATE party_verification SET detail = '' WHERE party_id = %(party)s",
    """
    UPDATE party_appeal SET words = 'erased' WHERE sanction_id IN (SELECT id FROM party_sanction WHERE party_id = %(party)s)
    """,
    """
    UPDATE party_party AS own SET address = '', contact = '',
           name = CASE WHEN standing.is_registered THEN own.name ELSE 'erased-' || own.id END
    FROM party_supplier AS standing WHERE standing.party_id = own.id AND own.id = %(party)s
    """,
)


def documents(db: Db, party_id: int) -> list[Document]:
    """Every paper a supplier ever handed in, the newest first."""
    return rows(db, Document, f"{DOCUMENT} WHERE party_id = %s ORDER BY submitted_at DESC, id", [party_id])


def document(db: Db, document_id: UUID, *, lock: bool = False) -> Document | None:
    return one(db, Document, f"{DOCUMENT} WHERE id = %s{' FOR UPDATE' if lock else ''}", [document_id])


def add_document(db: Db, new: Document) -> None:
    sql = """
    INSERT INTO party_document (id, party_id, kind, number, name, fields, spool, size, sha256, valid_to, state,
                                submitted_by, submitted_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'submitted', %s, %s)
    """
    told = [new.id, new.party_id, new.kind, new.number, new.name, Jsonb(new.fields), new.spool, new.size, new.sha256]
    run(db, sql, [*told, new.valid_to, new.submitted_by, new.submitted_at])


def move_document(db: Db, document_id: UUID, before: str, after: str, told: tuple[str, str], at: datetime) -> None:
    """`told` is who decided, and why."""
    sql = """
    UPDATE party_document SET state = %s, decided_by = %s, reason = %s, decided_at = %s WHERE id = %s AND state = %s
    """
    assert run(db, sql, [after, *told, at, document_id, before]) == 1, "a paper moves once"


def supersede_documents(db: Db, party_id: int, kind: str, by: str, at: datetime) -> None:
    sql = """
    UPDATE party_document SET state = 'superseded', decided_by = %s, decided_at = %s
    WHERE party_id = %s AND kind = %s AND state = 'submitted'
    """
    run(db, sql, [by, at, party_id, kind])


def closed_before(db: Db, before: datetime, most: int) -> list[int]:
    """Suppliers that closed before an instant and of whom something personal may still be there."""
    sql = """
    SELECT party_id FROM party_supplier WHERE state = 'closed' AND moved_at < %s AND erased_at IS NULL
    ORDER BY moved_at, party_id LIMIT %s
    """
    return values(db, sql, [before, most])


def erase_papers(db: Db, party_id: int, by: str, at: datetime) -> None:
    """Nothing personal is left of a supplier's papers but their hashes and the marks that bar who was blacklisted."""
    sql = """
    UPDATE party_document SET state = 'erased', spool = '', number = NULL, name = 'erased', fields = '{}', decided_by = %s,
           decided_at = %s
    WHERE party_id = %s AND state <> 'erased'
    """
    run(db, sql, [by, at, party_id])
    sql = """
    UPDATE party_principal SET name = '', id_number = '', id_mark = %s, id_tail = '****',
           ended_at = coalesce(ended_at, %s)
    WHERE party_id = %s
    """
    run(db, sql, [NO_MARK, at, party_id])
    sql = """
    UPDATE party_bank_account SET state = 'ended', number = '', mark = %s, holder = 'erased', bank = 'erased', tail = '****'
    WHERE party_id = %s
    """
    run(db, sql, [NO_MARK, party_id])
    run(db, "DELETE FROM party_draft WHERE party_id = %s", [party_id])


def erase_words(db: Db, party_id: int, at: datetime) -> None:
    """Nor of what a supplier told: whom it invited, how it is reached, what changed, why it appealed.

    The name of a company is no person's, and stays; that of one who never registered goes.
    """
    told = {"party": party_id, "at": at, "mark": NO_MARK}
    for sql in WORDS:
        run(db, sql, told)  # type: ignore[arg-type]  # named parameters
    assert run(db, "UPDATE party_supplier SET erased_at = %s WHERE party_id = %s", [at, party_id]) == 1


def spooled(db: Db) -> set[str]:
    """Files in the spool that papers lie in."""
    return set(values(db, "SELECT spool FROM party_document WHERE spool <> ''"))


def principals(db: Db, party_id: int) -> list[Principal]:
    return rows(
        db, Principal, f"{PRINCIPAL} WHERE party_id = %s AND ended_at IS NULL ORDER BY role DESC, id", [party_id]
    )


def add_principal(db: Db, new: Principal) -> None:
    sql = """
    INSERT INTO party_principal (id, party_id, role, name, id_number, id_mark, id_tail, share_bp, added_by, added_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.id, new.party_id, new.role, new.name, new.id_number, new.id_mark, new.id_tail, new.share_bp]
    run(db, sql, [*told, new.added_by, new.added_at])


def end_principals(db: Db, party_id: int, role: str, mark: bytes | None, at: datetime) -> int:
    """End those of a role, or the one with this mark."""
    sql = """
    UPDATE party_principal SET ended_at = %s
    WHERE party_id = %s AND role = %s AND ended_at IS NULL AND (%s::bytea IS NULL OR id_mark = %s)
    """
    return run(db, sql, [at, party_id, role, mark, mark])


def bank_account(db: Db, party_id: int) -> BankAccount | None:
    """The one a supplier is paid to, once it is proven."""
    return one(db, BankAccount, f"{ACCOUNT} WHERE party_id = %s AND state IN ('unproven', 'proven')", [party_id])


def kept_bank_account(db: Db, party_id: int) -> BankAccount | None:
    """The proven one that another is to take the place of."""
    return one(db, BankAccount, f"{ACCOUNT} WHERE party_id = %s AND state = 'kept'", [party_id])


def put_by_bank_account(db: Db, party_id: int) -> None:
    """Make room for another account: a proven one is kept until that is proven, an unproven one is over."""
    sql = """
    UPDATE party_bank_account SET state = CASE state WHEN 'proven' THEN 'kept' ELSE 'ended' END
    WHERE party_id = %s AND state IN ('unproven', 'proven')
    """
    run(db, sql, [party_id])


def restore_bank_account(db: Db, party_id: int) -> UUID | None:
    """Go back to the account that was kept, if there is one; which."""
    sql = "UPDATE party_bank_account SET state = 'ended' WHERE party_id = %s AND state = 'unproven'"
    if kept_bank_account(db, party_id) is None or run(db, sql, [party_id]) == 0:
        return None
    sql = "UPDATE party_bank_account SET state = 'proven' WHERE party_id = %s AND state = 'kept' RETURNING id"
    found: UUID | None = value(db, sql, [party_id])
    return found


def add_bank_account(db: Db, new: BankAccount) -> None:
    sql = """
    INSERT INTO party_bank_account (id, party_id, holder, bank, number, mark, tail, state, set_by, set_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'unproven', %s, %s)
    """
    told = [new.id, new.party_id, new.holder, new.bank, new.number, new.mark, new.tail, new.set_by, new.set_at]
    run(db, sql, told)


def prove_bank_account(db: Db, account: BankAccount, at: datetime) -> None:
    """It is the supplier's own; the one that it takes the place of is over."""
    sql = "UPDATE party_bank_account SET state = 'proven', proven_at = %s WHERE id = %s AND state IN ('unproven', 'proven')"
    assert run(db, sql, [at, account.id]) == 1, "the supplier is held: nothing took its place meanwhile"
    run(db, "UPDATE party_bank_account SET state = 'ended' WHERE party_id = %s AND state = 'kept'", [account.party_id])


def verifications(db: Db, party_id: int) -> list[Verification]:
    """What was asked about a supplier, the newest first."""
    return rows(
        db, Verification, f"{VERIFICATION} WHERE party_id = %s ORDER BY asked_at DESC, id DESC LIMIT 200", [party_id]
    )


def verification(db: Db, verification_id: UUID, *, lock: bool = False) -> Verification | None:
    return one(db, Verification, f"{VERIFICATION} WHERE id = %s{' FOR UPDATE' if lock else ''}", [verification_id])


def ask_verification(db: Db, new: Verification) -> bool:
    """Write a question down; False where the same one waits for its answer already."""
    sql = """
    INSERT INTO party_verification (id, party_id, kind, subject, state, asked_by, asked_at)
    VALUES (%s, %s, %s, %s, 'asked', %s, %s) ON CONFLICT DO NOTHING
    """
    return run(db, sql, [new.id, new.party_id, new.kind, new.subject, new.asked_by, new.asked_at]) == 1


def answer_verification(db: Db, verification_id: UUID, state: str, told: tuple[str, str], at: datetime) -> None:
    """`told` is a detail and the hash of the evidence."""
    sql = """
    UPDATE party_verification SET state = %s, detail = %s, evidence = %s, externally_verified_at = %s
    WHERE id = %s AND state = 'asked'
    """
    assert run(db, sql, [state, *told, at, verification_id]) == 1, "a question is answered once"


def save_draft(db: Db, party_id: int, step: str, sealed: bytes, at: datetime) -> None:
    sql = """
    INSERT INTO party_draft (party_id, step, sealed, saved_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (party_id, step) DO UPDATE SET sealed = excluded.sealed, saved_at = excluded.saved_at
    """
    run(db, sql, [party_id, step, sealed, at])


def draft(db: Db, party_id: int, step: str) -> bytes | None:
    found: bytes | None = value(
        db, "SELECT sealed FROM party_draft WHERE party_id = %s AND step = %s", [party_id, step]
    )
    return found
