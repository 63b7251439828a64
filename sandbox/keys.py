"""The sandbox's keys: each channel's own pair, the merchant's as an operator would have uploaded it, shared secrets."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

CHANNELS = ("alipay", "wechat", "douyin")
OWNERS = ("platform", "merchant", "stranger")  # the stranger's signs what a forger would send
SECRETS = {
    "supply.secret": 24,
    "registry.secret": 24,
    "attestor.secret": 24,
    "wechat.open": 16,
    "douyin.open": 16,
    "wechat.app": 16,
}


def make(folder: Path) -> None:
    """Make what is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for channel in CHANNELS:
        for owner in OWNERS:
            if not (folder / f"{channel}-{owner}.pem").exists():
                _pair(folder, f"{channel}-{owner}")
    for name, size in SECRETS.items():
        if not (folder / name).exists():
            _write(folder / name, secrets.token_hex(size).encode())


def _pair(folder: Path, name: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sandbox {name}")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3_650))
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / f"{name}.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    _write(folder / f"{name}.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


if __name__ == "__main__":
    import sys

    make(Path(sys.argv[1]))
