"""`kashu lists`: lists of persons and organisations nobody may deal with (C-60)."""

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
from kashu.jobs.suppliers import screen_all
from kashu.kernel import clock
from kashu.kernel.text import sha256_hex
from kashu.party import Listed
from kashu.server.awake import awake
from kashu.server.wiring import context
from kashu.wire import lists

lists_app = cyclopts.App(name="lists", help="Lists of persons and organisations nobody may deal with.")
FILE_BYTES_MAX = 64 << 20


@lists_app.command
def load(file: Path, *, name: str, as_json: Annotated[bool, Parameter(name="--json", help="Answer with JSON.")] = False) -> None:  # fmt: skip
    """Load a new version of a list and screen every supplier against it.

    Parameters
    ----------
    file:
        CSV with the columns name, aliases and ids (several separated by `;`), or JSON lines.
    name:
        What the list is called: small letters, digits and hyphens, such as `un-sanctions`.
    """
    raw = file.read_bytes()
    try:
        entries = _entries(file, raw)
    except (UnicodeDecodeError, lists.ListError) as error:
        Console(stderr=True).print(f"[red]{file.name}: {error}", soft_wrap=True)
        sys.exit(1)
    ctx = context(awake())
    with ctx.pool.transaction() as db:
        who = Actor("person", "command line")
        made = party.load_list(db, ctx.ring, who, name, sha256_hex(raw), entries, clock.now())
    found = screen_all(ctx)
    told = {"list": name, "version": made.version if made else None, "entries": len(entries), "hits": found}
    if as_json:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    words = f"version {made.version}, {made.entries} entries" if made else "the newest version already"
    Console().print(f"{name}: {words}; {found} new hits")


def _entries(file: Path, raw: bytes) -> list[Listed]:
    if len(raw) > FILE_BYTES_MAX:
        raise lists.ListError("the file is larger than 64 MB")
    return lists.read(raw.decode("utf-8"), is_json=file.suffix.lower() in (".jsonl", ".json", ".ndjson"))
