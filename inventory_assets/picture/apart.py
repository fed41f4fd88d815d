"""Read what a picture begins with in a process that ends: the memory that DuckDB and frames took ends with it.

The process that serves would keep it: 60 MB beside 200,000 keys, for one read in its life.
"""

import mmap
import subprocess
import sys
import tempfile

import duckdb
import msgspec

from inventory_assets.lake.errors import LakeError
from inventory_assets.picture.load import Loaded, read_loaded
from inventory_assets.settings import Settings

_FAILED = 3


def read_apart(settings: Settings, kept_changes: int) -> Loaded:
    """As `read_loaded`, by another process.

    Raises:
        LakeError: The lake cannot be read, or is not there, or that process did not come to its end.
    """
    # A file without a name: it is gone however this process ends, and so is what the other writes then.
    with tempfile.TemporaryFile() as out:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(kept_changes)], input=msgspec.json.encode(settings, enc_hook=str),
            stdout=out, check=False,
            # Ctrl-C is for who serves; the other ends by itself.
            start_new_session=True,
        )  # fmt: skip
        if done.returncode == _FAILED:
            out.seek(0)
            raise LakeError(out.read().decode())
        if done.returncode != 0:
            raise LakeError(f"the process that reads the lake ended with {done.returncode}; its words are above")
        with mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ) as read:
            return msgspec.msgpack.decode(read, type=Loaded)


def main() -> int:
    """Read the lake of the settings on standard input, write what it has to standard output."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings, dec_hook=_made)
    try:
        loaded = read_loaded(settings, int(sys.argv[1]))
    except (LakeError, duckdb.Error) as error:
        sys.stdout.buffer.write(str(error).encode())
        return _FAILED
    sys.stdout.buffer.write(msgspec.msgpack.encode(loaded))
    return 0


def _made(kind: type, value: str) -> object:
    return kind(value)


if __name__ == "__main__":
    sys.exit(main())
