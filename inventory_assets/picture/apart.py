"""Have what a picture begins with read by a process that ends: the memory that DuckDB and frames took ends with it.

The process that serves would keep it: 60 MB beside 200,000 keys, for one read in its life. Begun before that loads
what it answers with, the two are done at the same time: so this module loads nothing of the lake.
"""

import mmap
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import msgspec

from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.picture.load import Loaded

FAILED = 3
_READS = "inventory_assets.picture.handing"


class ReadApart:
    """A read that another process is at."""

    def __init__(self, settings: Settings, kept_changes: int) -> None:
        """Begin it; as `read_loaded`."""
        # A file without a name: it is gone however this process ends, and so is what the other writes then.
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", _READS, str(kept_changes)], stdin=subprocess.PIPE, stdout=self._out,
            # Ctrl-C is for who serves; the other ends by itself.
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        # One that has ended already: `end` says how.
        with suppress(BrokenPipeError), self._process.stdin as sent:
            sent.write(msgspec.json.encode(settings, enc_hook=str))

    def end(self) -> "Loaded":
        """Wait for it, once.

        Raises:
            LakeError: The lake cannot be read, or is not there, or that process did not come to its end.
        """
        from inventory_assets.lake.errors import LakeError
        from inventory_assets.picture.load import Loaded

        with self._out as out:
            code = self._process.wait()
            if code == FAILED:
                out.seek(0)
                raise LakeError(out.read().decode())
            if code != 0:
                raise LakeError(f"the process that reads the lake ended with {code}; its words are above")
            with mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ) as read:
                return msgspec.msgpack.decode(read, type=Loaded)
