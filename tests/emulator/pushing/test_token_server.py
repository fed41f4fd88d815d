"""The HTTP server beside the broker: key set, discovery, tokens to try out."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import urllib3
from google.auth import jwt

from tests.messaging.brokers import PATIENCE_SECONDS, EmulatorProcess

ISSUER = "https://issuer.example"


@pytest.fixture(scope="module")
def keys() -> Iterator[str]:
    """Where the key set of an emulator is."""
    emulator = EmulatorProcess(None, oidc=["--oidc-port", "0", "--oidc-issuer", ISSUER])
    yield emulator.keys
    assert emulator.stop() == 0


def get(keys: str, path: str, method: str = "GET") -> tuple[int, str]:
    answer = urllib3.request(method, keys.removesuffix("/certs") + path, timeout=PATIENCE_SECONDS)
    return answer.status, answer.data.decode()


def test_the_key_set_says_which_key_signed_a_token(keys):
    [key] = json.loads(get(keys, "/certs")[1])["keys"]
    status, token = get(keys, "/token?email=a%40p.iam&audience=https%3A%2F%2Fx%2Fy")

    claims = jwt.decode(token.strip(), verify=False)
    assert status == 200
    assert jwt.decode_header(token.strip())["kid"] == key["kid"]
    assert (claims["iss"], claims["email"], claims["aud"]) == (ISSUER, "a@p.iam", "https://x/y")


def test_discovery_names_issuer_and_key_set(keys):
    found = json.loads(get(keys, "/.well-known/openid-configuration")[1])

    assert found == {"issuer": ISSUER, "jwks_uri": keys}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/certs", 405),
        ("GET", "/token", 400),
        ("GET", "/token?email=a", 400),
        ("GET", f"/token?email={'a' * 5000}&audience=b", 400),
    ],
)
def test_what_is_not_there_is_said(keys, method, path, status):
    assert get(keys, path, method)[0] == status


def test_rubbish_ends_its_own_connection_only(keys):
    parts = urlsplit(keys)
    for rubbish in (b"\x16\x03\x01", b"GET\r\n\r\n", b"GET /certs HTTP/1.1\r\nA: " + b"a" * 100_000, b"\r\n\r\n"):
        with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS) as client:
            client.sendall(rubbish)
            client.shutdown(socket.SHUT_WR)
            while client.recv(1024):
                pass

    assert get(keys, "/certs")[0] == 200
