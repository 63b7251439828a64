"""The sandbox's keys: the gateway's own pair, the merchant's as an operator would have uploaded it, the supplier's secret."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

NAMES = ("gateway", "merchant")


def make(folder: Path) -> None:
    """Make the key pairs that are missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in NAMES:
        if (folder / f"{name}.pem").exists():
            continue
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub").write_bytes(public)
        with os.fdopen(os.open(folder / f"{name}.pem", os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
            file.write(private)
    if not (folder / "supply.secret").exists():
        with os.fdopen(os.open(folder / "supply.secret", os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as secret:
            secret.write(secrets.token_urlsafe(32))


if __name__ == "__main__":
    import sys

    make(Path(sys.argv[1]))
