"""Nouns of what comes after a sale: complaints, guardians' claims, and the clocks on both."""

from kashu.aftersale.types.clocks import Clock, ClockCount, Term
from kashu.aftersale.types.complaints import KINDS, OUTCOMES, Complaint, ComplaintRefusal, Figures
from kashu.aftersale.types.guardians import RELATIONS, Claim, ClaimRefusal, NewClaim, Persons

__all__ = [
    "KINDS",
    "OUTCOMES",
    "RELATIONS",
    "Claim",
    "ClaimRefusal",
    "Clock",
    "ClockCount",
    "Complaint",
    "ComplaintRefusal",
    "Figures",
    "NewClaim",
    "Persons",
    "Term",
]
