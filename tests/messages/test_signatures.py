"""The vendors' signatures against published examples, and against nothing that this code computed itself."""

from __future__ import annotations

import hashlib

from kashu.wire.sms import aliyun, tencent, volcengine

EMPTY = hashlib.sha256(b"").hexdigest()


def test_aliyun_signs_the_documented_example():
    """RunInstances, from Aliyun's page on the request body and signature of V3."""
    query = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    request = aliyun.canonical("POST", "/", query, headers, EMPTY)

    assert hashlib.sha256(request.encode()).hexdigest() == (
        "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    )
    assert aliyun.signature("YourAccessKeySecret", request) == (
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_tencent_signs_the_documented_example():
    """DescribeInstances at 1551113065, from Tencent's page on signature v3."""
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    headers = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
    request = tencent.canonical("POST", "/", "", headers, body)

    assert hashlib.sha256(request.encode()).hexdigest() == (
        "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031"
    )
    assert tencent.signature("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", "cvm", 1551113065, request) == (
        "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def test_volcengine_signs_as_its_own_sdk_does():
    """No example with numbers is published: this one was computed by the signer of the package volcengine 1.0.229."""
    body = '{"PhoneNumbers":"13800000000","Sign":"卡枢"}'.encode()
    headers = {
        "content-type": "application/json;charset=utf-8",
        "host": "sms.volcengineapi.com",
        "x-content-sha256": "5c0d0c3dce28d13858acac4d0cb6e37b688aca17d701cb7d1bb42fc5c85ec846",
    }
    assert headers["x-content-sha256"] == hashlib.sha256(body).hexdigest()
    headers["x-date"] = "20261123T020000Z"
    request = volcengine.canonical("POST", "/", {"Version": "2020-01-01", "Action": "SendSms"}, headers, body)

    assert volcengine.signature("SKTEST", ("cn-north-1", "volcSMS"), "20261123T020000Z", request) == (
        "c99e0c3ad7f9de2ed0b8a7fb59776a1fe8169375c2e2ea542dd56dd63676bd98"
    )


def test_what_is_signed_is_quoted_as_the_vendors_quote_it():
    request = aliyun.canonical("POST", "/", {"b": "a b*~/中", "a": "1"}, {"host": "h"}, EMPTY)
    assert request.split("\n")[2] == "a=1&b=a%20b%2A~%2F%E4%B8%AD"
