"""What is compared when a pack is made. A pack tells the truth about itself: what does not agree is said, not hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature

from kashu import audit, catalog
from kashu.audit import Head, Proof
from kashu.catalog import Agreement
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.sales import Order, SaleLine

Page = Mapping[str, Any] | None


def compare(
    order: Order,
    lines: Sequence[SaleLine],
    pages: Mapping[bytes, Page],
    texts: Sequence[Agreement],
    books: Sequence[Mapping[str, Any]],
    trail: Sequence[Proof],
    heads: Sequence[Head],
    ring: Keyring,
) -> list[dict[str, Any]]:
    """Each comparison by name, whether it agrees, and where it does not."""
    found = {
        "page_hash": [str(line.id) for line in lines if not _is_page(line, pages[line.page_hash])],
        "price": [str(line.id) for line in lines if not _is_price(line, pages[line.page_hash])],
        "total": [] if sum(line.total_fen for line in lines) == order.total_fen else [order.number],
        "consent": [] if _is_consented(order, texts) else [order.consent_hash],
        "agreement": [str(line.agreement_id) for line in lines if line.agreement_id not in {one.id for one in texts}],
        "ledger": _unbalanced(books),
        "trail": [str(one.id) for one in trail if not _is_linked(one)],
        "heads": [str(one.seq) for one in heads if not _is_signed(one, ring)],
    }
    waiting = sum(one.seq is None for one in trail)  # sealed within seconds of the transactions before them
    return [{"name": name, "agrees": not where, "where": where} for name, where in found.items()] + [
        {
            "name": "sealed",
            "agrees": waiting == 0,
            "where": [f"{waiting} entries are not sealed yet"] if waiting else [],
        }
    ]


def _is_page(line: SaleLine, page: Page) -> bool:
    return page is not None and catalog.page_hash(page) == line.page_hash


def _is_price(line: SaleLine, page: Page) -> bool:
    """The price charged follows from the page: its price or one of its tiers; what else moved it is in the line's steps."""
    if page is None or line.total_fen != line.price_fen * line.quantity or not line.price_steps:
        return False
    shown = {page["price_fen"], *(tier["price_fen"] for tier in page["tiers"])}
    base, *more = line.price_steps
    if base["price_fen"] != page["price_fen"] or line.price_steps[-1]["price_fen"] != line.price_fen:
        return False
    return all(step["what"] in ("pick", "contract") or step["price_fen"] in shown for step in more)


def _is_consented(order: Order, texts: Sequence[Agreement]) -> bool:
    """A purchase account consents by its contract; a guest by the text of the day."""
    return order.account_id is not None or order.consent_hash in {sha256_hex(one.body) for one in texts}


def _unbalanced(books: Sequence[Mapping[str, Any]]) -> list[str]:
    totals: Counter[str] = Counter()
    for one in books:
        totals[f"{one['recipe']} {one['reason_id']}"] += one["amount_fen"]
    return sorted(reason for reason, fen in totals.items() if fen)


def _is_linked(one: Proof) -> bool:
    if one.seq is None or one.hash is None:
        return True
    before = one.chained_from or (audit.GENESIS if one.seq == 1 else None)
    return before is not None and audit.link(before, one.seq, one) == one.hash


def _is_signed(head: Head, ring: Keyring) -> bool:
    try:
        ring.signing_key.public_key().verify(head.signature, audit.head_text(head.seq, head.hash))
    except InvalidSignature:
        return False
    return True
