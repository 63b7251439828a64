"""Verbs of compliance."""

from kashu.compliance.service import attestations, authorisations, licences, reviews
from kashu.compliance.service.blocks import effect, missing_of_platform, standing

__all__ = ["attestations", "authorisations", "effect", "licences", "missing_of_platform", "reviews", "standing"]
