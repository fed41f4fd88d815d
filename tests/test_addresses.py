"""One reader and one writer of `host:port`: what people write, and what programs understand."""

import socket

import pytest

from inventory_assets.addresses import (
    channel_options,
    is_loopback,
    listens,
    read_address,
    read_broker,
    read_host,
    write_address,
)
from inventory_assets.emulator.server import EmulatorError, run
from inventory_assets.messaging.errors import BrokerUnavailableError
from inventory_assets.settings import SettingsError, emulator_host, load_settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:8471", "localhost:8471"),
        ("http://localhost:8471/", "localhost:8471"),
        ("https://broker.example:1", "broker.example:1"),
        (" broker:8085 ", "broker:8085"),
        ("localhost", "localhost:8085"),
        ("http://localhost/", "localhost:8085"),
        ("127.0.0.1:9", "127.0.0.1:9"),
        ("[::1]:8471", "[::1]:8471"),
        ("::1:8471", "[::1]:8471"),
        ("::1", "[::1]:8085"),
        ("[::1]", "[::1]:8085"),
        ("http://[fe80::1]:8471/", "[fe80::1]:8471"),
    ],
)
def test_every_form_of_a_broker_s_address_is_read(text, expected):
    """PUBSUB_EMULATOR_HOST means what it means everywhere, and everywhere it is written otherwise."""
    assert read_broker(text) == expected
    assert emulator_host(load_settings({"PUBSUB_EMULATOR_HOST": text})) == expected
    assert write_address(*read_address(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "http://", ":8085", "host:", "host:0", "host:65536", "host:x", "host:٨٠٨٥", "[::1", "[host]:1", "a b:1",
             "::g:8085", "user@host:8085", "host:1/path", "host:1:2"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_what_is_expected(text):
    with pytest.raises(ValueError, match="expected"):
        read_broker(text)
    if text:
        with pytest.raises(SettingsError, match="PUBSUB_EMULATOR_HOST was"):
            load_settings({"PUBSUB_EMULATOR_HOST": text})


@pytest.mark.parametrize(
    ("text", "host"), [("::1", "::1"), ("[::1]", "::1"), ("0.0.0.0", "0.0.0.0"), ("localhost", "localhost")]
)
def test_a_host_to_listen_on_needs_no_brackets(text, host):
    assert read_host(text) == host


@pytest.mark.parametrize("text", ["", "localhost:8085", "http://localhost", "[::1", "::g", "[localhost]:1"])
def test_what_is_no_host_to_listen_on_is_no_traceback(text):
    with pytest.raises(EmulatorError, match="--host was"):
        run(text, 0, None)


def test_no_proxy_is_asked_for_this_machine(monkeypatch):
    """The proxy is another machine: there, loopback is somebody else."""
    assert all(is_loopback(host) for host in ("localhost", "LOCALHOST.", "127.0.0.9", "::1", "a.localhost"))
    assert channel_options("[::1]:8085") == channel_options("localhost:8085") == [("grpc.enable_http_proxy", 0)]
    assert channel_options("broker.example:8085") == []

    monkeypatch.setenv("http_proxy", "http://user:CANARY@proxy:3128")
    far = str(BrokerUnavailableError(target="broker.example:8085", reason="UNAVAILABLE"))
    near = str(BrokerUnavailableError(target="localhost:8085", reason="UNAVAILABLE"))

    assert "http_proxy" in far and "CANARY" not in far and "proxy" not in near


def test_it_is_known_whether_somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = write_address("127.0.0.1", server.getsockname()[1])
        assert listens(address)

    assert not listens(address)
