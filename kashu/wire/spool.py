"""Uploaded files on disk, encrypted from their first byte (S-07): AES-256-GCM in frames, in order, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kashu.kernel.seal import Keyring, SealBrokenError

if TYPE_CHECKING:
    from typing_extensions import Buffer  # `collections.abc.Buffer` comes with Python 3.12

FRAME_BYTES = 1 << 20
FILE_BYTES_MAX = 210 << 20  # 200 MiB is promised
TAG_BYTES = 16
HEAD = struct.Struct(">H8s")  # key version, file id
PACKING_SECONDS_MAX = 86_400  # a file that is being packed is not touched


class TooLargeError(Exception):
    """The file is larger than `FILE_BYTES_MAX`, or than what was asked for."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file in the spool: its name there, its size and its SHA-256 in the clear."""

    name: str
    size: int
    sha256: str


class Writer:
    """Takes bytes as they arrive and keeps none of them in the clear on disk."""

    def __init__(self, folder: Path, ring: Keyring, most: int = FILE_BYTES_MAX) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.name = f"{uuid4().hex}.sealed"
        self._path = folder / self.name
        self._file = os.fdopen(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
        self._file_id = os.urandom(8)
        self._cipher = AESGCM(ring.derive("spool"))
        self._file.write(HEAD.pack(ring.current, self._file_id))
        self._waiting, self._frames, self.size, self._most = bytearray(), 0, 0, most
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self._most:
            raise TooLargeError
        self._digest.update(chunk)
        self._waiting += chunk
        while len(self._waiting) > FRAME_BYTES:  # one byte at least stays for the frame that ends the file
            self._seal(bytes(self._waiting[:FRAME_BYTES]), last=False)
            del self._waiting[:FRAME_BYTES]

    def finish(self) -> Spooled:
        self._seal(bytes(self._waiting), last=True)
        self._file.close()
        return Spooled(self.name, self.size, self._digest.hexdigest())

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        nonce = self._file_id + struct.pack(">I", self._frames)
        self._file.write(self._cipher.encrypt(nonce, plain, b"last" if last else b"more"))
        self._frames += 1


def keep(folder: Path, ring: Keyring, chunks: Iterable[bytes], most: int = FILE_BYTES_MAX) -> Spooled:
    """Spool a whole file."""
    writer = Writer(folder, ring, most)
    try:
        for chunk in chunks:
            writer.write(chunk)
        return writer.finish()
    except BaseException:
        writer.discard()
        raise


def read(folder: Path, ring: Keyring, name: str) -> Iterator[bytes]:
    """The clear bytes of a spooled file, frame by frame. A file cut short or altered raises SealBrokenError."""
    with (folder / Path(name).name).open("rb") as file:
        version, file_id = HEAD.unpack(file.read(HEAD.size))
        cipher = AESGCM(ring.derive("spool", version))
        frame, at = file.read(FRAME_BYTES + TAG_BYTES), 0
        while True:
            following = file.read(FRAME_BYTES + TAG_BYTES)
            try:
                yield cipher.decrypt(file_id + struct.pack(">I", at), frame, b"more" if following else b"last")
            except InvalidTag as error:
                raise SealBrokenError(f"spooled file {name}") from error
            if not following:
                return
            frame, at = following, at + 1


class Reader(io.RawIOBase):
    """A spooled file that can seek, as an archive's reader needs it; one frame is open at a time."""

    def __init__(self, folder: Path, ring: Keyring, name: str) -> None:
        self._file = (folder / Path(name).name).open("rb")
        version, self._file_id = HEAD.unpack(self._file.read(HEAD.size))
        self._cipher, self._name = AESGCM(ring.derive("spool", version)), name
        sealed = self._file.seek(0, os.SEEK_END) - HEAD.size
        self._frames = max(1, -(-sealed // (FRAME_BYTES + TAG_BYTES)))
        self._size, self._at = sealed - self._frames * TAG_BYTES, 0
        self._open: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        if self._at >= self._size:
            return 0
        view, (number, start) = memoryview(buffer).cast("B"), divmod(self._at, FRAME_BYTES)
        piece = self._frame(number)[start : start + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _frame(self, number: int) -> bytes:
        if self._open[0] != number:
            self._file.seek(HEAD.size + number * (FRAME_BYTES + TAG_BYTES))
            sealed, is_last = self._file.read(FRAME_BYTES + TAG_BYTES), number == self._frames - 1
            try:
                clear = self._cipher.decrypt(
                    self._file_id + struct.pack(">I", number), sealed, b"last" if is_last else b"more"
                )
            except InvalidTag as error:
                raise SealBrokenError(f"spooled file {self._name}") from error
            self._open = (number, clear)
        return self._open[1]


def remove(folder: Path, name: str) -> None:
    if name:
        (folder / Path(name).name).unlink(missing_ok=True)


def sweep(folder: Path, wanted: Collection[str], seconds: int) -> int:
    """Remove files older than so many seconds that nobody waits for; says how many."""
    gone = 0
    for path in folder.glob("*.sealed"):
        if path.name not in wanted and time.time() - path.stat().st_mtime > seconds:
            path.unlink(missing_ok=True)
            gone += 1
    for left in folder.glob("bulk-*"):  # what a killed worker was packing
        if time.time() - left.stat().st_mtime > PACKING_SECONDS_MAX:
            shutil.rmtree(left, ignore_errors=True)
            gone += 1
    return gone
