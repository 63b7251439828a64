"""The pack itself: a ZIP whose every byte follows from its files, and a manifest of them that is signed.

This looks as if a signature over the manifest were enough. It is not: bytes between the files, their order or their dates
could still be changed unseen. So files lie in it as they are, in one order, with one date, and whoever verifies builds the
archive again and compares it.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kashu.kernel.text import canonical_json, sha256_hex
from kashu.wire.evidence.guide import GUIDE

FORMAT = "kashu-evidence/1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
PACK_BYTES_MAX = 256 * 2**20
FILES_MAX = 5_000
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644 << 16
UNIX = 3
UNREADABLE = (
    zipfile.BadZipFile,
    RuntimeError,
    ValueError,
    OSError,
    EOFError,
    struct.error,
    KeyError,
    IndexError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a pack that is not as it was signed."""

    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a pack says it is, and what is wrong with it. Believe the first only where the second is empty."""

    told: Mapping[str, Any]
    faults: list[Fault]


def build(files: Mapping[str, bytes], told: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Pack files with a signed manifest. The same files and words make the same bytes."""
    guide = GUIDE.format(key=key_mark(key.public_key()), **{name: told[name] for name in ("order", "made_at")})
    whole = {**files, "VERIFY.md": guide.encode(), "public_key.pem": public_pem(key.public_key())}
    listed = [{"name": name, "bytes": len(whole[name]), "sha256": sha256_hex(whole[name])} for name in sorted(whole)]
    manifest = {"format": FORMAT, "key": key_mark(key.public_key()), **told, "files": listed}
    signed = pretty(manifest)
    return _archive({MANIFEST: signed, SIGNATURE: key.sign(signed), **{name: whole[name] for name in sorted(whole)}})


def verify(content: bytes, key: Ed25519PublicKey) -> Checked:
    """Check a pack against a public key that came another way than the pack did; never against the one inside."""
    found, faults = _read(content)
    manifest, signature = found.get(MANIFEST), found.get(SIGNATURE)
    if manifest is None or signature is None:
        return Checked({}, [*faults, *(Fault("missing", name) for name in (MANIFEST, SIGNATURE) if name not in found)])
    try:
        key.verify(signature, manifest)
    except InvalidSignature:
        return Checked({}, [*faults, Fault("forged", f"{MANIFEST}: not signed with the key {key_mark(key)}")])
    told = json.loads(manifest)  # it is ours: the signature says so
    if told.get("format") != FORMAT:  # our key signs other things as well
        return Checked({}, [*faults, Fault("forged", f"{MANIFEST}: not a manifest of this format")])
    listed = {one["name"]: one["sha256"] for one in told["files"]}
    faults += [Fault("missing", name) for name in listed if name not in found]
    faults += [Fault("added", name) for name in found if name not in (*listed, MANIFEST, SIGNATURE)]
    faults += [
        Fault("changed", name) for name, mark in listed.items() if name in found and sha256_hex(found[name]) != mark
    ]
    if not faults:
        ordered = {name: found[name] for name in (MANIFEST, SIGNATURE, *listed)}
        if _archive(ordered) != content:
            faults = [Fault("rearranged", "the archive: order, dates or bytes outside of the files")]
    return Checked({name: told[name] for name in told if name != "files"}, faults)


def public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_key(pem: bytes) -> Ed25519PublicKey:
    """A public key from PEM; ValueError for anything else."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 public key")  # noqa: TRY004  # what a file holds is a value to us
    return key


def key_mark(key: Ed25519PublicKey) -> str:
    """How a key is named where people compare it: SHA-256 of its 32 bytes."""
    return sha256_hex(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def pretty(value: Any) -> bytes:
    """JSON that people can read and that is always the same text."""
    plain = json.loads(canonical_json(value))
    return (json.dumps(plain, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, MODE
            archive.writestr(entry, content)
    return out.getvalue()


def _read(content: bytes) -> tuple[dict[str, bytes], list[Fault]]:
    """The files of an archive from a stranger. Packed files could be small here and huge when read: ours are not packed."""
    if len(content) > PACK_BYTES_MAX:
        return {}, [Fault("too_large", f"more than {PACK_BYTES_MAX} bytes")]
    found: dict[str, bytes] = {}
    faults = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist()[: FILES_MAX + 1]:
                if entry.filename in found or len(found) == FILES_MAX or entry.compress_type != zipfile.ZIP_STORED:
                    faults.append(Fault("added", entry.filename))
                    continue
                try:
                    found[entry.filename] = archive.read(entry)
                except UNREADABLE as error:
                    faults.append(Fault("changed", f"{entry.filename}: {type(error).__name__}"))
    except UNREADABLE as error:
        faults.append(Fault("unreadable", f"the archive: {type(error).__name__}"))
    return found, faults
