"""The review of titles (C-04, C-73, 1.11): its bars on the corpus, and what no disguise may change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.bench_review import CORPUS, figures
from kashu.compliance import Context, Verdict, deny_list, judge
from kashu.compliance.rules import spelling
from kashu.compliance.rules.listing import SEVERITY, TEXT_CHARS_MAX, read
from kashu.server.reviewing import LINE_BYTES_MAX

ROOT = Path(__file__).parents[2]
ROWS = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
DENIED = sorted(row["title"] for row in ROWS if row["label"] == "deny" and judge(row["title"]).verdict == "deny")
PHRASES = [
    "抖币充值",
    "出售抖音千粉号",
    "接码平台",
    "王者荣耀透视自瞄",
    "花呗套现",
    "代刷抖音礼物",
    "剪映破解版",
    "刷粉1000个",
]
SIGNS = [" ", ".", "·", "/", "❌", "🔥", "\u200b", "\ufe0f", "\u0301", "|", "丨", "★", "\u3000", "_"]
OPEN = Context(is_rooted_in_issuer=True, allows_resale=True, verified_by=frozenset({"a", "b"}))


def bars_of(held, *hands):
    """The figures of these hands' titles, or of all."""
    rows = [row for row in ROWS if row["held"] is held and (not hands or row["hand"] in hands)]
    return figures([(row["label"], judge(row["title"]).verdict.value) for row in rows])


@pytest.mark.parametrize("held", [False, True])
def test_the_bars_hold_on_the_corpus(held):
    """Of the titles that were held back as well, all hands together."""
    bars = bars_of(held)
    assert bars["denied_never_allowed"] >= 0.98, bars
    assert bars["precision"] >= 0.9, bars
    assert bars["lawful_allowed"] >= 0.9, bars


@pytest.mark.parametrize("hand", sorted({row["hand"] for row in ROWS}))
def test_no_hand_is_read_much_worse_than_the_others(hand):
    """Some wrote to slip through, some to be stopped without reason: what is held back of theirs is the hardest there is."""
    bars = bars_of(True, hand)
    assert bars["denied_never_allowed"] >= 0.94, bars
    assert bars["precision"] >= 0.9, bars
    assert bars["lawful_allowed"] >= 0.84, bars


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(ROWS) >= 300
    assert len({row["title"] for row in ROWS}) == len(ROWS)


def test_the_figures_fall_when_the_review_errs():
    assert figures([("deny", "allow"), ("deny", "deny")])["denied_never_allowed"] == 0.5
    assert figures([("allow", "deny"), ("deny", "deny")])["precision"] == 0.5
    assert figures([("allow", "queue"), ("allow", "allow")])["lawful_allowed"] == 0.5


@pytest.mark.parametrize(
    "title",
    [
        "豆音 豆币 1000个", "D币充值", "d o u b i 充值", "抖.币.充.值", "ｄｏｕ币 充值", "抖\u200b币\u200b充值", "dоu币 充值", "d0u币 充值",
        "🅳🅾🆄币 充值", "dǒu bì 充值", "鬥音幣 充值", "扌斗币 充值", "抖丨币 充值", "抖💎币 充值", "zhibo大shang 额度", "Ⓓ币 充值",
    ],
)  # fmt: skip
def test_a_coin_is_a_coin_however_it_is_written(title):
    assert judge(title).verdict == "deny"


def test_what_only_sounds_denied_waits_for_a_person():
    judged = judge("轰炸鸡 天卡")
    assert (judged.verdict, judged.reasons[0].id) == ("queue", "sms.receive")
    assert judge("炸鸡 套餐券").verdict == "allow"


@pytest.mark.parametrize(
    "title",
    [
        "抖音代运营课程", "直播带货培训", "游戏攻略电子书", "账号安全课", "抖音团购券 双人餐", "防沉迷 家长指南", "视频会员月卡 兑换码", "听书卡 年卡",
        "Office 模板 合集", "正版软件 激活码", "电影票 兑换码", "健身月卡", "美容团购券", "外挂字幕 制作教程", "私房菜 团购券", "爱奇艺季卡 非共享号",
    ],
)  # fmt: skip
def test_lawful_goods_pass(title):
    assert judge(title).verdict == "allow"


@pytest.mark.parametrize(
    "title", ["外挂教程 王者荣耀", "破解教程 永久会员", "抖音涨粉软件 教程", "刷粉课程 1000个 秒到"]
)
def test_a_lesson_does_not_launder_a_cheat_or_an_offer(title):
    assert judge(title).verdict != "allow"


@pytest.mark.parametrize(
    ("lawful", "refused"),
    [
        ("外挂音色库 古筝VST 正版授权", "外挂音色库 王者荣耀透视自瞄"),
        ("短信验证码接口套餐包 5000条", "验证码接收接口 接码 0.1一条"),
        ("魔音工坊年卡 激活码 商用授权", "码商招募 自带收款码"),
        ("瑞幸咖啡 9.9元券 自助下单", "作品点赞 自助下单"),
    ],
)
def test_a_word_that_is_part_of_a_lawful_one_is_not_denied_and_frees_nothing(lawful, refused):
    assert judge(lawful).verdict != "deny"
    assert judge(refused).verdict == "deny"


def test_knowledge_about_a_thing_is_not_the_thing():
    assert judge("抖音账号 直播打赏 行业研究报告").verdict == "allow"
    assert judge("抖音账号 直播打赏 出售").verdict == "deny"


def test_papers_open_a_coin_to_a_person_and_never_to_the_shelf():
    """Only the issuer's own resale right, seen by two people and never by one in solo mode (1.11)."""
    title = "抖币充值 1000个"
    assert judge(title, OPEN).verdict == "queue"
    for less in (
        Context(),
        Context(True, True, frozenset({"a"})),
        Context(True, False, frozenset({"a", "b"})),
        Context(False, True, frozenset({"a", "b"})),
        Context(True, True, frozenset({"a", "b"}), is_solo=True),
    ):
        assert judge(title, less).verdict == "deny"


@pytest.mark.parametrize(
    "title", ["抖音千粉号 转让", "抖音刷粉 1000个", "王者荣耀 透视自瞄", "微信群控 系统", "银行卡四件套"]
)
def test_no_papers_open_accounts_followers_or_cheats(title):
    assert judge(title, OPEN).verdict == "deny"


def test_the_class_of_value_is_told():
    assert judge("腾讯视频 月卡").goods_class == "ENTITLEMENT"
    assert judge("星巴克 星礼卡 200元").goods_class == "SINGLE_PURPOSE_VALUE"
    assert judge("全国通用购物卡 500元").goods_class == "MULTI_PURPOSE_VALUE"


def test_what_cannot_be_read_waits_for_a_person():
    assert judge("🔥🔥🔥").verdict == "queue"
    assert judge("好" * TEXT_CHARS_MAX).verdict == "allow"
    assert judge("好" * (TEXT_CHARS_MAX + 1)).verdict == "queue"
    assert judge("抖币充值" + "好" * TEXT_CHARS_MAX).verdict == "deny"


@pytest.mark.parametrize(
    "part", ["douyin", "抖音", "抖音号出 ", "a b ", "刷粉1000", "抖音粉丝课程", "d.", "🔥", "\u0301"]
)
def test_a_text_of_nothing_but_one_thing_is_read_in_time(part):
    assert judge(part * (TEXT_CHARS_MAX // len(part))).verdict in Verdict


def test_a_reason_names_rule_ground_and_words():
    reason = judge("抖币").reasons[0]
    assert str(reason) == "coin.douyin [C-04] DY-COIN, WWW19: platform coins have no lawful resale (B): 抖币"


def test_absolute_and_guaranteed_claims_do_not_pass():
    assert judge("全网最低 视频会员").verdict == "queue"
    assert judge("稳赚不赔 理财课").verdict == "deny"
    assert judge("根治 糖尿病 食谱").verdict == "deny"


def test_every_rule_has_a_place_in_the_law_and_a_pattern_that_can_match():
    listed = deny_list()
    assert len({rule.id for rule in listed.rules}) == len(listed.rules)
    for rule in listed.rules:
        assert rule.grade in ("A", "B", "C")
        assert rule.rule in ("1.11", "C-04", "C-31", "C-35", "C-40", "C-45", "C-73"), rule.id
        assert rule.pattern.search("") is None, rule.id
        assert rule.opens <= (rule.category in ("platform_coin", "tipping")), rule.id


def test_a_list_with_a_hole_is_refused():
    words = {"words": {}, "contexts": dict.fromkeys(("lesson", "warned", "offered", "negated"), "x"), "version": "1"}
    with pytest.raises(KeyError):
        read(
            {
                **words,
                "rule": [{"id": "x", "category": "x", "rule": "1.11", "verdict": "deny", "patterns": ["{nobody}"]}],
            }
        )


@given(st.text())
def test_normal_text_is_its_own_normal(text):
    assert spelling.normal(spelling.normal(text)) == spelling.normal(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_review(text):
    judged = judge(text)
    assert (judged.verdict == "allow") == (not judged.reasons)


@settings(max_examples=300)
@given(st.sampled_from(DENIED), st.data())
def test_what_parts_the_signs_of_a_denied_title_never_frees_it(title, data):
    parts = [sign + data.draw(st.sampled_from(["", "", *SIGNS])) for sign in title]
    assert judge("".join(parts)).verdict != "allow"


@given(st.sampled_from(DENIED))
def test_width_and_case_never_free_a_denied_title(title):
    wide = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in title)
    assert judge(wide).verdict == "deny"
    assert judge(title.swapcase()).verdict == "deny"


@settings(max_examples=300)
@given(st.sampled_from([row["title"] for row in ROWS]), st.sampled_from(PHRASES), st.booleans())
def test_a_denied_phrase_more_is_never_milder(title, phrase, is_first):
    both = f"{phrase} {title}" if is_first else f"{title} {phrase}"
    assert SEVERITY[judge(both).verdict] >= SEVERITY[judge(title).verdict]


def review(sent: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    bare = {
        "PATH": "/usr/bin:/bin",
        "KASHU_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "KASHU_NONSENSE": "1",
    }
    line = [sys.executable, "-m", "kashu", "review", *words]
    return subprocess.run(line, cwd=ROOT, input=sent, env=bare, capture_output=True, timeout=60, check=False)


def test_the_command_answers_line_by_line_without_database_or_settings():
    done = review("抖币充值 秒到\n\n   \r\n腾讯视频会员月卡\r\n".encode(), "--json")

    told = [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    assert done.returncode == 0, done.stderr
    assert [list(one) for one in told] == [["title", "class", "verdict", "reasons"]] * 2
    assert [(one["title"], one["verdict"]) for one in told] == [
        ("抖币充值 秒到", "deny"),
        ("腾讯视频会员月卡", "allow"),
    ]
    assert told[1] == {"title": "腾讯视频会员月卡", "class": "ENTITLEMENT", "verdict": "allow", "reasons": []}


def test_the_command_survives_what_is_no_title():
    long = "抖币充值".encode() + b"a" * LINE_BYTES_MAX
    sent = b"\n".join(
        [long, "抖币充值".encode("gb18030"), b"\xff\xfe\x80", b"\x00\x07\x1b[31m", "好\u2028\x85课".encode()]
    )
    done = review(sent, "--json")

    told = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0, done.stderr
    assert [one["verdict"] for one in told] == ["deny", "deny", "queue", "allow", "allow"]
    assert told[1]["title"] == "抖币充值"
    assert told[4]["title"] == "好\u2028\x85课"


def test_people_get_a_table():
    done = review("抖币充值 [秒到]\n".encode())
    assert done.stdout.decode().splitlines()[0].split() == ["deny", "抖币充值", "[秒到]"]


def test_each_answer_comes_before_the_next_question():
    line = [sys.executable, "-m", "kashu", "review", "--json"]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        for title, verdict in (("抖币充值", Verdict.DENY), ("电影票", Verdict.ALLOW)):
            running.stdin.write(f"{title}\n".encode())
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["verdict"] == verdict
        running.stdin.close()
        assert running.wait(30) == 0
