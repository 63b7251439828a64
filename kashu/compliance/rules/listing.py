"""Whether a title, or any text of a listing, may stand: the deny list (deny.toml) read against each reading of the text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from kashu.compliance.rules import brands, learned, spelling
from kashu.compliance.types import CATEGORIES, Context, GoodsClass, Judgement, Reason, Texts, Verdict
from kashu.kernel.text import sha256_hex

TEXT_CHARS_MAX = 4_000
NEGATION_CHARS = 4
LESSON_REACH = 10
LESSON_MORE = 100  # knowledge about a thing is in the words of the thing: it has to resemble what was refused by more
COMPARED_SIGNS_MIN = 4
LITERAL = re.compile("[\u4e00-\u9fff]{2,}")
AHEAD = re.compile(r"\(\?<?[!=][^()]*\)|\[[^\]]*\]|\(\?:")
SHORT = re.compile(r"\[[^\]]*\]|\\.|\(\?[a-z]*|[a-z]{4,}|([a-z]{1,3})(?![?])|[a-z]")
KEPT_REASON = re.compile(r"(?P<id>[a-z_.]+) \[(?P<rule>[^\]]+)\] .* \([ABC]\): (?P<found>.*)\Z", re.DOTALL)
NAMED = re.compile(r"\{([a-z]+)\}")


SEVERITY = {Verdict.ALLOW: 0, Verdict.QUEUE: 1, Verdict.DENY: 2}
CLASSES = tuple(GoodsClass)
NO_PAPERS = Context()
LOOK = Reason(
    "look.learned", "resembling", "1.11", "ECOM §38: should have known; resembles denied titles", "C", Verdict.QUEUE, ""
)
UNRULED = {
    "look.learned": "resembling",
    "class.single": "stored_value",
    "class.multi": "multi_purpose_value",
    "brand.unnamed": "unnamed_brand",
}
CLAIMS = ("absolute_claim", "price_claim")
# What is needed at least praises nothing.
LEAST = re.compile("最低(?=系统|配置|要求|需|消费|版本|支持|年龄|起|为|[0-9a-zA-Z ])")
CLASS_CHARS = 60
SINGLE_GROUND = "CARD, PREPAID §26: value of one issuer is sold as such, under its filing, or not at all"
MULTI_GROUND = "NBPI §6, §15: value good at many issuers is payment business"
BRAND_GROUND = "TM §57: the brand it names is not the one its papers are asked for"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the deny list. `lesson`: knowledge about it is free; `opens`: papers lead to a person; `filed`: so does no filing;
    `soft`: its words prove nothing in a title that is like lawful ones."""

    id: str
    category: str
    rule: str
    ground: str
    grade: str
    verdict: Verdict
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    lesson: bool
    opens: bool
    filed: bool
    soft: bool
    goods_class: GoodsClass


@dataclass(frozen=True, slots=True)
class DenyList:
    version: str
    rules: tuple[Rule, ...]
    lesson: re.Pattern[str]
    warned: re.Pattern[str]
    offered: re.Pattern[str]
    negated: re.Pattern[str]
    disclaimed: re.Pattern[str]
    filed: re.Pattern[str]
    vocabulary: spelling.Vocabulary

    @property
    def soft(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.rules if rule.soft)


@cache
def deny_list() -> DenyList:
    """The list that ships with this release. Its version carries a hash of the files, so that none changes unseen."""
    names = ("deny.toml", "spelling.toml", learned.DATA.name, brands.DATA.name)
    files = [Path(__file__).with_name(name).read_text("utf-8") for name in names]
    raw = tomllib.loads(files[0])
    return read({**raw, "version": f"{raw['version']}+{sha256_hex(''.join(files))[:8]}"})


def read(raw: dict[str, Any]) -> DenyList:
    """A deny list from its file's content. What the file gets wrong is a `KeyError`, a `ValueError` or a `re.error`."""
    words = dict(raw["words"])
    contexts = {name: re.compile(_filled(text, words)) for name, text in raw["contexts"].items()}
    literals = {word for text in _said(raw) for word in LITERAL.findall(AHEAD.sub("", text))}
    vocabulary = spelling.vocabulary(literals)
    return DenyList(raw["version"], tuple(_rule(one, words) for one in raw["rule"]), vocabulary=vocabulary, **contexts)


def _said(raw: dict[str, Any]) -> list[str]:
    return [*raw["words"].values(), *(pattern for rule in raw["rule"] for pattern in rule["patterns"])]


def _rule(raw: dict[str, Any], words: dict[str, str]) -> Rule:
    unless = raw.get("unless", [])
    return Rule(
        id=raw["id"],
        category=raw["category"],
        rule=raw["rule"],
        ground=raw["ground"],
        grade=raw["grade"],
        verdict=Verdict(raw["verdict"]),
        pattern=re.compile(_filled("|".join(raw["patterns"]), words)),
        unless=re.compile(_filled("|".join(unless), words)) if unless else None,
        lesson=raw.get("lesson", False),
        opens=raw.get("opens", False),
        filed=raw.get("filed", False),
        soft=raw.get("soft", False),
        goods_class=GoodsClass(raw.get("class", GoodsClass.ENTITLEMENT)),
    )


def _filled(text: str, words: dict[str, str]) -> str:
    """The pattern with its words put in. Up to three letters are a word of their own: `dma` is not in `card masked`."""
    full = NAMED.sub(lambda name: f"(?:{words[name[1]]})", text)
    return SHORT.sub(lambda part: f"(?<![a-z]){part[1]}(?![a-z])" if part[1] else part[0], full)


def judge(text: str, context: Context = NO_PAPERS, listed: DenyList | None = None, *, looks: bool = True) -> Judgement:
    """The strictest of what any rule says of any reading. Papers lower a coin's denial to a person's look, no further.

    `looks`: the title is also compared with what was refused before and with what was not.
    """
    deny = listed or deny_list()
    found: dict[str, Reason] = {}
    goods = GoodsClass.ENTITLEMENT
    is_filed = deny.filed.search(spelling.normal(text[:TEXT_CHARS_MAX])) is not None
    for reading in _readings(text, deny.vocabulary):
        if reading is None:
            found.setdefault("text.unread", _unread(text))
            continue
        for rule, reason in _reasons(deny, reading, context):
            goods = max(goods, rule.goods_class, key=CLASSES.index)
            if rule.filed and is_filed:
                continue
            before = found.get(rule.id)
            if before is None or SEVERITY[reason.verdict] > SEVERITY[before.verdict]:
                found[rule.id] = reason
    soft = deny.soft
    if not found:
        found = {reason.id: reason for reason in _guesses(deny, text, context)}
        soft |= found.keys()
    return _judgement(_weighed(deny, text, found, soft) if looks else found, goods)


def _guesses(deny: DenyList, text: str, context: Context) -> Iterator[Reason]:
    """What the boldest reading would be denied for: a person looks, since many words sound alike."""
    guess = spelling.guessed(text[:TEXT_CHARS_MAX], deny.vocabulary)
    for _, reason in _reasons(deny, guess, context):
        if reason.verdict is Verdict.DENY:
            yield replace(reason, verdict=Verdict.QUEUE)


def weighed(
    found: dict[str, Reason], total: int, by: learned.Learned, soft: Collection[str], *, is_lesson: bool = False
) -> dict[str, Reason]:
    """What rules found, beside what the whole title is like (`total`, its worst window).

    It asks for a person's look where no rule does, spares it where only soft rules do, and leads what would be denied for its
    words to a person. Nothing that is denied comes to the shelf by it.
    """
    if not found and total >= by.threshold + is_lesson * LESSON_MORE:
        return {LOOK.id: LOOK}
    if total <= by.relief and not any(reason.verdict is Verdict.DENY for reason in found.values()):
        return {one: reason for one, reason in found.items() if one not in soft}
    if total <= by.doubt:
        return {one: replace(reason, verdict=Verdict.QUEUE) for one, reason in found.items()}
    return found


def _weighed(deny: DenyList, text: str, found: dict[str, Reason], soft: Collection[str]) -> dict[str, Reason]:
    by, reading = learned.learned(), told(deny, text)
    if len(set(reading)) < COMPARED_SIGNS_MIN:
        return found
    after = weighed(found, learned.score(reading, by), by, soft, is_lesson=knowledge(deny, reading))
    heavy = learned.resembling(reading, by) if LOOK.id in after else ()
    return {one: replace(reason, found=" ".join(heavy)) if one == LOOK.id else reason for one, reason in after.items()}


def told(deny: DenyList, text: str) -> str:
    """What the learned look reads of a text."""
    return deny.disclaimed.sub("", learned.told(text[:TEXT_CHARS_MAX]))


def knowledge(deny: DenyList, reading: str) -> bool:
    """Whether a reading offers knowledge about something (`lesson`) and not the thing."""
    return deny.lesson.search(reading) is not None and deny.offered.search(reading) is None


def in_chinese(reason: str) -> str:
    """A reason as it is kept, for people who read Chinese: what it is about, the rule, the words that were found."""
    told = KEPT_REASON.match(reason)
    if told is None:
        return reason
    of = next((rule.category for rule in deny_list().rules if rule.id == told["id"]), UNRULED.get(told["id"], "unread"))
    return f"{CATEGORIES[of]}（{told['rule']} · {told['id']}）：「{told['found']}」"


def judge_listing(texts: Texts, context: Context = NO_PAPERS) -> Judgement:
    """All texts of a listing as one: the strictest verdict, the widest class, every rule once.

    The first title is the product's name; brands and names of SKUs are too short to be told apart by the learned look.
    """
    found: dict[str, Reason] = {}
    widest = GoodsClass.ENTITLEMENT
    judged = [(text, judge(text, context, looks=at == 0)) for at, text in enumerate(texts.titles)]
    judged += [(text, judge_body(text, context)) for text in texts.bodies]
    for text, one in judged:
        widest = max(widest, one.goods_class, key=CLASSES.index)
        for reason in (*one.reasons, *_out_of_class(text, one.goods_class, context.goods_class)):
            if reason.id not in found or SEVERITY[reason.verdict] > SEVERITY[found[reason.id].verdict]:
                found[reason.id] = reason
    for text in texts.lines:
        said = judge(text, context).goods_class
        widest = max(widest, said, key=CLASSES.index)
        for reason in _out_of_class(text, said, context.goods_class):
            found.setdefault(reason.id, reason)
    unnamed = _unnamed(texts)
    return _judgement(found | ({unnamed.id: unnamed} if unnamed else {}), widest)


def judge_body(text: str, context: Context = NO_PAPERS) -> Judgement:
    """A text that explains: only what is denied or claimed counts. It may speak of accounts, of contact and of after-sales."""
    if not text.strip():
        return Judgement(Verdict.ALLOW, GoodsClass.ENTITLEMENT, ())
    whole = judge(text, context)
    told = {one.id: one for one in whole.reasons if one.verdict is Verdict.DENY or one.id == "text.unread"}
    claims = [one for one in whole.reasons if one.category in CLAIMS]
    if claims and LEAST.search(text):
        claims = [one for one in judge(LEAST.sub("", text), context).reasons if one.category in CLAIMS]
    is_denied = any(one.verdict is Verdict.DENY for one in told.values())
    return _judgement(
        told | {one.id: one for one in claims}, whole.goods_class if is_denied else GoodsClass.ENTITLEMENT
    )


def is_out_of_class(said: GoodsClass, kind: GoodsClass) -> bool:
    """Whether words say of goods that they are value, and their kind is not for that (C-40); value for many is never (C-45)."""
    return said is GoodsClass.MULTI_PURPOSE_VALUE or CLASSES.index(said) > CLASSES.index(kind)


def _out_of_class(text: str, said: GoodsClass, kind: GoodsClass) -> Iterator[Reason]:
    """A denial, not a question: what a card of value is does not change by somebody's saying yes."""
    if is_out_of_class(said, kind):
        told = ("class.multi", "multi_purpose_value", "C-45", MULTI_GROUND, "A")
        if said is GoodsClass.SINGLE_PURPOSE_VALUE:
            told = ("class.single", "stored_value", "C-40", SINGLE_GROUND, "B")
        yield Reason(*told, Verdict.DENY, text[:CLASS_CHARS])


def _unnamed(texts: Texts) -> Reason | None:
    """The known brands that titles name and the field does not: a person says that none is needed (§2.1)."""
    if texts.brand is None:
        return None
    vocabulary = brands.brands().vocabulary
    titles = [reading for text in texts.titles for reading in _readings(text, vocabulary) if reading]
    field = [reading for reading in _readings(texts.brand, vocabulary) if reading]
    named = brands.unnamed(titles, field)
    if not named:
        return None
    return Reason("brand.unnamed", "unnamed_brand", "2.1", BRAND_GROUND, "C", Verdict.QUEUE, " ".join(named))


def _judgement(found: dict[str, Reason], goods_class: GoodsClass) -> Judgement:
    reasons = tuple(sorted(found.values(), key=lambda one: (-SEVERITY[one.verdict], one.id)))
    return Judgement(reasons[0].verdict if reasons else Verdict.ALLOW, goods_class, reasons)


def _readings(text: str, vocabulary: spelling.Vocabulary) -> tuple[str | None, ...]:
    """What is read of a text; None for what is not: nothing legible in it, or more than is read."""
    read_of = spelling.readings(text[:TEXT_CHARS_MAX], vocabulary)
    return (*read_of, *((None,) if len(text) > TEXT_CHARS_MAX or not read_of[0] else ()))


def _unread(text: str) -> Reason:
    told = f"{len(text)} characters" if len(text) > TEXT_CHARS_MAX else "nothing legible"
    return Reason(
        "text.unread", "unread", "1.11", "What cannot be read is looked at by a person", "C", Verdict.QUEUE, told
    )


def _reasons(deny: DenyList, reading: str, context: Context) -> Iterator[tuple[Rule, Reason]]:
    reading = deny.disclaimed.sub("。", reading)
    lessons = list(deny.lesson.finditer(reading))
    is_warned = deny.warned.search(reading) is not None
    is_offered = deny.offered.search(reading) is not None
    for rule in deny.rules:
        for match in rule.pattern.finditer(reading):
            if deny.negated.search(reading[max(0, match.start() - NEGATION_CHARS) : match.start()]):
                continue
            if rule.unless and any(_overlap(match, one) for one in rule.unless.finditer(reading)):
                continue
            verdict = rule.verdict
            if (rule.lesson or is_warned) and any(not _overlap(match, one) for one in lessons):
                if not is_offered and any(_near(match, one) for one in lessons):
                    continue
                verdict = Verdict.QUEUE
            if rule.opens and context.opens:
                verdict = Verdict.QUEUE
            yield rule, Reason(rule.id, rule.category, rule.rule, rule.ground, rule.grade, verdict, match[0])
            if verdict is rule.verdict:
                break  # no other match of it is stricter


def _near(match: re.Match[str], other: re.Match[str]) -> bool:
    return match.start() - other.end() < LESSON_REACH and other.start() - match.end() < LESSON_REACH


def _overlap(match: re.Match[str], other: re.Match[str]) -> bool:
    return match.start() < other.end() and other.start() < match.end()
