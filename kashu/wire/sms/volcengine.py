"""Volcengine (volcSMS), signed by HMAC-SHA256 in the manner of version 4."""

from __future__ import annotations

import hashlib
import hmac
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

ENDPOINT = "https://sms.volcengineapi.com"
SERVICE, REGION = "volcSMS", "cn-north-1"
ALGORITHM = "HMAC-SHA256"
CONTENT_TYPE = "application/json;charset=utf-8"
VERSIONS = {"SendSms": "2020-01-01", "GetSmsSendDetails": "2021-01-11"}
UNSURE = ("RE:0500", "InternalError", "InternalServiceTimeout")
NO_NUMBER = ("RE:0006",)
ARRIVED = 3


def canonical(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> str:
    """The request in the one form that both sides sign; `headers` are those that are signed, in lower case."""
    told = "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    return f"{method}\n{path}\n{told}\n{lines}\n{';'.join(sorted(headers))}\n{hashlib.sha256(body).hexdigest()}"


def signature(secret: str, scope: tuple[str, str], date: str, request: str) -> str:
    """Over (region, service) and an instant like `20261123T020000Z`; the key goes from the secret by the day."""
    steps = (date[:8], *scope, "request")
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = secret.encode()
    for step in steps:
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, f"{ALGORITHM}\n{date}\n{'/'.join(steps)}\n{hashed}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Volcengine:
    sender: Sender
    secret: str

    def send(self, letter: Letter) -> Answer:
        told = {
            "SmsAccount": self.sender.app,
            "Sign": letter.sign_name,
            "TemplateID": letter.template_id,
            "TemplateParam": canonical_json(dict(letter.values)),
            "PhoneNumbers": letter.to,
            "Tag": str(letter.message_id),
        }
        reply = self._call("SendSms", told)
        if isinstance(reply, Answer):
            return reply
        code = text(reply.told, "ResponseMetadata", "Error", "Code")
        number = text(reply.told, "Result", "MessageID", 0)
        if not code and number:
            return Answer(Outcome.TAKEN, number)
        outcome = Outcome.UNKNOWN if not code or code in UNSURE else Outcome.REFUSED
        return Answer(outcome, trouble=code or "no code", is_final=code in NO_NUMBER)

    def ask(self, letter: Letter) -> Answer:
        """By its number at the vendor. Without one there is nothing to ask by: records do not carry our id."""
        if not letter.vendor_no:
            return Answer(Outcome.UNKNOWN, trouble="nothing to ask by")
        told = {
            "subAccount": self.sender.app,
            "phoneNumber": letter.to,
            "messageId": letter.vendor_no,
            "sendDate": letter.asked_at.astimezone(SHANGHAI).strftime("%Y%m%d"),
            "pageIndex": 1,
            "pageSize": 15,
        }
        reply = self._call("GetSmsSendDetails", told)
        found = one(reply.told, "Result", "sendDetailsResults") if isinstance(reply, Reply) else None
        for record in found if isinstance(found, list) else []:
            if text(record, "messageId") == letter.vendor_no:
                return _told(record)
        return Answer(Outcome.UNKNOWN, trouble="no record yet")

    def _call(self, action: str, told: Mapping[str, object]) -> Reply | Answer:
        url, body = urlsplit(self.sender.endpoint or ENDPOINT), canonical_json(told).encode()
        date, region = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), self.sender.region or REGION
        query = {"Action": action, "Version": VERSIONS[action]}
        headers = {
            "content-type": CONTENT_TYPE,
            "host": url.netloc,
            "x-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-date": date,
        }
        right = signature(
            self.secret, (region, SERVICE), date, canonical("POST", url.path or "/", query, headers, body)
        )
        credential = f"{self.sender.key_id}/{date[:8]}/{region}/{SERVICE}/request"
        headers["authorization"] = (
            f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(sorted(headers))}, Signature={right}"
        )
        asked = "&".join(f"{name}={_quoted(query[name])}" for name in sorted(query))
        return post(f"{url.scheme}://{url.netloc}{url.path or '/'}?{asked}", body, headers)


def read_receipts(body: bytes) -> list[Receipt] | None:
    """短信状态报告: an array; `status_code` "0" is success; `ext` is the tag that went along; milliseconds."""
    found = objects(body)
    if found is None:
        return None
    return [
        Receipt(
            str(told["message_id"])[:100],
            uuid_of(told.get("ext")),
            str(told.get("status_code")) == "0",
            stamp(told.get("recv_time")),
            str(told.get("status_code", ""))[:60],
        )
        for told in found
        if told.get("message_id")
    ]


def _told(record: Mapping[str, object]) -> Answer:
    code = text(record, "errorCode")[:60]
    if record.get("status") == ARRIVED and code == "0":
        return Answer(Outcome.ARRIVED, at=stamp(record.get("receiptTime")))
    if code not in ("", "0") and record.get("receiptTime"):
        return Answer(Outcome.FAILED, trouble=code)
    return Answer(Outcome.TAKEN)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
