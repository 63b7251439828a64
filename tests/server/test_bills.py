"""`kashu bills` from the terminal, against the house of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from kashu.kernel.db import connect
from kashu.server.runtime import ROOT
from sandbox.pay.bills import Faults, file
from tests.settlement.world import DAY, NOON, World


@pytest.fixture
def day(house, dsn, ring):
    with connect(dsn) as db, db.transaction():
        world = World(db, ring)
        for n in range(3):
            world.paid(NOON + timedelta(seconds=n))
    return world


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "kashu", "bills", *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
    )


def test_a_file_is_loaded_matched_and_shown(day, tmp_path):
    bill = tmp_path / "bill.gz"
    bill.write_bytes(file("wechat", day.rows, DAY, "m-1", Faults(more_fen={day.rows[0]["gateway_no"]: 1})).content)

    done = run("load", str(bill), "--channel", day.channel, "--day", str(DAY), "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["matched"], told["breaks"], told["source"]) == ("matched", 2, 1, "uploaded")
    status = json.loads(run("status", "--json").stdout)
    assert told["id"] in [one["id"] for one in status["bills"]]
    assert status["open_cases"] >= 1
    assert day.channel in run("status").stdout.replace("\n", "")
    again = run("load", str(bill), "--channel", day.channel, "--day", str(DAY))
    assert (again.returncode, "same_file" in again.stderr) == (1, True)


def test_what_cannot_be_loaded_says_why(day, tmp_path):
    bill = tmp_path / "bill.csv"
    bill.write_bytes(file("wechat", day.rows, DAY, "m-2", packed=False).content)
    other = run("load", str(bill), "--channel", day.channel, "--day", str(DAY), "--json")
    assert (other.returncode, json.loads(other.stdout)["trouble"]) == (1, "other_merchant 2 m-2")
    assert run("load", str(tmp_path / "no"), "--channel", day.channel, "--day", str(DAY)).returncode == 1
    names = tmp_path / "names.json"
    names.write_text('{"colour": ["x"]}')
    assert run("columns", str(names), "--channel", day.channel).returncode == 1
    names.write_text('{"amount": ["订单金额"]}')
    assert run("columns", str(names), "--channel", day.channel).returncode == 0
