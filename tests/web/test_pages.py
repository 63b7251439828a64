"""Lists of desk and portal with more rows than a page: every row stands on one page, and what is counted is the whole."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from kashu import aftersale, compliance, party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value, values
from kashu.web.console.desk import PAGE_ROWS
from tests import make
from tests.aftersale import world as aftersale_world
from tests.party import world

MANY = PAGE_ROWS + 3
PAGES_MAX = 200
SUPPLIERS = """
WITH named AS (
    INSERT INTO party_party (kind, name, created_at) SELECT 'supplier', %(tag)s || '-' || n, now()
    FROM generate_series(100, 99 + %(many)s) AS n RETURNING id
)
INSERT INTO party_supplier (party_id, state, applied_at, verified_at, moved_at)
SELECT id, %(state)s, %(at)s, %(verified)s, %(at)s FROM named RETURNING party_id
"""


@pytest.fixture
def forget(house):
    """`forget(sql, told)`: what is to be gone when the test ends, so that the first pages of other tests are theirs."""
    owed = []
    yield lambda sql, told: owed.append((sql, told))
    with connect(house.owner_dsn) as db:
        for sql, told in owed:
            db.execute(sql, told)


@pytest.fixture
def many(dsn, site, forget):
    """`many(state)`: more suppliers than a page shows, all of one moment; their tag."""

    def make_them(state, verified=None):
        tag = make.name("页")
        with connect(dsn) as db, db.transaction():
            told = {"tag": tag, "many": MANY, "state": state, "at": clock.now(), "verified": verified}
            ids = values(db, SUPPLIERS, told)
        forget(
            "DELETE FROM party_appeal WHERE sanction_id IN (SELECT id FROM party_sanction WHERE party_id = ANY (%s))",
            [ids],
        )
        for table in ("sanction", "change", "unreached", "hit", "screening", "supplier"):
            forget(f"DELETE FROM party_{table} WHERE party_id = ANY (%s)", [ids])
        forget("DELETE FROM party_party WHERE id = ANY (%s)", [ids])
        return tag

    return make_them


def walk(desk, path, param, section=""):
    """The pages of one list of a screen, by the links at its end."""
    query, told = "", []
    for _ in range(PAGES_MAX):
        text = desk.get(path + query).content.decode()
        part = re.search(rf'id="{section}".*?</section>', text, re.DOTALL)[0] if section else text
        told.append(part)
        more = re.search(rf'href="(\?{param}=[^"#]+)', text)
        if more is None:
            return told
        query = more[1]
    raise AssertionError("no end")


def seen(pages, pattern):
    return [name for page in pages for name in re.findall(pattern, page)]


def everyone(tag):
    return [f"{tag}-{n}" for n in range(100, 100 + MANY)]


def test_all_suppliers_are_found_page_by_page(staff, many):
    tag = many("applied")
    pages = walk(staff("auditor"), "/desk/suppliers", "every", "every")
    assert seen(pages, rf">({tag}-\d+)<") == everyone(tag)
    assert max(page.count("/desk/suppliers/") for page in pages) == PAGE_ROWS


def test_what_waits_is_counted_whole_and_shown_in_pages(staff, many, dsn):
    waiting, due = many("kyb_review"), many("active", clock.now() - timedelta(days=170))
    desk = staff("auditor")
    for param, tag in (("waiting", waiting), ("due", due)):
        assert seen(walk(desk, "/desk/suppliers", param, param), rf">({tag}-\d+)<") == everyone(tag)
    with connect(dsn) as db:
        counts = party.open_counts(db, clock.now() - timedelta(days=150))
    assert min(counts.waiting, counts.due) >= MANY
    page = desk.get("/desk/suppliers").content.decode()
    assert f"<b>{counts.waiting:,}</b><span>待审核" in page
    assert f"<b>{counts.due:,}</b><span>复核到期" in page


@pytest.fixture
def appealed(dsn, ring, many):
    """More appeals than a page shows, and as many blacklistings that nobody was told of; the words of both."""
    tag = many("active", clock.now())
    with connect(dsn) as db, db.transaction():
        ids = [one.id for one in party.parties(db, "supplier") if one.name.startswith(tag)]
        for party_id in ids:
            made = party.sanction(db, world.REVIEWER, party_id, world.measure("blacklist"), clock.now())
            party.appeal(db, world.APPLICANT, party_id, made.id, "弄错了", clock.now())
    return tag


def test_appeals_and_what_is_to_be_reported_come_in_pages(staff, appealed):
    desk = staff("auditor")
    asked = walk(desk, "/desk/appeals", "waiting")
    assert seen(asked, rf"<h2><a [^>]*>({appealed}-\d+)<") == everyone(appealed)
    barred = walk(desk, "/desk/appeals", "unreported", "unreported")
    assert seen(barred, rf">({appealed}-\d+)<") == everyone(appealed)


def test_a_page_of_appeals_asks_the_database_no_more_for_more_suppliers(staff, appealed):
    from django.db import connection

    from kashu.wire import edge

    desk, asked = staff("auditor"), []
    real = edge.transaction

    class Counting:
        def __init__(self):
            self.inner = real()

        def __enter__(self):
            db = self.inner.__enter__()
            execute, asked_of = db.execute, asked

            def counted(sql, *told, **named):
                asked_of.append(sql)
                return execute(sql, *told, **named)

            db.execute = counted
            self.db = db
            return db

        def __exit__(self, *told):
            del self.db.execute
            return self.inner.__exit__(*told)

    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge, "transaction", Counting)
        desk.get("/desk/appeals")
    assert len(asked) <= 6, asked


def test_the_board_counts_everybody_who_stands_still_and_shows_a_page(staff, many, dsn):
    """Suppliers without a business licence: none of them may sell anything."""
    tag, desk = many("active", clock.now()), staff("auditor")
    pages = walk(desk, "/desk/", "stopped", "stopped")
    assert sorted(seen(pages, rf">({tag}-\d+)<")) == everyone(tag)
    shown = [len(seen([page], r"/desk/suppliers/(\d+)")) for page in pages]
    assert max(shown) == PAGE_ROWS
    counted = int(
        re.search(r'href="#stopped"[^>]*><b>([\d,]+)<', desk.get("/desk/").content.decode())[1].replace(",", "")
    )
    assert counted == sum(shown)


def test_the_board_says_of_many_what_it_says_of_one(db, ring):
    """`stopped` is `standing` of each, by fewer statements."""
    at = clock.now()
    good, bare = make.supplier(db), world.active(db, ring, at)
    late = make.supplier(db)
    db.execute("UPDATE party_supplier SET verified_at = %s WHERE party_id = %s", [at - timedelta(days=400), late])
    goods = {one: ["course", "membership"] for one in (good, bare, late)}
    told = compliance.stopped(db, goods, at)
    for seller, kinds in goods.items():
        causes = {cause for kind in kinds for cause in compliance.standing(db, seller, kind, at).causes}
        assert told.get(seller, set()) == causes, seller


@pytest.fixture
def licences(dsn, site, forget):
    """More licences in review, and verified and soon over, than a page shows; their tag."""
    tag = make.name("证")
    sql = """
    INSERT INTO compliance_licence (party_id, kind, number, valid_from, valid_to, state, made_by, made_at, moved_at)
    SELECT %s, 'publication', %s || '-' || n, '2020-01-01', %s, %s, 'x', now(), now() FROM generate_series(100, 99 + %s) AS n
    """
    with connect(dsn) as db, db.transaction():
        owner = make.supplier(db)
        for state, part in (("in_review", "r"), ("verified", "v"), ("rejected", "e")):
            db.execute(sql, [owner, f"{tag}{part}", biz_date(clock.now()) + timedelta(days=100), state, MANY])
    forget("DELETE FROM compliance_licence WHERE number LIKE %s", [f"{tag}%"])
    return tag


@pytest.mark.parametrize(("section", "part"), [("waiting", "r"), ("held", "v"), ("ended", "e")])
def test_licences_come_in_pages(staff, licences, section, part):
    pages = walk(staff("auditor"), "/desk/licences", section, section)
    assert seen(pages, rf">({licences}{part}-\d+)<") == everyone(f"{licences}{part}")


def test_licences_are_counted_whole(staff, licences, dsn):
    desk = staff("auditor")
    with connect(dsn) as db:
        waiting = value(db, "SELECT count(*) FROM compliance_licence WHERE state = 'in_review'")
    assert f'<span class="sub num">{waiting:,}</span>' in desk.get("/desk/licences").content.decode()
    board = desk.get("/desk/").content.decode()
    assert f"<b>{waiting:,}</b><span>证照待审核" in board
    assert seen(walk(desk, "/desk/", "soon", "soon"), rf">({licences}v-\d+)<") == everyone(f"{licences}v")


def test_declared_changes_come_in_pages_those_that_wait_first(staff, many, dsn):
    tag, desk = many("active", clock.now()), staff("auditor")
    with connect(dsn) as db, db.transaction():
        for one in [one for one in party.parties(db, "supplier") if one.name.startswith(tag)]:
            new = party.NewChange("", f"新地址 {one.name}", "", biz_date(clock.now()))
            party.declare_change(db, world.APPLICANT, one.id, new, clock.now())
            party.note_unreached(db, world.REVIEWER, one.id, f"市场监管 {one.name}", world.HASH, clock.now())
    assert sorted(seen(walk(desk, "/desk/changes", "changes"), rf"新地址 ({tag}-\d+)<")) == everyone(tag)
    assert sorted(seen(walk(desk, "/desk/changes", "notices"), rf"市场监管 ({tag}-\d+)<")) == everyone(tag)


def test_hits_come_in_pages_those_that_wait_first(staff, many, dsn, ring):
    tag, desk = many("active", clock.now()), staff("auditor")
    with connect(dsn) as db, db.transaction():
        own = [one for one in party.parties(db, "supplier") if one.name.startswith(tag)]
        listed = [party.Listed(one.name) for one in own]
        party.load_list(db, ring, world.REVIEWER, f"pages-{make.SEED[:4]}", world.sha256_hex(tag), listed, clock.now())
        party.screen(db, ring, [one.id for one in own], clock.now())
    pages = walk(desk, "/desk/screening", "after")
    assert sorted(seen(pages, rf"<tr><td><a [^>]*>({tag}-\d+)<")) == everyone(tag)


def test_authorisations_come_in_pages(staff, dsn, site, forget):
    brand = make.name("牌")
    forget("DELETE FROM compliance_authorisation WHERE brand LIKE %s", [f"{brand}-%"])
    sql = """
    INSERT INTO compliance_authorisation (grantor, grantee_id, number, brand, goods, territory, may_pass_on, may_resell,
                                          is_issuer, valid_from, valid_to, state, made_by, made_at)
    SELECT 'x', %s, '', %s || '-' || n, '{course}', '{全国}', false, false, false, '2020-01-01', %s, 'in_review', 'x', now()
    FROM generate_series(100, 99 + %s) AS n
    """
    with connect(dsn) as db, db.transaction():
        db.execute(sql, [make.supplier(db), brand, date(2031, 1, 1), MANY])
    pages = walk(staff("auditor"), "/desk/authorisations", "after")
    assert seen(pages, rf">({brand}-\d+)<") == everyone(brand)


def test_listings_that_wait_and_wishes_about_data_come_in_pages(staff, dsn, forget):
    tag, desk = make.name("页"), staff("owner")
    sql = """
    INSERT INTO compliance_review (thing, sha256, texts, version, verdict, goods_class, reasons, state, people, made_by, made_at)
    SELECT 'product:0', sha256((%(tag)s || n)::bytea), jsonb_build_object('titles', ARRAY[%(tag)s || '-' || n], 'bodies', '{}'::text[]),
           '1', 'queue', 'ENTITLEMENT', '{}', 'waiting', 1, 'x', %(at)s FROM generate_series(100, 99 + %(many)s) AS n
    """
    people = """
    INSERT INTO party_person (password, email, name, role, is_active, date_joined)
    SELECT '!', %s || '-' || n || '@x.example', 'x', 'member', true, now() FROM generate_series(100, 99 + %s) AS n RETURNING id
    """
    with connect(dsn) as db, db.transaction():
        db.execute(sql, {"tag": tag, "many": MANY, "at": clock.now()})
        ids = values(db, people, [tag, MANY])
        for person_id in ids:
            party.ask_about_data(db, edge_ring(), make.STAFF, person_id, "delete", "", clock.now())
    forget("DELETE FROM compliance_review WHERE texts::text LIKE %s", [f"%{tag}%"])
    forget("DELETE FROM party_request WHERE person_id = ANY (%s)", [ids])
    assert seen(walk(desk, "/desk/reviews", "after"), rf">({tag}-\d+)</a>") == everyone(tag)
    assert sorted(seen(walk(desk, "/desk/privacy", "after"), rf"({tag}-\d+)@")) == everyone(tag)


def edge_ring():
    from kashu.wire import edge

    return edge.ctx().ring


def paged(page_of, place, most=2):
    """Everything a list has, in pages of so many."""
    found, after = [], None
    while page := page_of(most, after):
        assert len(page) <= most
        found += page
        after = place(page[-1])
    return [one.id for one in found]


def test_complaints_and_claims_are_found_in_pages_as_in_one(db, ring):
    """Whatever their states: each list by pages of two is the list itself, none twice and none left out."""
    sku = make.stocked(db, ring, 7)
    for place in range(7):
        at = world.AT + timedelta(hours=place)
        placed, who = aftersale_world.bought(db, ring, sku=sku)
        told = aftersale_world.complain(db, placed, who, at)
        if place % 3 == 1:
            aftersale.take_up(db, aftersale_world.CLERK, told.id, at)
        if place % 3 == 2:
            aftersale.take_up(db, aftersale_world.CLERK, told.id, at)
            aftersale.decide(db, aftersale_world.CLERK, told.id, "rejected", aftersale_world.WHY, at)
        claim = aftersale_world.claim(db, ring, placed, who, at)
        if place % 2:
            aftersale.reject(db, aftersale_world.CLERK, claim.id, aftersale_world.WHY, at)
    seller = told.supplier_id

    def due(one):
        return one.due_at, one.id

    lists = [
        (lambda most, after: aftersale.open_complaints(db, most, after=after), due),
        (
            lambda most, after: aftersale.open_complaints(db, most, is_open=False, after=after),
            lambda one: (one.opened_at, one.id),
        ),
        (lambda most, after: aftersale.claims(db, most, is_open=True, after=after), due),
        (
            lambda most, after: aftersale.claims(db, most, is_open=False, after=after),
            lambda one: (one.decided_at, one.id),
        ),
        (
            lambda most, after: aftersale.complaints_of_supplier(db, seller, most, after),
            lambda one: (one.answered_at is None and one.state in ("opened", "taken"), one.opened_at, one.id),
        ),
    ]
    for page, place in lists:
        whole = [one.id for one in page(1_000, None)]
        assert len(whole) >= 2
        assert paged(page, place) == whole


@pytest.fixture
def seat(staff):
    """One desk for every address: signing in takes longer than the pages."""
    return staff("owner")


LISTS = ["suppliers?every=", "suppliers?due=", "appeals?waiting=", "appeals?unreported=", "?stopped=", "?alerts=", "?soon=", "?links=",
         "?down=", "licences?held=", "changes?changes=", "changes?notices=", "screening?after=", "authorisations?after=",
         "complaints?waiting=", "complaints?over=", "guardians?waiting=", "guardians?over=", "reviews?after=",
         "takedowns?waiting=", "privacy?after="]  # fmt: skip


def test_nonsense_shows_the_first_page(seat):
    for page in LISTS:
        for cursor in ("x", "WyJ4IiwieCJd" if page.endswith(("appeals?waiting=", "held=")) else "WzIsIngiLCJ4Il0"):
            assert seat.get(f"/desk/{page}{cursor}").status_code == 200, (page, cursor)
