"""`kashu`: the command line. Every command has --help, exits non-zero on failure, and speaks JSON with --json."""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from kashu import __version__
from kashu.server.awake import awake
from kashu.server.bills import bills_app
from kashu.server.env import SettingError
from kashu.server.evidence import evidence_app
from kashu.server.lists import lists_app
from kashu.server.postgres import CannotStartError
from kashu.server.reports import suppliers_app
from kashu.server.runtime import runtime

app = cyclopts.App(name="kashu", version=__version__, help="Kashu 卡枢: virtual goods sold as card keys.")
cards_app = cyclopts.App(name="cards", help="Stock.")
ledger_app = cyclopts.App(name="ledger", help="The books.")
audit_app = cyclopts.App(name="audit", help="The audit trail.")
for part in (cards_app, ledger_app, audit_app, bills_app, evidence_app, lists_app, suppliers_app):
    app.command(part)
out, err = Console(), Console(stderr=True)
CHAINS_LOOKED = 500  # of those that grew since the night: the night itself looks at all
AsJson = Annotated[bool, Parameter(name="--json", help="Answer with JSON.")]


@app.command
def serve(*, no_sandbox: bool = False) -> None:
    """Start everything: database, web, till, worker and the sandbox, under one parent. Ctrl-C stops it all."""
    from kashu.server.serving import serve as run_all  # noqa: PLC0415  # a command loads only what it needs

    run_all(with_sandbox=not no_sandbox)


@app.command
def till() -> None:
    """Run the till alone (`serve` starts it for you)."""
    from kashu.server.serving import run_till  # noqa: PLC0415

    run_till(runtime())


@app.command
def worker() -> None:
    """Run the worker alone (`serve` starts it for you)."""
    from kashu.server.serving import run_worker  # noqa: PLC0415

    run_worker(runtime())


@app.command
def owner(email: str, name: str, *, as_json: AsJson = False) -> None:
    """Open the account of an owner; the password is printed once, the second factor set up at the first sign-in."""
    from kashu.server.migrate import set_up_django  # noqa: PLC0415  # a command loads only what it needs

    run = awake()
    set_up_django()
    from kashu.server.people import open_owner  # noqa: PLC0415  # models can be read only now

    password = open_owner(run, email, name)
    if password is None:
        err.print(f"[red]{email} has an account already, or is no e-mail address")
        sys.exit(1)
    _tell(as_json, {"email": email, "password": password}, [f"{email}  {password}"], "")


@app.command
def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database up to date."""
    from kashu.server.migrate import migrate as bring_up  # noqa: PLC0415

    run = awake()
    are_two = bring_up(run)
    if not are_two:
        err.print(
            "[yellow]one role is both owner and application: history could be rewritten (docs/how-to/database.md)"
        )
    _tell(as_json, {"migrated": True, "two_roles": are_two}, [], "the database is up to date")


@app.command
def demo(*, as_json: AsJson = False) -> None:
    """Load the demo shop, once."""
    from kashu.server.demo import load  # noqa: PLC0415
    from kashu.server.migrate import set_up_django  # noqa: PLC0415
    from kashu.server.wiring import context  # noqa: PLC0415
    from kashu.wire import edge  # noqa: PLC0415

    run = awake()
    set_up_django()
    edge.install(context(run))
    file = load(run, edge.ctx())
    _tell(as_json, {"logins": str(file)}, [], f"demo logins: {file}")


@app.command
def check(*, as_json: AsJson = False) -> None:
    """Say what is missing before production."""
    from kashu.server.checks import check as look  # noqa: PLC0415

    findings = look(awake())
    _tell(
        as_json,
        [dataclasses.asdict(one) for one in findings],
        [f"{one.level}: {one.told}" for one in findings],
        "nothing is missing",
    )
    _exit(any(one.level == "error" for one in findings))


@app.command
def invariants(*, as_json: AsJson = False) -> None:
    """Check what must always be true: cards, orders, payments and books against each other."""
    from kashu.server.invariants import check as look  # noqa: PLC0415

    with awake().pool.transaction() as db:
        breaches = look(db, looked=CHAINS_LOOKED)
    lines = [f"{breach.invariant}: {', '.join(breach.found)}" for breach in breaches]
    _tell(as_json, [dataclasses.asdict(one) for one in breaches], lines, "all invariants hold")
    _exit(bool(breaches))


@ledger_app.command(name="check")
def ledger_check(*, as_json: AsJson = False) -> None:
    """Prove that every booking adds up to nothing and guarded balances equal their entries."""
    from kashu import ledger  # noqa: PLC0415

    with awake().pool.transaction() as db:
        faults = ledger.check(db)
    lines = [f"{fault.kind}: {fault.where} {fault.amount_fen} fen" for fault in faults]
    _tell(as_json, [dataclasses.asdict(one) for one in faults], lines, "the books balance")
    _exit(bool(faults))


@audit_app.command(name="verify")
def audit_verify(*, as_json: AsJson = False) -> None:
    """Seal what is new and verify the whole trail: its order, its hashes, its signed heads."""
    from kashu import audit  # noqa: PLC0415

    run = awake()
    with run.pool.transaction() as db:
        audit.seal(db)
    with run.pool.transaction() as db:
        faults = audit.verify(db, run.ring)
    _tell(
        as_json,
        [dataclasses.asdict(one) for one in faults],
        [f"{f.kind}: {f.where}" for f in faults],
        "the trail is whole",
    )
    _exit(bool(faults))


@cards_app.command(name="import")
def cards_import(
    file: Path,
    *,
    sku: str,
    supplier: str,
    cost: str,
    encoding: str = "",
    separator: str = "",
    columns: str = "",
    note: str = "",
    document: str = "",
    yes: Annotated[bool, Parameter(name=["--yes", "-y"])] = False,
    as_json: AsJson = False,
) -> None:
    """Import a card file: shows how it would be read, asks, then loads it with progress.

    Parameters
    ----------
    file:
        One card a line: `secret`, `number----secret`, commas, tabs, or CSV with a header.
    sku:
        The SKU's code.
    supplier:
        The supplier's registered name.
    cost:
        What one card cost, in yuan (a cost column wins).
    encoding:
        utf-8, gb18030, utf-16 …; detected when left out.
    separator:
        dashes, tab, comma, bar or space; detected when left out.
    columns:
        What the columns are, such as `number,secret,expires_on`; detected when left out.
    document:
        By which document the batch was bought. With it the papers are registered, under the one authorisation that fits;
        then only a second person's confirmation is left, in the console.
    """
    from kashu.server.importing import import_file  # noqa: PLC0415

    changed = {"encoding": encoding, "separator": separator, "columns": columns}
    done = import_file(
        awake(), file, (sku, supplier, cost, note), changed, document=document, is_sure=yes, as_json=as_json
    )
    _exit(not done)


@cards_app.command(name="fingerprint")
def cards_fingerprint(*, number: str = "") -> None:
    """Read one secret from standard input and print its fingerprint, for the console's search."""
    out.print(f"fp:{runtime().ring.fingerprint(number, sys.stdin.readline().rstrip(chr(10))).hex()[:16]}")


@app.command
def review(*, as_json: AsJson = False) -> None:
    """Read titles from standard input, one a line, and say of each whether it may be sold, and why not."""
    from kashu.server.reviewing import main as answer  # noqa: PLC0415

    answer(as_json=as_json)


@app.command
def schema() -> None:
    """Print the database's schema, as `docs/reference/schema.sql` keeps it."""
    from kashu.server.reference import schema_sql  # noqa: PLC0415

    sys.stdout.write(schema_sql(awake()))


def main() -> None:
    """The command's entry: what goes wrong is told in a sentence."""
    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except (SettingError, CannotStartError) as error:
        err.print(f"[red]{error}", soft_wrap=True)
        sys.exit(2)
    except subprocess.CalledProcessError as error:
        err.print(f"[red]{Path(str(error.cmd[0])).name} failed with {error.returncode}")
        sys.exit(1)


def _tell(as_json: bool, told: list[dict[str, Any]] | dict[str, Any], lines: list[str], fine: str) -> None:
    if as_json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")
        return
    for line in lines or [fine]:
        out.print(line, soft_wrap=True, highlight=False)


def _exit(failed: bool) -> None:
    if failed:
        sys.exit(1)
