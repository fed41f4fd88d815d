"""`inventory serve api`: the stock service, until it is stopped."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory_assets.addresses import is_loopback, read_host, write_address
from inventory_assets.domain.picture.picture import KEPT_CHANGES
from inventory_assets.listening.sockets import listen
from inventory_assets.option_types import PORT, Whole
from inventory_assets.picture.apart import ReadApart
from inventory_assets.settings import Settings, load_settings
from inventory_assets.tls import Pair, PairError, read_pair

if TYPE_CHECKING:
    import socket

DEFAULT_PORT = 8092
MOST_WORKERS = 64
# What is being answered has so long once it is told to end.
END_SECONDS = 3
KEEP_ALIVE_SECONDS = 75
_FILE = click.Path(path_type=Path)


@click.command("api")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Where to listen; what other machines reach needs tokens.")  # fmt: skip
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="0 picks a free one.")
@click.option("--workers", type=Whole(1, MOST_WORKERS), default=1, show_default=True,
              help="Processes that answer, each with all stock in memory.")  # fmt: skip
@click.option("--name", "names", multiple=True, help="Another name it goes by, such as stock.example.com; repeat it.")
@click.option("--certificate", type=_FILE, metavar="FILE", help="TLS by this certificate, a chain in PEM.")
@click.option("--key", type=_FILE, metavar="FILE", help="That certificate's key, in PEM and not encrypted.")
def serve_api(
    host: str, port: int, workers: int, names: tuple[str, ...], certificate: Path | None, key: Path | None
) -> None:
    """Serve stock, alerts and the plan from memory, over HTTP.

    Every answer says which version of the lake it shows, and can be asked again
    as of it. See docs/stock-service.md.
    """
    settings = load_settings()
    try:
        host = read_host(host)
    except ValueError as error:
        raise click.ClickException(f"--host was {host!r}: {error}.") from error
    try:
        pair = read_pair(certificate, key)
    except PairError as error:
        raise click.ClickException(str(error)) from error
    check_reach(settings, host)
    listener = listen(host, port)
    scheme = "http" if pair is None else "https"
    click.echo(f"api  {scheme}://{write_address(host, listener.getsockname()[1])}/", err=True)
    run = partial(
        _run, settings, listener, names=(host, *names), workers=workers, pair=pair
    )  # fmt: skip
    if workers == 1:
        run(0)
        return
    from inventory_assets.api.serving.workers import Workers

    Workers(workers, run, end_seconds=END_SECONDS + 2).run()


def check_reach(settings: Settings, host: str) -> None:
    """Refuse to be reached by other machines while anybody there could ask.

    Raises:
        click.ClickException: There is no token.
    """
    if is_loopback(host):
        return
    from inventory_assets.access.gate import Gate

    with closing(Gate(settings)) as gate:
        if not gate.has_living:
            raise click.ClickException(
                f"--host was {host!r}, which other machines can reach, and there is no token: anybody there could ask. "
                "Make one: inventory tokens make NAME --scope read; or leave out --host."
            )  # fmt: skip


def _run(
    settings: Settings, listener: "socket.socket", number: int, *, names: tuple[str, ...], workers: int,
    pair: Pair | None,
) -> None:  # fmt: skip
    # First: it takes as long as what comes next, and is done beside it.
    begun = ReadApart(settings, KEPT_CHANGES)
    # Here, not at the top: every other command would load a web server, and who forks would have it before.
    import uvicorn

    from inventory_assets.api.app import build_app, turn_away
    from inventory_assets.listening.connections import bounded
    from inventory_assets.listening.server import Server, proxies_of

    app = build_app(settings, names=names, workers=workers, begun=begun)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False,
        date_header=False, timeout_graceful_shutdown=END_SECONDS, ws="none", loop="auto",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=bounded(turn_away),
        ssl_certfile=None if pair is None else pair.certificate, ssl_keyfile=None if pair is None else str(pair.key),
        **proxies_of(settings),
    )  # fmt: skip
    Server(config, app.service.streams.close).run(sockets=[listener])
