"""A guardian's claim as plain decisions (C-70, C-72): who may ask, and what may be kept back."""

from __future__ import annotations

from datetime import date

from kashu import party
from kashu.aftersale.rules.complaints import WORDS_MAX
from kashu.aftersale.types import RELATIONS, ClaimRefusal, NewClaim
from kashu.kernel.states import moves

CLAIM = moves("claim", open="granted rejected", granted="", rejected="")
NAME_CHARS_MAX = 60
RETENTION_MONTHS = 36


def claim_refusal(new: NewClaim, bought_on: date, today: date) -> ClaimRefusal | None:
    """Why this cannot be taken: a guardian is grown up now, and a minor was none on the day of the purchase."""
    told = new.persons
    if new.relation not in RELATIONS:
        return ClaimRefusal.WRONG_RELATION
    if not all(0 < len(name) <= NAME_CHARS_MAX for name in (told.guardian_name, told.minor_name)):
        return ClaimRefusal.WRONG_NAME
    if not told.words:
        return ClaimRefusal.NO_WORDS
    if len(told.words) > WORDS_MAX:
        return ClaimRefusal.TOO_LONG
    guardian, minor = (party.check_id_card(one, today) for one in (told.guardian_number, told.minor_number))
    if not guardian.is_right:
        return ClaimRefusal.GUARDIAN_NUMBER
    if not minor.is_right:
        return ClaimRefusal.MINOR_NUMBER
    if guardian.text == minor.text:
        return ClaimRefusal.SAME_NUMBER
    if not party.is_adult(guardian.text, today):
        return ClaimRefusal.GUARDIAN_YOUNG
    return ClaimRefusal.NOT_A_MINOR if party.is_adult(minor.text, bought_on) else None


def deduction_refusal(
    deduction_fen: int, left_fen: int, policies: frozenset[str], *, is_seen: bool
) -> ClaimRefusal | None:
    """Why so much may not be kept back: only of what was seen, of goods that minors may have, and never all of it.

    What minors may not buy, or only to a cap, is no service lawfully consumed (PREPAID §10): everything goes back.
    """
    if deduction_fen < 0 or (deduction_fen and (not is_seen or policies != frozenset({"free"}))):
        return ClaimRefusal.NO_DEDUCTION
    return ClaimRefusal.TOO_MUCH if deduction_fen >= left_fen else None
