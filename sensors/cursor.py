"""Where a sensor stands between ticks: fields with defaults, as JSON in Dagster's storage."""

from typing import Self

import msgspec


class Cursor(msgspec.Struct, frozen=True):
    """What a sensor keeps."""

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a cursor; nothing or an unreadable one starts over, which only says again what was said."""
        try:
            return msgspec.json.decode(text or "{}", type=cls)
        except msgspec.MsgspecError:
            return cls()

    def dump(self) -> str:
        """Write the cursor."""
        return msgspec.json.encode(self).decode()
