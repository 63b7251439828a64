"""A house of its own for measuring: a folder, a database, nothing of it shared."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
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
