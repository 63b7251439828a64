"""A house of its own for measuring: a folder, a database, nothing of it shared."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder() -> Iterator[Path]:
    """A scratch folder that the database's own user can reach."""
    made = Path(tempfile.mkdtemp(prefix="kashu-bench-"))
    made.chmod(0o711)
    for name in [name for name in os.environ if name.startswith("KASHU_")]:
        del os.environ[name]
    os.environ["KASHU_VAR"] = str(made / "var")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class House:
    """A filled shop in a process of its own: settings and Django belong to a process. `keep` answers what is asked."""

    def __init__(self, keep: Callable[..., None], *told: int) -> None:
        self._end, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=keep, args=(there, *told))
        self._process.start()
        there.close()

    def ask(self, what: str):
        self._end.send(what)
        return self._end.recv()

    def close(self) -> None:
        self._end.close()
        self._process.join()
