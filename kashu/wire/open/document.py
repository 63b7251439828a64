"""The OpenAPI 3.1 document, made from the very messages and addresses that serve the calls."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import msgspec

from kashu import __version__
from kashu.wire.open.auth import WRITES
from kashu.wire.open.desk import ADDRESSES, Address
from kashu.wire.open.messages import ProblemTold
from kashu.wire.open.problems import PROBLEMS, RETRY_SECONDS

PATH = "/open/v1/openapi.json"
REFERENCE = "#/components/schemas/{name}"
ALWAYS = (
    "missing_credentials",
    "stale_timestamp",
    "bad_signature",
    "no_scope",
    "no_account",
    "too_large",
    "too_often",
    "unavailable",
)
SIGNING = """Every request is signed with an API key. Four headers carry the signature:

- `Kashu-Key`: the key's id.
- `Kashu-Timestamp`: unix time in whole seconds, at most 300 seconds from our clock.
- `Kashu-Nonce`: 16 to 64 visible characters, for writes never used before.
- `Kashu-Signature`: lower-case hex of HMAC-SHA256, keyed with the secret, over six lines joined by `\\n`: method, path with
  query, timestamp, nonce, idempotency key (an empty line where there is none), lower-case hex of SHA-256 over the body.

No address of ours needs percent-encoding in its path; the query is signed exactly as sent.

Every write takes an `Idempotency-Key` (1 to 255 visible characters), kept for seven days: the same key and body give the
first effect again; a refusal leaves no effect, so the same key may be tried again. Money is in fen, instants in RFC 3339.
Errors are RFC 9457 problems with a stable `code`."""
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Kashu-Key": ("The key's id.", {"type": "string", "maxLength": 64}),
    "Kashu-Timestamp": ("Unix time in whole seconds.", {"type": "string", "pattern": "^[0-9]{1,12}$"}),
    "Kashu-Nonce": (
        "16 to 64 visible characters.",
        {"type": "string", "minLength": 16, "maxLength": 64, "pattern": "^[!-~]+$"},
    ),
    "Kashu-Signature": ("The signature.", {"type": "string", "pattern": "^[0-9a-f]{64}$"}),
}
KEY: tuple[str, str, dict[str, Any]] = (
    "Idempotency-Key",
    "Yours; the same one gives the same effect.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)


@lru_cache(maxsize=8)
def text(public_url: str) -> str:
    """The document as JSON."""
    return json.dumps(make(public_url), ensure_ascii=False, indent=2) + "\n"


def make(public_url: str) -> dict[str, Any]:
    """The document: every address with its messages and problems."""
    shapes = {shape for one in ADDRESSES for shape in (one.told, one.asked) if shape is not None} | {ProblemTold}
    _, schemas = msgspec.json.schema_components(sorted(shapes, key=lambda one: one.__name__), ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for one in ADDRESSES:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    headers = {name.lower(): header(name, *told) for name, told in HEADERS.items()}
    parameters = {name.replace("-", "_"): told for name, told in headers.items()} | {"idempotency_key": header(*KEY)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kashu 卡枢 open API", "version": __version__, "description": SIGNING},
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {"schemas": schemas, "parameters": parameters},
    }


def for_people(public_url: str) -> dict[str, Any]:
    """The same facts for the page that people read."""
    made = make(public_url)
    return {
        "addresses": [
            {
                "method": one.method,
                "path": one.path,
                "summary": one.summary,
                "scope": one.scope,
                "status": one.status,
                "query": one.query,
                "asked": _fields(one.asked, made),
                "told": _fields(one.told, made),
                "problems": [(code, *PROBLEMS[code]) for code in one.problems],
            }
            for one in ADDRESSES
        ],
        "always": [(code, *PROBLEMS[code]) for code in (*ALWAYS, "nonce_replayed", "method_not_allowed", "not_found")],
        "public_url": public_url,
    }


def _operation(one: Address) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [_shared(name) for name in HEADERS]
    if one.method in WRITES:
        parameters.append(_shared("idempotency_key"))
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$"}}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": name == "reference", "description": told, "schema": _query(name)}
        for name, told in one.query
    ]
    done: dict[str, Any] = {"description": one.summary, "content": _content(one.told)}
    others = {str(status): {**done, "description": told} for status, told in one.others}
    made: dict[str, Any] = {
        "operationId": f"{one.method.lower()}_{one.path.removeprefix('/open/v1/').replace('/', '_').replace('{', '').replace('}', '').replace('-', '_')}",
        "summary": one.summary,
        "description": f"Needs the scope `{one.scope}`.",
        "parameters": parameters,
        "responses": {str(one.status): done} | others | _refusals(one),
    }
    if one.asked is not None:
        made["requestBody"] = {"required": True, "content": _content(one.asked)}
    return made


def _refusals(one: Address) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    codes = [*one.problems, *ALWAYS] + (["nonce_replayed"] if one.method in WRITES else [])
    for code in codes:
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    problem = {"application/problem+json": {"schema": {"$ref": REFERENCE.format(name="ProblemTold")}}}
    return {
        str(status): {"description": ", ".join(f"`{code}`" for code in sorted(told)), "content": problem}
        | (
            {"headers": {"Retry-After": {"schema": {"type": "integer"}}}}
            if any(code in RETRY_SECONDS for code in told)
            else {}
        )
        for status, told in sorted(by_status.items())
    }


def _query(name: str) -> dict[str, Any]:
    if name == "limit":
        return {"type": "integer", "minimum": 1, "maximum": 200}
    return {"type": "string", "minLength": 1, "maxLength": 64 if name == "reference" else 200}


def _content(shape: type[msgspec.Struct] | None) -> dict[str, Any]:
    if shape is None:
        return {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": {"$ref": REFERENCE.format(name=shape.__name__)}}}


def _shared(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name.lower().replace('-', '_')}"}


def header(name: str, told: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A header that has to be there."""
    return {"name": name, "in": "header", "required": True, "description": told, "schema": schema}


def _fields(shape: type[msgspec.Struct] | None, made: dict[str, Any]) -> list[tuple[str, str, str]]:
    """A message's fields for people: name, kind, meaning."""
    if shape is None:
        return []
    schemas = made["components"]["schemas"]
    return [
        (name, _kind(told, schemas), told.get("description", ""))
        for name, told in schemas[shape.__name__]["properties"].items()
    ]


def _kind(told: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "$ref" in told:
        return str(told["$ref"]).rpartition("/")[2].removesuffix("Told")
    if "anyOf" in told:
        return " | ".join(_kind(one, schemas) for one in told["anyOf"])
    if told.get("type") == "array":
        inner = told["items"]
        fields = schemas[inner["$ref"].rpartition("/")[2]]["properties"] if "$ref" in inner else {}
        return f"[{{{', '.join(fields)}}}]" if fields else "[]"
    return str(told.get("format", told.get("type", "")))
