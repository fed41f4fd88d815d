"""A process that holds the writer lock until it is killed.

Belongs here: what `test_lock` needs a process of its own for.
"""

import signal
import sys
from pathlib import Path

from inventory_assets.lake.lock import writer_lock

if __name__ == "__main__":
    with writer_lock(Path(sys.argv[1])):
        print("held", flush=True)
        signal.pause()
