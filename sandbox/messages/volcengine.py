"""Volcengine: HMAC-SHA256 in the manner of version 4, JSON, `ResponseMetadata.Error`."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.messages.asked import WINDOW_SECONDS, Asked, Sms, canonical_query, credential, mac, query_of, sha256

REFUSED, NO_NUMBER, TOO_OFTEN = "RE:0005", "RE:0006", "RE:0013"


def read(path: str, raw: str, headers: Mapping[str, str], body: bytes, key_id: str, secret: str) -> Asked | str:
    told, date, query = credential(headers.get("authorization", "")), headers.get("x-date", ""), query_of(raw)
    names = told.get("SignedHeaders", "").split(";")
    scope = f"{date[:8]}/cn-north-1/volcSMS/request"
    needed = {"content-type", "host", "x-content-sha256", "x-date"}
    if told["algorithm"] != "HMAC-SHA256" or told.get("Credential") != f"{key_id}/{scope}" or not needed <= set(names):
        return "RE:0000"
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    request = f"POST\n{path}\n{canonical_query(query)}\n{lines}\n{';'.join(names)}\n{sha256(body)}"
    key = secret.encode()
    for step in scope.split("/"):
        key = mac(key, step)
    right = mac(key, f"HMAC-SHA256\n{date}\n{scope}\n{sha256(request.encode())}").hex()
    if not hmac.compare_digest(right, told.get("Signature", "")) or headers.get("x-content-sha256") != sha256(body):
        return "RE:0000"
    at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    if abs(time.time() - at) > WINDOW_SECONDS:
        return "RE:0000"
    asked, action = json.loads(body), (query.get("Action"), query.get("Version"))
    if action == ("GetSmsSendDetails", "2021-01-11"):
        return Asked(False, asked["phoneNumber"], number=asked.get("messageId", ""))
    needed_too = ("SmsAccount", "Sign", "TemplateID", "TemplateParam", "PhoneNumbers", "Tag")
    if action != ("SendSms", "2020-01-01") or not all(asked.get(name) for name in needed_too):
        return "RE:0009"
    return Asked(True, asked["PhoneNumbers"], asked["Tag"], asked["TemplateID"], asked["TemplateParam"])


def taken(one: Sms) -> tuple[int, dict[str, Any]]:
    return 200, {"ResponseMetadata": {"RequestId": "r", "Action": "SendSms"}, "Result": {"MessageID": [one.number]}}


def refused(code: str) -> tuple[int, dict[str, Any]]:
    return 200, {"ResponseMetadata": {"RequestId": "r", "Error": {"Code": code, "Message": code}}}


def found(asked: Asked, sent: Sequence[Sms]) -> tuple[int, dict[str, Any]]:
    records = [
        {
            "status": 3 if one.state != "sent" else 1, "messageId": one.number, "phoneNumber": one.to,
            "errorCode": {"arrived": "0", "failed": "EV:0001"}.get(one.state, ""), "templateID": one.template,
            "sendTime": int(one.sent_at * 1000), "receiptTime": int(one.arrived_at * 1000),
        }
        for one in sent
        if one.to == asked.to and one.number == asked.number
    ]  # fmt: skip
    return 200, {
        "ResponseMetadata": {"RequestId": "r"},
        "Result": {"sendDetailsResults": records, "total": len(records)},
    }


def receipt(one: Sms) -> list[dict[str, Any]]:
    return [
        {
            "account": "1", "sub_account": "2", "signature": "", "mobile": one.to, "channel_type": "CN_NTC",
            "message_id": one.number, "ext": one.tag, "status_code": "0" if one.state == "arrived" else "EV:0001",
            "send_time": int(one.sent_at * 1000), "recv_time": int(one.arrived_at * 1000), "template_id": one.template,
        }
    ]  # fmt: skip
