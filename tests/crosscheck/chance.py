"""Random input: the same for the same seed, but for the keys, which are new in every run."""

from __future__ import annotations

import json
import random
import string
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

KEYS = 8
BITS = (2_048, 2_048, 2_048, 3_072)
LETTERS = string.ascii_letters + string.digits
# What breaks careless code: quotes, slashes, line ends, signs of forms, wide and combining letters, beyond 16 bits.
SIGNS = LETTERS + " \t\n\r\"'\\/&=+%?#<>{}[]:;,.~|" + "卡枢抖音支付宝微信é\u0301\u2028\ufeff😀𠮷"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@cache
def pair(n: int) -> tuple[str, str, str, str]:
    """A key pair: private PEM, public PEM, a certificate's PEM, and the certificate's serial number as channels write it."""
    key = rsa.generate_private_key(65_537, BITS[n % len(BITS)])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"platform {n}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public, made.public_bytes(Encoding.PEM).decode(), f"{made.serial_number:X}"


class Chance(random.Random):
    """Everything a channel can be asked and told."""

    def pair(self) -> tuple[str, str, str, str]:
        return pair(self.randrange(KEYS))

    def words(self, least: int = 0, most: int = 60) -> str:
        return "".join(self.choices(SIGNS, k=self.randint(least, most)))

    def letters(self, least: int, most: int | None = None) -> str:
        return "".join(self.choices(LETTERS, k=self.randint(least, most or least)))

    def stamp(self) -> int:
        return self.randint(1_500_000_000, 2_500_000_000)

    def value(self, depth: int = 3) -> Any:
        """Any JSON."""
        kind = self.randrange(7 if depth else 4)
        if kind == 0:
            return self.randint(-(10**12), 10**12)
        if kind == 1:
            return self.choice([None, True, False])
        if kind < 4:
            return self.words()
        if kind == 4:
            return [self.value(depth - 1) for _ in range(self.randint(0, 4))]
        return self.thing(depth - 1)

    def thing(self, depth: int = 3) -> dict[str, Any]:
        return {self.words(1, 12): self.value(depth) for _ in range(self.randint(0, 6))}

    def written(self, told: Any) -> str:
        """JSON in one of the ways in which it is written."""
        return json.dumps(
            told,
            ensure_ascii=self.random() < 0.3,
            separators=self.choice([None, (",", ":")]),
            indent=self.choice([None, None, 2]),
        )

    def body(self) -> str:
        return "" if self.random() < 0.25 else self.written(self.thing())

    def path(self) -> str:
        """A path as it goes over the line, with a query or without."""
        path = "/v3/" + "/".join(quote(self.words(1, 12), safe="") for _ in range(self.randint(1, 4)))
        query = [(self.letters(1, 8), self.words(0, 12)) for _ in range(self.randint(0, 4))]
        return path + (f"?{urlencode(query)}" if query else "")

    def trade(self) -> dict[str, Any]:
        """What a payment notice has inside."""
        return {
            **self.thing(1),
            "appid": self.letters(18),
            "mchid": self.letters(10),
            "out_trade_no": self.letters(6, 32),
            "transaction_id": self.letters(28),
            "trade_state": "SUCCESS",
            "success_time": datetime.fromtimestamp(self.stamp(), UTC).isoformat(),
            "amount": {"total": self.randint(1, 10**9), "currency": "CNY"},
            "attach": self.words(),
        }

    def other(self, text: str) -> str:
        """The same text, but for one sign; not among the last, which in base64 may mean nothing."""
        at = self.randrange(max(1, len(text) - 4))
        return text[:at] + self.choice([one for one in LETTERS if one != text[at]]) + text[at + 1 :]
