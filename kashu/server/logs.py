"""Logs: one JSON line an event, on standard error. Exceptions go without the values their frames held."""

from __future__ import annotations

import logging

import structlog


def configure(level: str, process: str) -> None:
    """Route `logging` through structlog; a record's `extra` becomes its fields."""
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,  # type: ignore[arg-type]  # processors of several kinds
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _named(process),
            structlog.processors.format_exc_info,
            _without_details,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "procrastinate", "asyncio", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Django names paths in these, and our paths carry order tokens; `Observe` logs the view's name instead.
    for telling in ("django.request", "django.security.csrf"):
        logging.getLogger(telling).addFilter(_without_paths)


def _without_paths(record: logging.LogRecord) -> bool:
    record.msg, record.args = record.name + (".failed" if record.exc_info else ".refused"), None
    for name in ("request", "status_code"):
        record.__dict__.pop(name, None)
    return True


def _without_details(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """PostgreSQL's DETAIL shows the row that failed, and rows hold tokens."""
    if isinstance(event.get("exception"), str):
        kept = [
            line for line in event["exception"].splitlines() if not line.lstrip().startswith(("DETAIL:", "CONTEXT:"))
        ]
        event["exception"] = "\n".join(kept)
    return event


def _named(process: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    return add
