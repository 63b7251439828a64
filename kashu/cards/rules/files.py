"""Reading card files as the field has them: many encodings, many separators, one card a line."""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain

from kashu.cards.types import NEVER, Format, NewCard, Reject
from kashu.kernel.money import parse_yuan

SAMPLE_BYTES = 65_536
SAMPLE_LINES = 200
LINE_CHARS_MAX = 2_000
NUMBER_CHARS_MAX = 128
SECRET_CHARS_MAX = 512
NOTE_CHARS_MAX = 500
BLOCK_BYTES = 1 << 20
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be")
SEPARATORS = {"dashes": "----", "tab": "\t", "comma": ",", "bar": "|", "space": " ", "": ""}
LABEL_CHARS_MAX = 64
ROLES = ("number", "secret", "expires_on", "face_value", "cost", "label", "surcharge", "note", "-")
HEADERS = {
    "number": "number card_number cardno card_no no 卡号 号码 编号 券号",
    "secret": "secret password pass pwd pin code key cdk cdkey card 卡密 密码 兑换码 激活码 券码 卡密码 序列号",
    "expires_on": "expires_on expires expiry expire_date valid_until 有效期 到期 到期日 到期时间 过期时间 有效期至 失效日期",
    "face_value": "face_value value face 面值 面额",
    "cost": "cost price cost_price 成本 成本价 进价 进货价 拿货价",
    "label": "label pick visible shown 自选 自选号 可见部分 靓号 展示",
    "surcharge": "surcharge extra 加价 加价金额 自选加价",
    "note": "note remark comment 备注 说明",
}
ROLE_OF_HEADER = {word: role for role, words in HEADERS.items() for word in words.split()}
DATE = re.compile(
    r"^(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*[-/.月]?\s*(\d{1,2})\s*日?(?:[ T]\d{2}:\d{2}(?::\d{2})?)?$", re.ASCII
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029\ufeff]")


def detect(sample: bytes) -> Format:
    """Guess how a file is read from its beginning. The guess is shown before anything is written."""
    encoding = _encoding(sample)
    text = sample.decode("utf-8" if encoding == "utf-8-sig" else encoding, errors="ignore").lstrip("\ufeff")
    lines = [line for line in _text_lines(text) if line.strip()][:SAMPLE_LINES]
    if len(sample) >= SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # the last one may be cut in two
    for separator in ("dashes", "tab", "comma", "bar", "space"):
        head = [_role(cell) for cell in _cells(lines[0], separator)] if lines else []
        if len(head) > 1 and "secret" in head:
            return Format(encoding, separator, _once(head), has_header=True)
    if lines and _role(lines[0]) == "secret":
        return Format(encoding, "", ("secret",), has_header=True)
    for separator in ("dashes", "tab", "comma", "bar", "space"):
        counts = Counter(len(_cells(line, separator)) for line in lines)
        width, times = counts.most_common(1)[0] if counts else (1, 0)
        if width >= 2 and times * 10 >= len(lines) * 9 and (separator != "space" or width == 2):
            rows = [_cells(line, separator) for line in lines]
            return Format(
                encoding, separator, _columns([row for row in rows if len(row) == width], width), has_header=False
            )
    return Format(encoding, "", ("secret",), has_header=False)


def split(chunks: Iterable[bytes], encoding: str) -> Iterator[list[str | None]]:
    """The lines of a file, in blocks; a line that is not text in this encoding is None.

    LF, CRLF and CR each end a line, also where a chunk ends between CR and LF.
    """
    blocks = _utf16_blocks(chunks, encoding) if encoding.startswith("utf-16") else _byte_blocks(chunks, encoding)
    first = True
    for block in blocks:
        if first and block and block[0] is not None:
            block[0] = block[0].removeprefix("\ufeff")
        first = False
        yield block


def parse(lines: Sequence[str | None], first_no: int, form: Format, today: date) -> list[NewCard | Reject]:
    """Turn lines into cards or reasons, by line number."""
    at = {role: place for place, role in enumerate(form.columns) if role != "-"}
    return [_parse_one(line, line_no, form, at, today) for line_no, line in enumerate(lines, start=first_no)]


def _parse_one(line: str | None, line_no: int, form: Format, at: Mapping[str, int], today: date) -> NewCard | Reject:
    if line is None:
        return Reject(line_no, "undecodable")
    if not line or line.isspace():
        return Reject(line_no, "empty")
    if len(line) > LINE_CHARS_MAX:
        return Reject(line_no, "too_long", f"{len(line)} > {LINE_CHARS_MAX}")
    cells = _cells(line, form.separator)
    if len(cells) != len(form.columns):
        return Reject(line_no, "wrong_column_count", f"{len(cells)} ≠ {len(form.columns)}")
    secret = cells[at["secret"]]
    number = cells[at["number"]] if "number" in at else ""
    note = cells[at["note"]] if "note" in at else ""
    if not secret:
        return Reject(line_no, "empty")
    if not line.isprintable() and CONTROL.search(number + secret + note):
        return Reject(line_no, "bad_characters")
    if len(secret) > SECRET_CHARS_MAX or len(number) > NUMBER_CHARS_MAX or len(note) > NOTE_CHARS_MAX:
        return Reject(line_no, "too_long", f"{max(len(secret), len(number), len(note))}")
    expires_on = NEVER
    if "expires_on" in at and (told := cells[at["expires_on"]]):
        found = _date(told)
        if found is None:
            return Reject(line_no, "bad_date")
        if found < today:
            return Reject(line_no, "expired", found.isoformat())
        expires_on = found
    cost_fen, face_value_fen, surcharge_fen = (_amount(cells, at, role) for role in ("cost", "face_value", "surcharge"))
    if -1 in (cost_fen, face_value_fen, surcharge_fen):
        return Reject(line_no, "bad_amount")
    label = tidy_label(cells[at["label"]]) if "label" in at else ""
    if label is None:
        return Reject(line_no, "bad_label")
    return NewCard(line_no, number, secret, expires_on, cost_fen, face_value_fen, note, label, surcharge_fen or 0)


def _amount(cells: Sequence[str], at: Mapping[str, int], role: str) -> int | None:
    """An amount in fen, None where there is none, -1 where it cannot be read."""
    told = cells[at[role]] if role in at else ""
    if not told:
        return None
    fen = parse_yuan(told)
    return -1 if fen is None else fen


def _cells(line: str, separator: str) -> list[str]:
    mark = SEPARATORS[separator]
    if not mark:
        return [line.strip()]
    if separator == "space":
        return line.split()
    if separator in ("comma", "tab") and '"' in line:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=mark))]
    return [cell.strip() for cell in line.split(mark)]


def _role(cell: str) -> str:
    return ROLE_OF_HEADER.get(cell.strip().strip('"').lower().replace(" ", "_"), "-")


def tidy_label(text: str) -> str | None:
    """What shows of a card, in one form: what looks the same is the same. None where it cannot be shown."""
    label = " ".join(unicodedata.normalize("NFKC", text).split())
    is_plain = not any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for sign in label)
    return label if is_plain and len(label) <= LABEL_CHARS_MAX else None


def is_clean(*texts: str) -> bool:
    """Whether a typed card holds no control character, as none from a file does."""
    return CONTROL.search("".join(texts)) is None


def _once(roles: Sequence[str]) -> tuple[str, ...]:
    """A role is one column's: a second column of the same name is passed over."""
    return tuple(role if role not in roles[:at] else "-" for at, role in enumerate(roles))


def _columns(rows: Sequence[Sequence[str]], width: int) -> tuple[str, ...]:
    """Number and secret first, as the field writes them; a column of dates is the expiry."""
    roles = ["number", "secret"] + ["-"] * (width - 2)
    for at in range(2, width):
        if all(_date(row[at]) is not None for row in rows):
            roles[at] = "expires_on"
            break
    return tuple(roles)


def _date(text: str) -> date | None:
    found = DATE.match(text.strip())
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def _encoding(sample: bytes) -> str:
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = sample[:2_000]
    if zeros.count(0) * 4 > len(zeros):
        return "utf-16-le" if zeros[1::2].count(0) > zeros[0::2].count(0) else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # a character cut at the end is no error here
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _text_lines(text: str) -> list[str]:
    # Not str.splitlines: it also parts at U+2028, form feeds and others that may stand inside a note.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _byte_blocks(chunks: Iterable[bytes], encoding: str) -> Iterator[list[str | None]]:
    # No byte of a multi-byte character is LF or CR in UTF-8 or GB18030, so bytes can be parted before decoding.
    rest = b""
    for chunk in chunks:
        raw = rest + chunk
        end = max(raw.rfind(b"\n"), raw.rfind(b"\r", 0, len(raw) - 1))
        if end < 0:
            rest = raw
            if len(rest) > BLOCK_BYTES:  # no card line is this long: give it up as one
                yield [rest[: LINE_CHARS_MAX * 4].decode(encoding, errors="replace") + "…" * LINE_CHARS_MAX]
                rest = b""
            continue
        rest = raw[end + 1 :]
        yield _decode(raw[: end + 1], encoding)
    if rest:
        yield _decode(rest, encoding)


def _decode(raw: bytes, encoding: str) -> list[str | None]:
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    lines = raw.splitlines()  # bytes part at LF, CR and CRLF only
    try:
        return list(_join_decode(lines, plain))
    except UnicodeDecodeError:
        return [_decode_one(line, plain) for line in lines]


def _join_decode(lines: list[bytes], encoding: str) -> list[str]:
    return b"\n".join(lines).decode(encoding).split("\n")


def _decode_one(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf16_blocks(chunks: Iterable[bytes], encoding: str) -> Iterator[list[str | None]]:
    raw = iter(chunks)
    head = b""
    while len(head) < 2 and (chunk := next(raw, b"")):
        head += chunk
    if encoding == "utf-16" and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16-le"  # what Windows writes when it leaves the mark out
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest = ""
    for chunk in chain([head], raw):
        text = rest + decoder.decode(chunk)
        end = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1))
        if end < 0:
            rest = text[: LINE_CHARS_MAX * 2] if len(text) > BLOCK_BYTES else text
            continue
        rest = text[end + 1 :]
        yield [None if "\ufffd" in line else line for line in _text_lines(text[: end + 1])[:-1]]
    rest += decoder.decode(b"", final=True)
    if rest:
        yield [None if "\ufffd" in rest else rest.rstrip("\r\n")]
