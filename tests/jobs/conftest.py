"""What tests of jobs that call the world share: a running sandbox, where each finds its twin."""

from __future__ import annotations

import pytest

from sandbox.app import Sandbox
from tests.listening import listening
from tests.ports import free_port


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """Where it answers, and where its secrets lie."""
    folder, port = tmp_path_factory.mktemp("sandbox"), free_port()
    with listening(Sandbox(port, folder), port) as url:
        yield url, folder
