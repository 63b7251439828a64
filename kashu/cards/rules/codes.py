"""Codes of our own (自发码): made by rule, unguessable, with a check character that catches a slip of the finger."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import SystemRandom

from stdnum.iso7064 import mod_11_10, mod_37_36

# Without letters and digits that are taken for one another; digits alone for shop tills with a number pad.
ALPHABETS = {"plain": "23456789ABCDEFGHJKMNPQRSTUVWXYZ", "digits": "0123456789"}
RANDOM, CHECK = "*", "?"
PATTERN_CHARS_MAX = 40
MARGIN_BITS = 32  # of all guesses, at most one in 2³² hits one of a batch's codes


def is_pattern(pattern: str) -> bool:
    """Whether a pattern can be made codes of: capital letters, digits, hyphens, `*` for a random character, and one
    `?` at most, at the end, for the check character."""
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-" + RANDOM)
    body = pattern.removesuffix(CHECK)
    return 1 <= len(pattern) <= PATTERN_CHARS_MAX and RANDOM in body and set(body) <= allowed


def is_guessable(pattern: str, alphabet: str, count: int) -> bool:
    """Whether so many codes lie too close together among all that the pattern can make."""
    bits = pattern.count(RANDOM) * math.log2(len(ALPHABETS[alphabet]))
    is_digits = alphabet == "digits" and not any(sign.isalpha() for sign in pattern)
    if pattern.endswith(CHECK) and not is_digits:  # codes whose check character is not of the alphabet are not made
        bits -= math.log2(36 / len(ALPHABETS[alphabet]))
    return bits - math.log2(count) < MARGIN_BITS


def make_codes(pattern: str, alphabet: str, count: int) -> Iterator[str]:
    """So many codes, of the system's own randomness: they are made anew by every call, and nobody can make them again.

    Two that are the same are rare (n / 2³³ for a batch of n) and found by their fingerprints, as in any file. Codes
    whose check character would not be of the alphabet are drawn again.
    """
    letters, body = ALPHABETS[alphabet], pattern.removesuffix(CHECK)
    many, parts, randomness = body.count(RANDOM), body.split(RANDOM), SystemRandom()
    done = 0
    while done < count:
        drawn = [*randomness.choices(letters, k=many), ""]
        code = "".join(part + sign for part, sign in zip(parts, drawn, strict=True))
        check = check_character(code) if pattern.endswith(CHECK) else ""
        if check in letters:
            done += 1
            yield code + check


def check_character(body: str) -> str:
    """The check character over a code's letters and digits: ISO 7064, mod 11,10 for digits alone, else mod 37,36."""
    signs = "".join(sign for sign in body if sign.isalnum())
    found: str = (mod_11_10 if signs.isdigit() else mod_37_36).calc_check_digit(signs)
    return found
