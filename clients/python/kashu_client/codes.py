"""Whether a code was typed right, for a till that cannot ask: its last character checks the others (ISO 7064)."""

from __future__ import annotations

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_typed_right(code: str) -> bool:
    """Whether the last character fits the others, for codes that are made with a check character.

    Digits alone are checked by mod 11,10, letters and digits by mod 37,36; hyphens and small letters do not matter.
    A slip of the finger, or two neighbours exchanged, is found. That a code is right does not say that it is good.
    """
    signs = [sign for sign in code.upper() if sign != "-"]
    if len(signs) < 2 or any(sign not in SIGNS for sign in signs):
        return False
    modulus = 10 if all(sign.isdigit() for sign in signs[:-1]) else 36
    check = modulus // 2
    for sign in signs:
        check = ((check or modulus) * 2 % (modulus + 1) + SIGNS.index(sign)) % modulus
    return check == 1
