"""POST to an address from the configuration, and to nowhere else.

The guard: the name is resolved once, every address it has must be public or
allowed in the configuration, and the connection goes to the address that was
checked, so that a name cannot point elsewhere a moment later. No redirect is
followed, no proxy is read from the environment, time and answer are bounded.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

import msgspec
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from inventory_assets.domain.notify.notifications import ChannelFaultError, DeliveryError, RefusedError
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.words.text import clean

DEFAULT_TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 65_536
MAX_BODY_BYTES = 5_000_000
# These speak of one body: too large, or not understood however often it comes. Any
# other status is tried again: a gateway's 400 may be a wrong key as well as a wrong body.
REFUSED = frozenset({413, 422})
# These speak of the address or the key, which are the configuration's.
CHANNEL_FAULTS = frozenset({401, 403, 404, 405, 407, 410})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# https://www.iana.org/assignments/iana-ipv6-special-registry: IPv4 inside IPv6, judged by what is inside.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# All that IANA has given out for hosts anywhere; the rest of IPv6 is special or nobody's.
_UNICAST = ipaddress.ip_network("2000::/3")
# Of IANA's special-purpose registries, what a Python's `is_global` may not know of, as its tables are of its
# release: nobody's web server is in such a block, reachable or not.
_SPECIAL = tuple(
    ipaddress.ip_network(each)
    for each in (
        "192.0.0.0/24",  # protocol assignments
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112
        "168.63.129.16/32",  # Azure's host, in no registry: it tells a machine its secrets
        "2001::/23",  # protocol assignments, Teredo, ORCHID
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back
        "3fff::/20",  # documentation
    )
)


class Answer(msgspec.Struct, frozen=True):
    """A 2xx answer: status, the start of its body, its headers by lower-case name."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def response(self) -> str:
        """Status and the start of the body, for the record."""
        return clean(f"HTTP {self.status} {self.body.decode(errors='replace')}", 200)


class GuardedClient:
    """Posts to one URL. `allow_hosts`: host names, addresses or networks that may be private."""

    def __init__(
        self, url: str, *, allow_hosts: Sequence[str] = (), timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        if (problem := url_problem(url)) is not None:
            raise ChannelSetupError(f"the URL {problem}")
        self._url: SplitResult = urlsplit(url)
        self._allowed = tuple(allow_hosts)
        self._timeout = timeout_seconds

    @property
    def shown(self) -> str:
        """The URL's host: paths of webhooks are secrets."""
        return self._netloc

    @property
    def _netloc(self) -> str:
        return self._url.netloc.rpartition("@")[2]

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body.

        Raises:
            DeliveryError: No answer in time, or one that does not say whose fault it is.
            ChannelFaultError: A forbidden or unknown address, a redirect, a wrong key, a bad certificate.
            RefusedError: A body too large, or one that the other side cannot read.
        """
        if len(body) > MAX_BODY_BYTES:
            raise RefusedError(f"the body had {len(body):,} bytes, at most {MAX_BODY_BYTES:,} are sent")
        deadline = time.monotonic() + self._timeout
        address = self._resolve()
        connection = self._connection(address)
        with _cut_off(connection, deadline):
            try:
                target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
                # Not read in advance: urllib3 would read all of it, however long.
                connection.request(
                    "POST", target, body=body, headers={"Host": self._netloc, **headers}, preload_content=False
                )
                answer = connection.getresponse()
                found = Answer(
                    answer.status,
                    answer.read(MAX_ANSWER_BYTES),
                    {name.lower(): value for name, value in answer.headers.items()},
                )
            except ssl.SSLCertVerificationError as error:
                raise ChannelFaultError(f"the certificate of {self.shown} does not hold: {error}") from error
            except ssl.SSLError as error:
                raise DeliveryError(f"TLS with {self.shown} failed: {error}") from error
            except (OSError, HTTPError, http.client.HTTPException) as error:
                late = " (out of time)" if time.monotonic() >= deadline else ""
                raise DeliveryError(f"{self.shown} did not answer{late}: {clean(error, 200)}") from error
        return _judge(self.shown, found)

    def _resolve(self) -> Address:
        host, port = self._url.hostname or "", self._port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ChannelFaultError(f"the name {host!r} was not resolved: {error}") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            # One private address among public ones is what a rebinding name looks like.
            if not (is_public(address) or self._is_allowed(host, address)):
                raise ChannelFaultError(_not_public(host, address))
        return addresses[0]

    def literal_problem(self) -> str | None:
        """What the guard will say of an address that stands in the URL itself; names are not looked up."""
        host = (self._url.hostname or "").rstrip(".")
        if host.lower() == "localhost" or host.lower().endswith(".localhost"):
            found = "127.0.0.1"
        else:
            try:
                # The resolver's own reading, so that 0x7f.1 is what it will be; no look-up.
                entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            except (OSError, UnicodeError):
                return None
            found = str(entries[0][4][0]).partition("%")[0]
        address = ipaddress.ip_address(found)
        return None if is_public(address) or self._is_allowed(host, address) else _not_public(host, address)

    def _is_allowed(self, host: str, address: Address) -> bool:
        for entry in self._allowed:
            if entry.lower() == host.lower():
                return True
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        return False

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)

    def _connection(self, address: Address) -> HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme != "https":
            return HTTPConnection(str(address), self._port, timeout=self._timeout)
        return HTTPSConnection(
            str(address), self._port, timeout=self._timeout, ssl_context=ssl.create_default_context(),
            server_hostname=host, assert_hostname=host,
        )  # fmt: skip


def url_problem(url: str) -> str | None:
    """What is wrong with an address to post to, without showing it: its path may be the secret."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "was not one: its host or port cannot be read; expected a port from 1 to 65535"
    if parts.scheme not in ("http", "https") or not host or any(each.isspace() or each == "\\" for each in url):
        return "was not one; expected http:// or https:// and a host"
    if port == 0:
        return "had port 0; expected 1 to 65535"
    if "@" in parts.netloc:
        return "had a user name or password in it; expected them in the variables that the channel names"
    return None


def _not_public(host: str, address: Address) -> str:
    return f"{host!r} is at {address}, which is not public; list it in allow_hosts if it is meant"


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet; IPv4 inside IPv6 counts as what it wraps."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        wrapped = address.ipv4_mapped or address.sixtofour or (inside if address in _NAT64 else None)
        if wrapped is not None:
            return is_public(wrapped)
        if address not in _UNICAST:
            return False
        # ISATAP: a router takes the packet out and sends it to the IPv4 address in the last bits.
        if (int(address) >> 32) & 0xFCFFFFFF == 0x5EFE and not is_public(inside):
            return False
    if any(address in network for network in _SPECIAL if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


@contextlib.contextmanager
def _cut_off(connection: HTTPConnection, deadline: float) -> Iterator[None]:
    """Close a connection at the deadline: a server that drips bytes resets every per-read timeout."""

    def cut() -> None:
        sock = connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        connection.close()


def _judge(host: str, answer: Answer) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    text = f"{host} answered {answer.response}"
    if 300 <= answer.status < 400:
        raise ChannelFaultError(f"{text}: redirects are not followed")
    if answer.status in CHANNEL_FAULTS:
        raise ChannelFaultError(text)
    if answer.status in REFUSED:
        raise RefusedError(text)
    raise DeliveryError(text, retry_after_seconds=retry_after(answer.headers.get("retry-after"), time.time()))


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait from a Retry-After header, which has seconds or a date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
