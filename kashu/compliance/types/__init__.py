"""Nouns of compliance."""

from kashu.compliance.types.authorisations import Authorisation, AuthorisationRefusal
from kashu.compliance.types.blocks import Cause, Effect, Event, Stand
from kashu.compliance.types.licences import KINDS, Alert, Goods, Licence, LicenceRefusal, Requirement

__all__ = [
    "KINDS",
    "Alert",
    "Authorisation",
    "AuthorisationRefusal",
    "Cause",
    "Effect",
    "Event",
    "Goods",
    "Licence",
    "LicenceRefusal",
    "Requirement",
    "Stand",
]
