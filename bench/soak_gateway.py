"""The soak's gateway: notices told again and again, forged ones among them, and money that comes late."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import secrets
import sqlite3
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if TYPE_CHECKING:
    from bench.soak import World


def gateway_repeats(world: World, chance: random.Random, _n: int) -> None:
    """The gateway's notices again: 1 to 20 times, shuffled, through both lanes, a tenth of them forged."""
    folder = world.kashu.var / "sandbox"
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'sandbox.sqlite'}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        found = [
            dict(row) for row in db.execute("SELECT * FROM trade WHERE state = 'PAID' ORDER BY paid_at DESC LIMIT 8")
        ]
    key = load_pem_private_key((folder / "gateway.pem").read_bytes(), password=None)
    notices = [trade for trade in found for _ in range(chance.randint(1, 20))]
    chance.shuffle(notices)
    with httpx.Client(trust_env=False, timeout=10) as http:
        for trade in notices:
            if world.over():
                return
            body, headers = notice(trade, key, is_forged=chance.random() < 0.1, chance=chance)
            port = world.kashu.port + chance.randint(0, 1)
            with contextlib.suppress(httpx.HTTPError):
                http.post(f"http://127.0.0.1:{port}/callbacks/sandbox", content=body, headers=headers)
            world.counts["notices sent"] += 1
    time.sleep(0.5)


def money_comes_late(world: World, chance: random.Random, _n: int) -> None:
    """Money that comes when the hold has ended and the trade was closed: delivered from what is there, or given back."""
    time.sleep(chance.uniform(0.5, 2))
    due = [one for one in world.late if one[0] < time.monotonic()]
    folder = world.kashu.var / "sandbox"
    key = load_pem_private_key((folder / "gateway.pem").read_bytes(), password=None)
    for one in due:
        _, token, trade_id = one
        world.late.remove(one)
        with contextlib.closing(sqlite3.connect(folder / "sandbox.sqlite", timeout=10, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            paid_at = datetime.now(UTC).isoformat()
            told = [f"SBX{secrets.token_hex(10)}", secrets.token_hex(12), paid_at, trade_id]
            sql = "UPDATE trade SET state = 'PAID', gateway_no = ?, event_id = ?, paid_at = ? WHERE id = ? AND state <> 'PAID'"
            if not db.execute(sql, told).rowcount:
                continue
            trade = dict(db.execute("SELECT * FROM trade WHERE id = ?", [trade_id]).fetchone())
        world.paid.append(token)
        world.counts["paid late"] += 1
        while not world.stop.is_set():  # a gateway repeats its notice until it is taken
            body, headers = notice(trade, key, is_forged=False, chance=chance)
            with contextlib.suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=10) as http:
                answer = http.post(f"{world.kashu.url}/callbacks/sandbox", content=body, headers=headers)
                if answer.text.strip() == "success":
                    break
            time.sleep(0.5)


def notice(trade: dict, key, *, is_forged: bool, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    names = ("event_id", "trade_no", "gateway_no", "amount_fen", "currency", "merchant", "paid_at", "state")
    told = {name: trade[name] for name in names}
    forgery = chance.choice(["signature", "amount", "merchant", "replay"]) if is_forged else ""
    if forgery == "amount":
        told |= {"amount_fen": 1, "event_id": secrets.token_hex(8)}
    if forgery == "merchant":
        told |= {"merchant": "sandbox-merchant-2", "event_id": secrets.token_hex(8)}
    body = json.dumps(told).encode()
    stamp, nonce = str(int(time.time()) - (4_000 if forgery == "replay" else 0)), secrets.token_hex(16)
    sign = base64.b64encode(
        key.sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", padding.PKCS1v15(), hashes.SHA256())
    ).decode()
    if forgery == "signature":
        sign = base64.b64encode(os.urandom(256)).decode()
    return body, {"sandbox-timestamp": stamp, "sandbox-nonce": nonce, "sandbox-signature": sign}
