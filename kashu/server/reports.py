"""`kashu suppliers`: the files that authorities are given."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from kashu import party
from kashu.audit import Actor
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.server.awake import awake
from kashu.wire import reports

suppliers_app = cyclopts.App(name="suppliers", help="Suppliers.")
AsJson = Annotated[bool, Parameter(name="--json", help="Answer with JSON.")]


@suppliers_app.command
def report(file: Path, *, quarter: str = "", as_json: AsJson = False) -> None:
    """Write who the suppliers are, for January and July (C-11); with `--quarter`, what they earned (C-12).

    Parameters
    ----------
    file:
        Where the CSV goes.
    quarter:
        Such as `2026-Q4`.
    """
    at = clock.now()
    try:
        ctx, actor = awake(), Actor("person", "command line")
        with ctx.pool.transaction() as db:
            if quarter:
                made = reports.incomes(db, quarter)
            else:
                made = reports.identities(db, ctx.ring, actor, reports.half_of(biz_date(at)), ctx.env.public_url, at)
            kind = "tax" if quarter else "authority"
            party.reports.keep(db, actor, kind, made.period, (made.rows, made.sha256), at)
    except ValueError as error:
        Console(stderr=True).print(f"[red]{error}")
        sys.exit(1)
    file.write_text(made.text, encoding="utf-8", newline="")
    told = {"period": made.period, "rows": made.rows, "sha256": made.sha256, "file": str(file)}
    if as_json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    Console().print(f"{made.period}: {made.rows} suppliers, {file}", soft_wrap=True)
