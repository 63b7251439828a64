"""Papers of batches: under which authorisation and by which document they were bought, and what happened to them since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from kashu import audit, catalog, compliance, party
from kashu.audit import Actor, Deed
from kashu.cards import rules, store
from kashu.cards.types import Batch, PaperRefusal, Papers, Refusal, Step, Trace
from kashu.compliance import Authorisation, AuthorisationRefusal
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.seal import Keyring

DOCUMENT_CHARS_MAX = 120
RENEWED_MAX = 500


def note(db: Db, actor: Actor, pool_id: int, event: str, body: Mapping[str, Any], at: datetime) -> Step:
    """Add a step to a pool's chain; each carries the hash of the one before."""
    assert_in_transaction(db)
    last = store.last_step(db, pool_id)
    seq, before = (1, rules.GENESIS) if last is None else (last.seq + 1, last.hash)
    step = Step(pool_id, seq, at, event, actor.name, dict(body), before, b"")
    step = replace(step, hash=rules.link(step))
    store.add_step(db, step)
    return step


def attach(db: Db, actor: Actor, pool_id: int, papers: Papers, at: datetime) -> Batch | PaperRefusal:
    """Say by which document a batch was bought and under which authorisation. Until it is first for sale; where it had no
    brand then and has one now, its authorisation also later, while it is off sale. A second person confirms that anew.

    The authorisation has to be the supplier's, or ours by the supplier; for the brand and the goods of the page, for all of
    China and with the right to resell; and in force on the day the batch was received: a batch dated outside of it is not
    taken (§2.5). What is issued for each order (直充, 代充) is
    bought as it is sold: it has an authorisation, in force now, and no document.
    """
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None:
        return PaperRefusal.NO_SUCH_BATCH
    is_later = found.kind in catalog.LATER
    is_told = store.authorisation_of(db, pool_id) if is_later else rules.papers_of(store.steps(db, pool_id))
    is_open = found.on_sale_at is None or is_told is None
    is_added = not is_open and not is_later and _may_add(db, found, papers)
    if not (is_open or is_added) or found.state == "cancelled":
        return PaperRefusal.TOO_LATE
    is_fit = papers.document.strip() and len(papers.document) <= DOCUMENT_CHARS_MAX and papers.amount_fen >= 0
    is_named = is_fit and not is_added
    if not is_named and not ((is_later or is_added) and papers.authorisation_id is not None):
        return PaperRefusal.NO_DOCUMENT
    if papers.authorisation_id is not None:
        refusal = _unfit(db, found, papers.authorisation_id, at)
        if refusal is not None:
            return refusal
        store.set_authorisation(db, pool_id, papers.authorisation_id)
        link = compliance.authorisation(db, papers.authorisation_id)
        assert link is not None
        file = None if link.file_sha256 is None else link.file_sha256.hex()
        note(db, actor, pool_id, "authorised", {"authorisation": link.id, "number": link.number, "file": file}, at)
    body = {"document": papers.document, "amount_fen": papers.amount_fen, "quantity": papers.quantity}
    if is_named:
        file = None if papers.file_sha256 is None else papers.file_sha256.hex()
        note(db, actor, pool_id, "purchased", {**body, "file": file}, at)
    told = {**body, "authorisation": papers.authorisation_id}
    audit.record(db, [Deed(actor, "batch.papers", "batch", found.code, after=told, pool_id=pool_id)], at)
    seen = store.batch(db, pool_id)
    assert seen is not None
    return seen


def confirm(db: Db, actor: Actor, pool_id: int, at: datetime, *, is_alone: bool = False) -> Batch | PaperRefusal:
    """A second person confirms what was received and its papers (S-07): the manifest's hash is the one of the file that came.

    Neither whoever took the cards in nor whoever registered the papers, nor whoever changed the batch since: papers, a
    shared secret and a cap that change want a new confirmation, and no buyer is given a secret before it. In solo mode the
    same person may, after the wait that was chosen at set-up, and only while there is no second one.
    """
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None:
        return PaperRefusal.NO_SUCH_BATCH
    if found.loaded_at is None:
        return PaperRefusal.NOT_LOADED
    steps = store.steps(db, pool_id)
    papers = rules.papers_of(steps)
    if papers is None:
        return PaperRefusal.NOT_REGISTERED
    if rules.receipt_of(steps) is not None:
        return PaperRefusal.TOO_LATE
    house, changed = party.platform(db), rules.changes_of(steps)
    since = max([found.received_at, papers.at, *(step.at for step in changed)])
    alone = house.is_solo and is_alone and at >= since + timedelta(seconds=house.solo_wait_seconds)
    is_own = actor.name in (found.received_by, papers.actor, *(step.actor for step in changed))
    if (is_own and not alone) or party.is_member(db, found.supplier_id, actor.name):
        return PaperRefusal.SAME_PERSON
    body = {"manifest_hash": found.manifest_hash, "cards": found.accepted, "papers": papers.hash.hex(), "solo": is_own}
    if found.kind == "shared_secret":
        body["content"] = store.give_content(db, pool_id)
    note(db, actor, pool_id, "confirmed", body, at)
    audit.record(db, [Deed(actor, "batch.confirm", "batch", found.code, after=body, pool_id=pool_id)], at)
    return found


def renew(db: Db, actor: Actor, old_id: int, new_id: int, at: datetime) -> list[int] | PaperRefusal:
    """Move what is left to sell under one authorisation to the one that renews it; the pools that moved, `RENEWED_MAX` at most.

    A renewal is by the same grantor for the same grantee and brand, covers what the old one did, and ends later. What was
    sold stays with the authorisation it was sold under: each step of the chain says which one from then on. An
    authorisation that was revoked is not renewed.
    """
    assert_in_transaction(db)
    held = {one: compliance.authorisation(db, one, lock=True) for one in sorted({old_id, new_id})}
    old, new = held[old_id], held[new_id]
    if old is None or new is None or not new.holds(biz_date(at)):
        return PaperRefusal.NO_SUCH_AUTHORISATION
    if old.state != "verified":
        return PaperRefusal.REVOKED
    if not compliance.renews(new, old):
        return PaperRefusal.NOT_A_RENEWAL
    moved = store.renewable(db, old_id, RENEWED_MAX)
    body = {"authorisation": new.id, "number": new.number, "renews": old.id}
    body["file"] = None if new.file_sha256 is None else new.file_sha256.hex()
    for pool_id in moved:
        store.set_authorisation(db, pool_id, new_id)
        note(db, actor, pool_id, "authorised", body, at)
    after = {"by": new_id, "pools": moved}
    audit.record(db, [Deed(actor, "authorisation.renewed", "authorisation", str(old_id), after=after)], at)
    return moved


def revoke(
    db: Db, actor: Actor, authorisation_id: int, reason: str, at: datetime, last_day: date | None = None
) -> list[int] | AuthorisationRefusal:
    """Revoke an authorisation with all below it: no card under any of them is sold any more. The ids that fell.

    A renewal does not make good what was bought when there was nothing to renew: such batches are under what fell again.
    What was sold of them is recalled, by the job that hears of it.
    """
    fallen = compliance.authorisations.revoke(db, actor, authorisation_id, reason, at, last_day)
    if isinstance(fallen, AuthorisationRefusal):
        return fallen
    for pool_id, came_under in came_after(db, fallen).items():
        store.batch(db, pool_id, lock=True)
        if store.authorisation_of(db, pool_id) != came_under:
            store.set_authorisation(db, pool_id, came_under)
            note(db, actor, pool_id, "authorised", {"authorisation": came_under, "revoked": True}, at)
    tell(db, [Fact("authorisation.revoked", {"authorisation": authorisation_id, "turn": 0})], at)
    return fallen


def came_after(db: Db, authorisation_ids: Sequence[int]) -> dict[int, int]:
    """Pools whose batch came when its authorisation, one of these, held no more for who revoked it; with that one (§2.3)."""
    return store.came_after(db, authorisation_ids, catalog.LATER)


def fitting(db: Db, batch: Batch, at: datetime) -> list[Authorisation]:
    """The authorisations, of its supplier or ours, under which a batch may have been bought on the day it came."""
    brand, goods = catalog.brand_of(db, batch.sku_id)
    owners = [batch.supplier_id, *(one.id for one in party.parties(db, "platform") if one.id != batch.supplier_id)]
    day = _bought_on(batch, at)
    found = [one for owner in owners for one in compliance.for_brand(db, owner, brand, goods or "", day)]
    return [one for one in found if _fault(db, batch, one, day) is None]


def is_branded(db: Db, batch: Batch) -> bool:
    """Whether a batch wants an authorisation: of a brand and made by others, or goods that are shut unless one opens them."""
    brand, goods = catalog.brand_of(db, batch.sku_id)
    return goods in compliance.OPENABLE or (batch.kind != rules.OWN and bool(brand))


def is_probed(db: Db, batch: Batch) -> bool:
    """Whether a batch's supplier answers for its cards (验卡)."""
    return batch.kind in rules.PROBED and store.checking_source(db, batch.supplier_id) is not None


def lacks(db: Db, batch: Batch, at: datetime) -> list[Refusal]:
    """What a batch lacks before it may be for sale: its papers (§2.1), its receipt (S-07), its sample; or that it is stopped."""
    steps = store.steps(db, batch.pool_id)
    found = [Refusal.FROZEN] if rules.is_frozen(steps) else []
    is_bought = batch.kind in rules.BOUGHT
    held = store.authorisation_of(db, batch.pool_id)
    link = None if held is None else compliance.authorisation(db, held)
    is_for_it = link is not None and _fault(db, batch, link, biz_date(at)) is None
    wanted = (
        (Refusal.NO_DOCUMENT, not is_bought or rules.papers_of(steps) is not None),
        (Refusal.NOT_AUTHORISED, not is_branded(db, batch) or is_for_it),
        (Refusal.NOT_CONFIRMED, not is_bought or rules.receipt_of(steps) is not None),
        (Refusal.NOT_PROBED, rules.sample_of(steps) is not None or not is_probed(db, batch)),
    )
    return [*found, *(refusal for refusal, is_there in wanted if not is_there)]


def trace(db: Db, ring: Keyring, actor: Actor, number: str, secret: str, at: datetime) -> Trace | None:
    """From a card, as it is in somebody's hand, to the root of its authorisation and on to its order and redemption.

    The secret is not kept nor logged.
    """
    assert_in_transaction(db)
    origin = store.origin_of_print(db, ring.fingerprint(number, secret))
    after = {"found": origin is not None, "batch": None if origin is None else origin.code}
    audit.record(db, [Deed(actor, "card.trace", "card", "by fingerprint", after=after)], at)
    if origin is None:
        return None
    steps = store.steps(db, origin.pool_id)
    chain = [] if origin.authorisation_id is None else compliance.chain(db, origin.authorisation_id)
    redeemed = store.redemptions_of(db, origin.pool_id, origin.card_id)
    tally = rules.tally_of(steps, origin.revealed_at)
    return Trace(origin, tuple(chain), tuple(steps), rules.broken(steps), tuple(redeemed), tally)


def _may_add(db: Db, batch: Batch, papers: Papers) -> bool:
    """Whether a batch that was for sale without an authorisation may get its first; its document stays as it is."""
    is_bare = papers.authorisation_id is not None and store.authorisation_of(db, batch.pool_id) is None
    return is_bare and batch.state == "withdrawn"


def _bought_on(batch: Batch, at: datetime) -> date:
    """The day on which an authorisation has to hold: when a batch came, or now, where each order is bought by itself."""
    return biz_date(at if batch.kind in catalog.LATER else batch.received_at)


def _unfit(db: Db, batch: Batch, authorisation_id: int, at: datetime) -> PaperRefusal | None:
    link = compliance.authorisation(db, authorisation_id)
    return PaperRefusal.NO_SUCH_AUTHORISATION if link is None else _fault(db, batch, link, _bought_on(batch, at))


def _fault(db: Db, batch: Batch, link: Authorisation, day: date) -> PaperRefusal | None:
    """Why a batch cannot be under a link on a day: whose it is, when, what for, and whom it lets sell to."""
    if not _comes_by(db, batch, link):
        return PaperRefusal.NO_SUCH_AUTHORISATION
    if not link.holds(day):
        return PaperRefusal.OUTSIDE_ITS_DATES
    if not compliance.authorisations.lets_sell(link, *catalog.brand_of(db, batch.sku_id)):
        return PaperRefusal.OTHER_GOODS
    return None if compliance.is_for_all(link) else PaperRefusal.NOT_FOR_ALL


def _comes_by(db: Db, batch: Batch, link: Authorisation) -> bool:
    """Whether a batch came by a link: it is its supplier's, or the supplier gave it to us. Any other chain would not be its own."""
    supplier = party.party(db, batch.supplier_id)
    assert supplier is not None
    is_ours = link.grantee_id in {one.id for one in party.parties(db, "platform")}
    gave = link.grantor_id == supplier.id or (link.grantor_id is None and link.grantor == supplier.name)
    return link.grantee_id == supplier.id or (is_ours and gave)
