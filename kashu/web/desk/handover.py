"""The one place where onboarding meets the register of licences."""

from __future__ import annotations

from datetime import date

from kashu import compliance, party
from kashu.audit import Actor
from kashu.compliance import Licence
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.party import Document
from kashu.wire import edge, papers

UNLIMITED = date(2099, 12, 31)


def register_licence(db: Db, paper: Document) -> None:
    """An accepted business licence goes on to the register, handed in by whoever brought it; it is decided there.

    One that is there already stays as it is.
    """
    owner, ctx, at = party.party(db, paper.party_id), edge.ctx(), clock.now()
    assert owner is not None
    brought_by = Actor("person", paper.submitted_by)
    content = b"".join(papers.content(ctx, paper.spool)) if (ctx.spool / paper.spool).exists() else b""
    kept = compliance.licences.keep_file(db, ctx.ring, brought_by, paper.name, content, at)
    scan = kept if isinstance(kept, bytes) else None
    new = Licence(
        0, owner.id, "business", owner.uscc, owner.name, [], "全国", biz_date(paper.submitted_at),
        paper.valid_to or UNLIMITED, file_sha256=scan,
    )  # fmt: skip
    compliance.licences.submit(db, brought_by, new, at)
