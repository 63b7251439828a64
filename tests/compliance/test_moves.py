"""Properties of the state machines of papers and reviews: whatever people try in whatever order (§2.2, §2.5, 1.11)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kashu import compliance
from kashu.compliance import Authorisation, Context, Licence, Texts, rules
from kashu.kernel import clock, states
from kashu.kernel.clock import biz_date
from tests import make, moves

PEOPLE = (make.STAFF, make.REVIEWER, make.SECOND)  # the first is who hands things in
AT = clock.now()
TODAY = biz_date(AT)
STATES = tuple(rules.LICENCE.table)
SHUT = "douyin_coin"
WHO, WHICH = st.integers(0, 2), st.integers(0, 7)
QUIET = settings(deadline=None, max_examples=20)


def steps(*verbs):
    return st.lists(st.tuples(st.sampled_from(verbs), WHO, WHICH), min_size=4, max_size=16)


def test_whatever_is_done_a_licence_moves_by_the_table_only(db):
    """One number is in force once and waits once, a renewal to come apart; nobody verifies what they handed in, and where
    the risk is high two do."""
    owners = [make.supplier(db), make.supplier(db)]
    db.execute("UPDATE party_supplier SET risk = 'high' WHERE party_id = %s", [owners[1]])
    numbers, scan = [make.name("CBW"), make.name("CBW")], make.file(db, make.IDENTITIES)

    def rows(which):
        return {one.id: one for one in compliance.every_licence(db, owners[which], STATES, 99) if one.number in numbers}

    def hand_in(which, more):
        begins, ends = TODAY + timedelta(10 * (more // 4)), TODAY + timedelta(99 + more)
        new = Licence(
            0, owners[which], "publication", numbers[more % 2], "", [], "全国", begins, ends, file_sha256=scan
        )
        return compliance.licences.submit(db, make.STAFF, new, AT)

    def do(which, licence, verb, who, nth):
        licences = compliance.licences
        if verb == "hand_in":
            return hand_in(which, nth)
        if verb == "revoke":
            return licences.revoke(db, make.STAFF, licence, "收回", AT)
        if verb == "watch":
            licences.watch(db, AT + timedelta(days=nth * 2))
            return None
        if verb == "renew":
            return licences.note_renewal(db, make.STAFF, licence, AT)
        is_good, reason = verb != "reject", "" if verb == "silent" else "核对原件"
        return licences.decide(db, PEOPLE[who], licence, is_good=is_good, reason=reason, at=AT)

    @QUIET
    @given(st.integers(0, 1), steps("hand_in", "verify", "verify", "silent", "reject", "revoke", "renew", "watch"))
    def holds(which, tried):
        with db.transaction(force_rollback=True):
            for verb, who, nth in [("hand_in", 0, 0), *tried]:
                before = rows(which)
                licence = sorted(before)[nth % len(before)] if before else 0
                moves.told_or_nothing(db, partial(rows, which), partial(do, which, licence, verb, who, nth))
                after = rows(which)
                moves.by_the_table(rules.LICENCE, _states(before), _states(after), born="in_review")
                for state, is_come in (("verified", True), ("verified", False), ("in_review", None)):
                    held = [one.number for one in after.values()
                            if one.state == state and is_come in (None, one.valid_from <= TODAY)]  # fmt: skip
                    assert len(held) == len(set(held)), state
                for one in after.values():
                    assert make.STAFF.name not in one.reviewed_by
                    if one.state in ("verified", "revoked", "superseded"):
                        assert len(set(one.reviewed_by)) == len(one.reviewed_by) > which

    holds()


def test_whatever_is_done_what_is_in_force_hangs_on_what_is_in_force(db, ring):
    """A link of a chain moves by the table; it is verified only below verified ones, by somebody else, shut goods by two."""
    grantees, scan = [make.supplier(db) for _ in range(3)], make.file(db, ring)

    def rows():
        return {one.id: one for one in compliance.authorisations_of(db, None, tuple(rules.AUTHORISATION.table), 9_999)
                if one.grantee_id in grantees}  # fmt: skip

    def register(parent, nth):
        goods = ["membership", SHUT] if nth % 4 == 3 else ["membership"]
        until = TODAY + timedelta(300 - nth) if parent is None else min(parent.valid_to, TODAY + timedelta(297))
        new = Authorisation(
            0, None if parent is None else parent.id, "品牌方" if parent is None else parent.grantee,
            None if parent is None else parent.grantee_id, grantees[nth % 3], "SQ", "知微课堂", goods, ["全国"], nth != 5, True,
            parent is None, TODAY, until, file_sha256=None if nth == 6 else scan,
        )  # fmt: skip
        return compliance.authorisations.register(db, make.STAFF, new, AT)

    def do(link, verb, who, nth):
        if verb in ("root", "child"):
            return register(link if verb == "child" else None, nth)
        if verb == "revoke":
            return compliance.authorisations.revoke(db, make.STAFF, link.id, "收回", AT)
        is_good, reason = verb != "reject", "" if verb == "silent" else "核对原件"
        return compliance.authorisations.decide(db, PEOPLE[who], link.id, is_good=is_good, reason=reason, at=AT)

    @QUIET
    @example([("child", 0, 0), ("verify", 1, 1), ("revoke", 0, 0)])
    @example([("child", 0, 0), ("revoke", 0, 0), ("verify", 1, 1)])
    @given(steps("root", "child", "child", "verify", "verify", "verify", "reject", "silent", "revoke"))
    def holds(tried):
        with db.transaction(force_rollback=True):
            for verb, who, nth in [("root", 0, 0), ("verify", 1, 0), *tried]:
                before = rows()
                link = before[sorted(before)[nth % len(before)]] if before else None
                moves.told_or_nothing(db, rows, partial(do, link, verb, who, nth))
                after = rows()
                moves.by_the_table(rules.AUTHORISATION, _states(before), _states(after), born="in_review")
                for one in after.values():
                    parent = after.get(one.parent_id)
                    assert parent is None or rules.beyond(one, parent) is None
                    assert make.STAFF.name not in one.reviewed_by
                    if one.state == "verified":
                        assert parent is None or parent.state == "verified"
                        assert one.file_sha256
                        assert len(set(one.reviewed_by)) >= (2 if SHUT in one.goods else 1)

    holds()


def test_whatever_is_done_nothing_is_allowed_without_the_people_it_takes(db):
    """A review waits or is over; what was denied stays refused, and what waits is allowed by as many others as it takes."""
    opened = Context(is_rooted_in_issuer=True, allows_resale=True, verified_by=frozenset({"a", "b"}))
    said = [
        ("腾讯视频会员月卡", rules.NO_PAPERS),
        ("抖币充值", rules.NO_PAPERS),
        ("京东E卡 100元", rules.NO_PAPERS),
        ("抖币充值", opened),
    ]
    thing = make.name("product:")
    table = states.moves("review", waiting="allowed refused", allowed="", refused="")

    def rows():
        sql = (
            "SELECT id, state, verdict, people, agreed_by, evidence, decided_by FROM compliance_review WHERE thing = %s"
        )
        return {row[0]: row[1:] for row in db.execute(sql, [thing]).fetchall()}

    def do(review, verb, who, nth):
        if verb == "submit":
            title, papers = said[nth % len(said)]
            return compliance.reviews.submit(db, make.STAFF, thing, Texts((title,)), AT, papers)
        evidence = " " if verb == "silent" else "备案号 123"
        return compliance.reviews.decide(db, PEOPLE[who], review, is_good=verb != "refuse", evidence=evidence, at=AT)

    @QUIET
    @example([("submit", 0, 3), ("agree", 1, 0), ("agree", 1, 0), ("agree", 0, 0), ("agree", 2, 0)])
    @given(steps("submit", "submit", "agree", "agree", "agree", "refuse", "silent"))
    def holds(tried):
        with db.transaction(force_rollback=True):
            for verb, who, nth in [("submit", 0, 2), *tried]:
                before = rows()
                review = sorted(before)[nth % len(before)] if before else 0
                moves.told_or_nothing(db, rows, partial(do, review, verb, who, nth))
                after = rows()
                for one in after.keys() - before.keys():
                    assert after[one][0] == {"allow": "allowed", "queue": "waiting", "deny": "refused"}[after[one][1]]
                old = {one: after[one][0] for one in before}
                moves.by_the_table(table, {one: row[0] for one, row in before.items()}, old, born="waiting")
                for state, verdict, people, agreed, evidence, _by in after.values():
                    assert verdict != "deny" or state == "refused"
                    assert make.STAFF.name not in agreed
                    assert len(set(agreed)) == len(agreed) <= people
                    assert state != "allowed" or len(agreed) == people
                    assert len(evidence) >= len(agreed)

    holds()


def _states(rows):
    return {one_id: one.state for one_id, one in rows.items()}
