"""Mends the ledger from the second witness after a gap, and says what it mended."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from core.facts import Fact
from ivr.calls.cel import CelEvent, Witnessed, witness
from ivr.calls.ledger import facts_of, record
from ivr.calls.models import Call
from ivr.facts import (
    CallArrived,
    CallBackKept,
    CallEnded,
    CallerAskedForHuman,
    CallRefused,
    CallRepaired,
    FallbackTaken,
    SeatAnswered,
    TalkEnded,
)

BATCH = 200
F = TypeVar("F", bound=Fact)
_WORDS: dict[type[Fact], str] = {
    CallArrived: "来电",
    CallerAskedForHuman: "转人工",
    FallbackTaken: "转入备用队列",
    SeatAnswered: "坐席接听",
    TalkEnded: "通话结束",
    CallEnded: "来电结束",
    CallRefused: "线路占满",
}


def repair(session: Session, events: Iterable[CelEvent], live_ids: Collection[str], *, node: str = "") -> list[Fact]:
    """Compare the log with the ledger, store what is missing and give it back.

    `live_ids` are the calls that the PBX holds now, asked for before the log was read. Facts that are still on
    their way to the database must have arrived: they would be mended as well (harmless, but said to be mended).
    """
    seen = witness(events)
    calls = sorted(set(seen) | set(session.exec(select(Call.id).where(col(Call.ended_at).is_(None)))))
    missing: list[Fact] = []
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        known: dict[str | None, list[Fact]] = {}
        for fact in facts_of(session, batch):
            known.setdefault(fact.call_id, []).append(fact)
        for call_id in batch:
            is_live = call_id in live_ids
            missing += missing_facts(known.get(call_id, []), seen.get(call_id), call_id, is_live=is_live, node=node)
    record(session, missing)
    return missing


def missing_facts(
    known: Sequence[Fact], told: Witnessed | None, call_id: str, *, is_live: bool, node: str = ""
) -> list[Fact]:
    """What the ledger does not know of one call, with a last fact that says so; empty when nothing is missing.

    `told` is None for a call of which the log says nothing.
    """
    told = told or Witnessed(call_id)
    if not known and told.arrived_at is None:
        return []
    if told.is_call_back and not told.talks and not _of(known, CallBackKept):
        return []  # nobody but a machine answered: no call of anybody
    origin: dict[str, Any] = {"call_id": call_id, "node": node, "source": "cel"}
    found = [*_beginning(known, told, origin), *_talks(known, told, origin)]
    what = ""
    ends = _of(known, CallEnded)
    if told.ended_at is not None and all(end.cause == "pbx_lost" for end in ends):
        cause: Any = told.ended_by
        identity = CallEnded.once(call_id)
        found.append(CallEnded(id=identity, at=told.ended_at, cause=cause, detail=told.ended_detail, **origin))
    elif told.ended_at is None and not ends and not is_live:
        found += _lost([*known, *found], told, call_id, origin)
        what = "交换机中断，结束时间为最后已知时刻；"
    if found:
        what += "根据交换机日志补记：" + "、".join(dict.fromkeys(_WORDS[type(fact)] for fact in found))
        at = max(fact.at for fact in found)
        found.append(CallRepaired(id=CallRepaired.once(call_id, what), at=at, what=what[:200], **origin))
    return found


def _beginning(known: Sequence[Fact], told: Witnessed, origin: dict[str, Any]) -> list[Fact]:
    found: list[Fact] = []
    if told.arrived_at is not None and not _of(known, CallArrived):
        identity = CallArrived.once(told.call_id)
        found.append(CallArrived(id=identity, at=told.arrived_at, caller=told.caller, line=told.line, **origin))
    if told.is_refused and told.arrived_at is not None and not _of(known, CallRefused):
        found.append(CallRefused(id=CallRefused.once(told.call_id), at=told.arrived_at, why="full", **origin))
    if told.asked_at is not None and not _of(known, CallerAskedForHuman):
        found.append(CallerAskedForHuman(id=CallerAskedForHuman.once(told.call_id), at=told.asked_at, **origin))
    if told.fallback_at is not None and not _of(known, FallbackTaken):
        identity = FallbackTaken.once(told.call_id)
        found.append(FallbackTaken(id=identity, at=told.fallback_at, why="telephony_not_serving", **origin))
    return found


def _talks(known: Sequence[Fact], told: Witnessed, origin: dict[str, Any]) -> list[Fact]:
    """Talks are matched by seat and order, because two witnesses never have the same microsecond."""
    answered = [fact.seat for fact in _of(known, SeatAnswered)]
    ended = [fact.seat for fact in _of(known, TalkEnded)]
    found: list[Fact] = []
    for number, talk in enumerate(told.talks, 1):
        seat, key = talk.seat, (told.call_id, talk.seat, str(number))
        if seat in answered:
            answered.remove(seat)
        else:
            identity, fallback = SeatAnswered.once(*key), talk.via_fallback
            found.append(SeatAnswered(id=identity, at=talk.began_at, seat=seat, via_fallback=fallback, **origin))
        if talk.ended_at is None:
            continue
        if seat in ended:
            ended.remove(seat)
        else:
            by: Any = talk.by
            found.append(TalkEnded(id=TalkEnded.once(*key), at=talk.ended_at, seat=seat, by=by, **origin))
    return found


def _lost(facts: Sequence[Fact], told: Witnessed, call_id: str, origin: dict[str, Any]) -> list[Fact]:
    """The PBX is gone with the call: it ended at the last moment that anybody knows of.

    Its id differs from that of a seen end, which therefore still counts when it turns up later.
    """
    moments: list[datetime] = [fact.at for fact in facts] + ([told.last_at] if told.last_at else [])
    at = max(moments)
    found: list[Fact] = []
    answers, ends = _of(facts, SeatAnswered), _of(facts, TalkEnded)
    if len(answers) > len(ends):
        seat = max(answers, key=lambda fact: fact.at).seat
        identity = TalkEnded.once(call_id, seat, "lost")
        found.append(TalkEnded(id=identity, at=at, seat=seat, by="system", **origin))
    identity = CallEnded.once(call_id, "lost")
    found.append(CallEnded(id=identity, at=at, cause="pbx_lost", detail="no end in the event log", **origin))
    return found


def _of(facts: Sequence[Fact], kind: type[F]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, kind)]
