"""Nouns of compliance."""

from kashu.compliance.types.attestations import Attestation, NewAttestation
from kashu.compliance.types.authorisations import Authorisation, AuthorisationRefusal
from kashu.compliance.types.blocks import Cause, Effect, Event, Stand
from kashu.compliance.types.licences import KINDS, Alert, Goods, Licence, LicenceRefusal, OpenCounts, Requirement
from kashu.compliance.types.listing import (
    CATEGORIES,
    Context,
    GoodsClass,
    ImageText,
    Judgement,
    Reason,
    Verdict,
    VoidClause,
)
from kashu.compliance.types.reviews import Review, ReviewRefusal, Texts
from kashu.compliance.types.takedowns import (
    ORIGINS,
    Affected,
    ClosingRefusal,
    Facts,
    Grounds,
    Takedown,
    TakedownRefusal,
)
from kashu.compliance.types.value import Custody, Issuer, Refund, ValueCard, ValueFault

__all__ = [
    "CATEGORIES",
    "KINDS",
    "ORIGINS",
    "Affected",
    "Alert",
    "Attestation",
    "Authorisation",
    "AuthorisationRefusal",
    "Cause",
    "ClosingRefusal",
    "Context",
    "Custody",
    "Effect",
    "Event",
    "Facts",
    "Goods",
    "GoodsClass",
    "Grounds",
    "ImageText",
    "Issuer",
    "Judgement",
    "Licence",
    "LicenceRefusal",
    "NewAttestation",
    "OpenCounts",
    "Reason",
    "Refund",
    "Requirement",
    "Review",
    "ReviewRefusal",
    "Stand",
    "Takedown",
    "TakedownRefusal",
    "Texts",
    "ValueCard",
    "ValueFault",
    "Verdict",
    "VoidClause",
]
