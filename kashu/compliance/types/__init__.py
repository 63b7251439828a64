"""Nouns of compliance."""

from kashu.compliance.types.attestations import Attestation, NewAttestation
from kashu.compliance.types.authorisations import Authorisation, AuthorisationRefusal
from kashu.compliance.types.blocks import Cause, Effect, Event, Stand
from kashu.compliance.types.licences import KINDS, Alert, Goods, Licence, LicenceRefusal, Requirement
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
from kashu.compliance.types.value import Custody, Issuer, Refund, ValueCard, ValueFault

__all__ = [
    "CATEGORIES",
    "KINDS",
    "Alert",
    "Attestation",
    "Authorisation",
    "AuthorisationRefusal",
    "Cause",
    "Context",
    "Custody",
    "Effect",
    "Event",
    "Goods",
    "GoodsClass",
    "ImageText",
    "Issuer",
    "Judgement",
    "Licence",
    "LicenceRefusal",
    "NewAttestation",
    "Reason",
    "Refund",
    "Requirement",
    "Review",
    "ReviewRefusal",
    "Stand",
    "Texts",
    "ValueCard",
    "ValueFault",
    "Verdict",
    "VoidClause",
]
