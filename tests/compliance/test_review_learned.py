"""The learned second look (1.11): what it may change and what not, and good words far away do not make up for bad ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import train_review
from bench.bench_review import CORPUS
from kashu.compliance import deny_list, in_chinese, judge
from kashu.compliance.rules import learned
from kashu.compliance.rules.listing import LESSON_MORE, LOOK, judge_listing, knowledge, told, weighed
from kashu.compliance.types import Texts, Verdict

ROWS = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
PLAIN = st.text("好坏课卡券票餐", max_size=60)
LEARNT = learned.Learned(-10, 0, {"坏": 90, "好": -60, "课": -40, "餐课": -30, "卡坏": 20})


@pytest.mark.parametrize("title", ["帮忙冲一波 数字好看", "三年的 自用 换手"])
def test_what_no_rule_knows_but_resembles_the_denied_waits_for_a_person(title):
    assert judge(title, looks=False).verdict == "allow"
    judged = judge(title)
    assert (judged.verdict, [reason.id for reason in judged.reasons]) == ("queue", ["look.learned"])
    assert "resembles denied titles (C): " in str(judged.reasons[0])
    assert in_chinese(str(judged.reasons[0])).startswith("与被拒商品相似（1.11 · look.learned）：「")


def test_the_look_takes_nothing_that_is_denied_to_the_shelf():
    some = ROWS[::4]
    changed = {(judge(row["title"], looks=False).verdict, judge(row["title"]).verdict) for row in some}
    assert {pair for pair in changed if pair[0] != pair[1]} == {
        ("allow", "queue"),
        ("queue", "allow"),
        ("deny", "queue"),
    }


@given(
    st.dictionaries(
        st.sampled_from(["look.offer", "slang.cheat", "cheat.game", "paper.game"]), st.sampled_from(Verdict)
    ),
    st.integers(-900, 900),
)
def test_only_soft_words_are_ever_forgiven(said, total):
    """Whatever a title is like: what is denied waits for a person at least, and so does what wants papers."""
    found = {one: replace(LOOK, id=one, verdict=verdict) for one, verdict in said.items() if verdict != "allow"}
    after = weighed(found, total, learned.Learned(0, 50, {}, -100, -200), deny_list().soft)
    hard = {one: reason for one, reason in found.items() if one not in deny_list().soft}
    assert hard.keys() <= after.keys()
    if any(reason.verdict == "deny" for reason in found.values()):
        assert after.keys() == found.keys()
    assert (not found and total >= 50) == (after.keys() == {LOOK.id})


def test_a_word_that_proves_nothing_needs_company():
    assert judge("短视频脚本 分镜表 拍摄计划 Word+Excel").verdict == "allow"
    assert judge("脚本 稳 天天更").verdict == "queue"


def test_a_lesson_far_away_frees_nothing():
    assert judge("游戏攻略会员 加速月卡 顺便 可以给你租号").verdict != "allow"


def test_most_denied_titles_are_stopped_by_the_look_alone_and_few_lawful_ones():
    denied = [
        bool(learned.resembling(learned.told(row["title"]), learned.learned()))
        for row in ROWS
        if row["label"] == "deny"
    ]
    lawful = [
        bool(learned.resembling(learned.told(row["title"]), learned.learned()))
        for row in ROWS
        if row["label"] == "allow"
    ]
    assert sum(denied) >= 0.9 * len(denied)
    assert sum(lawful) <= 0.1 * len(lawful)


@given(PLAIN, st.text("好坏课卡券票餐", min_size=learned.WINDOW_CHARS, max_size=learned.WINDOW_CHARS), PLAIN)
def test_words_around_a_window_never_lower_its_score(before, window, after):
    assert learned.score(before + window + after, LEARNT) >= learned.score(window, LEARNT)


def test_good_words_in_the_same_window_do_lower_it():
    assert learned.score("坏" + "好" * 9, LEARNT) < learned.score("坏", LEARNT)


def test_knowledge_resembles_by_more_and_disclaimers_and_next_to_no_text_are_not_compared():
    listed, by = deny_list(), learned.Learned(0, 50, {})
    assert knowledge(listed, told(listed, "三年的 自用 换手 研究报告"))
    assert not knowledge(listed, told(listed, "三年的 自用 换手 研究报告 秒到"))
    assert weighed({}, 50 + LESSON_MORE - 1, by, (), is_lesson=True) == {}
    assert weighed({}, 50 + LESSON_MORE, by, (), is_lesson=True) == {LOOK.id: LOOK}
    assert told(listed, "爱奇艺季卡 非共享号") == "爱奇艺季卡"
    assert judge("好" * 100).verdict == "allow"


def test_the_look_takes_any_text():
    assert learned.score("", LEARNT) == -10
    assert learned.resembling("", learned.Learned(5, 0, {})) == ("",)


def test_what_is_written_is_read_again():
    model = learned.Learned(-12, 80, {"坏": 90, "好": -60, "好课": -60}, -200, -300)
    assert learned.read(train_review.written(model)) == model


def test_learning_finds_what_tells_titles_apart_and_is_the_same_twice():
    samples = list(train_review.phrases("+ 好课 / 好票\n- 坏卡 / 坏券\n# 坏票\n"))
    assert [is_denied for _, is_denied in samples] == [False, False, True, True]
    model = train_review.fitted(samples)
    assert model == train_review.fitted(samples)
    assert learned.score("坏票", model) > 0 > learned.score("好券", model)


def test_the_weights_stay_small():
    assert learned.DATA.stat().st_size < 150_000


def test_of_a_listing_only_the_products_name_is_compared():
    odd = "三年的 自用 换手"
    assert judge_listing(Texts((odd, "光影视频 月卡"), ())).verdict == "queue"
    assert judge_listing(Texts(("腾讯视频会员月卡", odd), (odd,))).verdict == "allow"
