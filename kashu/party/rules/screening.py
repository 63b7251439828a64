"""How names are compared with lists (C-60): written one way, whoever wrote them."""

from __future__ import annotations

import re
import unicodedata

WORDS = re.compile(r"[^\W_]+")


def normal(name: str) -> str:
    """A name as it is compared: no accents, case, spaces or punctuation; the words of Latin names in one order.

    `KIM, Jong-Un` is `Jong Un Kim`; full-width letters are letters. Traditional and simplified characters differ.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    words = WORDS.findall("".join(one for one in plain if not unicodedata.combining(one)))
    if all(word.isascii() for word in words):
        return " ".join(sorted(words))
    return "".join(words)
