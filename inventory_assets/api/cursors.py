"""Where the next page of a list begins. A cursor is bound to its question and to one version: pages of two never mix.

It is no secret and not signed: it names a place in a list, and what may be seen there is asked anew with each page.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any
from zlib import crc32

import msgspec

from inventory_assets.api.http import Problem
from inventory_assets.api.reading import wrong

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Place(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What a cursor says.

    Attributes:
        question: A number of what was asked.
        epoch, version: Of the lake that the list shows.
        after: The key of the last row that was given.
        since: For changes: after which version.
    """

    question: int
    epoch: int
    version: _Number
    after: tuple[_Number | str, ...]
    since: _Number = 0


_decode = msgspec.msgpack.Decoder(Place).decode
_encode = msgspec.msgpack.Encoder().encode
# Neither where nor how much: a question stays the same with them.
_BESIDE = frozenset({"cursor", "limit", "page"})


def question_of(asked: msgspec.Struct, *more: str) -> int:
    """A number of a question, for telling whether a cursor is of another one."""
    said = {name: getattr(asked, name) for name in asked.__struct_fields__ if name not in _BESIDE}
    return crc32(_encode([said, *more]))


def write_cursor(place: Place) -> str:
    """A place as text for an address."""
    return urlsafe_b64encode(_encode(place)).decode().rstrip("=")


def read_cursor(text: str, question: int, epoch: int, where: str, shape: tuple[type, ...] = (str,)) -> Place:
    """Read a cursor.

    Args:
        text: As it was given.
        question: What is asked now.
        epoch: Of the lake as it is.
        where: Of the request, for errors.
        shape: Of what keys are made.

    Raises:
        Problem: 422 where it is none of ours, or of another question; 410 where the lake has been made anew since.
    """
    try:
        place = _decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise wrong(where, "no cursor", "`next_cursor` of the page before, unchanged") from None
    if tuple(map(type, place.after)) != shape:
        raise wrong(where, "no cursor of this list", "`next_cursor` of the page before, unchanged")
    if place.question != question:
        raise wrong(where, "of another question", "the same question as for the page before, and the cursor with it")
    if place.epoch != epoch:
        raise gone("the lake was rebuilt since the page before, and its versions may show other rows")
    return place


def gone(why: str, **more: Any) -> Problem:
    """A cursor that leads nowhere any more."""
    return Problem(410, f"{why}. Begin anew, without the cursor.", more=more)
