"""Serve the web console and the stock service, until they are stopped."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory_assets.access.gate import Gate
from inventory_assets.addresses import read_host, write_address
from inventory_assets.console.access import TOKEN_VARIABLE, Access, ConsoleSetupError, access_of
from inventory_assets.domain.picture.picture import KEPT_CHANGES
from inventory_assets.listening.sockets import listen
from inventory_assets.settings import Settings, load_settings
from inventory_assets.tls import Pair

if TYPE_CHECKING:
    import uvicorn

LOCAL = "127.0.0.1"
# Where the service's page is: by itself it is at `/`, which is the console's here.
SERVICE_PAGE = "/v1/"

DEFAULT_PORT = 8090
END_SECONDS = 3
# Behind the burst loop, where the two want the same core: a page may wait, stock may not.
NICENESS = 5
# Browsers, and programs' streams; a service for thousands of those is one of its own (`inventory serve api`).
MOST_CONNECTIONS = 2_000
# Beside other work memory is short: who was away for more goes on from the lake.
KEPT_BESIDE = 5_000
HOST_HELP = f"Where to listen; what other machines reach needs a token (inventory tokens) or {TOKEN_VARIABLE}."
_FILE = click.Path(path_type=Path)


def run_console(
    host: str, port: int, names: tuple[str, ...] = (), *, what: str = "console", path: str = "/",
    pair: Pair | None = None,
) -> None:  # fmt: skip
    """Serve the console until stopped; say where `path` of it is.

    Raises:
        click.ClickException: It may not be served so, or the port is taken.
    """
    settings = load_settings()
    try:
        host = read_host(host)
    except ValueError as error:
        raise click.ClickException(f"--host was {host!r}: {error}.") from error
    try:
        access = access_of(host, os.environ.get(TOKEN_VARIABLE) or None, names, Gate(settings))
    except ConsoleSetupError as error:
        raise click.ClickException(str(error)) from error
    listener = listen(host, port)
    os.nice(NICENESS)
    chosen = listener.getsockname()[1]
    scheme = "http" if pair is None else "https"
    click.echo(f"{what}  {scheme}://{write_address(host, chosen)}{path}", err=True)
    _server(settings, access, pair).run(sockets=[listener])


def serve_beside(settings: Settings, port: int) -> Callable[[], None]:
    """Serve both to this machine from a thread of this process, which has what it takes loaded already.

    Returns:
        What ends it; a page that is being answered has `END_SECONDS`.

    Raises:
        click.ClickException: The port is taken.
    """
    access = access_of(LOCAL, os.environ.get(TOKEN_VARIABLE) or None, (), Gate(settings))
    server = _server(settings, access, kept_changes=KEPT_BESIDE)
    listener = listen(LOCAL, port)

    def run() -> None:
        # On Linux a thread has a niceness of its own, and those that it starts inherit it.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        server.run(sockets=[listener])

    thread = threading.Thread(target=run, name="console", daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(END_SECONDS + 1)

    return stop


def _server(
    settings: Settings, access: Access, pair: Pair | None = None, *, kept_changes: int = KEPT_CHANGES
) -> "uvicorn.Server":  # fmt: skip
    # Here, not at the top: every other command would load a web server.
    import uvicorn

    from inventory_assets.listening.connections import bounded
    from inventory_assets.listening.server import Server, proxies_of
    from inventory_assets.serving.app import build_together, turn_away

    app = build_together(settings, access, kept_changes=kept_changes)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=END_SECONDS,
        ws="none", loop="asyncio", http=bounded(turn_away, most=MOST_CONNECTIONS),
        ssl_certfile=None if pair is None else pair.certificate, ssl_keyfile=None if pair is None else pair.key,
        **proxies_of(settings),
    )  # fmt: skip
    return Server(config, app.end_streams)
