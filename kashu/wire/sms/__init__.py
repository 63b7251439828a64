"""SMS through whoever brings it: one protocol, three vendors, each a signature and a thin adapter.

The message's id goes along with every call (`OutId`, `SessionContext`, `Tag`), so that a receipt finds its message even
where the answer with the vendor's own number was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kashu.messages import Answer, Receipt


@dataclass(frozen=True, slots=True)
class Letter:
    """What a vendor is asked to bring, or is asked about."""

    message_id: UUID
    to: str = field(repr=False)
    sign_name: str
    template_id: str
    values: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    asked_at: datetime
    vendor_no: str = ""


class Vendor(Protocol):
    """Somebody who brings messages. Nothing is raised: every silence has a meaning, and the answer says which."""

    def send(self, letter: Letter) -> Answer:
        """Bring it. REFUSED means that it certainly was not taken."""

    def ask(self, letter: Letter) -> Answer:
        """What became of it. REFUSED only where the vendor's silence about it proves that it never came."""


class Reader(Protocol):
    """Reads the receipts of one vendor out of the body of its callback; None where it is no such body."""

    def __call__(self, body: bytes) -> list[Receipt] | None: ...
