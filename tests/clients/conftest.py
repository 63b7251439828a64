"""The Python client on its path, the fixtures of the API's own tests, and a till that listens."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.api.conftest import machine, stocked  # noqa: F401  # fixtures are found by their names here
from tests.clients.serving import listen

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "python"))


@pytest.fixture(scope="module")
def listening(house):
    with listen(house) as address:
        yield address
