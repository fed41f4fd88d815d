"""TLS of the console's own: what is said of a pair that is none, and an answer over it."""

import datetime
import errno
import ssl
import threading
from pathlib import Path

import pytest
import urllib3
import uvicorn
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from inventory_assets.cli import cli
from inventory_assets.console.access import access_of
from inventory_assets.listening.sockets import listen
from inventory_assets.serving.serve import _server
from inventory_assets.tls import Pair, PairError, read_pair
from tests.console.conftest import PATIENCE_SECONDS

PEM = serialization.Encoding.PEM


def pair_in(folder, name: str = "localhost", password: bytes | None = None) -> Pair:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begins = datetime.datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number(), begins, begins.replace(2099))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    found = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    found.certificate.write_bytes(certificate.public_bytes(PEM))
    found.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption))
    return found


def test_a_pair_that_belongs_together_is_taken(tmp_path):
    pair = pair_in(tmp_path)

    assert pair == read_pair(pair.certificate, pair.key)
    assert read_pair(None, None) is None


def test_what_is_wrong_with_a_pair_is_said(tmp_path):
    one, other, locked = pair_in(tmp_path), pair_in(tmp_path, "other"), pair_in(tmp_path, "locked", b"secret")
    rubbish, broken, folder = tmp_path / "rubbish", tmp_path / "broken", tmp_path
    rubbish.write_bytes(b"\x00rubbish")
    broken.write_bytes(b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
    cases = {
        (one.certificate, None): "--key was not",
        (None, one.key): "--certificate was not",
        (tmp_path / "none", one.key): "--certificate was .*none.*No such file",
        (one.certificate, tmp_path / "none"): "--key was .*none.*No such file",
        (folder, one.key): "Is a directory",
        (rubbish, one.key): "--certificate was .*holds no CERTIFICATE in PEM",
        (one.certificate, rubbish): "--key was .*holds no PRIVATE KEY in PEM",
        (one.key, one.certificate): "holds no CERTIFICATE",
        (broken, one.key): "could not be used.*expected a pair in PEM",
        (one.certificate, other.key): "is not the key of --certificate",
        (locked.certificate, locked.key): "is encrypted",
    }

    for (certificate, key), expected in cases.items():
        with pytest.raises(PairError, match=expected):
            read_pair(certificate, key)


def test_a_file_of_somebody_elses_is_said(tmp_path, monkeypatch):
    pair = pair_in(tmp_path)

    def read_bytes(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)

    with pytest.raises(PairError, match="--certificate was .*Permission denied"):
        read_pair(pair.certificate, pair.key)


def test_the_command_says_so_before_it_listens(run_serve, tmp_path):
    done = run_serve("--certificate", str(tmp_path / "none.pem"), "--key", str(tmp_path / "none.key"))

    assert 1 == done.exit_code
    assert "--certificate was" in done.output and "No such file" in done.output


@pytest.fixture
def run_serve(home):
    return lambda *arguments: CliRunner().invoke(cli, ["serve", *arguments], env={"INVENTORY_HOME": str(home)})


def test_pages_come_over_it_and_cookies_stay_on_it(settings, open_engine, sample_messages, tmp_path):
    open_engine().commit_burst(sample_messages)
    pair, token = pair_in(tmp_path), "a-token-of-some-length"
    listener = listen("127.0.0.1", 0)
    server: uvicorn.Server = _server(settings, access_of("127.0.0.1", token), pair)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    trusted = ssl.create_default_context(cafile=str(pair.certificate))
    try:
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1", listener.getsockname()[1], ssl_context=trusted, server_hostname="localhost",
            assert_hostname="localhost", timeout=PATIENCE_SECONDS, retries=False,
        ) as pool:  # fmt: skip
            health = pool.request("GET", "/healthz")
            origin = f"https://127.0.0.1:{listener.getsockname()[1]}"
            login = pool.request(
                "POST", "/login", body=f"token={token}", redirect=False,
                headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": origin},
            )  # fmt: skip
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)

    assert 200 == health.status
    assert 303 == login.status
    assert "Secure" in login.headers["set-cookie"]
