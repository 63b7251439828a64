"""Licences: handed in, looked through by a machine, decided by people, watched by the clock (compliance.md §2.2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kashu import audit, messages, party
from kashu.audit import Actor, Deed
from kashu.compliance import rules, store
from kashu.compliance.service.authorisations import WAITING_MAX, is_leaving
from kashu.compliance.types import Alert, Authorisation, Licence, LicenceRefusal
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.messages import Draft

FILE_BYTES_MAX = 10 * 2**20
MAGIC = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
WATCHED_MAX = 100_000
BEGUN = "its renewal has begun"
GONE = ("closed", "blacklisted")  # suppliers that are told of nothing any more


def keep_file(db: Db, ring: Keyring, actor: Actor, name: str, content: bytes, at: datetime) -> bytes | LicenceRefusal:
    """Seal a scan under its hash. What it is, its first bytes say, never its name."""
    assert_in_transaction(db)
    media_type = next((told for magic, told in MAGIC.items() if content.startswith(magic)), None)
    if media_type is None or len(content) > FILE_BYTES_MAX:
        return LicenceRefusal.NOT_A_FILE
    sha256 = hashlib.sha256(content).digest()
    sealed = ring.seal_personal(base64.b64encode(content).decode(), f"file {sha256.hex()}")
    store.keep_file(db, sha256, name[:120], media_type, len(content), sealed, actor.name, at)
    audit.record(db, [Deed(actor, "file.keep", "file", sha256.hex(), after={"bytes": len(content)})], at)
    return sha256


def erase_files(db: Db, party_ids: Collection[int], at: datetime) -> int:
    """Erase the scans of organisations whose data is over, unless another's papers rest on the same file; how many."""
    assert_in_transaction(db)
    if not party_ids:
        return 0
    store.erase_subjects(db, party_ids)
    gone = store.erase_files(db, party_ids)
    audit.record(db, [Deed(audit.SYSTEM, "file.erase", "file", one.hex()) for one in gone], at)
    return len(gone)


def open_file(db: Db, ring: Keyring, actor: Actor, sha256: bytes, at: datetime) -> tuple[str, str, bytes] | None:
    """A sealed scan: its name, media type and content. Every look is in the trail before it is given."""
    assert_in_transaction(db)
    found = store.file(db, sha256)
    if found is None or not found[2]:
        return None
    audit.record(db, [Deed(actor, "file.open", "file", sha256.hex())], at)
    name, media_type, sealed = found
    return name, media_type, base64.b64decode(ring.open_personal(sealed, f"file {sha256.hex()}"))


def submit(db: Db, actor: Actor, new: Licence, at: datetime) -> Licence | LicenceRefusal:
    """Hand a licence in; a machine looks it through, and a person decides. The given id and state are ignored.

    One with the number of a licence that is in force renews it where it lasts longer: a business licence keeps its number
    for life. Until somebody has verified it, and until it begins, the older one stands.
    """
    assert_in_transaction(db)
    refusal = rules.unfit(new)
    if refusal is not None:
        return refusal
    if is_leaving(db, actor, new.party_id):
        return LicenceRefusal.LEAVING
    if party.is_member(db, new.party_id, actor.name) and store.waiting(db, new.party_id) >= WAITING_MAX:
        return LicenceRefusal.TOO_MANY
    owner = party.party(db, new.party_id)
    assert owner is not None
    older = store.licence_of_number(db, new.party_id, new.kind, new.number)
    if older is not None and new.valid_to <= older.valid_to:
        return LicenceRefusal.ALREADY_THERE
    renewed = new.supersedes_id if older is None else older.id
    taken = replace(new, state="submitted", made_by=actor.name, supersedes_id=renewed)
    licence_id = store.add_licence(db, taken, at)
    if licence_id is None:
        return LicenceRefusal.ALREADY_THERE
    seen = rules.findings(new, owner.name, owner.uscc, biz_date(at))
    store.note_licence(db, licence_id, findings=seen)
    for before, after in (("submitted", "auto_checked"), ("auto_checked", "in_review")):
        rules.LICENCE.check(before, after)
        store.move_licence(db, licence_id, before, after, at)
    told = {"kind": new.kind, "number": new.number, "valid_to": new.valid_to, "findings": seen}
    file = None if new.file_sha256 is None else new.file_sha256.hex()
    after_ = {**told, "file": file, "licence": licence_id}
    audit.record(db, [Deed(actor, "licence.submit", "party", str(new.party_id), after=after_)], at)
    return _seen(db, licence_id)


def decide(
    db: Db, actor: Actor, licence_id: int, *, is_good: bool, reason: str, at: datetime, is_alone: bool = False
) -> Licence | LicenceRefusal:
    """Verify a licence, or reject it. Whoever handed it in does not decide; where the risk is high, two others have to.

    A sole operator (solo mode, and `is_alone`) decides alone, after the wait that was chosen at set-up. Nobody verifies
    what they have not seen: without a scan there is nothing to verify. One that renews another takes its place once it begins:
    until then both are verified, and their dates say which one holds.
    """
    assert_in_transaction(db)
    found = store.licence(db, licence_id, lock=True)
    if found is None:
        return LicenceRefusal.NO_SUCH_LICENCE
    if found.state != "in_review":
        return LicenceRefusal.WRONG_STATE
    if not reason.strip():
        return LicenceRefusal.NO_REASON
    if not is_good:
        return _move(db, actor, found, "rejected", reason, at)
    house = party.platform(db)
    assert found.made_at is not None
    is_solo = house.is_solo and is_alone
    alone = is_solo and at >= found.made_at + timedelta(seconds=house.solo_wait_seconds)
    is_own = party.is_member(db, found.party_id, actor.name)
    if is_own or actor.name in found.reviewed_by or (actor.name == found.made_by and not alone):
        return LicenceRefusal.SAME_PERSON
    if found.file_sha256 is None:
        return LicenceRefusal.NO_FILE
    store.note_licence(db, licence_id, reviewer=actor.name)
    needed = 1 if is_solo else _needed(db, found)
    if len(found.reviewed_by) + 1 < needed:
        told = {"licence": licence_id, "reviewers": len(found.reviewed_by) + 1, "needed": needed}
        audit.record(db, [Deed(actor, "licence.review", "party", str(found.party_id), after=told, reason=reason)], at)
        return _seen(db, licence_id)
    _take_over(db, actor, found, reason, at)
    return _move(db, actor, found, "verified", reason, at)


def reviewers_lacking(db: Db, licence: Licence, able: Collection[str], *, is_alone: bool = False) -> int:
    """How many reviewers too few there are for a licence that waits, among those who have the right.

    More than none, and it can never be verified as it was brought: whoever registered it at the desk does not review it.
    Its own supplier may bring it instead, once this one is rejected.
    """
    if licence.state != "in_review" or (party.platform(db).is_solo and is_alone):
        return 0
    free = [email for email in able if not party.is_member(db, licence.party_id, email)]
    return rules.reviewers_lacking(licence, _needed(db, licence), free)


def revoke(db: Db, actor: Actor, licence_id: int, reason: str, at: datetime) -> Licence | LicenceRefusal:
    """An authority has taken a licence back. What needed it stops with this very statement."""
    assert_in_transaction(db)
    found = store.licence(db, licence_id, lock=True)
    if found is None:
        return LicenceRefusal.NO_SUCH_LICENCE
    if found.state != "verified":
        return LicenceRefusal.WRONG_STATE
    if not reason.strip():
        return LicenceRefusal.NO_REASON
    return _move(db, actor, found, "revoked", reason, at)


def note_renewal(
    db: Db, actor: Actor, licence_id: int, at: datetime, reported_year: int | None = None
) -> Licence | LicenceRefusal:
    """Note that a renewal was filed, or that a year was reported (C-03)."""
    assert_in_transaction(db)
    found = store.licence(db, licence_id, lock=True)
    if found is None:
        return LicenceRefusal.NO_SUCH_LICENCE
    store.note_renewal(db, licence_id, None if reported_year else at, reported_year)
    what = {"licence": licence_id, "reported_year": reported_year, "renewal_at": None if reported_year else at}
    audit.record(db, [Deed(actor, "licence.renewal", "party", str(found.party_id), after=what)], at)
    return _seen(db, licence_id)


def watch(db: Db, at: datetime) -> list[Alert]:
    """Raise what the dates of licences and authorisations call for; the alerts that are new or worse than before.

    A renewal that has begun by now takes the place of what it renews.
    """
    assert_in_transaction(db)
    day = biz_date(at)
    for renewal_id in store.begun_renewals(db, day):
        new = store.licence(db, renewal_id, lock=True)
        if new is not None and new.state == "verified":
            _take_over(db, audit.SYSTEM, new, BEGUN, at)
    found = store.every_licence(db, None, ["verified"], WATCHED_MAX)
    ending = store.unrenewed(db, day, day + timedelta(days=max(rules.ALERT_DAYS)), WATCHED_MAX)
    links = store.authorisations_by(db, ending)
    renewed = store.renewed_licences(db)
    due = [told for one in found for told in rules.alerts(one, day, is_renewed=one.id in renewed)]
    due += [told for one in links.values() for told in rules.link_alerts(one, day, is_filed=ending[one.id])]
    raised = store.raise_alerts(db, due, at)
    owners = {("licence", one.id): one.party_id for one in found}
    owners |= {("authorisation", one.id): one.grantee_id for one in links.values()}
    deeds = [
        Deed(
            audit.SYSTEM, f"{one.paper}.alert", "party", str(owners[one.paper, one.paper_id]),
            after={one.paper: one.paper_id, "what": one.what, "severity": one.severity, "due_on": one.due_on},
        )
        for one in raised
    ]  # fmt: skip
    audit.record(db, deeds, at)
    return raised


def tell_owners(db: Db, ring: Keyring, raised: Sequence[Alert], at: datetime) -> int:
    """Write to the people of the suppliers whose papers these alerts are of; how many messages.

    Of several alerts of a paper that came at once, the nearest; each alert once for every grade it grows to. Who has
    filed a renewal is not told that one is due.
    """
    assert_in_transaction(db)
    urgent, day = rules.most_urgent(raised), biz_date(at)
    held = store.licences_by(db, {one.paper_id for one in urgent if one.paper == "licence"})
    links = store.authorisations_by(db, {one.paper_id for one in urgent if one.paper == "authorisation"})
    ending = store.unrenewed(db, day, max((one.due_on for one in urgent), default=day), WATCHED_MAX) if links else {}
    drafts = []
    for one in urgent:
        paper: Licence | Authorisation
        if one.paper == "authorisation":
            paper = links[one.paper_id]
            owner_id, name, is_filed = paper.grantee_id, paper.grantee, ending.get(paper.id, True)
        else:
            paper = held[one.paper_id]
            owner_id, name, is_filed = paper.party_id, paper.party, paper.renewal_at is not None
        owner = party.supplier(db, owner_id)
        if owner is None or owner.state in GONE or (is_filed and one.what.startswith("expires_")):
            continue
        values = {"name": name, "what": rules.in_words(one, paper), "by": one.due_on.isoformat()}
        about = f"{'link-' if one.paper == 'authorisation' else ''}{one.paper_id}:{one.what}:{one.severity}"
        people = party.members(db, owner_id)
        drafts += [Draft("licence", f"{about}:{place}", to, values) for place, to in enumerate(people)]
    messages.write(db, ring, drafts, at)
    return len(drafts)


def _needed(db: Db, licence: Licence) -> int:
    standing = party.supplier(db, licence.party_id)
    return rules.REVIEWERS_OF_HIGH_RISK if standing is not None and standing.risk == "high" else 1


def _take_over(db: Db, actor: Actor, new: Licence, reason: str, at: datetime) -> None:
    """Let what a licence renews make room for it, as far back as it goes, where its own dates have come."""
    older_id = new.supersedes_id
    while older_id is not None:
        older = store.licence(db, older_id, lock=True)
        assert older is not None
        if older.state == "verified" and rules.replaces(new, older, biz_date(at)):
            _move(db, actor, older, "superseded", reason, at)
        older_id = older.supersedes_id


def _move(db: Db, actor: Actor, found: Licence, after: str, reason: str, at: datetime) -> Licence:
    rules.LICENCE.check(found.state, after)
    store.move_licence(db, found.id, found.state, after, at)
    told = ({"licence": found.id, "state": found.state}, {"licence": found.id, "state": after})
    audit.record(db, [Deed(actor, f"licence.{after}", "party", str(found.party_id), *told, reason[:500])], at)
    return _seen(db, found.id)


def _seen(db: Db, licence_id: int) -> Licence:
    found = store.licence(db, licence_id)
    assert found is not None
    return found
