"""RSA PKCS#1 v1.5 signatures with SHA-256 and AES-GCM envelopes, as payment channels use them."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TypeVar

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

Key = TypeVar("Key", rsa.RSAPrivateKey, rsa.RSAPublicKey)
KEY_BITS_MIN = 2_048
KEYS_MAX = 256  # that stay loaded in a process


class EnvelopeBrokenError(Exception):
    """A sealed envelope that does not open under this key, nonce and associated data."""


def sign(private_key: str, told: bytes) -> str:
    """The signature of `told` in base64. ValueError where the key is none."""
    return base64.b64encode(private(private_key).sign(told, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(public_key: str, told: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is that of `told`. A key or signature that cannot be read signs nothing."""
    try:
        public(public_key).verify(base64.b64decode(signature, validate=True), told, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@lru_cache(maxsize=KEYS_MAX)
def private(key: str) -> rsa.RSAPrivateKey:
    """A private key from PEM, or from its bare base64 as consoles show it (PKCS#1 or PKCS#8). ValueError otherwise."""
    raw = key.strip().encode()
    found = load_pem_private_key(raw, None) if raw.startswith(b"-----") else load_der_private_key(_bare(raw), None)
    if not isinstance(found, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  # callers take one error for every unreadable key
    return _wide(found)


@lru_cache(maxsize=KEYS_MAX)
def public(key: str) -> rsa.RSAPublicKey:
    """A public key from PEM, from a PEM certificate, or from its bare base64. ValueError otherwise."""
    raw = key.strip().encode()
    if raw.startswith(b"-----BEGIN CERTIFICATE"):
        found: object = load_pem_x509_certificate(raw).public_key()
    else:
        found = load_pem_public_key(raw) if raw.startswith(b"-----") else load_der_public_key(_bare(raw))
    if not isinstance(found, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  # callers take one error for every unreadable key
    return _wide(found)


def open_envelope(key: bytes, nonce: str, associated_data: str, ciphertext: str) -> str:
    """Open AES-GCM: base64 of cipher and 16-byte tag. EnvelopeBrokenError where anything of it is not as sealed."""
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
        return AESGCM(key).decrypt(nonce.encode(), sealed, associated_data.encode() or None).decode()
    except (InvalidTag, ValueError, OverflowError) as error:
        raise EnvelopeBrokenError("the envelope does not open") from error


def _bare(raw: bytes) -> bytes:
    return base64.b64decode(b"".join(raw.split()), validate=True)


def _wide(key: Key) -> Key:
    if key.key_size < KEY_BITS_MIN:
        raise ValueError("an RSA key below 2048 bits")
    return key
