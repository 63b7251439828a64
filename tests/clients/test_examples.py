"""The signing examples as a reader would run them, against a till that listens."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"
COMMANDS = [(["sh", "curl.sh"], ("sh", "openssl", "curl")), (["node", "node.mjs"], ("node",)), (["php", "php.php"], ("php",))]  # fmt: skip


def missing(programs):
    return ", ".join(one for one in programs if shutil.which(one) is None)


@pytest.fixture(
    params=[
        pytest.param(
            command,
            id=command[1],
            marks=pytest.mark.skipif(bool(missing(programs)), reason=f"not on this machine: {missing(programs)}"),
        )
        for command, programs in COMMANDS
    ]
)
def example(request, listening):
    """Runs one example for a machine; gives the status and the body."""

    def run(machine, *words, secret=None):
        told = {"BASE_URL": listening, "KASHU_KEY": machine.key_id, "KASHU_SECRET": secret or machine.secret}
        done = subprocess.run(
            [*request.param, *words], cwd=EXAMPLES, env=os.environ | told, capture_output=True, text=True, timeout=30
        )
        assert (done.returncode, done.stderr) == (0, "")
        status, body = done.stdout.split("\n", 1)
        return int(status), json.loads(body)

    return run


def test_an_example_reads_the_account(example, machine):
    status, told = example(machine(12_345), "GET", "/open/v1/account")
    assert (status, told["balance_fen"]) == (200, 12_345)


def test_an_example_signs_the_query(example, machine):
    status, told = example(machine(), "GET", "/open/v1/orders?reference=%E9%87%87%E8%B4%AD%207&x=1")
    assert (status, told["code"]) == (422, "invalid")


def test_an_example_buys_once_under_one_key(example, machine, stocked):
    buyer, sku, key = machine(), stocked(3), secrets.token_hex(8)
    body = json.dumps({"sku": sku.code, "quantity": 2, "reference": "采购 7"}, ensure_ascii=False)
    status, told = example(buyer, "POST", "/open/v1/purchases", body, key)
    assert (status, told["reference"], len(told["cards"])) == (201, "采购 7", 2)
    assert example(buyer, "POST", "/open/v1/purchases", body, key) == (201, told)


def test_an_example_with_a_wrong_secret_is_refused(example, machine):
    status, told = example(machine(), "GET", "/open/v1/account", secret="wrong")
    assert (status, told["code"]) == (401, "bad_signature")
