from __future__ import annotations

import asyncio
import threading

import pytest

from sandbox.app import Sandbox
from sandbox.messages import box
from sandbox.messages.smtp import Sink
from tests.listening import listening
from tests.ports import free_port


class World:
    """The three vendors over real HTTP; `fault` switches what goes wrong at one of them."""

    def __init__(self, app, port):
        self.app, self.url = app, f"http://127.0.0.1:{port}"

    def at(self, vendor):
        return f"{self.url}/sms/{vendor}/"

    def fault(self, vendor, seed=1, callback="", receipt_seconds=0.0, **rates):
        import httpx

        told = {
            "vendor": vendor,
            "rates": rates,
            "seed": seed,
            "callback": callback,
            "receipt_seconds": receipt_seconds,
        }
        assert httpx.post(f"{self.url}/sms/control", json=told, trust_env=False).status_code == 200

    def sent(self, vendor):
        return self.app.sms.sent[vendor]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    port = free_port()
    app = Sandbox(port, tmp_path_factory.mktemp("sandbox"))
    with listening(app, port):
        yield World(app, port)


@pytest.fixture
def world(running, monkeypatch):
    monkeypatch.setattr(box, "TIME_OUT_SECONDS", 1.5)
    running.app.sms.sent.clear()
    for vendor in box.VENDORS:
        running.fault(vendor)
    return running


@pytest.fixture
def post_box():
    """A mail server of our own: (its port, what it heard and does)."""
    sink, port, loop = Sink(), free_port(), asyncio.new_event_loop()

    async def begin():
        return await asyncio.start_server(sink.serve, "127.0.0.1", port)

    server = loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield port, sink

    async def end():
        server.close()
        await server.wait_closed()
        others = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(end(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def browser(site):
    """A visitor's browser."""
    from tests import make

    return make.visitor()
