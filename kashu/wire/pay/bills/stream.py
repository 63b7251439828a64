"""From a file's bytes to its lines: unpacked, bounded, decoded; what is not whole is refused."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from kashu.settlement import BillRefusal

CHUNK_BYTES = 1 << 18
BILL_BYTES_MAX = 8 << 30  # unpacked; 5 million lines are about 1.5 GiB
LINE_BYTES_MAX = 16 << 10
ENCODINGS = {"utf-8": "utf-8-sig", "gb18030": "gb18030"}


class BillRefusedError(Exception):
    """A bill that cannot be believed, with the reason and the line. A reader in the midst of a stream cannot return it."""

    def __init__(self, reason: BillRefusal, line_no: int = 0, detail: str = "") -> None:
        super().__init__(f"{reason} line {line_no} {detail}".strip())
        self.reason, self.line_no, self.detail = reason, line_no, detail


def unpack(file: IO[bytes]) -> Iterator[bytes]:
    """The clear bytes of a bill that may be a ZIP, gzipped or plain; the file can seek."""
    magic = file.read(4)
    file.seek(0)
    try:
        if magic.startswith(b"PK"):
            yield from _member(file)
        elif magic.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as source:
                yield from _bounded(source)
        else:
            yield from _bounded(file)
    except (zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
        raise BillRefusedError(BillRefusal.TRUNCATED, 0, type(error).__name__) from error


def checked(chunks: Iterable[bytes], hash_type: str, hash_value: str) -> Iterator[bytes]:
    """Pass a download on, and refuse it at its end if it is not what the channel announced (of what is unpacked)."""
    kind = hash_type.lower().replace("-", "")
    if kind not in ("sha1", "sha256"):
        raise BillRefusedError(BillRefusal.WRONG_HASH, 0, hash_type[:20])
    digest = hashlib.sha1(usedforsecurity=False) if kind == "sha1" else hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != hash_value.lower():
        raise BillRefusedError(BillRefusal.WRONG_HASH, 0, digest.hexdigest())


def lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Every line without its end. In neither encoding can a byte 0x0A be part of another character."""
    codec, rest, at, line_no = ENCODINGS[encoding], b"", 0, 0
    for chunk in chunks:
        whole = rest + chunk if rest else chunk
        end = whole.rfind(b"\n") + 1
        rest = whole[end:]
        if len(rest) > LINE_BYTES_MAX:
            raise BillRefusedError(BillRefusal.BAD_LINE, line_no + whole.count(b"\n") + 1, "too long")
        for line in _decoded(whole[:end], codec, line_no).split("\n")[:-1]:
            line_no += 1
            yield line.removesuffix("\r")
        at += end
        codec = encoding  # only the first bytes may be a byte order mark
    if rest:
        yield _decoded(rest, codec, line_no).removesuffix("\r")


def count_lines(chunks: Iterable[bytes]) -> int:
    """About how many lines there are, for a progress bar: heads and totals count too."""
    return sum(chunk.count(b"\n") for chunk in chunks)


def _decoded(raw: bytes, codec: str, line_no: int) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        at = line_no + raw[: error.start].count(b"\n") + 1
        raise BillRefusedError(BillRefusal.BAD_ENCODING, at, codec) from error


def _member(file: IO[bytes]) -> Iterator[bytes]:
    """The detail of Alipay's archive: `…_业务明细.csv` beside `…_业务明细(汇总).csv`, names in GBK."""
    with zipfile.ZipFile(file, metadata_encoding="gb18030") as archive:
        found = [one for one in archive.infolist() if one.filename.endswith(".csv") and "汇总" not in one.filename]
        if len(found) != 1:
            raise BillRefusedError(BillRefusal.BAD_HEADER, 0, f"{len(found)} detail files in the archive")
        with archive.open(found[0]) as source:
            yield from _bounded(source)


def _bounded(source: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """However small the archive, what it unpacks to has a limit."""
    size = 0
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if size > BILL_BYTES_MAX:
            raise BillRefusedError(BillRefusal.TOO_LARGE)
        yield chunk
