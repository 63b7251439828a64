"""Companies, people and accounts confirmed over real HTTP by the registry's twin; lists and terms by the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import party
from kashu.jobs import worker
from kashu.jobs.suppliers import lift_sanctions, screen_all, verify_supplier
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.text import sha256_hex
from kashu.server.wiring import context
from kashu.wire import lists
from kashu.wire.registry import HttpRegistry, State
from kashu.wire.signed import CallError
from sandbox.registry import KEY_ID
from tests import make
from tests.party import world
from tests.ports import free_port


@pytest.fixture(scope="module")
def twin(sandbox):
    url, folder = sandbox
    secret = (folder / "registry.secret").read_bytes().strip()
    return HttpRegistry(url, KEY_ID, lambda: secret)


@pytest.fixture
def ctx(house, twin):
    made = context(house)
    yield replace(made, registry=twin)
    made.http.close()


def query(kind="company", name="某某公司", number="91110000600037342X"):
    return party.Query(make.ids(1)[0], kind, name, number, "招商银行")


@pytest.mark.parametrize(
    ("name", "number", "state"),
    [
        ("知微课堂科技有限公司", "91110000600037341L", State.MATCHED),
        ("别的公司", "91110000600037341L", State.MISMATCHED),
        ("草原影音有限公司", "911522010783762860", State.CANCELLED),
        ("查无此家", "9115220107837941X1", State.NOT_FOUND),
        ("注销公司", "9115220107837941X1", State.CANCELLED),
        ("某某公司", "9115220107837941X1", State.MATCHED),
    ],
)
def test_a_company_is_confirmed_or_not(twin, name, number, state):
    answer = twin.verify_company(query(name=name, number=number))
    assert answer.state is state
    assert len(answer.evidence) == 64


def test_a_person_is_confirmed_by_name_and_number(twin):
    assert twin.verify_person(query("person", "韦小宝", "11010519491231002X")).state is State.MATCHED
    assert twin.verify_person(query("person", "韦大宝", "11010519491231002X")).state is State.MISMATCHED


def test_a_transfer_takes_its_time_and_is_made_once_for_its_id(twin):
    told = query("bank_account")
    assert twin.prove_account(told).state is State.PROCESSING
    assert twin.prove_account(told).state is State.MATCHED


def test_what_nobody_signed_is_no_answer(twin):
    with pytest.raises(CallError, match="not signed"):
        twin.verify_company(query(name="乱答公司"))


def test_a_wrong_key_and_nobody_there_are_no_answers(twin):
    for wrong in (replace(twin, secret=lambda: b"other"), replace(twin, url=f"http://127.0.0.1:{free_port()}")):
        with pytest.raises(CallError):
            wrong.verify_company(query())


def onboarding(dsn, ring, name=None):
    with connect(dsn) as db, db.transaction():
        party_id = world.in_review(db, ring, clock.now(), **({"name": name} if name else {}))
        party.ask_verifications(db, world.REVIEWER, party_id, clock.now())
        return party_id


def answers(dsn, party_id):
    with connect(dsn) as db:
        return {(one.kind, one.state) for one in party.verifications(db, party_id)}


def verify(ctx, dsn, party_id):
    with connect(dsn) as db:
        waiting = [one.id for one in party.verifications(db, party_id) if one.state == "asked"]
    for one in waiting:
        verify_supplier(ctx, {"verification_id": str(one)})


def test_what_was_answered_is_kept_with_its_hash(ctx, dsn, ring):
    party_id = onboarding(dsn, ring)
    verify(ctx, dsn, party_id)
    assert answers(dsn, party_id) == {("company", "matched"), ("person", "matched"), ("bank_account", "asked")}
    verify(ctx, dsn, party_id)
    assert ("bank_account", "matched") in answers(dsn, party_id)
    with connect(dsn) as db:
        assert party.bank_account(db, party_id).state == "proven"
        for one in party.verifications(db, party_id):
            assert len(one.evidence) == 64
            assert one.externally_verified_at is not None


def test_a_transfer_on_its_way_is_asked_about_again(ctx, dsn, ring):
    party_id = onboarding(dsn, ring)
    with connect(dsn) as db:
        [one] = [one for one in party.verifications(db, party_id) if one.kind == "bank_account"]
        told = "SELECT count(*) FROM outbox WHERE topic = 'supplier.verify' AND body->>'verification_id' = %s AND due_at > now()"
        assert value(db, told, [str(one.id)]) == 0
        verify_supplier(ctx, {"verification_id": str(one.id)})
        assert value(db, told, [str(one.id)]) == 1


def test_a_job_that_runs_twice_notes_once(ctx, dsn, ring):
    party_id = onboarding(dsn, ring)
    with connect(dsn) as db:
        [one] = [one for one in party.verifications(db, party_id) if one.kind == "company"]
    for _ in range(2):
        verify_supplier(ctx, {"verification_id": str(one.id)})
    with connect(dsn) as db:
        sql = "SELECT count(*) FROM audit_entry WHERE verb = 'supplier.verify' AND object_id = %s AND after->>'kind' = 'company'"
        assert value(db, sql, [str(party_id)]) == 1


def test_a_wrong_answer_leaves_the_question_open(ctx, dsn, ring):
    party_id = onboarding(dsn, ring, make.name("乱答公司"))
    with connect(dsn) as db:
        [one] = [one for one in party.verifications(db, party_id) if one.kind == "company"]
    with pytest.raises(CallError):
        verify_supplier(ctx, {"verification_id": str(one.id)})
    assert ("company", "asked") in answers(dsn, party_id)


def test_without_a_registry_a_person_notes_what_they_saw(ctx, dsn, ring):
    party_id = onboarding(dsn, ring)
    with connect(dsn) as db:
        [one] = [one for one in party.verifications(db, party_id) if one.kind == "company"]
    verify_supplier(replace(ctx, registry=None), {"verification_id": str(one.id)})
    assert ("company", "asked") in answers(dsn, party_id)
    with connect(dsn) as db, db.transaction():
        told = ("公示系统截图", world.HASH)
        subject = ("company", str(party_id))
        bare = party.note_verification(db, world.REVIEWER, party_id, subject, "matched", ("", ""), clock.now())
        assert bare is party.SupplierRefusal.NO_REASON
        assert party.note_verification(db, world.REVIEWER, party_id, subject, "matched", told, clock.now()) is None
    assert ("company", "matched") in answers(dsn, party_id)


def test_a_new_list_is_a_fact_and_everybody_is_screened(ctx, dsn, ring):
    """C-60: on list update."""
    with connect(dsn) as db, db.transaction():
        party_id = world.active(db, ring, clock.now())
        name = party.party(db, party_id).name
        text = sha256_hex(make.name("list"))
        made = party.load_list(db, ring, world.REVIEWER, make.name("job"), text, [party.Listed(name)], clock.now())
        topic = "SELECT count(*) FROM outbox WHERE topic = 'list.loaded' AND body->>'list' = %s"
        assert value(db, topic, [made.list_id]) == 1
    assert screen_all(ctx) >= 1
    with connect(dsn) as db:
        assert world.state(db, party_id) == "restricted"
    assert screen_all(ctx) == 0


def test_the_timetable_lifts_sanctions(ctx, dsn, ring):
    began = clock.now() - timedelta(days=2)
    with connect(dsn) as db, db.transaction():
        party_id = world.active(db, ring, began)
        party.sanction(db, world.REVIEWER, party_id, world.measure("pause", began + timedelta(days=1)), began)
    lift_sanctions(ctx)
    with connect(dsn) as db:
        assert world.state(db, party_id) == "active"


def test_papers_in_the_spool_are_not_swept_away(ctx, dsn, ring):
    import os

    ctx.spool.mkdir(parents=True, exist_ok=True)
    with connect(dsn) as db, db.transaction():
        party_id = world.with_papers(db, ring, clock.now())
        kept = [one.spool for one in party.documents(db, party_id)]
        name = f"{make.name('paper')}.sealed"
        party.submit(db, ring, world.APPLICANT, party_id, world.paper("other", spool=name), clock.now())
    for file in (name, "nobody.sealed"):
        (ctx.spool / file).write_bytes(b"x")
        os.utime(ctx.spool / file, (1, 1))
    worker.sweep(ctx)
    assert (ctx.spool / name).exists()
    assert not (ctx.spool / "nobody.sealed").exists()
    assert kept


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ("name,aliases,ids\n张三,Zhang San;三哥,11010519491231002X\n", False),
        ('{"name": "张三", "aliases": ["Zhang San", "三哥"], "ids": ["11010519491231002X"]}\n\n', True),
    ],
)
def test_a_list_is_read_from_csv_and_json_lines(text, is_json):
    assert lists.read(text, is_json=is_json) == [party.Listed("张三", ("Zhang San", "三哥"), ("11010519491231002X",))]


@pytest.mark.parametrize(
    ("text", "is_json", "why"),
    [
        ("nombre\n张三\n", False, "line 1"),
        ("name\n张三\n\n", False, None),
        ("name,ids\n,1\n", False, "line 2"),
        ("", True, "no entry"),
        ("nonsense", True, "line 1: no JSON"),
        ("[]", True, "line 1: no object"),
        ('{"name": "x", "ids": "1"}', True, "line 1: aliases"),
    ],
)
def test_half_a_list_is_none(text, is_json, why):
    if why is None:
        assert len(lists.read(text, is_json=is_json)) == 1
        return
    with pytest.raises(lists.ListError, match=why):
        lists.read(text, is_json=is_json)
