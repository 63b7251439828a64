"""`script/bench page [REQUESTS]`: a cold load of a product page in bytes on the wire, and its server's CPU against a
Django page of one query (bars: 60 KB; 3 ×)."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from bench import house

ROOT = Path(__file__).parent.parent
PORT = 8700
SLUG = "zhiwei-year"


def main(requests: int) -> None:
    with house.folder() as made:
        env = {**os.environ, "KASHU_PORT": str(PORT)}
        log = (made / "log").open("wb")
        kashu = subprocess.Popen([sys.executable, "-m", "kashu", "serve"], cwd=ROOT, env=env, stdout=log, stderr=log)
        plain = None
        try:
            wait(f"http://127.0.0.1:{PORT}/readyz", made / "log")
            words = [
                "--interface",
                "wsgi",
                "--port",
                str(PORT + 9),
                "--workers",
                "1",
                "--blocking-threads",
                "4",
                "--no-ws",
                "--log-level",
                "error",
            ]
            plain = subprocess.Popen(
                [sys.executable, "-m", "granian", *words, "bench.one_query:application"],
                cwd=ROOT,
                env=env,
                stdout=log,
                stderr=log,
            )
            wait(f"http://127.0.0.1:{PORT + 9}/one", made / "log")
            web = next(one for one in psutil.Process(kashu.pid).children() if "granian" in " ".join(one.cmdline()))
            addresses = {web.pid: f"http://127.0.0.1:{PORT}/s/{SLUG}", plain.pid: f"http://127.0.0.1:{PORT + 9}/one"}
            total = wire_bytes(f"/s/{SLUG}")
            rounds = [[cpu_ms(pid, url, requests) for pid, url in addresses.items()] for _ in range(5)]
        finally:
            for process in (plain, kashu):
                if process is not None:
                    process.send_signal(signal.SIGINT)
                    process.wait(60)
    ours, other = (sorted(column)[len(column) // 2] for column in zip(*rounds, strict=True))
    print(f"page ratio={ours / other:.2f} kb={total / 1000:.1f} cpu_ms={ours:.2f} one_query_cpu_ms={other:.2f}")


def cpu_ms(pid: int, url: str, requests: int) -> float:
    """CPU of a server and its workers per request."""
    with httpx.Client(trust_env=False, headers={"accept-encoding": "gzip", "accept-language": "zh-CN"}) as http:
        for _ in range(20):
            http.get(url).raise_for_status()
        before = seconds_of(pid)
        for _ in range(requests):
            http.get(url).raise_for_status()
    return (seconds_of(pid) - before) * 1000 / requests


def seconds_of(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(one.cpu_times().user + one.cpu_times().system for one in [process, *process.children(recursive=True)])


def wire_bytes(path: str) -> int:
    """Everything a cold browser fetches for a page, headers included."""
    head, body = fetch(path)
    import gzip

    html = gzip.decompress(body).decode() if b"gzip" in head else body.decode()
    found = set(re.findall(r'(?:src|href)="(/(?:static|img)/[^"]+)"', html))
    print(f"{path}: {len(head) + len(body)} bytes, then {sorted(found)}")
    return len(head) + len(body) + sum(sum(map(len, fetch(one))) for one in found)


def fetch(path: str) -> tuple[bytes, bytes]:
    with socket.create_connection(("127.0.0.1", PORT)) as wire:
        told = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nAccept-Language: zh-CN\r\nConnection: close\r\n\r\n"
        wire.sendall(told.encode())
        raw = b""
        while chunk := wire.recv(65_536):
            raw += chunk
    head, body = raw.split(b"\r\n\r\n", 1)
    assert b" 200 " in head.split(b"\r\n")[0], head
    return head + b"\r\n\r\n", unchunked(body) if b"chunked" in head.lower() else body


def unchunked(body: bytes) -> bytes:
    out = b""
    while body:
        size, body = body.split(b"\r\n", 1)
        out, body = out + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return out


def wait(url: str, log: Path, seconds: int = 90) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(url, trust_env=False, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit(log.read_text()[-3_000:])
        time.sleep(0.2)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
