"""WeChat Pay v3's signatures and envelopes, without any network (payments.md §3.2)."""

from __future__ import annotations

from kashu.kernel import rsa
from kashu.payments.signing import client_signature, notice_valid, request_signature

__all__ = ["client_signature", "decrypt_resource", "notice_valid", "request_signature"]


def decrypt_resource(key: str, nonce: str, associated_data: str, ciphertext: str) -> str:
    """Open a notice's resource: AES-GCM under the APIv3 key (32 characters). EnvelopeBrokenError where it does not."""
    return rsa.open_envelope(key.encode(), nonce, associated_data, ciphertext)
