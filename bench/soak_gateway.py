"""The soak's gateways: notices told again and again, forged ones among them, money that comes late, bad days."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.pay.alipay import AlipayGateway
from sandbox.pay.desk import Desk
from sandbox.pay.faults import Faults
from sandbox.pay.v3 import V3Gateway
from sandbox.store import Store

if TYPE_CHECKING:
    from bench.soak import World

KINDS = ("alipay", "wechat", "douyin")
FORGERIES: tuple[dict[str, Any], ...] = (
    {"key": "wrong"}, {"amount": -1}, {"merchant": "another"}, {"app": "another"}, {"body": "cut"}, {"stale": 90_000},
    {"serial": "unknown"},
)  # fmt: skip
BAD_DAYS: tuple[dict[str, Any], ...] = (
    {}, {}, {"times": 5, "at_once": True}, {"drop": True, "chance": 0.5}, {"shuffle": True, "times": 3}, {"delay": 3},
    {"call": {"*": "502"}, "chance": 0.4}, {"call": {"create": "lose"}, "chance": 0.5}, {"call": {"query": "half"}, "chance": 0.5},
    {"call": {"refund": "lose"}}, {"refund": "processing"}, {"call": {"*": "429"}, "chance": 0.3},
    {"call": {"close": "unsigned"}, "chance": 0.5}, {"amount": -1, "chance": 0.1}, {"key": "wrong", "chance": 0.3},
)  # fmt: skip


class Told(Faults):
    """Switches of this process alone."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def now(self) -> float:
        return time.time()

    def get(self, channel: str, name: str) -> Any:  # noqa: ARG002  # the same for every channel
        return self._told.get(name)


def gateway_repeats(world: World, chance: random.Random, _n: int) -> None:
    """The gateways' notices again: 1 to 20 times, shuffled, through both lanes, a tenth of them forged."""
    folder = world.kashu.var / "sandbox"
    store = Store(folder / "sandbox.sqlite")
    found = store.rows("SELECT * FROM pay_trade WHERE state = 'PAID' ORDER BY paid_at DESC LIMIT 8")
    notices = [trade for trade in found for _ in range(chance.randint(1, 20))]
    chance.shuffle(notices)
    with httpx.Client(trust_env=False, timeout=10) as http:
        for trade in notices:
            if world.over():
                break
            forgery = chance.choice(FORGERIES) if chance.random() < 0.1 else {}
            desk = Desk(trade["channel"], store, Told(forgery))
            kind = AlipayGateway if trade["channel"] == "alipay" else V3Gateway
            body, headers = kind(desk, folder, "").notice(trade)
            port = world.kashu.port + chance.randint(0, 1)
            with contextlib.suppress(httpx.HTTPError):
                url = f"http://127.0.0.1:{port}/callbacks/{trade['channel']}-sandbox"
                http.post(url, content=body, headers={"content-type": "application/json", **headers})
            world.counts["notices sent"] += 1
    store.close()
    time.sleep(0.5)


def money_comes_late(world: World, chance: random.Random, _n: int) -> None:
    """Money that comes when the hold has ended and the trade was closed: delivered from what is there, or given back."""
    time.sleep(chance.uniform(0.5, 2))
    due = [one for one in world.late if one[0] < time.monotonic()]
    for one in due:
        _, token, trade_id = one
        try:
            with httpx.Client(trust_env=False, timeout=10) as http:
                told = http.post(f"{world.gateway}/pay/admin/api/trades/{trade_id}/pay_late").json()
        except (httpx.HTTPError, ValueError):
            continue  # the sandbox is being restarted
        world.late.remove(one)
        if told.get("done"):
            world.paid.append(token)
            world.counts["paid late"] += 1


def bad_days(world: World, chance: random.Random, _n: int) -> None:
    """Every few seconds a channel has another kind of bad day."""
    time.sleep(chance.uniform(2, 6))
    told = {} if world.over() else chance.choice(BAD_DAYS)
    with contextlib.suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=10) as http:
        http.put(f"{world.gateway}/pay/admin/api/faults/{chance.choice(KINDS)}", json=told)
    world.counts["bad days"] += bool(told)


def good_day(world: World) -> None:
    """Every channel is well again: what is unknown can be found out."""
    with httpx.Client(trust_env=False, timeout=10) as http:
        for kind in KINDS:
            http.put(f"{world.gateway}/pay/admin/api/faults/{kind}", json={}).raise_for_status()
