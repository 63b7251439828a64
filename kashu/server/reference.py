"""The reference pages that are made, not written: settings, answers, schema, OpenAPI, ways to pay. A test keeps them fresh."""

from __future__ import annotations

import dataclasses
import inspect
import os
import subprocess
from enum import StrEnum
from pathlib import Path
from types import ModuleType

from psycopg.conninfo import conninfo_to_dict

from kashu import audit, cards, catalog, messages, payments, sales, settlement
from kashu.server.env import Env
from kashu.server.migrate import migrate
from kashu.server.postgres import binaries
from kashu.server.runtime import ROOT, Runtime, runtime
from kashu.wire import contract
from kashu.wire import entry as entries
from kashu.wire.open import document
from kashu.wire.pay import protocol

FOLDER = ROOT / "docs" / "reference"


def pages(run: Runtime) -> dict[str, str]:
    """Every generated page by its file name."""
    return {
        "settings.md": settings_md(),
        "answers.md": answers_md(),
        "schema.sql": schema_sql(run),
        "openapi.json": openapi_json(),
        "attestation.json": contract.text(),
        "pay-matrix.md": pay_matrix_md(),
    }


def settings_md() -> str:
    """The settings as a table, from the class that reads them."""
    lines = ["# Settings", "", "Made from `kashu/server/env.py`; an unknown `KASHU_*` name stops the start.", ""]
    lines += ["| name | default | meaning |", "|---|---|---|"]
    for spec in dataclasses.fields(Env):
        default = spec.default if spec.default != "" else "empty"
        lines.append(f"| `KASHU_{spec.name.upper()}` | {default} | {spec.metadata['meaning']} |")
    return "\n".join(lines) + "\n"


def answers_md() -> str:
    """Every refusal and verdict the domain can answer with, in its own words."""
    lines = [
        "# Refusals and verdicts",
        "",
        "Expected answers are values, not exceptions. Made from the enums of the domain.",
    ]
    for module in (sales, settlement, payments, cards, catalog, messages, audit, protocol):
        for name, kind in sorted(_enums(module).items()):
            doc = inspect.getdoc(kind) or ""
            lines += ["", f"## `{module.__name__}.{name}`", "", doc, "", *[f"- `{member.value}`" for member in kind]]
    return "\n".join(lines) + "\n"


def schema_sql(run: Runtime) -> str:
    """The schema of our own tables, by pg_dump, without what differs between machines."""
    told = conninfo_to_dict(run.owner_dsn)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    told_env = {names[key]: str(value) for key, value in told.items() if key in names and value is not None}
    others = ("django_*", "auth_*", "account_*", "mfa_*", "usersessions_*", "procrastinate_*", "party_person*")
    command = [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", "--no-comments"]
    command += [f"--exclude-table={name}" for name in others]
    done = subprocess.run(command, env={**os.environ, **told_env}, check=True, capture_output=True, text=True)  # noqa: S603
    kept = []
    skipping = False
    for line in done.stdout.splitlines():
        if line.startswith(("SET ", "SELECT pg_catalog", "--", "\\restrict", "\\unrestrict")) or not line.strip():
            continue
        if line.startswith(("CREATE FUNCTION", "CREATE TYPE")):  # Procrastinate's
            skipping = True
        if not skipping:
            kept.append(line)
        if skipping and (line.rstrip().endswith(("$_$;", "$$;")) or line.startswith(");")):
            skipping = False
    return (
        "\n".join(["-- Made by `kashu schema`; the diff of this file is what a reviewer of a migration reads.", *kept])
        + "\n"
    )


def openapi_json() -> str:
    """The OpenAPI document of machines' addresses."""
    return document.text("https://shop.example")


def pay_matrix_md() -> str:
    """Who can pay how, where: every cell of the matrix with its ground, systems that answer alike together."""
    lines = [
        "# Ways to pay",
        "",
        "Which channel can be paid with where a page of the store is open. Made from `kashu/payments/rules/ways.py`. The store",
        "offers `yes` only. `unknown` means that nobody has shown us that it works there, or that it does not. A ground names",
        "our notes from the channels' documents (payments.md, douyin-protocols); nothing here was tried at a real one.",
        "",
        "| entry | system | channel | can | method | ground |",
        "|---|---|---|---|---|---|",
    ]
    for entry in payments.Entry:
        for kind in payments.KINDS:
            cells: dict[payments.Cell, list[str]] = {}
            for system in payments.SYSTEMS:
                cells.setdefault(payments.way(entry, system, kind), []).append(system)
            for cell, systems in cells.items():
                method = f"`{cell.method.value}`" if cell.method is not None else ""
                lines.append(
                    f"| {entry.value} | {', '.join(systems)} | {kind} | {cell.can} | {method} | {cell.ground} |"
                )
    marks = [f"| {entry.value} | {', '.join(f'`{mark}`' for mark in told)} |" for entry, told in entries.MARKS]
    lines += [
        "",
        "The entry is read from the User-Agent (`kashu/wire/entry.py`), in this order. It chooses a cashier, nothing more.",
        "",
        "| entry | any of these in the User-Agent |",
        "|---|---|",
        *marks,
        "| desktop | none of these, and no phone's system |",
        "| browser | none of these |",
    ]
    return "\n".join(lines) + "\n"


def write(run: Runtime, folder: Path = FOLDER) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(run).items():
        (folder / name).write_text(text)


def _enums(module: ModuleType) -> dict[str, type[StrEnum]]:
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, StrEnum) and kind is not StrEnum
    }


def _main() -> None:
    """Remake the pages from a database of this very code, started for the purpose where none runs."""
    run = runtime()
    was_running = run.embedded is None or run.embedded.is_running()
    if run.embedded is not None:
        run.embedded.start()
    migrate(run)
    write(run)
    if run.embedded is not None and not was_running:
        run.embedded.stop()


if __name__ == "__main__":
    _main()
