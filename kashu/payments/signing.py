"""What the signatures of WeChat Pay v3 and Douyin Pay share: lines that end with a newline, RSA with SHA-256."""

from __future__ import annotations

from kashu.kernel import rsa


def request_signature(
    private_key_pem: str, method: str, path_with_query: str, body: str, timestamp: int | str, nonce: str
) -> str:
    """The merchant's signature of a call: five lines, the body's is there even when it is empty. Base64."""
    return rsa.sign(private_key_pem, f"{method}\n{path_with_query}\n{timestamp}\n{nonce}\n{body}\n".encode())


def notice_valid(platform_key_pem: str, timestamp: int | str, nonce: str, body: bytes, signature: str) -> bool:
    """Whether a notice or an answer was signed by the platform, on its raw bytes. The clock is the caller's matter."""
    return rsa.is_signed(platform_key_pem, f"{timestamp}\n{nonce}\n".encode() + body + b"\n", signature)


def client_signature(private_key_pem: str, app_id: str, timestamp: int | str, nonce: str, prepaid: str) -> str:
    """The signature with which a page or an app calls the channel's cashier up: four lines. Base64."""
    return rsa.sign(private_key_pem, f"{app_id}\n{timestamp}\n{nonce}\n{prepaid}\n".encode())
