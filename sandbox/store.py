"""What the sandbox remembers, in one SQLite file, so that a restart forgets no trade."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS pay_trade (
    id TEXT PRIMARY KEY, channel TEXT NOT NULL, trade_no TEXT NOT NULL, amount_fen INTEGER NOT NULL, subject TEXT NOT NULL,
    method TEXT NOT NULL, notify_url TEXT NOT NULL, return_url TEXT NOT NULL, expires_at REAL NOT NULL, payer TEXT NOT NULL,
    state TEXT NOT NULL, gateway_no TEXT, event_id TEXT, paid_at REAL, notified INTEGER NOT NULL DEFAULT 0,
    UNIQUE (channel, trade_no));
CREATE INDEX IF NOT EXISTS pay_trade_gateway_no ON pay_trade (channel, gateway_no);
CREATE TABLE IF NOT EXISTS pay_refund (
    number TEXT NOT NULL, channel TEXT NOT NULL, gateway_no TEXT NOT NULL, trade_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, state TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (channel, number));
CREATE TABLE IF NOT EXISTS pay_split (
    number TEXT NOT NULL, channel TEXT NOT NULL, gateway_no TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    shares TEXT NOT NULL, back_fen INTEGER NOT NULL, PRIMARY KEY (channel, number));
CREATE TABLE IF NOT EXISTS pay_return (number TEXT PRIMARY KEY, split TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pay_fault (channel TEXT NOT NULL, name TEXT NOT NULL, told TEXT NOT NULL, PRIMARY KEY (channel, name));
CREATE TABLE IF NOT EXISTS pay_call (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, channel TEXT NOT NULL, call TEXT NOT NULL, told BLOB NOT NULL,
    status INTEGER NOT NULL, verdict TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS supply (
    id TEXT PRIMARY KEY, code TEXT NOT NULL, form TEXT NOT NULL, done_at REAL NOT NULL, is_refused INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS attestation (id TEXT PRIMARY KEY, event TEXT NOT NULL, order_no TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, sent_at TEXT NOT NULL, phone TEXT NOT NULL, body TEXT NOT NULL);
"""


class Store:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, params).fetchall()]

    def one(self, sql: str, *params: object) -> dict[str, Any] | None:
        found = self.rows(sql, *params)
        return found[0] if found else None

    def run(self, sql: str, *params: object) -> int:
        with self._lock:
            return self._db.execute(sql, params).rowcount
