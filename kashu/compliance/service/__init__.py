"""Verbs of compliance."""

from kashu.compliance.service import attestations, authorisations, closing, licences, reviews, takedowns
from kashu.compliance.service.blocks import effect, missing_of_platform, standing, stopped

__all__ = [
    "attestations",
    "authorisations",
    "closing",
    "effect",
    "licences",
    "missing_of_platform",
    "reviews",
    "standing",
    "stopped",
    "takedowns",
]
