"""Serve the web console, until it is stopped."""

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
from inventory_assets.listening import listen
from inventory_assets.settings import Settings, load_settings
from inventory_assets.tls import Pair

if TYPE_CHECKING:
    import uvicorn

LOCAL = "127.0.0.1"

DEFAULT_PORT = 8090
END_SECONDS = 3
# Behind the burst loop, where the two want the same core: a page may wait, stock may not.
NICENESS = 5
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
    """Serve the console to this machine from a thread of this process, which has what it takes loaded already.

    Returns:
        What ends it; a page that is being answered has `END_SECONDS`.

    Raises:
        click.ClickException: The port is taken.
    """
    server = _server(settings, access_of(LOCAL, os.environ.get(TOKEN_VARIABLE) or None, (), Gate(settings)))
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


def _server(settings: Settings, access: Access, pair: Pair | None = None) -> "uvicorn.Server":
    # Here, not at the top: every other command would load a web server.
    import uvicorn

    from inventory_assets.console.app import build_app
    from inventory_assets.console.connections import BoundedProtocol

    config = uvicorn.Config(
        build_app(settings, access), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=END_SECONDS, ws="none", loop="asyncio", http=BoundedProtocol,
        ssl_certfile=None if pair is None else pair.certificate, ssl_keyfile=None if pair is None else pair.key,
    )  # fmt: skip
    return uvicorn.Server(config)
