"""The console's pages of messages: who may see them, what they show, what they refuse."""

from __future__ import annotations

import pytest

from kashu import messages
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.messages import Draft
from tests import make
from tests.web.conftest import staff  # noqa: F401  # a fixture

PATH = "/console/messages"
SENDER = {
    "kind": "aliyun",
    "title": "阿里云主",
    "sign_name": "卡枢",
    "key_id": "LTAI",
    "secret": "not told again",
    "place": "1",
}
TEMPLATE = {
    "purpose": "refunded", "template_id": "SMS_1", "text": "订单尾号 ${tail} 已退款", "variables": "tail 4 [0-9A-Z]{4}",
}  # fmt: skip


@pytest.fixture
def owner(staff):  # noqa: F811  # the fixture above
    return staff("owner", is_sure=True)


def text(answer):
    return answer.content.decode()


@pytest.fixture
def opened(owner):
    name = make.name("ali").lower()
    assert owner.post(f"{PATH}/senders/set", {**SENDER, "id": name}).status_code == 302
    return owner, name


def test_the_log_shows_the_end_of_a_number_and_how_it_stands(owner, house, ring):
    phone = f"137{next(make.numbers):08d}"
    with connect(house.dsn) as db, db.transaction():
        make.box(db, ring)
        [one] = messages.write(db, ring, [Draft("refunded", make.name("x"), phone, {"tail": "8D1X"})], clock.now())
    page = text(owner.get(f"{PATH}?tail={phone[-4:]}&purpose=refunded&view=way"))
    assert f"****{phone[-4:]}" in page
    assert phone not in page
    assert "待发" in page
    assert f"****{phone[-4:]}" not in text(owner.get(f"{PATH}?view=arrived&tail={phone[-4:]}"))
    assert str(one) not in page


@pytest.mark.parametrize("query", ["?view=x", "?purpose=x&sender=x", "?tail=²²²²", "?after=x"])
def test_nonsense_shows_the_first_page(owner, query):
    assert owner.get(f"{PATH}{query}").status_code == 200


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("operator", 200), ("support", 200), ("auditor", 200), ("buyer", 403)]
)
def test_who_may_read(staff, role, status):  # noqa: F811
    browser = staff(role)
    assert browser.get(PATH).status_code == status
    assert browser.get(f"{PATH}/senders").status_code == status


def test_only_who_may_change_settings_changes_senders_and_sees_their_addresses(opened, staff, house, ring):  # noqa: F811
    owner, name = opened
    assert "/callbacks/messages/" in text(owner.get(f"{PATH}/senders"))
    support = staff("support")
    assert "?key=" not in text(support.get(f"{PATH}/senders"))
    for path in ("senders/set", "templates", "templates/1/withdraw"):
        assert support.post(f"{PATH}/{path}").status_code == 403
    stranger = make.visitor()
    assert stranger.get(PATH).status_code in (302, 403)
    assert name


def test_a_secret_is_never_shown_and_an_empty_one_keeps_it(opened, house, ring):
    owner, name = opened
    assert "not told again" not in text(owner.get(f"{PATH}/senders"))
    owner.post(f"{PATH}/senders/set", {**SENDER, "id": name, "secret": "", "title": "改名"})
    with connect(house.dsn) as db:
        found = messages.sender(db, name)
    assert (found.title, ring.open_personal(found.sealed_secret, f"message sender {name}")) == (
        "改名",
        "not told again",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "X"}, {"title": ""}, {"sign_name": ""}, {"key_id": ""}, {"secret": ""}, {"kind": "fax"}, {"place": "x"},
        {"endpoint": "ftp://a.example"}, {"endpoint": "https://u:p@a.example"}, {"endpoint": "https://a.example/?x=1"},
        {"title": "a\x00b"}, {"kind": "smtp", "endpoint": "https://a.example", "app": "a@b.example"}, {"kind": "smtp", "endpoint": "smtp://m.example"},
    ],
)  # fmt: skip
def test_a_sender_that_is_not_whole_is_not_kept(owner, house, wrong):
    name = make.name("ali").lower()
    owner.post(f"{PATH}/senders/set", {"id": name, **SENDER, **wrong})
    with connect(house.dsn) as db:
        assert value(db, "SELECT count(*)::int FROM messages_sender WHERE id = %s", [name]) == 0


def test_a_template_is_used_and_withdrawn(opened, house):
    owner, name = opened
    assert owner.post(f"{PATH}/templates", {**TEMPLATE, "sender": name}).status_code == 302
    with connect(house.dsn) as db:
        [one] = [one for one in messages.templates(db) if one.sender_id == name]
    assert one.variables == [{"name": "tail", "regex": "[0-9A-Z]{4}", "max_len": 4}]
    assert "SMS_1" in text(owner.get(f"{PATH}/senders"))
    owner.post(f"{PATH}/templates/{one.id}/withdraw")
    with connect(house.dsn) as db:
        assert [found for found in messages.templates(db) if found.sender_id == name] == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"text": "订单尾号 ${tail} 话费已退"}, "topic"),
        ({"text": "订单尾号 ${tail}，卡密 ${card}", "variables": "tail 4 .+\ncard 35 .+"}, "purpose"),
        ({"variables": "tail"}, "变量每行"),
        ({"variables": "tail x .+"}, "变量每行"),
        ({"variables": "tail 4 ["}, "regex"),
        ({"purpose": "x"}, "变量每行"),
    ],
)
def test_what_the_linter_finds_is_told_and_nothing_is_kept(opened, house, wrong, told):
    owner, name = opened
    answer = owner.post(f"{PATH}/templates", {**TEMPLATE, "sender": name, **wrong})
    assert answer.status_code == 422
    assert told in text(answer)
    with connect(house.dsn) as db:
        assert [one for one in messages.templates(db) if one.sender_id == name] == []


def test_check_tells_of_a_template_that_vendors_would_not_pass(opened, house, db):
    from kashu.server.checks import _messages

    _owner, name = opened
    db.execute(
        "INSERT INTO messages_template (sender_id, purpose, text, variables, made_at) VALUES (%s, 'refunded', '话费 ${tail}', '[]', now())",
        [name],
    )
    told = [one.told for one in _messages(db, is_production=True) if one.level == "error"]
    assert any(name in one and "undeclared" in one for one in told)
    db.execute("UPDATE messages_sender SET is_open = false")
    assert "no open sender of messages for code: nobody is told" in [
        one.told for one in _messages(db, is_production=True)
    ]


def test_the_switch_for_a_skus_key_needs_a_template_that_says_so(owner, house, ring):
    with connect(house.dsn) as db, db.transaction():
        make.box(db, ring)
        sku = make.sku(db)
    path, told = f"/console/products/{sku.product_id}/skus/{sku.code}", {"name": sku.name, "push_secret": "yes"}
    assert owner.post(path, told).status_code == 422
    name = make.name("ali").lower()
    owner.post(f"{PATH}/senders/set", {**SENDER, "id": name})
    card = {
        "purpose": "card",
        "text": "订单 ${tail} 卡密 ${card} 请收好",
        "variables": "tail 4 .{4}\ncard 35 [0-9A-Z-]+",
    }
    assert owner.post(f"{PATH}/templates", {**TEMPLATE, **card, "sender": name}).status_code == 422
    assert (
        owner.post(f"{PATH}/templates", {**TEMPLATE, **card, "sender": name, "carries_card": "yes"}).status_code == 302
    )
    assert owner.post(path, told).status_code == 302
    with connect(house.dsn) as db:
        assert value(db, "SELECT push_secret FROM catalog_sku WHERE id = %s", [sku.id])
        db.execute("UPDATE messages_sender SET is_open = false WHERE id = %s", [name])
