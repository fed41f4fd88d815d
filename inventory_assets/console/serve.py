"""`inventory serve`: the web console, until it is stopped."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory_assets.access.gate import Gate
from inventory_assets.addresses import read_host, write_address
from inventory_assets.console.access import TOKEN_VARIABLE, Access, ConsoleSetupError, access_of
from inventory_assets.console.tls import Pair, read_pair
from inventory_assets.option_types import PORT
from inventory_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    import uvicorn

LOCAL = "127.0.0.1"

DEFAULT_PORT = 8090
END_SECONDS = 3
# Behind the burst loop, where the two want the same core: a page may wait, stock may not.
NICENESS = 5
HOST_HELP = f"Where to listen; what other machines reach needs a token (inventory tokens) or {TOKEN_VARIABLE}."
_FILE = click.Path(path_type=Path)


@click.command()
@click.option("--host", default=LOCAL, show_default=True,
              help=HOST_HELP)  # fmt: skip
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True,
              help="0 picks a free one.")  # fmt: skip
@click.option(
    "--name", "names", multiple=True, help="Another name it is opened by, such as stock.example.com; repeat it."
)
@click.option("--certificate", type=_FILE, metavar="FILE", help="TLS by this certificate, a chain in PEM.")
@click.option("--key", type=_FILE, metavar="FILE", help="That certificate's key, in PEM and not encrypted.")
def serve(host: str, port: int, names: tuple[str, ...], certificate: Path | None, key: Path | None) -> None:
    """Serve the web console and its JSON API until stopped.

    Alerts, stock, incidents and thresholds as pages, beside a running lake. It
    only reads the lake: what you change leaves as a message, and takes effect
    when the product takes it in (`make run`, or `inventory drain`).
    """
    try:
        pair = read_pair(certificate, key)
    except ConsoleSetupError as error:
        raise click.ClickException(str(error)) from error
    run_console(host, port, names, pair=pair)


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


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        click.ClickException: It is taken, or no place of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Who comes between this and the first answer waits, and is not turned away.
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host!r} port {port}: {error.strerror or error}. "
            f"Choose another --port, such as {port + 1}."
        ) from error
    return listener
