"""Sessions in the database, sealed: a form that waits for a password lies in one, keys and passwords with it (C-52)."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db

from kashu.kernel.seal import SealBrokenError
from kashu.wire import edge


class SessionStore(db.SessionStore):
    """What a session holds can be read under its own key only, by who has the key ring."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        text = self.serializer().dumps(session_dict).decode("latin-1")
        return edge.ctx().ring.seal_personal(text, self._place()).hex()

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """What was sealed; of what is not ours, an empty session, which signs its person out."""
        try:
            text = edge.ctx().ring.open_personal(bytes.fromhex(str(session_data)), self._place())
        except (SealBrokenError, ValueError):
            return {}
        found: dict[str, Any] = self.serializer().loads(text.encode("latin-1"))
        return found

    def _place(self) -> str:
        return f"session {self.session_key}"
