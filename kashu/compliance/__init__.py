"""What may be sold, by whom and under which papers: licences, what goods need, authorisations, blocks."""

from kashu.compliance.rules import MATRIX, in_force, opens_coins
from kashu.compliance.rules import effect as effect_of
from kashu.compliance.rules import standing as standing_of
from kashu.compliance.service import authorisations, effect, licences, missing_of_platform, standing
from kashu.compliance.service.licences import FILE_BYTES_MAX
from kashu.compliance.store import (
    alerts,
    authorisation,
    blocks,
    chain,
    every_licence,
    for_brand,
    goods,
    licence,
    pool_stands,
    pool_stops,
    requirements,
)
from kashu.compliance.store import authorisations as authorisations_of
from kashu.compliance.store import licences as in_force_on
from kashu.compliance.types import (
    KINDS,
    Alert,
    Authorisation,
    AuthorisationRefusal,
    Cause,
    Effect,
    Event,
    Goods,
    Licence,
    LicenceRefusal,
    Requirement,
    Stand,
)

__all__ = [
    "FILE_BYTES_MAX",
    "KINDS",
    "MATRIX",
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
    "alerts",
    "authorisation",
    "authorisations",
    "authorisations_of",
    "blocks",
    "chain",
    "effect",
    "effect_of",
    "every_licence",
    "for_brand",
    "goods",
    "in_force",
    "in_force_on",
    "licence",
    "licences",
    "missing_of_platform",
    "opens_coins",
    "pool_stands",
    "pool_stops",
    "requirements",
    "standing",
    "standing_of",
]
