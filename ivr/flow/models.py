"""Published flows: every version that ever answered calls, and which one does now."""

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from core.db import UtcTime


class FlowVersion(SQLModel, table=True):
    """One version of one flow. At most one of a name is active; with none active the flow's file answers."""

    __tablename__ = "flow_versions"

    name: str = Field(primary_key=True, max_length=48)
    version: str = Field(primary_key=True, max_length=12)
    text: str = Field(sa_column=Column(Text, nullable=False))
    published_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    actor: str = Field(max_length=64)
    active: bool = Field(default=False, index=True)
    activated_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
