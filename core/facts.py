"""Facts: what happened, in the past tense, kept for ever in one table; everything else is derived from them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from random import getrandbits
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, BigInteger, Column, Index, Integer
from sqlmodel import Field as Col
from sqlmodel import Session, SQLModel

from core.calendar import UtcDatetime
from core.db import UtcTime, insert_each_once, insert_once

_REGISTRY: dict[str, type["Fact"]] = {}


class Fact(BaseModel):
    """Something that happened.

    Two facts with the same `id` are the same fact: it is stored once. A fact that can happen only once in a call
    gets its id from `once()`, so that two witnesses (AGI, AMI, CEL) of one event make one row.
    """

    # Inputs are hidden in errors: an error may be logged, and facts hold numbers and names.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    is_abstract: ClassVar[bool] = False

    id: str = Field(
        default_factory=lambda: str(UUID(int=getrandbits(128), version=4))
    )  # uuid4 asks the kernel each time
    at: UtcDatetime
    call_id: str | None = None  # Asterisk's Linkedid of the call, None where no call is meant
    node: str = ""  # which PBX or process saw it
    source: str = "live"  # live | cel | resync: how it became known

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__name__ in _REGISTRY:
            raise TypeError(f"two facts are called {cls.__name__}")
        _REGISTRY[cls.__name__] = cls

    @classmethod
    def once(cls, *key: str) -> str:
        """The id of the one fact of this kind for this key (usually the call's id)."""
        return str(uuid5(NAMESPACE_URL, "/".join(("hotline", cls.__name__, *key))))


class FactRow(SQLModel, table=True):
    """A stored fact; `seq` is the order of storing, `at` the moment it happened."""

    __tablename__ = "facts"
    __table_args__ = (Index("ix_facts_undelivered", "delivered_at", "seq"),)

    # A province stores a billion facts a year; SQLite numbers rows by itself only where the column is INTEGER.
    seq: int | None = Col(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    id: str = Col(unique=True, max_length=36)
    name: str = Col(index=True, max_length=64)
    call_id: str | None = Col(default=None, index=True, max_length=80)
    at: datetime = Col(sa_column=Column(UtcTime, nullable=False, index=True))
    node: str = Col(default="", max_length=64)
    source: str = Col(default="live", max_length=16)
    payload: dict[str, Any] = Col(default_factory=dict, sa_column=Column(JSON, nullable=False))
    delivered_at: datetime | None = Col(default=None, sa_column=Column(UtcTime))
    attempts: int = 0
    retry_at: datetime | None = Col(default=None, sa_column=Column(UtcTime))
    last_error: str | None = Col(default=None, max_length=200)


_COLUMNS = ("id", "at", "call_id", "node", "source")
_IN_COLUMNS = set(_COLUMNS)


def publish(session: Session, fact: Fact) -> bool:
    """Store a fact in the caller's transaction; False when it was stored before."""
    return insert_once(session, FactRow, _stored(fact))


def publish_all(session: Session, facts: Sequence[Fact]) -> set[str]:
    """Store facts in this order, all in one statement; gives the ids of those that were not stored before."""
    return insert_each_once(session, FactRow, [_stored(fact) for fact in facts], "id")


def _stored(fact: Fact) -> dict[str, Any]:
    payload = fact.model_dump(mode="json", exclude=_IN_COLUMNS)
    columns = {name: getattr(fact, name) for name in _COLUMNS}
    return {**columns, "name": type(fact).__name__, "payload": payload, "attempts": 0}


def restore(row: FactRow) -> Fact:
    """The fact that a row holds; KeyError when its class no longer exists."""
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return load_fact(row.name, {**columns, **row.payload})


def load_fact(name: str, values: Mapping[str, Any]) -> Fact:
    """A fact by the name of its class; KeyError when there is no such class, ValueError when it does not fit."""
    return _REGISTRY[name].model_validate(values)


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """Facts by the moment they happened; equal moments keep the order in which they were stored."""
    return sorted(facts, key=lambda fact: fact.at)
