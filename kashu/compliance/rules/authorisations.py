"""Chains of authorisation, as plain functions."""

from __future__ import annotations

from kashu.compliance.types import Authorisation, AuthorisationRefusal
from kashu.kernel.states import moves

AUTHORISATION = moves(
    "authorisation", in_review="verified rejected", verified="revoked", rejected="", revoked="",
)  # fmt: skip
EVERYWHERE = "全国"


def beyond(link: Authorisation, parent: Authorisation | None) -> AuthorisationRefusal | None:
    """Why a link is more than the one it hangs on: each is at most its parent, and passed on only where that may be."""
    if link.valid_to < link.valid_from:
        return AuthorisationRefusal.WRONG_DATES
    if parent is None:
        return None
    if not parent.may_pass_on:
        return AuthorisationRefusal.NOT_PASSED_ON
    inside = (
        link.brand == parent.brand
        and set(link.goods) <= set(parent.goods)
        and (EVERYWHERE in parent.territory or set(link.territory) <= set(parent.territory))
        and parent.valid_from <= link.valid_from
        and link.valid_to <= parent.valid_to
        and link.grantor_id == parent.grantee_id
        and (parent.may_resell or not link.may_resell)
    )
    return None if inside else AuthorisationRefusal.BEYOND_PARENT


def renews(link: Authorisation, old: Authorisation) -> bool:
    """Whether a link goes on where another ends: the same parties and brand, no less of goods, territory and rights."""
    return (
        (link.grantor_id, link.grantor, link.grantee_id, link.brand)
        == (old.grantor_id, old.grantor, old.grantee_id, old.brand)
        and set(old.goods) <= set(link.goods)
        and (EVERYWHERE in link.territory or set(old.territory) <= set(link.territory))
        and (link.may_resell or not old.may_resell)
        and (link.opens_shut or not old.opens_shut)
        and link.valid_to > old.valid_to
    )


def is_for_all(link: Authorisation) -> bool:
    """Whether what is under a link may be sold to everybody: in all of China, by somebody who may resell."""
    return EVERYWHERE in link.territory and link.may_resell


def link_findings(chain: list[Authorisation]) -> list[str]:
    """What a machine sees at a link before a person does, from its chain, root first: nothing here is a verdict."""
    link = chain[-1]
    seen = {
        "root_not_issuer": not chain[0].is_issuer,
        "narrow_territory": EVERYWHERE not in link.territory,
        "no_resale": not link.may_resell,
    }
    return [name for name, is_so in seen.items() if is_so]


def opens_coins(chain: list[Authorisation], goods: str) -> bool:
    """Whether a chain, root first, opens goods that are shut: from the issuer itself, resale right in every link, two reviewers."""
    return (
        bool(chain)
        and chain[0].is_issuer
        and all(link.may_resell and goods in link.goods and len(set(link.reviewed_by)) >= 2 for link in chain)
    )
