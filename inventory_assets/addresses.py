"""Addresses as `host:port`: one reader and one writer for every setting that holds one.

Here: the forms people write, and the one that programs understand. Not here: which settings there are.
A leaf: the emulator and the connector, which know nothing of the rest, use it, too.
"""

import ipaddress
import re
import socket
from collections.abc import Mapping

DEFAULT_PUBSUB_PORT = 8085
# A broker on another machine answers within a tenth; without one, people wait for nothing.
_REACH_SECONDS = 1.0
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_FORM = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<host>[^\[\]:]*))(?::(?P<port>[^:]*))?")


def read_address(text: str, *, default_port: int | None = None) -> tuple[str, int]:
    """Read `host:port`, also as `http://host:port/`, `[::1]:8085` or `::1`.

    `::1:8471` is read as the host `::1` with the port 8471: no IPv6 address has five digits in a group, and
    one with four is not meant where an address with a port is asked for.

    Args:
        text: As somebody wrote it.
        default_port: Where none is written; None: there must be one.

    Returns:
        (host, port); an IPv6 host without brackets.

    Raises:
        ValueError: What was expected.
    """
    found = re.sub(r"\A[A-Za-z][A-Za-z0-9+.-]*://", "", text.strip()).removesuffix("/")
    if found.count(":") > 1 and not found.startswith("["):
        host, port = _split_bare(found)
    elif (match := _FORM.fullmatch(found)) is not None:
        host, port = match["six"] if match["six"] is not None else match["host"], match["port"]
        if match["six"] is not None:
            _check_six(host)
    else:
        raise ValueError("expected host:port, such as localhost:8085 or [::1]:8085")
    if ":" not in host and not _HOST.fullmatch(host):
        raise ValueError("expected a host and a port, such as localhost:8085 or [::1]:8085")
    if port is None:
        if default_port is None:
            raise ValueError("expected a port after the host, such as localhost:8085")
        return host, default_port
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise ValueError(f"its port was {port!r}, expected 1 to 65535")
    return host, int(port)


def _split_bare(text: str) -> tuple[str, str | None]:
    host, _, port = text.rpartition(":")
    # `fe80::1:8085` is an address of its own, too; with a port is what such a setting is for. `::1` is not.
    if len(port) >= 4 and port.isdigit() and _is_six(host):
        return host, port
    _check_six(text)
    return text, None


def _check_six(host: str) -> None:
    if not _is_six(host):
        raise ValueError(f"its host was {host!r}, expected an IPv6 address in brackets, such as [::1]:8085")


def _is_six(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def read_host(text: str) -> str:
    """Read a host to listen on, with or without brackets.

    Raises:
        ValueError: What was expected.
    """
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not (_is_six(host) if ":" in host else _HOST.fullmatch(host)):
        raise ValueError("expected a host or an address without a port, such as localhost, 0.0.0.0 or ::1")
    return host


def write_address(host: str, port: int) -> str:
    """Write `host:port` so that any program reads it: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_broker(text: str) -> str:
    """Read what PUBSUB_EMULATOR_HOST may be, as `host:port` with the usual port where none is said.

    Raises:
        ValueError: What was expected.
    """
    return write_address(*read_address(text, default_port=DEFAULT_PUBSUB_PORT))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def listens(address: str) -> bool:
    """Whether something takes connections at `host:port`, as `read_broker` writes it."""
    try:
        socket.create_connection(read_address(address), timeout=_REACH_SECONDS).close()
    except OSError:
        return False
    return True


def channel_options(target: str) -> list[tuple[str, int]]:
    """Options of a gRPC channel to `host:port`: no proxy is asked for what is on this machine.

    gRPC reads http_proxy and sends even loopback there, where it ends: the proxy is another machine.
    """
    return [("grpc.enable_http_proxy", 0)] if is_loopback(read_address(target)[0]) else []


def proxy_variable(environment: Mapping[str, str]) -> str | None:
    """The variable that sends gRPC through a proxy, if one does; in the order in which gRPC looks."""
    return next((name for name in ("grpc_proxy", "https_proxy", "http_proxy") if environment.get(name)), None)
