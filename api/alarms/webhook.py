"""Telling an alarm to the city's own system: one durable job per alarm, a signed JSON post, tried again for a while."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from api.alarms.models import AlarmRow
from core.calendar import utc_now
from core.db import Database
from core.jobs import Job, job, job_sleep, step
from core.settings import Settings

QUEUE = "alarms"
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # before each further attempt
FINAL = ("delivered", "not_wanted")
TIMEOUT_S = 5.0
SIGNATURE = "X-Hotline-Signature"


@dataclass(frozen=True)
class _Context:
    database: Database
    url: str
    key: str


_context: _Context | None = None


def configure(database: Database, settings: Settings) -> None:
    """Give this process what the job works with; called once by the worker before it starts."""
    global _context
    _context = _Context(database, settings.alarm_webhook_url, settings.alarm_webhook_key)


def wishes(alarms: Sequence[int]) -> list[Job]:
    """The jobs that tell these alarms; enqueuing one again changes nothing."""
    return [Job("tell_alarm", id=f"alarm-{one}", args=(one,), queue=QUEUE) for one in alarms]


@job("tell_alarm")
def tell_alarm(alarm_id: int) -> str:
    """Tell one alarm; gives and keeps the result: `delivered`, or what went wrong the last time."""
    result = _post(alarm_id)
    for pause_s in PAUSES_S:
        if result in FINAL:
            break
        job_sleep(pause_s)
        result = _post(alarm_id)
    _keep(alarm_id, result)
    return result


def signature(key: str, body: bytes) -> str:
    """What the receiver compares: HMAC-SHA256 of the body with the shared key."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def message(row: AlarmRow) -> dict[str, Any]:
    """What is told; no personal data."""
    return {
        "event": "alarm",
        "id": row.id,
        "rule": row.rule,
        "level": row.level,
        "reason": row.reason,
        "reason_en": row.reason_en,
        "value": row.value,
        "limit": row.limit_value,
        "raised_at": row.raised_at.isoformat(),
    }


@step("post_alarm")
def _post(alarm_id: int) -> str:
    context = _known()
    with context.database.reading() as session:
        row = session.get(AlarmRow, alarm_id)
    if row is None or not context.url:
        return "not_wanted"
    body = json.dumps(message(row), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"alarm-{alarm_id}"}
    if context.key:
        headers[SIGNATURE] = signature(context.key, body)
    try:
        reply = httpx.post(context.url, content=body, headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        return type(error).__name__
    return "delivered" if reply.is_success else f"http_{reply.status_code}"


@step("keep_alarm_result", attempts=5)
def _keep(alarm_id: int, result: str) -> None:
    with _known().database.session() as session:
        row = session.get(AlarmRow, alarm_id)
        if row is not None:
            row.told_at, row.told = utc_now(), result[:80]


def _known() -> _Context:
    assert _context is not None, "configure() was not called"  # noqa: S101 - a mistake in the wiring
    return _context
