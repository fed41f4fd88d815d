"""A certificate and its key, looked at before anything listens. Not here: who ends TLS in front of us."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from inventory_assets.errors import InventoryError

MAKE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -keyout key.pem -out certificate.pem "
    "makes a pair to try it with"
)


class PairError(InventoryError):
    """TLS cannot be served by what was named."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Files of PEM that belong together."""

    certificate: Path
    key: Path


def read_pair(certificate: Path | None, key: Path | None) -> Pair | None:
    """The pair that was named; None where none was.

    Raises:
        PairError: One of the two was not named, cannot be read, is no PEM, or they do not belong together.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing, given = ("--certificate", "--key") if certificate is None else ("--key", "--certificate")
        raise PairError(f"{given} was named and {missing} was not; TLS needs both.")
    for option, path, kind in (("--certificate", certificate, "CERTIFICATE"), ("--key", key, "PRIVATE KEY")):
        _check_pem(option, path, kind)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _refuse_password)
    except _EncryptedError:
        raise PairError(
            f"--key was {str(key)!r}, which is encrypted: nobody is here to type its password. "
            f"Take it off into a file of mode 0600: openssl pkey -in {key} -out plain.pem"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise PairError(
                f"--key {str(key)!r} is not the key of --certificate {str(certificate)!r}. Name the pair that belongs "
                "together; of a chain, the server's own certificate comes first."
            ) from error
        raise PairError(
            f"--certificate {str(certificate)!r} and --key {str(key)!r} could not be used: "
            f"{error.reason or error}; expected a pair in PEM. {MAKE}."
        ) from error
    return Pair(certificate, key)


class _EncryptedError(Exception):
    pass


def _refuse_password() -> str:
    raise _EncryptedError


def _check_pem(option: str, path: Path, kind: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PairError(f"{option} was {str(path)!r}: {error.strerror or error}. {MAKE}.") from error
    if b"-----BEGIN" not in content or kind.encode() + b"-----" not in content:
        raise PairError(f"{option} was {str(path)!r}, which holds no {kind} in PEM. {MAKE}.")
