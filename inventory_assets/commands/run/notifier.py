"""The process that delivers beside a burst loop; `wiring.courier_of` starts it and speaks to it.

`python -m inventory_assets.commands.run.notifier FD`: the number of an inherited socket.
"""

import os
import signal
import sys
from multiprocessing.connection import Connection

import duckdb

from inventory_assets.handover import loads
from inventory_assets.lake.errors import LakeError
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.notify.process import Charge, CourierEnd, Word, say
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
            charge = loads(connection.recv_bytes(), Charge)
            with delivery_of(charge.settings, charge.policy) as delivery:
                CourierEnd(delivery, connection).run()
        except EOFError:
            return
        except (ChannelSetupError, LakeError, duckdb.Error, OSError) as error:
            say(connection, Word.FAILED, str(error))


if __name__ == "__main__":
    main(int(sys.argv[1]))
