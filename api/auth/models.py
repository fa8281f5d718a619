"""Users, sessions that were ended, tries to sign in, and the audit trail."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class User(SQLModel, table=True):
    """A person who may sign in."""

    __tablename__ = "users"

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True, max_length=64)
    display_name: str = Field(max_length=64)
    role: str = Field(max_length=16)  # agent leader operations department admin
    password_hash: str = Field(max_length=200)
    seat: str | None = Field(default=None, max_length=16)
    department: str | None = Field(default=None, max_length=64)
    active: bool = True
    epoch: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # one more: every open session is over
    oidc_subject: str | None = Field(default=None, unique=True, max_length=255)  # issuer and subject of the provider
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    signed_in_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class EndedSession(SQLModel, table=True):
    """A session that was signed out before its time; kept until its cookie would have run out anyway."""

    __tablename__ = "ended_sessions"

    id: str = Field(primary_key=True, max_length=43)
    runs_out_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))


class SigninTry(SQLModel, table=True):
    """A try to sign in that was not (yet) a success, by login and by address; see api/auth/throttle.py."""

    __tablename__ = "signin_tries"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=32, index=True)  # keyed hash: what was typed as a login may have been a password
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))


class AuditLine(SQLModel, table=True):
    """Who looked at or changed what; never changed."""

    __tablename__ = "audit"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    actor: str = Field(max_length=64)
    action: str = Field(max_length=40)
    subject: str = Field(max_length=100)
    detail: str = Field(default="", max_length=300)
