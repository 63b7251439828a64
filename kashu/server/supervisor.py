"""One parent for all processes: starts them, starts them again when they fall, stops them in order."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

BACKOFF_SECONDS_MAX = 30
STOP_SECONDS = 15
STEADY_SECONDS = 30


class AlreadyRunningError(Exception):
    """Another Kashu runs on this folder, or holds one of our ports."""


@dataclass
class Child:
    """A process we answer for."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0
    due: float = 0.0


class Supervisor:
    def __init__(self, folder: Path, children: list[Child], say: Callable[[str], None]) -> None:
        self._folder, self._children, self._say = folder, children, say
        self._is_stopping = False
        self._lock: IO[str] | None = None

    def claim(self, ports: dict[str, int], host: str) -> None:
        """Make sure that nobody else runs on this folder or these ports, before anything is started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / ".serving").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            raise AlreadyRunningError(
                f"Kashu already runs on {self._folder} (process {self._lock.read().strip()})"
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        for name, port in ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError:
                    raise AlreadyRunningError(
                        f"port {port} ({name}) is taken; choose another with KASHU_PORT"
                    ) from None

    def run(self, after_start: Callable[[], None]) -> None:
        """Start every child, tend them until a signal comes, stop them all."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means what it says
                signal.signal(number, self._on_signal)
        try:
            for child in self._children:
                self._start(child)
            after_start()
            while not self._is_stopping:
                self._tend()
                time.sleep(0.2)
        finally:
            self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _start(self, child: Child) -> None:
        # Its own session: Ctrl-C reaches us alone, and we stop the children in order.
        child.process = subprocess.Popen(child.command, start_new_session=True, stdin=subprocess.DEVNULL)  # noqa: S603
        child.started = time.monotonic()

    def _tend(self) -> None:
        for child in self._children:
            now = time.monotonic()
            if child.process is not None and child.process.poll() is not None:
                steady = now - child.started > STEADY_SECONDS
                child.falls = 1 if steady else child.falls + 1
                wait = min(2 ** (child.falls - 1), BACKOFF_SECONDS_MAX)
                _end_family(child.process)
                self._say(f"{child.name} ended with {child.process.returncode}; starting it again in {wait} s")
                child.process, child.due = None, now + wait
            if child.process is None and now >= child.due:
                self._start(child)

    def _stop(self) -> None:
        running = [
            child for child in reversed(self._children) if child.process is not None and child.process.poll() is None
        ]
        for child in running:
            assert child.process is not None
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} does not stop; killing it")
                child.process.kill()
                child.process.wait()
            _end_family(child.process)


def _end_family(leader: subprocess.Popen[bytes]) -> None:
    """A dead child's own children would keep its port from the next one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)


def python(*words: str) -> list[str]:
    return [sys.executable, *words]
