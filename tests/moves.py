"""What every state machine promises, whatever is tried: checked after each of many random steps."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from enum import Enum
from typing import Any

from kashu.kernel.db import Db
from kashu.kernel.states import Moves

State = Mapping[Hashable, str]


def by_the_table(table: Moves, before: State, after: State, *, born: str) -> None:
    """Nothing vanishes, what is new is newborn, and what moved has moved along the table."""
    assert before.keys() <= after.keys()
    for one, state in after.items():
        was = before.get(one, born)
        assert was == state or table.allows(was, state), f"{table.of}: {was} to {state}"


def told_or_nothing(db: Db, look: Callable[[], Any], do: Callable[[], Any]) -> Any:
    """Do something. A refusal leaves everything as it was and says nothing in the trail; what moved is in the trail."""
    before, entries = look(), _entries(db)
    answer = do()
    after, now = look(), _entries(db)
    if isinstance(answer, Enum):
        assert (after, now) == (before, entries), answer
    if after != before:
        assert now > entries, "a move without its entry in the trail"
    return answer


def _entries(db: Db) -> int:
    found = db.execute("SELECT count(*) FROM audit_entry WHERE xact = pg_current_xact_id()").fetchone()
    assert found is not None
    return int(found[0])
