"""Structured logs: JSON lines on stderr with the call's id; personal data only as masked fields."""

import contextvars
import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

_call_id: contextvars.ContextVar[str] = contextvars.ContextVar("call_id", default="")
PERSONAL = frozenset({"number", "caller", "caller_name", "name", "text", "digits", "key", "contact", "answers"})


@contextmanager
def about_call(call_id: str) -> Iterator[None]:
    """Every log line inside the block carries this call's id."""
    token = _call_id.set(call_id)
    try:
        yield
    finally:
        _call_id.reset(token)


def mask(value: str) -> str:
    """Keep the first three and the last two characters of a longer value, nothing of a short one."""
    return f"{value[:3]}***{value[-2:]}" if len(value) >= 8 else "***"


def _protect(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in PERSONAL & event.keys():
        event[field] = mask(str(event[field]))
    if call_id := _call_id.get():
        event.setdefault("call_id", call_id)
    return event


def configure_logs(process: str, *, level: str = "INFO", pretty: bool = False) -> None:
    """Set up logging of this process once, for structlog and the standard library alike."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _protect,
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(ensure_ascii=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _with_process(process), renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "dbos", "alembic", "panoramisk", "uvicorn.access", "jieba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _with_process(process: str) -> Any:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add
