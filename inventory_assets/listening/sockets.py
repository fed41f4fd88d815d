"""A socket to serve on, or a clear word why not."""

import socket

import click


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
