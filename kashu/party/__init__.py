"""Who takes part: the platform itself, suppliers, their licences, and the people who sign in."""

from kashu.party.service import add_licence, choose_solo, open_party
from kashu.party.store import licences, owners, parties, platform
from kashu.party.types import Licence, Party, Platform

__all__ = [
    "Licence",
    "Party",
    "Platform",
    "add_licence",
    "choose_solo",
    "licences",
    "open_party",
    "owners",
    "parties",
    "platform",
]
