"""Calling a vendor: one POST under a deadline. What is certain not to have arrived there is told from what may have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from kashu.messages import Answer, Outcome

TIMEOUT_SECONDS = 8
ANSWER_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    told: dict[str, Any] = field(repr=False)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply | Answer:
    """The JSON object a vendor answered with, or what its silence means.

    A connection that was never made carried nothing: another sender may be asked at once. Everything later than that
    (a time-out, a line that broke, a 5xx, an answer nobody can read) leaves open whether the message was taken.
    """
    try:
        status, raw = asyncio.run(_post(url, body, headers))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        return Answer(Outcome.REFUSED, trouble=f"not reached: {type(error).__name__}")
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        return Answer(Outcome.UNKNOWN, trouble=type(error).__name__)
    except ValueError as error:
        return Answer(Outcome.UNKNOWN, trouble=str(error)[:100])
    if status >= 500:
        return Answer(Outcome.UNKNOWN, trouble=f"status {status}")
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return Answer(Outcome.UNKNOWN, trouble=f"status {status}, no JSON object")
    return Reply(status, told)


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """An answer may drip for ever, each byte within its timeout: only a deadline over all of it ends that."""
    raw = b""
    async with (
        asyncio.timeout(TIMEOUT_SECONDS),
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
        http.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        async for chunk in answer.aiter_bytes():
            raw += chunk
            if len(raw) > ANSWER_BYTES_MAX:
                raise ValueError("an answer that is too long")
        return answer.status_code, raw


def one(told: object, *path: str | int) -> Any:
    """What stands at a place of a JSON answer, or None where the answer has another shape."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(told, list) or len(told) <= step:
                return None
            told = told[step]
        elif isinstance(told, dict):
            told = told.get(step)
        else:
            return None
    return told


def text(told: object, *path: str | int) -> str:
    found = one(told, *path)
    return str(found)[:200] if isinstance(found, str | int) else ""
