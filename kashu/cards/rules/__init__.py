"""Decisions about stock: how a card file is read, and which moves a batch may make."""

from kashu.cards.rules.codes import ALPHABETS, check_character, is_guessable, is_pattern, make_codes
from kashu.cards.rules.files import (
    ENCODINGS,
    ROLES,
    SAMPLE_BYTES,
    SEPARATORS,
    detect,
    is_clean,
    parse,
    split,
    tidy_label,
)
from kashu.cards.rules.genuine import chance_of_bad, is_bad
from kashu.cards.rules.provenance import (
    BOUGHT,
    GENESIS,
    NOTED,
    PROBED,
    broken,
    is_frozen,
    link,
    papers_of,
    receipt_of,
    sample_of,
)
from kashu.cards.rules.stock import BATCH, batch_code, pack, stock_postings, unpack

__all__ = [
    "ALPHABETS",
    "BATCH",
    "BOUGHT",
    "ENCODINGS",
    "GENESIS",
    "NOTED",
    "PROBED",
    "ROLES",
    "SAMPLE_BYTES",
    "SEPARATORS",
    "batch_code",
    "broken",
    "chance_of_bad",
    "check_character",
    "detect",
    "is_bad",
    "is_clean",
    "is_frozen",
    "is_guessable",
    "is_pattern",
    "link",
    "make_codes",
    "pack",
    "papers_of",
    "parse",
    "receipt_of",
    "sample_of",
    "split",
    "stock_postings",
    "tidy_label",
    "unpack",
]
