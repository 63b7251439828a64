"""Every address of the desk's pages about suppliers, screening, persons' requests and reports, for every role there is."""

from __future__ import annotations

import re

import pytest

from tests import make

ROLES = ["owner", "compliance", "operator", "finance", "support", "auditor", "member"]
OURS = ("suppliers", "deposits", "screening", "privacy", "reports")
NOWHERE, NOBODY = make.ids(1)[0], 2**40
READS = {  # a page that is there for whoever may see it: the right, and what it answers to them
    "/desk/suppliers": ("suppliers.read", 200),
    f"/desk/suppliers/{NOBODY}": ("suppliers.read", 404),
    "/desk/screening": ("suppliers.read", 200),
    "/desk/appeals": ("suppliers.read", 200),
    "/desk/contracts": ("suppliers.read", 200),
    "/desk/privacy": ("privacy.answer", 200),
    "/desk/reports": ("compliance.read", 200),
}
ACTS = {
    "/desk/suppliers/apply": "suppliers.review",
    f"/desk/suppliers/{NOBODY}/review/accept": "suppliers.review",
    f"/desk/suppliers/{NOBODY}/deposit/in": "suppliers.deposit",
    f"/desk/suppliers/{NOBODY}/deposit/{NOWHERE}": "suppliers.deposit",
    f"/desk/suppliers/{NOBODY}/sanction": "suppliers.sanction",
    f"/desk/suppliers/{NOBODY}/documents/{NOWHERE}": "suppliers.review",
    f"/desk/suppliers/{NOBODY}/documents/{NOWHERE}/decide": "suppliers.review",
    f"/desk/suppliers/{NOBODY}/principals/{NOWHERE}": "suppliers.review",
    f"/desk/suppliers/approvals/{NOWHERE}": "suppliers.review",
    f"/desk/screening/{NOWHERE}": "suppliers.review",
    f"/desk/appeals/{NOWHERE}": "suppliers.sanction",
    f"/desk/sanctions/{NOWHERE}/lift": "suppliers.sanction",
    "/desk/contracts/publish": "suppliers.deposit",
    f"/desk/privacy/{NOWHERE}": "privacy.answer",
    "/desk/reports/rumours": "reports.give",
    f"/desk/reports/{NOWHERE}/sent": "reports.give",
}
VERBS = re.compile(r"/(accept|in|lift|rumours)$")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_what_it_may_and_does_no_more(staff, role):
    """Nothing is found under these names: what is refused is refused for the right, before anything is looked for."""
    from kashu.web.rights import RIGHTS

    assert set(ROLES) == set(RIGHTS)
    desk = staff(role, is_sure=True)
    for address, (right, answer) in READS.items():
        assert desk.get(address).status_code == (answer if right in RIGHTS[role] else 403), address
    for address, right in ACTS.items():
        assert (desk.post(address).status_code == 403) is (right not in RIGHTS[role]), address
        assert desk.get(address).status_code in (403, 405), address


def test_nobody_who_is_not_signed_in_gets_anywhere(browser):
    assert {browser.get(address).status_code for address in READS} == {302}
    assert {browser.post(address).status_code for address in ACTS} == {302}


def test_no_address_is_left_out(site):
    from kashu.web.desk.urls import urlpatterns

    shapes = {
        re.sub(r"<[^>]+>", "*", f"/desk/{one.pattern}")
        for one in urlpatterns
        if one.callback.__module__.rsplit(".", 1)[-1] in OURS
    }
    told = [VERBS.sub("/*", one).replace(str(NOWHERE), "*").replace(str(NOBODY), "*") for one in (*READS, *ACTS)]
    assert shapes == set(told)


def test_every_module_of_the_desk_is_among_those_with_such_a_test(site):
    """Whoever adds pages adds their test: of the other modules it is in the files named here."""
    from kashu.web.desk.urls import urlpatterns

    elsewhere = {
        "test_desk": ("attestations", "board", "value", "licences", "provenance", "reviews"),
        "test_takedowns": ("takedowns", "agreements", "closing"),
        "test_aftersale": ("complaints", "guardians", "changes"),
        "test_compensations": ("compensations",),
    }
    known = {*OURS, *(name for names in elsewhere.values() for name in names)}
    assert {one.callback.__module__.rsplit(".", 1)[-1] for one in urlpatterns} == known
