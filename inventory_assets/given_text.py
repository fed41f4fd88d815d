"""Decode text that people give: UTF-8, or the encoding they name; another is guessed for them, and never used unasked.

Not here: what the text holds (`given_files`).
"""

import codecs

from inventory_assets.errors import InventoryError

# By their marks at the beginning; the longer ones first, as UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


class GivenFileError(InventoryError, ValueError):
    """A file is not what was expected. Nothing of it was used."""


def decode(raw: bytes, name: str, encoding: str | None = None) -> str:
    """Decode text: UTF-8, with or without a byte order mark, where no other encoding is said.

    Raises:
        GivenFileError: It is no such text, or UTF-8 where another encoding was said. A guess is named, never used.
    """
    if encoding is None or codecs.lookup(encoding).name == "utf-8":
        text = _decode_utf8(raw, name)
    else:
        text = _decode_as(raw, name, encoding)
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise GivenFileError(f"{name} was no text: line {line} has a NUL. {_advice(raw)}")
    return text


def _decode_utf8(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise GivenFileError(
            f"{name} was no UTF-8 text: line {line} has the byte 0x{raw[error.start]:02x}. {_advice(raw, error.start)}"
        ) from error


def _decode_as(raw: bytes, name: str, encoding: str) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeError as error:
        # UTF-16's codec tells no place of some faults.
        line = raw.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise GivenFileError(f"{name} was no text in {encoding}: line {line}: {error}. {_advice(raw)}") from error
    if not raw.isascii() and not text.startswith("\ufeff") and _is_utf8(raw) and "\0" not in text:
        raise GivenFileError(
            f"{name} is UTF-8, and was to be read as {encoding}: names would be others. Leave the encoding out."
        )
    return text.removeprefix("\ufeff")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _advice(raw: bytes, place: int = 0) -> str:
    """The encoding it may have, for a person to judge by what it would read there."""
    save = "Or save it as UTF-8"
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return f"Its first bytes are {encoding}'s: say so (where a command has --encoding). {save}."
    if raw.count(b"\0") > len(raw) // 8:
        return f"It may be utf-16: say so (where a command has --encoding). {save}."
    for encoding in ("windows-1252", "latin-1"):
        try:
            start = raw.rfind(b"\n", 0, place) + 1
            line = raw[max(start, place - 30) : place + 20].decode(encoding).splitlines()[0]
        except UnicodeDecodeError:
            continue
        return f"It may be {encoding}, which reads {line!r} there: say so (where a command has --encoding). {save}."
    return f"{save[3:].capitalize()}, then try again."
