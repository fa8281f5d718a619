"""Whether everything runs: for people, for containers, for the console's status line."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.context import Context, ContextDep
from api.health.checks import web_checks
from api.health.version import version
from api.seats.control_client import PbxState
from core.errors import Finding
from recording.transcription.model_store import ModelInfo, resolve

router = APIRouter(prefix="/health", tags=["health"])


class CheckView(BaseModel):
    """One thing that was looked at."""

    subject: str
    ok: bool
    message: str
    mend: str


class ModelView(BaseModel):
    """The speech model that is set, and whether it is the small demo."""

    name: str
    is_demo: bool


class HealthView(BaseModel):
    """ok: all is well · degraded: calls are answered but something is missing · down: nothing can be read."""

    status: Literal["ok", "degraded", "down"]
    version: str
    checks: list[CheckView]
    pbx: PbxState
    model: ModelView


@router.get("")
def health(context: ContextDep) -> HealthView:
    """State of the whole; public, without personal data."""
    live = context.control.state()
    checks = web_checks(context.database, live, context.settings.home)
    return HealthView(
        status=_status(checks),
        version=version(),
        checks=[CheckView.model_validate(check, from_attributes=True) for check in checks],
        pbx=live.pbx if live else PbxState(),
        model=_model(context),
    )


def _status(checks: list[Finding]) -> Literal["ok", "degraded", "down"]:
    if any(check.subject == "database" and not check.ok for check in checks):
        return "down"
    return "ok" if all(check.ok for check in checks) else "degraded"


def _model(context: Context) -> ModelView:
    found = resolve(context.settings)
    return ModelView(name=found.name, is_demo=isinstance(found, ModelInfo) and found.is_demo)
