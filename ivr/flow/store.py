"""Publishing flows and going back; the facts table keeps who did it when."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from core.errors import NotFound, Refused
from core.facts import publish as publish_fact
from ivr.facts import FlowPublished
from ivr.flow.models import FlowVersion


def publish(session: Session, name: str, version: str, text: str, *, actor: str, now: datetime) -> FlowVersion:
    """Make this text the flow that new calls run. The caller has checked it. Refused when it is active already."""
    row = session.get(FlowVersion, (name, version))
    if row is None:
        row = FlowVersion(name=name, version=version, text=text, published_at=now, actor=actor, activated_at=now)
    elif row.active:
        raise Refused(f"version {version} of {name} answers calls already", code="flow_active")
    _activate(session, name, row, actor=actor, now=now)
    return row


def roll_back(session: Session, name: str, to: str, *, actor: str, now: datetime) -> FlowVersion | None:
    """Go back to a version, or to the one that was active before when `to` is empty; None: to the flow's file.

    NotFound for a version that was never published, Refused when there is nothing to go back from.
    """
    active = _active(session, name)
    if to:
        row = session.get(FlowVersion, (name, to))
        if row is None:
            known = ", ".join(one.version for one in versions(session, name)) or "none"
            message = f"version {to} of {name} was never published"
            raise NotFound(message, code="flow_version_unknown", mend=f"published are: {known}")
        if row.active:
            raise Refused(f"version {to} of {name} answers calls already", code="flow_active")
    elif active is None:
        raise Refused(f"flow {name} was not published: its file answers calls", code="flow_not_published")
    else:
        row = next((one for one in versions(session, name) if one.activated_at < active.activated_at), None)
    _activate(session, name, row, actor=actor, now=now)
    return row


def versions(session: Session, name: str = "") -> list[FlowVersion]:
    """Published versions of one flow or of all, by name, the one activated last first."""
    wanted = select(FlowVersion).where(FlowVersion.name == name) if name else select(FlowVersion)
    return list(session.exec(wanted.order_by(col(FlowVersion.name), col(FlowVersion.activated_at).desc())).all())


def active_versions(session: Session) -> Mapping[str, str]:
    """Version by name of every flow that is published now."""
    chosen = select(FlowVersion.name, FlowVersion.version).where(col(FlowVersion.active).is_(True))
    return dict(list(session.exec(chosen).all()))


def text_of(session: Session, name: str, version: str) -> str:
    """The text of a published version. NotFound."""
    row = session.get(FlowVersion, (name, version))
    if row is None:
        raise NotFound(f"version {version} of {name} was never published", code="flow_version_unknown")
    return row.text


def _active(session: Session, name: str) -> FlowVersion | None:
    chosen = select(FlowVersion).where(FlowVersion.name == name, col(FlowVersion.active).is_(True))
    return session.exec(chosen).first()


def _activate(session: Session, name: str, row: FlowVersion | None, *, actor: str, now: datetime) -> None:
    was = _active(session, name)
    if was is not None:
        was.active = False
        session.add(was)
    if row is not None:
        row.active, row.activated_at = True, now
        session.add(row)
    version = row.version if row else ""
    publish_fact(
        session, FlowPublished(at=now, flow=name, version=version, was=was.version if was else "", actor=actor)
    )
