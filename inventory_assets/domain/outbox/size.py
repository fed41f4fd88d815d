"""Make a message fit: shorten what is longest, and say so. Nothing is dropped whole."""

from collections.abc import Iterator
from typing import Any

import msgspec

# Ids and all that is made of them are shorter: what names something is never cut.
LEAST_TEXT = 1_024
LEAST_ITEMS = 1


def fit(document: dict[str, Any], max_bytes: int) -> bytes:
    """Encode a document in at most `max_bytes`, with `truncated: true` where it had to be shortened.

    The longest list or text loses its end first, a list down to one item, a text
    to 1,024 characters. So the same document gives the same bytes.
    """
    body = msgspec.json.encode(document)
    if len(body) <= max_bytes:
        return body
    kept = msgspec.json.decode(body)
    kept["truncated"] = True
    while len(body := msgspec.json.encode(kept)) > max_bytes:
        found = max(_cuttable(kept), key=lambda each: each[0], default=None)
        if found is None:
            return body
        size, holder, place = found
        value = holder[place]
        share = max(0.0, 1 - (len(body) - max_bytes) / size)
        least = LEAST_ITEMS if isinstance(value, list) else LEAST_TEXT
        holder[place] = value[: max(least, min(int(len(value) * share), len(value) - 1))]
    return body


def _cuttable(value: Any) -> Iterator[tuple[int, Any, Any]]:
    """(bytes, holder, place) of each list and text inside that may be shortened."""
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for place, each in places:
        least = LEAST_ITEMS if isinstance(each, list) else LEAST_TEXT
        if isinstance(each, list | str) and len(each) > least:
            yield len(msgspec.json.encode(each)), value, place
        if isinstance(each, dict | list):
            yield from _cuttable(each)
