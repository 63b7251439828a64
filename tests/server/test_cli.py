"""The command line: help, JSON, exit codes, clear errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import make

ROOT = Path(__file__).parent.parent.parent
COMMANDS = [
    ["serve"], ["migrate"], ["demo"], ["check"], ["invariants"], ["owner"], ["schema"], ["till"], ["worker"],
    ["cards", "import"], ["cards", "fingerprint"], ["ledger", "check"], ["audit", "verify"], ["lists", "load"],
    ["suppliers", "report"], ["evidence"], ["evidence", "verify"], ["evidence", "key"],
]  # fmt: skip


def kashu(*words, stdin="", **env):
    told = {**os.environ, **env}
    return subprocess.run(
        [sys.executable, "-m", "kashu", *words], cwd=ROOT, env=told, capture_output=True, text=True, input=stdin
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command):
    done = kashu(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_an_unknown_setting_stops_everything_with_the_nearest_name():
    done = kashu("check", KASHU_PROT="1")
    assert done.returncode == 2
    assert "KASHU_PROT is not a setting; did you mean KASHU_PORT?" in done.stderr


def test_a_database_that_is_not_there_is_told_and_not_traced():
    done = kashu("check", KASHU_DATABASE_URL="postgresql://127.0.0.1:9/x")
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["ledger", "check"], ["audit", "verify"], ["invariants"]], ids=" ".join)
def test_checks_speak_json(house, command):
    done = kashu(*command, "--json")
    assert isinstance(json.loads(done.stdout), list)
    assert done.returncode == (1 if json.loads(done.stdout) else 0)


def test_migrate_twice_changes_nothing(house):
    assert json.loads(kashu("migrate", "--json").stdout)["migrated"] is True


def test_the_first_owner_is_opened_once(house):
    email = f"{make.name('owner')}@kashu.example"
    done = kashu("owner", email, "林知夏", "--json")
    assert len(json.loads(done.stdout)["password"]) >= 16
    assert kashu("owner", email, "林知夏").returncode == 1
    assert kashu("owner", "no-address", "x").returncode == 1


def test_a_card_file_is_imported_from_the_terminal(house, ring, tmp_path):
    from kashu import cards
    from kashu.kernel import clock
    from kashu.kernel.db import connect, value

    with connect(house.dsn) as db, db.transaction():
        sku, supplier = make.sku(db), make.supplier(db)
        name = value(db, "SELECT name FROM party_party WHERE id = %s", [supplier])
    file, mark = tmp_path / "cards.csv", make.name("CLI")
    file.write_text("卡号,卡密\n" + "".join(f"N{n},{mark}-{n}\n" for n in range(5)) + "N9\n", encoding="gb18030")
    words = ["cards", "import", str(file), "--sku", sku.code, "--supplier", name, "--cost", "1.50"]

    refused = kashu(*words, stdin="n\n")
    assert refused.returncode == 1
    assert mark not in refused.stdout + refused.stderr
    done = kashu(*words, "--yes", "--json", "--document", "HT-1")
    told = json.loads(done.stdout)
    with connect(house.dsn) as db, db.transaction():
        batch = cards.batch(db, int(told["page"].rpartition("/")[2]))
        assert told["lacks"] == [one.value for one in cards.lacks(db, batch, clock.now())]
    assert "not_confirmed" in told["lacks"]
    assert "no_document" not in told["lacks"]
    assert (told["accepted"], told["rejected"], told["reasons"]) == (5, 1, {"wrong_column_count": 1})
    again = kashu(*words, "--yes", "--json")
    assert json.loads(again.stdout)["reasons"]["duplicate_of_batch"] == 5
    for option, value_ in (("--sku", "NONE"), ("--cost", "x"), ("--supplier", "nobody")):
        changed = [value_ if before == option else word for before, word in zip(["", *words], words, strict=False)]
        failed = kashu(*changed, "--yes")
        assert failed.returncode == 1, failed.stderr
        assert "Traceback" not in failed.stderr
    for wrong in (["--columns", "number"], ["--encoding", "ebcdic"], ["--separator", "semicolon"]):
        failed = kashu(*words, "--yes", *wrong)
        assert failed.returncode == 1, failed.stderr
        assert "Traceback" not in failed.stderr
    assert kashu("cards", "import", "/no/such", *words[3:]).returncode == 1


def test_a_supplier_is_found_by_the_name_it_has_and_never_by_a_guess(house, ring):
    """Whoever lives under a name is meant; where only closed ones had it, and more than one, nobody is."""
    from kashu import party
    from kashu.kernel.db import connect
    from kashu.server import importing
    from tests.party import world

    def close(db, party_id):
        assert party.refuse(db, world.REVIEWER, party_id, world.WHY, world.AT) is None

    with connect(house.dsn) as db, db.transaction():
        sku, name = make.sku(db).code, make.name("同名")
        first = world.applied(db, ring, name=name)
        close(db, first)
    assert importing.resolve(house, sku, name, "1.50")[1] == first
    with connect(house.dsn) as db, db.transaction():
        second = world.applied(db, ring, name=name)
    assert importing.resolve(house, sku, name, "1.50")[1] == second
    with connect(house.dsn) as db, db.transaction():
        close(db, second)
    assert "2 suppliers" in importing.resolve(house, sku, name, "1.50")
    assert "no supplier" in importing.resolve(house, sku, make.name("无"), "1.50")


def test_a_fingerprint_is_read_from_standard_input(house, ring):
    done = kashu("cards", "fingerprint", "--number", "N1", stdin="SECRET\n")
    assert done.stdout.strip() == f"fp:{ring.fingerprint('N1', 'SECRET').hex()[:16]}"


def test_evidence_is_packed_and_checked_from_the_terminal(house, ring, tmp_path):
    """C-23: offline, against a key from another place; what was changed is named."""
    from kashu import sales
    from kashu.kernel import clock
    from kashu.kernel.db import connect

    with connect(house.dsn) as db, db.transaction():
        order = make.order(db, ring, make.stocked(db, ring, 1))
        sales.settle(db, [make.notice(order)], clock.now())
    file, key = tmp_path / "pack.zip", tmp_path / "key.pem"
    told = json.loads(kashu("evidence", order.number, "--out", str(file), "--json").stdout)
    assert (told["file"], told["bytes"]) == (str(file), file.stat().st_size)
    assert file.stat().st_mode & 0o077 == 0
    key.write_text(kashu("evidence", "key").stdout)
    offline = {"KASHU_DATABASE_URL": "postgresql://127.0.0.1:9/none", "KASHU_VAR": str(tmp_path / "elsewhere")}
    whole = kashu("evidence", "verify", str(file), "--key", str(key), **offline)
    assert (whole.returncode, order.number in whole.stdout) == (0, True), whole.stderr

    content = file.read_bytes()
    assert kashu("evidence", order.number, "--out", str(file)).returncode == 1  # never over a file that is there
    changed = tmp_path / "changed.zip"
    changed.write_bytes(content.replace(b'"how": "checkout"', b'"how": "checkour"', 1))
    failed = kashu("evidence", "verify", str(changed), "--key", str(key), "--json", **offline)
    assert failed.returncode == 1
    assert "delivery.json" in json.loads(failed.stdout)["faults"][0]["where"]
    for words in (["evidence", "verify", str(file)], ["evidence", "verify", str(tmp_path / "none"), "--key", str(key)]):
        done = kashu(*words, **offline)  # another house's key; no file
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    for number in ("nonsense", "Z8-0000000000"):
        done = kashu("evidence", number, "--out", str(tmp_path / "x.zip"))
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_a_list_is_loaded_once(house, tmp_path):
    """C-60."""
    file = tmp_path / "un.csv"
    file.write_text(f"name,aliases,ids\n{make.name('somebody')},,\n")
    told = [json.loads(kashu("lists", "load", str(file), "--name", "cli-list", "--json").stdout) for _ in range(2)]
    assert [one["version"] for one in told] == [1, None]
    file.write_text("nothing\n")
    done = kashu("lists", "load", str(file), "--name", "cli-list")
    assert done.returncode == 1
    assert "line 1" in done.stderr
