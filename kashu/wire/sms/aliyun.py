"""Aliyun (Dysmsapi 2017-05-25), signed by ACS3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from kashu.kernel.clock import SHANGHAI
from kashu.kernel.text import canonical_json
from kashu.messages import Answer, Outcome, Receipt, Sender
from kashu.wire.sms import Letter
from kashu.wire.sms.calling import Reply, one, post, text
from kashu.wire.sms.receipts import objects, stamp, uuid_of

ENDPOINT = "https://dysmsapi.aliyuncs.com"
VERSION = "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"
UNSURE = ("isp.SYSTEM_ERROR", "ServiceUnavailable", "InternalError")  # it may have gone out all the same
NO_NUMBER = ("isv.MOBILE_NUMBER_ILLEGAL",)
WAITING, FAILED, ARRIVED = 1, 2, 3
GRACE_SECONDS = 120  # a record shows a little after the call; only then does its absence prove anything


def canonical(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body_hash: str) -> str:
    """The request in the one form that both sides sign; `headers` are those that are signed, in lower case."""
    told = "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    return f"{method}\n{path}\n{told}\n{lines}\n{';'.join(sorted(headers))}\n{body_hash}"


def signature(secret: str, request: str) -> str:
    hashed = hashlib.sha256(request.encode()).hexdigest()
    return hmac.new(secret.encode(), f"{ALGORITHM}\n{hashed}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Aliyun:
    sender: Sender
    secret: str

    def send(self, letter: Letter) -> Answer:
        told = {
            "PhoneNumbers": letter.to,
            "SignName": letter.sign_name,
            "TemplateCode": letter.template_id,
            "TemplateParam": canonical_json(dict(letter.values)),
            "OutId": str(letter.message_id),
        }
        reply = self._call("SendSms", told)
        if isinstance(reply, Answer):
            return reply
        code = text(reply.told, "Code")
        if code == "OK":
            return Answer(Outcome.TAKEN, text(reply.told, "BizId"))
        outcome = Outcome.UNKNOWN if not code or code in UNSURE else Outcome.REFUSED
        return Answer(outcome, trouble=code or "no code", is_final=code in NO_NUMBER)

    def ask(self, letter: Letter) -> Answer:
        """By number and day: the message is the record that carries its id. None there, after a while: never taken."""
        told = {
            "PhoneNumber": letter.to,
            "SendDate": letter.asked_at.astimezone(SHANGHAI).strftime("%Y%m%d"),
            "PageSize": "50",
            "CurrentPage": "1",
        }
        if letter.vendor_no:
            told["BizId"] = letter.vendor_no
        reply = self._call("QuerySendDetails", told)
        if isinstance(reply, Answer) or text(reply.told, "Code") != "OK":
            return Answer(Outcome.UNKNOWN, trouble="the vendor does not say")
        found = one(reply.told, "SmsSendDetailDTOs", "SmsSendDetailDTO")
        records = [record for record in found if isinstance(record, dict)] if isinstance(found, list) else []
        mine = [record for record in records if record.get("OutId") == str(letter.message_id)]
        if mine:
            return _told(mine[0])
        is_whole = isinstance(found, list) and one(reply.told, "TotalCount") == len(records)
        is_late = (datetime.now(UTC) - letter.asked_at).total_seconds() > GRACE_SECONDS
        if is_whole and is_late:
            return Answer(Outcome.REFUSED, trouble="the vendor has no record of it")
        return Answer(Outcome.UNKNOWN, trouble="no record yet")

    def _call(self, action: str, query: Mapping[str, str]) -> Reply | Answer:
        url = urlsplit(self.sender.endpoint or ENDPOINT)
        empty, path = hashlib.sha256(b"").hexdigest(), url.path or "/"
        headers = {
            "host": url.netloc,
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": empty,
        }
        signed = signature(self.secret, canonical("POST", path, query, headers, empty))
        credential = f"{ALGORITHM} Credential={self.sender.key_id}"
        headers["authorization"] = f"{credential},SignedHeaders={';'.join(sorted(headers))},Signature={signed}"
        told = "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))
        return post(f"{url.scheme}://{url.netloc}{path}?{told}", b"", headers)


def read_receipts(body: bytes) -> list[Receipt] | None:
    """`SmsReport` by HTTP: an array, one or many, in Shanghai's time."""
    found = objects(body)
    if found is None:
        return None
    return [
        Receipt(
            str(told["biz_id"])[:100],
            uuid_of(told.get("out_id")),
            told.get("success") is True,
            stamp(told.get("report_time")),
            str(told.get("err_code", ""))[:60],
        )
        for told in found
        if told.get("biz_id")
    ]


def _told(record: Mapping[str, object]) -> Answer:
    state, code = record.get("SendStatus"), str(record.get("ErrCode") or "")[:60]
    if state == ARRIVED:
        return Answer(Outcome.ARRIVED, at=stamp(record.get("ReceiveDate")))
    if state == FAILED:
        return Answer(Outcome.FAILED, trouble=code or "failed")
    return Answer(Outcome.TAKEN)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
