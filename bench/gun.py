"""A load generator in a process of its own: requests made and signed beforehand, kept-alive connections, closed loop."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import multiprocessing
import secrets
import time
from dataclasses import dataclass, field

import psutil


@dataclass
class Hits:
    """What came back: seconds in all, latency and status of each request, CPU seconds of the gun itself."""

    seconds: float
    latencies: list[float] = field(repr=False)
    statuses: dict[int, int]
    bodies: list[bytes] = field(repr=False, default_factory=list)

    def at(self, share: float) -> float:
        told = sorted(self.latencies)
        return told[min(len(told) - 1, int(len(told) * share))]


def signed(key_id: str, secret: str, method: str, target: str, body: bytes = b"", key: str = "") -> bytes:
    """A whole HTTP/1.1 request of a machine."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(12)
    told = f"{method}\n{target}\n{stamp}\n{nonce}\n{key}\n{hashlib.sha256(body).hexdigest()}"
    sign = hmac.new(secret.encode(), told.encode(), hashlib.sha256).hexdigest()
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: till\r\nKashu-Key: {key_id}\r\nKashu-Timestamp: {stamp}\r\n"
        f"Kashu-Nonce: {nonce}\r\nKashu-Signature: {sign}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def plain(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"{method} {target} HTTP/1.1\r\nHost: till\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def fire(port: int, requests: list[bytes], connections: int, per_second: float = 0, *, keep: bool = False) -> Hits:
    """Send the requests over so many connections; with a rate, each leaves at its own time, late ones at once."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_child, args=(there, port, connections, per_second, keep)
    )
    process.start()
    here.send(requests)
    told: Hits = here.recv()
    process.join()
    return told


def _child(end, port: int, connections: int, per_second: float, keep: bool) -> None:
    import uvloop

    requests = end.recv()
    end.send(uvloop.run(_fire(port, requests, connections, per_second, keep)))


async def _fire(port: int, requests: list[bytes], connections: int, per_second: float, keep: bool) -> Hits:
    loop = asyncio.get_running_loop()
    lines = [await loop.create_connection(Line, "127.0.0.1", port) for _ in range(connections)]
    latencies, statuses, bodies = [], {}, []
    coming = iter(enumerate(requests))
    begun = time.perf_counter()

    async def work(line: Line) -> None:
        for place, request in coming:
            due = begun + place / per_second if per_second else 0.0
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            sent = max(due, time.perf_counter()) if not per_second else due
            status, body = await line.ask(request)
            latencies.append(time.perf_counter() - sent)
            statuses[status] = statuses.get(status, 0) + 1
            if keep:
                bodies.append(body)

    await asyncio.gather(*(work(line) for _, line in lines))
    seconds = time.perf_counter() - begun
    for _, line in lines:
        line.close()
    return Hits(seconds, latencies, statuses, bodies)


class Line(asyncio.Protocol):
    """One connection: a request out, a response in."""

    def __init__(self) -> None:
        self._transport = None
        self._got = b""
        self._future: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport) -> None:
        self._transport = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self._future = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._future

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, rest = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, after = head.lower().partition(b"content-length:")
        if len(rest) >= int(after.split(b"\r\n", 1)[0]):
            self._got = b""
            self._future.set_result((int(head[9:12]), rest))

    def connection_lost(self, _exc) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result((0, b""))


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and all its children, those that have ended included."""
    process = psutil.Process(pid)
    told = process.cpu_times()
    total = told.user + told.system + told.children_user + told.children_system
    for child in process.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
