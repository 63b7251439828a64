"""The contract of whoever attests transactions, as an OpenAPI document: we call, they serve (docs/reference/attestation.md)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from kashu import __version__
from kashu.wire.attestation import EVENTS, Happened, Told
from kashu.wire.open import document

ABOUT = "Our own contract: no platform publishes one. The words are in docs/reference/attestation.md."


def text() -> str:
    """The document as JSON."""
    return json.dumps(make(), ensure_ascii=False, indent=2) + "\n"


def make() -> dict[str, Any]:
    """The contract as OpenAPI 3.1, made from the messages that are sent and read; the other side serves it."""
    _, schemas = msgspec.json.schema_components([Happened, Told], ref_template="#/components/schemas/{name}")
    content = {
        name: {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for name in ("Happened", "Told")
    }
    headers = {**document.HEADERS, "Idempotency-Key": ("The event's id.", {"type": "string", "format": "uuid"})}
    signed_by_you = {"Kashu-Signature": {"schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}}
    call = {
        "operationId": "attest",
        "summary": "Something happened to an order",
        "description": "Signed as in the supply protocol. Told again under the same key until there is a signed answer.",
        "parameters": [document.header(name, *told) for name, told in headers.items()],
        "requestBody": {"required": True, "content": content["Happened"]},
        "responses": {"200": {"description": "Final.", "headers": signed_by_you, "content": content["Told"]}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kashu 卡枢 attestation", "version": __version__, "description": ABOUT},
        "paths": {EVENTS: {"post": call}},
        "components": {"schemas": schemas},
    }
