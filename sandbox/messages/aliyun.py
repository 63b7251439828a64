"""Aliyun: ACS3-HMAC-SHA256, everything in the query, `Code` in the answer."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.messages.asked import WINDOW_SECONDS, Asked, Sms, canonical_query, credential, mac, query_of, sha256

REFUSED, NO_NUMBER, TOO_OFTEN = "isv.SMS_TEMPLATE_ILLEGAL", "isv.MOBILE_NUMBER_ILLEGAL", "isv.BUSINESS_LIMIT_CONTROL"
SHANGHAI = timezone(timedelta(hours=8))
STATES = {"sent": 1, "failed": 2, "arrived": 3}


def read(path: str, raw: str, headers: Mapping[str, str], body: bytes, key_id: str, secret: str) -> Asked | str:
    told, query = credential(headers.get("authorization", "")), query_of(raw)
    names = told.get("SignedHeaders", "").split(";")
    needed = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
    if told["algorithm"] != "ACS3-HMAC-SHA256" or told.get("Credential") != key_id or not needed <= set(names):
        return "InvalidAccessKeyId.NotFound"
    if headers.get("x-acs-content-sha256") != sha256(body) or headers.get("x-acs-version") != "2017-05-25":
        return "SignatureDoesNotMatch"
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    request = f"POST\n{path}\n{canonical_query(query)}\n{lines}\n{';'.join(names)}\n{sha256(body)}"
    right = mac(secret.encode(), f"ACS3-HMAC-SHA256\n{sha256(request.encode())}").hex()
    if not hmac.compare_digest(right, told.get("Signature", "")):
        return "SignatureDoesNotMatch"
    at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    if abs(time.time() - at) > WINDOW_SECONDS:
        return "InvalidTimeStamp.Expired"
    if headers["x-acs-action"] == "QuerySendDetails":
        return Asked(False, query["PhoneNumber"], number=query.get("BizId", ""))
    names = ["PhoneNumbers", "OutId", "TemplateCode", "TemplateParam", "SignName"]
    if headers["x-acs-action"] != "SendSms" or not all(query.get(name) for name in names):
        return "isv.INVALID_PARAMETERS"
    return Asked(True, query["PhoneNumbers"], query["OutId"], query["TemplateCode"], query["TemplateParam"])


def taken(one: Sms) -> tuple[int, dict[str, Any]]:
    return 200, {"Code": "OK", "Message": "OK", "BizId": one.number, "RequestId": one.number}


def refused(code: str) -> tuple[int, dict[str, Any]]:
    return 200 if code.startswith("isv.") else 400, {"Code": code, "Message": code, "RequestId": "r"}


def found(asked: Asked, sent: Sequence[Sms]) -> tuple[int, dict[str, Any]]:
    mine = [one for one in sent if one.to == asked.to and (not asked.number or one.number == asked.number)]
    records = [
        {
            "OutId": one.tag, "PhoneNum": one.to, "SendStatus": STATES[one.state], "TemplateCode": one.template,
            "SendDate": _stamp(one.sent_at), "ReceiveDate": _stamp(one.arrived_at) if one.arrived_at else "",
            "ErrCode": {"arrived": "DELIVERED", "failed": "MK:0001"}.get(one.state, ""),
        }
        for one in mine
    ]  # fmt: skip
    return 200, {"Code": "OK", "TotalCount": len(records), "SmsSendDetailDTOs": {"SmsSendDetailDTO": records}}


def receipt(one: Sms) -> list[dict[str, Any]]:
    return [
        {
            "phone_number": one.to, "send_time": _stamp(one.sent_at), "report_time": _stamp(one.arrived_at),
            "success": one.state == "arrived", "err_code": "DELIVERED" if one.state == "arrived" else "MK:0001",
            "err_msg": "", "sms_size": "1", "biz_id": one.number, "out_id": one.tag,
        }
    ]  # fmt: skip


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
