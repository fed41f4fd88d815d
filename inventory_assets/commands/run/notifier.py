"""The process that delivers beside a burst loop; `wiring.courier_of` starts it and speaks to it.

`python -m inventory_assets.commands.run.notifier FD`: the number of an inherited socket.
"""

import os
import signal
import sys
from multiprocessing.connection import Connection

import duckdb

from inventory_assets.lake.errors import LakeError
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.notify.process import CourierEnd, Word
from inventory_assets.wiring import delivery_of

# Bursts come first where the machine is short of CPU.
NICENESS = 10


def main(descriptor: int) -> None:
    """Deliver until the other end is gone."""
    # Ctrl-C reaches the whole group: the burst loop ends in its own time, and this with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    with Connection(descriptor) as connection:
        try:
            settings, policy = connection.recv()
            with delivery_of(settings, policy) as delivery:
                CourierEnd(delivery, connection).run()
        except EOFError:
            return
        except (ChannelSetupError, LakeError, duckdb.Error, OSError) as error:
            connection.send((Word.FAILED, str(error)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
