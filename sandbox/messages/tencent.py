"""Tencent: TC3-HMAC-SHA256, JSON both ways, always 200."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.messages.asked import WINDOW_SECONDS, Asked, Sms, credential, mac, sha256

REFUSED = "FailedOperation.TemplateIncorrectOrUnapproved"
NO_NUMBER = "InvalidParameterValue.IncorrectPhoneNumber"
TOO_OFTEN = "LimitExceeded.PhoneNumberThirtySecondLimit"
SHANGHAI = timezone(timedelta(hours=8))


def read(path: str, raw: str, headers: Mapping[str, str], body: bytes, key_id: str, secret: str) -> Asked | str:
    told, stamp = credential(headers.get("authorization", "")), headers.get("x-tc-timestamp", "")
    names = told.get("SignedHeaders", "").split(";")
    if told["algorithm"] != "TC3-HMAC-SHA256" or not stamp.isdigit() or not {"content-type", "host"} <= set(names):
        return "AuthFailure.InvalidAuthorization"
    day = datetime.fromtimestamp(int(stamp), UTC).strftime("%Y-%m-%d")
    if told.get("Credential") != f"{key_id}/{day}/sms/tc3_request":
        return "AuthFailure.SecretIdNotFound"
    lines = "".join(f"{name}:{headers.get(name, '').strip().lower()}\n" for name in names)
    request = f"POST\n{path}\n{raw}\n{lines}\n{';'.join(names)}\n{sha256(body)}"
    key = f"TC3{secret}".encode()
    for step in (day, "sms", "tc3_request"):
        key = mac(key, step)
    right = mac(key, f"TC3-HMAC-SHA256\n{stamp}\n{day}/sms/tc3_request\n{sha256(request.encode())}").hex()
    if not hmac.compare_digest(right, told.get("Signature", "")) or headers.get("x-tc-version") != "2021-01-11":
        return "AuthFailure.SignatureFailure"
    if abs(time.time() - int(stamp)) > WINDOW_SECONDS:
        return "AuthFailure.SignatureExpire"
    asked, action = json.loads(body), headers.get("x-tc-action")
    if action == "PullSmsSendStatusByPhoneNumber":
        return Asked(False, asked["PhoneNumber"].removeprefix("+86"))
    needed = ("PhoneNumberSet", "SmsSdkAppId", "SignName", "TemplateId", "SessionContext")
    if action != "SendSms" or not all(asked.get(name) for name in needed):
        return "InvalidParameter"
    is_code = "code" if all(one.isdigit() and len(one) == 6 for one in asked["TemplateParamSet"]) else ""
    values = json.dumps([is_code, *asked["TemplateParamSet"]], ensure_ascii=False)
    return Asked(
        True, asked["PhoneNumberSet"][0].removeprefix("+86"), asked["SessionContext"], asked["TemplateId"], values
    )


def taken(one: Sms) -> tuple[int, dict[str, Any]]:
    status = {"SerialNo": one.number, "PhoneNumber": f"+86{one.to}", "Fee": 1, "SessionContext": one.tag, "Code": "Ok"}
    return 200, {
        "Response": {"SendStatusSet": [{**status, "Message": "send success", "IsoCode": "CN"}], "RequestId": "r"}
    }


def refused(code: str) -> tuple[int, dict[str, Any]]:
    if code.startswith(("AuthFailure", "InvalidParameter.")) or code == "InvalidParameter":
        return 200, {"Response": {"Error": {"Code": code, "Message": code}, "RequestId": "r"}}
    status = {"SerialNo": "", "PhoneNumber": "", "Fee": 0, "SessionContext": "", "Code": code, "Message": code}
    return 200, {"Response": {"SendStatusSet": [status], "RequestId": "r"}}


def found(asked: Asked, sent: Sequence[Sms]) -> tuple[int, dict[str, Any]]:
    """Only what the carrier has answered is told."""
    records = [
        {
            "UserReceiveTime": int(one.arrived_at), "CountryCode": "86", "SubscriberNumber": one.to,
            "PhoneNumber": f"+86{one.to}", "SerialNo": one.number, "SessionContext": one.tag,
            "ReportStatus": "SUCCESS" if one.state == "arrived" else "FAIL", "Description": one.state,
        }
        for one in sent
        if one.to == asked.to and one.state != "sent"
    ]  # fmt: skip
    return 200, {"Response": {"PullSmsSendStatusSet": records, "RequestId": "r"}}


def receipt(one: Sms) -> list[dict[str, Any]]:
    has_arrived = one.state == "arrived"
    return [
        {
            "user_receive_time": datetime.fromtimestamp(one.arrived_at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            "nationcode": "86", "mobile": one.to, "report_status": "SUCCESS" if has_arrived else "FAIL",
            "errmsg": "DELIVRD" if has_arrived else "UNDELIV", "description": "", "sid": one.number,
        }
    ]  # fmt: skip
