"""Tencent Cloud (SMS 2021-01-11), signed by TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from kashu.kernel.text import canonical_json
from kashu.messages import Answer, Outcome, Receipt, Sender
from kashu.wire.sms import Letter
from kashu.wire.sms.calling import Reply, one, post, text
from kashu.wire.sms.receipts import objects, stamp

ENDPOINT = "https://sms.tencentcloudapi.com"
VERSION, SERVICE = "2021-01-11", "sms"
ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"
UNSURE = ("InternalError", "RequestTimeout")  # and what begins with them and a dot
NO_NUMBER = ("InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberInBlacklist")
ASKED_MAX = 100


def canonical(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The request in the one form that both sides sign; `headers` are those that are signed, in lower case."""
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in sorted(headers))
    hashed = hashlib.sha256(body).hexdigest()
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(sorted(headers))}\n{hashed}"


def signature(secret: str, service: str, unix: int, request: str) -> str:
    """The key goes from the secret by the day and the service; the day is that of the instant, in UTC."""
    day = datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")
    hashed = hashlib.sha256(request.encode()).hexdigest()
    told = f"{ALGORITHM}\n{unix}\n{day}/{service}/tc3_request\n{hashed}"
    key = f"TC3{secret}".encode()
    for step in (day, service, "tc3_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Tencent:
    sender: Sender
    secret: str

    def send(self, letter: Letter) -> Answer:
        told = {
            "PhoneNumberSet": [f"+86{letter.to}"],
            "SmsSdkAppId": self.sender.app,
            "SignName": letter.sign_name,
            "TemplateId": letter.template_id,
            "TemplateParamSet": list(letter.values.values()),
            "SessionContext": str(letter.message_id),
        }
        reply = self._call("SendSms", told)
        if isinstance(reply, Answer):
            return reply
        code = text(reply.told, "Response", "Error", "Code") or text(reply.told, "Response", "SendStatusSet", 0, "Code")
        if code == "Ok":
            return Answer(Outcome.TAKEN, text(reply.told, "Response", "SendStatusSet", 0, "SerialNo"))
        outcome = Outcome.UNKNOWN if not code or code.partition(".")[0] in UNSURE else Outcome.REFUSED
        return Answer(outcome, trouble=code or "no code", is_final=code in NO_NUMBER)

    def ask(self, letter: Letter) -> Answer:
        """By number: only what the carrier has answered is there, so that an empty list proves nothing."""
        begin = int(letter.asked_at.timestamp())
        told = {
            "PhoneNumber": f"+86{letter.to}",
            "SmsSdkAppId": self.sender.app,
            "BeginTime": begin - 60,
            "EndTime": begin + 86_400,
            "Offset": 0,
            "Limit": ASKED_MAX,
        }
        reply = self._call("PullSmsSendStatusByPhoneNumber", told)
        found = one(reply.told, "Response", "PullSmsSendStatusSet") if isinstance(reply, Reply) else None
        for record in found if isinstance(found, list) else []:
            serial, session = text(record, "SerialNo"), text(record, "SessionContext")
            if session == str(letter.message_id) or (letter.vendor_no and serial == letter.vendor_no):
                if text(record, "ReportStatus") == "SUCCESS":
                    return Answer(Outcome.ARRIVED, serial, at=stamp(one(record, "UserReceiveTime")))
                return Answer(Outcome.FAILED, serial, text(record, "Description")[:60] or "failed")
        return Answer(Outcome.UNKNOWN, trouble="no record yet")

    def _call(self, action: str, told: Mapping[str, object]) -> Reply | Answer:
        url, body, unix = urlsplit(self.sender.endpoint or ENDPOINT), canonical_json(told).encode(), _unix()
        signed = {"content-type": CONTENT_TYPE, "host": url.netloc}
        request = canonical("POST", url.path or "/", "", signed, body)
        day = datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")
        credential = f"{self.sender.key_id}/{day}/{SERVICE}/tc3_request"
        right = signature(self.secret, SERVICE, unix, request)
        headers = {
            **signed,
            "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders=content-type;host, Signature={right}",
            "x-tc-action": action,
            "x-tc-version": VERSION,
            "x-tc-timestamp": str(unix),
            "x-tc-region": self.sender.region or "ap-guangzhou",
        }
        return post(f"{url.scheme}://{url.netloc}{url.path or '/'}", body, headers)


def read_receipts(body: bytes) -> list[Receipt] | None:
    """下发状态通知: an array, by serial number, in Shanghai's time."""
    found = objects(body)
    if found is None:
        return None
    return [
        Receipt(
            str(told["sid"])[:100],
            None,
            told.get("report_status") == "SUCCESS",
            stamp(told.get("user_receive_time")),
            str(told.get("errmsg", ""))[:60],
        )
        for told in found
        if told.get("sid")
    ]


def _unix() -> int:
    return int(datetime.now(UTC).timestamp())
