"""`inventory serve-push`: the push service, until it is stopped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from inventory_assets.addresses import read_host, write_address
from inventory_assets.option_types import PORT
from inventory_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from inventory_assets.messaging.client import OutgoingMessage

DEFAULT_PORT = 8091
# Under Pub/Sub's shortest ack deadline: who waits longer hears nothing of why.
PUBLISH_SECONDS = 8.0
END_SECONDS = 10


@click.command("serve-push")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 in a container.")
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="0 picks a free one.")
def serve_push(host: str, port: int) -> None:
    """Take messages that Pub/Sub pushes, and build reports for a scheduler.

    Every request needs an OpenID token of an account and for an audience that
    INVENTORY_PUSH_ACCOUNTS and INVENTORY_PUSH_AUDIENCE name. See docs/push.md.
    """
    settings = load_settings()
    check_settings(settings)
    try:
        host = read_host(host)
    except ValueError as error:
        raise click.ClickException(f"--host was {host!r}: {error}.") from error
    # Here, not at the top: every other command would load a web server.
    import uvicorn

    from inventory_assets.listening.connections import bounded
    from inventory_assets.listening.sockets import listen
    from inventory_assets.push.app import build_app

    listener = listen(host, port)
    with publishing(settings) as publish:
        config = uvicorn.Config(
            build_app(settings, publish), log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=END_SECONDS, ws="none", lifespan="off", loop="asyncio", http=bounded(),
        )  # fmt: skip
        click.echo(f"push  http://{write_address(host, listener.getsockname()[1])}/", err=True)
        uvicorn.Server(config).run(sockets=[listener])


def check_settings(settings: Settings) -> None:
    """Refuse to start where nobody could get in, or messages would go nowhere.

    Raises:
        click.ClickException: Says which setting.
    """
    from inventory_assets.messaging.topology import load_topology

    if not settings.push_audience or not settings.push_accounts:
        missing = "INVENTORY_PUSH_AUDIENCE" if not settings.push_audience else "INVENTORY_PUSH_ACCOUNTS"
        raise click.ClickException(
            f"{missing} is not set, so nobody could be let in. Set INVENTORY_PUSH_AUDIENCE to what tokens are for, "
            "such as this service's URL, and INVENTORY_PUSH_ACCOUNTS to the emails of who may push and schedule."
        )
    inputs = load_topology().input_topics
    if settings.push_topic not in inputs:
        raise click.ClickException(
            f"INVENTORY_PUSH_TOPIC was {settings.push_topic!r}; expected one of {', '.join(sorted(inputs))}."
        )


@contextmanager
def publishing(settings: Settings) -> Iterator[Callable[[Sequence["OutgoingMessage"]], list[str]]]:
    """What publishes with one publisher for all requests; topics are made on an emulator with the first message."""
    from inventory_assets.wiring import ensure_topics, publisher_of

    with publisher_of(settings, timeout_seconds=PUBLISH_SECONDS) as publisher:
        made: list[bool] = []

        def publish(messages: Sequence["OutgoingMessage"]) -> list[str]:
            if not made:
                ensure_topics(settings)
                made.append(True)
            return publisher.publish(messages)

        yield publish
