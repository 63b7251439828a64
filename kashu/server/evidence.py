"""`kashu evidence`: packs of evidence made, and checked without network or database."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import cyclopts
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cyclopts import Parameter
from rich.console import Console

from kashu import sales
from kashu.audit import Actor
from kashu.kernel import clock
from kashu.kernel.ids import pool_of
from kashu.server.awake import awake
from kashu.server.runtime import runtime
from kashu.wire import evidence

evidence_app = cyclopts.App(name="evidence", help="Evidence packs: all that is known of one order, signed.")
out, err = Console(), Console(stderr=True)
AsJson = Annotated[bool, Parameter(name="--json", help="Answer with JSON.")]
ACTOR = Actor("person", "command line")


@evidence_app.default
def give(
    number: str,
    *,
    out_file: Annotated[Path | None, Parameter(name="--out")] = None,
    reason: str = "command line",
    personal: bool = False,
    as_json: AsJson = False,
) -> None:
    """Pack an order's evidence into a signed ZIP.

    Parameters
    ----------
    number:
        The order's number.
    out_file:
        Where to write the pack; evidence-NUMBER.zip when left out. A file that is there is not written over.
    reason:
        What it is for; it is kept in the trail and in the pack.
    personal:
        With the buyer's data in clear and the payment notices as they came.
    """
    pool_id = pool_of(number)
    file = out_file or Path(f"evidence-{number}.zip")
    if pool_id is None:
        _refuse(f"{number} is not the number of an order")
    if file.exists():
        _refuse(f"{file} is there already")
    run = awake()
    with run.pool.transaction() as db:
        order = sales.by_number(db, pool_id, number)
        key = None if order is None else (order.pool_id, order.id)
        given = (
            None if key is None else evidence.give(db, run.ring, ACTOR, key, reason, clock.now(), is_personal=personal)
        )
    if given is None:
        _refuse(f"there is no order {number}")
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as writing:
        writing.write(given.content)
    told = {"file": str(file), "sha256": given.sha256, "files": given.files, "bytes": len(given.content)}
    _tell(told, f"{file}  {len(given.content):,} bytes  sha256 {given.sha256}", as_json=as_json)


@evidence_app.command
def verify(file: Path, *, key: Path | None = None, as_json: AsJson = False) -> None:
    """Check a pack, offline: exits non-zero and names what was changed.

    Parameters
    ----------
    file:
        The pack.
    key:
        The public key (PEM) it has to be signed with; this house's own when left out.
    """
    if not file.is_file() or file.stat().st_size > evidence.PACK_BYTES_MAX:
        _refuse(f"{file} is not a pack")
    found = evidence.verify(file.read_bytes(), _public(key))
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    elif found.faults:
        for fault in found.faults:
            out.print(f"{fault.kind}: {fault.where}", soft_wrap=True, highlight=False, markup=False)
    else:
        out.print(f"whole: order {found.told['order']}, made at {found.told['made_at']}", highlight=False, markup=False)
    if found.faults:
        sys.exit(1)


@evidence_app.command
def key(*, as_json: AsJson = False) -> None:
    """Print the public key that packs and the trail's heads are signed with, to be published."""
    mine = runtime().ring.signing_key.public_key()
    pem = evidence.public_pem(mine).decode()
    _tell({"pem": pem, "sha256": evidence.key_mark(mine)}, pem.rstrip(), as_json=as_json)


def _public(key_file: Path | None) -> Ed25519PublicKey:
    if key_file is None:
        return runtime().ring.signing_key.public_key()
    try:
        return evidence.read_key(key_file.read_bytes())
    except (OSError, ValueError) as error:
        _refuse(f"{key_file} is not a public key: {error}")


def _tell(told: dict[str, object], line: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        out.print(line, soft_wrap=True, highlight=False, markup=False)


def _refuse(why: str) -> NoReturn:
    err.print(f"[red]{why}", soft_wrap=True)
    sys.exit(1)
