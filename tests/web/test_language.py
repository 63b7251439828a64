"""English: whatever the pages say in Chinese has its words in the catalogue, and the places of its values with them."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from kashu.server.runtime import ROOT

WEB = ROOT / "kashu" / "web"
CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
IN_TEMPLATE = re.compile(r"""(?:\bu|\b_\()('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
PLACE = re.compile(r"%%|%\([^)]+\)[a-z]|%[a-z]|%")
IDEOGRAPH = re.compile(r"[\u4e00-\u9fff]")


def test_all_that_is_said_is_said_in_english(site):
    said = all_said()
    assert len(said) > 500
    assert unsaid(said, english()) == []


def test_the_tables_of_words_are_read_too(site):
    """The sources are read, not run; what the tables hold when they do run is among what was read."""
    assert set(tabled()) - set(all_said()) == set()


def test_django_finds_the_words(site):
    """Through the compiled catalogue, by the very keys that templates and views look up."""
    from django.utils.translation import gettext, override

    words = english()
    with override("en"):
        assert [text for text in all_said() if gettext(text) != words[text]] == []
    with override("zh-hans"):
        assert [text for text in all_said() if gettext(text) != text] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("page.html", '<p>{% translate "没有译文的话" %}</p>'),
        ("page.html", '<p>{% translate "没有译文的 9% 话" %}</p>'),
        ("page.html", "<p>{% blocktranslate with n=many|count %}没有译文的 {{ n }} 句{% endblocktranslate %}</p>"),
        ("page.html", '<p>{{ told|default:_("没有译文的话") }}</p>'),
        ("views.py", 'say(request, _("没有译文的话"))'),
        ("views.py", 'say(request, _("untranslated"))'),
        ("views.py", 'REFUSALS = {Refusal.GONE: "没有译文的话"}'),
        ("views.py", 'def named():\n    """文档。"""\n    return _({"a": (404, "没有译文的话")}[0][1])'),
    ],
)
def test_a_planted_untranslated_text_is_found(site, name, source):
    said = said_in(name, source)
    assert len(said) == 1
    assert unsaid(said, english()) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("共 %(n)s 张", "cards"),
        ("共 %(n)s 张", "%(m)s cards"),
        ("共 %(n)s 张", "%(n)s of %(n)s cards"),
        ("第 %s 行", "line"),
        ("99%% 订单", "99% of orders"),
        ("话", ""),
    ],
)
def test_planted_words_that_lose_a_value_are_found(text, words):
    assert unsaid([text], {text: words}) == [text]


def unsaid(said, words):
    """Texts without English, or whose English has other places for values."""
    return [text for text in said if not words.get(text, "").strip() or places(text) != places(words[text])]


def places(text):
    return Counter(PLACE.findall(text))


def english():
    from babel.messages.pofile import read_po

    with CATALOGUE.open("rb") as source:
        return {told.id: told.string for told in read_po(source) if told.id and not told.fuzzy}


def all_said():
    paths = sorted([*WEB.rglob("*.html"), *WEB.rglob("*.py")])
    return sorted({text for path in paths for text in said_in(path.name, path.read_text())})


def said_in(name, source):
    return sorted(set(said_in_template(source) if name.endswith(".html") else said_in_python(source)))


def said_in_template(source):
    """As Django itself extracts and looks up: `{{ n }}` is `%(n)s`, a per cent sign is doubled."""
    from django.utils.translation.template import templatize

    return [ast.literal_eval(found) for found in IN_TEMPLATE.findall(templatize(source))]


def said_in_python(source):
    """The text of each `_("…")`, and every Chinese text that is not a docstring: tables are passed to `_` later."""
    tree = ast.parse(source)
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            yield from (one.value for one in node.args if isinstance(one, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield from [node.value] if IDEOGRAPH.search(node.value) else []


def tabled():
    from django.utils.translation import override

    from kashu.party.models import ROLES
    from kashu.web import errors
    from kashu.web.buyer import machines, purchases
    from kashu.web.console import accounts, batches, messages, products
    from kashu.web.console import orders as console_orders
    from kashu.web.store import links, orders, shop
    from kashu.web.templatetags import kashu as tags

    for table in (batches.REFUSALS, batches.APPROVAL_REFUSALS, products.REFUSALS, console_orders.REFUND_REFUSALS,
                  accounts.REFUSALS, machines.KEY_REFUSALS, machines.WEBHOOK_REFUSALS, purchases.REFUSALS,
                  purchases.INVOICE_REFUSALS, messages.REFUSALS, messages.PURPOSE_NAMES,
                  messages.KIND_NAMES):  # fmt: skip
        yield from table.values()
    yield from [*shop.REFUSALS.values(), *errors.RIGHT_NAMES.values(), *tags.VERBS.values()]
    with override("zh-hans"):
        yield from [tags.role_name(role) for role in ROLES]
    for table in (
        orders.REVEAL_REFUSALS,
        orders.REFUND_REFUSALS,
        links.LINK_REFUSALS,
        tags.STATE_TONES,
        tags.KIND_TONES,
    ):
        yield from (text for _, text in table.values())
    yield from (text for _tone, *texts in batches.REASONS.values() for text in texts)
