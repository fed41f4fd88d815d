"""Read what a picture begins with and hand it over: what the process does that `apart` begins."""

import sys
from dataclasses import replace

import duckdb
import msgspec

from inventory_assets.lake.errors import LakeError
from inventory_assets.picture.apart import FAILED
from inventory_assets.picture.load import read_loaded
from inventory_assets.settings import Settings

# Who waits for it has nothing to show, and there are few statements, each over all rows.
THREADS = 2


def main() -> int:
    """Read the lake of the settings on standard input, write what it has to standard output."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings, dec_hook=_made)
    settings = replace(settings, duckdb_threads=max(THREADS, settings.duckdb_threads))
    try:
        loaded = read_loaded(settings, int(sys.argv[1]))
    except (LakeError, duckdb.Error) as error:
        sys.stdout.buffer.write(str(error).encode())
        return FAILED
    sys.stdout.buffer.write(msgspec.msgpack.encode(loaded))
    return 0


def _made(kind: type, value: str) -> object:
    return kind(value)


if __name__ == "__main__":
    sys.exit(main())
