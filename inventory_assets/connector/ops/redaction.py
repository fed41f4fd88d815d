"""Take secrets out of text: log lines, error texts, what health and heartbeats say.

Here: patterns and known values. Not here: masking fields of documents (`shaping`).
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import unquote

_MASK = "***"
# Up to the last @ before the text goes on otherwise: a password with a raw @ is no valid URI, and is one all the same.
_CREDENTIALS = re.compile(r"(mongodb(?:\+srv)?://)[^\s\"'<>]*@")
_OPTIONS = re.compile(
    r"((?:tlsCertificateKeyFilePassword|proxyPassword|AWS_SESSION_TOKEN)[=:])[^&\s\"',]+", re.IGNORECASE
)
# Shorter, and a replacement would eat into ordinary words; the patterns above find those as well.
_MIN_LENGTH = 4


class Redactor:
    """Replaces secrets by `***`. Thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Prepare for secrets known by value, however JSON or `repr` may have written them."""
        forms = set()
        for secret in secrets:
            if len(secret) >= _MIN_LENGTH:
                for form in (secret, repr(secret)[1:-1]):
                    forms |= {form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
        # Longest first: one secret may begin with another.
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        text = _CREDENTIALS.sub(rf"\1{_MASK}@", text)
        text = _OPTIONS.sub(rf"\1{_MASK}", text)
        return text if self._known is None else self._known.sub(_MASK, text)

    def __repr__(self) -> str:
        """Say nothing of what it knows."""
        return "Redactor(…)"


def secrets_of(uri: str) -> tuple[str, ...]:
    """The password of a MongoDB URI as written and as meant; empty without one."""
    rest = uri.partition("://")[2]
    credentials, at, _ = rest.rpartition("@")
    _, colon, password = credentials.partition(":")
    return tuple({password, unquote(password)}) if at and colon and password else ()
