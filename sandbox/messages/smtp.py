"""A sink for mail: speaks enough SMTP to be written to, keeps what it hears, and refuses or falls silent when told to.

python -m sandbox.messages.smtp PORT
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field

LINE_MAX, MAIL_MAX = 1_000, 1_000_000


@dataclass(slots=True)
class Sink:
    """`fault`: "" takes everything, "busy" and "refuse" say so at RCPT (4xx, 5xx), "lose_answer" keeps the mail and hangs up."""

    fault: str = ""
    heard: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, "220 sandbox ESMTP")
        came_from = to = ""
        while line := (await reader.readline())[:LINE_MAX].decode("utf-8", "replace").strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    await _say(writer, "250 sandbox")
                case "MAIL":
                    came_from = _address(rest)
                    await _say(writer, "250 ok")
                case "RCPT":
                    to = _address(rest)
                    await _say(writer, {"busy": "451 later", "refuse": "550 no such user"}.get(self.fault, "250 ok"))
                case "DATA":
                    await _say(writer, "354 go on")
                    self.heard.append((came_from, to, await _mail(reader)))
                    if self.fault == "lose_answer":
                        return
                    await _say(writer, "250 kept")
                case "QUIT":
                    await _say(writer, "221 bye")
                    return
                case _:
                    await _say(writer, "250 ok" if verb.upper() in ("RSET", "NOOP") else "502 not here")


async def _mail(reader: asyncio.StreamReader) -> bytes:
    """Until the line with a dot alone."""
    told = b""
    while (line := await reader.readline()) not in (b".\r\n", b""):
        told += line[1:] if line.startswith(b"..") else line
        if len(told) > MAIL_MAX:
            raise ValueError("too long")
    return told


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


async def _say(writer: asyncio.StreamWriter, told: str) -> None:
    writer.write(f"{told}\r\n".encode())
    await writer.drain()


async def main(port: int) -> None:
    server = await asyncio.start_server(Sink().serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
