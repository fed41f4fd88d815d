"""The guarded client: it goes where the configuration says, once, in bounded time, and nowhere private."""

import ipaddress
import socket
import time

import pytest

from inventory_assets.domain.notify.notifications import ChannelFaultError, DeliveryError, RefusedError
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.notify.channels.http import GuardedClient, is_public, retry_after
from tests.notify.servers import http_server


@pytest.fixture(scope="module")
def server():
    with http_server() as found:
        yield found


@pytest.fixture
def client(server):
    server.cues.clear()
    server.received.clear()
    return GuardedClient(server.url, allow_hosts=["127.0.0.1"], timeout_seconds=30)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
        "http://0.0.0.0/", "http://10.0.0.7/", "http://192.168.1.1/", "http://172.16.0.1/", "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://[fd00::1]/", "http://224.0.0.1/",
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:a00:1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
        "http://[fec0::1]/", "http://192.0.0.8/", "http://192.88.99.1/", "http://168.63.129.16/", "http://[3fff::1]/",
        "http://[2620:4f:8000::1]/", "http://[2001:db8::1]/", "http://[2001::7f00:1]/", "http://[::7f00:1]/",
        "http://[64:ff9b:1::7f00:1]/", "http://[::ffff:0:7f00:1]/", "http://[2002:a83f:8110::1]/", "http://[5f00::1]/",
        "http://[64:ff9b::a83f:8110]/", "http://[100::1]/", "http://192.31.196.1/", "http://198.18.0.1/",
        "http://[2606:2800:220:1:0:5efe:a00:1]/", "http://[4000::1]/", "http://255.255.255.255/", "http://203.0.113.9/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_spelled(url):
    with pytest.raises(ChannelFaultError, match="not public"):
        GuardedClient(url).post(b"{}", {})
    assert "not public" in (GuardedClient(url).literal_problem() or "")


@pytest.mark.parametrize("url", ["http://93.184.216.34/", "http://nowhere.invalid/", "http://intranet/"])
def test_a_name_is_not_looked_up_to_check_a_policy(url):
    assert GuardedClient(url).literal_problem() is None
    assert GuardedClient("http://10.0.0.7/", allow_hosts=["10.0.0.0/8"]).literal_problem() is None


def test_a_name_with_one_private_address_is_refused(monkeypatch):
    """A rebinding name answers with a public and a private address."""
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: entries)

    with pytest.raises(ChannelFaultError, match=r"10\.0\.0\.1"):
        GuardedClient("http://rebinding.example/").post(b"{}", {})


def test_the_name_is_resolved_once_and_the_checked_address_is_used(client, server, monkeypatch):
    calls = []

    def resolve(host, port, **options):
        calls.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    original = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: original(host, *a, **k) if host == "127.0.0.1" else resolve(host, *a, **k)
    )  # fmt: skip
    url = f"http://hook.example:{server.port}/in"

    GuardedClient(url, allow_hosts=["127.0.0.0/8"]).post(b"{}", {})

    assert ["hook.example"] == calls
    assert f"hook.example:{server.port}" == server.received[0].headers["host"]


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.0/8"])
def test_what_is_allowed_in_the_configuration_is_reached(server, allowed):
    answer = GuardedClient(server.url, allow_hosts=[allowed]).post(b"{}", {})

    assert 200 == answer.status


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, DeliveryError) for status in (500, 502, 503, 408, 425, 400, 409)),
        *((status, ChannelFaultError) for status in (401, 403, 404, 405, 410, 301)),
        *((status, RefusedError) for status in (413, 422)),
    ],
)
def test_a_status_says_whose_fault_it_is(client, server, status, error):
    """The server's or nobody's: again. The configuration's: owed until it is mended. The body's: for good."""
    server.cues.append(status)

    with pytest.raises(DeliveryError) as raised:
        client.post(b"{}", {})

    assert error is type(raised.value)


def test_a_name_that_is_not_known_is_a_mistake_of_the_configuration():
    with pytest.raises(ChannelFaultError, match="not resolved"):
        GuardedClient("http://nowhere.invalid/").post(b"{}", {})


def test_429_says_how_long_to_wait(client, server):
    server.cues.append((429, {"Retry-After": "17"}))

    with pytest.raises(DeliveryError) as raised:
        client.post(b"{}", {})

    assert 17 == raised.value.retry_after_seconds


def test_a_redirect_is_not_followed(client, server):
    server.cues.append((302, {"Location": "http://169.254.169.254/"}))

    with pytest.raises(ChannelFaultError, match="redirects"):
        client.post(b"{}", {})

    assert 1 == len(server.received)


@pytest.mark.parametrize("cue", ["hang", "drip", "reset"])
def test_a_server_that_stalls_drips_or_hangs_up_costs_bounded_time(server, cue):
    server.cues[:] = [cue]
    began = time.monotonic()

    with pytest.raises(DeliveryError):
        GuardedClient(server.url, allow_hosts=["127.0.0.1"], timeout_seconds=0.5).post(b"{}", {})

    assert time.monotonic() - began < 30


def test_an_endless_answer_is_cut(client, server):
    server.cues.append("flood")

    assert 65_536 == len(client.post(b"{}", {}).body)


def test_a_port_where_nobody_answers_is_a_failed_try():
    # Bound, so that nobody else can have the port, and not listening.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"

        with pytest.raises(DeliveryError, match="did not answer"):
            GuardedClient(url, allow_hosts=["127.0.0.1"]).post(b"{}", {})


def test_tls_with_a_server_that_speaks_none_is_a_failed_try(server):
    url = server.url.replace("http://", "https://")

    with pytest.raises(DeliveryError, match="TLS"):
        GuardedClient(url, allow_hosts=["127.0.0.1"], timeout_seconds=30).post(b"{}", {})


def test_errors_do_not_show_the_path_which_may_be_the_secret(server):
    server.cues[:] = [404]

    with pytest.raises(ChannelFaultError) as raised:
        GuardedClient(server.url + "services/T0/S3CRET", allow_hosts=["127.0.0.1"]).post(b"{}", {})

    assert "S3CRET" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nothing",
        "ftp://example.com/",
        "http://",
        "https:///x",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:-1/",
        "http://[::1/",
        "http://a b.com/",
        "http://user:CANARY@example.com/",
        "http://CANARY@example.com/",
        "http://:CANARY@example.com/",
    ],
)
def test_no_url_is_said_at_once(url):
    with pytest.raises(ChannelSetupError) as refused:
        GuardedClient(url)
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("5", 5), ("x", None), ("-3", None), ("Thu, 01 Jan 1970 00:01:40 GMT", 40)],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert seconds == retry_after(value, 60.0)


def test_public_addresses_are_public():
    assert is_public(ipaddress.ip_address("93.184.216.34"))
    assert is_public(ipaddress.ip_address("2606:2800:220:1::1"))
    assert is_public(ipaddress.ip_address("2002:5db8:d822::1"))  # 6to4 of 93.184.216.34
    assert is_public(ipaddress.ip_address("64:ff9b::5db8:d822"))
