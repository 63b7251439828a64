from __future__ import annotations

import socket


def free_port(many: int = 1) -> int:
    """A port with `many - 1` free ones after it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        if first + many < 65_000 and all(_is_free(first + at) for at in range(many)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
