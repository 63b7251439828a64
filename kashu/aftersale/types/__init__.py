"""Nouns of what comes after a sale: complaints, guardians' claims, compensations, and the clocks on them."""

from kashu.aftersale.types.clocks import Clock, ClockCount, Term
from kashu.aftersale.types.compensations import OPEN_COMPENSATIONS, Compensation, CompensationRefusal
from kashu.aftersale.types.complaints import KINDS, OUTCOMES, Complaint, ComplaintRefusal, Figures
from kashu.aftersale.types.guardians import RELATIONS, Claim, ClaimRefusal, NewClaim, Persons

__all__ = [
    "KINDS",
    "OPEN_COMPENSATIONS",
    "OUTCOMES",
    "RELATIONS",
    "Claim",
    "ClaimRefusal",
    "Clock",
    "ClockCount",
    "Compensation",
    "CompensationRefusal",
    "Complaint",
    "ComplaintRefusal",
    "Figures",
    "NewClaim",
    "Persons",
    "Term",
]
