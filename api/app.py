"""The web process: one FastAPI application, built from its neighbours; routes are in the feature folders."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

import api.auth.audit_routes
import api.auth.oidc_routes
import api.auth.routes
import api.auth.user_routes
import api.callbacks.routes
import api.calls.routes
import api.calls.talk
import api.catalogue.routes
import api.health.routes
import api.live.routes
import api.live.text
import api.nuisance.routes
import api.reports.routes
import api.seats.routes
import api.softphone.routes
import api.softphone.sockets
import api.surveys.routes
import api.tickets.routes
from api import errors
from api.auth.denied import note_denied
from api.auth.oidc import OidcProvider
from api.auth.session import same_site
from api.auth.throttle import Throttle
from api.console_files import DIST, console_router
from api.context import Context
from api.docs_page import docs_html
from api.health.prometheus import CONTENT_TYPE, scrape
from api.health.version import version
from api.live.feed import BOARD_EVERY_S, LiveFeed
from api.live.snapshot import Picture, change_mark, take_snapshot
from api.reports.answer_rate import RecentAnswerRate
from api.reports.board import RecentBoard
from api.seats.control_client import ControlClient
from core.calendar import utc_now
from core.db import Database
from core.jobs import unfinished_jobs
from core.secrets import Secrets
from core.settings import Settings
from tickets.catalogue import load_catalogue

ROUTERS: tuple[APIRouter, ...] = (
    api.auth.oidc_routes.router,
    api.auth.routes.router,
    api.health.routes.router,
    api.calls.routes.router,
    api.calls.talk.router,
    api.tickets.routes.router,
    api.catalogue.routes.router,
    api.surveys.routes.router,
    api.callbacks.routes.router,
    api.nuisance.routes.router,
    api.seats.routes.router,
    api.softphone.routes.router,
    api.reports.routes.router,
    api.live.routes.router,
    api.live.text.router,
    api.auth.user_routes.router,
    api.auth.audit_routes.router,
)


def create_app(
    settings: Settings,
    database: Database,
    secrets: Secrets,
    *,
    control: ControlClient | None = None,
    console: Path = DIST,
) -> FastAPI:
    """The application. `control` and `console` are given by tests."""
    context = _build_context(settings, database, secrets, control or ControlClient(settings, secrets))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await context.feed.close()
        await context.board_feed.close()
        context.control.close()
        if context.oidc:
            context.oidc.close()

    app = FastAPI(
        title="12345 热线 Hotline",
        version=version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = context
    app.state.phone_sockets = api.softphone.sockets.PhoneSockets()
    errors.install(app, note_denied)
    app.middleware("http")(_protect_browser())
    for router in ROUTERS:
        app.include_router(router, prefix="/api", dependencies=[Depends(same_site)])
    app.include_router(api.softphone.sockets.router, prefix="/api")  # looks at the Origin itself
    _add_pages(app, context)
    app.include_router(console_router(console))
    return app


def _build_context(settings: Settings, database: Database, secrets: Secrets, control: ControlClient) -> Context:

    catalogue = load_catalogue(settings.catalogue)
    rate = RecentAnswerRate()

    def mark() -> object:
        with database.reading() as session:
            return change_mark(session)

    def take() -> Picture:
        live = control.state()
        with database.reading() as session:
            snapshot = take_snapshot(session, live, settings=settings, catalogue=catalogue, rate=rate, now=utc_now())
        return Picture(snapshot)

    board = RecentBoard(settings)

    def take_board() -> str:
        live = control.state()
        with database.reading() as session:
            return board.get(session, live, utc_now()).model_dump_json(by_alias=True)

    return Context(
        settings=settings,
        database=database,
        secrets=secrets,
        control=control,
        catalogue=catalogue,
        feed=LiveFeed(mark, take),
        board=board,
        board_feed=LiveFeed(mark, take_board, at_least_every_s=BOARD_EVERY_S),
        throttle=Throttle(database, secrets.session_key),
        oidc=OidcProvider(settings) if settings.oidc_issuer else None,
    )


def _add_pages(app: FastAPI, context: Context) -> None:
    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(docs_html(app.openapi()))

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        live = context.control.state()
        with context.database.reading() as session:
            board = context.board.get(session, live, utc_now())
            figures = scrape(session, context.settings, live, board, unfinished_jobs(context.settings.jobs_database))
            return Response(figures, media_type=CONTENT_TYPE)


def _protect_browser() -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    # 'self' holds the telephone's WebSocket too: it goes to the server that the page came from.
    policy = (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        "font-src 'self' data:; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )

    async def protect(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if request.url.path.startswith("/api"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return protect
