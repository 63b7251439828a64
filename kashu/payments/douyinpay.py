"""Douyin Pay's signatures and envelopes, without any network (douyin-protocols E.1 to E.4)."""

from __future__ import annotations

import base64
import binascii

from kashu.kernel import rsa
from kashu.payments.signing import client_signature, notice_valid, request_signature

KEY_CHARS, BASE64_CHARS = 32, 44

__all__ = ["client_signature", "decrypt_resource", "notice_valid", "request_signature"]


def decrypt_resource(key: str, nonce: str, associated_data: str, ciphertext: str) -> str:
    """Open a notice's resource: AES-256-GCM under the interface key, 32 characters or their base64 in 44 (E.3).

    EnvelopeBrokenError where it does not open.
    """
    if len(key) not in (KEY_CHARS, BASE64_CHARS):
        raise rsa.EnvelopeBrokenError("an interface key has 32 characters, or 44 in base64")
    try:
        raw = key.encode() if len(key) == KEY_CHARS else base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise rsa.EnvelopeBrokenError("an interface key that is not base64") from error
    return rsa.open_envelope(raw, nonce, associated_data, ciphertext)
