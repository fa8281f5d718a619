"""What every request needs: settings, database, secrets and the neighbours; built once by `create_app`."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from api.auth.oidc import OidcProvider
from api.auth.throttle import Throttle
from api.live.feed import LiveFeed
from api.live.snapshot import Picture
from api.reports.board import RecentBoard
from api.seats.control_client import ControlClient
from core.db import Database
from core.secrets import Secrets
from core.settings import Settings
from tickets.catalogue import Catalogue


@dataclass(frozen=True)
class Context:
    """The web process as its routes see it."""

    settings: Settings
    database: Database
    secrets: Secrets
    control: ControlClient
    catalogue: Catalogue
    feed: LiveFeed[Picture]
    board: RecentBoard
    board_feed: LiveFeed[str]
    throttle: Throttle
    oidc: OidcProvider | None


def get_context(request: Request) -> Context:
    """The context of the application that serves this request."""
    return cast(Context, request.app.state.context)


ContextDep = Annotated[Context, Depends(get_context)]
