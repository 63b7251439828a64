"""The OpenAPI document against the till, by schemathesis: what the document promises is what a machine is answered."""

from __future__ import annotations

import pytest
import schemathesis
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase, negated_parameters
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kashu.kernel.paging import encode_cursor
from kashu.wire.open import document
from tests.clients.serving import listen

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
SIGNING = {"Kashu-Key", "Kashu-Timestamp", "Kashu-Nonce", "Kashu-Signature"}
CASES = 60
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 1,
        "generation": {"deterministic": True, "max-examples": CASES, "database": "none"},
        "suppress-health-check": ["all"],
        # 413 is how a target that is too long is refused, whatever else is wrong with it.
        "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}},
    }
)
SCHEMA = schemathesis.openapi.from_dict(document.make("http://till"), config=CONFIG)


class Signed(AuthBase):
    """Signs what is really sent. What a case spoils on purpose stays spoilt."""

    def __init__(self, machine, spoilt):
        self.machine, self.spoilt = machine, spoilt

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        target = request.path_url
        key = text_of(request, "Idempotency-Key")
        fresh = self.machine.signed(request.method, target, body, key)
        request.headers.update({name: fresh[name] for name in SIGNING - {"Kashu-Signature"} - self.spoilt})
        if "Kashu-Signature" not in self.spoilt:
            sent = {"stamp": text_of(request, "Kashu-Timestamp"), "nonce": text_of(request, "Kashu-Nonce")}
            signed = self.machine.signed(request.method, target, body, key, **sent)
            request.headers["Kashu-Signature"] = signed["Kashu-Signature"]
        return request


def text_of(request, name):
    header = request.headers.get(name, "")
    return header.decode("latin-1") if isinstance(header, bytes) else header


def spoilt_by(case):
    """The signing headers that a case has wrong; all of them where it has the headers as a whole wrong."""
    if case.meta is None or not case.meta.generation.mode.is_negative:
        return set()
    named = {name for name, where in negated_parameters(case.meta) if where == ParameterLocation.HEADER}
    mutations = getattr(case.meta.phase.data, "mutations", ())
    at_large = any(one.parameter is None and one.parameter_location == ParameterLocation.HEADER for one in mutations)
    return SIGNING if at_large else {name for name in SIGNING if name.lower() in {one.lower() for one in named}}


def check(case, listening, buyer):
    response = case.call(base_url=listening, auth=Signed(buyer, spoilt_by(case)))
    case.validate_response(response, checks=CHECKS)
    return response


@pytest.fixture(scope="module")
def listening(house):
    with listen(house) as address:
        yield address


@pytest.fixture
def buyer(machine):
    return machine(100_000_000, per_second=10_000)


@pytest.fixture
def sku(stocked):
    return stocked(50)


@SCHEMA.parametrize()
def test_every_answer_is_in_the_document(case, listening, buyer, sku):
    is_right = case.meta.generation.mode.is_positive and isinstance(case.body, dict)
    if is_right and case.meta.phase.name == TestPhase.FUZZING and "quantity" in case.body:
        # Nobody guesses a code that exists, and seldom a quantity that a shelf holds.
        case.body |= {"sku": sku.code, "quantity": 1 + int(case.body["quantity"]) % 5}
    response = check(case, listening, buyer)
    # A cursor cannot be guessed, so that a right query may still be refused; a right body may not.
    if is_right and response.status_code >= 400:
        assert response.json()["code"] not in ("malformed", "invalid")


def test_every_success_is_in_the_document(listening, buyer, sku):
    asked = {"sku": sku.code, "quantity": 2, "reference": "PO 1"}
    buy = SCHEMA["/open/v1/purchases"]["POST"].Case(
        body=asked, headers={"Idempotency-Key": "once"}, media_type="application/json"
    )
    first, again = check(buy, listening, buyer), check(buy, listening, buyer)
    assert (first.status_code, again.json()) == (201, first.json())

    by_id = SCHEMA["/open/v1/orders/{id}"]["GET"].Case(path_parameters={"id": first.json()["id"]})
    by_reference = SCHEMA["/open/v1/orders"]["GET"].Case(query={"reference": "PO 1"})
    assert [check(case, listening, buyer).json() for case in (by_id, by_reference)] == [first.json()] * 2
    for path in ("skus", "account", "statements"):
        assert check(SCHEMA[f"/open/v1/{path}"]["GET"].Case(), listening, buyer).status_code == 200


@pytest.mark.parametrize("part", ["\ud800", "\x00"])
@pytest.mark.parametrize("path", ["skus", "statements"])
def test_a_cursor_of_no_text_is_refused(listening, buyer, path, part):
    """Cursors are opaque, so that no generator finds these."""
    case = SCHEMA[f"/open/v1/{path}"]["GET"].Case(query={"after": encode_cursor(part)})
    assert check(case, listening, buyer).status_code == 422


@pytest.mark.parametrize("field", ["sku", "reference"])
def test_a_pattern_ends_where_the_text_ends(listening, buyer, sku, field):
    """`$` matches before a last line break in Python, not in JSON Schema."""
    asked = {"sku": sku.code, "quantity": 1, "reference": "PO 2"}
    asked[field] += "\n"
    case = SCHEMA["/open/v1/purchases"]["POST"].Case(
        body=asked, headers={"Idempotency-Key": field}, media_type="application/json"
    )
    response = check(case, listening, buyer)
    assert (response.status_code, response.json().get("code")) == (422, "invalid")


def test_a_reference_that_is_too_long_finds_nothing(listening, buyer, sku):
    reference = "R" * 64
    buy = SCHEMA["/open/v1/purchases"]["POST"].Case(
        body={"sku": sku.code, "quantity": 1, "reference": reference},
        headers={"Idempotency-Key": "long"},
        media_type="application/json",
    )
    assert check(buy, listening, buyer).status_code == 201
    longer = SCHEMA["/open/v1/orders"]["GET"].Case(query={"reference": f"{reference}S"})
    assert check(longer, listening, buyer).status_code == 422
