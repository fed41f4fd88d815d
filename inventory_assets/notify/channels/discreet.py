"""No secret of a channel leaves it: not in an error, a receipt, a row or a log.

Here: what of a channel's settings is secret, and taking it out of texts. Not here: what is sent.

Servers repeat what they were sent: the page of a 404 names the path, which of a webhook is the secret, and
a gateway says which token it does not know. Both would stand in `out.deliveries` for good, in its Parquet
files and in the catalog's statistics.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from inventory_assets.domain.notify.notifications import Outgoing, Receipt
from inventory_assets.notify.channels.channel import Channel

HIDDEN = "***"
# A shorter part of a URL is a word, not a key.
_MIN_PART = 8


def secrets_of(settings: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """What of a channel's settings must not be seen."""
    found: list[str] = []
    for key, value in settings.items():
        if key.endswith("_env") and isinstance(value, str) and environment.get(value):
            given = environment[value]
            found += _parts_of(given) if key == "url_env" else [given, given.strip()]
        elif key == "url" and isinstance(value, str):
            found += _parts_of(value)
    return found


def _parts_of(url: str) -> list[str]:
    """A URL, and of it all that follows the host: that is the key to many webhooks."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    pieces = [*parts.path.split("/"), *parts.query.replace("=", "&").split("&"), parts.fragment]
    userinfo = parts.netloc.rpartition("@")[0]
    return [url, userinfo, *userinfo.split(":"), parts.query, *(each for each in pieces if len(each) >= _MIN_PART)]


class Discreet(Channel):
    """A channel whose errors and receipts do not tell its secrets."""

    def __init__(self, channel: Channel, secrets: Iterable[str]) -> None:
        self._channel = channel
        spelled = {form for secret in secrets if secret for form in _spellings(secret)}
        # The longest first: a part of a secret may be one itself.
        self._secrets = sorted(spelled, key=len, reverse=True)

    def send(self, notification: Outgoing) -> Receipt:
        """Hand over; as `Channel.send`."""
        try:
            receipt = self._channel.send(notification)
        except Exception as error:
            error.args = tuple(self._hide(each) for each in error.args)
            # Nor by the error that it came from, which is in a traceback.
            raise error from None
        return msgspec.structs.replace(
            receipt, response=self._hide(receipt.response), provider_id=self._hide(receipt.provider_id)
        )

    def close(self) -> None:
        """Release what is open."""
        self._channel.close()

    def _hide(self, value: Any) -> Any:
        if value is None or isinstance(value, int | float):
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text if isinstance(value, str) or text != str(value) else value


def _spellings(secret: str) -> set[str]:
    escaped = msgspec.json.encode(secret).decode()[1:-1]
    return {secret, unquote(secret), quote(secret), quote(secret, safe=""), escaped}
