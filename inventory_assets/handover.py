"""What one of our processes hands another: JSON of typed values. A pickle would run whatever it is sent."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import polars as pl

T = TypeVar("T")


def dumps(value: object) -> bytes:
    """Write a value: structs and dataclasses, paths, frames."""
    return msgspec.json.encode(value, enc_hook=_encode)


def loads(text: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Read a value of a kind.

    Raises:
        msgspec.ValidationError: It is of another kind.
    """
    return msgspec.json.decode(text, type=kind, dec_hook=_decode)


def _encode(value: object) -> object:
    if isinstance(value, pl.DataFrame):
        return value.write_ipc(None).getvalue()
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is not handed over")


def _decode(kind: type, value: Any) -> object:
    # A frame comes as text, as all bytes do in JSON.
    return pl.read_ipc(msgspec.convert(value, bytes)) if kind is pl.DataFrame else kind(value)
