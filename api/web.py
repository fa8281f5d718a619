"""Runs the web process: uvicorn with our shutdown, so that open live screens do not hold it up."""

import signal
import socket
import ssl
import sys

import uvicorn

from api.app import create_app
from api.migrate import demand_migrated
from core.db import Database
from core.errors import BadInput
from core.logs import configure_logs
from core.secrets import load_secrets
from core.settings import Settings

STOP_WITHIN_S = 3
PING_EVERY_S, PING_WITHIN_S = 5, 15


class Server(uvicorn.Server):
    """uvicorn that ends live screens before it waits for requests to end."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Live screens never end by themselves, and uvicorn waits for requests before it tells the application.
        await self.config.app.state.context.feed.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; BadInput when the port is in use."""
    configure_logs("web", level=settings.log_level)
    database = Database(settings.database)
    demand_migrated(database)
    listener = _listen(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops in order, then sends itself the signal once more: being asked to stop is no failure.
        signal.signal(number, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        create_app(settings, database, load_secrets(settings.home)),
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        # A window whose network is gone is noticed by its WebSocket: its telephone must not be rung for long.
        ws_ping_interval=PING_EVERY_S,
        ws_ping_timeout=PING_WITHIN_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    try:
        if settings.tls_cert:
            check_tls(settings)
            config.ssl_certfile, config.ssl_keyfile = settings.tls_cert, settings.tls_key
        Server(config).run(sockets=[listener])
    finally:
        listener.close()
        database.close()


def check_tls(settings: Settings) -> None:
    """BadInput when the certificate and its key cannot be used together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ssl.SSLError) as error:
        mend = "give the chain and its unencrypted key as PEM files that this user may read; see docs/operations.md"
        what = f"the certificate cannot be used: {error.strerror or error}"
        raise BadInput(what, code="tls_wrong", where="HOTLINE_TLS_CERT, HOTLINE_TLS_KEY", mend=mend) from error


def _listen(settings: Settings) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.bind, settings.web_port))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"port {settings.web_port} cannot be used: {error.strerror}",
            code="port_in_use",
            where="HOTLINE_WEB_PORT",
            mend="stop what listens there or set another port",
        ) from error
    listener.set_inheritable(True)
    return listener
