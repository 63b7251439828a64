"""The whole house, started as a user starts it, on ports and a folder of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 120
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


@dataclass
class Running:
    """A running Kashu."""

    port: int
    var: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {**clean_env(), "KASHU_PORT": str(self.port), "KASHU_VAR": str(self.var)}

    def kashu(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kashu", *words], cwd=ROOT, env=self.env, check=check, capture_output=True, text=True
        )

    def login(self, role: str) -> dict[str, str]:
        return next(one for one in json.loads((self.var / "demo-logins.json").read_text()) if one["role"] == role)

    def children(self) -> dict[str, psutil.Process]:
        """Our processes by what they are."""
        names = {"kashu till": "till", "kashu worker": "worker", "granian": "web", "sandbox.app": "sandbox"}
        found = {}
        for child in psutil.Process(self.process.pid).children():
            line = " ".join(child.cmdline())
            found |= {name: child for words, name in names.items() if words in line}
        return found

    def until_ready(self, seconds: int = START_SECONDS) -> None:
        """Wait until web and till answer and the worker has beaten lately."""
        deadline = time.monotonic() + seconds
        with httpx.Client(trust_env=False, timeout=3) as http:
            while True:
                try:
                    told = http.get(f"{self.url}/readyz").json()
                    if (
                        told["worker"] == told["database"] == "ok"
                        and http.get(f"http://127.0.0.1:{self.port + 1}/healthz").status_code == 200
                    ):
                        return
                except (httpx.HTTPError, ValueError, KeyError):
                    pass
                assert self.process.poll() is None, self.log.read_text()[-3_000:]
                assert time.monotonic() < deadline, self.log.read_text()[-3_000:]
                time.sleep(0.2)


def clean_env() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KASHU_") and name != "DJANGO_SETTINGS_MODULE"
    }


def start(var: Path, port: int, **settings: str) -> Running:
    log = var.parent / f"{var.name}.log"
    env = {**clean_env(), "KASHU_PORT": str(port), "KASHU_VAR": str(var), **settings}
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "kashu", "serve"], cwd=ROOT, env=env, stdout=out, stderr=out)
    running = Running(port, var, process, log)
    running.until_ready()
    return running


def stop(running: Running) -> None:
    running.process.terminate()  # not SIGINT: under nohup that is ignored, and rightly
    running.process.wait(60)


@pytest.fixture(scope="session")
def kashu() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="kashu-journey-"))
    folder.chmod(0o711)
    running = start(folder / "var", free_port(4))
    yield running
    stop(running)


@pytest.fixture(scope="module")
def chromium():
    """A browser for one module: its loop must not outlive it, or no other test could run one of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        told = {
            "args": ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
        }
        if os.environ.get("CHROMIUM"):
            told["executable_path"] = os.environ["CHROMIUM"]
        elif Path("/usr/bin/chromium").exists():
            told["executable_path"] = "/usr/bin/chromium"
        browser = playwright.chromium.launch(**told)
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium, kashu):
    yield from page_of(chromium, kashu, {"width": 390, "height": 844}, is_mobile=True)


@pytest.fixture
def desk(chromium, kashu):
    yield from page_of(chromium, kashu, {"width": 1440, "height": 900}, is_mobile=False)


@pytest.fixture(scope="module")
def signed_in(chromium, kashu):
    """`signed_in(role)`: the cookies of somebody at the desk; a code works once in thirty seconds, so once for a module."""
    from tests.journeys.steps import sign_in

    known = {}

    def cookies(role):
        if role not in known:
            context = chromium.new_context(locale="zh-CN", base_url=kashu.url)
            sign_in(context.new_page(), kashu, role)
            known[role] = context.storage_state()
            context.close()
        return known[role]

    return cookies


def page_of(chromium, kashu, viewport, *, is_mobile, cookies=None):
    """A page of a browser of its own, that fails the test at its end on any script error or blocked resource."""
    context = chromium.new_context(viewport=viewport, locale="zh-CN", base_url=kashu.url, has_touch=is_mobile,
                                   user_agent=PHONE if is_mobile else None, storage_state=cookies)  # fmt: skip
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda told: troubles.append(told.text) if told.type == "error" and "status of 4" not in told.text else None,
    )
    yield page
    context.close()
    assert troubles == []


def totp(secret: str) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"
