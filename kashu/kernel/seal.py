"""Sealing: card secrets and personal data are ciphertext everywhere but in the hands that may hold them.

Keys live outside the database, in a key ring with versions. What a key may be used for is fixed by deriving
one key per purpose (HKDF-SHA256), so that a fingerprint key can never open a card.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
OPENED_MAX = 512


class SealBrokenError(Exception):
    """The sealed bytes are not what was sealed here: another row, another key, or tampering."""


@dataclass(frozen=True)
class Keyring:
    """Master keys by version. New things are sealed under the current one; old versions still open."""

    current: int
    masters: dict[int, bytes] = field(repr=False)
    _opened: dict[tuple[int, bytes], DataKey] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def new(cls) -> Keyring:
        return cls(current=1, masters={1: os.urandom(KEY_BYTES)})

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read `{"current": 1, "keys": {"1": "<base64 of 32 bytes>"}}`. ValueError says what is wrong with it."""
        try:
            raw = json.loads(text)
            masters = {int(version): base64.b64decode(key, validate=True) for version, key in raw["keys"].items()}
            current = int(raw["current"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError("the key ring is not the JSON it should be") from error
        if current not in masters or any(len(key) != KEY_BYTES for key in masters.values()):
            raise ValueError("the key ring lacks its current key, or a key is not 32 bytes long")
        return cls(current, masters)

    @classmethod
    def load(cls, path: Path) -> Keyring:
        return cls.parse(path.read_text())

    def save(self, path: Path) -> None:
        """Write the ring so that only its owner can read it; never over an existing one."""
        keys = {str(version): base64.b64encode(key).decode() for version, key in self.masters.items()}
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump({"current": self.current, "keys": keys}, file)

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        master = self.masters[version or self.current]
        return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"kashu/{purpose}".encode()).derive(master)

    @cached_property
    def fingerprint_key(self) -> bytes:
        # This looks as if it should follow `current`, but a new key would let every old card in a second time:
        # it stays with the first version until all fingerprints have been written anew.
        return self.derive("fingerprint", min(self.masters))

    @cached_property
    def signing_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.derive("audit head", min(self.masters)))

    @cached_property
    def _personal(self) -> dict[int, AESGCM]:
        return {version: AESGCM(self.derive("personal data", version)) for version in self.masters}

    def fingerprint(self, number: str, secret: str) -> bytes:
        """What makes two cards the same card (S-02): HMAC-SHA256 of number and secret."""
        return hmac.digest(self.fingerprint_key, f"{number}\x1f{secret}".encode(), hashlib.sha256)

    def identity(self, kind: str, value: str) -> bytes:
        """A person, device or address as something to compare and nothing to read."""
        return hmac.digest(self.fingerprint_key, f"{kind}\x1e{value}".encode(), hashlib.sha256)[:16]

    def seal_personal(self, value: str, where: str) -> bytes:
        """Seal one personal datum to the place it is stored in."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._personal[self.current].encrypt(nonce, value.encode(), where.encode())
        return struct.pack(">H", self.current) + nonce + sealed

    def open_personal(self, sealed: bytes, where: str) -> str:
        version, nonce, body = struct.unpack(">H", sealed[:2])[0], sealed[2:14], sealed[14:]
        try:
            return self._personal[version].decrypt(nonce, body, where.encode()).decode()
        except (InvalidTag, KeyError) as error:
            raise SealBrokenError(where) from error

    def new_data_key(self, batch_id: int) -> tuple[DataKey, bytes]:
        """A fresh key for one batch, and the same key wrapped under the current key-encryption key."""
        raw, nonce = AESGCM.generate_key(256), os.urandom(NONCE_BYTES)
        wrapped = AESGCM(self.derive("card key", self.current)).encrypt(nonce, raw, _aad(batch_id, self.current))
        return DataKey(batch_id, self.current, raw), struct.pack(">H", self.current) + nonce + wrapped

    def open_data_key(self, batch_id: int, wrapped: bytes) -> DataKey:
        """Unwrap a batch's key. The last few hundred stay open in this process: a hot pool is asked for all the time."""
        found = self._opened.get((batch_id, wrapped))
        if found is None:
            found = self._unwrap(batch_id, wrapped)
            if len(self._opened) >= OPENED_MAX:
                self._opened.clear()
            self._opened[batch_id, wrapped] = found
        return found

    def _unwrap(self, batch_id: int, wrapped: bytes) -> DataKey:
        version = struct.unpack(">H", wrapped[:2])[0]
        try:
            kek = AESGCM(self.derive("card key", version))
            raw = kek.decrypt(wrapped[2:14], wrapped[14:], _aad(batch_id, version))
        except (InvalidTag, KeyError) as error:
            raise SealBrokenError(f"data key of batch {batch_id}") from error
        return DataKey(batch_id, version, raw)


class DataKey:
    """The key of one batch. Each card is bound to its own id, its batch and the key version (S-01)."""

    def __init__(self, batch_id: int, version: int, raw: bytes) -> None:
        self._batch_id, self._version, self._cipher = batch_id, version, AESGCM(raw)

    def seal(self, card_id: int, plain: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, struct.pack(">QQH", card_id, self._batch_id, self._version))

    def open(self, card_id: int, sealed: bytes) -> bytes:
        bound_to = struct.pack(">QQH", card_id, self._batch_id, self._version)
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except InvalidTag as error:
            raise SealBrokenError(f"card {card_id}") from error


def _aad(batch_id: int, version: int) -> bytes:
    return struct.pack(">QH", batch_id, version)
